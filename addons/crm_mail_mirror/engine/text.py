# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does a mail say, as plain text?

Two doors, one way: ``parse_body`` takes a whole mail apart and then does what a
provider does that fetches parts one by one::

    wanted = wanted_parts(parts)
    body = body_of_parts(parts, {part.ref: fetch(part) for part in wanted})
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from . import charsets, html, mime, quotes
from .envelope import Attachment, Body, Part

html_to_text = html.html_to_text
quote_start = quotes.quote_start

#: Characters of text that are kept of one mail: 250 pages.
MAX_TEXT = 500_000
#: Bytes of one part, as transferred, that are looked at. A provider need not fetch more
#: (IMAP: ``BODY.PEEK[1]<0.8000000>``); a cut part is read as far as it goes.
MAX_PART = 8_000_000
#: Text parts of one mail that are joined.
MAX_PARTS = 50
#: Attachments of one mail that are listed.
MAX_ATTACHMENTS = 500
#: Bytes up to which a text/plain part may be an empty one beside the HTML that counts.
HARDLY_ANY = 80

#: text/... that is not for reading, or not by people.
_NOT_TEXT = frozenset(
    {"calendar", "csv", "vcard", "x-vcard", "directory", "css", "xml", "rtf", "x-diff"}
    | {"rfc822-headers", "x-patch", "javascript", "tab-separated-values", "x-amp-html"}
    | {"watch-html", "x-python", "x-c", "x-log", "x-sh", "x-server-parsed-html"}
)
_ENRICHED = re.compile(
    r"<(?:nofill|param>[^<]{0,500}</param|/?[a-z-]{1,40})>", re.IGNORECASE
)


