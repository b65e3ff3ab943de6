"""Is the tests' own Entra one? Asked by MSAL as it is, in Entra's own error numbers.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import json
import urllib.parse
import warnings
from collections.abc import Iterator

import msal
import pytest
import requests

from tests.peers.entra import OWN_REDIRECT, Entra
from tests.peers.mail_user import PeerError

WORK, PRIVATE = "alice@example.com", "carol@outlook.com"
SCOPES = ["https://graph.microsoft.com/Mail.Read"]


@pytest.fixture(scope="module")
def entra() -> Iterator[Entra]:
    with Entra([WORK, PRIVATE]) as peer:
        yield peer
        assert not peer.complaints()


@pytest.fixture(autouse=True)
def _quiet(entra):
    entra.clear_faults()
    entra.clear_requests()


class App:
    """A client that has signed one account in, with what it keeps."""

    def __init__(self, entra: Entra, kept: str = "", tenant: str = "common", **changed):
        self.cache = msal.SerializableTokenCache()
        if kept:
            self.cache.deserialize(kept)
        self.entra = entra
        self.app = msal.ConfidentialClientApplication(
            changed.get("client_id", entra.client_id),
            client_credential=changed.get("client_secret", entra.client_secret),
            authority=f"{entra.url}/{tenant}",
            instance_discovery=False,  # it asks Microsoft about hosts it does not know
            http_client=entra.session(),
            token_cache=self.cache,
        )

    def begin(self, **wanted) -> dict:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # response_mode
            return self.app.initiate_auth_code_flow(
                SCOPES, redirect_uri=wanted.pop("redirect_uri", OWN_REDIRECT), **wanted
            )

    def sign_in(self, email: str = WORK, **wanted) -> dict:
        flow = self.begin(**wanted)
        brought = self.entra.answer(flow["auth_uri"], email)
        return self.app.acquire_token_by_auth_code_flow(flow, brought)

    def renew(self, force: bool = True) -> dict:
        (account,) = self.app.get_accounts()
        return self.app.acquire_token_silent_with_error(
            SCOPES, account=account, force_refresh=force
        )

    @property
    def kept(self) -> str:
        return self.cache.serialize()


def number(answer: dict) -> int:
    return answer["error_codes"][0]


@pytest.mark.parametrize("mode", [{}, {"response_mode": "form_post"}])
def test_an_unmodified_msal_signs_in(entra, mode):
    app = App(entra)

    got = app.sign_in(**mode)

    assert entra.whoami(got["access_token"]) == WORK
    assert entra.scopes(got["access_token"])[0] == SCOPES[0]
    claims = got["id_token_claims"]
    (account,) = app.app.get_accounts()
    assert claims["preferred_username"] == account["username"] == WORK
    assert account["home_account_id"] == f"{claims['oid']}.{claims['tid']}"


def test_the_browsers_page_needs_no_certificate(entra):
    url = App(entra).begin()["auth_uri"]

    assert urllib.parse.urlsplit(url).scheme == "http"
    assert urllib.parse.urlsplit(entra.authority).scheme == "https"
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{entra.authority}/oauth2/v2.0/token", timeout=20)


def test_an_account_keeps_its_ids(entra):
    with Entra([WORK, PRIVATE]) as another:
        claims = [
            App(peer).sign_in(email)["id_token_claims"]
            for peer in (entra, another)
            for email in (WORK, PRIVATE)
        ]

    ids = [(each["oid"], each["tid"]) for each in claims]
    assert ids[:2] == ids[2:] and ids[0] != ids[1]
    assert ids[1][1] == "9188040d-6c67-4c5b-b112-36a304b66dad"  # of all personal ones


@pytest.mark.parametrize(
    ("tenant", "email", "welcome"),
    [
        ("organizations", WORK, True),
        ("organizations", PRIVATE, False),
        ("consumers", PRIVATE, True),
        ("consumers", WORK, False),
    ],
)
def test_an_authority_is_for_its_kind_of_account(entra, tenant, email, welcome):
    app = App(entra, tenant=tenant)

    if welcome:
        assert entra.whoami(app.sign_in(email)["access_token"]) == email
    else:
        with pytest.raises(PeerError, match="Sign in with Microsoft"):
            app.sign_in(email)


def test_an_unknown_tenant_has_no_authority(entra):
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        App(entra, tenant="nobody")


def test_an_unregistered_redirect_is_an_error_page(entra):
    uri = "https://elsewhere.example/back"
    with pytest.raises(PeerError, match="Redirect URI mismatch"):
        App(entra).sign_in(redirect_uri=uri)

    entra.add_redirect(uri)

    assert App(entra).sign_in(redirect_uri=uri)["access_token"]


def test_cancel_comes_back_as_an_error(entra):
    app = App(entra)
    flow = app.begin()

    brought = entra.answer(flow["auth_uri"], WORK, cancel=True)
    got = app.app.acquire_token_by_auth_code_flow(flow, brought)

    assert got["error"] == "access_denied"
    assert got["error_description"].startswith("AADSTS65004")


@pytest.mark.filterwarnings("ignore:Using /common")
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_secret": "wrong"}, ("invalid_client", 7000215)),
        (
            {"client_id": "00000000-0000-0000-0000-000000000000"},
            ("unauthorized_client", 700016),
        ),
    ],
)
def test_a_wrong_client_is_refused(entra, changed, error):
    got = App(entra, **changed).app.acquire_token_for_client(
        ["https://graph.microsoft.com/.default"]
    )

    assert (got["error"], number(got)) == error


def redeem(entra: Entra, flow: dict, code: str, **changed) -> dict:
    form = {
        "grant_type": "authorization_code",
        "client_id": entra.client_id,
        "client_secret": entra.client_secret,
        "code": code,
        "code_verifier": flow["code_verifier"],
        "redirect_uri": OWN_REDIRECT,
        **changed,
    }
    url = f"{entra.authority}/oauth2/v2.0/token"
    return entra.session().post(url, data=form, timeout=20).json()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"code": "none"}, 70000),
        ({"code_verifier": "another"}, 501481),
        ({"redirect_uri": "http://localhost/another"}, 500112),
    ],
)
def test_a_code_is_bound_to_its_beginning(entra, changed, expected):
    flow = App(entra).begin()
    code = entra.answer(flow["auth_uri"], WORK)["code"]

    assert number(redeem(entra, flow, **{"code": code, **changed})) == expected


def test_a_code_is_good_once(entra):
    flow = App(entra).begin()
    code = entra.answer(flow["auth_uri"], WORK)["code"]

    first, second = (redeem(entra, flow, code) for _ in range(2))

    assert first["access_token"]
    assert number(second) == 54005


def test_a_refresh_token_dies_when_the_one_after_it_is_used(entra):
    app = App(entra)
    app.sign_in()
    before = app.kept
    app.renew()
    after = app.kept

    assert "error" not in App(entra, before).renew()
    assert "error" not in App(entra, after).renew()
    late = App(entra, before).renew()

    assert (late["error"], number(late)) == ("invalid_grant", 50173)


def test_access_tokens_end_and_are_renewed(entra):
    app = App(entra)
    old = app.sign_in()["access_token"]
    assert app.renew(force=False)["access_token"] == old

    entra.expire_tokens(WORK)
    new = app.renew()["access_token"]

    assert entra.whoami(old) is None
    assert entra.whoami(new) == WORK
    assert entra.whoami("none") is None


def test_the_life_of_access_tokens_is_adjustable():
    with Entra([WORK], token_life=2000) as entra:
        assert App(entra).sign_in()["expires_in"] == 1999


@pytest.mark.parametrize("access", [True, False])
def test_the_owner_may_withdraw_consent(entra, access):
    app = App(entra)
    token = app.sign_in()["access_token"]
    app.renew()

    entra.revoke(WORK, access=access)
    got = app.renew()

    assert (got["error"], number(got)) == ("invalid_grant", 50173)
    assert (entra.whoami(token) is None) == access


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"reason": "interaction_required"}, ("interaction_required", 50076, "")),
        (
            {"reason": "consent_required", "suberror": "consent_required"},
            ("invalid_grant", 65001, "consent_required"),
        ),
        (
            {"reason": "temporarily_unavailable", "status": 400},
            ("temporarily_unavailable", 90006, ""),
        ),
        (
            {"reason": "throttled", "retry_after": 30},
            ("temporarily_unavailable", 90055, ""),
        ),
    ],
)
def test_a_failure_has_entras_shape(entra, fault, error):
    app = App(entra)
    app.sign_in()
    entra.fault("POST .*/token", **fault)

    got = app.renew()

    assert (got["error"], number(got), got.get("suberror", "")) == error
    # MSAL remembers a refusal for a while, the server does not
    assert App(entra, app.kept).renew()["access_token"]


def test_a_server_can_fail(entra):
    app = App(entra)
    app.sign_in()
    apps = [App(entra, app.kept) for _ in range(4)]

    entra.fault("/token", 503)
    with pytest.raises(msal.exceptions.MsalServiceError, match="503"):
        apps[0].renew()
    entra.fault("/token", body='{"access_token": "mic')
    with pytest.raises(json.JSONDecodeError):
        apps[1].renew()
    entra.fault("/token", close=True)
    with pytest.raises(requests.ConnectionError):
        apps[2].renew()

    assert apps[3].renew()["access_token"]


def test_requests_are_logged(entra):
    App(entra).sign_in()

    log = entra.requests()
    assert log[0] == "GET /common/v2.0/.well-known/openid-configuration"
    assert log[-1] == "POST /common/oauth2/v2.0/token"


def test_a_restart_loses_no_account_and_no_token(tmp_path):
    with Entra([WORK], directory=tmp_path) as entra:
        app = App(entra)
        token = app.sign_in()["access_token"]
        ports = {"port": urllib.parse.urlsplit(entra.url).port}

    with Entra([WORK], directory=tmp_path, **ports) as entra:
        assert entra.whoami(token) == WORK
        assert App(entra, app.kept).renew()["access_token"] != token
