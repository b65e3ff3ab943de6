# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What both mailboxes linked by OAuth have to do: tokens, requests, failures of HTTP.

The same tests for Gmail and Microsoft Graph, with secrets that were granted through the
real sign-in of each peer.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from engine.providers import consent, gmail_quota
from engine.providers.base import (
    Budget,
    LoginRequired,
    Lookup,
    ProviderError,
    Query,
    Throttled,
    Unavailable,
)

from tests.peers.entra import OWN_REDIRECT, Entra
from tests.peers.graph import Graph
from tests.providers.conftest import Mailbox
from tests.providers.gmail_mailbox import gmail_mailbox
from tests.providers.letters import letter
from tests.providers.microsoft import graph_mailbox
from tests.providers.store import Store


@dataclass
class Granted:
    """A mailbox, and who signs in to it.

    :param authority: the peer that gives tokens
    :param api: what its requests for mail begin with, in ``server.requests()``
    """

    mailbox: Mailbox
    authority: object
    api: str

    def mail_requests(self) -> list[str]:
        return [line for line in self.mailbox.server.requests() if self.api in line]

    def token_requests(self) -> list[str]:
        return [line for line in self.authority.requests() if "/token" in line]

    def forget_requests(self) -> None:
        self.mailbox.server.clear_requests()
        self.authority.clear_requests()

    def expire(self) -> None:
        """The access token is known to be too old, and is."""
        told = json.loads(self.mailbox.secret)
        if "expires_at" in told:
            told["expires_at"] = 1
        for entry in told.get("AccessToken", {}).values():
            entry["expires_on"] = "1"
        self.mailbox.secret = json.dumps(told)
        self.authority.expire_tokens(self.mailbox.login)


def sign_in(authority, kind: str, settings: dict, login: str) -> str:
    """A secret, through the sign-in page."""
    beginning = consent.begin(kind, settings, OWN_REDIRECT, "state", login)
    brought = authority.answer(beginning.url, login)
    return consent.finish(kind, settings, beginning.flow, brought)


@pytest.fixture(scope="module")
def entra() -> Iterator[Entra]:
    with Entra([]) as server:
        yield server
        assert not server.complaints()


@pytest.fixture(scope="module")
def graph(entra) -> Iterator[Graph]:
    with Graph(entra.whoami) as server:
        yield server


@pytest.fixture(params=["gmail", "microsoft"])
def granted(request, new_login) -> Iterator[Granted]:
    if request.param == "gmail":
        google = request.getfixturevalue("google")
        with gmail_mailbox(google, new_login) as mailbox:
            granted = Granted(mailbox, google, "/gmail/v1/")
            mailbox.secret = sign_in(google, "gmail", mailbox.settings, new_login)
            yield granted
            google.clear_faults()
        return
    graph, entra = (request.getfixturevalue(name) for name in ("graph", "entra"))
    entra.add_user(new_login)
    with graph.user(new_login) as owner:
        mailbox = graph_mailbox(graph, new_login, owner)
        mailbox.settings = {**entra.settings(new_login), "endpoint": graph.url}
        mailbox.secret = sign_in(entra, "microsoft", mailbox.settings, new_login)
        yield Granted(mailbox, entra, "/v1.0/")
        graph.clear_faults()
        entra.clear_faults()


@pytest.fixture
def mailbox(granted) -> Mailbox:
    for name in ("Archive", "Trash"):
        if name not in granted.mailbox.owner.folders():
            granted.mailbox.owner.create(name)
    return granted.mailbox


@pytest.fixture
def store() -> Store:
    return Store()


def assert_equal(store, mailbox):
    assert store.truth == mailbox.owner.truth(ignore=("Drafts", "Trash", "Junk"))
    assert store.copies == set(store.places.values())


def fill(mailbox, count: int = 12) -> list[str]:
    return [mailbox.owner.append("INBOX", letter(number)) for number in range(count)]


# --- tokens ---------------------------------------------------------------------------


def test_idle_pass_asks_for_no_token(granted, mailbox, store):
    with mailbox.open() as provider:
        store.sync(provider)
    granted.forget_requests()

    with mailbox.open() as provider:
        store.sync(provider)

    assert granted.mail_requests()
    assert granted.token_requests() == []


