# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Microsoft 365: the Graph server of ``tests.peers``, kind and unkind."""

from __future__ import annotations

import pytest

from tests.peers.graph import Graph
from tests.providers.history import HistoryTests
from tests.providers.microsoft import graph_mailbox, whoami
from tests.providers.provider_tests import ProviderTests

LOOK_EVERY = "engine.providers.microsoft_sync.LOOK_EVERY"


@pytest.fixture(scope="module")
def graph():
    with Graph(whoami) as server:
        yield server


@pytest.fixture(scope="module")
def unkind():
    """A third of what its deltas tell it tells twice; what is written has no headers;
    what is deleted for good can still be asked for."""
    with Graph(whoami, seed=1) as server:
        server.rounds.doubled = server.headerless_sent = True
        yield server


class TestMicrosoft(ProviderTests, HistoryTests):
    tells_marks = True
    pauses = (LOOK_EVERY,)

    @pytest.fixture
    def mailbox(self, graph, new_login):
        with graph.user(new_login) as owner:
            yield graph_mailbox(graph, new_login, owner)


class TestUnkindMicrosoft(HistoryTests):
    pauses = (LOOK_EVERY,)

    @pytest.fixture
    def mailbox(self, unkind, new_login):
        with unkind.user(new_login) as owner:
            owner.recoverable = True
            yield graph_mailbox(unkind, new_login, owner)
