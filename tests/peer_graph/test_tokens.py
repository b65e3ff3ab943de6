# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What can be done with state tokens, what not? As in Microsoft Graph."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.peer_graph.client import ALICE, INBOX, ORDER, Client, told
from tests.providers.letters import START, letter


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "isRead eq true"},
        {"filter": "receivedDateTime le 2020-01-01T00:00:00Z"},
        {"orderby": "subject"},
        {"search": '"x"'},
        {"skip": "3"},
        {"nonsense": "1"},
    ],
)
def test_delta_refuses_what_it_cannot_do(client, options):
    assert client.refusal(INBOX, **options)[0] == 400


def test_delta_of_the_whole_mailbox_is_refused(client):
    assert client.refusal("/me/messages/delta") == (400, "ErrorInvalidUrlQuery")


def test_links_take_no_further_parameters(owner, client):
    for number in range(30):
        owner.append("INBOX", letter(number))
    next_link = client.get(INBOX)["@odata.nextLink"]
    _changes, delta_link = client.changes(INBOX)

    for link in (next_link, delta_link):
        assert client.refusal(link + "&$select=id") == (400, "ErrorInvalidUrlQuery")
        assert client.refusal(link + "&$top=5") == (400, "ErrorInvalidUrlQuery")


def test_tokens_are_of_one_folder_and_one_mailbox(graph, client):
    _changes, link = client.changes(INBOX)
    token = link.partition("$deltatoken=")[2]
    other = f"/me/mailFolders/archive/messages/delta?$deltatoken={token}"
    broken = f"{INBOX}?$deltatoken={token[:-3]}"

    assert client.refusal(other) == (400, "SyncStateInvalid")
    assert client.refusal(broken) == (400, "SyncStateInvalid")
    assert Client(graph, token="bob").ask(link).status_code >= 400


def test_tokens_expire_with_the_way_to_begin_again(graph, owner, client):
    ref = owner.append("INBOX", letter(1))
    _first, link = client.changes(INBOX, select="subject")
    _tree, tree_link = client.changes("/me/mailFolders/delta")
    graph.expire_tokens()

    answer = client.ask(link)

    assert answer.status_code == 410
    assert client.ask(tree_link).status_code == 410
    again, link = client.changes(answer.headers["Location"])
    assert [(mail["id"], mail["subject"]) for mail in again] == [(ref, "letter 1")]
    assert client.changes(link)[0] == []


def test_sync_state_of_one_folder_is_lost(graph, owner, client):
    _inbox, link = client.changes(INBOX)
    _archive, other = client.changes("/me/mailFolders/archive/messages/delta")
    graph.lose_sync_state(ALICE, owner.folder_ref("INBOX"))

    assert client.refusal(link) == (400, "SyncStateNotFound")
    assert client.changes(other)[0] == []


def test_delta_of_a_removed_folder_is_404(owner, client):
    owner.create("Own")
    own = f"/me/mailFolders/{owner.folder_ref('Own')}/messages/delta"
    ref = owner.append("Own", letter(1))
    _first, link = client.changes(own)
    owner.remove("Own")

    assert client.refusal(link) == (404, "ErrorItemNotFound")
    assert client.refusal(f"/me/messages/{ref}") == (404, "ErrorItemNotFound")


def test_mail_that_slips_away_from_a_round_is_not_taken_back(owner, client):
    """It went and came while the round was under way, before that came to it."""
    refs = [
        owner.append("INBOX", letter(n), received=START + timedelta(hours=n))
        for n in range(20)
    ]
    page = client.get(INBOX, orderby=ORDER)
    owner.move("INBOX", refs[0], "Archive")
    owner.move("Archive", refs[0], "INBOX")
    owner.move("INBOX", refs[1], "Archive")
    rest, link = client.changes(page["@odata.nextLink"])

    changes, _link = client.changes(link)

    assert not {refs[0], refs[1]} & {*told(page["value"]), *told(rest)}
    assert told(changes) == {refs[0]: "here"}


def test_old_links_may_be_asked_again(owner, client):
    refs = [owner.append("INBOX", letter(n)) for n in range(25)]
    first = client.get(INBOX)
    rest, link = client.changes(first["@odata.nextLink"])
    owner.append("INBOX", letter("new"))

    again, _link = client.changes(first["@odata.nextLink"])

    assert again == rest
    assert {*told(first["value"]), *told(rest)} == set(refs)
    assert len(client.changes(link)[0]) == 1


def test_change_type_limits_what_is_told(owner, client):
    marked, gone = owner.append("INBOX", letter(1)), owner.append("INBOX", letter(2))
    links = {
        change: client.changes(f"{INBOX}?changeType={change}")[1]
        for change in ("created", "updated", "deleted")
    }
    owner.read("INBOX", marked)
    owner.expunge("INBOX", gone)
    new = owner.append("INBOX", letter(3))

    found = {
        change: set(told(client.changes(link)[0])) for change, link in links.items()
    }

    assert found == {"created": {new}, "updated": {marked}, "deleted": {gone}}
