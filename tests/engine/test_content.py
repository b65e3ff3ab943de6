# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Nothing to read: invitations and empty mail, told by structure alone."""

import dataclasses
import json
from pathlib import Path

import pytest
from engine.content import missing_content
from engine.envelope import Envelope, Part
from engine.headers import parse_envelope
from engine.mime import leaves
from engine.reasons import Reason

CORPUS = Path(__file__).parents[3] / "shared" / "mail" / "mail"


def part(ref, content_type, around="", size=100, **fields):
    return Part(ref, content_type, size, params={"multipart": around}, **fields)


def verdict(*parts, **headers):
    headers = {name.replace("_", "-"): (value,) for name, value in headers.items()}
    return missing_content(Envelope(headers=headers, parts=parts))


PDF = {"content_type": "application/pdf", "disposition": "attachment"}
ICS = {"disposition": "attachment", "filename": "invite.ics"}


# --- empty ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (part("1", "text/plain", size=0),),
        (
            part("1", "text/plain", "alternative", size=0),
            part("2", "text/html", "alternative", size=0),
        ),
        *(
            (part("1", "text/plain", "signed", size=0), part("2", kind, "signed"))
            for kind in (
                "application/pgp-signature",
                "application/pkcs7-signature",
                "application/x-pkcs7-signature",
            )
        ),
    ],
)
def test_empty_mail_has_no_content(parts):
    assert verdict(*parts) == Reason.NO_CONTENT


@pytest.mark.parametrize(
    "parts",
    [
        (part("1", "text/plain", size=1),),
        (part("1", "text/html"),),
        (part("1", **PDF),),
        (part("1", "application/pkcs7-mime"),),
        (
            part("1", "message/rfc822", "mixed"),
            part("1.1", "text/plain", "mixed/rfc822"),
        ),
        (part("1", "text/plain", "mixed", size=0), part("2", "image/png", "mixed")),
    ],
)
def test_a_text_or_a_file_is_content(parts):
    assert verdict(*parts) is None


# --- invitations ---------------------------------------------------------------------


def test_a_bare_invitation_is_one():
    assert verdict(part("1", "text/calendar")) == Reason.CALENDAR
    assert verdict(part("1", "application/ics")) == Reason.CALENDAR
    shouted = part("1", "application/octet-stream", filename="INVITE.ICS")
    assert verdict(shouted) == Reason.CALENDAR
    assert verdict(part("1", "application/octet-stream", **ICS)) == Reason.CALENDAR


def test_a_text_that_tells_the_invitation_again_is_no_content():
    google = (
        part("1.1", "text/plain", "mixed/alternative"),
        part("1.2", "text/html", "mixed/alternative"),
        part("1.3", "text/calendar", "mixed/alternative"),
        part("2", "application/ics", "mixed", **ICS),
    )
    with_logo = (
        part("1.1", "text/html", "alternative/related"),
        part("1.2", "image/png", "alternative/related", disposition="inline"),
        part("2", "text/calendar", "alternative"),
    )

    assert verdict(*google) == Reason.CALENDAR
    assert verdict(*with_logo) == Reason.CALENDAR


def test_what_a_person_writes_beside_an_invitation_is_content():
    attached = (part("1", "text/plain", "mixed"), part("2", "text/calendar", "mixed"))
    above = (
        part("1", "text/plain", "mixed"),
        part("2.1", "text/plain", "mixed/alternative"),
        part("2.2", "text/calendar", "mixed/alternative"),
    )

    assert verdict(*attached) is None
    assert verdict(*above) is None


def test_a_file_attached_to_an_invitation_is_content():
    parts = (
        part("1.1", "text/plain", "mixed/alternative"),
        part("1.2", "text/calendar", "mixed/alternative"),
    )

    assert verdict(*parts) == Reason.CALENDAR
    for content_type in ("application/pdf", "text/plain", "image/png"):
        agenda = part("2", content_type, "mixed", disposition="attachment")
        assert verdict(*parts, agenda) is None


