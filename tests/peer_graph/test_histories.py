# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Is the truth in the deltas, whatever happens in the mailbox meanwhile?"""

from __future__ import annotations

import random

import pytest

from tests.peer_graph.client import IMMUTABLE, Mirror, live
from tests.providers.letters import letter


@pytest.mark.parametrize("ordered", [False, True], ids=["any order", "newest first"])
@pytest.mark.parametrize("kind", ["mutable", "immutable"])
@pytest.mark.parametrize("seed", range(3))
def test_who_follows_the_deltas_of_a_random_history_ends_equal(
    graph, owner, client, seed, kind, ordered
):
    rng = random.Random(seed)
    graph.rounds.doubled = seed == 1
    prefer = IMMUTABLE if kind == "immutable" else ""
    options = "&$orderby=receivedDateTime desc" if ordered else ""
    mirror = Mirror(
        client, f"{prefer},odata.maxpagesize=2", kind == "immutable", options
    )

    for step in range(60):
        live(owner, rng, step)
        if rng.random() < 0.7:
            mirror.look(rng)

    shown = {
        (
            owner.folder_ref(folder),
            ref if kind == "immutable" else owner.mutable_id(ref),
        )
        for folder in owner.folders()
        for ref in owner.listing(folder)
    }
    assert mirror.rest() == shown


def test_who_believes_removed_loses_mail(owner, client):
    """The mutant of the test above: without asking where it is."""
    ref = owner.append("INBOX", letter(1))
    mirror = Mirror(client, IMMUTABLE, confirms=False)
    mirror.rest()
    owner.move("INBOX", ref, "Archive")
    owner.move("Archive", ref, "INBOX")

    assert mirror.rest() == set()
    assert len(owner.truth()) == 1
