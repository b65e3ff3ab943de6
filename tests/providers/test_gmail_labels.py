# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Labels that are switched off: mail that bears one stays out, come what may."""

from datetime import UTC, datetime, timedelta

import pytest
from engine.providers import gmail_labels, gmail_questions, gmail_turn
from engine.providers.base import (
    EXCLUDED,
    LIVE,
    Budget,
    CursorExpired,
    Lookup,
    MessageGone,
    Place,
    Query,
    Throttled,
)

from tests.providers.gmail_mailbox import gmail_mailbox
from tests.providers.letters import letter
from tests.providers.store import Store

NOW = datetime.now(UTC)
USUAL = {"history_labels": "then", "offset_pages": False}
USUAL |= {"deletion_told": True, "unknown_label": 400}


@pytest.fixture
def mailbox(google, new_login):
    with gmail_mailbox(google, new_login) as mailbox:
        yield mailbox
        google.habit(**USUAL)
        google.clear_faults()


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr("engine.providers.gmail_api.PAGE", 7)


@pytest.fixture
def alert(monkeypatch):
    monkeypatch.setattr("engine.providers.gmail_sync.LOOK_EVERY", 0)


class Shelf:
    """Mail with labels: in none, in Work, in Private, in both, one an hour."""

    def __init__(self, mailbox, count=12, names=("Work", "Private")):
        self.owner = mailbox.owner
        for name in names:
            self.owner.create(name)
        self.labels = [self.owner.label_ref(name) for name in names]
        self.work, self.private = self.labels[:2]
        self.refs = []
        for number in range(count):
            received = NOW - timedelta(hours=count - number)
            ref = self.owner.append("INBOX", letter(number), received=received)
            which = [
                label for bit, label in enumerate(self.labels) if number >> bit & 1
            ]
            self.owner.label(ref, add=which)
            self.refs.append(ref)

    def with_(self, label):
        place = self.labels.index(label)
        return [ref for n, ref in enumerate(self.refs) if n >> place & 1]

    def truth(self, *off):
        return self.owner.truth(ignore=off)


@pytest.fixture
def shelf(mailbox):
    return Shelf(mailbox)


def read_headers(google) -> list[str]:
    """Ids of the mails whose headers or texts were asked for."""
    lines = [line for line in google.requests() if "/messages/" in line]
    return [line.split("/messages/")[1].split("?")[0] for line in lines]


# --- which labels are there? ---------------------------------------------------------


def test_labels_are_a_tree_by_their_names(mailbox, provider, store):
    for name in ("Work", "Work/Deep/Deeper", "Work/Deep/er", "Privé/Ärzte", "Workshop"):
        mailbox.owner.create(name)

    (batch, *_more) = store.sync(provider)

    names = {folder.ref: folder.name for folder in batch.folders}
    tree = {f.name: names.get(f.parent) for f in batch.folders if f.role == "other"}
    assert tree == {
        "Work": "All mail",
        "Work/Deep/Deeper": "Work",
        "Work/Deep/er": "Work",
        "Privé/Ärzte": "All mail",
        "Workshop": "All mail",
    }
    assert batch.folders == provider.folders()


def test_odd_labels_do_no_harm():
    odd = [
        {"id": "Label_1", "name": "a/b/a", "type": "user"},
        {"id": "Label_2", "name": 7, "type": "user"},
        {"id": "Label_3", "type": "user", "name": "//"},
        {"id": "Label_4", "type": "user", "name": "/"},
        {"id": 5, "type": "user", "name": "five"},
        {"id": "all", "type": "user", "name": "all"},
        {"id": "INBOX", "name": "INBOX", "type": "system"},
        {"name": "no id", "type": "user"},
    ]

    folders = gmail_labels.folders_of(odd)[4:]

    assert {folder.ref for folder in folders} == {f"Label_{n}" for n in range(1, 5)}
    assert all(folder.ref != folder.parent for folder in folders)


@pytest.mark.parametrize(
    "body", ["{}", '{"labels": []}', '{"labels": {}}', '{"labels": [7]}', "[]"]
)
def test_an_answer_without_labels_is_not_taken_for_none(
    mailbox, store, provider, google, body
):
    """Else each label would be held to be deleted, and what it kept out come in."""
    google.fault("/me/labels", 200, body=body)

    with pytest.raises(Exception, match="garbage"):
        store.pull(provider)


