# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Mails to put into mailboxes."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def letter(
    number: int | str,
    text: str = "hello",
    *,
    sender: str = "Ann Lee <ann@customer.example>",
    to: str = "alice@example.com",
    subject: str | None = None,
    message_id: str | None = None,
    html: str = "",
    attachment: bytes = b"",
    date: datetime | None = None,
) -> bytes:
    """A mail whose Message-ID is ``<number@letters.example>``."""
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, to
    mail["Subject"] = f"letter {number}" if subject is None else subject
    mail["Date"] = format_datetime(date or START)
    if message_id != "":
        mail["Message-ID"] = message_id or f"<{number}@letters.example>"
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    if attachment:
        mail.add_attachment(
            attachment, maintype="application", subtype="pdf", filename=f"{number}.pdf"
        )
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def realistic(count: int, seed: int = 1):
    """30 % text only, 45 % with HTML, 25 % with a PDF of 30 to 900 kB.

    Yields (mail, received)."""
    rng = random.Random(seed)
    words = (
        "order invoice meeting thanks offer price delivery project week call".split()
    )
    for number in range(count):
        text = "\n".join(
            " ".join(rng.choices(words, k=11)) for _ in range(rng.randint(4, 30))
        )
        kind = rng.random()
        html, attachment = "", b""
        if kind > 0.3:
            html = f"<html><body><p>{text}</p>{'<br>' * rng.randint(10, 3000)}</body>"
        if kind > 0.75:
            attachment = rng.randbytes(rng.randint(30_000, 900_000))
        received = START + timedelta(hours=number)
        yield letter(number, text, html=html, attachment=attachment), received
