# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does an owner let us read a mailbox at Microsoft? See ``consent``.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
"""

from __future__ import annotations

import hmac
import json
import warnings
from collections.abc import Mapping
from contextlib import closing

from .base import LoginRequired, NotAllowed, ProviderError, Unavailable
from .consent import Beginning, ConsentRefused
from .microsoft_errors import entra_problem
from .microsoft_token import application, asking, client_of, may_read, slim
from .web import Web


def begin(
    settings: dict, redirect_uri: str, state: str, login_hint: str = ""
) -> Beginning:
    client = client_of(settings)
    with closing(Web(client.ca_file)) as web:
        app = application(client, web)
        flow = _flow(app, client.scopes, redirect_uri, state, login_hint)
    return Beginning(flow.pop("auth_uri"), flow)


def _flow(app, scopes, redirect_uri: str, state: str, login_hint: str) -> dict:
    with asking(), warnings.catch_warnings():
        # MSAL would have the answer posted: a browser posts it across sites, without
        # the cookie of the session that the state is bound to
        warnings.simplefilter("ignore")
        return app.initiate_auth_code_flow(
            scopes,
            redirect_uri=redirect_uri,
            state=state,
            # a browser that is signed in to another account must not pick that
            prompt="select_account",
            login_hint=login_hint or None,
        )


def finish(settings: dict, flow: dict, answer: Mapping[str, str]) -> str:
    state = str(flow.get("state") or "")
    given = str(answer.get("state") or "")
    if not state or not hmac.compare_digest(state.encode(), given.encode()):
        raise ConsentRefused("state_mismatch")
    if answer.get("error"):
        raise entra_problem(answer, consenting=True)
    if not answer.get("code"):
        raise ConsentRefused("consent_expired", "no code")
    import msal

    client = client_of(settings)
    cache = msal.SerializableTokenCache()
    with closing(Web(client.ca_file)) as web:
        app = application(client, web, cache)
        with asking():
            try:
                result = app.acquire_token_by_auth_code_flow(
                    dict(flow), {"state": given, "code": str(answer["code"])}
                )
            except RuntimeError:  # the nonce: tokens of another beginning
                raise ConsentRefused("state_mismatch", "nonce") from None
    if "access_token" not in result:
        raise entra_problem(result, consenting=True)
    # without a word on it, what was asked for is granted (RFC 6749 section 5.1)
    if result.get("scope") and not may_read(result["scope"]):
        raise LoginRequired("consent_missing", "no Mail.Read")
    kept = slim(cache.serialize())
    if not all(json.loads(kept).get(kind) for kind in ("RefreshToken", "Account")):
        raise LoginRequired("consent_missing", "no refresh token")
    return kept


def revoke(settings: dict, secret: str) -> bool:
    """Microsoft has no way to give back one consent: the owner does it at
    https://myapps.microsoft.com or https://account.live.com/consent/Manage."""
    return False


def test(settings: dict, redirect_uri: str) -> None:
    """A made-up code is refused as such by who knows the client.

    Whether Entra looks at the secret before the code is not documented: that the test
    passes proves the client ID, and that the secret is not known to be wrong.
    """
    client = client_of(settings)
    with closing(Web(client.ca_file)) as web:
        app = application(client, web)
        flow = _flow(app, client.scopes, redirect_uri, "state", "")
        with asking():
            result = app.acquire_token_by_auth_code_flow(
                flow, {"state": "state", "code": "made-up"}
            )
    if result.get("error") == "invalid_grant":
        problem: ProviderError = entra_problem(result)
        if isinstance(problem, NotAllowed):
            raise problem
        return
    problem = entra_problem(result)
    if result.get("error") == "invalid_request" and not isinstance(problem, NotAllowed):
        return  # AADSTS9002313: it saw at once that the code is made up
    if isinstance(problem, Unavailable):
        raise problem
    raise NotAllowed(
        "redirect_refused" if problem.code == "redirect_refused" else "client_refused",
        problem.detail,
    )