# --- off and on ----------------------------------------------------------------------


@pytest.mark.parametrize("history_labels", ["then", "now", "none"])
def test_what_bears_a_label_that_is_off_stays_out(
    mailbox, store, google, shelf, history_labels, small_pages
):
    google.habit(history_labels=history_labels)
    off, known = frozenset(), 0
    for off in (
        {shelf.private},
        {shelf.private, shelf.work},
        {shelf.work},
        set(),
        {shelf.work},
        {shelf.private},
        set(),
    ):
        with mailbox.open() as provider:
            store.sync(provider, Budget(mails=5), skip=frozenset(off))

        assert store.truth == shelf.truth(*off)
        assert not store.orphans, "nobody need be asked where it went"
        assert store.cursor.get("hide", []) == sorted(off)
        assert "turn" not in store.cursor and "fill" not in store.cursor
        known += 1
    assert len(store.places) == 12


def test_mail_of_hidden_labels_is_never_read(mailbox, store, google, shelf):
    google.clear_requests()
    skip = frozenset({shelf.private})

    with mailbox.open() as provider:
        store.sync(provider, skip=skip)

    assert store.truth == shelf.truth(shelf.private)
    assert set(read_headers(google)) == set(shelf.refs) - set(
        shelf.with_(shelf.private)
    )
    # profile, labels, a list of all, one of the label, and headers
    assert google.units(mailbox.login) == 1 + 1 + 5 + 5 + 6 * 20


def test_an_idle_pass_costs_what_it_did(mailbox, store, google, shelf):
    skip = frozenset({shelf.private})
    with mailbox.open() as provider:
        store.sync(provider, skip=skip)
    for _ in range(3):
        google.clear_requests()
        with mailbox.open() as provider:
            (batch,) = store.sync(provider, skip=skip)

        assert google.units(mailbox.login) == 2 == batch.cost
        assert batch.folders is None and batch.pass_complete and not batch.more


def test_which_labels_there_are_is_asked_now_and_then(
    mailbox, store, google, shelf, monkeypatch
):
    with mailbox.open() as provider:
        store.sync(provider)
    mailbox.owner.rename("Private", "Family/Private")
    shelf.owner.create("New")  # no mail bears it: history says nothing
    with mailbox.open() as provider:
        (batch,) = store.sync(provider)
    assert batch.folders is None

    monkeypatch.setattr(gmail_turn, "LABELS_EVERY", 0)
    google.clear_requests()
    with mailbox.open() as provider:
        (batch,) = store.sync(provider)

    assert google.units(mailbox.login) == 3
    assert {"Family/Private", "New"} <= {folder.name for folder in batch.folders}
    assert shelf.private in {folder.ref for folder in batch.folders}


def test_a_label_that_turns_up_in_the_history_is_asked_for(
    mailbox, store, provider, shelf
):
    store.sync(provider)
    shelf.owner.create("New")
    shelf.owner.label(shelf.refs[0], add=[shelf.owner.label_ref("New")])

    batches = store.sync(provider)

    assert "New" in {f.name for batch in batches for f in batch.folders or ()}


@pytest.mark.parametrize("history_labels", ["then", "now", "none"])
def test_mail_that_gets_and_loses_the_label(
    mailbox, store, provider, google, shelf, history_labels
):
    google.habit(history_labels=history_labels)
    skip = frozenset({shelf.private})
    store.sync(provider, skip=skip)
    plain, private, both = shelf.refs[0], shelf.refs[2], shelf.refs[3]

    shelf.owner.label(plain, add=[shelf.private])
    shelf.owner.label(private, remove=[shelf.private, "INBOX"], add=[shelf.work])
    shelf.owner.label(both, remove=[shelf.work])
    arrived = shelf.owner.insert(letter(90), ["INBOX", shelf.private])
    store.sync(provider, skip=skip)
    store.confirm(provider)

    assert store.truth == shelf.truth(shelf.private)
    assert {plain, both, arrived}.isdisjoint(place.ref for place in store.places)
    assert Place("all", "", private) in store.places
    assert len(store.copies) == len(store.places)

    shelf.owner.label(plain, remove=[shelf.private])
    shelf.owner.label(both, add=["TRASH"], remove=[shelf.private, "INBOX"])
    shelf.owner.label(arrived, add=["TRASH"])
    shelf.owner.label(arrived, remove=[shelf.private])
    store.sync(provider, skip=skip)

    assert store.truth == shelf.truth(shelf.private)
    assert Place("all", "", plain) in store.places

    shelf.owner.label(plain, add=[shelf.private])
    store.sync(provider, skip=skip)
    store.sync(provider)
    assert store.truth == shelf.truth()
    assert Place("all", "", plain) in store.places


