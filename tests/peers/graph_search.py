# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mails does ``$search`` find? The Keyword Query Language, as far as mail goes.

https://learn.microsoft.com/en-us/graph/search-query-parameter
"""

from __future__ import annotations

import re

from .graph_answers import Problem
from .graph_filter import Test, moment
from .graph_store import Item

_KQL = re.compile(
    r"\s*(?:(?P<sign>[()])|(?:(?P<name>\w+)\s*(?P<how>:|>=|<=|>|<|=)\s*)?"
    r'(?:"(?P<quoted>[^"]*)"|(?P<word>[^\s()"]+)))'
)
_PEOPLE = {
    "from": ("authors", "sender"),
    "to": ("to",),
    "cc": ("cc",),
    "bcc": ("bcc",),
    "recipients": ("to", "cc", "bcc"),
    "participants": ("authors", "to", "cc", "bcc"),
}


def searched(text: str) -> Test:
    """The Keyword Query Language, as far as mail programs use it.

    :raises Problem: not in double quotes, or a property it does not know
    """
    text = text.strip()
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        if ":" in text:
            at = text.index(":")
            raise Problem(
                400,
                "BadRequest",
                f"Syntax error: character ':' is not valid at position {at} in "
                f"'{text}'.",
            )
        return _Search(text).parsed()
    return _Search(re.sub(r"\\(.)", r"\1", text[1:-1])).parsed()


class _Search:
    """Words side by side must all be there; OR and NOT bind as in KQL."""

    def __init__(self, text: str):
        self.tokens, at = [], 0
        while text[at:].strip():
            found = _KQL.match(text, at)
            if not found:
                raise self.wrong()
            self.tokens.append(found.groupdict())
            at = found.end()

    def wrong(self) -> Problem:
        return Problem(400, "BadRequest", "Syntax error in $search.")

    def parsed(self) -> Test:
        test = self.either()
        if self.tokens:
            raise self.wrong()
        return test

    def either(self) -> Test:
        tests = [self.both()]
        while self.accept("OR"):
            tests.append(self.both())
        return lambda item: any(test(item) for test in tests)

    def both(self) -> Test:
        tests = [self.single()]
        while self.tokens and not self.ahead("OR") and not self.ahead(")"):
            self.accept("AND")
            tests.append(self.single())
        return lambda item: all(test(item) for test in tests)

    def single(self) -> Test:
        if self.accept("NOT"):
            test = self.single()
            return lambda item: not test(item)
        if self.accept("("):
            test = self.either()
            if not self.accept(")"):
                raise self.wrong()
            return test
        if not self.tokens or self.tokens[0]["sign"]:
            raise self.wrong()
        return _term(**{k: v for k, v in self.tokens.pop(0).items() if k != "sign"})

    def ahead(self, text: str) -> bool:
        token = self.tokens[0] if self.tokens else {}
        return text in (token.get("sign"), token.get("word")) and not token.get("name")

    def accept(self, text: str) -> bool:
        if self.tokens and self.ahead(text):
            self.tokens.pop(0)
            return True
        return False


def _term(name: str | None, how: str | None, quoted: str | None, word: str | None):
    value = quoted if quoted is not None else word
    if name is None:
        return lambda item: any(
            _has(text, value)
            for text in (item.letter.subject, item.letter.body[1], *_who(item, "from"))
        )
    name = name.lower()
    if name in _PEOPLE:
        return lambda item: any(_has(text, value) for text in _who(item, name))
    if name == "subject":
        return lambda item: _has(item.letter.subject, value)
    if name == "body":
        return lambda item: _has(item.letter.body[1], value)
    if name in ("hasattachment", "hasattachments"):
        return lambda item: item.letter.has_files == (value.lower() == "true")
    if name in ("received", "sent"):
        return _dated(name, how, value)
    raise Problem(400, "BadRequest", f"Unknown property '{name}' in $search.")


def _dated(name: str, how: str, value: str) -> Test:
    first, dots, last = value.partition("..")
    low, high = moment(first).date(), moment(last if dots else first).date()
    tests = {
        ">=": lambda day: day >= low,
        ">": lambda day: day > low,
        "<=": lambda day: day <= low,
        "<": lambda day: day < low,
    }
    test = tests.get(how, lambda day: low <= day <= high)
    if name == "sent":
        return lambda item: test((item.letter.sent or item.received).date())
    return lambda item: test(item.received.date())


def _who(item: Item, name: str) -> list[str]:
    people = (one for role in _PEOPLE[name] for one in getattr(item.letter, role))
    return [text for person in people for text in person]


def _has(text: str, wanted: str) -> bool:
    """Whole words, side by side; a star at the end stands for the rest of one."""
    words = re.findall(r"\w+", wanted.lower())
    if not words:
        return False
    pattern = r"\W+".join(map(re.escape, words))
    end = "" if wanted.endswith("*") else r"(?!\w)"
    return re.search(rf"(?<!\w){pattern}{end}", text.lower()) is not None
