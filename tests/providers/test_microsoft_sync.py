# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Deltas of Graph, as they are: folders, rounds, what is told late or never."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import engine
import pytest
from engine.providers.base import (
    COUNTED_ROLES,
    GONE,
    LIVE,
    Budget,
    Cut,
    Lookup,
    Place,
    Query,
)

from tests.peers.graph import Graph
from tests.providers.letters import START, letter
from tests.providers.microsoft import graph_mailbox, whoami
from tests.providers.store import Store


@pytest.fixture(scope="module")
def server():
    with Graph(whoami) as server:
        yield server


@pytest.fixture
def graph(server):
    server.rounds.empty_pages, server.rounds.doubled = False, False
    yield server
    server.clear_faults()
    server.rounds.empty_pages = True


@pytest.fixture
def mailbox(graph, new_login):
    with graph.user(new_login) as owner:
        yield graph_mailbox(graph, new_login, owner)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def alert(monkeypatch):
    monkeypatch.setattr("engine.providers.microsoft_sync.LOOK_EVERY", 0)


def assert_equal(store, mailbox):
    ignored = [ref for ref, role in store.folders.items() if role not in COUNTED_ROLES]
    assert store.truth == mailbox.owner.truth(ignore=ignored)
    assert store.copies == set(store.places.values())


# --- requests ---------------------------------------------------------------------


def test_idle_pass_is_one_request(mailbox, graph, provider, store):
    for number in range(12):
        mailbox.owner.create(f"Project {number}")
        mailbox.owner.append(f"Project {number}", letter(number))
    store.sync(provider)
    graph.clear_requests()

    store.sync(provider)

    assert graph.requests(inner=False) == ["POST /v1.0/$batch"]


def test_idle_pass_of_many_folders_is_one_request_for_twenty(
    mailbox, graph, provider, store
):
    for number in range(50):
        mailbox.owner.create(f"Project {number}")
    store.sync(provider)
    graph.clear_requests()

    (batch,) = store.sync(provider)

    # the tree, the fifty, inbox, sent, archive and a hidden one, in batches of twenty
    assert batch.pass_complete and not batch.more
    assert graph.requests(inner=False) == 3 * ["POST /v1.0/$batch"]
    assert len(graph.requests(inner=True)) == 55


def test_a_new_connection_needs_no_more_for_an_idle_pass(mailbox, graph, store):
    mailbox.owner.append("INBOX", letter(1))
    with mailbox.open() as first:
        store.sync(first)
    graph.clear_requests()

    with mailbox.open() as another:
        store.sync(another)

    assert graph.requests(inner=False) == ["POST /v1.0/$batch"]


def test_import_asks_two_hundred_and_fifty_mails_at_once(
    mailbox, graph, provider, store
):
    for number in range(600):
        mailbox.owner.append(
            "INBOX", letter(number), received=START + timedelta(hours=number)
        )
    graph.clear_requests()

    store.sync(provider)

    assert len(store.places) == 600
    # folders; inbox's first half page with all folders' first; five pages more
    assert len(graph.requests(inner=False)) <= 9


def test_each_request_wants_immutable_ids_and_no_delta_is_filtered(
    mailbox, graph, provider, store, alert
):
    refs = [
        mailbox.owner.append("INBOX", letter(n, attachment=b"x" * 9), received=START)
        for n in range(9)
    ]
    graph.clear_requests()
    store.sync(provider, Budget(mails=4), since=START - timedelta(days=9))
    mailbox.owner.move("INBOX", refs[0], "Archive")
    mailbox.owner.expunge("INBOX", refs[1])
    mails = [
        (p.place, p.envelope)
        for b in store.sync(provider, since=START - timedelta(days=99))
        for p in b.present
    ]
    mails = list(provider.facts(mails))
    list(provider.fetch(mails))
    list(provider.envelopes([Place("x", "", refs[2])]))
    provider.confirm([Lookup(Place("x", "", refs[2]))])
    provider.audit(refs=True)
    list(provider.attachment(*[(p, e.parts[-1].ref) for p, e in mails][0]))

    mail = [e for e in graph.log if "/messages" in e.line]
    assert len(mail) > 20
    assert all('IdType="ImmutableId"' in e.headers["prefer"] for e in mail)
    deltas = [e.line for e in graph.log if "/delta" in e.line]
    assert len(deltas) > 10
    assert not any("filter" in line.lower() for line in deltas)
    assert not any("select=" in line and "token" in line for line in deltas)
    listing = [line for line in deltas if "messages/delta?$select" in line]
    assert listing and not any("body" in line for line in listing)
    assert not any("contentBytes" in e.line for e in graph.log)