def test_a_renamed_label_stays_off(mailbox, store, shelf, monkeypatch):
    skip = frozenset({shelf.private})
    with mailbox.open() as provider:
        store.sync(provider, skip=skip)
    monkeypatch.setattr(gmail_turn, "LABELS_EVERY", 0)
    shelf.owner.rename("Private", "in:inbox OR -{} \"'")
    shelf.owner.append("INBOX", letter(80))

    with mailbox.open() as provider:
        store.sync(provider, skip=skip)

    assert store.truth == shelf.truth(shelf.private)


# --- deleted -------------------------------------------------------------------------


@pytest.mark.parametrize("unknown_label", [200, 400, 404])
@pytest.mark.parametrize("deletion_told", [True, False])
@pytest.mark.parametrize("when", ["known", "listing", "switching on"])
def test_mail_of_a_label_that_is_deleted_comes_back(
    mailbox, store, google, shelf, monkeypatch, unknown_label, deletion_told, when
):
    google.habit(unknown_label=unknown_label, deletion_told=deletion_told)
    skip = frozenset({shelf.private})
    with mailbox.open() as provider:
        if when == "listing":
            store.apply(store.pull(provider, Budget(mails=3), skip=skip))
        else:
            store.sync(provider, skip=skip)
        if when == "switching on":
            skip = frozenset()
            store.apply(store.pull(provider, Budget(mails=2), skip=skip))
    shelf.owner.remove("Private")

    monkeypatch.setattr(gmail_turn, "LABELS_EVERY", 0)
    for _ in range(3):
        with mailbox.open() as provider:
            store.sync(provider, skip=skip)
            # as soon as it is told that there is no such label, nobody names it
            skip = frozenset()

    assert len(store.places) == 12
    assert store.truth == shelf.truth()
    assert "hide" not in store.cursor


def test_who_names_a_label_that_never_was_loses_nothing(mailbox, store, shelf):
    for _ in range(2):
        with mailbox.open() as provider:
            store.sync(provider, skip=frozenset({"Label_none"}))

    assert store.truth == shelf.truth()


# --- crashes, other minds, and pages that shift --------------------------------------


@pytest.mark.parametrize("kept", [True, False], ids=["stored", "lost"])
def test_a_switch_in_many_pages_with_a_crash_between_each(
    mailbox, store, google, small_pages, kept
):
    """Each bite is another connection; what was not stored is told again."""
    shelf = Shelf(mailbox, 40)
    with mailbox.open() as provider:
        store.sync(provider)
    for off in (frozenset({shelf.private}), frozenset()):
        for number in range(200):
            with mailbox.open() as provider:
                batch = store.pull(provider, Budget(mails=3), skip=off)
                if kept or number % 2:
                    store.apply(batch)
                    if not batch.more:
                        break
        assert number > 5
        assert store.truth == shelf.truth(*off)


def test_whoever_changes_their_mind_in_the_middle(mailbox, store, google, small_pages):
    shelf = Shelf(mailbox, 40, ("Work", "Private", "Third"))
    minds = [set(), {0}, {1}, {0, 1}, set(), {2}, {0, 2}, {1}, set(), {0}, {2, 1}]
    with mailbox.open() as provider:
        store.sync(provider)
        for steps in (1, 2, 3):
            for mind in minds:
                off = frozenset(shelf.labels[n] for n in mind)
                for _ in range(steps):
                    store.apply(store.pull(provider, Budget(mails=4), skip=off))
            store.sync(provider, Budget(mails=4), skip=off)
            assert store.truth == shelf.truth(*off)


