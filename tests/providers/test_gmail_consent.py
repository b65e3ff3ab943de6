# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The owner of a Gmail mailbox lets us read it, or does not."""

import json
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from engine.providers import consent, open_mailbox
from engine.providers.base import LoginRequired, NotAllowed, Throttled, Unavailable
from engine.providers.consent import ConsentRefused

from tests.peers.mail_user import PeerError

CALLBACK = "http://localhost:8069/crm_mail_mirror/google"
READONLY = "https://www.googleapis.com/auth/gmail.readonly"


@pytest.fixture
def login(google, new_login):
    google.add_user(new_login)
    google.add_redirect(CALLBACK)
    google.clear_faults()
    return new_login


@pytest.fixture
def settings(google, login):
    return google.settings(login)


def begun(settings, login):
    return consent.begin("gmail", settings, CALLBACK, "the-state", login)


def test_consent_is_asked_for_reading_only_and_for_good(settings, login):
    beginning = begun(settings, login)

    asked = {
        key: one for key, (one,) in parse_qs(urlsplit(beginning.url).query).items()
    }
    assert asked.pop("scope").split() == [READONLY, "openid", "email"]
    assert len(asked.pop("code_challenge")) == 43
    assert asked == {
        "client_id": settings["client_id"],
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "state": "the-state",
        "access_type": "offline",
        "prompt": "consent",
        "login_hint": login,
        "code_challenge_method": "S256",
    }
    assert json.loads(json.dumps(beginning.flow)) == beginning.flow
    assert beginning.flow["verifier"] not in beginning.url


def test_consent_opens_the_mailbox(google, settings, login):
    beginning = begun(settings, login)
    answer = google.answer(beginning.url, login)

    secret = consent.finish("gmail", settings, beginning.flow, answer)

    told = json.loads(secret)
    assert told["refresh_token"] and told["access_token"]
    assert 3_000 < told["expires_at"] - time.time() < 3_700
    assert READONLY in told["scope"]
    with open_mailbox("gmail", settings, secret) as provider:
        identity = provider.identify()
    assert identity.email == login
    assert identity.account_id == told["sub"] and identity.account_id.isdigit()


def test_consent_given_again_gives_a_refresh_token_again(google, settings, login):
    for _ in range(2):
        beginning = begun(settings, login)
        answer = google.answer(beginning.url, login)
        assert consent.finish("gmail", settings, beginning.flow, answer)


def test_cancel_is_no_consent(google, settings, login):
    beginning = begun(settings, login)
    answer = google.answer(beginning.url, login, cancel=True)

    with pytest.raises(ConsentRefused) as refused:
        consent.finish("gmail", settings, beginning.flow, answer)

    assert refused.value.code == "consent_denied"


def test_unticked_box_is_noticed(google, settings, login):
    beginning = begun(settings, login)
    answer = google.answer(beginning.url, login, without=[READONLY])

    with pytest.raises(LoginRequired) as refused:
        consent.finish("gmail", settings, beginning.flow, answer)

    assert refused.value.code == "consent_missing"


def test_code_is_good_once(google, settings, login):
    beginning = begun(settings, login)
    answer = google.answer(beginning.url, login)
    consent.finish("gmail", settings, beginning.flow, answer)

    with pytest.raises(ConsentRefused) as refused:
        consent.finish("gmail", settings, beginning.flow, answer)

    assert refused.value.code == "consent_expired"


def test_code_of_another_browser_is_worth_nothing(google, settings, login):
    """PKCE: who has the code, but not what this server kept, gets no token."""
    mine, other = begun(settings, login), begun(settings, login)
    answer = google.answer(other.url, login)

    with pytest.raises(ConsentRefused) as refused:
        consent.finish("gmail", settings, mine.flow, answer)

    assert refused.value.code == "consent_expired"


@pytest.mark.parametrize("state", ["another", "", None])
def test_answer_with_another_state_is_refused(google, settings, login, state):
    beginning = begun(settings, login)
    answer = dict(google.answer(beginning.url, login))
    answer.pop("state")
    if state is not None:
        answer["state"] = state

    with pytest.raises(ConsentRefused) as refused:
        consent.finish("gmail", settings, beginning.flow, answer)

    assert refused.value.code == "state_mismatch"


