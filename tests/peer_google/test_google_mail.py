"""Is a mail shown as Gmail shows it?

Mails are taken apart a second time by Python's own email package.
"""

import base64
import email
import email.policy
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from .letters import letter, newsletter, refused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_ids_are_those_of_gmail(gmail, owner):
    ref = owner.append("INBOX", letter(), received=NOW)

    told = gmail.get(ref)

    assert len(ref) == 16 and int(ref, 16)
    assert told["threadId"] == ref
    assert told["internalDate"] == str(round(NOW.timestamp() * 1000))
    assert 0 < int(told["historyId"]) < 2**64
    assert set(told["labelIds"]) == {"INBOX", "UNREAD"}
    assert refused(lambda: gmail.get("no id")) == (400, "invalidArgument")
    assert refused(lambda: gmail.get("123abc")) == (404, "notFound")


def test_an_answer_joins_the_thread(gmail, owner):
    question = owner.append("INBOX", letter(Message_ID="<q@x.org>"))
    answer = owner.append("Sent", letter(References="<0@x.org> <q@x.org>"))

    assert gmail.get(answer)["threadId"] == question
    thread = gmail.ask(gmail.users.threads().get(userId="me", id=question))
    assert [message["id"] for message in thread["messages"]] == [question, answer]


def test_raw_is_the_mail_itself(gmail, owner):
    raw = b"Subject: \xff\xfe\r\nX: y\r\n\r\nbody \x00\xff\n"

    told = gmail.get(owner.append("INBOX", raw), format="raw")

    assert base64.urlsafe_b64decode(told["raw"]) == raw
    assert told["sizeEstimate"] == len(raw)


def parts_of(payload: dict) -> Iterator[dict]:
    yield payload
    for part in payload.get("parts", ()):
        yield from parts_of(part)


def test_a_mail_is_taken_apart_as_pythons_email_does(gmail, owner):
    mail = newsletter()
    raw = mail.as_bytes(policy=email.policy.SMTP)
    ref = owner.append("INBOX", raw)

    payload = gmail.get(ref)["payload"]

    theirs = email.message_from_bytes(raw, policy=email.policy.default)
    assert [(part["mimeType"], part["filename"]) for part in parts_of(payload)] == [
        (part.get_content_type(), part.get_filename() or "") for part in theirs.walk()
    ]
    names = [header["name"] for header in payload["headers"]]
    assert names == list(theirs.keys())
    values = {header["name"]: header["value"] for header in payload["headers"]}
    for name in ("From", "Subject", "References", "List-Unsubscribe", "Auto-Submitted"):
        assert values[name] == str(theirs[name])
    assert [part["partId"] for part in parts_of(payload)] == [
        *("", "0", "0.0", "0.1", "1", "2", "2.0"),
    ]


def test_texts_come_in_utf8_and_attachments_by_id(gmail, owner):
    mail = newsletter()
    ref = owner.append("INBOX", mail.as_bytes(policy=email.policy.SMTP))
    attachments = gmail.messages.attachments()

    parts = {part["partId"]: part for part in parts_of(gmail.get(ref)["payload"])}
    body = parts["1"]["body"]
    pdf = gmail.ask(
        attachments.get(userId="me", messageId=ref, id=body["attachmentId"])
    )

    text = base64.urlsafe_b64decode(parts["0.0"]["body"]["data"])
    assert text.decode("utf-8").strip() == "Grüße aus Köln"
    (kind,) = (
        h["value"] for h in parts["0.0"]["headers"] if h["name"] == "Content-Type"
    )
    assert "iso-8859-1" in kind
    assert "data" not in body and body["size"] == pdf["size"]
    assert base64.urlsafe_b64decode(pdf["data"]) == list(mail.walk())[4].get_content()
    again = {part["partId"]: part for part in parts_of(gmail.get(ref)["payload"])}
    assert again["1"]["body"]["attachmentId"] != body["attachmentId"]
    assert refused(
        lambda: attachments.get(userId="me", messageId=ref, id="no").execute()
    ) == (400, "invalidArgument")


def test_a_large_text_comes_by_id(gmail, owner):
    text = "All work and no play makes Jack a dull boy.\r\n" * 3000
    ref = owner.append("INBOX", letter() + text.encode())

    body = gmail.get(ref)["payload"]["body"]
    attachments = gmail.messages.attachments()
    got = gmail.ask(
        attachments.get(userId="me", messageId=ref, id=body["attachmentId"])
    )

    assert "data" not in body and body["size"] > len(text)
    assert base64.urlsafe_b64decode(got["data"]).decode().endswith(text)


def test_metadata_has_the_headers_asked_for(gmail, owner):
    ref = owner.append("INBOX", letter(List_Id="<news.other.org>"))

    some = gmail.get(ref, format="metadata", metadataHeaders=["list-id", "SUBJECT"])
    every = gmail.get(ref, format="metadata")

    assert [h["name"] for h in some["payload"]["headers"]] == ["Subject", "List-Id"]
    assert "parts" not in every["payload"] and len(every["payload"]["headers"]) == 5
    assert "payload" not in gmail.get(ref, format="minimal")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"no header at all",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n--x",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\n\nhi\n" * 20_000,
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n" * 500,
        b"Subject: =?nocharset?b?////?= =?utf-8?q?=ff?=\r\n\r\n\xff",
        b"References: " + b"<a@b> " * 50_000 + b"\r\n\r\n",
        bytes(range(256)) * 10,
    ],
)
def test_no_mail_is_too_broken_to_be_shown(gmail, owner, raw):
    ref = owner.append("INBOX", raw)

    assert gmail.get(ref)["sizeEstimate"] == len(raw)
    assert gmail.found() == [ref]