def test_batches_hold_twenty_at_most(mailbox, graph, provider, store):
    refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(45)]
    store.sync(provider)
    mailbox.owner.expunge("INBOX", *refs)
    graph.clear_requests()

    store.sync(provider, passes=2)

    assert store.copies == set()
    gets = [r for r in graph.requests(inner=True) if "/me/messages/" in r]
    assert len(gets) == 45
    assert len(graph.requests(inner=False)) == 1 + 3 + 1


# --- folders ----------------------------------------------------------------------


def test_folder_thrown_away_is_gone_and_comes_back(mailbox, provider, store):
    mailbox.owner.create("Work/Offers")
    mailbox.owner.append("Work/Offers", letter(1))
    mailbox.owner.append("Work", letter(2))
    store.sync(provider)

    mailbox.owner.rename("Work", "Trash/Work")
    store.sync(provider, passes=2)
    assert store.copies == set()
    assert {store.folders[mailbox.owner.folder_ref("Trash/Work/Offers")]} == {"trash"}

    mailbox.owner.rename("Trash/Work", "Work")
    store.sync(provider, passes=2)
    assert_equal(store, mailbox)
    assert len(store.places) == 2


def test_mail_moved_to_a_folder_that_is_thrown_away_goes(mailbox, provider, store):
    mailbox.owner.create("Trash/Old")
    ref = mailbox.owner.append("INBOX", letter(1))
    store.sync(provider)
    mailbox.owner.move("INBOX", ref, "Trash/Old")

    store.sync(provider, passes=2)

    assert store.copies == set()


def test_children_of_junk_and_drafts_do_not_count_either(mailbox, provider, store):
    for name in ("Junk/Mine", "Drafts/Later", "Outbox", "Conversation History"):
        if "/" in name:
            mailbox.owner.create(name)
        mailbox.owner.append(name, letter(name))

    store.sync(provider)

    assert store.places == {}


def test_children_of_inbox_and_sent_are_folders_like_others(mailbox, provider, store):
    mailbox.owner.create("INBOX/Ann")
    mailbox.owner.create("Sent/2025")
    for name in ("INBOX/Ann", "Sent/2025"):
        mailbox.owner.append(name, letter(name))

    (batch,) = store.sync(provider)

    assert {store.folders[p.place.folder] for p in batch.present} == {"other"}
    assert {p.outgoing for p in batch.present} == {None}
    names = {f.name for f in provider.folders()}
    assert {"Inbox/Ann", "Sent Items/2025"} <= names


def test_mail_in_a_hidden_folder_counts(mailbox, graph, provider, store):
    mailbox.owner.create("Clutter", hidden=True)
    mailbox.owner.append("Clutter", letter(1))

    store.sync(provider)

    assert len(store.places) == 1


def test_draft_in_a_folder_that_counts_is_no_mail(mailbox, provider, store):
    ref = mailbox.owner.append("Drafts", letter(1))
    mailbox.owner.append("INBOX", letter(2))
    store.sync(provider)
    mailbox.owner.move("Drafts", ref, "INBOX")

    store.sync(provider, passes=2)

    assert store.told([]) == []
    assert_equal(store, mailbox)
    assert len(store.places) == 1


def test_folders_are_known_by_id_not_by_name(mailbox, provider, store):
    mailbox.owner.create("Deleted Items (old)")
    mailbox.owner.create("Work/Deleted Items")
    for number, name in enumerate(("Deleted Items (old)", "Work/Deleted Items")):
        mailbox.owner.append(name, letter(number))

    store.sync(provider)

    assert len(store.places) == 2
    assert_equal(store, mailbox)


def test_tree_whose_state_is_lost_is_listed_anew_and_costs_no_mail(
    mailbox, graph, provider, store
):
    mailbox.owner.create("Work")
    mailbox.owner.append("Work", letter(1))
    store.sync(provider)
    mailbox.owner.create("New")
    graph.expire_tokens(mailbox.login, folder="tree")

    batches = store.sync(provider)

    assert not any(b.present or b.absent or b.reset for b in batches)
    assert mailbox.owner.folder_ref("New") in store.folders


