# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What do the parts of the engine hand to each other? Immutable value objects.

Facts about a mail come in three grades, each dearer than the one before:

1. *listing*: what every provider gives while it lists (addresses, subject, date);
2. *headers and structure*: the header fields that the bulk rules read, and the parts;
3. *body*: the text.

``Envelope`` holds grades 1 and 2 (``headers`` and ``parts`` are ``None`` until the
second grade is known), ``Body`` holds grade 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Address:
    """One mail address as it stood in a header.

    :param name: display name, decoded, white space folded; ``""`` when there is none
    :param email: ``local@domain``, lower-cased, domain in ASCII (punycode); never
        empty: what has no usable address makes no ``Address``
    """

    name: str
    email: str

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the MIME tree, as BODYSTRUCTURE or an API describes it.

    :param ref: where to fetch it: IMAP part number (``"1.2"``), Gmail part id, ...
    :param content_type: ``type/subtype``, lower case
    :param size: in bytes as transferred (encoded)
    :param encoding: Content-Transfer-Encoding, lower case
    :param disposition: ``inline``, ``attachment`` or ``""``
    :param filename: decoded; ``""`` when there is none
    """

    ref: str
    content_type: str
    size: int = 0
    encoding: str = ""
    charset: str = ""
    disposition: str = ""
    filename: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The headers of one mail.

    :param message_id: with its angle brackets as in the header, ``""`` when missing
    :param date: the Date header in UTC, ``None`` when missing or impossible
    :param subject: decoded, white space folded, ``""`` when missing
    :param authors: all addresses of From (nearly always one)
    :param references: ids of References, oldest first, with their brackets
    :param in_reply_to: ids of In-Reply-To, with their brackets
    :param headers: second grade: lower-case field name -> decoded values in order, only
        of the fields in ``headers.RULE_FIELDS``; ``None`` = not fetched yet
    :param parts: second grade: leaves of the MIME tree; ``None`` = not fetched yet
    :param raw_subject: the Subject field's bytes as text before decoding; only for keys
    :param sensitivity: Sensitivity header or the API's field, lower case; listing grade
    """

    message_id: str = ""
    date: datetime | None = None
    subject: str = ""
    authors: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    references: tuple[str, ...] = ()
    in_reply_to: tuple[str, ...] = ()
    headers: Mapping[str, tuple[str, ...]] | None = None
    parts: tuple[Part, ...] | None = None
    raw_subject: str = ""
    sensitivity: str = ""

    @property
    def sender(self) -> Address | None:
        return self.authors[0] if self.authors else None

    @property
    def by_role(self) -> dict[str, tuple[Address, ...]]:
        """The addresses under the names that ``participant.role`` stores."""
        return {
            "from": self.authors,
            "to": self.to,
            "cc": self.cc,
            "reply_to": self.reply_to,
            "bcc": self.bcc,
        }

    @property
    def emails(self) -> frozenset[str]:
        return frozenset(a.email for many in self.by_role.values() for a in many)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file on a mail by name, type and size alone; its bytes stay in the mailbox.

    :param size: in bytes as transferred, 0 when unknown
    """

    name: str
    content_type: str
    size: int = 0
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """The text of one mail.

    :param text: plain text, ``\\n`` line ends, without NUL and lone surrogates
    :param quote_at: index in ``text`` where the quoted earlier mail begins; ``None``
        when nothing is quoted or when nothing new would be left
    :param truncated: the text was cut at the bound of ``text.MAX_TEXT``
    """

    text: str = ""
    quote_at: int | None = None
    attachments: tuple[Attachment, ...] = ()
    truncated: bool = False
