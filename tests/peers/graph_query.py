# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does a client want to see of which mails, in which order?

https://learn.microsoft.com/en-us/graph/query-parameters; what Exchange does not do is
refused as there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from . import graph_answers as answers
from . import graph_filter
from .graph_answers import Problem, View
from .graph_store import Item


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
    "from/emailAddress/address": lambda item: graph_filter.address(item, "authors"),
    "from/emailAddress/name": lambda item: graph_filter.name(item, "authors"),
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
        told = [name for name in told if name in graph_filter.COMPARED]
        if told[: len(names)] != names:
            raise Problem(
                400,
                "InefficientFilter",
                "The restriction or sort order is too complex for this operation.",
            )
    for name, _space, way in reversed(orders):
        items.sort(key=_ORDERS[name], reverse=way.strip().lower() == "desc")
    return items
