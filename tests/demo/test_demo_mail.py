# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Is every kind of mail that the demo promises there, and is it real mail?"""

import email
import email.policy
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from demo.mail import mailboxes
from demo.people import DOMAIN, SALESPEOPLE

NOW = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def boxes():
    return mailboxes(NOW)


@pytest.fixture(scope="module")
def parsed(boxes):
    """(mailbox, folder, message by the standard library's own parser)"""
    return [
        (key, stored.folder, email.message_from_bytes(stored.raw, policy=POLICY))
        for key, box in boxes.items()
        for stored in box
    ]


POLICY = email.policy.default


def _having(parsed, header):
    return [(key, mail) for key, _folder, mail in parsed if mail[header]]


def test_five_mailboxes_of_sixty_to_a_hundred_and_sixty_mails(boxes):
    assert len(boxes) == 5
    assert all(60 <= len(box) <= 160 for box in boxes.values())


def test_mail_is_spread_over_months_and_none_is_in_the_future(boxes):
    for box in boxes.values():
        dates = [stored.received_at for stored in box]

        assert max(dates) <= NOW + timedelta(minutes=1)
        assert max(dates) > NOW - timedelta(days=15)
        assert min(dates) < NOW - timedelta(days=200)


def test_the_same_moment_gives_the_same_bytes(boxes):
    again = mailboxes(NOW)

    assert [s.raw for b in again.values() for s in b] == [
        s.raw for b in boxes.values() for s in b
    ]


@pytest.mark.parametrize("day", range(0, 365, 73))
def test_it_works_on_any_day(day):
    boxes = mailboxes(NOW + timedelta(days=day))

    assert all(len(box) >= 60 for box in boxes.values())


def test_every_mail_parses_without_defect(parsed):
    for _key, _folder, mail in parsed:
        assert not mail.defects
        assert mail["From"].addresses and mail["Date"].datetime
        for part in mail.walk():
            assert not part.defects
            if part.get_content_maintype() == "text":
                part.get_content()


def test_every_address_is_of_a_reserved_domain(parsed):
    for _key, _folder, mail in parsed:
        for header in ("From", "To", "Cc", "Bcc"):
            for address in mail[header].addresses if mail[header] else ():
                assert address.domain.endswith(".example")


def test_threads_have_several_mails_and_their_references_are_there(parsed):
    ids = {mail["Message-ID"] for _key, _folder, mail in parsed}
    replies = _having(parsed, "In-Reply-To")
    depth = Counter(len(mail["References"].split()) for _key, mail in replies)

    assert max(depth) >= 7
    assert {mail["In-Reply-To"] for _key, mail in replies} <= ids


@pytest.mark.parametrize(
    "words",
    [
        "schrieb",
        "a écrit :",
        "escribió:",
        "wrote:",
        "のメール:",
        "Gesendet:",
        "Envoyé:",
        "Enviado el:",
        "Sent:",
        "Forwarded message",
    ],
)
def test_quotations_are_worded_in_all_languages(boxes, words):
    texts = (stored.mail.text for box in boxes.values() for stored in box)

    assert any(words in text for text in texts)


def test_some_mail_is_html_alone(parsed):
    kinds = Counter(mail.get_content_type() for _key, _folder, mail in parsed)

    assert kinds["text/html"] >= 5
    assert kinds["multipart/alternative"] >= 50


def test_attachments_are_pdf_csv_and_png(parsed):
    files = [
        (part.get_content_type(), part.get_content())
        for _key, _folder, mail in parsed
        for part in mail.walk()
        if part.is_attachment()
    ]

    assert {kind for kind, _content in files} == {
        "application/pdf",
        "text/csv",
        "image/png",
    }
    for kind, content in files:
        if kind == "application/pdf":
            assert content.startswith(b"%PDF-") and content.endswith(b"%%EOF\n")
        if kind == "image/png":
            assert content.startswith(b"\x89PNG")


