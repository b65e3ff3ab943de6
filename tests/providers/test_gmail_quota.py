# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What questions to Gmail cost, and how they are spread over time."""

import time

import pytest
from engine.providers.base import Budget, Throttled
from engine.providers.gmail_queries import is_cheaper_by_address
from engine.providers.gmail_quota import UNITS, Bucket, OutOfTime, bucket_of

from tests.peers.discovery import DOCUMENT
from tests.providers.gmail_mailbox import gmail_mailbox
from tests.providers.letters import letter
from tests.providers.store import Store


@pytest.fixture
def mailbox(google, new_login):
    with gmail_mailbox(google, new_login) as mailbox:
        yield mailbox
        google.limit(None)


@pytest.fixture
def store():
    return Store()


def test_every_method_with_a_price_is_one_of_gmails():
    document = DOCUMENT.read_text()

    assert all(f'"id": "{method}"' in document for method in UNITS)


def test_a_thousand_mails_are_listed_for_fifteen_units(
    mailbox, store, provider, google
):
    for number in range(1_000):
        mailbox.owner.append("INBOX", letter(number))
    google.clear_requests()

    cursor, told = None, set()
    while True:
        batch = provider.pull(cursor, None, Budget(mails=250))
        told |= {presence.place for presence in batch.present}
        cursor = batch.cursor
        if not batch.more:
            break

    assert len(told) == 1_000
    # profile, labels, two pages, a look: whether mail went while they were read, news
    assert google.units(mailbox.login) == 1 + 1 + 2 * 5 + 2 == provider.traffic.units
    assert provider.traffic.received < 60_000


def test_google_never_has_to_refuse(mailbox, store, google):
    """A whole import at the pace of the quota."""
    for number in range(40):
        mailbox.owner.append("INBOX", letter(number))
    google.limit(6_000)
    google.clear_requests()

    began = time.monotonic()
    with mailbox.open(units_per_minute=6_000) as provider:
        batches = store.sync(provider)
        mails = [(p.place, p.envelope) for b in batches for p in b.present]
        assert len(dict(provider.fetch(mails))) == 40
    took = time.monotonic() - began

    spent = google.units(mailbox.login)
    assert spent == provider.traffic.units == 1 + 1 + 5 + 80 * 20
    # ten seconds' worth at once, the rest as it comes
    assert (spent - 1_000) / 100 <= took < (spent - 1_000) / 100 + 15


def test_import_that_goes_on_elsewhere_does_not_begin_with_a_full_bucket(
    mailbox, store
):
    """Another process has used the account's units; its bucket is not ours."""
    for number in range(60):
        mailbox.owner.append("INBOX", letter(number))
    with mailbox.open(units_per_minute=6_000) as provider:
        store.apply(store.pull(provider, Budget(mails=5)))

    with mailbox.open(units_per_minute=6_001) as elsewhere:  # a bucket of its own
        elsewhere.pull(store.cursor, None, Budget(mails=5))
        began = time.monotonic()
        places = list(store.places)
        list(elsewhere.envelopes(places))

    assert time.monotonic() - began > 0.8


def test_waiting_for_quota_is_no_reason_to_overrun(mailbox, store):
    mailbox.owner.append("INBOX", letter(1))
    with mailbox.open(units_per_minute=6) as poor:
        began = time.monotonic()
        with pytest.raises(Throttled) as refused:
            for _ in range(5):
                store.apply(poor.pull(store.cursor, None, Budget(seconds=2)))

    assert time.monotonic() - began < 5
    assert 2 < refused.value.retry_after < 120


# --- the bucket ----------------------------------------------------------------------


def test_bucket_gives_a_burst_and_then_waits():
    bucket = Bucket(6_000)
    began = time.monotonic()

    bucket.take(1_000)
    assert time.monotonic() - began < 0.25
    bucket.take(30)

    assert 0.25 < time.monotonic() - began < 3


def test_bucket_says_how_long_it_would_take():
    bucket = Bucket(600)
    bucket.empty()

    with pytest.raises(OutOfTime) as late:
        bucket.take(100, time.monotonic() + 2)

    assert 9 < late.value.wait <= 10
    bucket.take(10, time.monotonic() + 2)  # what was not given is still there


def test_bucket_that_is_told_of_others_is_empty():
    bucket = Bucket(6_000)

    bucket.empty()

    with pytest.raises(OutOfTime):
        bucket.take(50, time.monotonic() + 0.1)


def test_connections_to_one_account_share_a_bucket():
    assert bucket_of("a@one.example", 6_000) is bucket_of("a@one.example", 6_000)
    assert bucket_of("a@one.example", 6_000) is not bucket_of("b@one.example", 6_000)


@pytest.mark.parametrize("rate", [1, 60, 600, 6_000, 10**7])
def test_no_request_asks_for_more_than_a_while_brings(rate):
    bucket = Bucket(rate)

    assert 1 <= bucket.gets <= 50
    assert bucket.gets * 20 / bucket.rate <= max(10, 20 * 60 / rate)


def test_buckets_do_not_pile_up(monkeypatch):
    monkeypatch.setattr("engine.providers.gmail_quota.MAX_BUCKETS", 5)
    from engine.providers import gmail_quota

    for number in range(50):
        bucket_of(f"{number}@many.example", 6_000)

    assert len(gmail_quota._buckets) < 20


# --- by address, or all of them? -----------------------------------------------------


def addresses(count: int) -> list[str]:
    return sorted(f"person.{n}@customer-{n % 97}.example" for n in range(count))


@pytest.mark.parametrize(
    "known, mails, by_address",
    [
        (0, 0, False),
        (0, 1, True),
        (1, 1, True),
        (1_000, 20_000, True),
        (20_000, 20_000, True),
        (20_000, 300, False),
        (100_000, 20_000, True),
        (400_000, 5_000, False),
    ],
)
def test_what_is_cheaper_to_list(known, mails, by_address):
    assert is_cheaper_by_address(addresses(known), mails) is by_address
