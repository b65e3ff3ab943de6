# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What was written, by whom and when? Reads ``threads/*.txt`` into mails.

A thread begins with the days since its first mail and the subject, a mail with who
writes to whom, the days since the mail before, the time of day and options::

    === 232 | Filterkerzen für die neue Abfülllinie
    --- juergen > lena; cc vogt; bcc anna | +0 09:14 | file Messwerte.csv; unread
    Guten Morgen Frau Hoffmann,

``{+14}`` in a text is the date 14 days later, in the writer's language. Options:

========== ===========================================================================
file NAME  an attachment made by ``files``
fw         forwards the mail before instead of answering it
noquote    answers without quoting
htmlonly   the text is HTML and there is no other
ics        nothing but a calendar invitation
list       a newsletter: List-Id, List-Unsubscribe, Precedence
auto       written by a machine: Auto-Submitted, empty Return-Path
private    Sensitivity: private
nosubject  no Subject header
noid       no Message-ID header
unread     not yet read
draft      lies in the writer's drafts
junk trash lies there with everyone who got it
========== ===========================================================================

``=== 236 every 30`` repeats a thread with ``{issue}`` counting up.
"""

import html
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path

from . import clients
from .people import COMPANY, CONTACTS, CUSTOMERS, PEOPLE, Person

FOLDER = Path(__file__).parent / "threads"
FILES = ("internal", "de", "fr", "es", "ja", "en", "other")

#: Buyer and engineer of each customer, for the everyday mail of ``routine.txt``.
ROLES = {
    "hirschtal": ("kaethe", "vogt"),
    "mueller": ("baerbel", "uwe"),
    "roseliere": ("maelys", "benoit"),
    "vercors": ("aurelie", "noel"),
    "penarrubia": ("begona", "inigo"),
    "almazara": ("lucia", "rafa"),
    "mikazuki": ("yamamoto", "suzuki"),
    "northmoor": ("graham", "fiona"),
    "calder": ("sarah", "tom"),
}
PRODUCTS = {
    "de": ("Filterkerzen VF-30", "Tiefenfilterschichten K150", "Flachdichtungen EPDM"),
    "fr": ("cartouches CM-10", "membranes spirale 3838", "plaques K200"),
    "es": ("cartuchos CM-10", "módulos lenticulares L16", "placas CP-2S"),
    "ja": ("MF-045カートリッジ", "プレフィルターPF-5", "Oリング"),
    "en": ("filter sheets K200", "cartridges CM-10", "depth modules L16"),
}


@dataclass
class Mail:
    """A mail as its author's program sees it.

    :param date: with the author's offset to UTC
    :param text: all of it, signature and quotation included
    :param html: the same in HTML where the author's program sends HTML, else ``""``
    :param options: the words of the table above
    :param customer: key of the customer the thread is with, ``""`` without one
    """

    author: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    bcc: tuple[Person, ...]
    date: datetime
    subject: str
    text: str
    html: str
    options: frozenset[str]
    files: tuple[str, ...]
    message_id: str
    references: tuple[str, ...]
    customer: str
    answered_by: set[str] = field(default_factory=set)

    @property
    def recipients(self) -> tuple[Person, ...]:
        return self.to + self.cc + self.bcc


def mails(now: datetime) -> Iterator[Mail]:
    """Every mail up to ``now``, thread by thread. The same ``now``, the same mails."""
    for name in FILES:
        yield from _script((FOLDER / f"{name}.txt").read_text("utf-8"), now)
    yield from _script(_routine(), now)


def _script(script: str, now: datetime) -> Iterator[Mail]:
    for block in re.split(r"^=== ", script, flags=re.M)[1:]:
        head, _newline, rest = block.partition("\n")
        when, _bar, subject = head.partition(" | ")
        ago, _every, step = when.partition(" every ")
        for issue, days in enumerate(range(int(ago), 0, -int(step or 1000)), 1):
            filled = rest.replace("{issue}", str(issue))
            yield from _thread(
                subject.strip().replace("{issue}", str(issue)), filled, days, now
            )


def _thread(subject: str, script: str, days: int, now: datetime) -> Iterator[Mail]:
    earlier: Mail | None = None
    date = now - timedelta(days=days)
    for part in re.split(r"^--- ", script, flags=re.M)[1:]:
        head, _newline, body = part.partition("\n")
        people, when, *options = head.split(" | ")
        after, clock = when.split()
        author, to, cc, bcc = _people(people)
        date = _moment(date, int(after), clock, author.zone, earlier)
        if date > now:
            return
        words = [word.strip() for word in "".join(options).split(";") if word.strip()]
        earlier = _compose(
            subject, author, (to, cc, bcc), date, body.strip(), words, earlier
        )
        yield earlier


def _people(text: str):
    author, _arrow, rest = text.partition(" > ")
    groups: dict[str, tuple[Person, ...]] = {"to": (), "cc": (), "bcc": ()}
    for group in rest.split(";"):
        word, _space, names = group.strip().partition(" ")
        if word not in ("cc", "bcc"):
            word, names = "to", group
        groups[word] = tuple(PEOPLE[name.strip()] for name in names.split(","))
    return PEOPLE[author.strip()], groups["to"], groups["cc"], groups["bcc"]


def _moment(date, after, clock, zone, earlier):
    """The next mail's time: on a working day, and never before the mail it answers."""
    hour, minute = map(int, clock.split(":"))
    moment = (date + timedelta(days=after)).astimezone(timezone(timedelta(hours=zone)))
    moment = _working_day(moment).replace(
        hour=hour, minute=minute, second=(hour * 7 + minute * 13) % 60, microsecond=0
    )
    if earlier and moment <= earlier.date:
        moment = earlier.date.astimezone(moment.tzinfo) + timedelta(minutes=25)
    return moment


