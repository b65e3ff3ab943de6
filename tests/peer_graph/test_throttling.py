# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Too many requests, and faults that a test wants."""

from __future__ import annotations

import pytest
import requests

from tests.peer_graph.client import ALICE, IMMUTABLE, INBOX, Client, Held, statuses
from tests.providers.letters import letter


def test_fifth_request_at_a_time_is_throttled(graph, client):
    with Held(graph, client, "/me/mailFolders/inbox", times=4) as others:
        answer = client.ask("/me/messages")
        person = client.ask("/me")
        bob = Client(graph, token="bob").ask("/me/messages")

    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "ApplicationThrottled"
    assert answer.headers["Retry-After"] == "1"
    assert person.status_code == bob.status_code == 200
    assert others.answers == [200] * 4
    assert client.ask("/me/messages").status_code == 200


def test_too_many_requests_in_ten_minutes(graph, client):
    graph.throttle.in_window = 7
    graph.throttle.retry_after = 300

    alone = [client.ask("/me/messages").status_code for _number in range(3)]
    batch = client.batch(*["/me/messages"] * 6)

    assert alone == [200] * 3
    assert sorted(statuses(batch).values()) == [200] * 4 + [429] * 2
    assert client.ask("/me/messages").headers["Retry-After"] == "300"


def test_faults_hit_what_they_match_so_often(graph, owner, client):
    owner.append("INBOX", letter(1))
    graph.fault("messages/delta", 503, "ErrorServerBusy", times=2, retry_after=7)

    answers = [client.ask(INBOX) for _number in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].json()["error"]["code"] == "ErrorServerBusy"


def test_faults_hit_members_of_batches(graph, owner, client):
    refs = [owner.append("INBOX", letter(number)) for number in range(3)]
    graph.fault(refs[1], 429, "ApplicationThrottled", retry_after=30)
    paths = [f"/me/messages/{ref}" for ref in refs]

    first, second = client.batch(*paths), client.batch(*paths)

    assert statuses(first) == {"0": 200, "1": 429, "2": 200}
    (throttled,) = [one for one in first.json()["responses"] if one["id"] == "1"]
    assert throttled["headers"]["Retry-After"] == "30"
    assert statuses(second) == {"0": 200, "1": 200, "2": 200}


def test_connections_break(graph, client):
    graph.fault("messages", close=True)
    graph.fault("messages", truncate=True)
    graph.fault("messages", 200, body='{"value": [')

    for _number in range(2):
        with pytest.raises(requests.RequestException):
            client.ask("/me/messages").json()
    with pytest.raises(ValueError):
        client.ask("/me/messages").json()
    assert client.get("/me/messages")["value"] == []


def test_requests_are_logged_with_members_of_batches(graph, client):
    client.get("/me/messages?$top=5")
    client.batch("/me/mailFolders")

    lines = ["GET /v1.0/me/messages?$top=5", "POST /v1.0/$batch"]
    assert graph.requests() == [*lines, "GET /v1.0/me/mailFolders"]
    assert graph.requests(inner=False) == lines
    assert graph.log[0].headers["prefer"] == IMMUTABLE
    assert graph.log[2].email == ALICE and graph.log[2].status == 200
    graph.clear_requests()
    assert graph.requests() == []
