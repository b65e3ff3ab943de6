# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Tokens of a Microsoft mailbox: renewed in time, kept before use, refused for good."""

from __future__ import annotations

import json

import pytest
from engine.providers import consent, open_mailbox
from engine.providers.base import (
    Budget,
    LoginRequired,
    NotAllowed,
    Throttled,
    Unavailable,
)

from tests.peers.entra import OWN_REDIRECT, Entra
from tests.peers.graph import Graph
from tests.providers.letters import letter
from tests.providers.store import Store

ALICE = "alice@example.com"


@pytest.fixture(scope="module")
def peer():
    with Entra([ALICE]) as entra:
        yield entra
        assert not entra.complaints()


@pytest.fixture(scope="module")
def mail_server(peer):
    with Graph(peer.whoami) as server:
        for number in range(5):
            server.user(ALICE).append("INBOX", letter(number))
        yield server


@pytest.fixture
def entra(peer):
    yield peer
    peer.clear_faults()


@pytest.fixture
def graph(mail_server):
    mail_server.clear_requests()
    yield mail_server
    mail_server.clear_faults()


@pytest.fixture
def settings(entra, graph) -> dict:
    return {**entra.settings(), "endpoint": graph.url}


@pytest.fixture
def secret(settings, entra) -> str:
    beginning = consent.begin("microsoft", settings, OWN_REDIRECT, "s", ALICE)
    answer = entra.answer(beginning.url, ALICE)
    secret = consent.finish("microsoft", settings, beginning.flow, answer)
    entra.clear_requests()
    return secret


def aged(secret: str) -> str:
    """With an access token that is no longer good, as we know ourselves."""
    cache = json.loads(secret)
    for row in cache["AccessToken"].values():
        row["expires_on"] = "1"
    return json.dumps(cache)


def tokens(secret: str, kind: str) -> list[str]:
    return [row["secret"] for row in json.loads(secret)[kind].values()]


def pull(provider):
    return provider.pull(None, None, Budget())


# --- renewal --------------------------------------------------------------------------


def test_good_token_needs_no_question_to_entra(settings, secret, entra):
    kept = []
    with open_mailbox("microsoft", settings, secret, kept.append) as provider:
        store = Store()
        store.sync(provider, passes=2)

    assert len(store.places) == 5
    assert entra.requests() == [] and kept == []


def test_renewed_secret_is_kept_before_its_token_is_used(
    settings, secret, entra, graph
):
    before = []
    with open_mailbox(
        "microsoft",
        settings,
        aged(secret),
        lambda new: before.append((new, graph.requests())),
    ) as provider:
        pull(provider)

    ((new, asked),) = before
    assert asked == []
    assert tokens(new, "RefreshToken") != tokens(secret, "RefreshToken")
    assert entra.whoami(*tokens(new, "AccessToken")) == ALICE
    bearers = {e.headers["authorization"] for e in graph.log if not e.inner}
    assert bearers == {f"Bearer {tokens(new, 'AccessToken')[0]}"}
    assert len([r for r in entra.requests() if "token" in r]) == 1


def test_secret_that_cannot_be_kept_is_not_used(settings, secret, graph):
    def replaced(new):
        raise Unavailable("connection_lost", "somebody else was faster")

    with open_mailbox("microsoft", settings, aged(secret), replaced) as provider:
        with pytest.raises(Unavailable):
            pull(provider)

    assert graph.requests() == []


def test_secrets_chain_and_stay_small(settings, secret):
    kept = [secret]
    for _ in range(12):
        with open_mailbox(
            "microsoft", settings, aged(kept[-1]), kept.append
        ) as provider:
            assert provider.identify().email == ALICE

    assert len(kept) == 13
    assert len(set(tokens(kept[i], "RefreshToken")[0] for i in range(13))) == 13
    assert max(map(len, kept)) < len(secret) + 400
    cache = json.loads(kept[-1])
    assert "IdToken" not in cache
    assert {kind: len(rows) for kind, rows in cache.items()} == {
        **{"Account": 1, "AppMetadata": 1, "AccessToken": 1, "RefreshToken": 1}
    }


def test_token_that_is_about_to_expire_is_renewed(settings, secret, entra):
    cache = json.loads(secret)
    (row,) = cache["AccessToken"].values()
    soon = int(row["expires_on"]) - 3600 + 200
    row["expires_on"] = str(soon)
    kept = []

    with open_mailbox(
        "microsoft", settings, json.dumps(cache), kept.append
    ) as provider:
        provider.identify()

    assert len(kept) == 1


def test_token_of_another_client_is_not_used(settings, secret, entra):
    settings["client_id"] = "another"
    with open_mailbox("microsoft", settings, secret) as provider:
        with pytest.raises((LoginRequired, NotAllowed)):
            provider.identify()


# --- 401 ------------------------------------------------------------------------------


def test_token_that_graph_refuses_is_renewed_once_and_work_goes_on(
    settings, secret, entra
):
    kept, store = [], Store()
    with open_mailbox("microsoft", settings, secret, kept.append) as provider:
        store.apply(store.pull(provider, Budget(mails=2)))
        entra.expire_tokens(ALICE)  # in the midst of the import
        store.sync(provider, Budget(mails=2))

    assert len(store.places) == 5
    assert len(kept) == 1


