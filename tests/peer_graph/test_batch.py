# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Are batches answered and throttled as by Microsoft Graph?"""

from __future__ import annotations

from tests.peer_graph.client import IMMUTABLE, Held, statuses
from tests.providers.letters import letter


def test_batch_answers_each_member_in_any_order(owner, client):
    refs = [owner.append("INBOX", letter(number)) for number in range(19)]
    paths = [f"/me/messages/{ref}?$select=subject" for ref in refs]

    answer = client.batch(*paths, "me/messages/AAkA-nobody")

    responses = answer.json()["responses"]
    ids = [int(one["id"]) for one in responses]
    assert ids != sorted(ids) and sorted(ids) == list(range(20))
    bodies = {int(one["id"]): one["body"] for one in responses}
    assert [bodies[number]["subject"] for number in range(19)] == [
        f"letter {number}" for number in range(19)
    ]
    assert [bodies[number]["id"] for number in range(19)] == refs
    assert bodies[19]["error"]["code"] == "ErrorItemNotFound"


def test_headers_are_of_each_member(owner, client):
    ref = owner.append("INBOX", letter(1, html="<b>hi</b>"))
    path = f"/me/messages/{ref}?$select=body"
    text = {"Prefer": f'{IMMUTABLE}, outlook.body-content-type="text"'}

    answer = client.batch(
        path, {"url": path, "headers": text}, {"url": path, "headers": {}}
    )

    bodies = {one["id"]: one["body"] for one in answer.json()["responses"]}
    assert [bodies[n]["body"]["contentType"] for n in "012"] == ["html", "text", "html"]
    assert bodies["2"]["id"] == owner.mutable_id(ref)


def test_batch_of_more_than_twenty_is_refused(client):
    assert client.batch(*["/me/messages"] * 20).status_code == 200
    assert client.batch(*["/me/messages"] * 21).status_code == 400


def test_malformed_batches_are_refused(client):
    post = client.session.post
    for told in ({}, {"requests": [{}]}, {"requests": []}):
        assert post(client.base + "/$batch", json=told).status_code == 400
    double = {"id": "a", "method": "GET", "url": "/me"}
    twice = {"requests": [double, {**double, "id": "A"}]}
    assert post(client.base + "/$batch", json=twice).status_code == 400
    absolute = client.batch(client.base + "/me")
    assert statuses(absolute) == {"0": 400}


def test_parallel_batch_runs_four_at_a_time_unless_it_is_alone(graph, owner, client):
    """By itself it fits; beside another request some of it is throttled."""
    ref = owner.append("INBOX", letter(1))
    paths = [f"/me/messages/{ref}"] * 20
    alone = statuses(client.batch(*paths))
    with Held(graph, client, "/me/mailFolders/inbox"):
        beside = client.batch(*paths)

    assert set(alone.values()) == {200}
    assert sorted(statuses(beside).values()) == [200] * 15 + [429] * 5
    throttled = [one for one in beside.json()["responses"] if one["status"] == 429]
    assert {one["headers"]["Retry-After"] for one in throttled} == {"1"}
    assert throttled[0]["body"]["error"]["code"] == "ApplicationThrottled"


def test_batch_that_runs_all_at_once_is_throttled_beyond_four(graph, client):
    graph.batch_width = 20

    answer = client.batch(*["/me/messages"] * 20)

    assert sorted(statuses(answer).values()) == [200] * 4 + [429] * 16


def test_sequential_batch_needs_one_place(graph, client):
    chain = [{"url": "/me/messages"}]
    chain += [{"url": "/me/messages", "dependsOn": [str(n)]} for n in range(19)]
    with Held(graph, client, "/me/mailFolders/inbox", times=3):
        answer = client.batch(*chain)

    assert set(statuses(answer).values()) == {200}


def test_what_depends_on_a_failure_fails(client):
    answer = client.batch(
        "/me/messages/AAkA-nobody",
        {"url": "/me/messages", "dependsOn": ["0"]},
        {"url": "/me/messages", "dependsOn": ["1"]},
    )

    assert statuses(answer) == {"0": 404, "1": 424, "2": 424}


def test_batch_is_sequential_or_parallel(client):
    lanes = ["/me/messages", "/me/messages"]
    lanes += [{"url": "/me/messages", "dependsOn": [n]} for n in "01"]
    backwards = [{"url": "/me/messages", "dependsOn": ["1"]}, "/me/messages"]

    assert client.batch(*lanes).status_code == 400
    assert client.batch(*backwards).status_code == 400