def test_folder_that_cannot_be_read_holds_up_no_other(mailbox, graph, provider, store):
    mailbox.owner.create("Work")
    mailbox.owner.append("Work", letter(1))
    ref = mailbox.owner.append("INBOX", letter(2))
    store.sync(provider)
    work = mailbox.owner.folder_ref("Work")
    graph.fault(f"{work}.*delta", 404, "ErrorItemNotFound", times=None)
    mailbox.owner.expunge("INBOX", ref)

    batches = []
    for _ in range(25):
        batches.append(store.pull(provider))
        store.apply(batches[-1])

    assert not any(batch.more for batch in batches)
    assert not any(batch.pass_complete for batch in batches[:20])
    assert batches[-1].pass_complete
    assert {place.folder for place in store.places} == {work}


# --- what is told late, twice or never ------------------------------------------------


def test_away_and_back_between_two_looks_is_asked_for_and_stays(
    mailbox, graph, provider, store
):
    ref = mailbox.owner.append("INBOX", letter(1))
    store.sync(provider)
    mailbox.owner.move("INBOX", ref, "Archive")
    mailbox.owner.move("Archive", ref, "INBOX")
    graph.clear_requests()

    batches = store.sync(provider, passes=3)

    assert not any(batch.absent for batch in batches)
    assert_equal(store, mailbox)
    assert len([r for r in graph.requests() if f"/me/messages/{ref}" in r]) == 1


def test_move_is_told_as_arrival_and_departure_in_one_batch(mailbox, provider, store):
    mailbox.owner.create("A first")
    ref = mailbox.owner.append("A first", letter(1))
    store.sync(provider)
    mailbox.owner.move("A first", ref, "INBOX")

    (batch, *_others) = store.sync(provider)

    assert [p.place.folder for p in batch.present] == [
        mailbox.owner.folder_ref("INBOX")
    ]
    assert [a.folder for a in batch.absent] == [mailbox.owner.folder_ref("A first")]


@pytest.mark.parametrize("ways", [("Archive", "INBOX"), ("INBOX", "Archive")])
def test_mail_that_moves_on_before_its_folder_told_it_leaves_no_ghost(
    mailbox, graph, store, ways
):
    """The one folder is read, the mail moves there from the other, is found there by
    its id, and is gone again when that folder is read next: its delta never tells."""
    source, target = ways
    ref = mailbox.owner.append(source, letter(1))
    mailbox.owner.create("Work")
    with mailbox.open() as provider:
        store.sync(provider)
    mailbox.owner.move(source, ref, "Work")
    graph.fault(rf"{mailbox.owner.folder_ref('Work')}.*delta", 503, times=None)
    with mailbox.open() as provider:
        store.apply(store.pull(provider))
    graph.clear_faults()
    assert {p.folder for p in store.places} == {mailbox.owner.folder_ref("Work")}
    mailbox.owner.move("Work", ref, target)

    with mailbox.open() as provider:
        store.sync(provider, passes=3)

    assert_equal(store, mailbox)


def test_guest_that_is_deleted_leaves_no_ghost(mailbox, graph, store):
    ref = mailbox.owner.append("INBOX", letter(1))
    mailbox.owner.create("Work")
    with mailbox.open() as provider:
        store.sync(provider)
    mailbox.owner.move("INBOX", ref, "Work")
    graph.fault(rf"{mailbox.owner.folder_ref('Work')}.*delta", 503, times=None)
    with mailbox.open() as provider:
        store.apply(store.pull(provider))
    graph.clear_faults()
    mailbox.owner.expunge("Work", ref)

    with mailbox.open() as provider:
        store.sync(provider, passes=2)

    assert store.places == {} and store.copies == set()


def test_new_mail_told_during_the_walk_leaves_no_ghost(mailbox, provider, store, alert):
    for number in range(12):
        mailbox.owner.append(
            "INBOX", letter(number), received=START + timedelta(minutes=number)
        )
    store.apply(store.pull(provider, Budget(mails=4)))
    ref = mailbox.owner.append("INBOX", letter("new"))
    batch = store.pull(provider, Budget(mails=4))
    store.apply(batch)
    assert ref in {presence.place.ref for presence in batch.present}
    mailbox.owner.expunge("INBOX", ref)

    store.sync(provider, Budget(mails=4), passes=3)

    assert_equal(store, mailbox)
    assert len(store.copies) == 12


