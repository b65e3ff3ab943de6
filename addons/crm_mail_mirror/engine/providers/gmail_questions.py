# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where is this mail in Gmail, how much is there, which has to do with this address?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from .base import (
    EXCLUDED,
    GONE,
    LIVE,
    UNKNOWN,
    Cut,
    Fate,
    FolderCount,
    Identity,
    Lookup,
    Place,
    Query,
)
from .gmail_api import Api, integer
from .gmail_batch import Got, get, is_gone
from .gmail_cursor import seconds
from .gmail_errors import Refused
from .gmail_labels import FOLDERS, hidden_by, hide_of, ids, without
from .gmail_mail import ALL, labels_of, place_of
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


def confirm(
    api: Api, lookups: Sequence[Lookup], hide: Collection[str] = ()
) -> dict[Place, Fate]:
    """One by one, 20 units each; many by a list of all mail, 5 units for 500.

    :param hide: labels that are switched off
    """
    fates = {lookup.place: Fate(UNKNOWN) for lookup in lookups}
    waiting = {}
    for place in fates:
        if place.folder == ALL and not place.generation:
            waiting[place.ref] = place
        else:
            fates[place] = Fate(GONE)
    if len(waiting) > LOOKUPS:
        _find_in_list(api, waiting, fates, hide)
    refs, hidden = list(waiting)[:LOOKUPS], hidden_by(hide)
    for start in range(0, len(refs), api.bucket.gets):
        some = refs[start : start + api.bucket.gets]
        found = get(api, some, format="minimal", fields="id,labelIds")
        for id_ in some:
            fates[waiting[id_]] = _fate(waiting[id_], found.get(id_), hidden)
    return fates


def _find_in_list(
    api: Api, waiting: dict[str, Place], fates: dict, hide: Collection[str]
) -> None:
    """Settle those that a list shows. It proves presence only: it may be stale."""
    for label in hide:
        for id_ in ids(api, between(0), labels=[label]):
            if place := waiting.pop(id_, None):
                fates[place] = Fate(EXCLUDED, (place,))
    affordable, page = len(waiting) * GET // LIST, ""
    for _ in range(affordable):
        try:
            listed, page = api.list(between(0), page)
        except Refused:
            return
        for id_ in listed:
            if place := waiting.pop(id_, None):
                fates[place] = Fate(LIVE, (place,))
        if not page or not waiting:
            return


def _fate(place: Place, found: Got, hidden: frozenset[str]) -> Fate:
    if is_gone(found):
        return Fate(GONE)
    if not isinstance(found, dict) or found.get("id") != place.ref:
        return Fate(UNKNOWN)
    return Fate(EXCLUDED if labels_of(found) & hidden else LIVE, (place,))


def audit(
    api: Api, since: datetime | None, refs: bool, skip: frozenset[str]
) -> tuple[FolderCount, ...]:
    """All mail, and what Gmail counts for each label that is not listed.

    With ``refs`` the ids are listed, 5 units for 500, and since a date nothing else;
    else the count is what the whole mailbox holds without those labels, 4 units.
    """
    hide, question, found = hide_of(skip), between(seconds(since)), None
    if refs and ALL not in skip:
        found = tuple(without(api, list(ids(api, question)), hide, question))
    if refs and since is not None:
        hidden, messages = dict.fromkeys(FOLDERS[1:]), None
    else:
        hidden = {folder: api.label_total(folder.ref) for folder in FOLDERS[1:]}
        messages = integer(api.profile().get("messagesTotal")) - sum(hidden.values())
        if found is None:
            off = {
                id_ for label in hide for id_ in ids(api, between(0), labels=[label])
            }
            messages = max(0, messages - len(off))
        else:
            messages = len(found)
    return (
        FolderCount(FOLDERS[0], messages, found),
        *(FolderCount(folder, count) for folder, count in hidden.items()),
    )


def search(
    api: Api, query: Query, since: datetime | None, hide: Collection[str] = ()
) -> list[Place]:
    """:param hide: labels that are switched off: what bears them is not found"""
    found: dict[str, None] = {}
    is_cut = False
    for terms in grouped(terms_of(query)):
        question = between(seconds(since), 0, terms)
        told = list(ids(api, question, MAX_FOUND))
        is_cut |= len(told) >= MAX_FOUND
        left = without(api, told, hide, question, MAX_FOUND)
        found.update(dict.fromkeys(left))
    places = [place_of(id_) for id_ in found]
    # fewer than were found: who counts them would take them for all
    return Cut(places) if is_cut and hide else places
