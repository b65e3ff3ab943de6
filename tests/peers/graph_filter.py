# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mails does ``$filter`` let through? OData, as far as Exchange knows it.

https://learn.microsoft.com/en-us/graph/filter-query-parameter
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from .graph_answers import Problem
from .graph_store import Item

Test = Callable[[Item], bool]


def address(item: Item, role: str) -> str:
    people = getattr(item.letter, role) or item.letter.authors
    return people[0][1].lower() if people else ""


def name(item: Item, role: str) -> str:
    people = getattr(item.letter, role) or item.letter.authors
    return people[0][0].lower() if people else ""


COMPARED: dict[str, Callable[[Item], object]] = {
    "receivedDateTime": lambda item: item.received,
    "sentDateTime": lambda item: item.letter.sent or item.received,
    "lastModifiedDateTime": lambda item: item.modified,
    "createdDateTime": lambda item: item.received,
    "subject": lambda item: item.letter.subject.lower(),
    "internetMessageId": lambda item: item.letter.message_id.lower(),
    "conversationId": lambda item: item.conversation.lower(),
    "parentFolderId": lambda item: item.folder.lower(),
    "isRead": lambda item: item.is_read,
    "isDraft": lambda item: item.draft,
    "hasAttachments": lambda item: item.letter.has_files,
    "importance": lambda item: item.letter.importance,
    "from/emailAddress/address": lambda item: address(item, "authors"),
    "from/emailAddress/name": lambda item: name(item, "authors"),
    "sender/emailAddress/address": lambda item: address(item, "sender"),
    "flag/flagStatus": lambda item: "flagged" if item.flagged else "notflagged",
}
_OPERATORS = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
}
_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<moment>\d{4}-\d\d-\d\d(?:T[\d:.]+Z?)?)|"
    r"(?P<name>[A-Za-z]\w*(?:/\w+)*)|(?P<sign>[(),]))"
)


def filtered(text: str, fields=None) -> Test:
    """OData's comparisons, ``and``, ``or``, ``not``, ``startswith``, ``contains``.

    :raises Problem: what Exchange cannot filter by, such as ``toRecipients/any(...)``
    """
    return _Filter(text, fields or COMPARED).parsed()


class _Filter:
    def __init__(self, text: str, fields):
        self.fields = fields
        self.tokens, at = [], 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if not found:
                raise self.wrong()
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()

    def wrong(self) -> Problem:
        return Problem(
            400,
            "ErrorInvalidUrlQueryFilter",
            "The query filter contains one or more invalid nodes.",
        )

    def parsed(self) -> Test:
        test = self.either()
        if self.tokens:
            raise self.wrong()
        return test

    def either(self) -> Test:
        tests = [self.both()]
        while self.accept("or"):
            tests.append(self.both())
        return lambda item: any(test(item) for test in tests)

    def both(self) -> Test:
        tests = [self.single()]
        while self.accept("and"):
            tests.append(self.single())
        return lambda item: all(test(item) for test in tests)

    def single(self) -> Test:
        if self.accept("not"):
            test = self.single()
            return lambda item: not test(item)
        if self.accept("("):
            test = self.either()
            self.expect(")")
            return test
        name = self.take("name")
        if name.lower() in ("startswith", "contains"):
            return self.function(name.lower())
        value_of = self.known(name)
        compare = _OPERATORS.get(self.take("name"))
        wanted = self.literal()
        if compare is None:
            raise self.wrong()
        return lambda item: compare(value_of(item), wanted)

    def function(self, name: str) -> Test:
        self.expect("(")
        value_of = self.known(self.take("name"))
        self.expect(",")
        wanted = self.literal()
        self.expect(")")
        if name == "startswith":
            return lambda item: value_of(item).startswith(wanted)
        return lambda item: wanted in value_of(item)

    def known(self, name: str):
        if name not in self.fields:
            raise self.wrong()
        return self.fields[name]

    def literal(self):
        kind, text = self.tokens.pop(0) if self.tokens else ("", "")
        if kind == "string":
            return text[1:-1].replace("''", "'").lower()
        if kind == "moment":
            return moment(text)
        if text in ("true", "false"):
            return text == "true"
        raise self.wrong()

    def accept(self, text: str) -> bool:
        if self.tokens and self.tokens[0][1] == text:
            self.tokens.pop(0)
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.wrong()

    def take(self, kind: str) -> str:
        if not self.tokens or self.tokens[0][0] != kind:
            raise self.wrong()
        return self.tokens.pop(0)[1]


def moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise Problem(400, "BadRequest", f"Invalid date-time '{text}'.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def since(text: str) -> tuple[str, float]:
    """What a delta may be filtered by. :return: operator, POSIX time"""
    found = re.fullmatch(r"receivedDateTime\s+(ge|gt)\s+(\S+)", text.strip())
    if not found:
        raise Problem(
            400, "ErrorInvalidUrlQueryFilter", "The filter is not supported on delta."
        )
    return found[1], moment(found[2]).timestamp()
