# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What changed since a state token, page by page?

https://learn.microsoft.com/en-us/graph/delta-query-messages

A round tells what came between two readings of the mailbox's clock, ``since`` and
``upto``. The token holds both, the last place told, and the query options of the first
request: nothing is kept on the server, so any token may be used again.

What of this is unkind, is as in the real service: pages may be empty, the order is any
unless ``$orderby`` is given, things are told twice; and with immutable ids an item that
left a folder and came back between two rounds is told as removed, and no more.
"""

from __future__ import annotations

import base64
import bisect
import hashlib
import hmac
import json
import zlib
from collections import OrderedDict
from dataclasses import dataclass, fields, replace

from .graph_answers import Problem
from .graph_store import Mailbox


@dataclass(frozen=True)
class Round:
    """:param stream: id of the folder, or ``tree``
    :param options: query options of the first request, for who renders the items
    :param last: sort key of the last entry told; ``[]`` = none yet
    :param told: how many entries of this round were told, for the cap
    :param made: the clock when the token was given out
    :param untold: ids of items that left or changed before this round came to them
    :param silent: those of the round before: nobody heard of them, so it is not told
        that they left
    """

    stream: str
    since: int = 0
    upto: int = 0
    options: dict | None = None
    last: tuple = ()
    told: int = 0
    made: int = 0
    rested: bool = False
    untold: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()

    def option(self, name: str):
        return (self.options or {}).get(name)


@dataclass(frozen=True)
class Entry:
    """:param removed: reason of an ``@removed``, else ``""``
    :param mutable_id: the one it had when it left
    """

    key: tuple
    id: str
    mutable_id: str = ""
    removed: str = ""


class Rounds:
    """The change tracking of a server.

    :param secret: signs tokens
    """

    def __init__(self, secret: bytes):
        self.secret = secret
        self.empty_pages = True
        self.doubled = False
        self.filter_cap = 5_000
        self._listings: OrderedDict[tuple, list[Entry]] = OrderedDict()

    # --- tokens -----------------------------------------------------------------------

    def token(self, mailbox: Mailbox, state: Round) -> str:
        state = replace(state, made=mailbox.clock)
        plain = json.dumps([mailbox.email, *_values(state)]).encode()
        signature = self._sign(plain)[:9]
        return base64.urlsafe_b64encode(signature + zlib.compress(plain)).decode()

    def read(self, mailbox: Mailbox, stream: str, token: str) -> Round:
        """:raises Problem: the token is none of ours, or of another folder"""
        try:
            packed = base64.urlsafe_b64decode(token)
            plain = zlib.decompress(packed[9:])
            if not hmac.compare_digest(packed[:9], self._sign(plain)[:9]):
                raise ValueError("signature")
            email, *values = json.loads(plain)
            state = Round(*values)
        except (ValueError, zlib.error) as error:
            raise _bad_token() from error
        if email != mailbox.email or state.stream != stream:
            raise _bad_token()
        names = ("last", "untold", "silent")
        return replace(state, **{name: tuple(getattr(state, name)) for name in names})

    def refusal(self, mailbox: Mailbox, state: Round) -> Problem | None:
        """Why this token does no longer count."""
        limit, how = mailbox.refused.get(state.stream, (0, ""))
        if state.made >= limit:
            return None
        if how == "gone":  # who answers adds Location: the first request of the round
            return Problem(410, "SyncStateNotFound", "The sync state is gone.")
        status, _space, code = how.partition(" ")
        return Problem(int(status), code, "The sync state generation is not found.")

    def _sign(self, plain: bytes) -> bytes:
        return hmac.new(self.secret, plain, hashlib.sha256).digest()

    # --- rounds -----------------------------------------------------------------------

    def begin(self, mailbox: Mailbox, stream: str, options: dict) -> Round:
        options = {**options, "double": self.doubled}
        return Round(stream, upto=mailbox.clock, options=options, made=mailbox.clock)

    def page(
        self, mailbox: Mailbox, state: Round, size: int, immutable: bool
    ) -> tuple[list[Entry], Round]:
        """The next entries. In the round that comes back ``upto`` is 0 when this one is
        over; then it is the first of the next.

        Who continues an old round gets what still holds of it: what changed after it
        began is for the next one.
        """
        if state.upto == 0:  # a delta link: its next round begins now
            state = replace(state, upto=mailbox.clock, made=mailbox.clock)
        state = replace(state, untold=state.untold + self._slipped(mailbox, state))
        entries = self._listing(mailbox, state, immutable)
        start = bisect.bisect_right([e.key for e in entries], state.last)
        if entries and self._rests(state):
            return [], replace(state, rested=True)
        if state.option("filter"):
            size = min(size, self.filter_cap - state.told)
        page = entries[start : start + size]
        told = state.told + len(page)
        capped = state.option("filter") and told >= self.filter_cap
        if start + size >= len(entries) or capped:
            done = replace(state, since=state.upto, upto=0, silent=state.untold)
            return page, replace(done, last=(), told=0, rested=False, untold=())
        return page, replace(state, last=page[-1].key, told=told, rested=False)

    def _slipped(self, mailbox: Mailbox, state: Round) -> tuple[str, ...]:
        """What left or changed since the page before, and was not come to by then.

        Nobody has heard of it: what changed is for the next round, and if it leaves
        before that comes to it, there is nothing to take back.
        """
        if mailbox.clock == state.made:
            return ()
        events = [
            (gone.id, gone.received, gone.arrived, gone.left)
            for gone in mailbox.departures.get(state.stream, ())
        ]
        if state.stream in mailbox.contents:
            events += [
                (item.id, item.received.timestamp(), item.arrived, item.changed)
                for item in mailbox.mails(state.stream)
            ]
        known = {*state.untold}
        return tuple(
            item_id
            for item_id, received, arrived, event in events
            if event > state.made
            and arrived <= state.upto
            and (arrived > state.since or item_id in state.silent)
            and self._key(state, item_id, received) > state.last
            and item_id not in known
        )

    def _key(self, state: Round, item_id: str, received: float) -> tuple:
        if state.option("orderby"):
            return (-received, item_id)
        return (self._dice(item_id, state.upto), item_id)

    def _rests(self, state: Round) -> bool:
        return (
            self.empty_pages
            and not state.rested
            and self._dice(state.upto, state.last) % 4 == 0
        )

    def _dice(self, *about) -> int:
        digest = hashlib.sha256(self.secret + repr(about).encode()).digest()
        return int.from_bytes(digest[:4], "big")

    def _listing(self, mailbox: Mailbox, state: Round, immutable: bool) -> list[Entry]:
        """All entries of a round, sorted by key."""
        if state.stream == "tree":
            entries = self._folders(mailbox, state)
        else:
            # what a page finds must not depend on when it is asked for
            known = (mailbox.email, state.stream, state.since, state.upto, immutable)
            known += (mailbox.clock, json.dumps(state.options, sort_keys=True))
            entries = self._listings.pop(known, None)
            if entries is None:
                entries = self._mails(mailbox, state, immutable)
            self._listings[known] = entries
            while len(self._listings) > 8:
                self._listings.popitem(last=False)
        return entries

    def _mails(self, mailbox: Mailbox, state: Round, immutable: bool) -> list[Entry]:
        wanted = state.option("changeType") if state.since else None
        left = [
            gone
            for gone in mailbox.departures.get(state.stream, ())
            if gone.arrived <= state.since < gone.left <= state.upto
            and gone.id not in state.silent
        ]
        left_ids = {gone.id for gone in left}
        first = float("-inf") if state.option("orderby") else None
        entries = [
            Entry(
                (first or self._dice("gone", gone.id), gone.id),
                gone.id,
                gone.mutable_id,
                gone.reason,
            )
            for gone in left
            if wanted in (None, "deleted")
        ]
        for item in mailbox.mails(state.stream):
            if not state.since < item.changed <= state.upto:
                continue
            if immutable and item.id in left_ids:
                continue  # away and back again: only the leaving is told
            change = "created" if item.arrived > state.since else "updated"
            if wanted not in (None, change) or not _passes(item, state):
                continue
            key = self._key(state, item.id, item.received.timestamp())
            entries.append(Entry(key, item.id))
        return self._finished(entries, state)

    def _folders(self, mailbox: Mailbox, state: Round) -> list[Entry]:
        hidden = bool(state.option("hidden"))
        entries = [
            Entry((self._dice(row.id, state.upto), row.id), row.id)
            for row in mailbox.tree(hidden)
            if state.since < row.changed <= state.upto
        ]
        entries += [
            Entry((self._dice("gone", folder), folder), folder, folder, "deleted")
            for folder, (born, gone) in mailbox.gone_folders.items()
            if born <= state.since < gone <= state.upto
        ]
        return self._finished(entries, state)

    def _finished(self, entries: list[Entry], state: Round) -> list[Entry]:
        """Sorted; some of them twice, where that is wanted."""
        if state.option("double"):
            entries += [
                replace(entry, key=(*entry.key, "again"))
                for entry in entries
                if self._dice("twice", entry.id) % 3 == 0
            ]
        return sorted(entries, key=lambda entry: entry.key)


def _values(state: Round) -> list:
    return [getattr(state, each.name) for each in fields(state)]


def _passes(item, state: Round) -> bool:
    told = state.option("filter")
    if not told:
        return True
    operator, moment = told
    stamp = item.received.timestamp()
    return stamp >= moment if operator == "ge" else stamp > moment


def _bad_token() -> Problem:
    return Problem(400, "SyncStateInvalid", "The sync state is invalid.")