def test_what_is_told_twice_is_one_mail(mailbox, graph, provider, store):
    graph.rounds.doubled = graph.rounds.empty_pages = True
    refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(30)]
    store.sync(provider, Budget(mails=4))
    mailbox.owner.replay("INBOX", *refs[:9])
    mailbox.owner.move("INBOX", refs[0], "Archive")
    mailbox.owner.expunge("INBOX", refs[1])

    store.sync(provider, Budget(mails=4), passes=2)

    assert_equal(store, mailbox)
    assert len(store.copies) == 29


def test_mass_of_departures_is_confirmed_in_bites(mailbox, graph, provider, store):
    refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(120)]
    store.sync(provider)
    for ref in refs[:100]:
        mailbox.owner.move("INBOX", ref, "Archive")
    mailbox.owner.expunge("INBOX", *refs[100:110])

    batches = store.sync(provider, Budget(mails=25), passes=2)

    assert_equal(store, mailbox)
    assert len(store.copies) == 110
    assert all(len(batch.present) <= 25 for batch in batches)


def test_mail_that_the_server_chokes_on_is_not_told_as_gone(
    mailbox, graph, provider, store
):
    ref, other = (mailbox.owner.append("INBOX", letter(n)) for n in (1, 2))
    store.sync(provider)
    mailbox.owner.move("INBOX", ref, "Trash")
    mailbox.owner.expunge("INBOX", other)
    graph.fault(f"/me/messages/{ref}", 500, "ErrorInternalServerError", times=None)

    store.sync(provider, passes=3)
    assert {place.ref for place in store.places} == {ref}

    graph.clear_faults()
    store.sync(provider, passes=2)
    assert store.copies == set()


def test_server_that_gives_more_than_was_asked_for(
    mailbox, graph, provider, store, monkeypatch
):
    monkeypatch.setattr(
        "tests.peers.graph_routes._Reading.page_size", lambda self, state: 7
    )
    refs = [
        mailbox.owner.append(folder, letter(f"{folder}{number}"))
        for folder in ("INBOX", "Archive", "Sent")
        for number in range(20)
    ]
    store.sync(provider, Budget(mails=4))
    assert len(store.places) == 60
    mailbox.owner.expunge("INBOX", *refs[:15])
    mailbox.owner.replay("Archive", *refs[20:40])
    mailbox.owner.replay("Sent", *refs[40:])

    store.sync(provider, Budget(mails=4), passes=2)

    assert_equal(store, mailbox)


def test_folder_inside_one_that_is_gone_is_gone(mailbox, graph, provider, store):
    """Should Graph tell of the outer one alone."""
    mailbox.owner.create("Work/Offers")
    mailbox.owner.append("Work/Offers", letter(1))
    store.sync(provider)
    work = mailbox.owner.folder_ref("Work")
    store.cursor["tree"]["all"].pop(work)

    store.sync(provider, passes=2)

    assert store.copies == set()


# --- lost state -------------------------------------------------------------------


@pytest.mark.parametrize(
    "lose",
    [
        lambda graph, **given: graph.expire_tokens(**given),
        lambda graph, **given: graph.lose_sync_state(**given),
        lambda graph, **given: graph.lose_sync_state(
            **given, status=404, code="ResyncRequired"
        ),
        lambda graph, **given: graph.lose_sync_state(
            **given, status=410, code="SyncStateInvalid"
        ),
    ],
)
def test_folder_whose_state_is_lost_is_listed_again_alone(
    mailbox, graph, provider, store, lose
):
    for number in range(8):
        mailbox.owner.append("INBOX", letter(number))
        mailbox.owner.append("Archive", letter(f"a{number}"))
    store.sync(provider)
    inbox = mailbox.owner.folder_ref("INBOX")
    lose(graph, email=mailbox.login, folder=inbox)
    keys = set(store.copies)

    batches = store.sync(provider, Budget(mails=3), passes=2)

    assert [reset for b in batches for reset in b.reset] == [(inbox, "2")]
    told = [p for b in batches for p in b.present]
    assert {p.place.folder for p in told} == {inbox}
    assert {p.place.generation for p in told} == {"2"}
    assert all(b.relisted for b in batches if b.present)
    assert store.copies == keys and store.deleted == []
    assert_equal(store, mailbox)