@pytest.mark.parametrize("turn", ["off", "on"])
def test_no_mail_slips_through_while_others_leave_the_label(
    mailbox, store, google, small_pages, alert, turn
):
    """Page tokens may be offsets: a list in which mail went is read again."""
    google.habit(offset_pages=True)
    shelf = Shelf(mailbox, 60)
    hidden = frozenset({shelf.private})
    first, then = (frozenset(), hidden) if turn == "off" else (hidden, frozenset())
    with mailbox.open() as provider:
        store.sync(provider, skip=first)
    leaving = shelf.with_(shelf.private)[::-1][:12]
    more = True
    while more:
        with mailbox.open() as provider:
            batch = store.pull(provider, Budget(mails=5), skip=then)
            store.apply(batch)
            more = batch.more
        for ref in [leaving.pop() for _ in range(2) if leaving]:
            if turn == "off":
                shelf.owner.label(ref, remove=[shelf.private])
            else:
                shelf.owner.label(ref, add=["TRASH"])
    with mailbox.open() as provider:
        store.sync(provider, skip=then)

    assert store.truth == shelf.truth(*then)


def test_refused_pages_are_begun_again(mailbox, store, google, small_pages):
    shelf = Shelf(mailbox, 40)
    hidden = frozenset({shelf.private})
    with mailbox.open() as provider:
        store.sync(provider)
        for off in (hidden, frozenset(), hidden):
            for _ in range(3):
                store.apply(store.pull(provider, Budget(mails=4), skip=off))
                google.expire_pages()
            store.sync(provider, Budget(mails=4), skip=off)
            assert store.truth == shelf.truth(*off)


def test_a_mailbox_without_mail_service_has_no_deleted_labels(
    mailbox, store, google, shelf
):
    """It is refused with 400 too: what a label keeps out must not come in by it."""
    with mailbox.open() as provider:
        store.sync(provider, skip=frozenset({shelf.private}))
    google.expire_history()
    google.fault("labelIds", 400, "failedPrecondition")

    skip = frozenset({shelf.private})
    with mailbox.open() as provider, pytest.raises(Exception, match="no_mailbox"):
        store.sync(provider, skip=skip)
    google.fault("labelIds", 400, "failedPrecondition")
    with mailbox.open() as provider, pytest.raises(Exception, match="no_mailbox"):
        provider.audit(NOW - timedelta(days=2), True, skip)


def test_a_long_label_at_the_pace_of_the_quota_gets_on(mailbox, google, monkeypatch):
    """Its ids cannot be listed in one bite: the next one goes on with them."""
    monkeypatch.setattr("engine.providers.gmail_api.PAGE", 1)
    monkeypatch.setattr("engine.providers.gmail_quota.BURST", 0.25)
    monkeypatch.setattr("engine.providers.gmail_sync.SHORTEST", 0.3)
    shelf = Shelf(mailbox, 8)
    skip, told, cursor = frozenset({shelf.private}), set(), None
    # 20 units a second: a page or two in each bite
    provider = mailbox.open(units_per_minute=1_200)
    for _ in range(60):
        try:
            batch = provider.pull(cursor, None, Budget(seconds=0.3), skip)
        except Throttled:  # then the engine hangs up, and what was learnt is lost
            provider.close()
            provider = mailbox.open(units_per_minute=1_200)
            continue
        told |= {presence.place.ref for presence in batch.present}
        cursor = batch.cursor
        if not batch.more:
            break
    provider.close()

    assert told == set(shelf.refs) - set(shelf.with_(shelf.private))


# --- old mail ------------------------------------------------------------------------


def test_old_mail_of_a_label_is_listed_by_address(mailbox, store, google):
    owner = mailbox.owner
    owner.create("Private")
    private, old = owner.label_ref("Private"), NOW - timedelta(days=60)
    for number in range(60):
        sender = "ann@one.example" if number % 20 == 3 else f"s{number}@x.example"
        raw = letter(number, sender=sender)
        ref = owner.append("INBOX", raw, received=old + timedelta(minutes=number))
        if number % 2:
            owner.label(ref, add=[private])
    known = ("ann@one.example",)
    google.clear_requests()
    with mailbox.open() as provider:
        batches = store.sync(provider, skip=frozenset({private}), addresses=known)
    assert sum(batch.passed_by for batch in batches) == 30
    assert not read_headers(google) and not store.places

    with mailbox.open() as provider:
        batches = store.sync(provider, addresses=known)

    assert sorted(store.told(batches)) == [
        f"<{n}@letters.example>" for n in (23, 3, 43)
    ]
    assert len(set(read_headers(google))) == 3
    # what was counted once may be among it
    assert sum(batch.passed_by for batch in batches) == 0


