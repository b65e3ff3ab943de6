# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A Graph server, the owner of a mailbox on it, and who asks it over HTTP."""

from __future__ import annotations

import pytest

from tests.peer_graph.client import ALICE, Client
from tests.peers.graph import Graph
from tests.providers.letters import letter


@pytest.fixture
def graph():
    tokens = {"token": ALICE, "bob": "bob@example.com"}
    with Graph(whoami=tokens.get) as server:
        yield server


@pytest.fixture
def owner(graph):
    return graph.user(ALICE)


@pytest.fixture
def client(graph):
    return Client(graph)


@pytest.fixture
def some_mail(owner):
    owner.append("INBOX", letter(1, subject="Offer for windows"))
    owner.append(
        "Sent",
        letter(
            2,
            "the price is right",
            sender="Alice <alice@example.com>",
            to="Bob Stone <bob@customer.example>",
            subject="Re: offer",
        ),
    )
    owner.append("Trash", letter(3, sender="carol@other.example", subject="Invoice 7"))
