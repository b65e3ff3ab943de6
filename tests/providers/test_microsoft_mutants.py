# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Would the tests notice? The provider with one known mistake of others put into it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from engine.providers import microsoft_graph, microsoft_lost, microsoft_walk
from engine.providers.base import COUNTED_ROLES, Budget

from tests.peers.graph import Graph
from tests.providers.letters import START, letter
from tests.providers.microsoft import graph_mailbox, whoami
from tests.providers.store import Store


@pytest.fixture(scope="module")
def graph():
    with Graph(whoami) as server:
        server.rounds.filter_cap = 10
        yield server


@pytest.fixture
def mailbox(graph, new_login):
    with graph.user(new_login) as owner:
        yield graph_mailbox(graph, new_login, owner)


def is_mirrored(mailbox) -> bool:
    """After some mail came, moved, moved back and went, twice: are both sides equal?"""
    owner, store = mailbox.owner, Store()
    owner.create("Work")
    refs = [
        owner.append("INBOX", letter(number), received=START + timedelta(hours=number))
        for number in range(25)
    ]
    with mailbox.open() as provider:
        store.sync(provider, Budget(mails=9), since=START)
        for start in (0, 10):
            away_and_back, moved, gone = refs[start : start + 3]
            owner.move("INBOX", away_and_back, "Work")
            owner.move("Work", away_and_back, "INBOX")
            owner.move("INBOX", moved, "Work")
            owner.expunge("INBOX", gone)
            store.sync(provider, Budget(mails=9), passes=3, since=START)
    ignored = [ref for ref, role in store.folders.items() if role not in COUNTED_ROLES]
    return (
        store.truth == owner.truth(ignore=ignored)
        and store.copies == set(store.places.values())
        and len(store.deleted) == 2
    )


def test_the_provider_as_it_is(mailbox):
    assert is_mirrored(mailbox)


def test_removed_taken_for_deleted_is_noticed(mailbox, monkeypatch):
    def settle(self, folder, ref, reply):
        self._tell_gone(folder, ref)

    monkeypatch.setattr(microsoft_lost.Lost, "_settle", settle)

    assert not is_mirrored(mailbox)


def test_filter_on_a_delta_is_noticed(mailbox, monkeypatch):
    path = microsoft_walk.path

    def filtered(*steps, **query):
        return path(*steps, **query, filter="receivedDateTime ge 2026-01-01T00:00:00Z")

    monkeypatch.setattr(microsoft_walk, "path", filtered)

    assert not is_mirrored(mailbox)


def test_ids_that_change_with_each_move_are_noticed(mailbox, monkeypatch):
    monkeypatch.setattr(microsoft_graph, "IMMUTABLE", "odata.continue-on-error")

    assert not is_mirrored(mailbox)


def test_asking_for_one_of_several_that_left_is_noticed(mailbox, monkeypatch):
    monkeypatch.setattr(
        microsoft_lost.Lost, "_found", lambda self, folder, ref: self.lost.clear()
    )
    monkeypatch.setattr(microsoft_lost, "BATCH", 1)
    owner = mailbox.owner
    refs = [owner.append("INBOX", letter(number)) for number in range(6)]
    store = Store()
    with mailbox.open() as provider:
        store.sync(provider)
        owner.expunge("INBOX", *refs[:3])
        store.sync(provider, passes=3)

    assert store.truth != owner.truth()
