# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Under which keys are two copies the same mail? Pure functions over headers.

Every key is a hex SHA-256 over fields with their length before them, so that no field
can spill over into its neighbour, and over a word that says what the key is for, so
that a key of one kind never equals a key of another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from .envelope import Envelope
from .providers.base import Presence

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BRACKETED = re.compile(r"<([^<>]+)>")
_COMMENT_AFTER = re.compile(r"\s\([^()]*\)\s*$")


def mail_key(presence: Presence) -> str:
    """The key of a mail within its mailbox, the same wherever it lies there.

    The provider's own id, else a hash of what survives a move: Message-ID, Date, From,
    raw subject, size and the time the mailbox received it. The store keeps it only as a
    keyed hash.
    """
    if presence.key:
        return presence.key
    envelope = presence.envelope or Envelope()
    return _digest(
        "mail_key",
        normalise_message_id(envelope.message_id),
        _seconds(envelope.date),
        *_counted(address.email for address in envelope.authors),
        envelope.raw_subject or envelope.subject,
        str(presence.size),
        _seconds(presence.received_at),
    )


def identity(envelope: Envelope, key: str) -> str:
    """The key under which copies in several mailboxes are one mail.

    Strict on purpose: Message-ID, first From address, Date, subject (white space
    folded) and the set of To and Cc addresses have to agree, so that a mail with a
    forged Message-ID joins nothing. Bcc and Reply-To are left out: the first differs
    between the sender's copy and the others, the second is what list servers rewrite.

    :param key: the ``mail_key``; goes in when there is neither Message-ID nor Date, so
        that such a mail is only ever the same as itself
    """
    message_id = normalise_message_id(envelope.message_id)
    anonymous = not message_id and envelope.date is None
    return _digest(
        "identity",
        message_id,
        envelope.sender.email if envelope.sender else "",
        _seconds(envelope.date),
        " ".join(envelope.subject.split()),
        *_counted(sorted({address.email for address in envelope.to + envelope.cc})),
        key if anonymous else "",
    )


def same_key(envelope: Envelope) -> str:
    """The key under which rows may be *shown* as one mail: Message-ID and From domain.

    Looser than ``identity``: it stays the same when a gateway tags the subject or an
    alias is resolved. ``""`` without Message-ID or sender: nothing is shown as one.
    """
    message_id = normalise_message_id(envelope.message_id)
    domain = envelope.sender.domain if envelope.sender else ""
    if not message_id or not domain:
        return ""
    return _digest("same_key", message_id, domain)


def thread_key(envelope: Envelope, provider_thread: str = "") -> str:
    """The key of the conversation a mail belongs to; ``""`` when nothing tells.

    The first id of References is the mail that began it (RFC 5322 section 3.6.4); else
    the first of In-Reply-To, else the mail began one itself. The provider's thread
    comes last: it differs between mailboxes. The subject never counts: equal subjects
    have put two customers into one conversation elsewhere.
    """
    for text in (*envelope.references, *envelope.in_reply_to, envelope.message_id):
        if message_id := normalise_message_id(text):
            return _digest("thread_key", message_id)
    if provider_thread:
        return _digest("provider_thread", provider_thread)
    return ""


def normalise_message_id(text: str) -> str:
    """A Message-ID in the form in which two of them are compared.

    Without brackets, comments and white space; the host part, and only that, in folded
    case (RFC 5322 section 3.6.4 asks only that an id be unique; servers change the case
    of hosts).

    >>> normalise_message_id(" <A.b@Mail.EXAMPLE.com> ")
    'A.b@mail.example.com'
    """
    bracketed = _BRACKETED.search(text)
    bare = bracketed[1] if bracketed else _COMMENT_AFTER.sub("", text)
    bare = "".join(bare.split()).strip("<>")
    local, at, host = bare.rpartition("@")
    return f"{local}{at}{host.casefold()}" if at else bare


def body_digest(text: str) -> str:
    """What tells one text from another: hex SHA-256 of it in UTF-8."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _seconds(moment: datetime | None) -> str:
    """Whole seconds since 1970 in UTC; a time without zone counts as UTC."""
    if moment is None:
        return ""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return str((moment - _EPOCH) // timedelta(seconds=1))


def _counted(values: Iterable[str]) -> tuple[str, ...]:
    values = tuple(values)
    return (str(len(values)), *values)


def _digest(kind: str, *fields: str) -> str:
    hashed = sha256()
    for field in (kind, *fields):
        octets = field.encode("utf-8", "surrogatepass")
        hashed.update(b"%d:" % len(octets))
        hashed.update(octets)
    return hashed.hexdigest()
