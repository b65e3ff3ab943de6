# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which request is answered by what? Reading mail; changes are in ``graph_writes``.

=======================================================================  ==============
``/me``                                                                  ``graph_me``
``/me/mailFolders``, ``.../{id}/childFolders``, ``.../delta``            folders
``/me/messages``, ``/me/mailFolders/{id}/messages``, ``.../delta``       mails
``.../messages/{id}``, ``.../$value``, ``.../attachments[/{id}[...]]``   one mail
=======================================================================  ==============

``/users/{address}`` stands for ``/me`` where it is the same. A request that does not
fit is refused as Graph refuses it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from . import graph_answers as answers
from . import graph_filter, graph_me, graph_search, graph_writes
from . import graph_query as query
from .graph_answers import Problem, View
from .graph_delta import Entry, Round
from .graph_http import Answer, Request
from .graph_me import Account
from .graph_store import WELL_KNOWN, Folder, Item, Mailbox

if TYPE_CHECKING:
    from .graph import Graph

PAGE = 10
#: names that are valid, but that nobody has here
_NOT_MADE = {
    *("clutter", "conflicts", "localfailures", "scheduled", "searchfolders"),
    *("serverfailures", "syncissues"),
}


def is_mail(request: Request) -> bool:
    """Whether it goes to a mailbox, where it is throttled."""
    return len(request.path) > 1


def answer(graph: Graph, request: Request) -> Answer:
    """:raises Problem: whatever Graph would refuse"""
    if request.version != "v1.0":
        raise Problem(404, "BadRequest", "Invalid version: " + request.version)
    if not request.path or request.path[0].lower() not in ("me", "users"):
        raise _no_segment(request.path[0] if request.path else "")
    account = graph.account(request.email)
    path = request.path[1:]
    if request.path[0].lower() == "users":
        if not path or path[0].lower() not in (account.email, account.principal):
            raise Problem(403, "ErrorAccessDenied", "Access is denied.")
        path = path[1:]
    if not path:
        return graph_me.answer(account, request)
    if path[0].lower() not in ("mailfolders", "messages"):
        raise _no_segment(path[0])
    _may(account, request)
    mailbox = graph.mailbox(request.email)
    with mailbox.lock:
        return _Reading(graph, mailbox, request).answer(path)


def _may(account: Account, request: Request) -> None:
    """:raises Problem: not consented to, or there is no mailbox"""
    enough = {"Mail.ReadWrite"} | ({"Mail.Read"} if request.method == "GET" else set())
    if not enough & set(account.scopes):
        raise Problem(
            403,
            "ErrorAccessDenied",
            "Access is denied. Check credentials and try again.",
        )
    if not account.has_mailbox:
        raise Problem(
            404,
            "MailboxNotEnabledForRESTAPI",
            "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
        )


def _no_segment(name: str) -> Problem:
    return Problem(400, "BadRequest", f"Resource not found for the segment '{name}'.")


