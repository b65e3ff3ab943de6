# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The first import out of Gmail: complete whatever goes meanwhile, and cheap."""

from datetime import UTC, datetime, timedelta

import pytest
from engine.providers.base import Budget, MessageGone

from tests.providers.gmail_mailbox import gmail_mailbox
from tests.providers.letters import letter
from tests.providers.store import Store

NOW = datetime.now(UTC)


@pytest.fixture
def mailbox(google, new_login):
    with gmail_mailbox(google, new_login) as mailbox:
        yield mailbox


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr("engine.providers.gmail_api.PAGE", 10)


@pytest.fixture
def alert(monkeypatch):
    monkeypatch.setattr("engine.providers.gmail_sync.LOOK_EVERY", 0)


@pytest.fixture
def offsets(google):
    """Page tokens are offsets."""
    google.habit(offset_pages=True)
    yield
    google.habit(offset_pages=False)


def filled(mailbox, count, **more) -> list[str]:
    """The refs of so many mails, the newest last, one an hour."""
    return [
        mailbox.owner.append(
            "INBOX", letter(n, **more), received=NOW - timedelta(hours=count - n)
        )
        for n in range(count)
    ]


def lists(google) -> list[str]:
    return [line for line in google.requests() if "/messages?" in line]


# --- mail that goes while pages are read ---------------------------------------------


@pytest.mark.parametrize("looks", [0, 3600])
def test_no_mail_slips_through_between_two_pages(
    mailbox, store, provider, small_pages, offsets, monkeypatch, looks
):
    monkeypatch.setattr("engine.providers.gmail_sync.LOOK_EVERY", looks)
    refs = filled(mailbox, 35)
    store.apply(store.pull(provider, Budget(mails=10)))
    mailbox.owner.expunge("INBOX", *refs[-3:])  # the next page begins three mails later

    store.sync(provider, Budget(mails=10))

    assert store.truth == mailbox.owner.truth()
    assert len(store.places) == 32


def test_no_mail_slips_through_when_each_bite_is_another_connection(
    mailbox, store, small_pages, offsets
):
    refs = filled(mailbox, 35)
    more = True
    while more:
        with mailbox.open() as provider:
            batch = store.pull(provider, Budget(mails=10))
            store.apply(batch)
            more = batch.more
        if len(refs) > 29:
            mailbox.owner.move("INBOX", refs.pop(), "Trash")

    assert store.truth == mailbox.owner.truth()


def test_a_list_is_read_once_when_no_mail_goes(mailbox, store, provider, small_pages):
    filled(mailbox, 35)
    mailbox.server.clear_requests()

    store.sync(provider, Budget(mails=10))

    assert len(lists(mailbox.server)) == 4


def test_a_list_that_is_read_again_is_read_at_one_go(
    mailbox, store, provider, small_pages, alert
):
    """Else it would have gaps again, as long as mail goes now and then."""
    refs = filled(mailbox, 45)
    mailbox.server.clear_requests()

    more = True
    while more:
        batch = store.pull(provider, Budget(mails=10))
        store.apply(batch)
        more = batch.more
        mailbox.owner.expunge("INBOX", refs.pop(0))

    assert len(lists(mailbox.server)) == 5 + 5


def test_mail_that_keeps_going_does_not_keep_the_import_from_its_end(
    mailbox, store, provider, small_pages, alert, monkeypatch
):
    refs = filled(mailbox, 60)
    listed = provider._api.list

    def list_while_one_goes(*args, **more):
        if refs:
            mailbox.owner.expunge("INBOX", refs.pop(0))
        return listed(*args, **more)

    monkeypatch.setattr(provider._api, "list", list_while_one_goes)

    store.sync(provider, Budget(mails=10), passes=2)

    assert store.truth == mailbox.owner.truth()


def test_what_is_listed_but_went_before_it_is_told_stays_away(
    mailbox, store, provider, alert
):
    """A page that lies in memory is older than what history says."""
    refs = filled(mailbox, 30)
    store.sync(provider)  # all of it is known: no envelope will be asked for
    store.forget_places()
    store.apply(store.pull(provider, Budget(mails=10)))
    mailbox.owner.move("INBOX", refs[0], "Trash")
    mailbox.owner.expunge("INBOX", refs[1])

    store.sync(provider, Budget(mails=10), passes=2)

    assert store.truth == mailbox.owner.truth()
    assert len(store.places) == 28


