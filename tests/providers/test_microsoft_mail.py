# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What Graph's JSON says of a mail: envelope, parts, text."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from engine import headers
from engine.content import missing_content
from engine.envelope import Address
from engine.identity import identity, same_key
from engine.providers import microsoft_mail
from engine.providers.base import EPOCH, Budget, Place
from engine.reasons import Reason

from tests.peers.graph import Graph
from tests.providers.letters import START, letter
from tests.providers.microsoft import graph_mailbox, whoami
from tests.providers.store import Store

HERE = Place("folder", "", "AAkA")


@pytest.fixture(scope="module")
def graph():
    with Graph(whoami) as server:
        yield server


@pytest.fixture
def mailbox(graph, new_login):
    with graph.user(new_login) as owner:
        yield graph_mailbox(graph, new_login, owner)


@pytest.fixture
def facts(provider):
    """The one mail of the mailbox, listed and with its second grade."""

    def read():
        ((place, envelope),) = [
            (p.place, p.envelope) for b in Store().sync(provider) for p in b.present
        ]
        ((_place, full),) = provider.facts([(place, envelope)])
        return envelope, full

    return read


@pytest.fixture
def texts(provider, facts):
    def read():
        place = next(p.place for b in Store().sync(provider) for p in b.present)
        ((_place, body),) = provider.fetch([(place, facts()[1])])
        return body

    return read


def mail(text="hello", **fields) -> EmailMessage:
    made = EmailMessage()
    made["From"] = "Ann Lee <ann@customer.example>"
    made["To"] = "alice@example.com"
    made["Message-ID"] = "<1@letters.example>"
    made["Date"] = "Mon, 5 Jan 2026 10:00:00 +0100"
    for name, value in fields.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def raw(message: EmailMessage) -> bytes:
    return message.as_bytes().replace(b"\n", b"\r\n")


# --- the first grade ------------------------------------------------------------------


def test_same_mail_over_imap_and_graph_is_one(mailbox, facts):
    written = letter(
        1,
        sender='"Lee, Ann" <Ann@Customer.EXAMPLE>',
        to="Alice <alice@example.com>, bob@example.com",
        subject="Re:  café \u2013 offer",
    )
    mailbox.owner.append("INBOX", written)
    over_imap = headers.parse_envelope(written)

    listed, full = facts()

    assert listed.headers is None and listed.parts is None
    for envelope in (listed, full):
        assert identity(envelope, "") == identity(over_imap, "")
        assert same_key(envelope) == same_key(over_imap)
        assert envelope.authors == over_imap.authors
        assert envelope.to == over_imap.to
        assert envelope.subject == over_imap.subject
        assert envelope.date == over_imap.date == START


def test_subject_tagged_by_a_gateway_is_shown_as_one_and_never_joined(mailbox, facts):
    written = letter(1, subject="[EXTERNAL] the offer")
    mailbox.owner.append("INBOX", written)
    elsewhere = headers.parse_envelope(letter(1, subject="the offer"))

    _listed, full = facts()

    assert same_key(full) == same_key(elsewhere)
    assert identity(full, "") != identity(elsewhere, "")


def test_addresses_of_exchange_itself_are_none():
    told = {
        "from": {"emailAddress": {"name": "Bob", "address": "/O=EXCHANGELABS/CN=BOB"}},
        "toRecipients": [
            {"emailAddress": {"name": "Zoe", "address": "Zoe@Two.example"}},
            {"emailAddress": {"name": "Nobody", "address": ""}},
            {"emailAddress": {"name": "Nobody", "address": None}},
            {"emailAddress": {"name": "Undisclosed recipients:"}},
            {"emailAddress": None},
            None,
            "x",
            {"emailAddress": {"name": "zoe@two.example", "address": "zoe@two.example"}},
            {"emailAddress": {"name": "'Eve'", "address": "eve@b\u00fccher.example"}},
        ],
        "ccRecipients": None,
        "replyTo": "nonsense",
    }

    envelope = microsoft_mail.envelope(told)

    assert envelope.authors == ()
    assert envelope.to == (
        Address("Zoe", "zoe@two.example"),
        Address("", "zoe@two.example"),
        Address("Eve", "eve@xn--bcher-kva.example"),
    )
    assert envelope.cc == envelope.reply_to == ()


@pytest.mark.parametrize(
    "told, moment",
    [
        ("2026-01-05T09:00:00Z", START),
        ("2026-01-05T09:00:00.1234567Z", START),
        ("0001-01-01T00:00:00Z", None),
        ("1601-01-01T00:00:00Z", None),
        ("5.1.2026", None),
        ("", None),
        (None, None),
        (17, None),
    ],
)
def test_moments(told, moment):
    assert microsoft_mail.moment(told) == moment


