# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where is this mail in Gmail, how much is there, which has to do with this address?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from .base import (
    EXCLUDED,
    GONE,
    LIVE,
    UNKNOWN,
    Fate,
    FolderCount,
    Identity,
    Lookup,
    Place,
    Query,
)
from .gmail_api import Api, integer
from .gmail_batch import Got, get, is_gone
from .gmail_bite import FOLDERS
from .gmail_cursor import seconds
from .gmail_errors import Refused, meaning
from .gmail_mail import ALL, HIDDEN, labels_of, place_of
from .gmail_queries import between, grouped, terms_of
from .gmail_quota import GET, LIST

#: Mails of one ``confirm`` that are looked at one by one; of others that no list shows
#: nothing is said.
LOOKUPS = 100
#: Places that one search gives, the newest of each query.
MAX_FOUND = 5_000


def identify(api: Api, account_id: str) -> Identity:
    """The address, and those that Gmail lets the owner send as and has verified.

    One that is not verified may be anybody's.
    """
    email = api.profile().get("emailAddress")
    email = email.lower() if isinstance(email, str) else ""
    try:
        addresses = [
            str(one.get("sendAsEmail") or "").lower()
            for one in api.send_as()
            if one.get("isPrimary") or one.get("verificationStatus") == "accepted"
        ]
    except Refused:
        addresses = []
    aliases = sorted({one for one in addresses if "@" in one and one != email})
    return Identity(email, tuple(aliases), account_id or email)


def confirm(api: Api, lookups: Sequence[Lookup]) -> dict[Place, Fate]:
    """One by one, 20 units each; many by a list of all mail, 5 units for 500."""
    fates = {lookup.place: Fate(UNKNOWN) for lookup in lookups}
    waiting = {}
    for place in fates:
        if place.folder == ALL and not place.generation:
            waiting[place.ref] = place
        else:
            fates[place] = Fate(GONE)
    if len(waiting) > LOOKUPS:
        _find_in_list(api, waiting, fates)
    ids = list(waiting)[:LOOKUPS]
    for start in range(0, len(ids), api.bucket.gets):
        some = ids[start : start + api.bucket.gets]
        found = get(api, some, format="minimal", fields="id,labelIds")
        for id_ in some:
            fates[waiting[id_]] = _fate(waiting[id_], found.get(id_))
    return fates


def _find_in_list(api: Api, waiting: dict[str, Place], fates: dict) -> None:
    """Settle those that a list shows. It proves presence only: it may be stale."""
    affordable, page = len(waiting) * GET // LIST, ""
    for _ in range(affordable):
        try:
            ids, page = api.list(between(0), page)
        except Refused:
            return
        for id_ in ids:
            if place := waiting.pop(id_, None):
                fates[place] = Fate(LIVE, (place,))
        if not page or not waiting:
            return


def _fate(place: Place, found: Got) -> Fate:
    if is_gone(found):
        return Fate(GONE)
    if not isinstance(found, dict) or not found.get("id"):
        return Fate(UNKNOWN)
    return Fate(EXCLUDED if labels_of(found) & HIDDEN else LIVE, (place,))


def audit(
    api: Api, since: datetime | None, refs: bool, skip: frozenset[str]
) -> tuple[FolderCount, ...]:
    """All mail, and what Gmail counts for each label that is not listed.

    With ``refs`` the ids are listed, 5 units for 500, and since a date nothing else;
    else the count is what the whole mailbox holds without those labels, 4 units.
    """
    wanted = refs and ALL not in skip
    found = tuple(_ids(api, between(seconds(since)))) if wanted else None
    if refs and since is not None:
        hidden, messages = dict.fromkeys(FOLDERS[1:]), None
    else:
        hidden = {folder: api.label_total(folder.ref) for folder in FOLDERS[1:]}
        messages = integer(api.profile().get("messagesTotal")) - sum(hidden.values())
        messages = max(0, messages) if found is None else len(found)
    return (
        FolderCount(FOLDERS[0], messages, found),
        *(FolderCount(folder, count) for folder, count in hidden.items()),
    )


def search(api: Api, query: Query, since: datetime | None) -> list[Place]:
    found: dict[str, None] = {}
    for terms in grouped(terms_of(query)):
        question = between(seconds(since), 0, terms)
        found.update(dict.fromkeys(_ids(api, question, MAX_FOUND)))
    return [place_of(id_) for id_ in found]


def _ids(api: Api, question: str, most: int = 0) -> Iterator[str]:
    """The newest first. :param most: pages are asked for until there are so many"""
    page, restarted = "", False
    seen: set[str] = set()
    while True:
        try:
            ids, page = api.list(question, page)
        except Refused as answer:
            if restarted:
                # what came so far is not all: nobody may take it for that
                raise meaning(answer) from None
            page, restarted = "", True
            continue
        fresh = [id_ for id_ in ids if id_ not in seen]
        seen.update(fresh)
        yield from fresh
        if not page or (most and len(seen) >= most):
            return