def test_renewed_secret_is_kept_before_it_is_used(granted, mailbox, store):
    fill(mailbox)
    granted.expire()
    granted.forget_requests()
    kept = []

    def keep(secret):
        kept.append((secret, len(granted.mail_requests())))

    with mailbox.open(keep=keep) as provider:
        store.sync(provider)

    assert_equal(store, mailbox)
    ((secret, requests_before),) = kept
    assert requests_before == 0
    assert len(granted.token_requests()) == 1
    granted.forget_requests()
    with mailbox.open(secret=secret) as provider:
        provider.identify()
    assert granted.token_requests() == []


def test_secret_that_somebody_else_replaced_is_not_used(granted, mailbox, store):
    fill(mailbox)
    granted.expire()
    granted.forget_requests()

    def keep(secret):
        raise Unavailable("server_error", "another worker was first")

    with pytest.raises(Unavailable) as caught:
        with mailbox.open(keep=keep) as provider:
            store.sync(provider)

    assert caught.value.detail == "another worker was first"
    assert granted.mail_requests() == []


def test_token_that_dies_early_is_renewed_in_mid_import(granted, mailbox, store):
    fill(mailbox)
    kept = []
    with mailbox.open(keep=kept.append) as provider:
        store.apply(store.pull(provider, Budget(mails=4)))
        granted.authority.expire_tokens(mailbox.login)  # long before its time

        store.sync(provider, Budget(mails=4))

    assert_equal(store, mailbox)
    assert len(kept) == 1


def test_token_refused_for_good_is_no_endless_loop(granted, mailbox, store):
    fill(mailbox)
    mailbox.server.fault("/messages|/mailFolders|/batch", 401, times=10_000)
    granted.forget_requests()

    with pytest.raises(LoginRequired):
        with mailbox.open() as provider:
            store.sync(provider)

    assert len(granted.token_requests()) < 5


def test_withdrawn_consent_asks_for_a_new_one(granted, mailbox, store):
    fill(mailbox)
    with mailbox.open() as provider:
        store.apply(store.pull(provider, Budget(mails=4)))
        granted.authority.revoke(mailbox.login)

        with pytest.raises(LoginRequired) as caught:
            store.sync(provider)
    assert caught.value.code in LoginRequired.codes
    with pytest.raises(LoginRequired), mailbox.open() as provider:
        provider.identify()

    mailbox.secret = sign_in(
        granted.authority, mailbox.kind, mailbox.settings, mailbox.login
    )
    with mailbox.open() as provider:
        store.sync(provider)
    assert_equal(store, mailbox)


@pytest.mark.parametrize("secret", ["", "{}", "[]", "null", '"text"', "{", "\0", "1"])
def test_unreadable_secret_asks_to_sign_in(granted, mailbox, secret):
    with pytest.raises(LoginRequired), mailbox.open(secret=secret) as provider:
        provider.identify()


def test_authority_that_fails_is_no_end_of_consent(granted, mailbox, store):
    fill(mailbox)
    secret = mailbox.secret
    for trouble in (
        {"status": 503},
        {"close": True},
        {"body": "<html>", "status": 200},
    ):
        mailbox.secret = secret
        granted.expire()
        granted.authority.clear_faults()
        granted.authority.fault("POST .*/token", times=20, **trouble)

        with pytest.raises((Unavailable, Throttled)):
            with mailbox.open() as provider:
                store.sync(provider)

    granted.authority.clear_faults()
    with mailbox.open() as provider:
        store.sync(provider)
    assert_equal(store, mailbox)


# --- requests -------------------------------------------------------------------------


def use_all(mailbox, store) -> None:
    with mailbox.open() as provider:
        batches = store.sync(provider, Budget(mails=5), passes=2)
        mails = [(p.place, p.envelope) for b in batches for p in b.present]
        mails = list(provider.facts(mails))
        list(provider.fetch(mails))
        list(provider.envelopes([place for place, _envelope in mails]))
        list(provider.attachment(mails[0][0], mails[0][1].parts[-1].ref))
        provider.confirm([Lookup(place) for place, _envelope in mails])
        list(provider.search(Query(("ann@customer.example",), subject_words=("a b",))))
        provider.audit(refs=True)
        provider.identify()


def test_nothing_is_said_but_what_reads(granted, mailbox, store):
    for number in range(6):
        mailbox.owner.append("INBOX", letter(number, attachment=b"x" * 50))
    granted.forget_requests()

    use_all(mailbox, store)

    for line in mailbox.server.requests():
        assert re.match(r"GET |POST /\S*\$?batch", line), line


