# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What text do these bytes hold, given what the sender called their charset?

Senders label wrongly in well-known ways; what browsers do about it (the WHATWG Encoding
Standard's labels) is what readers expect. Nothing here raises.
"""

from __future__ import annotations

import binascii
import codecs
import re
from functools import lru_cache

#: Label -> Python's codec, where Python has none of that name or a narrower one: the
#: label on the left is used for its superset on the right.
ALIASES = {
    "ascii": "us-ascii",
    "ansi_x3.4-1968": "us-ascii",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso_8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "l1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "iso-8859-8-i": "iso8859_8",
    "iso-8859-8-e": "iso8859_8",
    "iso-8859-6-i": "iso8859_6",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "hz-gb-2312": "hz",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "ms_kanji": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "big5": "cp950",
    "macintosh": "mac_roman",
    "mac": "mac_roman",
    "mac-roman": "mac_roman",
    "mac-cyrillic": "mac_cyrillic",
    "utf8mb4": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
    "utf-8": "utf-8",
    "utf8": "utf-8",
}
#: Codecs that Python takes for text but that are no charset of mail.
NOT_CHARSETS = frozenset(
    {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"}
    | {"mbcs", "oem"}
)
#: More code points for the rest of what the first codec could not read.
SUPERSETS = {"cp950": "big5hkscs", "iso2022_jp_ext": "iso2022_jp_2004"}

_LABEL = re.compile(r"[a-z0-9][a-z0-9._:+-]{0,40}")
_CODE_PAGE = re.compile(r"(?:windows|win|ibm|cp|dos|ms)[-_ ]?(\d{3,5})$")
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_LINE_END = re.compile("\r\n?|[\u2028\x85]")


@lru_cache(maxsize=512)
def codec_for(label: str) -> str:
    """Python's codec for a charset label, ``""`` when it names no charset we know."""
    found = _LABEL.search(label.lower())
    if not found:
        return ""
    name = found.group().strip(":.-")
    for candidate in (name, name.removeprefix("x-")):
        if candidate in ALIASES:
            return ALIASES[candidate]
        if page := _CODE_PAGE.match(candidate):
            candidate = f"cp{page.group(1)}"
        try:
            codec = codecs.lookup(candidate)
        except (LookupError, ValueError):
            continue
        # rot13, zlib, hex are codecs too
        if codec._is_text_encoding and codec.name.replace("-", "_") not in NOT_CHARSETS:
            return codec.name
    return ""


def decode(raw: bytes, label: str = "") -> str:
    """Bytes to text: the label's charset, else UTF-8, else Windows-1252.

    Text may still hold what ``clean`` removes.
    """
    codec = codec_for(label) if label else ""
    if not codec or codec in ("us-ascii", "ascii"):
        return _guess(raw)
    try:
        return raw.decode(codec)
    except (UnicodeError, ValueError, OverflowError):
        pass
    if codec == "utf-8":
        return _mostly_utf8(raw)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if codec == "cp1252":
        return _cp1252(raw)
    for wider in (SUPERSETS.get(codec), codec):
        try:
            return raw.decode(wider, "strict" if wider != codec else "replace")
        except (UnicodeError, ValueError, TypeError):
            continue
    return _cp1252(raw)


def _guess(raw: bytes) -> str:
    """Text of bytes whose charset nobody told, or that are not the ASCII they claim."""
    if b"\x1b$" in raw or b"\x1b(J" in raw:  # ISO-2022-JP is 7-bit: it looks like ASCII
        try:
            return raw.decode("iso2022_jp_ext")
        except UnicodeDecodeError:
            pass
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return _mostly_utf8(raw)


def _mostly_utf8(raw: bytes) -> str:
    """UTF-8 with a few broken bytes (a part that was cut), or really Windows-1252?"""
    text = raw.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    if beyond_ascii - broken >= broken:
        return text
    return _cp1252(raw)


def _cp1252(raw: bytes) -> str:
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        # five bytes are undefined there; browsers read them as in ISO-8859-1
        return raw.decode("cp1252", "latin1_rest")


def _latin1_rest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("latin1_rest", _latin1_rest)


def clean(text: str) -> str:
    """Text that a database and a browser take: ``\\n`` line ends, no NUL or surrogates.

    PostgreSQL refuses NUL, UTF-8 has no lone surrogates, and other control characters
    are invisible at best.
    """
    if text.isprintable():
        return text
    if "\r" in text or "\u2028" in text or "\x85" in text:
        text = _LINE_END.sub("\n", text)
    return _UNWANTED.sub("", text)


_ID = re.compile(r"[!-~]{1,1000}")


def ascii_id(value: object) -> str:
    """An id that an API gave, ``""`` for what can be none.

    It goes into URLs and into indexes, which take 2,700 bytes and no NUL.
    """
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def media_type(value: object) -> str:
    """``type/subtype`` as an API gave it, in lower case; ``""`` for what is none."""
    kind = value[:200].strip().lower() if isinstance(value, str) else ""
    return kind if "/" in kind and kind.isascii() and kind.isprintable() else ""


# --- transfer encodings (RFC 2045 section 6) -----------------------------------------

_NOT_BASE64 = bytes(
    c
    for c in range(256)
    if chr(c) not in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)
_PADDING = re.compile(rb"=[=\s]*")
_FOOTER = re.compile(rb"\n[_-]{4,200}[ \t]{0,9}\r?\n")
_SOFT_BREAK = re.compile(rb"=[ \t]+(\r?\n)")


def from_base64(raw: bytes) -> bytes:
    """What base64 can be read out of these bytes, foreign characters skipped.

    Several padded runs one after the other are all read, but not the plain-text footer
    that a list server put behind the last.
    """
    if footer := _FOOTER.search(raw):
        raw = raw[: footer.start()]
    runs = _PADDING.split(raw, 10_000) if b"=" in raw else [raw]
    decoded = []
    for number, run in enumerate(runs):
        data = run.translate(None, _NOT_BASE64)
        if number and len(data) < len(run.translate(None, b"\r\n\t ")) + run.count(
            b" "
        ):
            break
        if len(data) % 4 == 1:
            data = data[:-1]
        decoded.append(binascii.a2b_base64(data + b"=" * (-len(data) % 4)))
    return b"".join(decoded)


def from_quoted_printable(raw: bytes) -> bytes:
    if b"= " in raw or b"=\t" in raw:
        raw = _SOFT_BREAK.sub(rb"=\1", raw)
    return binascii.a2b_qp(raw)


def from_uuencode(raw: bytes) -> bytes:
    decoded = []
    for line in raw.splitlines():
        if line.startswith(b"begin ") or not line:
            continue
        if line.strip() == b"end":
            break
        try:
            decoded.append(binascii.a2b_uu(line))
        except binascii.Error:
            length = (((line[0] - 32) & 63) * 4 + 5) // 3  # as the stdlib's uu reads it
            try:
                decoded.append(binascii.a2b_uu(line[:length]))
            except binascii.Error:
                continue
    return b"".join(decoded)


def from_transfer(raw: bytes, encoding: str) -> bytes:
    """Undo a Content-Transfer-Encoding; an unknown one leaves the bytes as they are."""
    encoding = encoding.strip().lower()
    if encoding == "base64":
        return from_base64(raw)
    if encoding == "quoted-printable":
        return from_quoted_printable(raw)
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return from_uuencode(raw)
    return raw
