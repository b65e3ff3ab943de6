# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Does a mail look as in Microsoft Graph?"""

from __future__ import annotations

import pytest

from tests.peer_graph.client import ALICE, INBOX, INVITATION
from tests.providers.letters import START, letter


def test_mail_has_the_properties_of_its_headers(owner, client):
    ref = owner.append(
        "Sent",
        b"From: =?utf-8?q?J=C3=BCrgen?= <j@customer.example>\r\n"
        b"Sender: assistant@customer.example\r\n"
        b"To: Alice <alice@example.com>, undisclosed-recipients:;\r\n"
        b"Cc: c@example.com\r\nBcc: b@example.com\r\nReply-To: r@example.com\r\n"
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        b"Date: Mon, 05 Jan 2026 10:00:00 +0100\r\n"
        b"Message-ID: <1@letters.example>\r\n\r\nhi",
        received=START,
    )

    mail = client.get(f"/me/messages/{ref}")

    def addresses(name):
        return [each["emailAddress"]["address"] for each in mail[name]]

    assert mail["from"]["emailAddress"] == {
        "name": "Jürgen",
        "address": "j@customer.example",
    }
    assert mail["sender"]["emailAddress"]["address"] == "assistant@customer.example"
    assert addresses("toRecipients") == [ALICE]
    assert addresses("ccRecipients") == ["c@example.com"]
    assert addresses("bccRecipients") == ["b@example.com"]
    assert addresses("replyTo") == ["r@example.com"]
    assert mail["subject"] == "Grüße"
    assert mail["internetMessageId"] == "<1@letters.example>"
    assert mail["sentDateTime"] == mail["receivedDateTime"] == "2026-01-05T09:00:00Z"
    assert mail["parentFolderId"] == owner.folder_ref("Sent")
    assert mail["body"]["contentType"] == "html" and "hi" in mail["body"]["content"]


def test_answers_share_the_conversation(owner, client):
    first = owner.append("INBOX", letter(1))
    answer = letter(2).replace(
        b"Subject:", b"In-Reply-To: <1@letters.example>\r\nSubject:"
    )
    second, other = owner.append("Sent", answer), owner.append("INBOX", letter(3))

    threads = [
        client.get(f"/me/messages/{ref}", select="conversationId")["conversationId"]
        for ref in (first, second, other)
    ]

    assert threads[0] == threads[1] != threads[2]


def test_dear_properties_come_only_when_selected(owner, client):
    ref = owner.append("INBOX", letter(1))

    default = client.get(f"/me/messages/{ref}")
    narrow = client.get(f"/me/messages/{ref}", select="subject")
    dear = client.get(f"/me/messages/{ref}", select="uniqueBody,internetMessageHeaders")

    assert not {"uniqueBody", "internetMessageHeaders"} & set(default)
    assert {name for name in narrow if name[0] != "@"} == {"id", "subject"}
    assert dear["internetMessageHeaders"][:2] == [
        {"name": "From", "value": "Ann Lee <ann@customer.example>"},
        {"name": "To", "value": ALICE},
    ]
    assert "hello" in dear["uniqueBody"]["content"]


@pytest.mark.parametrize("name", ["sensitivity", "toRecipient", "meetingMessageType"])
def test_unknown_property_is_refused(owner, client, name):
    ref = owner.append("INBOX", letter(1))

    assert client.refusal(f"/me/messages/{ref}", select=name)[0] == 400
    assert client.refusal(INBOX, select=name)[0] == 400


def test_html_comes_as_text_when_preferred(owner, client):
    html = "<p>One <b>two</b></p><div>three<br>four &amp; five</div><style>x</style>"
    ref = owner.append("INBOX", letter(1, "not this", html=html))

    plain = client.ask(
        f"/me/messages/{ref}", 'outlook.body-content-type="text"', select="body"
    )
    default = client.get(f"/me/messages/{ref}", select="body")["body"]

    body = plain.json()["body"]
    assert body["contentType"] == "text"
    assert body["content"].split() == ["One", "two", "three", "four", "&", "five"]
    assert 'outlook.body-content-type="text"' in plain.headers["Preference-Applied"]
    assert default["contentType"] == "html" and "<b>two</b>" in default["content"]