@pytest.mark.parametrize(
    "error, kind, code",
    [
        ("access_denied", ConsentRefused, "consent_denied"),
        ("admin_policy_enforced", NotAllowed, "blocked_by_company"),
        ("org_internal", NotAllowed, "blocked_by_company"),
        ("redirect_uri_mismatch", NotAllowed, "redirect_refused"),
        ("invalid_client", NotAllowed, "client_refused"),
        ("temporarily_unavailable", Unavailable, "server_error"),
        ("something <b>new</b>", ConsentRefused, "consent_denied"),
        ("", ConsentRefused, "consent_expired"),
    ],
)
def test_errors_that_the_browser_brings_back(settings, login, error, kind, code):
    beginning = begun(settings, login)

    with pytest.raises(kind) as refused:
        consent.finish(
            "gmail", settings, beginning.flow, {"state": "the-state", "error": error}
        )

    assert refused.value.code == code
    assert "<" not in str(refused.value)


@pytest.mark.parametrize(
    "status, body, kind, code",
    [
        (400, '{"error": "invalid_grant"}', ConsentRefused, "consent_expired"),
        (401, '{"error": "invalid_client"}', NotAllowed, "client_refused"),
        (400, '{"error": "redirect_uri_mismatch"}', NotAllowed, "redirect_refused"),
        (400, '{"error": "admin_policy_enforced"}', NotAllowed, "blocked_by_company"),
        (400, '{"error": {"odd": 1}}', Unavailable, "garbage"),
        (200, '{"access_token": "x", "sc', Unavailable, "garbage"),
        (200, "[]", Unavailable, "garbage"),
        (200, "<html>sign in to this network</html>", Unavailable, "garbage"),
        (200, '{"access_token": "x"}', LoginRequired, "consent_missing"),
        (500, "oops", Unavailable, "server_error"),
        (429, "", Throttled, "throttled"),
    ],
)
def test_answers_of_the_token_endpoint(
    google, settings, login, status, body, kind, code
):
    beginning = begun(settings, login)
    answer = google.answer(beginning.url, login)
    google.fault("^POST /oauth2/token", status, body=body)

    with pytest.raises(kind) as refused:
        consent.finish("gmail", settings, beginning.flow, answer)

    assert refused.value.code == code


def test_revoked_consent_is_worth_nothing(google, settings, login):
    beginning = begun(settings, login)
    answer = google.answer(beginning.url, login)
    secret = consent.finish("gmail", settings, beginning.flow, answer)

    assert consent.revoke("gmail", settings, secret) is True

    with open_mailbox("gmail", settings, secret) as provider:
        with pytest.raises(LoginRequired) as refused:
            provider.identify()
    assert refused.value.code == "access_revoked"
    assert consent.revoke("gmail", settings, secret) is True  # it is done already


def test_revoking_says_when_it_did_not_work(google, settings, login):
    secret = google.secret(login)
    assert consent.revoke("gmail", settings, "garbage") is False
    google.fault("^POST /oauth2/revoke", 503)

    with pytest.raises(Unavailable):
        consent.revoke("gmail", settings, secret)


def test_test_knows_a_good_client(settings):
    consent.test("gmail", settings, CALLBACK)


def test_test_knows_a_wrong_secret_client_and_redirect_uri(google, settings):
    for wrong, code in (
        ({"client_secret": "wrong"}, "client_refused"),
        ({"client_id": "nobody.apps.googleusercontent.com"}, "client_refused"),
    ):
        with pytest.raises(NotAllowed) as refused:
            consent.test("gmail", {**settings, **wrong}, CALLBACK)
        assert refused.value.code == code

    with pytest.raises(NotAllowed) as refused:
        consent.test("gmail", settings, "http://localhost:8069/elsewhere")
    assert refused.value.code == "redirect_refused"


def test_test_without_google_is_no_answer(settings):
    nowhere = {**settings, "token_uri": "http://localhost:9/token"}

    with pytest.raises(Unavailable) as refused:
        consent.test("gmail", nowhere, CALLBACK)

    assert refused.value.code == "port_closed"


def test_page_of_google_says_that_the_redirect_uri_is_not_registered(google, settings):
    """What ``test`` reads there is what people would see."""
    beginning = consent.begin("gmail", settings, "http://localhost:1/x", "s", "")

    with pytest.raises(PeerError):
        google.answer(beginning.url, "anybody@example.com")
