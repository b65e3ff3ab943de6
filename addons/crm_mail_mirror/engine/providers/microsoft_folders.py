# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which folders does a mailbox at Microsoft have, and what is each for?

https://learn.microsoft.com/en-us/graph/api/mailfolder-delta

Folders keep their ids when they are renamed or moved. Names say nothing about roles,
they come in every language: Graph knows a dozen folders by fixed names, whose ids are
asked for once. What lies inside Deleted Items, Junk or Drafts is no mail either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .. import charsets
from .base import IGNORED_ROLES, Folder, NotAllowed, Unavailable
from .microsoft_graph import Ask, Graph, Reply, items_of, path

#: Well-known name -> role. What waits to be sent is a draft; records of chats and of
#: Outlook's own troubles are nothing that anybody sent as mail.
WELL_KNOWN = {
    "inbox": "inbox",
    "sentitems": "sent",
    "archive": "archive",
    "drafts": "drafts",
    "outbox": "drafts",
    "deleteditems": "trash",
    "junkemail": "junk",
    "conversationhistory": "junk",
    "syncissues": "junk",
}
ORDER = {"inbox": 0, "sent": 1, "archive": 2, "other": 3}
#: Folders in one answer, and answers of one listing: bounds of what is believed.
PAGE, PAGES = 250, 200
MAX_NAME = 200
#: Folders inside folders; Exchange allows 300.
MAX_DEPTH = 300

_FIRST = path(
    *("me", "mailFolders", "delta"),
    includeHiddenFolders="true",
    select="displayName,parentFolderId,totalItemCount",
)
_PREFER = (f"odata.maxpagesize={PAGE}",)


class Tree:
    """All folders of a mailbox, hidden ones too, and how to learn what changes.

    :param told: as ``state`` gives it: part of the cursor
    """

    def __init__(self, told: Mapping | None = None):
        told = told or {}
        self.link: str = told.get("link", "")
        #: id -> (name, id of the folder it lies in, mails in it when it was told last)
        self.folders: dict[str, tuple[str, str, int]] = {
            ref: tuple(row) for ref, row in told.get("all", {}).items()
        }
        #: well-known name -> id, of those that exist
        self.known: dict[str, str] = dict(told.get("known", {}))

    def state(self) -> dict:
        folders = {ref: list(row) for ref, row in self.folders.items()}
        return {"link": self.link, "all": folders, "known": self.known}

    # --- asking -----------------------------------------------------------------------

    def asks(self) -> dict[str, Ask]:
        """The next question about all folders, and on first sight those about each
        well-known one; for ``take``."""
        if self.link:
            return {"": Ask(self.link, _PREFER)}
        return {"": Ask(_FIRST, _PREFER), **_asks_for(WELL_KNOWN)}

    def take(self, graph: Graph, replies: Mapping[str, Reply]) -> None:
        """:raises ProviderError: not everything is known now"""
        first = replies[""]
        if first.is_resync and self.link:
            self.link = ""
            first = graph.reply(Ask(_FIRST, _PREFER))
        before = set(self.folders)
        if not self.link:
            self.folders = {}
        self._read(graph, first)
        self._learn({name: reply for name, reply in replies.items() if name})
        self._learn_the_missing(graph, asked=set(replies), before=before)
        if "inbox" not in self.known:
            raise NotAllowed("no_mailbox", "no inbox")

    def _read(self, graph: Graph, reply: Reply) -> None:
        for _page in range(PAGES):
            if problem := reply.problem():
                raise problem
            for item in items_of(reply.body):
                self._note(item)
            if "@odata.deltaLink" in reply.body:
                self.link = graph.relative(reply.body["@odata.deltaLink"])
                return
            next_link = graph.relative(reply.body.get("@odata.nextLink"))
            reply = graph.reply(Ask(next_link, _PREFER))
        raise Unavailable("garbage", "folders without end")

    def _note(self, item: Mapping) -> None:
        ref = charsets.ascii_id(item.get("id"))
        if not ref:
            return
        if "@removed" in item:
            self.folders.pop(ref, None)
            return
        if str(item.get("@odata.type", "")).endswith("mailSearchFolder"):
            return  # a saved search: its mail lies elsewhere
        name, parent, total = self.folders.get(ref, ("", "", 0))
        name = charsets.clean(str(item.get("displayName") or name))
        name = " ".join(name.split())[:MAX_NAME]
        parent = str(item.get("parentFolderId") or parent)
        if isinstance(item.get("totalItemCount"), int):
            total = item["totalItemCount"]
        self.folders[ref] = (name, parent, total)

    def _learn_the_missing(self, graph: Graph, asked: set, before: set) -> None:
        """Some well-known folders are made when they are needed first."""
        self.known = {n: ref for n, ref in self.known.items() if ref in self.folders}
        missing = [name for name in WELL_KNOWN if name not in self.known]
        new = set(self.folders) - before
        if missing and new and not asked & set(missing):
            self._learn(graph.batch(_asks_for(missing)))

    def _learn(self, replies: Mapping[str, Reply]) -> None:
        for name, reply in replies.items():
            if reply.status in (404, 400):
                continue  # it does not exist, or this Graph does not know the name
            if problem := reply.problem():
                raise problem
            if ref := charsets.ascii_id(reply.body.get("id")):
                self.known[name] = ref
                self.folders.setdefault(ref, (name, "", 0))

    # --- what they are ----------------------------------------------------------------

    def total(self, ref: str) -> int:
        return self.folders[ref][2] if ref in self.folders else 0

    def listing(self) -> tuple[Folder, ...]:
        """All of them: the inbox first, then the sent mail, ..."""
        own = {ref: WELL_KNOWN[name] for name, ref in self.known.items()}
        top = self.folders.get(self.known.get("inbox", ""), ("", "", 0))[1]
        found = []
        for ref in self.folders:
            above = list(self._above(ref))
            if self.folders[above[-1]][1] not in ("", top):
                continue  # the folder it lay in is gone, though nobody said: it is
            roles = [own[each] for each in above if own.get(each) in IGNORED_ROLES]
            role = roles[0] if roles else own.get(ref, "other")
            names = [self.folders[each][0] for each in reversed(above)]
            parent = above[1] if len(above) > 1 else ""
            found.append(Folder(ref, "/".join(names) or ref, role, parent))
        found.sort(key=lambda f: (ORDER.get(f.role, 9), f.name, f.ref))
        return tuple(found)

    def _above(self, ref: str) -> Iterable[str]:
        """A folder and those around it, as far as the owner sees them."""
        seen: set[str] = set()
        while ref in self.folders and ref not in seen and len(seen) < MAX_DEPTH:
            seen.add(ref)
            yield ref
            ref = self.folders[ref][1]


def _asks_for(names: Iterable[str]) -> dict[str, Ask]:
    return {
        name: Ask(path("me", "mailFolders", name, select="displayName"))
        for name in names
    }


def listed_anew(graph: Graph) -> Tree:
    """:raises ProviderError: not all folders could be had"""
    tree = Tree()
    tree.take(graph, graph.batch(tree.asks()))
    return tree
