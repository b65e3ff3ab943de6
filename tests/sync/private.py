# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Mail full of secrets, one for each reason that keeps mail out, and where to look."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from random import Random

NOW = datetime.now(UTC)
#: Before the mirror begins; and old, but within it.
BEFORE, OLD = NOW - timedelta(days=90), NOW - timedelta(days=20)

_random = Random("private")
#: Letters of a secret, and what one looks like.
LENGTH = 16
_SECRET = re.compile("qz[b-z]{14}")


def secret() -> str:
    """A word that stands nowhere else, whatever case or coding it gets."""
    return "qz" + "".join(_random.choices("bcdfghjkmnpqrstvwxz", k=LENGTH - 2))


@dataclass
class Letter:
    """:param reason: why it is kept out; ``"contact"``: it is not"""

    reason: str
    raw: bytes = field(repr=False)
    #: its address
    sender: str = ""
    folder: str = "INBOX"
    received: datetime = NOW
    #: all but what stands in the body, and that
    around: list[str] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)

    @property
    def secrets(self) -> list[str]:
        return self.around + self.inside


def letter(reason, sender, to, *, subject="", folder="INBOX", received=NOW, **headers):
    """A mail with a secret in its subject, its names, Message-ID, text and file.

    :param sender: ``None``: a stranger whose address is a secret, too
    :param headers: ``list_id="..."`` for List-Id; ``%s`` in them is a secret
    """
    around, inside = [], []

    def hush(words=around):
        words.append(secret())
        return words[-1]

    mail = EmailMessage()
    if sender is not False:
        name, sender = hush(), sender or f"{hush()}@{hush()}.test"
        mail["From"] = f"{name} <{sender}>"
        mail["To"] = f"{hush()} <{to}>"
    mail["Subject"] = f"{subject} {hush()}".strip()
    mail["Date"] = format_datetime(received)
    mail["Message-Id"] = f"<{hush()}@{hush()}.test>"
    for name, value in headers.items():
        told = value.replace("%s", hush()) if "%s" in value else value
        mail[name.replace("_", "-").title()] = told
    if reason == "calendar":
        mail.set_content(f"BEGIN:VCALENDAR\r\nSUMMARY:{hush(inside)}\r\n")
        mail.set_type("text/calendar")
        mail.set_param("method", "REQUEST")
    elif reason == "no_content":
        mail.set_content("")
        mail.set_payload("")
    else:
        mail.set_content(f"It is about {hush(inside)}.\n")
        mail.add_alternative(f"<p>About {hush(inside)}</p>", subtype="html")
        mail.add_attachment(
            f"{hush(inside)}\n".encode(),
            maintype="application",
            subtype="pdf",
            filename=f"{hush()}.pdf",
        )
    raw = mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))
    return Letter(reason, raw, sender or "", folder, received, around, inside)


def letters(known, own, colleague, excluded, erased, lapsed, role):
    """One for each reason that a two-way mailbox has to keep mail out.

    :param known: a contact's address; ``excluded``, ``erased``, ``lapsed``, ``role``
        are addresses that their rules know
    """
    made = [
        letter("contact", known, own),
        letter("no_contact", None, own),
        letter("no_contact", None, own, folder="Sent"),
        letter("folder", known, own, folder="Trash"),
        letter("folder", known, own, folder="Junk"),
        letter("too_old", known, own, received=BEFORE),
        letter("no_address", False, own),
        letter("private_word", known, own, subject="perso:"),
        letter("sensitivity", known, own, sensitivity="Private"),
        letter("excluded_address", known, own, cc=f"%s <{excluded}>"),
        letter("excluded_domain", known, own, cc="%s@sub.law-firm.test"),
        letter("erased", known, own, cc=erased),
        letter("internal", colleague, own),
        letter("retention", lapsed, own),
        letter("calendar", known, own),
        letter("no_content", known, own),
        letter("role_address", role, own),
    ]
    made += [letter("no_contact", None, own, received=OLD) for _number in range(6)]
    signs = {
        "bulk_list_id": {"list_id": "<%s.lists.test>"},
        "bulk_list_unsubscribe": {"list_unsubscribe": "<https://%s.test/u>"},
        "bulk_list_post": {"list_post": "<mailto:%s@lists.test>"},
        "bulk_precedence": {"precedence": "bulk"},
        "bulk_auto_submitted": {"auto_submitted": "auto-generated"},
        "bulk_auto_reply": {"x_autoreply": "yes"},
        "bulk_feedback_id": {"feedback_id": "1:2:3:%s"},
        "bulk_campaign": {"x_campaign": "%s"},
        "bulk_return_path": {"return_path": "<>"},
        "bulk_report": {"x_failed_recipients": "%s@x.test"},
        "bulk_mailer_daemon": {"cc": "mailer-daemon@%s.test"},
    }
    for reason, headers in signs.items():
        sender = known
        if reason == "bulk_mailer_daemon":
            sender, headers = f"mailer-daemon@{role.rpartition('@')[2]}", {}
        made.append(letter(reason, sender, own, **headers))
    return made


