# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How an owner lets us read a mailbox at Microsoft: MSAL against the Entra of tests."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from urllib.parse import parse_qs, urlsplit

import pytest
from engine.providers import consent, open_mailbox
from engine.providers.base import LoginRequired, NotAllowed, Throttled, Unavailable
from engine.providers.consent import ConsentRefused
from engine.providers.silence import silence

from tests.peers.entra import OWN_REDIRECT, Entra
from tests.peers.graph import Graph

WORK, PRIVATE = "alice@example.com", "carol@outlook.com"


@pytest.fixture(scope="module")
def peer():
    with Entra([WORK, PRIVATE]) as entra:
        yield entra
        assert not entra.complaints()


@pytest.fixture
def entra(peer):
    peer.clear_faults()
    peer.clear_requests()
    return peer


@pytest.fixture(scope="module")
def graph(peer):
    with Graph(peer.whoami) as server:
        yield server


@pytest.fixture
def settings(entra, graph) -> dict:
    return {**entra.settings(), "endpoint": graph.url}


def begin(settings, state="state-1", hint=WORK):
    return consent.begin("microsoft", settings, OWN_REDIRECT, state, hint)


def finish(settings, flow, answer) -> str:
    return consent.finish("microsoft", settings, flow, answer)


# --- the way that is meant ------------------------------------------------------------


def test_browser_is_sent_with_pkce_our_state_and_a_choice_of_accounts(settings):
    beginning = begin(settings)

    asked = {k: v[0] for k, v in parse_qs(urlsplit(beginning.url).query).items()}
    verifier = beginning.flow["code_verifier"]
    digest = hashlib.sha256(verifier.encode()).digest()
    assert asked["code_challenge_method"] == "S256"
    assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).decode()[:43]
    assert asked["state"] == "state-1"
    assert asked["prompt"] == "select_account"
    assert asked["login_hint"] == WORK
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == OWN_REDIRECT
    endpoint = settings["endpoint"]
    assert set(asked["scope"].split()) == {
        *("openid", "profile", "offline_access"),
        *(f"{endpoint}/Mail.Read", f"{endpoint}/User.Read"),
    }
    assert verifier not in beginning.url
    assert json.loads(json.dumps(beginning.flow)) == beginning.flow


@pytest.mark.parametrize("email", [WORK, PRIVATE])
def test_consent_opens_the_mailbox_of_who_consented(settings, entra, graph, email):
    graph.account(email, personal=email == PRIVATE)
    graph.user(email).append("INBOX", b"Subject: hello\r\n\r\nhello\r\n")
    beginning = begin(settings, hint=email)

    secret = finish(settings, beginning.flow, entra.answer(beginning.url, email))

    with open_mailbox("microsoft", settings, secret) as provider:
        identity = provider.identify()
        (folder,) = (f for f in provider.audit() if f.folder.role == "inbox")
    assert identity.email == email
    oid, _dot, tenant = identity.account_id.partition(".")
    assert len(oid) == len(tenant) == 36
    assert folder.messages == 1


def test_flow_survives_as_json(settings, entra):
    beginning = begin(settings)
    flow = json.loads(json.dumps(beginning.flow))

    assert finish(settings, flow, entra.answer(beginning.url, WORK))


def test_secret_is_small_and_holds_no_more_than_it_must(settings, entra):
    beginning = begin(settings)

    secret = finish(settings, beginning.flow, entra.answer(beginning.url, WORK))

    kept = json.loads(secret)
    assert sorted(kept) == ["AccessToken", "Account", "AppMetadata", "RefreshToken"]
    assert {len(rows) for rows in kept.values()} == {1}
    assert entra.client_secret not in secret
    assert len(secret) < 3_000


@pytest.mark.parametrize("tenant", ["organizations", "consumers"])
def test_authority_says_whose_accounts_are_welcome(settings, entra, tenant):
    settings["authority"] = f"{entra.url}/{tenant}"
    email = WORK if tenant == "organizations" else PRIVATE

    beginning = begin(settings, hint=email)

    assert f"/{tenant}/" in beginning.url
    assert finish(settings, beginning.flow, entra.answer(beginning.url, email))


