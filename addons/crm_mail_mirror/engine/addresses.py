# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which addresses stand in a From, To or Cc field? RFC 5322 section 3.4, leniently.

One pass over tokens, so that a hostile field costs no more than its length. Comments
are skipped, also where old software put a name into one: the RFC gives their content no
meaning, and most parsers read none into it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import idna

from . import charsets
from .envelope import Address

#: Addresses of one field; above any real mail, below what would fill a table.
MAX_ADDRESSES = 20_000
#: Words and signs of one field: 20,000 addresses with names, or 0.4 s of junk.
MAX_TOKENS = 200_000
#: Characters of an address (RFC 5321 section 4.5.3.1: 64 + 1 + 255); longer is none.
MAX_EMAIL = 320
#: Characters of a display name that are kept.
MAX_NAME = 500
#: Characters between two commas in which an address without brackets is looked for.
MAX_PHRASE = 4_000

_WORD = r"(?P<word>=\?[^\s?]{1,60}\?[bBqQ]\?[^?]*\?=)"
_QUOTED = r'(?P<quoted>"(?:[^"\\]|\\.)*+(?:"|\\?\Z))'
_REST = r"(?P<special>[(<>,;:])|(?P<space>\s+)|(?P<atom>(?:[^\s{}(<>,;:=]|=(?!\?))+|=)"
_TOKEN = re.compile(f"{_WORD}|{_QUOTED}|{_REST}".replace("{}", '"'), re.DOTALL)
#: The same once a quote was found that nobody closes: it is a character like others.
_TOKEN_UNQUOTED = re.compile(f"{_WORD}|{_REST}".replace("{}", ""), re.DOTALL)
_COMMENT_EDGE = re.compile(r"[()]|\\.", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_DOMAIN = re.compile(r"[^\s@<>()\[\],;:\\\"'=?&#/]+")
_LITERAL = re.compile(r"\[[0-9a-z.:]+\]")
_LOCAL = re.compile(r"[^\s@<>()\[\],;:\\\"]+")
_QUOTED_LOCAL = re.compile(r'"(?:[^"\\]|\\.)*"')
_AROUND_DOTS = re.compile(r" ?([.@]) ?")
_SPACES = re.compile(r"\s+")


@lru_cache(maxsize=4096)
def ascii_domain(domain: str) -> str:
    """The domain in lower-case ASCII (punycode, UTS 46), ``""`` when it can be none."""
    domain = domain.strip().rstrip(".").lower()
    if _LITERAL.fullmatch(domain):
        return domain
    if (
        not domain
        or not _DOMAIN.fullmatch(domain)
        or ".." in domain
        or domain[0] == "."
        or len(domain) > 255
    ):
        return ""
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError, ValueError, IndexError):
        return domain


def normal_email(text: str) -> str:
    """``local@domain`` as ``Address.email`` has it, ``""`` when this is no address.

    >>> normal_email("<mailto:Ann@EXAMPLE.com>")
    'ann@example.com'
    """
    text = charsets.clean(text).strip().strip("<>").strip()
    if text.startswith("@") and ":" in text:  # source route, RFC 5322 section 4.4
        text = text.rpartition(":")[2].strip()
    elif text[:7].lower() == "mailto:":
        text = text[7:].partition("?")[0].strip()
    if len(text) > MAX_EMAIL:
        return ""
    local, at, domain = text.rpartition("@")
    local = local.strip().strip("'") if '"' not in local else local.strip()
    domain = ascii_domain(domain.strip("' \t"))
    if not at or not domain:
        return ""
    if _QUOTED_LOCAL.fullmatch(local):
        bare = _ESCAPED.sub(r"\1", local[1:-1])
        local = bare if _LOCAL.fullmatch(bare) else local
    elif not _LOCAL.fullmatch(local):
        return ""
    email = f"{local.lower()}@{domain}"
    return email if len(email) <= MAX_EMAIL else ""