def test_page_token_that_is_refused_begins_the_list_again(
    mailbox, store, provider, small_pages
):
    filled(mailbox, 35)
    store.apply(store.pull(provider, Budget(mails=10)))
    mailbox.server.expire_pages()

    batches = store.sync(provider, Budget(mails=10))

    assert store.truth == mailbox.owner.truth()
    assert len(store.asked) == 35  # what was told again costs nothing
    assert batches[-1].pass_complete and not batches[-1].more


def test_a_first_bite_that_was_not_stored_is_asked_for_again(
    mailbox, store, provider, small_pages
):
    filled(mailbox, 15)
    provider.pull(None, None, Budget(mails=10))
    mailbox.owner.append("INBOX", letter("between"))

    store.sync(provider, Budget(mails=10))

    assert store.truth == mailbox.owner.truth()


def test_nothing_is_missing_before_all_of_it_was_listed(mailbox, store, provider):
    """Else a list made again would delete what it has not come to yet."""
    filled(mailbox, 12)

    batches = store.sync(provider, Budget(mails=5))

    assert [batch.pass_complete for batch in batches] == [False, False, True]


def test_progress_is_told_in_mails(mailbox, store, provider, small_pages):
    filled(mailbox, 35)

    batches = store.sync(provider, Budget(mails=10))

    done = [batch.done for batch in batches]
    assert done == sorted(done) and done[-1] == 35
    assert batches[-1].total == 35
    assert all(batch.done <= batch.total for batch in batches)


# --- labels --------------------------------------------------------------------------


def test_drafts_and_chats_cost_nothing(mailbox, store, provider):
    (mail,) = filled(mailbox, 1)
    mailbox.owner.insert(letter("chat"), ["CHAT"])
    mailbox.owner.append("Drafts", letter("draft"))

    store.sync(provider)

    assert [place.ref for place in store.asked] == [mail]


def test_mail_that_became_a_draft_meanwhile_is_gone(mailbox, provider):
    (ref,) = filled(mailbox, 1)
    (presence,) = provider.pull(None, None, Budget()).present
    mailbox.owner.label(ref, add=["DRAFT"])

    ((_place, answer),) = provider.envelopes([presence.place])

    assert isinstance(answer, MessageGone)


# --- by addresses --------------------------------------------------------------------


def old_and_new(mailbox) -> None:
    """40 mails of long ago, every tenth from Ann; 5 of this week."""
    for n in range(40):
        sender = "ann@one.example" if n % 10 == 0 else f"x{n}@other.example"
        mailbox.owner.append(
            "INBOX", letter(n, sender=sender), received=NOW - timedelta(days=100 + n)
        )
    for n in range(5):
        mailbox.owner.append(
            "INBOX", letter(f"new{n}"), received=NOW - timedelta(days=n, hours=1)
        )


def test_old_mail_is_listed_by_address_and_new_mail_in_full(mailbox, store, provider):
    old_and_new(mailbox)
    mailbox.server.clear_requests()

    batches = store.sync(provider, Budget(mails=4), addresses=["ann@one.example"])

    told = store.told(batches)
    new = [f"<new{n}@letters.example>" for n in range(5)]
    assert told == [*new, *(f"<{n}@letters.example>" for n in (0, 10, 20, 30))]
    assert sum(batch.passed_by for batch in batches) == 36
    assert (batches[-1].done, batches[-1].total) == (45, 45)
    # a profile, a list of the week, one of what is older, one by address; 9 headers;
    # and a look at the end
    assert mailbox.server.units(mailbox.login) == 1 + 1 + 3 * 5 + 9 * 20 + 2


def test_bcc_and_cc_are_asked_for_too(mailbox, store, provider):
    received = NOW - timedelta(days=30)
    for number, line in enumerate(("To", "Cc", "Bcc")):
        raw = f"{line}: Ann <ann@one.example>\r\n".encode() + letter(
            number, sender="me@mine.example"
        )
        mailbox.owner.append("Sent", raw, received=received)

    store.sync(provider, addresses=["ann@one.example"])

    assert len(store.places) == 3