def test_there_is_no_way_to_give_a_consent_back(settings):
    assert consent.revoke("microsoft", settings, "{}") is False


# --- refusals -------------------------------------------------------------------------


def test_cancel_is_a_denial(settings, entra):
    beginning = begin(settings)
    answer = entra.answer(beginning.url, WORK, cancel=True)

    with pytest.raises(ConsentRefused) as refused:
        finish(settings, beginning.flow, answer)

    assert refused.value.code == "consent_denied"
    assert refused.value.detail == "access_denied AADSTS65004"


@pytest.mark.parametrize("state", ["another", "", None])
def test_answer_to_another_beginning_is_refused_unasked(settings, entra, state):
    beginning = begin(settings)
    answer = {**entra.answer(beginning.url, WORK), "state": state}
    entra.clear_requests()

    with pytest.raises(ConsentRefused) as refused:
        finish(settings, beginning.flow, {k: v for k, v in answer.items() if v})

    assert refused.value.code == "state_mismatch"
    assert entra.requests() == []


def test_code_of_another_beginning_with_our_state_is_refused(settings, entra):
    mine, other = begin(settings), begin(settings)
    answer = entra.answer(other.url, WORK)

    with pytest.raises(ConsentRefused) as refused:
        finish(settings, mine.flow, answer)

    assert refused.value.code == "consent_expired"  # PKCE


def test_nonce_of_another_beginning_is_refused(settings, entra):
    mine = begin(settings)
    answer = entra.answer(mine.url, WORK)
    mine.flow["nonce"] = begin(settings).flow["nonce"]

    with pytest.raises(ConsentRefused) as refused:
        finish(settings, mine.flow, answer)

    assert refused.value.code == "state_mismatch"


def test_code_is_good_for_one_time(settings, entra):
    beginning = begin(settings)
    answer = entra.answer(beginning.url, WORK)
    finish(settings, beginning.flow, answer)

    with pytest.raises(ConsentRefused) as refused:
        finish(settings, beginning.flow, answer)

    assert refused.value.code == "consent_expired"
    assert "54005" in refused.value.detail


def test_answer_without_code_or_error(settings):
    with pytest.raises(ConsentRefused):
        finish(settings, begin(settings).flow, {"state": "state-1"})


@pytest.mark.parametrize("changed", ["client_secret", "client_id"])
def test_wrong_client_is_told_as_such(settings, entra, changed):
    beginning = begin(settings)
    answer = entra.answer(beginning.url, WORK)
    settings[changed] = "wrong"

    with pytest.raises(NotAllowed) as refused:
        finish(settings, beginning.flow, answer)

    assert refused.value.code == "client_refused"
    assert "wrong" not in str(refused.value)


@pytest.mark.parametrize(
    "error, number, kind, code",
    [
        ("access_denied", 65004, ConsentRefused, "consent_denied"),
        ("access_denied", 90094, NotAllowed, "blocked_by_company"),
        ("consent_required", 65001, NotAllowed, "blocked_by_company"),
        ("access_denied", 50105, NotAllowed, "blocked_by_company"),
        ("access_denied", 53003, NotAllowed, "blocked_by_company"),
        ("interaction_required", 50076, LoginRequired, "sign_in_again"),
        ("invalid_request", 50011, NotAllowed, "redirect_refused"),
        ("unauthorized_client", 700016, NotAllowed, "client_refused"),
        ("invalid_client", 7000215, NotAllowed, "client_refused"),
        ("server_error", 0, Unavailable, "server_error"),
        ("temporarily_unavailable", 0, Unavailable, "server_error"),
        ("a new error", 0, ConsentRefused, "sign_in_failed"),
        ("invalid_request", 900144, ConsentRefused, "sign_in_failed"),
        ("invalid_grant", 50057, ConsentRefused, "sign_in_failed"),
        ("invalid_grant", 50020, ConsentRefused, "wrong_account_kind"),
        ("invalid_resource", 650057, NotAllowed, "permissions_missing"),
    ],
)
def test_errors_that_the_browser_brings(settings, error, number, kind, code):
    beginning = begin(settings)
    text = f"AADSTS{number}: alice@example.com may not." if number else "No."
    answer = {"state": "state-1", "error": error, "error_description": text}

    with pytest.raises(kind) as refused:
        finish(settings, beginning.flow, answer)

    assert refused.value.code == code
    assert "alice" not in str(refused.value)


