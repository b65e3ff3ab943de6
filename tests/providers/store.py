# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The smallest engine above a provider: applies batches just as ``base.py`` says."""

from __future__ import annotations

import json
from dataclasses import replace

from engine.identity import mail_key
from engine.providers.base import Budget, ChangeBatch, Place


class Store:
    """``places``: what is where; ``copies``: the mails that live."""

    def __init__(self):
        self.cursor: dict | None = None
        self.folders: dict[str, str] = {}
        self.places: dict[Place, str] = {}
        self.message_ids: dict[str, str] = {}
        self.copies: set[str] = set()
        self.orphans: set[str] = set()
        self.deleted: list[str] = []
        self.passes = 0
        self.received_at: dict[str, object] = {}

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
            key = mail_key(presence)
            self.places[presence.place] = key
            self.message_ids[key] = presence.envelope.message_id
            self.copies.add(key)
        for absence in batch.absent:
            self._drop(lambda place, absence=absence: _covers(absence, place))
        orphans = self.copies - set(self.places.values())
        if batch.pass_complete:
            self.passes += 1
            for key in orphans & self.orphans:
                self.copies.discard(key)
                self.deleted.append(key)
            self.orphans = orphans & self.copies
        else:
            self.orphans &= orphans
        self.cursor = json.loads(json.dumps(batch.cursor))

    def _drop(self, is_gone) -> None:
        self.places = {
            place: key for place, key in self.places.items() if not is_gone(place)
        }

    def sync(self, provider, budget=None, passes=1, since=None, skip=frozenset()):
        """Pull until so many passes are complete and nothing is left to do.

        :return: the batches
        """
        batches, goal = [], self.passes + passes
        for _ in range(10_000):
            batch = provider.pull(self.cursor, since, budget or Budget(), skip)
            self.apply(batch)
            batches.append(batch)
            if self.passes >= goal and not batch.more:
                return batches
        raise AssertionError("the pull never ends")

    @property
    def truth(self) -> set[tuple[str, int, str]]:
        """(folder, UID, Message-ID), to be compared with ``MailUser.truth``."""
        return {
            (place.folder, int(place.ref), self.message_ids[key])
            for place, key in self.places.items()
        }


def _covers(absence, place: Place) -> bool:
    return (
        absence.folder == place.folder
        and absence.generation == place.generation
        and any(low <= place.ref <= high for low, high in absence.ranges)
    )
