# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Random histories: the owner works in the mailbox that is mirrored, and it crashes.

``MAIL_MIRROR_SEEDS=200`` runs more of them.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
from collections.abc import Iterator

import pytest
from engine.providers.base import COUNTED_ROLES, Budget, Unavailable

from tests.peers.mail_owner import MailOwner
from tests.peers.mail_user import PeerError
from tests.peers.tap import Tap
from tests.providers.letters import letter
from tests.providers.store import Store

SEEDS = int(os.environ.get("MAIL_MIRROR_SEEDS", "4"))


class Owner:
    """Does something at random.

    :param rename, remove: whether the server bears it while the folder is read
    """

    def __init__(self, user: MailOwner, rng: random.Random, rename: bool, remove: bool):
        self.user, self.rng = user, rng
        self.count = 0
        self._actions = self.actions()
        if rename:
            self._actions += [self.rename]
        if remove:
            self._actions += [self.remove, self.recreate]

    def actions(self) -> list:
        """What is done, the more often the more times it is in the list."""
        return (
            [self.write] * 4
            + [self.move] * 3
            + [self.copy, self.erase, self.erase, self.read, self.create]
            + [self.throw_away, self.take_back, self.forth_and_back]
        )

    def act(self, times: int = 1) -> None:
        for _ in range(times):
            try:
                self.rng.choice(self._actions)()
            except PeerError:
                pass  # such as a folder that exists already

    def some_folder(self) -> str:
        return self.rng.choice(sorted(self.user.folders()))

    def refs(self, folder: str) -> list[str]:
        return sorted(self.user.listing(folder))

    def some_mail(self) -> tuple[str, str]:
        folders = sorted(self.user.folders())
        self.rng.shuffle(folders)
        for folder in folders:
            if refs := self.refs(folder):
                return folder, self.rng.choice(refs)
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

    def read(self) -> None:
        self.user.read(*self.some_mail())

    def erase(self) -> None:
        self.user.expunge(*self.some_mail())

    def throw_away(self) -> None:
        self.user.move(*self.some_mail(), "Trash")

    def take_back(self) -> None:
        if refs := self.refs("Trash"):
            self.user.move("Trash", self.rng.choice(refs), self.some_folder())

    def forth_and_back(self) -> None:
        folder, ref = self.some_mail()
        target = self.some_folder()
        if target != folder:
            before = set(self.refs(target))
            self.user.move(folder, ref, target)
            for moved in set(self.refs(target)) - before:
                self.user.move(target, moved, folder)

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
    #: False: the server (mail-devel) breaks when a folder goes that somebody reads
    can_remove_while_read = True
    pauses: tuple[str, ...] = ()
    owner_at_random = Owner

    @pytest.mark.parametrize("seed", range(SEEDS))
    def test_random_history_with_crashes_ends_equal(self, mailbox, seed, monkeypatch):
        rng = random.Random(seed)
        for name in self.pauses:
            monkeypatch.setattr(name, rng.choice((0, 9)))
        owner = self.owner_at_random(
            mailbox.owner, rng, self.can_rename, self.can_remove_while_read
        )
        owner.act(12)

        store = live_through(mailbox, owner, rng, steps=40)

        ignored = [f for f, role in store.folders.items() if role not in COUNTED_ROLES]
        assert store.truth == mailbox.owner.truth(ignore=ignored)
        assert store.copies == set(store.places.values())


def live_through(mailbox, owner: Owner, rng: random.Random, steps: int) -> Store:
    """Mirror while the owner acts, crash now and then; at the end come to rest.

    A server that forgets is listed again, which heals all that went wrong before: so
    only some do, and none towards the end.
    """
    store, provider = Store(), None
    forget = mailbox.forget if rng.random() < 0.5 else ()
    with Tap(mailbox.port) as tap:
        for step in range(steps):
            try:
                if provider is None or rng.random() < 0.1:
                    provider = mailbox.open(tap)
                with _interrupted(tap, owner, rng):
                    batch = store.pull(provider, Budget(mails=rng.randint(1, 9)))
                if rng.random() < 0.6:
                    owner.act(rng.randint(1, 3))
                if rng.random() < 0.85:  # else it crashed before the batch was stored
                    store.apply(batch)
                if rng.random() < 0.3:
                    store.confirm(provider)
                if forget and step < steps / 2 and rng.random() < 0.1:
                    rng.choice(forget)()
            except Unavailable:
                provider = None
    with mailbox.open() as provider:
        store.sync(provider, Budget(mails=50), passes=12)
    return store


@contextlib.contextmanager
def _interrupted(tap: Tap, owner: Owner, rng: random.Random) -> Iterator[None]:
    """In some pulls the owner does something between two questions."""
    if rng.random() < 0.3:
        dice = random.Random(rng.random())
        acting = threading.Lock()

        def act():
            with acting:
                if dice.random() < 0.15:
                    owner.act()

        tap.before_each = act
    try:
        yield
    finally:
        tap.before_each = None