def test_state_lost_in_the_midst_of_the_first_walk(mailbox, graph, provider, store):
    refs = [
        mailbox.owner.append("INBOX", letter(n), received=START + timedelta(hours=n))
        for n in range(12)
    ]
    store.apply(store.pull(provider, Budget(mails=4)))
    graph.expire_tokens(mailbox.login)
    mailbox.owner.expunge("INBOX", refs[11], refs[0])

    store.sync(provider, Budget(mails=4), passes=2)

    assert_equal(store, mailbox)
    assert len(store.copies) == 10


def test_generations_go_on_counting(mailbox, graph, provider, store):
    mailbox.owner.append("INBOX", letter(1))
    store.sync(provider)
    inbox = mailbox.owner.folder_ref("INBOX")

    resets = []
    for _ in range(3):
        graph.expire_tokens(mailbox.login, folder=inbox)
        resets += [r for b in store.sync(provider) for r in b.reset]

    assert resets == [(inbox, "2"), (inbox, "3"), (inbox, "4")]
    (place,) = store.places
    fate = provider.confirm([Lookup(place)])[place]
    assert (fate.state, fate.places) == (LIVE, (place,))


def test_confirm_knows_generation_and_folder_of_moved_mail(
    mailbox, graph, provider, store
):
    ref = mailbox.owner.append("INBOX", letter(1))
    mailbox.owner.append("Archive", letter(2))
    store.sync(provider)
    archive = mailbox.owner.folder_ref("Archive")
    graph.expire_tokens(mailbox.login, folder=archive)
    store.sync(provider)
    place = store.place_of("<1@letters.example>")
    mailbox.owner.move("INBOX", ref, "Archive")

    fate = provider.confirm([Lookup(place)])[place]

    assert fate.places == (Place(archive, "2", ref),)


def test_recoverable_mail_is_gone_all_the_same(mailbox, provider, store):
    mailbox.owner.recoverable = True
    ref = mailbox.owner.append("INBOX", letter(1))
    store.sync(provider)
    place = store.place_of("<1@letters.example>")
    mailbox.owner.expunge("INBOX", ref)

    assert provider.confirm([Lookup(place)])[place].state != LIVE
    store.sync(provider, passes=2)

    assert store.copies == set()


# --- the start ----------------------------------------------------------------------


def test_mail_deleted_while_older_mail_is_walked_is_told(mailbox, provider, store):
    """An earlier start walks the folder again; its changes are told meanwhile."""
    refs = [
        mailbox.owner.append("INBOX", letter(n), received=START - timedelta(days=n))
        for n in range(20)
    ]
    store.sync(provider, since=START - timedelta(days=5, hours=1))
    assert len(store.places) == 6
    store.apply(store.pull(provider, Budget(mails=3)))
    mailbox.owner.expunge("INBOX", refs[0], refs[6], refs[19])

    batches = store.sync(provider, Budget(mails=3), passes=2)

    assert_equal(store, mailbox)
    assert not any(batch.relisted or batch.reset for batch in batches)
    told = [p.place.ref for b in batches for p in b.present]
    assert not set(told) & set(refs[:6])


def test_start_that_moves_back_and_forth_during_the_walk(mailbox, provider, store):
    for n in range(30):
        mailbox.owner.append("INBOX", letter(n), received=START - timedelta(days=n))

    def days(number):
        return START - timedelta(days=number, hours=1)

    budget = Budget(mails=4)
    for number in (10, 3, 20, 5, 28):
        store.apply(store.pull(provider, budget, since=days(number)))
    store.sync(provider, budget, passes=2, since=days(28))
    assert len(store.places) == 29

    store.sync(provider, budget, passes=2, since=None)
    assert_equal(store, mailbox)


def test_old_mail_that_is_moved_in_is_not_told(mailbox, provider, store):
    ref = mailbox.owner.append("Trash", letter(1), received=START - timedelta(days=99))
    since = START - timedelta(days=9)
    store.sync(provider, since=since)
    mailbox.owner.move("Trash", ref, "INBOX")

    store.sync(provider, passes=2, since=since)

    assert store.places == {}


# --- time and order -----------------------------------------------------------------


def test_no_request_after_the_time_is_up(mailbox, graph, provider, store):
    for number in range(40):
        mailbox.owner.append("INBOX", letter(number))
    store.apply(store.pull(provider, Budget(mails=4)))
    graph.clear_requests()

    batch = store.pull(provider, Budget(mails=4, seconds=0))

    assert batch.more
    assert len(graph.requests(inner=False)) == 1