def test_item_with_nothing_but_its_id_is_a_place_alone():
    presence = microsoft_mail.presence({"id": "AAkA", "isRead": True}, HERE, None)

    assert presence.envelope is None
    assert presence.key == "AAkA" and presence.received_at == EPOCH


@pytest.mark.parametrize("junk", [None, 3, "x", [], {}, [None], [{}], [[[]]], True])
def test_no_value_of_any_field_raises(junk):
    names = [name for name in microsoft_mail.LISTING.split(",") if name != "id"]
    names += ["internetMessageHeaders", "attachments", "singleValueExtendedProperties"]
    names += ["body", "@odata.type", "a field of next year"]
    for name in names:
        item = {"receivedDateTime": "2026-01-05T09:00:00Z", name: junk}
        microsoft_mail.presence(item, HERE, None, facts=True)
        microsoft_mail.body(item, None)
    everything = dict.fromkeys(names, junk)
    microsoft_mail.envelope(everything, facts=True)
    microsoft_mail.body(everything, None)


def test_control_characters_and_length_are_bounded():
    told = {
        "subject": "a\0b\ud800c\r\nd" + "x" * 9_000,
        "internetMessageId": "<" + "y" * 5_000 + ">",
        "from": {
            "emailAddress": {"name": "\0" + "n" * 9_000, "address": "a@b.example"}
        },
    }

    envelope = microsoft_mail.envelope(told)

    assert envelope.subject.startswith("abc dxx") and len(envelope.subject) == 2_000
    assert envelope.message_id == ""
    assert len(envelope.sender.name) == 500
    envelope.subject.encode()


# --- the second grade -----------------------------------------------------------------


def test_headers_that_the_rules_read(mailbox, facts):
    message = mail(
        List_Unsubscribe="<mailto:x@lists.example>",
        Auto_Submitted="auto-replied",
        References="<a@x.example> <b@x.example>",
        In_Reply_To="<b@x.example>",
        X_Other="not read",
    )
    mailbox.owner.append("INBOX", raw(message))

    listed, full = facts()

    assert full.headers["list-unsubscribe"] == ("<mailto:x@lists.example>",)
    assert full.headers["auto-submitted"] == ("auto-replied",)
    assert "x-other" not in full.headers
    assert full.references == ("<a@x.example>", "<b@x.example>")
    assert full.in_reply_to == ("<b@x.example>",)
    assert full.message_id == listed.message_id == "<1@letters.example>"


def test_what_was_written_here_has_no_headers_and_is_known_to_have_none(mailbox, facts):
    message = mail(References="<a@x.example>", In_Reply_To="<a@x.example>")
    mailbox.owner.append("Sent", raw(message), headers=False)

    _listed, full = facts()

    assert full.headers == {}
    assert full.references == full.in_reply_to == ("<a@x.example>",)


@pytest.mark.parametrize("transported", [True, False])
@pytest.mark.parametrize("told", ["Private", "Personal", "Company-Confidential"])
def test_sensitivity_comes_from_the_property_or_the_header(
    mailbox, facts, told, transported
):
    message = mail(Sensitivity=told)
    mailbox.owner.append("INBOX", raw(message), headers=transported)

    listed, full = facts()

    assert listed.sensitivity == ""  # Graph's message has no such property
    assert full.sensitivity == told.lower()


def test_invitation_is_nothing_but_one(mailbox, facts):
    message = mail("You are invited.")
    calendar = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"
    message.add_alternative(
        calendar, maintype="text", subtype="calendar", params={"method": "REQUEST"}
    )
    mailbox.owner.append("INBOX", raw(message))

    _listed, full = facts()

    assert missing_content(full) is Reason.CALENDAR


def test_file_on_an_invitation_is_content(mailbox, facts, texts):
    message = mail("You are invited.")
    calendar = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"
    message.add_alternative(
        calendar, maintype="text", subtype="calendar", params={"method": "REQUEST"}
    )
    message.add_attachment(
        b"%PDF", maintype="application", subtype="pdf", filename="agenda.pdf"
    )
    mailbox.owner.append("INBOX", raw(message))

    _listed, full = facts()

    assert missing_content(full) is None
    body = texts()
    assert body.text.strip() == "You are invited."
    assert [file.name for file in body.attachments] == ["agenda.pdf"]


def test_calendar_file_beside_a_text_is_no_invitation(mailbox, facts):
    message = mail("See the file.")
    message.add_attachment(
        b"BEGIN:VCALENDAR\r\n", maintype="text", subtype="calendar", filename="a.ics"
    )
    mailbox.owner.append("INBOX", raw(message))

    assert missing_content(facts()[1]) is None


