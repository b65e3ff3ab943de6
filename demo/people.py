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
from pathlib import Path

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
    :param provider: where the mailbox lies: ``imap``, ``gmail`` or ``microsoft``
    :param level: ``mirror_visibility``
    :param manager: ``key`` of the manager
    :param filing: pattern of the folder for mail that has been dealt with
    :param tidy: days after which mail leaves the inbox
    """

    password: str = ""
    provider: str = "imap"
    level: str = "0"
    manager: str = ""
    sharing_in: str = "metadata"
    sharing_out: str = "metadata"
    filing: str = "Archive/{year}"
    tidy: int = 60


#: Accounts at Google and Microsoft that are not linked, for whoever tries it.
SPARE = f"admin@{DOMAIN}"


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
        provider="microsoft",
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
        provider="gmail",
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


def _table(name):
    """Rows of ``tables/<name>.txt`` as dictionaries."""
    text = (Path(__file__).parent / f"tables/{name}.txt").read_text("utf-8")
    head, *rows = ([*map(str.strip, line.split("|"))] for line in text.splitlines())
    for row in rows:
        values = dict(zip(head, row, strict=True))
        if "zone" in values:
            values["zone"] = int(values["zone"])
        if "domain" in values:
            values["domain"] = values["domain"].encode("idna").decode()
        yield values


CUSTOMERS = tuple(Customer(**row) for row in _table("customers"))
CUSTOMER = {customer.key: customer for customer in CUSTOMERS}


def _contact(local, **row):
    customer = CUSTOMER[row["company"]]
    email = f"{local}@{customer.domain}"
    return Person(email=email, language=customer.language, zone=customer.zone, **row)


CONTACTS = tuple(_contact(**row) for row in _table("contacts"))

#: They write mail, but the CRM has no contact for them. Three of them have a lead.
STRANGERS = tuple(Person(**row) for row in _table("strangers"))

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