def test_401_inside_a_batch_is_one_as_well(settings, secret, entra, graph):
    kept, store = [], Store()
    graph.fault("/me/mailFolders/sentitems", 401, "InvalidAuthenticationToken")
    with open_mailbox("microsoft", settings, secret, kept.append) as provider:
        store.sync(provider)

    assert len(store.places) == 5
    assert len(kept) == 1


@pytest.mark.parametrize("match", ["batch", "sentitems"])
def test_401_for_a_fresh_token_is_the_end(settings, secret, entra, graph, match):
    graph.fault(match, 401, "InvalidAuthenticationToken", times=None)
    kept = []
    with open_mailbox("microsoft", settings, secret, kept.append) as provider:
        with pytest.raises(LoginRequired) as refused:
            pull(provider)

    assert refused.value.code == "access_revoked"
    assert len(kept) == 1
    assert len([r for r in entra.requests() if "POST" in r]) == 1


def test_revoked_consent_is_told_as_such(settings, secret, entra):
    entra.revoke(ALICE)
    kept = []
    with open_mailbox("microsoft", settings, secret, kept.append) as provider:
        with pytest.raises(LoginRequired) as refused:
            pull(provider)

    assert refused.value.code == "access_revoked"
    assert refused.value.detail == "invalid_grant AADSTS50173"
    assert kept == []


def test_revoked_in_the_midst_of_an_attachment(settings, secret, entra, graph):
    graph.user(ALICE).append("Archive", letter("big", attachment=b"x" * 200_000))
    with open_mailbox("microsoft", settings, secret) as provider:
        store = Store()
        batches = store.sync(provider)
        place = store.place_of("<big@letters.example>")
        mails = [(p.place, p.envelope) for b in batches for p in b.present]
        envelope = dict(provider.facts([m for m in mails if m[0] == place]))[place]
        part = envelope.parts[-1].ref
        entra.expire_tokens(ALICE)
        assert b"".join(provider.attachment(place, part)) == b"x" * 200_000
        entra.revoke(ALICE)
        with pytest.raises(LoginRequired):
            list(provider.attachment(place, part))


# --- refusals of the renewal ----------------------------------------------------------


@pytest.mark.parametrize(
    "fault, kind, code",
    [
        ({"reason": "interaction_required"}, LoginRequired, "sign_in_again"),
        ({"reason": "consent_required"}, LoginRequired, "sign_in_again"),
        ({"reason": "invalid_grant"}, LoginRequired, "access_revoked"),
        (
            {"reason": "invalid_grant", "suberror": "basic_action"},
            LoginRequired,
            "sign_in_again",
        ),
        (
            {"reason": "invalid_grant", "suberror": "bad_token"},
            LoginRequired,
            "access_revoked",
        ),
        ({"reason": "temporarily_unavailable"}, Unavailable, "server_error"),
        ({"status": 500, "body": "<html>no</html>"}, Unavailable, "server_error"),
        ({"reason": "throttled", "retry_after": 123}, Throttled, "throttled"),
        ({"status": 200, "body": '{"access_tok'}, Unavailable, "garbage"),
        ({"close": True}, Unavailable, "connection_lost"),
    ],
)
def test_renewal_that_fails(settings, secret, entra, graph, fault, kind, code):
    entra.fault("POST .*/token", **fault)
    kept = []
    with open_mailbox("microsoft", settings, aged(secret), kept.append) as provider:
        with pytest.raises(kind) as failed:
            pull(provider)

    assert failed.value.code == code
    assert kept == [] and graph.requests() == []
    if kind is Throttled:
        assert failed.value.retry_after == 123


@pytest.mark.parametrize(
    "number, kind, code",
    [
        (53003, NotAllowed, "blocked_by_company"),
        (50105, NotAllowed, "blocked_by_company"),
        (7000112, NotAllowed, "blocked_by_company"),
        (90094, NotAllowed, "blocked_by_company"),
        (53000, LoginRequired, "sign_in_again"),
        (70043, LoginRequired, "sign_in_again"),
        (65001, LoginRequired, "sign_in_again"),
        (50173, LoginRequired, "access_revoked"),
        (700082, LoginRequired, "access_revoked"),
        (7000222, NotAllowed, "client_refused"),
    ],
)
def test_numbers_of_a_refused_renewal(settings, secret, entra, number, kind, code):
    told = {"error": "invalid_grant", "error_description": f"AADSTS{number}: No."}
    entra.fault("POST .*/token", 400, body=json.dumps(told))
    with open_mailbox("microsoft", settings, aged(secret)) as provider:
        with pytest.raises(kind) as refused:
            provider.identify()

    assert refused.value.code == code


def test_client_secret_that_was_changed(settings, secret):
    settings["client_secret"] = "the new one"
    with open_mailbox("microsoft", settings, aged(secret)) as provider:
        with pytest.raises(NotAllowed) as refused:
            provider.identify()

    assert refused.value.code == "client_refused"


@pytest.mark.parametrize("broken", ["", "no json", "[]", "{}", '{"Account": {}}'])
def test_secret_that_is_none(settings, broken):
    with pytest.raises(LoginRequired) as refused:
        with open_mailbox("microsoft", settings, broken) as provider:
            provider.identify()

    assert refused.value.code == "access_revoked"


def test_secret_is_in_no_representation(settings, secret):
    with open_mailbox("microsoft", settings, secret) as provider:
        shown = repr(provider) + repr(vars(provider)) + str(provider)

    for each in (*tokens(secret, "AccessToken"), settings["client_secret"]):
        assert each not in shown
