# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What do the query options of a request ask for? $select, $expand, $filter, $search.

https://learn.microsoft.com/en-us/graph/query-parameters; what Exchange does not do is
refused as there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from . import graph_answers as answers
from .graph_answers import Problem, View
from .graph_store import Item

Test = Callable[[Item], bool]


def allow(query: dict[str, str], *names: str) -> None:
    """:raises Problem: a parameter that this request does not know"""
    for name in query:
        if name not in names:
            raise Problem(
                400,
                "ErrorInvalidUrlQuery",
                f"The query parameter '{name}' is not supported here.",
            )


def number(query: dict[str, str], name: str, default: int, most: int = 1000) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or (name == "$top" and not 1 <= int(text) <= most):
        raise Problem(
            400,
            "ErrorInvalidUrlQuery",
            f"The value '{text}' of the query parameter '{name}' is invalid.",
        )
    return int(text)


# --- $select, $expand -----------------------------------------------------------------


def selected(text: str | None, known: Iterable[str], kind: str):
    """:raises Problem: a property that this kind of thing has not"""
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in known:
            raise Problem(
                400,
                "RequestBroker--ParseUri",
                f"Could not find a property named '{name}' on type '{kind}'.",
            )
    return names


def view(query: dict[str, str], preferences: dict[str, str]) -> View:
    """What a request for mails wants to see."""
    cast = {f"microsoft.graph.eventMessage/{name}": name for name in answers.EVENT}
    select = selected(
        query.get("$select"), (*answers.MESSAGE, *cast), "Microsoft.Graph.Message"
    )
    files, extended = _expanded(query.get("$expand"))
    return View(
        select=select and tuple(cast.get(name, name) for name in select),
        immutable=preferences.get("idtype", "").lower() == "immutableid",
        text=preferences.get("outlook.body-content-type", "").lower() == "text",
        attachments=files,
        extended=extended,
    )


_EXTENDED = re.compile(r"id\s+eq\s+'([^']*)'")


def _expanded(text: str | None) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    files, extended = None, ()
    for name, inside in _expansions(text or ""):
        if name == "attachments":
            files = attachment_fields(inside.get("$select")) or ()
        elif name == "singleValueExtendedProperties":
            wanted = inside.get("$filter", "")
            extended = tuple(_EXTENDED.findall(wanted))
            if not extended or re.sub(_EXTENDED, "", wanted).replace("or", "").strip():
                raise Problem(400, "ErrorInvalidUrlQueryFilter", "Invalid filter.")
        else:
            raise Problem(
                400,
                "RequestBroker--ParseUri",
                f"Could not find a property named '{name}' on type "
                "'Microsoft.Graph.Message'.",
            )
    return files, extended


def attachment_fields(text: str | None) -> tuple[str, ...] | None:
    """``contentBytes`` and the like are of files only, and named with their type."""
    cast = {f"microsoft.graph.fileAttachment/{name}": name for name in answers.FILE}
    names = selected(text, (*answers.ATTACHMENT, *cast), "Microsoft.Graph.Attachment")
    return names and tuple(cast.get(name, name) for name in names)


def _expansions(text: str) -> Iterable[tuple[str, dict[str, str]]]:
    """``a,b($select=x,y;$filter=z)`` as names with their options."""
    depth, piece, pieces = 0, "", []
    for sign in text + ",":
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            pieces.append(piece)
            piece = ""
        else:
            piece += sign
    for each in filter(None, pieces):
        found = re.fullmatch(r"\s*(\w+)(?:\((.*)\))?\s*", each)
        if not found:
            raise Problem(400, "RequestBroker--ParseUri", "Syntax error in $expand.")
        options = (one.partition("=") for one in (found[2] or "").split(";"))
        yield found[1], {name.strip(): value for name, _e, value in options}


# --- $orderby -------------------------------------------------------------------------

_ORDERS = {
    "receivedDateTime": lambda item: item.received,
    "sentDateTime": lambda item: item.letter.sent or item.received,
    "subject": lambda item: item.letter.subject.lower(),
    "from/emailAddress/address": lambda item: _address(item, "authors"),
    "from/emailAddress/name": lambda item: _name(item, "authors"),
    "isRead": lambda item: item.is_read,
}


def ordered(items: list[Item], text: str | None, filtered: str | None) -> list[Item]:
    """Newest first unless asked otherwise.

    :raises Problem: what is sorted by is not filtered by first
    """
    items = sorted(items, key=lambda item: (item.received, item.id), reverse=True)
    if not text:
        return items
    orders = [order.strip().partition(" ") for order in text.split(",")]
    names = [name for name, _space, _way in orders]
    for name, _space, way in orders:
        if name not in _ORDERS or way.strip().lower() not in ("", "asc", "desc"):
            raise Problem(400, "ErrorInvalidUrlQuery", "Invalid $orderby.")
    if filtered:
        told = list(dict.fromkeys(re.findall(r"[A-Za-z]\w*(?:/\w+)*", filtered)))
        told = [name for name in told if name in _COMPARED]
        if told[: len(names)] != names:
            raise Problem(
                400,
                "InefficientFilter",
                "The restriction or sort order is too complex for this operation.",
            )
    for name, _space, way in reversed(orders):
        items.sort(key=_ORDERS[name], reverse=way.strip().lower() == "desc")
    return items


# --- $filter --------------------------------------------------------------------------


def _address(item: Item, role: str) -> str:
    people = getattr(item.letter, role) or item.letter.authors
    return people[0][1].lower() if people else ""


def _name(item: Item, role: str) -> str:
    people = getattr(item.letter, role) or item.letter.authors
    return people[0][0].lower() if people else ""


_COMPARED: dict[str, Callable[[Item], object]] = {
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
    "from/emailAddress/address": lambda item: _address(item, "authors"),
    "from/emailAddress/name": lambda item: _name(item, "authors"),
    "sender/emailAddress/address": lambda item: _address(item, "sender"),
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
    return _Filter(text, fields or _COMPARED).parsed()


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


# --- $search --------------------------------------------------------------------------

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
