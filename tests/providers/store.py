# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The smallest engine above a provider: applies batches just as ``base.py`` says."""

from __future__ import annotations

import json
from dataclasses import replace

from engine.envelope import Envelope
from engine.identity import mail_key
from engine.providers.base import (
    COUNTED_ROLES,
    EXCLUDED,
    GONE,
    Budget,
    ChangeBatch,
    CursorExpired,
    Lookup,
    MessageGone,
    Place,
    Presence,
    ProviderError,
)


class Store:
    """``places``: what is where; ``copies``: the mails that live.

    :ivar asked: places whose headers had to be asked for with ``envelopes``
    :ivar unread: places of mail that is there but could not be read: the queue
    """

    def __init__(self):
        self.cursor: dict | None = None
        self.folders: dict[str, str] = {}
        self.places: dict[Place, str] = {}
        self.message_ids: dict[str, str] = {}
        self.copies: set[str] = set()
        self.orphans: set[str] = set()
        self.lost: dict[str, Place] = {}
        self.deleted: list[str] = []
        self.passes = 0
        self.is_listing_again = False
        self.asked: list[Place] = []
        self.unread: set[Place] = set()

    # --- a pull -----------------------------------------------------------------------

    def pull(self, provider, budget=None, since=None, **wanted) -> ChangeBatch:
        """A batch that can be applied; a cursor that is refused is dropped."""
        try:
            batch = provider.pull(self.cursor, since, budget or Budget(), **wanted)
        except CursorExpired:
            self.forget_places()
            batch = provider.pull(self.cursor, since, budget or Budget(), **wanted)
        return self.complete(provider, batch)

    def complete(self, provider, batch: ChangeBatch) -> ChangeBatch:
        """With the headers of mail that came by its place alone and is not known."""
        unknown = [
            presence.place
            for presence in batch.present
            if presence.envelope is None and presence.key not in self.copies
        ]
        if not unknown:
            return batch
        self.asked += unknown
        answers = dict(provider.envelopes(unknown))
        assert answers.keys() == set(unknown)
        present = []
        for presence in batch.present:
            answer = answers.get(presence.place, presence)
            if isinstance(answer, MessageGone):
                continue  # the next pull tells
            if isinstance(answer, ProviderError):  # it waits to be asked for again
                answer = replace(presence, envelope=Envelope())
            present.append(answer)
        return replace(batch, present=tuple(present))

    def forget_places(self) -> None:
        """The cursor is refused: list all again; what is not found again is gone."""
        self.lost.update({key: place for place, key in self.places.items()})
        self.cursor, self.places = None, {}
        self.is_listing_again = True

    # --- a transaction ----------------------------------------------------------------

    def apply(self, batch: ChangeBatch) -> None:
        if batch.folders is not None:
            self.folders = {folder.ref: folder.role for folder in batch.folders}
        for old, new in batch.renamed:
            self.places = {
                replace(place, folder=new) if place.folder == old else place: key
                for place, key in self.places.items()
            }
        for folder, generation in batch.reset:
            self._drop(
                lambda p, f=folder, g=generation: p.folder == f and p.generation != g
            )
        for presence in batch.present:
            self._add(presence)
        for absence in batch.absent:
            assert all(low <= high for low, high in absence.ranges), absence
            gone = self._drop(lambda place, absence=absence: _covers(absence, place))
            if absence.unwanted:
                for key in gone - set(self.places.values()):
                    self._delete(key)
        self._judge(batch)
        self.cursor = json.loads(json.dumps(batch.cursor))

    def _add(self, presence: Presence) -> None:
        place, key = presence.place, mail_key(presence)
        assert self.folders[place.folder] in COUNTED_ROLES, place
        self.unread.discard(place)
        if presence.envelope == Envelope():
            self.unread.add(place)
        if presence.envelope is not None:
            assert presence.received_at.tzinfo, place
            self.message_ids[key] = presence.envelope.message_id
        assert presence.envelope is not None or presence.key in self.copies, place
        self.places[place] = key
        self.copies.add(key)

    def _drop(self, is_gone) -> set[str]:
        gone = set()
        for place in [place for place in self.places if is_gone(place)]:
            key = self.places.pop(place)
            self.lost[key] = place
            gone.add(key)
        return gone

    def _judge(self, batch: ChangeBatch) -> None:
        """What had no place in two complete passes is gone."""
        orphans = self.copies - set(self.places.values())
        if self.is_listing_again and not (batch.pass_complete and not batch.more):
            return
        self.is_listing_again = False
        if batch.pass_complete:
            self.passes += 1
            for key in orphans & self.orphans:
                self._delete(key)
            self.orphans = orphans & self.copies
        else:
            self.orphans &= orphans

    def _delete(self, key: str) -> None:
        self.copies.discard(key)
        self.orphans.discard(key)
        self.deleted.append(key)

    def confirm(self, provider) -> None:
        """Ask for what has no place: what is gone need not wait for another pass."""
        if self.is_listing_again:
            return
        placed = set(self.places.values())
        lookups = {
            key: Lookup(place, key, self.message_ids[key])
            for key, place in self.lost.items()
            if key in self.copies and key not in placed
        }
        fates = provider.confirm(list(lookups.values()))
        assert fates.keys() == {lookup.place for lookup in lookups.values()}
        for key, lookup in lookups.items():
            if fates[lookup.place].state in (GONE, EXCLUDED):
                self._delete(key)

    def read_again(self, provider) -> None:
        """What could not be read when it was listed."""
        queue = [place for place in self.unread if place in self.places]
        for place, answer in provider.envelopes(queue) if queue else ():
            assert isinstance(answer, Presence | ProviderError)
            if isinstance(answer, Presence):
                self.copies.discard(self.places.pop(place))
                self._add(answer)
        self.copies |= set(self.places.values())

    # --- passes -----------------------------------------------------------------------

    def sync(self, provider, budget=None, passes=1, since=None, **wanted):
        """Pull until so many passes are complete and nothing is left to do.

        :return: the batches
        """
        batches, goal = [], self.passes + passes
        for _ in range(10_000):
            batch = self.pull(provider, budget, since, **wanted)
            self.apply(batch)
            batches.append(batch)
            if self.passes >= goal and not batch.more:
                self.read_again(provider)
                return batches
        raise AssertionError("the pull never ends")

    def told(self, batches) -> list[str]:
        """Message-IDs of what these batches told as present, in their order."""
        return [self.message_ids[mail_key(p)] for b in batches for p in b.present]

    def place_of(self, message_id: str) -> Place:
        (place,) = (
            place
            for place, key in self.places.items()
            if self.message_ids[key] == message_id
        )
        return place

    @property
    def truth(self) -> set[tuple[str, str, str]]:
        """(folder, ref, Message-ID), to be compared with ``MailOwner.truth``."""
        return {
            (place.folder, place.ref, self.message_ids[key])
            for place, key in self.places.items()
        }


def _covers(absence, place: Place) -> bool:
    return (
        absence.folder == place.folder
        and absence.generation == place.generation
        and any(low <= place.ref <= high for low, high in absence.ranges)
    )
