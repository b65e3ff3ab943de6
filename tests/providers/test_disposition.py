# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Is a part text or an attachment? One mail is the same in each mailbox it lies in."""

import pytest
from engine import mime, text

from tests.providers.gmail_mailbox import gmail_mailbox
from tests.providers.store import Store

TOLD = [
    (None, ""),
    (b"inline", "inline"),
    (b'INLINE; filename="a.txt"', "inline"),
    (b"attachment", "attachment"),
    (b"Attachment; filename=a.txt", "attachment"),
    (b"form-data; name=a", "attachment"),
    (b"x-notes", "attachment"),
    (b"two words", "attachment"),
    (b"@=/\x00\xff", ""),
]


def mail() -> bytes:
    parts = [b"Content-Type: text/plain\r\n\r\nwhat is said\r\n"]
    for number, (told, _expected) in enumerate(TOLD):
        field = b"" if told is None else b"Content-Disposition: " + told + b"\r\n"
        body = f"words {number}\r\n".encode()
        parts.append(b"Content-Type: text/plain\r\n" + field + b"\r\n" + body)
    return (
        b"From: ann@customer.example\r\nTo: alice@example.com\r\n"
        b"Message-ID: <odd@letters.example>\r\nMIME-Version: 1.0\r\n"
        b"Date: Mon, 05 Jan 2026 09:00:00 +0000\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        + b"".join(b"--b\r\n" + part for part in parts)
        + b"--b--\r\n"
    )


@pytest.fixture(params=["whole mail", "gmail", "imap"])
def told(request):
    """What each part is, and the text of the mail, as they come from there."""
    if request.param == "whole mail":
        parts = [leaf.part for leaf in mime.leaves(mail())]
        return parts, text.parse_body(mail()).text
    if request.param == "imap":
        return read(request.getfixturevalue("mailbox_on_dovecot"))
    google = request.getfixturevalue("google")
    with gmail_mailbox(google, request.getfixturevalue("new_login")) as mailbox:
        return read(mailbox)


def read(mailbox):
    mailbox.owner.append("INBOX", mail())
    store = Store()
    with mailbox.open() as provider:
        (presence,) = [p for b in store.sync(provider) for p in b.present]
        one = [(presence.place, presence.envelope)]
        ((_place, envelope),) = provider.facts(one)
        ((_place, body),) = provider.fetch([(presence.place, envelope)])
    return envelope.parts, body.text


def test_a_part_is_the_same_wherever_it_is_read(told):
    parts, words = told

    assert [part.disposition for part in parts[1:]] == [each for _, each in TOLD]
    shown = [n for n in range(len(TOLD)) if f"words {n}" in words]
    assert shown == [n for n, (_, each) in enumerate(TOLD) if each != "attachment"]