def wanted_parts(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Which parts have to be fetched to show the text of a mail? Possibly none.

    :param parts: all leaves of the MIME tree in their order. A ``message/rfc822`` part
        stands there itself (with the ref under which it can be fetched, its filename
        and size), followed by the leaves inside it.

        ``ref`` is the path in the tree: siblings differ in what follows the last dot,
        as IMAP part numbers and Gmail part ids do.

        ``params["multipart"]`` are the subtypes of all multiparts and messages around
        the leaf, outermost first, lower case, joined by ``/``: ``""`` (or no such key)
        for a mail of one part, ``"mixed/alternative"``, ``"mixed/rfc822/related"``.
        A part under ``rfc822`` belongs to a mail within the mail: it is read only when
        the mail itself has no text, and its attachments are not this mail's.

        Other keys of ``params`` are the parameters of Content-Type as they stand
        (``format``, ``delsp``, ...). Lower-case keys.
    :return: in the order in which their texts are joined; at most ``MAX_PARTS``
    """
    return tuple(_chosen(parts)[:MAX_PARTS])


def _chosen(parts: Sequence[Part]) -> list[Part]:
    own = [part for part in parts if "rfc822" not in _around(part)]
    readable = [part for part in own if is_text(part)]
    spoken = [
        part for part in readable if part.content_type in ("text/plain", "text/html")
    ]
    if not spoken:
        nested = [] if readable else _first_message(parts)
        return readable or (_chosen(nested) if nested else [])
    spoken = spoken[:MAX_PARTS]
    plain = [part for part in spoken if part.content_type == "text/plain"]
    if plain and sum(part.size for part in plain) <= HARDLY_ANY:
        return spoken
    return _without_alternatives(spoken)


def _without_alternatives(spoken: list[Part]) -> list[Part]:
    """Plain text, and HTML only where it says something that no plain text says."""
    plain = [part for part in spoken if part.content_type == "text/plain"]
    return [
        part
        for part in spoken
        if part.content_type == "text/plain"
        or not any(_are_alternatives(part, other) for other in plain)
    ]


def is_text(part: Part) -> bool:
    """Is this part the text of the mail, or a piece of it? Attached files never are."""
    kind, _slash, subtype = part.content_type.partition("/")
    return (
        kind == "text" and subtype not in _NOT_TEXT and part.disposition != "attachment"
    )


def _around(part: Part) -> list[str]:
    path = part.params.get("multipart", "")
    return path.split("/") if path else []


def _are_alternatives(one: Part, other: Part) -> bool:
    """Do two parts say the same in two formats (RFC 2046 section 5.1.4)?"""
    path, other_path = _around(one), _around(other)
    way = one.ref.split(".")[-len(path) :]
    other_way = other.ref.split(".")[-len(other_path) :]
    for subtype, step, other_step in zip(path, way, other_way, strict=False):
        if step != other_step:
            return subtype == "alternative"
    return False


def _first_message(parts: Sequence[Part]) -> list[Part]:
    """The leaves of the first mail within the mail, as if it had come alone."""
    inside: list[Part] = []
    outer: Part | None = None
    for part in parts:
        if outer is None:
            outer = part if part.content_type == "message/rfc822" else None
        elif not part.ref.startswith(outer.ref + "."):
            break
        else:
            path = _around(part)[len(_around(outer)) + 1 :]
            inside.append(
                replace(part, params={**part.params, "multipart": "/".join(path)})
            )
    return inside


def body_of_parts(parts: Sequence[Part], contents: Mapping[str, bytes]) -> Body:
    """The text of a mail from those of its parts that were fetched. Never raises.

    :param parts: all leaves, as for ``wanted_parts``
    :param contents: ref -> the part's bytes as transferred, that is, before base64 or
        quoted-printable is undone; a wanted part that is missing here counts as empty
    """
    wanted = wanted_parts(parts)
    texts = {part.ref: _text_of(part, contents.get(part.ref, b"")) for part in wanted}
    spoken = _without_alternatives([part for part in wanted if texts[part.ref].strip()])
    text = "\n\n".join(texts[part.ref].strip("\n") for part in spoken).rstrip()
    cut = len(text) > MAX_TEXT or any(
        len(contents.get(p.ref, b"")) > MAX_PART for p in wanted
    )
    text = text[:MAX_TEXT]
    return Body(
        text=text,
        quote_at=quotes.quote_start(text),
        attachments=attachments_of(parts, wanted),
        truncated=cut,
    )


def _text_of(part: Part, content: bytes) -> str:
    raw = charsets.from_transfer(content[:MAX_PART], part.encoding)
    if part.content_type == "text/html":
        return html.html_to_text(raw, part.charset)
    text = charsets.clean(charsets.decode(raw, part.charset))
    if part.params.get("format", "").lower() == "flowed":
        text = _unflowed(text, part.params.get("delsp", "").lower() == "yes")
    elif part.content_type in ("text/enriched", "text/richtext"):
        text = _ENRICHED.sub("", text).replace("<<", "<")
    return text


def _unflowed(text: str, delete_space: bool) -> str:
    """Lines that a space at their end flows into the next, joined (RFC 3676).

    Quoted lines stay as they are: most were never flowed.
    """
    lines: list[str] = []
    flows = False
    for line in text.split("\n"):
        if line.startswith(">"):
            lines.append(line)
            flows = False
            continue
        bare = line[1:] if line.startswith(" ") else line  # stuffed, section 4.4
        signature = bare == "-- "
        if flows and not signature:
            lines[-1] = (lines[-1][:-1] if delete_space else lines[-1]) + bare
        else:
            lines.append(bare)
        flows = bare.endswith(" ") and not signature
    return "\n".join(lines)


def attachments_of(
    parts: Sequence[Part], wanted: Sequence[Part]
) -> tuple[Attachment, ...]:
    """The files on a mail. Not: its text in another format, a nested mail's files.

    :param wanted: the parts that are shown as its text
    """
    shown = {part.ref for part in wanted}
    files = [
        part
        for part in parts
        if "rfc822" not in _around(part)
        and part.ref not in shown
        and (part.filename or not is_text(part))
    ]
    return tuple(
        Attachment(part.filename, part.content_type, part.size, part.ref)
        for part in files[:MAX_ATTACHMENTS]
    )


def parse_body(raw: bytes) -> Body:
    """The text of a whole RFC 5322 mail. Never raises, whatever the bytes.

    >>> parse_body(b"Subject: Hi\\n\\nHello Ann").text
    'Hello Ann'
    """
    leaves = mime.leaves(raw)
    parts = [leaf.part for leaf in leaves]
    wanted = {part.ref for part in wanted_parts(parts)}
    contents = {
        leaf.part.ref: leaf.content(MAX_PART + 1)
        for leaf in leaves
        if leaf.part.ref in wanted
    }
    return body_of_parts(parts, contents)