def test_exchange_marks_the_whole_mail_as_invitation():
    marked = {"content_class": "urn:Content-Classes:CalendarMessage"}
    tnef = part("2", "application/ms-tnef", "mixed", disposition="attachment")

    assert verdict(part("1", "text/plain", "mixed"), tnef, **marked) == "calendar"
    assert verdict(part("1", "text/plain", "mixed"), tnef) is None
    notes = part("2", "text/plain", "mixed", disposition="attachment")
    assert verdict(part("1", "text/plain", "mixed"), notes, **marked) is None


def test_a_forwarded_invitation_is_content():
    forwarded = (
        part("1", "text/plain", "mixed", size=0),
        part("2", "message/rfc822", "mixed"),
        part("2.1", "text/plain", "mixed/rfc822/alternative"),
        part("2.2", "text/calendar", "mixed/rfc822/alternative"),
    )

    assert verdict(*forwarded) is None


# --- real mail -----------------------------------------------------------------------

#: Class of labels.jsonl -> what is to come out of it.
EXPECTED = {
    "calendar": Reason.CALENDAR,
    **dict.fromkeys(
        "ham-nolist list newsletter spam bounce-corpus autoreply feedback-report"
        " not-a-bounce".split()
    ),
}
#: The mails of those classes of which the rule says something else: two people sent
#: somebody's invitation on, as a file beside their own text.
OTHERWISE = {"calendar/eml__gmail.eml", "calendar/eml__spam.eml"}
#: Fixtures of parsers that are called empty. Of all but the last three, three other
#: parser families say the same (facts.jsonl); two have an HTML part of no bytes, and
#: the last has a boundary that others read as another.
EMPTY = {
    "mikel/emails__error_emails__empty_in_reply_to.eml",
    "mikel/emails__error_emails__must_supply_encoding.eml",
    "mime4j/mimetools-testmsgs/hdr-fakeout.msg",
    "mime4j/testmsgs/malformedHeader-noheader.msg",
    "mime4j/testmsgs/malformedHeaderStartsBody-noheader.msg",
    "mime4j/testmsgs/multipartemptypart.msg",
    "mime4j/testmsgs/multipartnestedemptypartsnorfc822.msg",
    "mikel/emails__error_emails__bad_date_header.eml",
    "stalwart_malformed/000.eml",
    "stalwart_malformed/005.eml",
}

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the mail corpora (../shared/mail) are not here"
)


@pytest.fixture(scope="module")
def judged():
    """(class, path below mail/, verdict) of every mail."""
    rows = []
    with open(CORPUS.parent / "labels.jsonl", encoding="utf-8") as lines:
        for label in map(json.loads, lines):
            raw = (CORPUS.parent / label["path"]).read_bytes()
            parts = tuple(leaf.part for leaf in leaves(raw))
            envelope = dataclasses.replace(parse_envelope(raw), parts=parts)
            path = label["path"].removeprefix("mail/")
            rows.append((label["class"], path, missing_content(envelope)))
    return rows


@needs_corpus
def test_invitations_of_real_mail_are_found_and_nothing_else(judged):
    for kind, expected in EXPECTED.items():
        rows = [(path, reason) for one, path, reason in judged if one == kind]
        wrong = {path for path, reason in rows if reason != expected}
        print(f"{kind}: {len(rows) - len(wrong)} of {len(rows)} right")
        assert wrong == {path for path in OTHERWISE if kind == path.partition("/")[0]}


@needs_corpus
def test_mail_called_empty_holds_nothing_for_other_parsers_either(judged):
    with open(CORPUS.parent / "facts.jsonl", encoding="utf-8") as lines:
        facts = {row["path"]: row["facts"] for row in map(json.loads, lines)}

    called_empty = {path for _k, path, reason in judged if reason == Reason.NO_CONTENT}

    assert called_empty == EMPTY
    with_content = {
        path
        for path in called_empty
        if facts[f"mail/{path}"].get("text") or facts[f"mail/{path}"].get("attachments")
    }
    assert with_content == {"stalwart_malformed/005.eml"}
