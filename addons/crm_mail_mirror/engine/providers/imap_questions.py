# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where is this mail, how many are there, and which have to do with this address?"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from .. import headers
from . import imap_uids
from .base import (
    EXCLUDED,
    GONE,
    LIVE,
    UNKNOWN,
    Cut,
    Fate,
    FolderCount,
    Lookup,
    Place,
    Query,
)
from .imap_cursor import imap_date, search_day
from .imap_folders import Listed, only_all_mail, read_folders
from .imap_mail import read_rows
from .imap_session import Session
from .imap_wire import Examined, Refused, in_our_words, is_busy, quote

#: Mails of one ``confirm`` that are searched for; of the others nothing is said.
LOOKUPS = 20
#: Terms of one SEARCH: keeps the line under 1,000 bytes.
TERMS = 5
#: Places that one search gives, the newest of each folder.
MAX_FOUND = 5_000
#: Where an address may stand.
_LINES = ("FROM", "TO", "CC", "BCC", "HEADER REPLY-TO")
_MESSAGE_ID = "UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]<0.4096>"


# --- confirm -------------------------------------------------------------------------


def confirm(session: Session, lookups: Sequence[Lookup]) -> dict[Place, Fate]:
    """LIVE, EXCLUDED, GONE, or UNKNOWN where the server cannot tell for sure."""
    fates = {lookup.place: Fate(UNKNOWN) for lookup in lookups}
    with in_our_words(session.wire, "confirm"):
        listed = _listed(session)
        sought = _still_there(session, listed, lookups, fates)
        sought = [lookup for lookup in sought if lookup.message_id][:LOOKUPS]
        if sought:
            _find_elsewhere(session, listed, sought, fates)
    return fates


def _still_there(session, listed, lookups, fates) -> list[Lookup]:
    """Settle those that lie where they were seen last. :return: the others"""
    by_folder: dict[tuple[str, str], list[Lookup]] = defaultdict(list)
    for lookup in lookups:
        by_folder[lookup.place.folder, lookup.place.generation].append(lookup)
    others = []
    for (path, generation), some in by_folder.items():
        entry = listed.get(path)
        seen = _open(session, path) if entry is not None else None
        there: set[int] = set()
        if seen is not None and str(seen.uidvalidity) == generation and seen.exists:
            for piece in imap_uids.commands(int(lookup.place.ref) for lookup in some):
                uids = imap_uids.write(imap_uids.compress(piece))
                found = session.wire.search("UID", uids, "UNDELETED")
                there.update(imap_uids.expand(found, len(piece)))
        for lookup in some:
            if int(lookup.place.ref) in there:
                state = LIVE if entry.counts else EXCLUDED
                fates[lookup.place] = Fate(state, (lookup.place,))
            else:
                others.append(lookup)
    return others


def _find_elsewhere(session, listed, sought, fates) -> None:
    """By Message-ID in every folder. GONE needs a server whose search is proven."""
    ids = {headers.parse_ids(lookup.message_id)[:1] for lookup in sought}
    ids = {found[0] for found in ids if found}
    places: dict[str, list[Place]] = defaultdict(list)
    excluded: dict[str, list[Place]] = defaultdict(list)
    certain, proven = True, False
    for path, entry in listed.items():
        seen = _open(session, path)
        if seen is None:
            certain = False
            continue
        if not seen.exists:
            continue
        if not proven:
            proven = _finds_by_header(session, path, seen)
            certain = certain and proven
        found = places if entry.counts else excluded
        for message_id, uids in _search_ids(session, path, ids).items():
            found[message_id].extend(_places(path, seen, uids))
    for lookup in sought:
        message_id = (headers.parse_ids(lookup.message_id) or ("",))[0]
        if places[message_id]:
            fates[lookup.place] = Fate(LIVE, tuple(places[message_id]))
        elif excluded[message_id]:
            fates[lookup.place] = Fate(EXCLUDED, tuple(excluded[message_id]))
        elif certain and message_id:
            fates[lookup.place] = Fate(GONE)


def _finds_by_header(session: Session, path: str, seen: Examined) -> bool:
    """Does SEARCH HEADER find the newest mail here? iCloud's does not always."""
    newest = imap_uids.newest(session.wire.search("UID", f"1:{seen.uidnext - 1}"), 1)
    for uid, message_id in _message_ids(session, path, newest).items():
        found = session.wire.search("HEADER", "MESSAGE-ID", quote(message_id))
        return bool(imap_uids.clip(found, uid, uid))
    return False


def _search_ids(session: Session, path: str, ids: set[str]) -> dict[str, list[int]]:
    uids: set[int] = set()
    for some in _pieces(sorted(ids)):
        terms = [f"HEADER MESSAGE-ID {quote(one).decode()}" for one in some]
        found = session.wire.search("UNDELETED", *_any_of(terms))
        uids.update(imap_uids.expand(found, 1_000))
    matched: dict[str, list[int]] = defaultdict(list)
    for uid, message_id in _message_ids(session, path, sorted(uids)).items():
        matched[message_id].append(uid)
    return {one: matched[one] for one in ids if matched[one]}


def _message_ids(session: Session, path: str, uids: Sequence[int]) -> dict[int, str]:
    if not uids:
        return {}
    rows = read_rows(session, path, uids, _MESSAGE_ID, b"HEADER")
    found = {}
    for uid, row in rows.items():
        header = row.get(b"HEADER") if row else None
        if isinstance(header, bytes):
            message_id = headers.parse_envelope(header).message_id
            if message_id:
                found[uid] = message_id
    return found


# --- audit and search ----------------------------------------------------------------