def test_many_addresses_are_asked_for_in_groups(mailbox, store, provider):
    addresses = sorted(f"person.number.{n}@company-{n % 7}.example" for n in range(60))
    received = NOW - timedelta(days=30)
    for address in addresses[::5]:
        mailbox.owner.append(
            "INBOX", letter(address, sender=address), received=received
        )
    for number in range(60):
        mailbox.owner.append("INBOX", letter(number), received=received)
    mailbox.server.clear_requests()

    batches = store.sync(provider, Budget(mails=5), addresses=addresses)

    assert len(store.places) == 12
    assert sum(batch.passed_by for batch in batches) == 60
    asked = lists(mailbox.server)
    assert 5 < len(asked) < 12
    assert max(len(line) for line in asked) < 2_048
    assert not any(
        line.startswith("POST")
        for line in mailbox.server.requests()
        if "batch" not in line
    )


def test_import_by_address_goes_on_over_another_connection(mailbox, store):
    addresses = sorted(f"person.number.{n}@company-{n % 7}.example" for n in range(40))
    received = NOW - timedelta(days=30)
    for address in addresses:
        mailbox.owner.append(
            "INBOX", letter(address, sender=address), received=received
        )
    more, passed_by = True, 0
    while more:
        with mailbox.open() as provider:
            batch = store.pull(provider, Budget(mails=7), addresses=addresses)
            store.apply(batch)
            more, passed_by = batch.more, passed_by + batch.passed_by

    assert store.truth == mailbox.owner.truth()
    assert passed_by == 0


def test_more_addresses_than_mails_are_not_asked_for(mailbox, store, provider):
    for n in range(3):
        mailbox.owner.append("INBOX", letter(n), received=NOW - timedelta(days=90))
    addresses = sorted(f"person.number.{n}@company-{n % 7}.example" for n in range(400))

    batches = store.sync(provider, addresses=addresses)

    assert len(store.places) == 3
    assert sum(batch.passed_by for batch in batches) == 0


def test_mail_that_came_since_is_told_whoever_sent_it(mailbox, store, provider):
    old_and_new(mailbox)
    store.sync(provider, addresses=["ann@one.example"])
    mailbox.owner.append("INBOX", letter("later", sender="nobody@else.example"))

    batches = store.sync(provider, addresses=["ann@one.example"])

    assert store.told(batches) == ["<later@letters.example>"]


def test_addresses_that_are_known_later_still_spare_the_rest(mailbox, store, provider):
    old_and_new(mailbox)
    store.apply(store.pull(provider, Budget(mails=3)))

    batches = store.sync(provider, Budget(mails=4), addresses=["ann@one.example"])

    assert len(store.places) == 9
    assert sum(batch.passed_by for batch in batches) == 36


def test_earlier_start_is_filled_in_by_address_too(mailbox, store, provider):
    old_and_new(mailbox)
    store.sync(provider, since=NOW - timedelta(days=103, hours=1))
    assert len(store.places) == 9

    batches = store.sync(provider, Budget(mails=4), addresses=["ann@one.example"])

    assert len(store.places) == 9 + 3
    # one second of mail may be counted on either side of the old start
    assert sum(batch.passed_by for batch in batches) == 33


@pytest.mark.parametrize(
    "address",
    [
        "o'brien+tag@one.example",
        '"quoted name"@one.example',
        "a{b}c@one.example",
        "-in:inbox@one.example",
        "OR@one.example",
    ],
)
def test_odd_addresses_are_no_syntax(mailbox, store, provider, address):
    old_and_new(mailbox)

    batches = store.sync(provider, addresses=[address])

    assert len(store.places) == 5
    assert sum(batch.passed_by for batch in batches) == 40


# --- the folder that is not wanted ---------------------------------------------------


def test_deselected_mailbox_is_absent_and_comes_back(mailbox, store, provider):
    filled(mailbox, 4)
    store.sync(provider)

    store.sync(provider, skip=frozenset({"all"}))
    assert store.places == {}
    mailbox.owner.append("INBOX", letter("later"))
    (batch,) = store.sync(provider, skip=frozenset({"all"}))
    assert not batch.present and not batch.absent

    store.sync(provider)
    assert store.truth == mailbox.owner.truth()
