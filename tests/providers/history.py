# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Random histories: the owner works in the mailbox that is mirrored, and it crashes.

``MAIL_MIRROR_SEEDS=200`` runs more of them.
"""

from __future__ import annotations

import os
import random

import pytest
from engine.providers.base import COUNTED_ROLES, Budget, Unavailable

from tests.peers.mail_user import PeerError
from tests.providers.letters import letter
from tests.providers.store import Store

SEEDS = int(os.environ.get("MAIL_MIRROR_SEEDS", "4"))


class Owner:
    """Does something at random."""

    def __init__(self, user, rng: random.Random, rename: bool, remove: bool):
        self.user, self.rng = user, rng
        self.count = 0
        self.actions = [self.write] * 4 + [self.move] * 3 + [self.copy, self.erase]
        self.actions += [self.mark, self.mark, self.clean, self.create]
        if rename:
            self.actions += [self.rename]
        if remove:
            self.actions += [self.remove, self.recreate]

    def act(self, times: int = 1) -> None:
        for _ in range(times):
            try:
                self.rng.choice(self.actions)()
            except PeerError:
                pass  # such as a folder that exists already

    def some_folder(self) -> str:
        return self.rng.choice(sorted(self.user.folders()))

    def some_mail(self) -> tuple[str, int]:
        folders = sorted(self.user.folders())
        self.rng.shuffle(folders)
        for folder in folders:
            if uids := sorted(self.user.listing(folder, deleted=True)):
                return folder, self.rng.choice(uids)
        raise PeerError("no mail at all")

    def some_own_folder(self) -> str:
        own = [f for f in sorted(self.user.folders()) if f.startswith("Own")]
        if not own:
            raise PeerError("no folder of its own")
        return self.rng.choice(own)

    def write(self) -> None:
        folder = self.some_folder()
        for _ in range(self.rng.choice((1, 1, 2, 6))):
            self.count += 1
            message_id = None if self.rng.random() < 0.9 else ""
            self.user.append(folder, letter(self.count, message_id=message_id))

    def move(self) -> None:
        self.user.move(*self.some_mail(), self.some_folder())

    def copy(self) -> None:
        self.user.copy(*self.some_mail(), self.some_folder())

    def mark(self) -> None:
        flag = self.rng.choice(("\\Deleted", "\\Deleted", "\\Seen"))
        self.user.flag(*self.some_mail(), flag, on=self.rng.random() < 0.6)

    def erase(self) -> None:
        self.user.expunge(*self.some_mail())

    def clean(self) -> None:
        self.user.expunge(self.some_folder())

    def create(self) -> None:
        self.user.create(f"Own{self.rng.randint(1, 5)}")

    def remove(self) -> None:
        self.user.remove(self.some_own_folder())

    def recreate(self) -> None:
        folder = self.some_own_folder()
        self.user.remove(folder)
        self.user.create(folder)
        self.count += 1
        self.user.append(folder, letter(self.count))

    def rename(self) -> None:
        self.user.rename(self.some_own_folder(), f"Own{self.rng.randint(1, 9)}")


class HistoryTests:
    can_rename = True
    can_remove_while_read = True

    @pytest.mark.parametrize("seed", range(SEEDS))
    def test_random_history_with_crashes_ends_equal(self, mailbox, seed, monkeypatch):
        rng = random.Random(seed)
        monkeypatch.setattr("engine.providers.imap_sync.LOOK_EVERY", rng.choice((0, 9)))
        owner = Owner(mailbox.owner, rng, self.can_rename, self.can_remove_while_read)
        owner.act(12)

        store = live_through(mailbox, owner, rng, steps=40)

        ignored = [f for f, role in store.folders.items() if role not in COUNTED_ROLES]
        assert store.truth == mailbox.owner.truth(ignore=ignored)
        assert store.copies == set(store.places.values())


def live_through(mailbox, owner: Owner, rng: random.Random, steps: int) -> Store:
    """Mirror while the owner acts, crash now and then; at the end come to rest."""
    store, provider = Store(), None
    for _ in range(steps):
        try:
            if provider is None or rng.random() < 0.1:
                provider = mailbox.open()
            batch = provider.pull(store.cursor, None, Budget(mails=rng.randint(1, 9)))
        except Unavailable:
            provider = None
            continue
        if rng.random() < 0.6:
            owner.act(rng.randint(1, 3))
        if rng.random() < 0.85:  # else it crashed before the batch was stored
            store.apply(batch)
    with mailbox.open() as provider:
        store.sync(provider, Budget(mails=50), passes=12)
    return store