def audit(
    session: Session, since: datetime | None, refs: bool, skip: frozenset[str]
) -> tuple[FolderCount, ...]:
    """Messages of each folder, and on demand the refs of those that count.

    One EXAMINE and one SEARCH a folder; its number of messages only where no date was
    given, since that may cost a STATUS each.
    """
    counts = []
    with in_our_words(session.wire, "audit"):
        listed = _listed(session, numbers=not refs or since is None)
        kept = {entry.folder.ref for entry in _all_once(session, listed)}
        for path, entry in listed.items():
            seen, found = None, None
            if refs and entry.counts and path in kept and path not in skip:
                seen = _open(session, path)
                found = _refs_since(session, seen, since) if seen else None
            generation = str(seen.uidvalidity) if seen else ""
            counts.append(FolderCount(entry.folder, entry.messages, found, generation))
    return tuple(counts)


def _all_once(session: Session, listed: dict[str, Listed]) -> Iterable[Listed]:
    """Gmail's labels look like folders: each mail lies in one of them all."""
    if "X-GM-EXT-1" in session.wire.capable:
        return only_all_mail(listed.values())
    return listed.values()


def _refs_since(session, seen: Examined, since) -> tuple[str, ...]:
    if not seen.exists:
        return ()
    found = session.wire.search("UNDELETED", *_received_since(session, seen, since))
    return tuple(imap_uids.ref(uid) for uid in imap_uids.expand(found, seen.exists))


def _received_since(session, seen: Examined, since: datetime | None) -> tuple[str, ...]:
    """To the second where the server can (RFC 5032), else by the day."""
    if since is None:
        return "UID", f"1:{seen.uidnext - 1}"
    if "WITHIN" in session.wire.capable:
        age = (datetime.now(UTC) - since).total_seconds()
        return "YOUNGER", str(max(1, math.ceil(age)))
    return "SINCE", imap_date(search_day(since))


def search(session: Session, query: Query, since: datetime | None) -> list[Place]:
    """Mail in folders that count with any of the terms; substrings match too.

    ``Cut`` where the server does not search beyond ASCII and a term is.
    """
    terms = _terms(query)
    plain = [term for term in terms if term.isascii()]
    others = [term for term in terms if not term.isascii()]
    places: list[Place] = []
    is_deaf = False
    if not terms:
        return places
    with in_our_words(session.wire, "search"):
        listed = _listed(session)
        for entry in _all_once(session, listed):
            path = entry.folder.ref
            seen = _open(session, path) if entry.counts else None
            if seen is not None and seen.exists:
                uids = _search_terms(session, plain, since)
                if others and not is_deaf:
                    told = _search_terms(session, others, since, charset="UTF-8")
                    is_deaf = told is None
                    uids = imap_uids.merge([*uids, *(told or ())])
                places.extend(_places(path, seen, imap_uids.newest(uids, MAX_FOUND)))
    return Cut(places, for_good=True) if is_deaf else places


def _terms(query: Query) -> list[str]:
    terms = []
    for text in (*query.addresses, *(f"@{domain}" for domain in query.domains)):
        terms.extend(f"{line} {_quoted(text)}" for line in _LINES)
    terms.extend(f"HEADER MESSAGE-ID {_quoted(one)}" for one in query.message_ids)
    terms.extend(f"SUBJECT {_quoted(word)}" for word in query.subject_words)
    return terms


def _quoted(text: str) -> str:
    return quote(" ".join(text.split())[:200]).decode("utf-8")


def _search_terms(
    session, terms: Sequence[str], since, charset: str = ""
) -> imap_uids.Ranges | None:
    """:return: ``None``: this server does not search in that charset"""
    day = search_day(since)
    criteria = ["UNDELETED", *(("SINCE", imap_date(day)) if day else ())]
    found: imap_uids.Ranges = []
    try:
        for some in _pieces(terms):
            told = session.wire.search(*criteria, *_any_of(some), charset=charset)
            found.extend(told)
    except Refused as refusal:
        if charset and _is_about_charset(refusal):
            return None
        raise
    return imap_uids.merge(found)


def _is_about_charset(refusal: Refused) -> bool:
    """NO [BADCHARSET] (RFC 3501 section 6.4.4); older servers say it in words alone,
    and some take a string with such letters for no string at all."""
    if is_busy(refusal.text, refusal.code):
        return False
    said = refusal.text.lower()
    return (
        refusal.code == "BADCHARSET"
        or refusal.answer == "BAD"
        or "charset" in said
        or "character set" in said
    )


# --- common --------------------------------------------------------------------------


def _listed(session: Session, numbers: bool = False) -> dict[str, Listed]:
    listed = read_folders(session.wire, numbers=numbers, ignored_too=numbers)
    session.learn(listed)
    return {entry.folder.ref: entry for entry in listed}


def _open(session: Session, path: str) -> Examined | None:
    try:
        return session.examine(path)
    except Refused as refusal:
        if refusal.answer == "BAD" or is_busy(refusal.text, refusal.code):
            raise
        return None


def _places(path: str, seen: Examined, uids: Iterable[int]) -> list[Place]:
    return [Place(path, str(seen.uidvalidity), imap_uids.ref(uid)) for uid in uids]


def _pieces(terms: Sequence[str]) -> list[Sequence[str]]:
    return [terms[at : at + TERMS] for at in range(0, len(terms), TERMS)]


def _any_of(terms: Sequence[str]) -> list[str]:
    """``OR a OR b c`` (RFC 3501 section 6.4.4)"""
    return [*(f"OR {term}" for term in terms[:-1]), terms[-1]]
