"""Mails, and how answers of Google's client are read."""

import secrets
from collections.abc import Callable
from email.message import EmailMessage

import pytest
from googleapiclient.errors import HttpError


def letter(subject: str = "hello", **headers: str) -> bytes:
    lines = {
        "From": "Eve <eve@other.org>",
        "To": "user@example.com",
        "Message-ID": f"<{secrets.token_hex(6)}@other.org>",
        "Subject": subject,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{head}\r\nThe text of {subject}.\r\n".encode()


def why(error: HttpError) -> tuple[int, str]:
    return error.resp.status, error.error_details[0]["reason"]


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(HttpError) as caught:
        call()
    return why(caught.value)


def newsletter() -> EmailMessage:
    mail = EmailMessage()
    mail["Received"] = "from a by b; Mon, 2 Mar 2026 10:00:00 +0000"
    mail["Received"] = "from c by a; Mon, 2 Mar 2026 09:59:00 +0000"
    mail["From"] = '"Doe, Jörg" <joerg@example.org>'
    mail["To"] = "user@example.com"
    mail["Subject"] = "Grüße — 世界"
    mail["Message-ID"] = "<news@example.org>"
    mail["References"] = "<one@example.org> <two@example.org>"
    mail["List-Unsubscribe"] = "<https://example.org/unsubscribe>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("Grüße aus Köln\n", charset="iso-8859-1")
    mail.add_alternative("<p>Grüße aus <b>Köln</b></p>\n", subtype="html")
    mail.add_attachment(
        b"%PDF" + bytes(range(256)) * 40,
        maintype="application",
        subtype="pdf",
        filename="Übersicht.pdf",
    )
    inner = EmailMessage()
    inner["Subject"] = "inside"
    inner.set_content("forwarded")
    mail.add_attachment(inner, filename="inside.eml")
    return mail


def kinds(history: dict) -> list[tuple[set[str], str]]:
    """(kinds of change, message id) of each record."""
    names = {"messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved"}
    return [
        (names & set(record), record["messages"][0]["id"])
        for record in history.get("history", ())
    ]