def test_attachments_by_name_type_and_size(mailbox, provider, facts):
    message = mail("See the files.")
    message.add_attachment(
        b"%PDF" * 100, maintype="application", subtype="pdf", filename="Ängebot.pdf"
    )
    message.add_attachment("a,b\n", subtype="csv", filename="list.csv")
    message.add_attachment(
        b"PNG", maintype="image", subtype="png", cid="<logo>", disposition="inline"
    )
    message.add_attachment(mail("inside", Subject="forwarded"))
    mailbox.owner.append("INBOX", raw(message))

    _listed, full = facts()

    text, *files = full.parts
    assert (text.content_type, text.size) == ("text/plain", 1)
    assert [(f.filename, f.content_type, f.disposition) for f in files] == [
        ("Ängebot.pdf", "application/pdf", "attachment"),
        ("list.csv", "text/csv", "attachment"),
        (files[2].filename, "image/png", "inline"),
        ("forwarded", "message/rfc822", "attachment"),
    ]
    assert files[0].size == 400
    assert missing_content(full) is None
    place = next(p.place for b in Store().sync(provider) for p in b.present)
    assert b"".join(provider.attachment(place, files[0].ref)) == b"%PDF" * 100


def test_twenty_thousand_attachments_are_bounded():
    row = {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "id": "AAkA",
        "name": "n" * 4_000,
        "contentType": "application/" + "x" * 4_000,
        "size": 10**12,
    }

    envelope = microsoft_mail.envelope({"attachments": [row] * 20_000}, facts=True)
    body = microsoft_mail.body({}, envelope.parts)

    assert len(envelope.parts) == 2_001
    assert len(envelope.parts[1].filename) == 255
    assert len(envelope.parts[1].content_type) == 200
    assert len(body.attachments) == 500


def test_mail_of_a_thousand_attachments_from_a_server(mailbox, facts):
    parts = "".join(
        f"--x\r\nContent-Type: application/pdf; name={n}.pdf\r\n"
        f"Content-Disposition: attachment; filename={n}.pdf\r\n\r\nPDF\r\n"
        for n in range(1_000)
    )
    head = "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    text = "--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    mailbox.owner.append("INBOX", f"{head}{text}{parts}--x--\r\n".encode())

    _listed, full = facts()

    assert len(full.parts) == 1_001


def test_headers_without_end_are_bounded():
    rows = [{"name": "List-Id", "value": "x" * 100_000}] * 100
    rows += [{"name": "X\r\nPrecedence: bulk", "value": "a\r\nAuto-Submitted: yes"}]
    rows = rows[-1:] + rows

    envelope = microsoft_mail.envelope({"internetMessageHeaders": rows}, facts=True)

    assert 10 < len(envelope.headers["list-id"]) <= 20
    assert envelope.headers.keys() == {"list-id"}


# --- texts ----------------------------------------------------------------------------


def test_text_of_what_was_written_as_html(mailbox, texts):
    message = mail("plain")
    message.add_alternative("<p>Hello <b>Ann</b>,</p><p>yes.</p>", subtype="html")
    mailbox.owner.append("INBOX", raw(message))

    body = texts()

    assert "Hello Ann," in body.text and "<" not in body.text


def test_quoted_mail_is_found(mailbox, texts):
    text = "New.\n\nOn Mon, 5 Jan 2026 Ann <ann@x.example> wrote:\n> old\n> older\n"
    mailbox.owner.append("INBOX", raw(mail(text)))

    body = texts()

    assert body.text[: body.quote_at].strip() == "New."


def test_html_that_comes_against_our_wish_is_turned_into_text():
    told = {"body": {"contentType": "html", "content": "<p>Hello</p><br>you"}}

    assert microsoft_mail.body(told, None).text.split() == ["Hello", "you"]


def test_long_text_is_cut():
    told = {"body": {"contentType": "text", "content": "word " * 2_000_000}}

    body = microsoft_mail.body(told, None)

    assert body.truncated and len(body.text) <= 500_000


def test_mail_without_any_text(mailbox, texts):
    message = EmailMessage()
    message["From"] = "a@b.example"
    message.add_attachment(
        b"%PDF", maintype="application", subtype="pdf", filename="a.pdf"
    )
    mailbox.owner.append("INBOX", raw(message))

    body = texts()

    assert body.text == ""
    assert [file.name for file in body.attachments] == ["a.pdf"]


def test_received_is_what_orders_and_sent_is_what_is_shown(mailbox, provider):
    received = datetime(2026, 3, 1, 12, tzinfo=UTC)
    mailbox.owner.append("INBOX", letter(1), received=received)

    (presence,) = provider.pull(None, None, Budget()).present

    assert presence.received_at == received
    assert presence.envelope.date == START