def test_nothing_secret_and_nothing_of_a_mail_in_the_log(
    granted, mailbox, store, caplog
):
    caplog.set_level(logging.DEBUG)
    for number in range(6):
        mailbox.owner.append(
            "INBOX", letter(number, "confidential", attachment=b"x" * 50)
        )
    granted.expire()

    use_all(mailbox, store)
    mailbox.server.fault("messages", 500, times=10_000)
    with pytest.raises(ProviderError) as caught, mailbox.open() as provider:
        store.sync(provider)
    shown = caplog.text + repr(caught.value) + repr(provider) + repr(vars(provider))

    secrets = re.findall(r'"(?:secret|\w+_token)": ?"([^"]{8,})"', mailbox.secret)
    assert len(secrets) >= 2
    hidden = [*secrets, mailbox.settings["client_secret"], "confidential", "letter "]
    hidden += ["ann@customer.example", "ann%40customer", "letters.example"]
    for each in hidden:
        assert each not in shown


# --- failures of HTTP -----------------------------------------------------------------

TROUBLES = {
    "server error": {"status": 500},
    "too busy": {"status": 503},
    "too many": {"status": 429, "retry_after": 1},
    "half an answer": {"status": 200, "body": '{"value": [{"id": "A'},
    "a page for people": {"status": 200, "body": "<html>sign in to this Wi-Fi</html>"},
    "another shape": {"status": 200, "body": '{"value": 7, "messages": "x"}'},
    "null": {"status": 200, "body": "null"},
    "hung up": {"close": True},
    "odd status": {"status": 418},
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_with_any_request_leaves_the_cursor(granted, mailbox, tap, trouble):
    """The nth request of an import fails once, then of a pass with changes."""
    refs = fill(mailbox, 12)
    failed = 0
    for nth in range(6):
        store = Store()
        failed += fail_once(mailbox, store, tap, nth, TROUBLES[trouble])
        with mailbox.open() as provider:
            store.sync(provider, Budget(mails=3))
        assert_equal(store, mailbox)

        mailbox.owner.expunge("INBOX", refs.pop())
        mailbox.owner.move("INBOX", refs.pop(), "Trash")
        mailbox.owner.append("INBOX", letter(f"new-{nth}"))
        failed += fail_once(mailbox, store, tap, nth % 4, TROUBLES[trouble])
        with mailbox.open() as provider:
            store.sync(provider, Budget(mails=3), passes=2)
        assert_equal(store, mailbox)
        assert len(store.deleted) == 2
    assert failed >= 8


def fail_once(mailbox, store, tap, nth: int, trouble: dict) -> bool:
    """:return: there were as many requests"""
    asked = []

    def before_each():
        asked.append(1)
        if len(asked) == nth + 1:
            mailbox.server.fault(".", times=1, **trouble)

    tap.before_each = before_each
    try:
        with mailbox.open(tap) as provider:
            store.sync(provider, Budget(mails=3, seconds=(5, 0.5)[nth % 2]))
    except Throttled as throttled:
        assert throttled.retry_after > 0
    except Unavailable:
        pass
    finally:
        tap.before_each = None
        mailbox.server.clear_faults()
    return len(asked) > nth


def test_throttled_for_an_hour_waits_elsewhere(granted, mailbox, store):
    fill(mailbox)
    for status in (429, 503):
        mailbox.server.clear_faults()
        mailbox.server.fault(granted.api, status, times=10_000, retry_after=3_600)
        begun = time.monotonic()

        with pytest.raises((Throttled, Unavailable)) as caught:
            with mailbox.open() as provider:
                store.sync(provider, Budget(seconds=3))

        assert time.monotonic() - begun < 10
        if status == 429:
            assert caught.value.retry_after >= 3_600
        gmail_quota._buckets.clear()  # an hour passes
    mailbox.server.clear_faults()
    with mailbox.open() as provider:
        store.sync(provider)
    assert_equal(store, mailbox)


def test_one_mail_that_cannot_be_had_holds_up_no_other(granted, mailbox, store):
    refs = fill(mailbox, 5)
    with mailbox.open() as provider:
        batches = store.sync(provider)
        mails = list(
            provider.facts([(p.place, p.envelope) for b in batches for p in b.present])
        )
        mailbox.server.fault(re.escape(refs[2]), 404, times=10_000)

        answers = dict(provider.fetch(mails))

    assert len(answers) == 5
    failed = {place.ref for place, a in answers.items() if isinstance(a, ProviderError)}
    assert failed == {refs[2]}
