# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which parts does a mail have? RFC 2045, 2046, 2183 and 2231, read leniently.

Only for mail that is there as a whole; providers get the same ``Part`` objects from
BODYSTRUCTURE or an API. Nothing is decoded here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_to_bytes

from . import charsets, headers
from .envelope import Part

#: Multiparts within multiparts, and leaves of one mail: far above what programs make,
#: and low enough that a mail built as a bomb costs milliseconds.
MAX_DEPTH = 40
MAX_LEAVES = 2_000
#: Bytes of a Content-Type or Content-Disposition field, and parameters of one.
MAX_FIELD = 20_000
MAX_PARAMETERS = 100
#: Characters of a file name.
MAX_FILENAME = 255

_WANTED = frozenset(
    {b"content-type", b"content-transfer-encoding", b"content-disposition"}
)
#: As long as a registered name is at most (RFC 6838 section 4.2).
_TYPE = re.compile(
    r"([a-z0-9!#$&^_.+-]{1,127})\s*/\s*([a-z0-9!#$&^_.+-]{1,127})", re.IGNORECASE
)
_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]"
_TOKEN = re.compile(rf"{_NAME}+")
#: Looked for where a name begins and nowhere else: the field may be one long name.
_PARAMETER = re.compile(
    rf"(?<!{_NAME})({_NAME}++)\s*+=\s*+"
    r'(?:"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)|([^;"]*+))',
    re.DOTALL,
)
_COMMENT = re.compile(r"\([^()\"]*\)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SECTION = re.compile(r"(.+?)\*(\d{1,3})?(\*)?$")
_BOUNDARY_END = re.compile(rb"(--)?[ \t]*(?:\r?\n|\r|\Z)")


# --- Content-Type and Content-Disposition --------------------------------------------


def parameters(value: bytes | str) -> tuple[str, dict[str, str]]:
    """``("text/plain", {"charset": "utf-8"})`` of a field; names are lower case.

    Sections and charsets of RFC 2231 are put together; encoded words inside quotes,
    which no RFC allows and many programs write, are decoded.
    """
    text = charsets.decode(value[:MAX_FIELD]) if isinstance(value, bytes) else value
    text = charsets.clean(text[:MAX_FIELD])
    main, _semicolon, rest = text.partition(";")
    if "=" in main:  # the semicolon was forgotten
        main, rest = (main.split(None, 1) + ["", ""])[:2]
        rest = rest + ";" + _semicolon + text.partition(";")[2]
    if "(" in rest and '"' not in rest:
        rest = _COMMENT.sub(" ", rest)
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for number, found in enumerate(_PARAMETER.finditer(rest)):
        if number >= MAX_PARAMETERS:
            break
        name, quoted, bare = found.groups()
        name = name.lower()
        given = _ESCAPED.sub(r"\1", quoted) if quoted is not None else bare.strip()
        section = _SECTION.match(name)
        if section:
            base, index, extended = section.groups()
            encoded = bool(extended) or index is None
            sections.setdefault(base, {}).setdefault(int(index or 0), (given, encoded))
        else:
            plain.setdefault(name, given)
    for name, given in plain.items():
        if "=?" in given:
            plain[name] = headers.decode_header_value(given)
    for base, by_index in sections.items():
        plain[base] = _joined(by_index)
    return _COMMENT.sub("", main).strip().lower(), plain


def _joined(by_index: Mapping[int, tuple[str, bool]]) -> str:
    """The value of a parameter cut into sections (RFC 2231 sections 3 and 4)."""
    charset, raw = "", []
    for number, (_index, (value, encoded)) in enumerate(sorted(by_index.items())):
        if encoded and not number and value.count("'") >= 2:
            charset, _language, value = value.split("'", 2)
        if encoded:
            raw.append(unquote_to_bytes(value))
        else:
            raw.append(value.encode("utf-8", "replace"))
    return charsets.clean(charsets.decode(b"".join(raw), charset))


def disposition_of(told: str) -> str:
    """``inline``, ``attachment`` or ``""``: whatever a Content-Disposition begins with.

    A word that nobody knows means an attachment (RFC 2183 section 2.8).
    """
    word = _TOKEN.match(told.strip("\"' ").lower())
    if not word:
        return ""
    return "inline" if word[0] == "inline" else "attachment"


def filename_of(disposition: Mapping[str, str], content_type: Mapping[str, str]) -> str:
    """The name of a file, without the path that some programs send along."""
    name = disposition.get("filename") or content_type.get("name") or ""
    name = " ".join(charsets.clean(name).split())
    return re.split(r"[/\\]", name)[-1].strip()[-MAX_FILENAME:]


# --- the tree ------------------------------------------------------------------------


class Leaf:
    """A part and where its transferred bytes lie: copied only when they are wanted."""

    __slots__ = ("part", "_raw", "_start", "_stop")

    def __init__(self, part: Part, raw: bytes, start: int, stop: int):
        self.part = part
        self._raw, self._start, self._stop = raw, start, stop

    def content(self, limit: int | None = None) -> bytes:
        stop = self._stop if limit is None else min(self._stop, self._start + limit)
        return self._raw[self._start : stop]


class _Tree:
    """Collects the leaves of one mail, bounded in depth and number."""

    def __init__(self, raw: bytes, found: list[Leaf]):
        self.raw = raw
        self.leaves = found

    def read(
        self, start: int, stop: int, ref: str, around: tuple[str, ...], default: str
    ):
        """Take the entity ``raw[start:stop]`` apart: its header, then its body."""
        if len(self.leaves) >= MAX_LEAVES:
            return
        body_at = headers.header_end(self.raw, start, stop)
        block = self.raw[start : min(body_at, start + headers.MAX_HEADER)]
        found: dict[bytes, bytes] = {}
        for name, value in headers.fields(block, _WANTED):
            if value:
                found.setdefault(name, value)
        content_type, params = parameters(found.get(b"content-type", b""))
        kind = _TYPE.match(content_type)
        content_type = f"{kind[1]}/{kind[2]}" if kind else default
        boundary = params.get("boundary", "").rstrip()
        if (
            len(around) < MAX_DEPTH
            and content_type.startswith("multipart/")
            and boundary
        ):
            inside = content_type[10:]
            children = list(_children(self.raw, body_at, stop, boundary))
            child_default = "message/rfc822" if inside == "digest" else "text/plain"
            for number, (child_start, child_stop) in enumerate(children, start=1):
                child_ref = f"{ref}.{number}" if ref else str(number)
                self.read(
                    child_start, child_stop, child_ref, (*around, inside), child_default
                )
            if children:
                return
        self.add_leaf(body_at, stop, ref or "1", around, content_type, params, found)

    def add_leaf(self, start, stop, ref, around, content_type, params, found):
        disposition, details = parameters(found.get(b"content-disposition", b""))
        encoding, _params = parameters(found.get(b"content-transfer-encoding", b""))
        if content_type.startswith("multipart/"):
            content_type = "text/plain"  # the parts it promised are not there
        part = Part(
            ref=ref,
            content_type=content_type,
            size=stop - start,
            encoding=encoding.strip("\"' "),
            charset=params.get("charset", ""),
            disposition=disposition_of(disposition),
            filename=filename_of(details, params),
            params={**params, "multipart": "/".join(around)},
        )
        self.leaves.append(Leaf(part, self.raw, start, stop))
        if content_type != "message/rfc822" or len(around) >= MAX_DEPTH:
            return
        inner = self
        if part.encoding in ("base64", "quoted-printable"):
            decoded = charsets.from_transfer(self.raw[start:stop], part.encoding)
            inner, start, stop = _Tree(decoded, self.leaves), 0, len(decoded)
        inner.read(start, stop, f"{ref}.1", (*around, "rfc822"), "text/plain")


def _children(
    raw: bytes, start: int, stop: int, boundary: str
) -> Iterator[tuple[int, int]]:
    """Where the parts of a multipart lie (RFC 2046 section 5.1.1)."""
    delimiter = b"--" + boundary.encode("utf-8", "replace")
    begun, position = -1, start
    while (at := raw.find(delimiter, position, stop)) >= 0:
        position = at + len(delimiter)
        if at > start and raw[at - 1] not in b"\r\n":
            continue
        end = _BOUNDARY_END.match(raw, position, stop)
        if not end:
            continue
        if begun >= 0:
            yield begun, _before_line_end(raw, begun, at)
        if end[1]:
            return
        begun = position = end.end()
    if begun >= 0:
        yield begun, stop


def _before_line_end(raw: bytes, start: int, at: int) -> int:
    """The line end before a delimiter belongs to the delimiter."""
    if at > start and raw[at - 1] == 0x0A:
        at -= 1
    if at > start and raw[at - 1] == 0x0D:
        at -= 1
    return at


def leaves(raw: bytes) -> list[Leaf]:
    """The leaves of a whole mail in their order.

    As ``text.wanted_parts`` wants them: a ``message/rfc822`` part is listed, and what
    lies inside it follows.
    """
    tree = _Tree(raw, [])
    tree.read(0, len(raw), "", (), "text/plain")
    return tree.leaves
