# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where is this mail, how many are there, and which have to do with this address?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from .. import charsets
from .base import (
    COUNTED_ROLES,
    EXCLUDED,
    GONE,
    LIVE,
    UNKNOWN,
    Cut,
    Fate,
    Folder,
    FolderCount,
    Lookup,
    MessageBroken,
    MessageGone,
    Place,
    Query,
    Unavailable,
)
from .microsoft_cursor import stamp
from .microsoft_folders import Tree
from .microsoft_graph import Ask, Graph, items_of, path

#: Mails in one answer of a list, and places that one search gives.
TOP, MAX_FOUND = 500, 5_000
#: Answers of one list: two million mails, which no mailbox has in a folder.
MAX_PAGES = 4_000
#: Mails that one question to the index gives, whatever folder they lie in.
INDEX_GIVES = 1_000
#: Terms of one search, and of one filter.
TERMS, IDS = 10, 15

# --- confirm --------------------------------------------------------------------------


def confirm(
    graph: Graph,
    lookups: Sequence[Lookup],
    folders: Mapping[str, Folder],
    generations: Mapping[str, str],
) -> dict[Place, Fate]:
    """By id, which a mail keeps wherever it moves.

    :param folders: all there are, by id
    """
    fates = {}
    asks = {
        lookup.place: Ask(
            path("me", "messages", lookup.place.ref, select="parentFolderId,isDraft")
        )
        for lookup in lookups
    }
    for place, reply in graph.batch(asks).items():
        problem = reply.problem(one_mail=True)
        if isinstance(problem, MessageGone):
            fates[place] = Fate(GONE)
        elif isinstance(problem, MessageBroken):
            fates[place] = Fate(UNKNOWN)
        elif problem is not None:
            raise problem
        else:
            fates[place] = _fate(reply.body, place, folders, generations)
    return fates


def _fate(item: Mapping, place: Place, folders, generations) -> Fate:
    ref = str(item.get("parentFolderId") or "")
    folder = folders.get(ref)
    if folder is None or folder.role not in COUNTED_ROLES or item.get("isDraft"):
        # what is in no folder at all is among the recoverable items
        return Fate(EXCLUDED)
    last = place.generation if ref == place.folder else ""
    return Fate(LIVE, (Place(ref, generations.get(ref, last), place.ref),))


# --- audit ----------------------------------------------------------------------------


def audit(
    graph: Graph,
    tree: Tree,
    since: datetime | None,
    refs: bool,
    skip: frozenset[str],
    generations: Mapping[str, str],
) -> tuple[FolderCount, ...]:
    """:param tree: just listed, with the number of mails in each folder"""
    counts = []
    for folder in tree.listing():
        found = None
        if refs and folder.role in COUNTED_ROLES and folder.ref not in skip:
            found = tuple(_refs_since(graph, folder.ref, since))
        generation = generations.get(folder.ref, "")
        counts.append(FolderCount(folder, tree.total(folder.ref), found, generation))
    return tuple(counts)


def _refs_since(graph: Graph, folder: str, since: datetime | None) -> Iterator[str]:
    options = {"select": "id,isDraft", "top": TOP}
    if since is not None:
        options |= {
            "filter": f"receivedDateTime ge {stamp(since)}",
            "orderby": "receivedDateTime desc",
        }
    first = path("me", "mailFolders", folder, "messages", **options)
    for item in _all_items(graph, first):
        if item.get("isDraft") is not True:
            yield item["id"]


def _all_items(graph: Graph, first: str, most: int | None = None) -> Iterator[dict]:
    """Of a list over several pages, each once though pages may shift.

    :raises Unavailable: it does not end
    """
    seen, link, links = set(), first, set()
    while link and (most is None or len(seen) < most):
        if link in links or len(links) >= MAX_PAGES:
            raise Unavailable("garbage", "a list without end")
        links.add(link)
        body = graph.get(link)
        for item in items_of(body):
            ref = charsets.ascii_id(item.get("id"))
            if ref and ref not in seen:
                seen.add(ref)
                yield item
        link = graph.next_of(body)


# --- search ---------------------------------------------------------------------------

_FOUND = "id,parentFolderId,receivedDateTime,isDraft"


def search(
    graph: Graph,
    query: Query,
    since: datetime | None,
    folders: Mapping[str, Folder],
    generations: Mapping[str, str],
) -> list[Place]:
    """Mail in folders that count with any of the terms, as Exchange's index finds it:
    by whole words. An index gives 1,000 mails at most, the newest."""
    places: dict[Place, None] = {}
    most = 0
    for first in _searches(query, since):
        for told, item in enumerate(_all_items(graph, first, MAX_FOUND), 1):
            # those that are passed by filled the answer, too
            most = max(most, told)
            folder = folders.get(str(item.get("parentFolderId") or ""))
            received = str(item.get("receivedDateTime") or "")
            if folder is None or folder.role not in COUNTED_ROLES:
                continue
            if item.get("isDraft") is True or received < stamp(since):
                continue
            generation = generations.get(folder.ref, "")
            places[Place(folder.ref, generation, item["id"])] = None
    found = list(places)[:MAX_FOUND]
    return Cut(found) if most >= INDEX_GIVES else found


def _searches(query: Query, since: datetime | None) -> Iterator[str]:
    """Keyword Query Language for words, a filter for ids, which it has no key for."""
    terms = [f"participants:{_quoted(one)}" for one in query.addresses + query.domains]
    terms += [f"subject:{_quoted(word)}" for word in query.subject_words]
    for some in _pieces([term for term in terms if not term.endswith('""')], TERMS):
        words = " OR ".join(some)
        if since is not None:  # by day, in a zone we do not know
            day = (since - timedelta(days=2)).strftime("%Y-%m-%d")
            words = f"({words}) AND received>={day}"
        told = words.replace("\\", " ").replace('"', '\\"')
        yield path("me", "messages", select=_FOUND, search=f'"{told}"', top=250)
    for some in _pieces([one for one in query.message_ids if one.strip()], IDS):
        told = " or ".join(f"internetMessageId eq {_literal(one)}" for one in some)
        yield path("me", "messages", select=_FOUND, filter=told, top=250)


def _quoted(text: str) -> str:
    return '"' + " ".join(text.replace('"', " ").split())[:200] + '"'


def _literal(text: str) -> str:
    return "'" + text.strip()[:998].replace("'", "''") + "'"


def _pieces(terms: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return [terms[at : at + size] for at in range(0, len(terms), size)]