def test_folders_come_side_by_side_the_newest_mail_first(mailbox, provider, store):
    for number in range(60):
        folder = ("INBOX", "Archive", "Sent")[number % 3]
        received = START + timedelta(hours=number)
        mailbox.owner.append(folder, letter(number), received=received)

    batches = store.sync(provider, Budget(mails=15))

    assert_equal(store, mailbox)
    ages = [
        60 - int(re.search(r"\d+", message_id)[0]) for message_id in store.told(batches)
    ]
    # a page of one folder may come a page of another too early, not more
    assert all(age <= at + 30 for at, age in enumerate(ages))


def test_deleted_for_good_is_gone_for_confirm(mailbox, provider, store):
    ref = mailbox.owner.append("INBOX", letter(1))
    store.sync(provider)
    place = store.place_of("<1@letters.example>")
    mailbox.owner.expunge("INBOX", ref)

    assert provider.confirm([Lookup(place)])[place].state == GONE


# --- questions ----------------------------------------------------------------------


def test_audit_since_a_day_leaves_out_older_mail_and_drafts(mailbox, provider, store):
    old, new = (
        mailbox.owner.append("INBOX", letter(n), received=START - timedelta(days=n))
        for n in (50, 1)
    )
    draft = mailbox.owner.append("Drafts", letter(3))
    mailbox.owner.move("Drafts", draft, "INBOX")
    inbox = mailbox.owner.folder_ref("INBOX")

    for since, refs in ((START - timedelta(days=9), {new}), (None, {old, new})):
        counts = {c.folder.ref: c for c in provider.audit(since=since, refs=True)}
        assert counts[inbox].messages == 3
        assert set(counts[inbox].refs) == refs


def test_audit_of_a_large_folder_comes_in_pages(mailbox, provider, monkeypatch):
    monkeypatch.setattr("engine.providers.microsoft_questions.TOP", 7)
    refs = {mailbox.owner.append("INBOX", letter(number)) for number in range(30)}
    inbox = mailbox.owner.folder_ref("INBOX")

    (count,) = (c for c in provider.audit(refs=True) if c.folder.ref == inbox)

    assert set(count.refs) == refs and len(count.refs) == 30


def test_search_finds_in_folders_that_count_and_since_a_day(mailbox, provider):
    sender = "Bob <bob@one.example>"
    refs = [
        mailbox.owner.append(
            folder, letter(n, sender=sender), received=START - timedelta(days=n)
        )
        for n, folder in enumerate(("INBOX", "Archive", "Trash", "Drafts", "Sent"))
    ]
    query = Query(addresses=("bob@one.example",))

    def found(since=None):
        return {place.ref for place in provider.search(query, since)}

    assert found() == {refs[0], refs[1], refs[4]}
    assert found(START - timedelta(days=2)) == {refs[0], refs[1]}


def test_search_takes_many_terms_together(mailbox, graph, provider):
    refs = {
        mailbox.owner.append("INBOX", letter(n, sender=f"p{n}@one.example"))
        for n in range(25)
    }
    graph.clear_requests()

    places = list(
        provider.search(Query(addresses=tuple(f"p{n}@one.example" for n in range(25))))
    )

    assert {place.ref for place in places} == refs
    searches = [r for r in graph.requests() if "search" in r]
    assert len(searches) == 3


def test_search_says_when_the_index_gave_all_it_gives(mailbox, provider, monkeypatch):
    """Also where part of that lies in folders that do not count."""
    for n, folder in enumerate(("INBOX", "Trash", "Trash", "Sent")):
        mailbox.owner.append(folder, letter(n, sender="bob@one.example"))
    query = Query(addresses=("bob@one.example",))

    assert not isinstance(provider.search(query), Cut)
    monkeypatch.setattr("engine.providers.microsoft_questions.INDEX_GIVES", 4)
    found = provider.search(query)

    assert isinstance(found, Cut) and len(found) == 2


def test_libraries_are_imported_for_such_a_mailbox_only():
    """Who has none needs no MSAL."""
    code = (
        "import sys; import engine.providers.microsoft, engine.providers.consent;"
        "import engine.providers.microsoft_consent;"
        "assert 'msal' not in sys.modules"
    )
    path = str(Path(engine.__file__).parents[1])

    subprocess.run([sys.executable, "-c", code], check=True, cwd=path)