@pytest.mark.parametrize(
    "error, number, kind, code",
    [
        ("invalid_grant", 70008, ConsentRefused, "consent_expired"),
        ("invalid_grant", 65001, NotAllowed, "blocked_by_company"),
        ("invalid_grant", 53003, NotAllowed, "blocked_by_company"),
        ("invalid_grant", 50105, NotAllowed, "blocked_by_company"),
        ("invalid_grant", 50076, LoginRequired, "sign_in_again"),
        ("invalid_client", 7000222, NotAllowed, "client_refused"),
    ],
)
def test_errors_at_the_token_endpoint(settings, entra, error, number, kind, code):
    beginning = begin(settings)
    answer = entra.answer(beginning.url, WORK)
    told = {"error": error, "error_codes": [number], "error_description": "No."}
    entra.fault("POST .*/token", 400, body=json.dumps(told))

    with pytest.raises(kind) as refused:
        finish(settings, beginning.flow, answer)

    assert refused.value.code == code


def test_consent_without_reading_mail_is_none(settings, entra):
    beginning = begin(settings)
    answer = entra.answer(beginning.url, WORK)
    told = _granted(
        beginning.flow, "openid profile https://graph.microsoft.com/User.Read"
    )
    entra.fault("POST .*/token", body=json.dumps(told))

    with pytest.raises(LoginRequired) as refused:
        finish(settings, beginning.flow, answer)

    assert refused.value.code == "consent_missing"


@pytest.mark.parametrize("scope", ["Mail.Read openid", "mail.read", None])
def test_scope_may_be_told_in_short_or_not_at_all(settings, entra, scope):
    beginning = begin(settings)
    answer = entra.answer(beginning.url, WORK)
    told = _granted(beginning.flow, scope)
    entra.fault("POST .*/token", body=json.dumps(told))

    assert finish(settings, beginning.flow, answer)


def test_consent_without_a_refresh_token_is_none(settings, entra):
    beginning = begin(settings)
    answer = entra.answer(beginning.url, WORK)
    told = _granted(beginning.flow, "Mail.Read")
    del told["refresh_token"]
    entra.fault("POST .*/token", body=json.dumps(told))

    with pytest.raises(LoginRequired) as refused:
        finish(settings, beginning.flow, answer)

    assert refused.value.code == "consent_missing"


def _granted(flow: dict, scope: str | None) -> dict:
    nonce = hashlib.sha256(flow["nonce"].encode()).hexdigest()
    claims = {"sub": "s", "aud": "a", "iss": "i", "exp": 2e9, "nonce": nonce}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    told = {
        **{"token_type": "Bearer", "access_token": "at", "refresh_token": "rt"},
        **{"expires_in": 3599, "id_token": f"e30.{body}.e30"},
    }
    return told if scope is None else {**told, "scope": scope}


# --- the test button ------------------------------------------------------------------


def test_client_that_is_known_passes_the_test(settings):
    consent.test("microsoft", settings, OWN_REDIRECT)


@pytest.mark.parametrize("changed", ["client_secret", "client_id"])
def test_client_that_is_not_known_fails_it(settings, changed):
    settings[changed] = "wrong"

    with pytest.raises(NotAllowed) as refused:
        consent.test("microsoft", settings, OWN_REDIRECT)

    assert refused.value.code == "client_refused"


def test_empty_client_secret_fails_it(settings):
    settings["client_secret"] = ""

    with pytest.raises(NotAllowed) as refused:
        consent.test("microsoft", settings, OWN_REDIRECT)

    assert refused.value.code == "client_refused"