class _Reading:
    """One request to a mailbox, which is locked meanwhile."""

    def __init__(self, graph: Graph, mailbox: Mailbox, request: Request):
        self.graph, self.mailbox, self.request = graph, mailbox, request
        self.query = request.query

    def answer(self, path: list[str]) -> Answer:
        """:param path: from ``mailFolders`` or ``messages`` on"""
        folder = None
        writes = self.request.method != "GET"
        if path[0].lower() == "mailfolders":
            if len(path) == 1 and not writes:
                return self.folders(self.mailbox.well_known("msgfolderroot"))
            if len(path) == 1:
                path = [*path, "msgfolderroot"]
            if path[1].lower() in ("delta", "delta()"):
                self.ends(path, 2)
                return self.tree_delta()
            folder, path = self.folder(path[1]), path[2:]
            if writes and path[:1] != ["messages"]:
                return graph_writes.folder(self.mailbox, self.request, folder, path)
            if not path:
                return self.one_folder(folder)
            if path[0].lower() == "childfolders":
                self.ends(path, 1)
                return self.folders(folder)
            if path[0].lower() != "messages":
                raise _no_segment(path[0])
        return self.in_messages(folder, path[1:])

    def in_messages(self, folder: Folder | None, path: list[str]) -> Answer:
        if not path and self.request.method == "GET":
            return self.messages(folder)
        if not path:
            raise Problem(405, "ErrorInvalidRequest", "No mail is written here.")
        if path[0].lower() in ("delta", "delta()", "microsoft.graph.delta()"):
            self.ends(path, 1)
            if folder is None:
                raise Problem(
                    400,
                    "ErrorInvalidUrlQuery",
                    "Change tracking is not supported against 'microsoft.graph."
                    "message'.",
                )
            return self.delta(folder)
        item = self.item(path[0], folder)
        if self.request.method != "GET":
            return graph_writes.message(self.mailbox, self.request, item, path[1:])
        if len(path) == 1:
            return self.one_message(item)
        if path[1] == "$value":
            self.ends(path, 2)
            return Answer(200, item.raw, {"Content-Type": "text/plain"})
        if path[1].lower() != "attachments":
            raise _no_segment(path[1])
        return self.attachments(item, path[2:])

    def ends(self, path: list[str], at: int) -> None:
        if len(path) > at:
            raise _no_segment(path[at])

    # --- folders ----------------------------------------------------------------------

    def folder(self, wanted: str) -> Folder:
        if wanted.lower() in WELL_KNOWN:
            return self.mailbox.well_known(wanted.lower())
        if wanted in self.mailbox.folders:
            return self.mailbox.folders[wanted]
        if wanted.lower() in _NOT_MADE or wanted in self.mailbox.gone_folders:
            raise answers.not_found()
        raise Problem(400, "ErrorInvalidIdMalformed", "Id is malformed.")

    def folder_fields(self):
        return query.selected(
            self.query.get("$select"), answers.FOLDER, "Microsoft.Graph.MailFolder"
        )

    def one_folder(self, row: Folder) -> Answer:
        query.allow(self.query, "$select", "includeHiddenFolders")
        context = self.context("mailFolders/$entity")
        shown = answers.folder(self.mailbox, row, self.folder_fields())
        return Answer(200, {"@odata.context": context, **shown})

    def folders(self, parent: Folder) -> Answer:
        query.allow(
            self.query,
            *("$select", "$top", "$skip", "$filter", "$count", "includeHiddenFolders"),
        )
        fields = self.folder_fields()
        rows = [
            row
            for row in self.mailbox.folders.values()
            if row.parent == parent.id and (not row.hidden or self.hidden())
        ]
        if "$filter" in self.query:
            names = {"displayName": lambda row: row.name.lower()}
            rows = list(
                filter(graph_filter.filtered(self.query["$filter"], names), rows)
            )
        return self.listing(
            "mailFolders",
            rows,
            lambda row: answers.folder(self.mailbox, row, fields),
        )

    def hidden(self) -> bool:
        return self.query.get("includeHiddenFolders", "").lower() == "true"

    # --- mails ------------------------------------------------------------------------

    def item(self, any_id: str, folder: Folder | None) -> Item:
        if not any_id.startswith(("AAkA", "AAMk")):
            raise Problem(400, "ErrorInvalidIdMalformed", "Id is malformed.")
        item = self.mailbox.find(any_id)
        if item is None or (folder is not None and item.folder != folder.id):
            raise answers.not_found()
        return item

    def view(self) -> View:
        return query.view(self.query, self.request.preferences)

    def one_message(self, item: Item) -> Answer:
        query.allow(self.query, "$select", "$expand")
        view = self.view()
        context = self.context("messages/$entity")
        shown = answers.message(self.mailbox, item, view)
        return Answer(200, {"@odata.context": context, **shown}, self.applied(view))

    def messages(self, folder: Folder | None) -> Answer:
        query.allow(
            self.query,
            *("$select", "$expand", "$filter", "$search", "$orderby", "$top", "$skip"),
            *("$count", "$skiptoken"),
        )
        view = self.view()
        items = list(self.mailbox.items.values())
        if folder is not None:
            items = list(self.mailbox.mails(folder.id))
        else:
            outside = self.mailbox.well_known("recoverableitemsdeletions").id
            items = [item for item in items if item.folder != outside]
        if "$search" in self.query:
            items = self.found(items)
        else:
            if "$filter" in self.query:
                items = list(
                    filter(graph_filter.filtered(self.query["$filter"]), items)
                )
            order = self.query.get("$orderby")
            items = query.ordered(items, order, self.query.get("$filter"))
        listed = self.listing(
            "messages", items, lambda item: answers.message(self.mailbox, item, view)
        )
        return replace(listed, headers=self.applied(view))

    def found(self, items: list[Item]) -> list[Item]:
        for name in ("$filter", "$orderby", "$skip", "$count"):
            if name in self.query:
                raise Problem(
                    400,
                    "SearchWith" + name.strip("$").capitalize(),
                    f"The query parameter '{name}' is not supported with '$search'.",
                )
        items = list(filter(graph_search.searched(self.query["$search"]), items))
        items.sort(key=lambda item: item.letter.sent or item.received, reverse=True)
        return items[:1000]

    def attachments(self, item: Item, path: list[str]) -> Answer:
        view = replace(
            View(), immutable=query.view({}, self.request.preferences).immutable
        )
        if not path:
            query.allow(self.query, "$select", "$top", "$skip", "$count")
            fields = query.attachment_fields(self.query.get("$select")) or ()
            found = answers.attachments(item, view, fields)
            return self.listing("attachments", found, lambda shown: shown, 1000)
        self.ends(path[:1] + path[2:], 1)
        query.allow(self.query, "$select")
        fields = query.attachment_fields(self.query.get("$select")) or ()
        shown, content = answers.attachment(item, path[0], view, fields)
        if len(path) == 1:
            context = self.context("attachments/$entity")
            return Answer(200, {"@odata.context": context, **shown})
        if path[1] != "$value":
            raise _no_segment(path[1])
        return Answer(200, content)

    # --- deltas -----------------------------------------------------------------------

    def delta(self, folder: Folder) -> Answer:
        state = self.state(
            folder.id,
            *("$select", "$expand", "$filter", "$orderby", "$top", "changeType"),
        )
        view = query.view(dict(state.option("query")), self.request.preferences)
        page, state = self.graph.rounds.page(
            self.mailbox, state, self.page_size(state), view.immutable
        )
        value = [self.entry(entry, view) for entry in page]
        context = self.context("Collection(message)")
        links = self.links(f"mailFolders('{folder.id}')/messages/delta", state)
        body = {"@odata.context": context, **links, "value": value}
        return Answer(200, body, self.applied(view))

    def entry(self, entry: Entry, view: View) -> dict:
        if entry.removed:
            gone = entry.id if view.immutable else entry.mutable_id
            return answers.removed(gone, entry.removed)
        return answers.message(self.mailbox, self.mailbox.items[entry.id], view)

    def tree_delta(self) -> Answer:
        state = self.state("tree", "$select", "$top", "includeHiddenFolders")
        told = dict(state.option("query"))
        fields = query.selected(
            told.get("$select"), answers.FOLDER, "Microsoft.Graph.MailFolder"
        )
        page, state = self.graph.rounds.page(
            self.mailbox, state, self.page_size(state), True
        )
        value = [
            {"id": entry.id, "@removed": {"reason": entry.removed}}
            if entry.removed
            else answers.folder(self.mailbox, self.mailbox.folders[entry.id], fields)
            for entry in page
        ]
        context = self.context("mailFolders/$delta")
        links = self.links("mailFolders/delta", state)
        return Answer(200, {"@odata.context": context, **links, "value": value})

    def state(self, stream: str, *options: str) -> Round:
        """Of the token; without one, that of a first request."""
        tokens = [name for name in ("$skiptoken", "$deltatoken") if name in self.query]
        if not tokens:
            query.allow(self.query, *options)
            first = {
                "query": self.query,
                "hidden": self.hidden(),
                "orderby": self.query.get("$orderby"),
                "changeType": self.query.get("changeType"),
            }
            if "$filter" in self.query:
                first["filter"] = graph_filter.since(self.query["$filter"])
            self.check_options(first)
            return self.graph.rounds.begin(self.mailbox, stream, first)
        for name in self.query:
            if name not in tokens[:1]:
                raise Problem(
                    400,
                    "ErrorInvalidUrlQuery",
                    f"The following parameters are not supported with change tracking "
                    f"over the '{stream}' resource: '{name}'.",
                )
        state = self.graph.rounds.read(self.mailbox, stream, self.query[tokens[0]])
        refused = self.graph.rounds.refusal(self.mailbox, state)
        if refused is not None and refused.status == 410:
            path = self.request.target.partition("?")[0]
            again = urlencode(dict(state.option("query")), safe="$", quote_via=quote)
            refused.headers["Location"] = f"{self.request.base}{path}?{again}"
        if refused is not None:
            raise refused
        return state

    def check_options(self, first: dict) -> None:
        if first["orderby"] not in (None, "receivedDateTime desc"):
            raise Problem(400, "ErrorInvalidUrlQuery", "$orderby is not supported.")
        if first["changeType"] not in (None, "created", "updated", "deleted"):
            raise Problem(400, "ErrorInvalidUrlQuery", "changeType is not supported.")

    def page_size(self, state: Round) -> int:
        """What this request prefers, else what the first one said."""
        asked = self.request.preferences.get("odata.maxpagesize", "")
        if asked.isdecimal() and int(asked):
            return min(int(asked), 1000)
        return query.number(dict(state.option("query")), "$top", PAGE)

    # --- around lists -----------------------------------------------------------------

    def links(self, path: str, state: Round) -> dict[str, str]:
        token = quote(self.graph.rounds.token(self.mailbox, state))
        url = f"{self.request.base}/v1.0/me/{path}"
        if state.upto:
            return {"@odata.nextLink": f"{url}?$skiptoken={token}"}
        return {"@odata.deltaLink": f"{url}?$deltatoken={token}"}

    def listing(self, kind: str, rows: list, show, default: int = PAGE) -> Answer:
        """A page of what there is."""
        size = query.number(self.query, "$top", default)
        asked = self.request.preferences.get("odata.maxpagesize", "")
        if "$top" not in self.query and asked.isdecimal() and int(asked):
            size = min(int(asked), 1000)
        name = "$skiptoken" if "$search" in self.query else "$skip"
        start = query.number(self.query, name, 0)
        body = {"@odata.context": self.context(kind)}
        if self.query.get("$count") == "true":
            body["@odata.count"] = len(rows)
        body["value"] = [show(row) for row in rows[start : start + size]]
        if start + size < len(rows):
            options = {**self.query, "$top": size, name: start + size}
            path = self.request.target.partition("?")[0]
            told = urlencode(options, safe="$", quote_via=quote)
            body["@odata.nextLink"] = f"{self.request.base}{path}?{told}"
        return Answer(200, body)

    def context(self, of: str) -> str:
        return f"{self.request.base}/v1.0/$metadata#users('{self.mailbox.email}')/{of}"

    def applied(self, view: View) -> dict[str, str]:
        told = ['IdType="ImmutableId"'] if view.immutable else []
        told += ['outlook.body-content-type="text"'] if view.text else []
        return {"Preference-Applied": ", ".join(told)} if told else {}