def test_unique_body_leaves_out_what_is_quoted(owner, client):
    text = (
        "Fine with me.\r\n\r\nOn Monday, Ann Lee <ann@customer.example> wrote:\r\n> x"
    )
    ref = owner.append("INBOX", letter(1, text))

    mail = client.get(
        f"/me/messages/{ref}",
        'outlook.body-content-type="text"',
        select="body,uniqueBody",
    )

    assert mail["uniqueBody"]["content"] == "Fine with me."
    assert "> x" in mail["body"]["content"]


def test_own_mail_may_have_no_transport_headers(graph, owner, client):
    received = owner.append("INBOX", letter(1))
    graph.headerless_sent = True
    sent, draft = owner.append("Sent", letter(2)), owner.append("Drafts", letter(3))

    headers = [
        client.get(f"/me/messages/{ref}", select="internetMessageHeaders")
        for ref in (received, sent, draft)
    ]

    assert headers[0]["internetMessageHeaders"]
    assert [mail["internetMessageHeaders"] for mail in headers[1:]] == [None, None]
    assert client.get(f"/me/messages/{draft}", select="isDraft")["isDraft"]


def test_sensitivity_and_size_are_extended_properties(owner, client):
    private = letter(1).replace(b"Subject:", b"Sensitivity: Private\r\nSubject:")
    refs = [owner.append("INBOX", raw) for raw in (private, letter(2))]
    expand = (
        "singleValueExtendedProperties($filter=id eq 'Integer 0x36' "
        "or id eq 'Integer 0x0E08')"
    )

    mails = [
        client.get(f"/me/messages/{ref}", select="id", expand=expand) for ref in refs
    ]
    listed, _link = client.changes(INBOX, select="id", expand=expand)

    values = [
        {one["id"]: one["value"] for one in mail["singleValueExtendedProperties"]}
        for mail in mails
    ]
    assert values[0] == {"Integer 0x36": "2", "Integer 0xe08": str(len(private))}
    assert values[1]["Integer 0x36"] == "0"
    assert all(len(mail["singleValueExtendedProperties"]) == 2 for mail in listed)


def test_people_without_usable_address(owner, client):
    ref = owner.append("INBOX", letter(1))
    exchange = {"name": "Bob", "address": "/O=EXCHANGELABS/OU=X/CN=RECIPIENTS/CN=1"}
    owner.override(
        "INBOX", ref, from_={"emailAddress": exchange}, sender={"emailAddress": {}}
    )

    mail = client.get(f"/me/messages/{ref}", select="from,sender")

    assert mail["from"]["emailAddress"] == exchange
    assert mail["sender"] == {"emailAddress": {}}


@pytest.mark.parametrize(
    ("method", "kind", "meaning"),
    [
        (b"REQUEST", "eventMessageRequest", "meetingRequest"),
        (b"CANCEL", "eventMessage", "meetingCancelled"),
        (b"REPLY", "eventMessageResponse", "meetingDeclined"),
    ],
)
def test_calendar_mail_is_an_event_message(owner, client, method, kind, meaning):
    ref = owner.append("INBOX", INVITATION % (method, method))

    mail = client.get(f"/me/messages/{ref}")
    (listed,), _link = client.changes(INBOX, select="subject")
    cast = client.get(
        f"/me/messages/{ref}",
        select="id,microsoft.graph.eventMessage/meetingMessageType",
    )

    assert mail["@odata.type"] == listed["@odata.type"] == f"#microsoft.graph.{kind}"
    assert mail["meetingMessageType"] == cast["meetingMessageType"] == meaning
    assert "Please come" in mail["body"]["content"]
    assert mail["hasAttachments"] is False


def test_published_calendar_is_an_attachment(owner, client):
    ref = owner.append("INBOX", INVITATION % (b"PUBLISH", b"PUBLISH"))

    mail = client.get(f"/me/messages/{ref}")
    (file,) = client.get(f"/me/messages/{ref}/attachments")["value"]

    assert mail["@odata.type"] == "#microsoft.graph.message"
    assert file["contentType"] == "text/calendar"
