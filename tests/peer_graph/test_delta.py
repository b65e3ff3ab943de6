# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Does a delta tell changes as Microsoft Graph does, its quirks included?"""

from __future__ import annotations

from datetime import timedelta

from tests.peer_graph.client import IMMUTABLE, INBOX, ORDER, told
from tests.providers.letters import START, letter


def test_delta_tells_new_changed_moved_and_deleted_mail(owner, client):
    kept, marked, moved, gone = [owner.append("INBOX", letter(n)) for n in range(4)]
    first, link = client.changes(INBOX, select="subject")
    _archive, archive_link = client.changes(
        "/me/mailFolders/archive/messages/delta", select="subject"
    )

    owner.read("INBOX", marked)
    owner.move("INBOX", moved, "Archive")
    owner.expunge("INBOX", gone)
    new = owner.append("INBOX", letter(5))
    changes, next_link = client.changes(link)
    archive, _link = client.changes(archive_link)

    assert set(told(first)) == {kept, marked, moved, gone}
    reasons = told(changes)
    assert reasons.pop(moved) in ("changed", "deleted")
    assert reasons == {marked: "here", gone: "deleted", new: "here"}
    assert told(archive) == {moved: "here"}
    assert {name for name in archive[0] if name[0] != "@"} == {"id", "subject"}
    assert client.changes(next_link)[0] == []


def test_moves_are_removed_for_either_reason(owner, client):
    refs = [owner.append("INBOX", letter(n)) for n in range(4)]
    _all, link = client.changes(INBOX)
    for ref in refs:
        owner.move("INBOX", ref, "Archive")

    changes, _link = client.changes(link)

    assert set(told(changes)) == set(refs)
    assert set(told(changes).values()) == {"changed", "deleted"}


def test_away_and_back_is_told_as_removed_only_with_immutable_ids(owner, client):
    ref = owner.append("INBOX", letter(1))
    old = owner.mutable_id(ref)
    _first, link = client.changes(INBOX)

    owner.move("INBOX", ref, "Archive")
    owner.move("Archive", ref, "INBOX")
    lost, next_link = client.changes(link)
    mutable, _link = client.changes(link, "")

    assert list(told(lost)) == [ref] and told(lost)[ref] != "here"
    assert client.changes(next_link)[0] == []
    assert set(owner.listing("INBOX")) == {ref}
    new = owner.mutable_id(ref)
    assert told(mutable)[new] == "here" and told(mutable)[old] != "here"


def test_away_and_back_in_two_rounds_is_told(owner, client):
    ref = owner.append("INBOX", letter(1))
    _first, link = client.changes(INBOX)
    owner.move("INBOX", ref, "Archive")
    _left, link = client.changes(link)
    owner.move("Archive", ref, "INBOX")

    changes, _link = client.changes(link)

    assert told(changes) == {ref: "here"}


def test_what_came_back_after_its_leaving_was_told_may_go_again_untold(owner, client):
    """Who asked meanwhile saw it there, and has to ask once more in the next round."""
    ref = owner.append("INBOX", letter(1))
    _first, link = client.changes(INBOX)
    owner.move("INBOX", ref, "Archive")
    left, link = client.changes(link)
    owner.move("Archive", ref, "INBOX")
    seen = client.get(f"/me/messages/{ref}", select="parentFolderId")
    owner.move("INBOX", ref, "Archive")

    changes, _link = client.changes(link)

    assert list(told(left)) == [ref]
    assert seen["parentFolderId"] == owner.folder_ref("INBOX")
    assert changes == []


def test_replays_tell_unchanged_mail_again(owner, client):
    ref = owner.append("INBOX", letter(1))
    _first, link = client.changes(INBOX, select="subject")
    owner.replay("INBOX", ref)

    ((again,), _link) = client.changes(link)

    assert again["id"] == ref and again["subject"] == "letter 1"


def test_some_things_are_told_twice_when_wanted(graph, owner, client):
    refs = {owner.append("INBOX", letter(n)) for n in range(30)}
    once, _link = client.changes(INBOX)
    graph.rounds.doubled = True

    twice, _link = client.changes(INBOX)
    ordered, _link = client.changes(INBOX, orderby="receivedDateTime desc")

    assert len(once) == 30
    assert len(twice) > 30 and len(ordered) > 30
    assert set(told(twice)) == set(told(ordered)) == refs


def test_pages_may_be_empty_in_the_middle_of_a_round(graph, owner, client):
    refs = {owner.append("INBOX", letter(n)) for n in range(60)}

    pages, _link = client.round(INBOX, f"{IMMUTABLE}, odata.maxpagesize=3")
    graph.rounds.empty_pages = False
    full, _link = client.round(INBOX, f"{IMMUTABLE}, odata.maxpagesize=3")

    assert [] in pages and max(map(len, pages)) == 3
    assert {one["id"] for page in pages for one in page} == refs
    assert len(full) == 20


def test_order_is_any_unless_asked_for(owner, client):
    for number in range(12):
        owner.append("INBOX", letter(number), received=START + timedelta(hours=number))

    anyhow, _link = client.changes(INBOX, select="receivedDateTime")
    newest, _link = client.changes(
        INBOX, select="receivedDateTime", orderby="receivedDateTime desc"
    )

    moments = [mail["receivedDateTime"] for mail in anyhow]
    assert moments not in (sorted(moments), sorted(moments, reverse=True))
    assert [mail["receivedDateTime"] for mail in newest] == sorted(
        moments, reverse=True
    )


def test_page_size_is_of_each_request(graph, owner, client):
    for number in range(30):
        owner.append("INBOX", letter(number))
    graph.rounds.empty_pages = False
    first = client.get(INBOX, f"{IMMUTABLE},odata.maxpagesize=20", orderby=ORDER)

    second = client.get(first["@odata.nextLink"])

    assert (len(first["value"]), len(second["value"])) == (20, 10)


def test_filter_ends_silently_after_so_many(graph, owner, client):
    graph.rounds.filter_cap = 25
    for number in range(40):
        owner.append("INBOX", letter(number), received=START + timedelta(hours=number))

    filtered, link = client.changes(
        INBOX, filter="receivedDateTime ge 2020-01-01T00:00:00Z"
    )
    since, _link = client.changes(
        INBOX, filter=f"receivedDateTime gt {START + timedelta(hours=29):%FT%TZ}"
    )
    everything, _link = client.changes(INBOX)

    assert (len(filtered), len(since), len(everything)) == (25, 10, 40)
    assert client.changes(link)[0] == []


def test_filter_ends_at_five_thousand(graph, owner, client):
    raw = letter(1)
    for _number in range(5_100):
        owner.append("INBOX", raw)
    graph.schema = None  # it would look at each of them

    changes, _link = client.changes(
        INBOX,
        f"{IMMUTABLE}, odata.maxpagesize=1000",
        filter="receivedDateTime ge 2020-01-01T00:00:00Z",
        select="id",
    )

    assert len(changes) == 5_000