def _working_day(date):
    return date + timedelta(days=7 - date.weekday() if date.weekday() > 4 else 0)


def _compose(subject, author, people, date, body, words, earlier):
    to, cc, bcc = people
    body = re.sub(
        r"\{\+(\d+)\}",
        lambda found: clients.day(
            _working_day(date + timedelta(days=int(found[1]))), author.language
        ),
        body,
    )
    text, page = _bodies(author, body, words, earlier)
    unique = f"{subject}|{author.key}|{date:%Y%m%d%H%M}|{body}"
    key = sha256(unique.encode()).hexdigest()
    parents = (*earlier.references, earlier.message_id) if earlier else ()
    if earlier:
        earlier.answered_by.add(author.key)
        subject = clients.prefix(author, "fw" in words) + subject
    external = next((p for p in (author, *to, *cc) if p in CONTACTS), None)
    return Mail(
        author=author,
        to=to,
        cc=cc,
        bcc=bcc,
        date=date,
        subject="" if "nosubject" in words else subject,
        text=text,
        html=page,
        options=frozenset(word for word in words if not word.startswith("file ")),
        files=tuple(word[5:] for word in words if word.startswith("file ")),
        message_id=f"<{key[:24]}@{author.email.rpartition('@')[2]}>",
        references=parents,
        customer=external.company if external else "",
    )


def _bodies(author, body, words, earlier):
    """Plain text and HTML of a mail, each with signature and quotation."""
    client = clients.CLIENTS[author.client]
    quotes = earlier is not None and "noquote" not in words
    forward = "fw" in words
    signature = _signature(author, body)
    if "htmlonly" in words:
        text = html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"<br>|</p>", "\n", body)))
        page = body if body.startswith("<") else body.replace("\n", "<br>\n")
        page = f"<div>{page}</div>"
    else:
        text = f"{body}\n\n{signature}" if signature else body
        page = clients.as_html(text) if client.html else ""
    if quotes:
        text += "\n\n" + clients.quoted_text(author, earlier, forward)
        if page:
            page += clients.quoted_html(author, earlier, forward)
    return text, page


def _signature(person: Person, body: str) -> str:
    if not person.function:
        return ""
    company = next((c.name for c in CUSTOMERS if c.key == person.company), COMPANY)
    lines = [person.function, company]
    if not body.endswith(person.name):
        lines.insert(0, person.name)
    if clients.CLIENTS[person.client].style == "chevron":
        lines.insert(0, "-- ")
    return "\n".join(lines)


def _routine() -> str:
    """A script of everyday mail: each customer's orders, invoices and questions."""
    templates = {}
    text = (FOLDER / "routine.txt").read_text("utf-8")
    for block in re.split(r"^=== ", text, flags=re.M)[1:]:
        language, _bar, rest = block.partition(" | ")
        templates.setdefault(language, []).append(rest)
    chance = random.Random(2287)
    script = []
    for customer in CUSTOMERS:
        buyer, engineer = ROLES[customer.key]
        mailings = 14 if customer.key == "mikazuki" else 8
        for number in range(mailings):
            ago = 238 - number * 230 // mailings - chance.randrange(6)
            template = templates[customer.language][number % 3]
            quantity = chance.randrange(3, 60) * 4
            order = f"{customer.key[:2].upper()}-{chance.randrange(20000, 60000)}"
            values = {
                "{order}": order,
                "{product}": chance.choice(PRODUCTS[customer.language]),
                "{quantity}": str(quantity),
                "{fewer}": str(quantity - 4),
                "{minute}": f"{chance.randrange(10, 60)}",
            }
            for mark, value in values.items():
                template = template.replace(mark, value)
            names = {"buyer": buyer, "tech": engineer, "us": customer.salesperson}
            template = re.sub(
                r"^--- (\w+) > (\w+)",
                lambda found, names=names: f"--- {names[found[1]]} > {names[found[2]]}",
                template,
                flags=re.M,
            )
            script.append(f"=== {max(ago, 3)} | {template}")
    return "".join(script)
