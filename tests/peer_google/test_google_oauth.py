"""Is consent asked, granted, refused and withdrawn as at Google?"""

import base64
import hashlib
import json
import urllib.parse
from datetime import UTC, datetime

import pytest
import requests
from google.auth.exceptions import RefreshError

from tests.peers.google import OWN_REDIRECT, READONLY, SCOPE, Google
from tests.peers.google_client import Client
from tests.peers.mail_user import PeerError

from .letters import refused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def auth_url(google: Google, **changed: str) -> str:
    asked = {
        "client_id": google.client_id,
        "redirect_uri": OWN_REDIRECT,
        "response_type": "code",
        "scope": SCOPE,
        "state": "the state",
        "access_type": "offline",
        "prompt": "consent",
        **changed,
    }
    return f"{google.settings()['auth_uri']}?{urllib.parse.urlencode(asked)}"


def redeem(google: Google, code: str, **changed: str) -> requests.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": google.client_id,
        "client_secret": google.client_secret,
        "redirect_uri": OWN_REDIRECT,
        **changed,
    }
    return requests.post(google.settings()["token_uri"], data=form, timeout=20)


def claims(id_token: str) -> dict:
    body = id_token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_a_code_becomes_tokens_once(google, address):
    brought = google.answer(auth_url(google), address)

    first, second = (redeem(google, brought["code"]) for _ in range(2))

    assert brought["state"] == "the state"
    assert first.json()["refresh_token"]
    assert claims(first.json()["id_token"])["email"] == address
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")


def test_pkce_is_enforced(google, address):
    digest = hashlib.sha256(b"verifier" * 8).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    url = auth_url(google, code_challenge=challenge, code_challenge_method="S256")

    answers = [
        redeem(google, google.answer(url, address)["code"], **verifier).status_code
        for verifier in (
            {},
            {"code_verifier": "another"},
            {"code_verifier": "verifier" * 8},
        )
    ]

    assert answers == [400, 400, 200]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_secret": "wrong"}, (401, "invalid_client")),
        ({"client_id": "wrong"}, (401, "invalid_client")),
        ({"redirect_uri": "http://localhost/another"}, (400, "redirect_uri_mismatch")),
        ({"code": "none"}, (400, "invalid_grant")),
    ],
)
def test_a_wrong_client_gets_no_token(google, address, changed, error):
    code = google.answer(auth_url(google), address)["code"]

    answer = redeem(google, **{"code": code, **changed})

    assert (answer.status_code, answer.json()["error"]) == error


def test_an_unregistered_redirect_is_an_error_page(google, address):
    url = auth_url(google, redirect_uri="https://elsewhere.example/back")
    with pytest.raises(PeerError, match="Redirect URI mismatch"):
        google.answer(url, address)

    google.add_redirect("https://elsewhere.example/back")

    assert google.answer(url, address)["code"]


def test_cancel_and_unticked_boxes_come_back(google, address):
    cancelled = google.answer(auth_url(google), address, cancel=True)
    unticked = google.answer(auth_url(google), address, without=[READONLY])

    scope = redeem(google, unticked["code"]).json()["scope"]

    assert cancelled == {"error": "access_denied", "state": "the state"}
    assert scope == "openid email"


def test_a_refresh_token_is_for_who_asks_for_one(google, address):
    wishes = [{}, {"prompt": ""}, {"access_type": "online"}, {}]

    got = [
        "refresh_token"
        in redeem(google, google.answer(auth_url(google, **w), address)["code"]).json()
        for w in wishes
    ]

    assert got == [True, False, False, True]


def test_refresh_gives_a_token_that_reads(gmail):
    gmail.credentials.token = None

    assert gmail.found() == []


def test_who_is_not_let_in_is_told_so(google, gmail, address):
    google.expire_tokens(address)
    gmail.credentials._refresh_token = None

    with pytest.raises(RefreshError):
        gmail.found()  # the library saw the 401 and has nothing to renew with
    answer = requests.get(
        f"{google.url}/gmail/v1/users/me/messages",
        headers={"Authorization": "Bearer none"},
        timeout=20,
    )

    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"
    assert answer.json()["error"]["errors"][0]["reason"] == "authError"


@pytest.mark.parametrize("token", ["token", "refresh_token"])
def test_who_revokes_one_token_revokes_all(google, gmail, address, token):
    other = Client(google, google.secret(address))

    answer = requests.post(
        google.settings()["revoke_uri"],
        data={"token": getattr(gmail.credentials, token)},
        timeout=20,
    )

    assert answer.status_code == 200
    for client in (gmail, other):
        with pytest.raises(RefreshError) as caught:
            client.found()
        assert "invalid_grant" in str(caught.value)
    again = requests.post(
        google.settings()["revoke_uri"],
        data={"token": gmail.credentials.token},
        timeout=20,
    )
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")


def test_the_owner_may_withdraw_consent_at_google(google, gmail, address):
    assert gmail.found() == []

    google.revoke(address)

    with pytest.raises(RefreshError) as caught:
        gmail.found()
    assert caught.value.args[1]["error"] == "invalid_grant"


def test_a_token_reads_what_was_consented_to(google, address):
    identity = Client(google, google.secret(address, scope="openid email"))
    reader = Client(google, google.secret(address))
    metadata = READONLY.replace("readonly", "metadata")
    headers = Client(google, google.secret(address, scope=metadata))

    assert refused(identity.found) == (403, "insufficientPermissions")
    assert refused(lambda: reader.ask(reader.messages.trash(userId="me", id="1"))) == (
        403,
        "insufficientPermissions",
    )
    assert refused(lambda: headers.found(q="hello")) == (403, "forbidden")
    assert headers.found() == []
    assert refused(
        lambda: reader.messages.list(userId="another@example.com").execute()
    ) == (403, "forbidden")


def test_a_closed_mailbox_says_so(google, gmail, address):
    google.close_mailbox(address)

    assert refused(gmail.found) == (400, "failedPrecondition")

    google.close_mailbox(address, closed=False)
    assert gmail.found() == []


def test_an_account_keeps_its_number(address):
    numbers = set()
    for _ in range(2):
        with Google([address]) as google:
            code = google.answer(auth_url(google), address)["code"]
            numbers.add(claims(redeem(google, code).json()["id_token"])["sub"])

    (number,) = numbers
    assert len(number) == 21 and number.isdigit()