def test_japanese_comes_in_iso_2022_jp_and_in_utf_8(parsed):
    charsets = Counter(
        part.get_content_charset()
        for key, _folder, mail in parsed
        if key == "yuki"
        for part in mail.walk()
        if part.get_content_maintype() == "text" and "様" in part.get_content()
    )

    assert charsets["iso-2022-jp"] >= 5
    assert charsets["utf-8"] >= 5
    assert any("生酒用" in (mail["Subject"] or "") for _k, _f, mail in parsed)


def test_umlauts_stand_in_names_subjects_and_texts(parsed):
    assert any("Müßig" in mail["From"] for _key, _folder, mail in parsed)
    assert any("für" in (mail["Subject"] or "") for _key, _folder, mail in parsed)
    assert any("windows-1252" in str(mail) for _key, _folder, mail in parsed)


def test_internal_mail_has_nobody_from_outside(parsed):
    def domains(mail):
        return {
            address.domain
            for header in ("From", "To", "Cc", "Bcc")
            for address in (mail[header].addresses if mail[header] else ())
        }

    internal = [key for key, _f, mail in parsed if domains(mail) == {DOMAIN}]

    assert set(internal) == {person.key for person in SALESPEOPLE}


def test_newsletters_automatic_replies_and_private_mail_are_marked(parsed):
    senders = {mail["From"] for _key, mail in _having(parsed, "List-Unsubscribe")}
    automatic = _having(parsed, "Auto-Submitted")

    assert len(senders) >= 3
    assert all(mail["Return-Path"] == "<>" for _key, mail in automatic)
    assert _having(parsed, "Sensitivity")
    assert any("[Perso]" in (mail["Subject"] or "") for _k, _f, mail in parsed)


def test_invitations_are_nothing_but_a_calendar(parsed):
    invitations = [
        mail for _k, _f, mail in parsed if mail.get_content_type() == "text/calendar"
    ]

    assert len(invitations) >= 3
    assert all("METHOD:REQUEST" in mail.get_content() for mail in invitations)


def test_one_mail_to_several_colleagues_is_the_same_but_for_its_way(parsed):
    copies = {}
    for key, folder, mail in parsed:
        if mail["Message-ID"] and folder != "Sent":
            copies.setdefault(mail["Message-ID"], {})[key] = mail
    widest = max(copies.values(), key=len)

    assert len(widest) == 5
    assert len({mail["Received"] for mail in widest.values()}) == 5
    assert len({str(mail.get_body()) for mail in widest.values()}) == 1


def test_only_the_senders_copy_shows_bcc(parsed):
    with_bcc = [(f, mail) for _key, f, mail in parsed if mail["Bcc"]]
    hidden = {
        (address.username, mail["Message-ID"])
        for _folder, mail in with_bcc
        for address in mail["Bcc"].addresses
    }
    delivered = {(key, mail["Message-ID"]) for key, _f, mail in parsed}

    assert len(with_bcc) >= 8
    assert all(folder == "Sent" for folder, _mail in with_bcc)
    assert hidden <= delivered


def test_folders_drafts_trash_and_junk_all_hold_something(boxes):
    for box in boxes.values():
        folders = {stored.folder for stored in box}

        assert {"INBOX", "Sent", "Drafts", "Trash", "Junk"} <= folders
        assert any(folder.startswith("Archive/20") for folder in folders)
    assert any(stored.folder.startswith("顧客/") for stored in boxes["yuki"])
    assert any("&" in stored.folder for stored in boxes["lena"])


def test_some_mail_is_unread_answered_flagged(boxes):
    flags = Counter(
        flag for box in boxes.values() for stored in box for flag in stored.flags
    )
    unread = [s for box in boxes.values() for s in box if not s.flags]

    assert flags["\\Answered"] > 50 and flags["\\Flagged"] and flags["\\Draft"] == 5
    assert len(unread) >= 10


def test_one_mail_has_no_subject_and_one_no_message_id(parsed):
    assert any("Subject" not in mail for _key, _folder, mail in parsed)
    assert any("Message-ID" not in mail for _key, _folder, mail in parsed)