# --- where secrets are looked for -----------------------------------------------------

_HEX = re.compile(rb"\\\\?x([0-9a-f]{16,})", re.IGNORECASE)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{20,}={0,2}")
#: Coded words have letters of both cases, and figures; names of columns have not.
_MIXED = re.compile(rb"(?=.*[A-Z])(?=.*[a-z]).*[0-9]")
_TRANSLATE = bytes.maketrans(b"-_", b"+/")


def decoded(octets: bytes) -> bytes:
    """With all in it that is written in hexadecimal digits or base64, read, too."""
    pieces = [octets.lower()]
    for found in _HEX.findall(octets):
        pieces.append(binascii.unhexlify(found[: len(found) // 2 * 2]).lower())
    for found in filter(_MIXED.search, _BASE64.findall(octets)):
        plain = found.rstrip(b"=").translate(_TRANSLATE)
        for start in range(4):  # it may begin anywhere in a group of four
            piece = plain[start:]
            piece = piece[: len(piece) // 4 * 4]
            pieces.append(base64.b64decode(piece).lower())
    return b"\n".join(pieces)


def found_in(text: bytes, words) -> list[str]:
    """:param text: decoded, up to some hundred megabytes: gone through but once"""
    there, place = set(), text.find(b"qz")
    while place >= 0:
        there.add(text[place : place + LENGTH])
        place = text.find(b"qz", place + 1)

    def is_in(word):
        if _SECRET.fullmatch(word):
            return word.encode() in there
        return word.encode() in text

    return sorted(filter(is_in, words))


# --- a world to plant them in ---------------------------------------------------------


class Planted:
    """Mailboxes at several providers, each with one mail for each reason.

    :ivar letters: of each mailbox, by its address
    :ivar words: secrets that stand on no mail but are known to a rule: as hashes alone
    """

    def __init__(self, mirror):
        self.mirror, self.letters, self.words = mirror, {}, []
        domain = mirror.domain
        self.known, self.lapsed = f"client@{domain}", f"lapsed@{domain}"
        self.role = f"info@firm-of-{domain}"
        self.goner, self.own_word = f"goner@{domain}", secret()
        self.words.append(secret())
        self.erased = f"{self.words[0]}@{domain}"
        mirror.contact("client")
        mirror.contact("lapsed")
        mirror.contact("goner")
        self.colleague = f"dora@{mirror.house}"
        self.colleague_id = mirror.user("dora", mirror_visibility="4")
        with mirror.env() as env:
            env["res.partner"].create(
                {
                    "name": "Firm",
                    "is_company": True,
                    "website": f"https://firm-of-{domain}",
                }
            )
            self.company = env.company.id
            env.company.mirror_match_domains = True
            suppressions = env["crm.mail.mirror.suppression"]
            suppressions._add("address", [self.erased])
            suppressions._add(
                "lapsed",
                [self.lapsed],
                before=NOW.replace(tzinfo=None) + timedelta(days=1),
                company=env.company,
                origin="mail",
            )
            rules = env["crm.mail.mirror.exclusion"]
            self.rules = rules.create(
                [
                    {"kind": "address", "value": f"lawyer@{domain}"},
                    {"kind": "domain", "value": "law-firm.test"},
                ]
            ).ids

    def remove_rules(self):
        """They are the whole company's: other tests must not find them."""
        with self.mirror.env() as env:
            env["crm.mail.mirror.exclusion"].browse(self.rules).unlink()
            env["res.company"].browse(self.company).mirror_match_domains = False

    def plant(self, box, owner, without=()):
        """Put the mails into a mailbox, by its owner's own program.

        :param without: reasons that its provider cannot tell
        """
        excluded = f"lawyer@{self.mirror.domain}"
        made = letters(
            self.known,
            box.email,
            self.colleague,
            excluded,
            self.erased,
            self.lapsed,
            self.role,
        )
        made = [each for each in made if each.reason not in without]
        for each in made:
            owner.append(each.folder, each.raw, received=each.received)
        self.letters[box.email] = made
        self.mirror.sql(
            """UPDATE crm_mail_mirror_mailbox SET sync_from = %s, look_back = 'day'
                WHERE id = %s""",
            (NOW - timedelta(days=30)).date(),
            box.id,
        )

    def hushed(self):
        """Secrets of mail that is kept out, of all mailboxes."""
        return self.words + [
            word
            for many in self.letters.values()
            for each in many
            if each.reason != "contact"
            # name and address of who is suggested as a contact are told to the owner
            for word in each.secrets[3 if each.reason == "suggested" else 0 :]
        ]

    def suggested(self):
        """Names and addresses of those who are suggested as contacts."""
        return [
            word
            for many in self.letters.values()
            for each in many
            if each.reason == "suggested"
            for word in each.around[:3]
        ]

    def mirrored(self):
        """Mail that is mirrored: its names and subject, its text."""
        return [
            (each.around[:3], each.inside[:2])
            for many in self.letters.values()
            for each in many
            if each.reason == "contact"
        ]
