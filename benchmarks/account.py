# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mail is imported? The same for everybody, made from a number.

Written straight into a Maildir, as delivering it would take longer than any import.
45 % of it is plain text, 45 % has HTML of 5 to 60 KB beside the text, 10 % is such HTML
alone; 12 % carry a file of 50 to 800 KB. Three of ten mails are with a contact, or as
many as is said; of the others nearly a third are newsletters.

Example::

    account = Account(2_000)
    account.write(Path("Maildir"))
    account.contacts()      # [("Ada Abel", "ada.abel@customer0.example"), ...]
"""

import base64
import binascii
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

OWNER = "owner@house.example"
PASSWORD = "secret"
CONTACTS = 1_000
STRANGERS = 5_000
#: Of ten mails in a row: where they lie. The names are Dovecot's Maildir++ folders.
FOLDERS = ("", "", "", "", "", "", ".Sent", ".Sent", ".Archive", ".Archive")
LAST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
#: Raise it when the mail changes, so that an account on disk is made anew.
VERSION = 1

_FIRST = "Ada Ben Cleo Dan Eva Finn Gwen Hugo Ida Jan Kim Leo Mia Nils Olga Pia".split()
_LAST = "Abel Berg Conti Diaz Eder Fuchs Gall Horn Iten Jung Kern Lutz Moser".split()
_WORDS = (
    "offer delivery we you the a for with on next week meeting invoice price contract "
    "question answer please find attached regards thank support order number project "
    "budget team review schedule details confirm change version quality customer from "
    "that this would could will has been Größe été señor naïve déjà façade Übersicht"
).split()


@dataclass(frozen=True)
class Mail:
    """:param folder: Maildir++ folder, ``""`` = INBOX :param raw: with LF line ends"""

    folder: str
    received_at: datetime
    raw: bytes


class Account:
    """:param size: number of messages
    :param seed: another one is other mail
    :param files: bytes of the smallest and of the biggest attachment
    :param matching: of ten mails, those with a contact
    :param archives: folders for what is archived
    """

    def __init__(
        self,
        size: int,
        seed: int = 1,
        files: tuple[int, int] = (50_000, 800_000),
        matching: int = 3,
        archives: int = 1,
    ):
        self.size = size
        self.seed = seed
        self.files = tuple(files)
        self.in_ten = matching
        self.archives = archives
        pool = random.Random(seed)
        self._paragraphs = [_paragraph(pool) for _ in range(400)]
        self._html = [_fragment(pool, text) for text in self._paragraphs]
        self._bytes = base64.encodebytes(pool.randbytes(2_000_000))

    @property
    def matching(self) -> int:
        """How many of them are with a contact and no newsletters."""
        return sum(map(self._is_matching, range(self.size)))

    @property
    def name(self) -> str:
        """Tells accounts apart, on disk."""
        more = f"{self.in_ten}-{self.archives}-{self.files[1] // 1000}"
        usual = "3-1-800"
        return f"{self.size}" + ("" if more == usual else f"-{more}") + f"-{VERSION}"

    def contacts(self) -> list[tuple[str, str]]:
        """(name, address) of everybody who is in the CRM."""
        return [_person(number, "customer") for number in range(CONTACTS)]

    def mails(self) -> Iterator[Mail]:
        """The oldest first."""
        step = timedelta(days=730) / self.size
        for number in range(self.size):
            received = LAST_DAY - step * (self.size - number)
            yield self._mail(number, received.replace(microsecond=0))

    def write(self, maildir: Path) -> int:
        """Write the Maildir. :return: bytes of all mail, as IMAP counts them"""
        total = 0
        for folder in {"", *map(self._folder, range(10 * self.archives))}:
            for part in ("cur", "new", "tmp"):
                (maildir / folder / part).mkdir(parents=True, exist_ok=True)
            if folder:
                (maildir / folder / "maildirfolder").touch()
        for number, mail in enumerate(self.mails()):
            size = len(mail.raw)
            virtual = size + mail.raw.count(b"\n")
            seconds = int(mail.received_at.timestamp())
            name = f"{seconds}.M{number:06}P1.bench,S={size},W={virtual}:2,S"
            path = maildir / mail.folder / "cur" / name
            path.write_bytes(mail.raw)
            os.utime(path, (seconds, seconds))
            total += virtual
        return total

    # --- one mail ---------------------------------------------------------------------

    def _is_matching(self, number: int) -> bool:
        return number * 7 % 10 < self.in_ten

    def _is_newsletter(self, number: int) -> bool:
        is_sent = FOLDERS[number % 10] == ".Sent"
        return not self._is_matching(number) and not is_sent and number % 3 == 0

    def _folder(self, number: int) -> str:
        folder, which = FOLDERS[number % 10], number // 10 % self.archives
        return f"{folder}{which}" if folder == ".Archive" and which else folder

    def _mail(self, number: int, received: datetime) -> Mail:
        rng = random.Random(f"{self.seed}/{number}")
        folder = self._folder(number)
        if self._is_matching(number):
            other = _person(rng.randrange(CONTACTS), "customer")
        else:
            other = _person(rng.randrange(STRANGERS), "stranger")
        lines = self._headers(rng, number, received, other, folder == ".Sent")
        kind, body = self._body(rng, number)
        head = "\n".join([*lines, *kind]).encode()
        return Mail(folder, received, head + b"\n\n" + body)

    def _headers(self, rng, number, received, other, outgoing) -> list[str]:
        owner = ("Olivia Owner", OWNER)
        sender, receiver = (owner, other) if outgoing else (other, owner)
        copied = [
            _person(rng.randrange(STRANGERS), "stranger")
            for _ in range(rng.choice((0, 0, 0, 1, 3)))
        ]
        lines = []
        if not outgoing:
            lines.append(f"Return-Path: <{sender[1]}>")
            lines += _transport(rng, received)
        lines += [
            f"Message-ID: {_message_id(number)}",
            f"Date: {format_datetime(received)}",
            f"From: {_mailbox(sender)}",
            f"To: {_mailbox(receiver)}",
        ]
        if copied:
            lines.append("Cc: " + ",\n ".join(map(_mailbox, copied)))
        lines.append(f"Subject: {_subject(rng, number)}")
        if number > 50 and rng.random() < 0.5:
            parent = _message_id(number - rng.randrange(1, 50))
            lines += [f"In-Reply-To: {parent}", f"References: {parent}"]
        if self._is_newsletter(number):
            lines += [
                "List-Id: <news.list.example>",
                "List-Unsubscribe: <https://list.example/leave/4711>",
                "Precedence: bulk",
            ]
        return [*lines, "X-Mailer: Benchmark 1.0", "MIME-Version: 1.0"]

    def _body(self, rng, number) -> tuple[list[str], bytes]:
        text = self._text(rng)
        if rng.random() < 0.12:
            size = rng.randrange(*self.files) * 4 // 3 // 77 * 77
            start = rng.randrange(0, len(self._bytes) - size) // 77 * 77
            payload = self._bytes[start : start + size]
            name = f"Report {number}.pdf"
            attached = (
                "Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n"
                f'Content-Disposition: attachment; filename="{name}"\n\n'
            )
            inner, body = self._readable(rng, text)
            inner_part = "\n".join(inner).encode() + b"\n\n" + body
            file_part = attached.encode() + payload
            return _multipart("mixed", number, [inner_part, file_part])
        return self._readable(rng, text)

    def _readable(self, rng, text) -> tuple[list[str], bytes]:
        kind = rng.random()
        if kind < 0.45:
            return _text_part("plain", text, rng)
        html = self._markup(rng)
        if kind < 0.55:
            return _text_part("html", html, rng)
        parts = []
        for subtype, content in (("plain", text), ("html", html)):
            lines, body = _text_part(subtype, content, rng)
            parts.append("\n".join(lines).encode() + b"\n\n" + body)
        return _multipart("alternative", rng.randrange(10**9), parts)

    def _text(self, rng) -> str:
        said = rng.choices(self._paragraphs, k=rng.randrange(1, 9))
        quoted = rng.choices(self._paragraphs, k=rng.choice((0, 0, 2, 4)))
        text = "\n\n".join(["Hello,", *said, "Best regards\nOlivia"])
        if quoted:
            text += "\n\nOn Tue, 3 Jun 2025 at 10:02 Ada Abel wrote:\n"
            text += "\n>\n".join(f"> {paragraph}" for paragraph in quoted)
        return text + "\n"

    def _markup(self, rng) -> str:
        size, length, pieces = rng.randrange(5_000, 60_000), 0, [_HTML_HEAD]
        while length < size:
            pieces.append(rng.choice(self._html))
            length += len(pieces[-1])
        return "".join(pieces) + "</td></tr></table></body></html>\n"


_HTML_HEAD = (
    '<html xmlns:o="urn:schemas-microsoft-com:office:office"><head>'
    '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\n<style>\n'
    + "p.MsoNormal, li.MsoNormal {margin:0cm; font-size:11.0pt; font-family:Calibri;}\n"
    * 20
    + '</style></head><body bgcolor="#ffffff"><table width="600"><tr><td>\n'
)


def _person(number: int, company: str) -> tuple[str, str]:
    first, last = _FIRST[number % 16], _LAST[number // 16 % 13]
    domain = f"{company}{number // 5}.example"
    return f"{first} {last}", f"{first}.{last}{number}@{domain}".lower()


def _mailbox(person: tuple[str, str]) -> str:
    return f'"{person[0]}" <{person[1]}>'


def _message_id(number: int) -> str:
    return f"<{number:08x}.{number * 2654435761 % 2**32:08x}@mail.example>"


def _subject(rng, number: int) -> str:
    words = " ".join(rng.choices(_WORDS, k=rng.randrange(2, 8)))
    if words.isascii():
        return f"{rng.choice(('', 'Re: ', 'AW: '))}{words} {number}"
    encoded = base64.b64encode(f"{words} {number}".encode()).decode()
    return f"=?utf-8?B?{encoded}?="


def _transport(rng, received: datetime) -> list[str]:
    """What a mail collects on its way: two kilobytes that nobody asks for."""
    stamp = format_datetime(received)
    hops = [
        f"Received: from mx{hop}.relay.example (relay.example [192.0.2.{hop}])\n"
        f"\tby in{hop}.house.example with ESMTPS id {rng.getrandbits(64):x}\n"
        f"\tfor <{OWNER}>; {stamp}"
        for hop in range(4)
    ]
    signature = base64.b64encode(rng.randbytes(256)).decode()
    folded = "\n\t".join(signature[at : at + 72] for at in range(0, len(signature), 72))
    return [
        *hops,
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=relay.example; s=s1;\n"
        f"\th=from:to:subject:date:message-id; b={folded}",
        "Authentication-Results: in.house.example; dkim=pass; spf=pass; dmarc=pass",
        f"X-Spam-Status: No, score=-{rng.random():.1f} required=5.0",
    ]


def _paragraph(rng) -> str:
    sentences = [
        " ".join(rng.choices(_WORDS, k=rng.randrange(4, 14))).capitalize() + "."
        for _ in range(rng.randrange(2, 7))
    ]
    return " ".join(sentences)


def _fragment(rng, text: str) -> str:
    kind = rng.randrange(4)
    if kind == 0:
        return (
            '<p class="MsoNormal" style="margin:0cm 0cm 8pt"><span lang="EN-GB" '
            f'style="font-size:11.0pt;color:#1F497D">{text}<o:p></o:p></span></p>\n'
        )
    if kind == 1:
        cells = "".join(
            '<td style="padding:4px 8px;border:1px solid #ddd" valign="top">'
            f"{word}</td>"
            for word in text.split()[:8]
        )
        return f'<table width="100%"><tbody><tr>{cells}</tr></tbody></table>\n'
    if kind == 2:
        items = "".join(f"<li>{part}</li>" for part in text.split(". "))
        return f'<ul style="margin-top:0cm">{items}</ul>\n'
    return (
        '<div style="font-family:Arial,sans-serif"><a href="https://track.example/'
        f'{rng.getrandbits(256):x}" style="color:#0a58ca">{text[:60]}</a><br>{text}'
        "</div>\n"
    )


def _text_part(subtype: str, text: str, rng) -> tuple[list[str], bytes]:
    raw = text.encode()
    encoding = rng.choice(("8bit", "quoted-printable", "quoted-printable", "base64"))
    if encoding == "8bit":
        # RFC 5322 section 2.1.1: a line has 998 octets at most
        body = b"\n".join(_cut(line) for line in raw.split(b"\n"))
    elif encoding == "base64":
        body = base64.encodebytes(raw)
    else:
        body = binascii.b2a_qp(raw, istext=True)
    lines = [
        f"Content-Type: text/{subtype}; charset=utf-8",
        f"Content-Transfer-Encoding: {encoding}",
    ]
    return lines, body


def _cut(line: bytes) -> bytes:
    pieces = []
    while len(line) > 900:
        at = line.rfind(b" ", 0, 900)
        pieces.append(line[:at])
        line = line[at + 1 :]
    return b"\n".join([*pieces, line])


def _multipart(
    subtype: str, number: int, parts: list[bytes]
) -> tuple[list[str], bytes]:
    boundary = f"=_{number}_{subtype}"
    line = b"--" + boundary.encode()
    body = b"".join(line + b"\n" + part + b"\n" for part in parts)
    kind = f'Content-Type: multipart/{subtype}; boundary="{boundary}"'
    return [kind], body + line + b"--\n"
