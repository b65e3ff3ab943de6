# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who lives in the demo? Vallon Filtration, its salespeople and their customers.

All of it is invented; every address ends in ``.example`` (RFC 2606), where no mail can
go. The chart is drawn so that each level shows something else::

    Anna (1: all below)
    ├── Marc (3: + peers and those below them)
    │   └── Tomás (0: only his own)
    └── Lena (2: + peers)
        └── Yuki (4: everyone)
"""

from dataclasses import dataclass

DOMAIN = "vallon.example"
COMPANY = "Vallon Filtration"
ADMIN_LOGIN = ADMIN_PASSWORD = "admin"


@dataclass(frozen=True)
class Person:
    """Somebody who writes mail.

    :param language: of the mail client, and of what it writes above a quotation
    :param client: a key of ``clients.CLIENTS``
    :param zone: hours east of UTC
    """

    key: str
    name: str
    email: str
    language: str = "en"
    client: str = "outlook"
    zone: int = 1
    function: str = ""
    company: str = ""


@dataclass(frozen=True)
class Salesperson(Person):
    """One of us.

    :param password: of the Odoo login, which is ``key``, and of the mailbox
    :param level: ``mirror_visibility``
    :param manager: ``key`` of the manager
    :param filing: pattern of the folder for mail that has been dealt with
    :param tidy: days after which mail leaves the inbox
    """

    password: str = ""
    level: str = "0"
    manager: str = ""
    sharing_in: str = "metadata"
    sharing_out: str = "metadata"
    filing: str = "Archive/{year}"
    tidy: int = 60


@dataclass(frozen=True)
class Customer:
    key: str
    name: str
    domain: str
    city: str
    country: str
    language: str
    zone: int
    salesperson: str


@dataclass(frozen=True)
class Lead:
    """An opportunity. ``contact`` is a key, or else ``email`` is all that is known."""

    name: str
    salesperson: str
    revenue: int
    contact: str = ""
    email: str = ""
    email_name: str = ""
    days_ago: int = 100


def _sales(key, name, language, client, function, zone=1, **more):
    return Salesperson(
        key=key,
        name=name,
        email=f"{key}@{DOMAIN}",
        language=language,
        client=client,
        function=function,
        zone=zone,
        company="vallon",
        password=key,
        **more,
    )


SALESPEOPLE = (
    _sales(
        "anna",
        "Anna Berger",
        "en",
        "outlook",
        "Sales Director",
        level="1",
        filing="Customers/{customer}",
    ),
    _sales(
        "marc",
        "Marc Lefort",
        "fr",
        "thunderbird",
        "Responsable des ventes France & Espagne",
        level="3",
        manager="anna",
        sharing_in="everything",
        sharing_out="everything",
        filing="Clients/{customer}",
        tidy=45,
    ),
    _sales(
        "lena",
        "Lena Hoffmann",
        "de",
        "outlook",
        "Vertriebsleiterin DACH & Asien",
        level="2",
        manager="anna",
        sharing_in="subject",
        sharing_out="everything",
        filing="Kunden/{customer}",
    ),
    _sales(
        "tomas",
        "Tomás Rivera",
        "es",
        "gmail",
        "Técnico comercial",
        level="0",
        manager="marc",
        sharing_in="everything",
        sharing_out="everything",
        tidy=90,
    ),
    _sales(
        "yuki",
        "田中 由紀",
        "ja",
        "apple",
        "営業担当",
        zone=9,
        level="4",
        manager="lena",
        sharing_out="subject",
        filing="顧客/{customer}",
        tidy=30,
    ),
)

CUSTOMERS = (
    Customer(
        "hirschtal",
        "Brauerei Hirschtal GmbH",
        "hirschtal-braeu.example",
        "Freiburg im Breisgau",
        "DE",
        "de",
        1,
        "lena",
    ),
    Customer(
        "mueller",
        "Müller & Söhne Anlagenbau KG",
        "müller-söhne.example".encode("idna").decode(),
        "Göppingen",
        "DE",
        "de",
        1,
        "lena",
    ),
    Customer(
        "roseliere",
        "Domaine de la Roselière",
        "domaine-roseliere.example",
        "Châteauneuf-du-Lac",
        "FR",
        "fr",
        1,
        "marc",
    ),
    Customer(
        "vercors",
        "Laiterie du Grand Vercors",
        "laiterie-vercors.example",
        "Villard-le-Haut",
        "FR",
        "fr",
        1,
        "marc",
    ),
    Customer(
        "penarrubia",
        "Bodegas Peñarrubia S.L.",
        "bodegas-penarrubia.example",
        "Haro",
        "ES",
        "es",
        1,
        "tomas",
    ),
    Customer(
        "almazara",
        "Almazara del Sur S.A.",
        "almazara-sur.example",
        "Jaén",
        "ES",
        "es",
        1,
        "tomas",
    ),
    Customer(
        "mikazuki",
        "三日月酒造株式会社",
        "mikazuki-shuzo.example",
        "新潟市",
        "JP",
        "ja",
        9,
        "yuki",
    ),
    Customer(
        "northmoor",
        "Northmoor Distillers Ltd",
        "northmoor.example",
        "Elgin",
        "GB",
        "en",
        0,
        "anna",
    ),
    Customer(
        "calder",
        "Calder Valley Foods plc",
        "calder-valley-foods.example",
        "Halifax",
        "GB",
        "en",
        0,
        "anna",
    ),
)

_CONTACTS = """
hirschtal  | juergen  | Jürgen Müßig       | j.muessig     | thunderbird | Braumeister
hirschtal  | kaethe   | Käthe Großmann     | k.grossmann   | outlook     | Einkauf
hirschtal  | vogt     | Sebastian Vogt     | s.vogt        | notes       | Technik
mueller    | uwe      | Uwe Müller         | uwe           | notes       | Geschäftsführer
mueller    | baerbel  | Bärbel Schäfer     | schaefer      | outlook     | Projektleitung
roseliere  | helene   | Hélène Garnier     | helene.garnier | apple      | Gérante
roseliere  | benoit   | Benoît Lefèvre     | benoit.lefevre | gmail      | Maître de chai
roseliere  | maelys   | Maëlys Rocher      | compta.rocher | notes       | Comptabilité
vercors    | francois | François Chevallier | f.chevallier | outlook     | Directeur technique
vercors    | aurelie  | Aurélie Bonnet     | a.bonnet      | outlook     | Achats
vercors    | noel     | Noël Perrin        | n.perrin      | thunderbird | Maintenance
penarrubia | inigo    | Íñigo Ortega       | iortega       | gmail       | Enólogo
penarrubia | begona   | Begoña Núñez       | bnunez        | outlook     | Compras
penarrubia | carmen   | Carmen Ibáñez      | cibanez       | apple       | Directora general
almazara   | rafa     | Rafael Peña        | rafael.pena   | notes       | Producción
almazara   | lucia    | Lucía Gámez        | lucia.gamez   | gmail       | Compras
mikazuki   | sato     | 佐藤 健一          | sato          | becky       | 杜氏
mikazuki   | yamamoto | 山本 直子          | n.yamamoto    | outlook     | 購買部
mikazuki   | suzuki   | 鈴木 大輔          | suzuki.d      | becky       | 製造技術部
northmoor  | fiona    | Fiona MacAllister  | fiona.macallister | apple   | Distillery Manager
northmoor  | graham   | Graham O'Neill     | graham.oneill | outlook     | Procurement
northmoor  | priya    | Priya Raman        | priya.raman   | gmail       | Quality
calder     | tom      | Tom Ashworth       | tom.ashworth  | outlook     | Engineering Manager
calder     | sarah    | Sarah Whitlock     | sarah.whitlock | outlook    | Purchasing
calder     | ben      | Ben Okafor         | ben.okafor    | gmail       | Quality Assurance
"""

CUSTOMER = {customer.key: customer for customer in CUSTOMERS}


def _contacts():
    for line in _CONTACTS.strip().splitlines():
        company, key, name, local, client, function = map(str.strip, line.split("|"))
        customer = CUSTOMER[company]
        yield Person(
            key=key,
            name=name,
            email=f"{local}@{customer.domain}",
            language=customer.language,
            client=client,
            zone=customer.zone,
            function=function,
            company=company,
        )


CONTACTS = tuple(_contacts())

#: They write mail, but the CRM has no contact for them. The first three have a lead.
STRANGERS = (
    Person("ola", "Ola Lindqvist", "ola.lindqvist@fjordbryg.example", "en", "gmail"),
    Person("pedro", "Pedro Ramires", "pedro.ramires@quinta-dovale.example", "es"),
    Person("kessler", "Corinna Keßler", "c.kessler@kessler-brunnen.example", "de"),
    Person("nadia", "Nadia Köhler", "nadia@talentbruecke.example", "de", "gmail"),
    Person("hausverwaltung", "Hausverwaltung Rebmann", "info@rebmann-immo.example", "de"),
    Person("agence", "Agence Bellecour", "contact@agence-bellecour.example", "fr"),
    Person("feria", "Feria Enomaq", "expositores@enofiltra.example", "es"),
    Person("hotel", "Hotel Alte Münze", "rezeption@alte-muenze.example", "de"),
    Person("spedition", "Spedition Kranich", "dispo@kranich-log.example", "de", "notes"),
    Person("mio", "Mio Berger", "mio.berger@familie-berger.example", "de", "apple"),
    Person("claire", "Claire Lefort", "claire@lefort-famille.example", "fr", "apple"),
    Person("padel", "Javi Soler", "javi@padel-amigos.example", "es", "gmail"),
    Person("sakura", "桜井 美咲", "misaki@sakura-travel.example", "ja", "becky", 9),
    Person("student", "Elif Aydın", "elif.aydin@hs-rheintal.example", "de", "gmail"),
    Person("beverage", "Beverage Weekly", "news@beverage-weekly.example", "de", "gmail"),
    Person("vendor", "Rick Sanders", "rick@growthrocket.example", "en", "gmail", -5),
)

LEADS = (
    Lead("Hirschtal: filter for the new bottling line", "lena", 86000, "juergen"),
    Lead("Roselière: cross-flow filter before harvest", "marc", 124000, "helene"),
    Lead("Vercors: whey line, membrane change", "marc", 38500, "francois"),
    Lead("Peñarrubia: replace the plate filter", "tomas", 47900, "inigo"),
    Lead("三日月酒造: 生酒用マイクロフィルター", "yuki", 61000, "sato"),
    Lead("Calder Valley: five-year service contract", "anna", 152000, "tom"),
    Lead(
        "Fjordbryg: enquiry from the fair",
        "lena",
        29000,
        email="ola.lindqvist@fjordbryg.example",
        email_name="Ola Lindqvist",
    ),
    Lead(
        "Quinta do Vale: filter housing for tanks",
        "tomas",
        15500,
        email="pedro.ramires@quinta-dovale.example",
        email_name="Pedro Ramires",
    ),
    Lead(
        "Keßler Mineralbrunnen: request through the web site",
        "anna",
        54000,
        email="c.kessler@kessler-brunnen.example",
        email_name="Corinna Keßler",
    ),
)

PEOPLE = {person.key: person for person in (*SALESPEOPLE, *CONTACTS, *STRANGERS)}