@pytest.mark.parametrize(
    "authority", ["{url}/no-such-tenant", "{url}", "http://localhost/common", "common"]
)
def test_authority_that_is_none_fails_it(settings, entra, authority):
    settings["authority"] = authority.format(url=entra.url)

    with pytest.raises(NotAllowed) as refused:
        consent.test("microsoft", settings, OWN_REDIRECT)

    assert refused.value.code == "client_refused"


def test_redirect_that_is_refused_there_is_told(settings, entra):
    told = {"error": "invalid_request", "error_codes": [50011]}
    entra.fault("POST .*/token", 400, body=json.dumps(told))

    with pytest.raises(NotAllowed) as refused:
        consent.test("microsoft", settings, OWN_REDIRECT)

    assert refused.value.code == "redirect_refused"


# --- the network ----------------------------------------------------------------------


def test_nobody_answers(settings):
    settings["authority"] = "https://localhost:9/common"

    with pytest.raises(Unavailable) as failed:
        begin(settings)

    assert failed.value.code == "port_closed"


def test_certificate_of_an_authority_that_nobody_trusts(settings):
    settings["ca_file"] = ""

    with pytest.raises(Unavailable) as failed:
        begin(settings)

    assert failed.value.code == "certificate_untrusted"


def test_unreadable_file_of_authorities(settings, tmp_path):
    (tmp_path / "ca.pem").write_text("nothing of the kind")
    for path in ("ca.pem", "none.pem"):
        with pytest.raises(Unavailable) as failed:
            begin({**settings, "ca_file": str(tmp_path / path)})
        assert failed.value.code == "certificate_untrusted"


@pytest.mark.parametrize("line", ["GET .*openid-configuration", "POST .*/token"])
@pytest.mark.parametrize(
    "fault, kind, code",
    [
        ({"status": 429, "reason": "throttled", "retry_after": 77}, Throttled, None),
        ({"reason": "temporarily_unavailable"}, Unavailable, "server_error"),
        ({"status": 500, "body": "<html>"}, Unavailable, "server_error"),
        ({"status": 200, "body": '{"access_token": "to'}, Unavailable, "garbage"),
        ({"status": 200, "body": "[1, 2]"}, Unavailable, "garbage"),
        ({"status": 200, "body": "{}"}, Unavailable, None),
        ({"close": True, "times": 2}, Unavailable, "connection_lost"),
    ],
)
def test_sign_in_that_is_out_of_order(settings, entra, line, fault, kind, code):
    beginning = begin(settings)
    answer = entra.answer(beginning.url, WORK)
    entra.fault(line, **{"times": 1, **fault})

    with pytest.raises(kind) as failed:
        finish(settings, beginning.flow, answer)

    assert code is None or failed.value.code == code
    if kind is Throttled:
        assert failed.value.retry_after == 77


# --- discretion -----------------------------------------------------------------------


def test_nothing_secret_is_logged_at_any_level(settings, entra, graph, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger().debug("the log listens")
    beginning = begin(settings)
    with silence():  # the browser's own requests
        answer = entra.answer(beginning.url, WORK)
    secret = finish(settings, beginning.flow, answer)
    entra.expire_tokens(WORK)
    renewed = []
    with open_mailbox("microsoft", settings, secret, renewed.append) as provider:
        provider.identify()
        provider.folders()
    entra.fault("POST .*/token", body='{"access_token": "cut-off-token"', times=2)
    with pytest.raises(Unavailable):
        finish(settings, beginning.flow, answer)

    said = caplog.text + repr(caplog.records)
    assert "the log listens" in said
    known = [beginning.flow["code_verifier"], beginning.flow["nonce"], answer["code"]]
    known += [settings["client_secret"], "cut-off-token", "state-1"]
    for kept in (secret, *renewed):
        cache = json.loads(kept)
        for kind in ("AccessToken", "RefreshToken"):
            known += [row["secret"] for row in cache[kind].values()]
    assert len(known) >= 10
    for each in known:
        assert each not in said
