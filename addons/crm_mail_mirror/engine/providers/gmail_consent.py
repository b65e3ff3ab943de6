# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does the owner of a Gmail mailbox let us read it? See ``consent``.

Google's "OAuth 2.0 for Web Server Applications", with PKCE.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode, urlsplit

from .base import LoginRequired, NotAllowed, ProviderError, Unavailable
from .consent import Beginning, ConsentRefused
from .gmail_errors import meaning, of_oauth, refused
from .gmail_tokens import READONLY, Grant, claims
from .web import Answer, Web

SCOPE = f"{READONLY} openid email"
#: Scopes with which mail can be read; the first is asked for, the others hold more.
READING = {
    READONLY,
    "https://www.googleapis.com/auth/gmail.modify",
    "https://mail.google.com/",
}
AUTH_URI = "https://accounts.google.com/o/oauth2/v2/auth"
TOKEN_URI = "https://oauth2.googleapis.com/token"
REVOKE_URI = "https://oauth2.googleapis.com/revoke"


def begin(settings: dict, redirect_uri: str, state: str, login_hint: str) -> Beginning:
    verifier = secrets.token_urlsafe(64)
    digest = hashlib.sha256(verifier.encode()).digest()
    question = {
        "client_id": settings["client_id"],
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": SCOPE,
        "state": state,
        # else there is no refresh token, or only the first time
        "access_type": "offline",
        "prompt": "consent",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    if login_hint:
        question["login_hint"] = login_hint
    uri = settings.get("auth_uri") or AUTH_URI
    flow = {"state": state, "verifier": verifier, "redirect_uri": redirect_uri}
    return Beginning(f"{uri}?{urlencode(question)}", flow)


def finish(settings: dict, flow: dict, answer: Mapping[str, str]) -> str:
    expected, came = str(flow.get("state", "")), str(answer.get("state", ""))
    if not expected or not hmac.compare_digest(expected.encode(), came.encode()):
        raise ConsentRefused("state_mismatch")
    if answer.get("error"):
        raise _refusal(answer["error"])
    if not answer.get("code"):
        raise ConsentRefused("consent_expired", "no code")
    told = _exchange(settings, flow["redirect_uri"], answer["code"], flow["verifier"])
    scope, refresh_token = told.get("scope"), told.get("refresh_token")
    # people can untick the box for reading mail and still press Continue
    if not isinstance(scope, str) or not READING & set(scope.split()):
        raise LoginRequired("consent_missing")
    if not isinstance(refresh_token, str) or not refresh_token:
        raise Unavailable("garbage", "no refresh token")
    return Grant(
        refresh_token=refresh_token,
        access_token=str(told.get("access_token") or ""),
        expires_at=int(time.time()) + _seconds(told.get("expires_in")),
        scope=scope,
        sub=claims(told.get("id_token")).get("sub", ""),
    ).write()


def revoke(settings: dict, secret: str) -> bool:
    try:
        token = Grant.read(secret).refresh_token
    except LoginRequired:
        return False
    answer = _post(settings, settings.get("revoke_uri") or REVOKE_URI, {"token": token})
    # "invalid_token": it was withdrawn before
    return answer.status == 200 or _told(answer).get("error") == "invalid_token"


def test(settings: dict, redirect_uri: str) -> None:
    """Both are asked with what nobody has: a made-up code, and no sign-in."""
    verifier = secrets.token_urlsafe(64)
    try:
        _exchange(settings, redirect_uri, "4/made-up-to-test-the-client", verifier)
    except ConsentRefused:
        pass  # it is the code that was refused, so the client is known
    _test_redirect(settings, redirect_uri)


def _exchange(settings: dict, redirect_uri: str, code: str, verifier: str) -> dict:
    """A code for tokens (RFC 6749 section 4.1.3)."""
    question = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": settings["client_id"],
        "client_secret": settings["client_secret"],
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    answer = _post(settings, settings.get("token_uri") or TOKEN_URI, question)
    told = _told(answer)
    if answer.status != 200:
        raise of_oauth(told, ConsentRefused("consent_expired"))
    if not told:
        raise Unavailable("garbage", "token endpoint")
    return told


def _test_redirect(settings: dict, redirect_uri: str) -> None:
    """Google shows its sign-in page, or one with an error: only an error is certain."""
    beginning = begin(settings, redirect_uri, "test", "")
    web = Web(settings.get("ca_file") or "")
    try:
        answer = web.send("GET", beginning.url)
    finally:
        web.close()
    shown = answer.content.lower() if answer.status == 400 else b""
    target = urlsplit(answer.headers.get("location", ""))
    for packed in parse_qs(target.query).get("authError", []):
        try:
            shown += base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        except (ValueError, binascii.Error):
            continue
    if any(word in shown for word in (b"redirect_uri_mismatch", b"redirect uri mism")):
        raise NotAllowed("redirect_refused")
    if any(word in shown for word in (b"invalid_client", b"deleted_client")):
        raise NotAllowed("client_refused")


def _post(settings: dict, uri: str, question: dict) -> Answer:
    web = Web(settings.get("ca_file") or "")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    try:
        answer = web.send("POST", uri, urlencode(question), headers)
    finally:
        web.close()
    if answer.status >= 500 or answer.status == 429:
        raise meaning(refused(answer.status, answer.headers, answer.content))
    return answer


def _told(answer: Answer) -> dict:
    try:
        told = json.loads(answer.content)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _refusal(error: str) -> ProviderError:
    """What the browser brought back instead of a code (RFC 6749 section 4.1.2.1)."""
    if error == "access_denied":
        return ConsentRefused("consent_denied")
    if error in ("server_error", "temporarily_unavailable"):
        return Unavailable("server_error")
    problem = of_oauth({"error": error}, ConsentRefused("consent_expired"))
    if isinstance(problem, NotAllowed):
        return problem
    return ConsentRefused("consent_denied", problem.detail)


def _seconds(value: object) -> int:
    try:
        return max(0, int(value))  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return 0