def test_switched_off_while_the_first_import_runs(mailbox, store, google, small_pages):
    shelf = Shelf(mailbox, 40)
    off = frozenset({shelf.private})
    with mailbox.open() as provider:
        for skip in (frozenset(), off, frozenset(), off):
            for _ in range(2):
                store.apply(store.pull(provider, Budget(mails=4), skip=skip))
        store.sync(provider, Budget(mails=4), skip=off)
    assert store.truth == shelf.truth(shelf.private)


# --- questions -----------------------------------------------------------------------


@pytest.mark.parametrize("labels", [1, 30])
def test_who_asks_is_not_told_of_hidden_mail(
    mailbox, store, provider, google, shelf, labels, monkeypatch
):
    skip = [shelf.private]
    for number in range(1, labels):
        shelf.owner.create(f"Other {number}")
        skip.append(shelf.owner.label_ref(f"Other {number}"))
    provider.skip = frozenset(skip)
    hidden = set(shelf.with_(shelf.private))
    visible = [ref for ref in reversed(shelf.refs) if ref not in hidden]
    google.clear_requests()

    (found, *_none) = provider.audit(NOW - timedelta(days=2), True, provider.skip)
    assert found.refs == tuple(visible)
    (counted, *_none) = provider.audit(skip=provider.skip)
    assert counted.messages == len(visible)
    asked = Query(addresses=("ann@customer.example",))
    assert [place.ref for place in provider.search(asked)] == visible
    monkeypatch.setattr(gmail_questions, "LOOKUPS", 3)
    for some in (shelf.refs, shelf.refs[:3]):
        fates = provider.confirm([Lookup(Place("all", "", ref), ref) for ref in some])
        states = {place.ref: fate.state for place, fate in fates.items()}
        assert {r for r, state in states.items() if state == EXCLUDED} == {
            *hidden.intersection(some)
        }
        assert {r for r, state in states.items() if state == LIVE} == {*some} - hidden
    places = [Place("all", "", ref) for ref in shelf.refs]
    told = dict(provider.envelopes(places))
    gone = {place.ref for place, a in told.items() if isinstance(a, MessageGone)}
    assert gone == hidden
    mails = [(place, told[places[0]].envelope) for place in places]
    texts = dict(provider.fetch(mails))
    assert {p.ref for p, a in texts.items() if isinstance(a, MessageGone)} == hidden


def test_a_search_that_was_cut_says_so(mailbox, provider, shelf, monkeypatch):
    monkeypatch.setattr(gmail_questions, "MAX_FOUND", 8)
    monkeypatch.setattr("engine.providers.gmail_api.PAGE", 4)
    provider.skip = frozenset({shelf.private})

    found = provider.search(Query(addresses=("ann@customer.example",)))

    expected = [r for r in shelf.refs[:-9:-1] if r not in shelf.with_(shelf.private)]
    assert [place.ref for place in found] == expected
    assert type(found).__name__ == "Cut"


def test_what_bears_a_label_can_be_listed(mailbox, provider, shelf):
    mailbox.owner.move("INBOX", shelf.refs[3], "Trash")
    since = NOW - timedelta(hours=6, minutes=30)

    told = provider.bearing([shelf.work, "Label_none"], since)

    assert [p.ref for p in told] == [shelf.refs[n] for n in (11, 9, 7)]
    assert list(provider.bearing([])) == []


def test_presences_say_which_labels_they_bear(mailbox, provider, shelf):
    ((_place, told),) = provider.envelopes([Place("all", "", shelf.refs[3])])

    assert {shelf.work, shelf.private} <= told.labels


def test_deleted_label_means_list_again(mailbox, store, shelf, monkeypatch):
    with mailbox.open() as provider:
        store.sync(provider, skip=frozenset({shelf.private}))
    shelf.owner.remove("Private")
    monkeypatch.setattr(gmail_turn, "LABELS_EVERY", 0)

    with mailbox.open() as provider, pytest.raises(CursorExpired):
        provider.pull(store.cursor, None, Budget(), frozenset({shelf.private}))
