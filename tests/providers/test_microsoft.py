# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Microsoft 365: the Graph server of ``tests.peers``, kind and unkind."""

from __future__ import annotations

import pytest

from tests.peers.graph import Graph
from tests.providers.history import HistoryTests
from tests.providers.microsoft import graph_mailbox, whoami
from tests.providers.provider_tests import ProviderTests


class MicrosoftTests(ProviderTests, HistoryTests):
    tells_marks = True
    pauses = ("engine.providers.microsoft_sync.LOOK_EVERY",)

    @pytest.fixture
    def mailbox(self, graph, new_login):
        with graph.user(new_login) as owner:
            yield graph_mailbox(graph, new_login, owner)


class TestMicrosoft(MicrosoftTests):
    @pytest.fixture(scope="class")
    def graph(self):
        with Graph(whoami) as server:
            yield server


class TestMicrosoftThatRepeatsItself(MicrosoftTests):
    """A third of what a delta tells is told twice; what goes leaves traces."""

    @pytest.fixture(scope="class")
    def graph(self):
        with Graph(whoami, seed=1) as server:
            server.rounds.doubled = True
            yield server
