# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What is the server of the tests good for beside its answers?"""

from __future__ import annotations

import pytest
import requests

from tests.peer_graph.client import ALICE, INBOX, Client, told
from tests.peers.graph import Graph
from tests.peers.graph_schema import SCHEMA
from tests.providers.letters import letter


@pytest.mark.skipif(not SCHEMA.exists(), reason="shared/graph is not beside this")
def test_an_answer_unlike_graphs_does_not_go_unseen():
    with pytest.raises(AssertionError, match="importance"):
        with Graph(whoami={"token": ALICE}.get) as graph:
            ref = graph.user(ALICE).append("INBOX", letter(1))
            graph.user(ALICE).override("INBOX", ref, importance="urgent")
            Client(graph).get(f"/me/messages/{ref}")


def test_mailboxes_outlive_the_server(tmp_path):
    with Graph(whoami={"token": ALICE}.get, directory=tmp_path) as graph:
        owner = graph.user(ALICE)
        owner.create("Customers/North")
        refs = [owner.append("Customers/North", letter(n)) for n in range(3)]
        path = f"/me/mailFolders/{owner.folder_ref('Customers/North')}/messages/delta"
        _first, link = Client(graph).changes(path)
        owner.move("Customers/North", refs[0], "INBOX")
        owner.expunge("Customers/North", refs[1])
        state, port = owner.state(), graph.port

    with Graph(whoami={"token": ALICE}.get, directory=tmp_path, port=port) as graph:
        owner, client = graph.user(ALICE), Client(graph)
        changes, _link = client.changes(link)
        owner.append("INBOX", letter("later"))

        assert set(told(changes)) == {refs[0], refs[1]}
        assert owner.state() != state
        assert set(owner.listing("Customers/North")) == {refs[2]}
        assert client.get(f"/me/messages/{refs[2]}")["subject"] == "letter 2"


def test_half_a_record_at_the_end_of_the_journal_is_dropped(tmp_path):
    with Graph(whoami={}.get, directory=tmp_path) as graph:
        graph.user(ALICE).append("INBOX", letter(1))
        graph.user(ALICE).append("INBOX", letter(2))
    journal = tmp_path / "graph.journal"
    journal.write_bytes(journal.read_bytes()[:-20])

    with Graph(whoami={}.get, directory=tmp_path) as graph:
        graph.user(ALICE).append("INBOX", letter(3))
    with Graph(whoami={}.get, directory=tmp_path) as graph:
        ids = graph.user(ALICE).listing("INBOX").values()

        assert sorted(ids) == ["<1@letters.example>", "<3@letters.example>"]


def test_tls(tmp_path):
    with Graph(whoami={"token": ALICE}.get, certificate_directory=tmp_path) as graph:
        page = Client(graph).get(INBOX)

        assert graph.url.startswith("https://localhost:")
        assert page["@odata.deltaLink"].startswith(graph.url)
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(graph.url + "/v1.0/me", timeout=9)


def test_who_is_connected_is_hung_up_on_when_the_server_stops():
    with Graph(whoami={"token": ALICE}.get) as graph:
        client = Client(graph)
        client.get("/me/messages")

    with pytest.raises(requests.ConnectionError):
        client.ask("/me/messages")