class _Parser:
    """State of the one pass: what belongs to the address that is being read."""

    def __init__(self, decode_words: Callable[[str], str]):
        self.decode_words = decode_words
        self.found: list[Address] = []
        self.reset()

    def reset(self) -> None:
        self.phrase: list[str] = []  # display name, or an address without brackets
        self.angle: list[str] | None = None  # inside <...>
        self.emails: list[str] = []

    def read(self, text: str) -> None:
        comments = True
        position, end, token_at = 0, len(text), _TOKEN.match
        for _number in range(MAX_TOKENS):
            if position >= end:
                break
            token = token_at(text, position)
            kind, value = (
                (token.lastgroup, token.group()) if token else ("atom", text[position])
            )
            here, position = position, position + len(value)
            if kind == "quoted":
                if position == end and not _closed(value):
                    token_at, position = _TOKEN_UNQUOTED.match, here + 1
                    continue
                self.take_quoted(value, text[position : position + 1])
            elif kind == "space":
                self.add(" ")
            elif kind == "special":
                if value == "(":
                    after = _comment_end(text, position) if comments else -1
                    comments = comments and after >= 0
                    if after >= 0:
                        self.add(" ")
                        position = after
                else:
                    self.take_special(value)
            else:
                self.add(value)
        self.flush()

    def add(self, piece: str) -> None:
        (self.phrase if self.angle is None else self.angle).append(piece)

    def take_quoted(self, value: str, following: str) -> None:
        if self.angle is not None or following == "@":
            self.add(value)
            return
        content = _ESCAPED.sub(r"\1", value[1:-1])
        self.phrase.append(content)

    def take_special(self, value: str) -> None:
        if value == "<":
            self.close_angle()
            self.angle = []
        elif value == ">":
            self.close_angle()
        elif value == ":" and self.angle is None:
            # the name of a group ends, RFC 5322 section 3.4
            if not self.emails:
                self.reset()
        elif self.angle and self.angle[0].startswith("@") or value == ":":
            self.angle.append(value)
        else:
            self.flush()

    def close_angle(self) -> None:
        if self.angle is not None:
            email = normal_email("".join(self.angle))
            if not email:
                email = normal_email(_SPACES.sub("", "".join(self.angle)))
            if email:
                self.emails.append(email)
            elif not self.emails:
                self.phrase += self.angle
            self.angle = None

    def flush(self) -> None:
        self.close_angle()
        phrase = "".join(self.phrase).strip()
        if self.emails:
            name = self.name_of(phrase)
            for email in self.emails:
                self.found.append(Address(name, email))
                name = ""
        elif phrase:
            self.found += self.without_brackets(phrase)
        self.reset()

    def without_brackets(self, phrase: str) -> list[Address]:
        if "@" not in phrase:
            decoded = self.decoded(phrase) if "=?" in phrase else ""
            if "@" not in decoded:
                return []
            return list(parse(decoded, _as_it_is))  # the whole was one encoded word
        phrase = " ".join(phrase[-MAX_PHRASE:].split())
        if email := normal_email(_AROUND_DOTS.sub(r"\1", phrase)):
            return [Address("", email)]  # spaces around dots, RFC 5322 section 4.4
        words = [(word, normal_email(word)) for word in phrase.split(" ")]
        emails = [email for _word, email in words if email]
        if len(emails) != 1:
            return [Address("", email) for email in emails]
        name = " ".join(word for word, email in words if not email)
        return [Address(self.name_of(name), emails[0])]

    def decoded(self, phrase: str) -> str:
        """An encoded word may hold what no field may: NUL, half a character."""
        return charsets.clean(self.decode_words(phrase))

    def name_of(self, phrase: str) -> str:
        if not phrase:
            return ""
        if "=?" in phrase:
            phrase = self.decoded(phrase)
        phrase = _SPACES.sub(" ", phrase).strip()
        if len(phrase) > 1 and phrase[0] == phrase[-1] and phrase[0] in "\"'":
            phrase = phrase[1:-1].strip()
        return phrase[:MAX_NAME]


def _as_it_is(text: str) -> str:
    return text


def _closed(quoted: str) -> bool:
    body = quoted[1:]
    return body.endswith('"') and (len(body) - len(body[:-1].rstrip("\\"))) % 2 == 1


def _comment_end(text: str, position: int) -> int:
    """Behind the bracket that closes the comment begun before ``position``, or -1."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(text, position):
        sign = edge.group()
        depth += (sign == "(") - (sign == ")")
        if not depth:
            return edge.end()
    return -1


def parse(text: str, decode_words: Callable[[str], str]) -> tuple[Address, ...]:
    """All addresses of a field's unfolded value, in their order; groups opened.

    :param decode_words: RFC 2047 decoder, applied to display names only, after the
        field was taken apart: an encoded comma separates nothing
    """
    parser = _Parser(decode_words)
    parser.read(text)
    return tuple(parser.found[:MAX_ADDRESSES])
