# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does a mail say, as plain text?

Two doors, one way: ``parse_body`` takes a whole mail apart and then does what a provider
does that fetches parts one by one::

    wanted = wanted_parts(parts)
    body = body_of_parts(parts, {part.ref: fetch(part) for part in wanted})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .envelope import Body, Part

#: Characters of text that are kept of one mail: 250 pages.
MAX_TEXT = 500_000
#: Bytes of one part, as transferred, that are looked at. A provider need not fetch more
#: (IMAP: ``BODY.PEEK[1]<0.8000000>``); a cut part is read as far as it goes.
MAX_PART = 8_000_000


def wanted_parts(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Which parts have to be fetched to show the text of a mail? Possibly none.

    :param parts: all leaves of the MIME tree in their order. A ``message/rfc822`` part
        stands there itself (with the ref under which it can be fetched, its filename and
        size), followed by the leaves inside it.

        ``ref`` is the path in the tree: siblings differ in what follows the last dot, as
        IMAP part numbers and Gmail part ids do.

        ``params["multipart"]`` are the subtypes of all multiparts and messages around
        the leaf, outermost first, lower case, joined by ``/``: ``""`` (or no such key)
        for a mail of one part, ``"mixed/alternative"``, ``"mixed/rfc822/related"``.
        A part under ``rfc822`` belongs to a mail within the mail: it is read only when
        the mail itself has no text, and its attachments are not this mail's.

        Other keys of ``params`` are the parameters of Content-Type as they stand
        (``format``, ``delsp``, ...). Lower-case keys.
    :return: in the order in which their texts are joined; at most ``MAX_PARTS``
    """
    return tuple(p for p in parts if p.content_type == "text/plain")[:1]


def body_of_parts(parts: Sequence[Part], contents: Mapping[str, bytes]) -> Body:
    """The text of a mail from those of its parts that were fetched. Never raises.

    :param parts: all leaves, as for ``wanted_parts``
    :param contents: ref -> the part's bytes as transferred, that is, before base64 or
        quoted-printable is undone; a wanted part that is missing here counts as empty
    """
    return Body()


def parse_body(raw: bytes) -> Body:
    """The text of a whole RFC 5322 mail. Never raises, whatever the bytes."""
    return Body()
