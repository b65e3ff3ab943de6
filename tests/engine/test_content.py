# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Nothing to read: invitations and empty mail, told by structure alone."""

import dataclasses
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


def judged(folder):
    for path in sorted((CORPUS / folder).rglob("*.eml")):
        raw = path.read_bytes()
        parts = tuple(leaf.part for leaf in leaves(raw))
        yield (
            path.name,
            missing_content(dataclasses.replace(parse_envelope(raw), parts=parts)),
        )


@pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the mail corpora (../shared/mail) are not here"
)
def test_invitations_of_real_mail_are_found_and_nothing_else():
    """Two have their calendar attached beside the text, as people attach one."""
    passed = [name for name, reason in judged("calendar") if not reason]
    assert passed == ["eml__gmail.eml", "eml__spam.eml"]

    for folder in ("ham_nolist", "lists", "newsletters", "spam", "charsets"):
        assert not [name for name, reason in judged(folder) if reason], folder
