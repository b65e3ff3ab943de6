# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which token opens the mailbox now? MSAL's cache, kept small, renewed when it is due.

The secret of a mailbox is the serialised cache of MSAL: one account, its refresh token
and its last access token, so that most connections need no request for a token. A
renewal gives a new refresh token too; it is kept before anything else is done.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from .base import LoginRequired, NotAllowed, ProviderError, Throttled, Unavailable
from .microsoft_errors import entra_problem, retry_after
from .silence import silence
from .web import Answer, Web

#: Seconds an access token has to live to be used; MSAL takes the same.
MARGIN = 300


@dataclass(frozen=True)
class Client:
    """The app registration, and where Microsoft is.

    :param authority: ``https://login.microsoftonline.com/`` with ``common``,
        ``organizations``, ``consumers`` or a tenant behind it
    :param endpoint: Graph, without version
    """

    client_id: str
    client_secret: str
    authority: str = "https://login.microsoftonline.com/common"
    endpoint: str = "https://graph.microsoft.com"
    ca_file: str = ""

    def __repr__(self) -> str:
        return f"<Client {self.client_id}>"

    @property
    def scopes(self) -> list[str]:
        """Read mail, and who is it (addresses). MSAL adds openid, profile and
        offline_access."""
        endpoint = self.endpoint.rstrip("/")
        return [f"{endpoint}/Mail.Read", f"{endpoint}/User.Read"]


def client_of(settings: Mapping) -> Client:
    """:param settings: those of ``microsoft.connect``"""
    given = {name: settings.get(name) or "" for name in ("client_id", "client_secret")}
    others = ("authority", "endpoint", "ca_file")
    given |= {name: settings[name] for name in others if settings.get(name)}
    return Client(**given)


def may_read(scope: str) -> bool:
    """Is reading mail among the scopes granted? Named with or without the endpoint."""
    tails = {each.rpartition("/")[2].lower() for each in scope.split()}
    return bool(tails & {"mail.read", "mail.readwrite"})


class Tokens:
    """:param secret: what ``consent.finish`` gave, or ``keep`` was called with last
    :param keep: saves a renewed secret, see ``Provider``
    """

    def __init__(
        self,
        client: Client,
        web: Web,
        secret: str,
        keep: Callable[[str], None] | None = None,
    ):
        self._client, self._web, self._keep = client, web, keep
        self._secret = secret
        self._cache = _read(secret)

    def access(self) -> str:
        """A token that is good for some minutes."""
        for entry in _entries(self._cache, "AccessToken"):
            ours = entry.get("client_id") == self._client.client_id
            if ours and may_read(entry.get("target", "")) and _lives(entry):
                return entry["secret"]
        return self.renew()

    def renew(self) -> str:
        """A new token, whatever the old one looked like.

        :raises LoginRequired: the consent no longer holds
        """
        import msal  # only where such a mailbox exists

        cache = msal.SerializableTokenCache()
        cache.deserialize(self._secret)
        app = application(self._client, self._web, cache)
        with asking():
            accounts = app.get_accounts()
            result = app.acquire_token_silent_with_error(
                self._client.scopes, accounts[0] if accounts else None, None, True
            )
        if not result:
            raise LoginRequired("access_revoked", "no refresh token")
        if "access_token" not in result:
            raise entra_problem(result)
        secret = slim(cache.serialize())
        if self._keep is not None:
            self._keep(secret)
        self._secret, self._cache = secret, _read(secret)
        return result["access_token"]

    @property
    def account_id(self) -> str:
        """``oid.tid``, which an account keeps when its addresses change."""
        accounts = _entries(self._cache, "Account")
        return accounts[0].get("home_account_id", "") if accounts else ""


# --- the cache ------------------------------------------------------------------------


def slim(state: str) -> str:
    """A serialised cache with no more than the next renewal needs.

    Out go ID tokens, and access and refresh tokens that newer ones replaced.
    """
    cache = json.loads(state)
    kept = {name: cache.get(name, {}) for name in ("Account", "AppMetadata")}
    for name, age in (
        ("AccessToken", "expires_on"),
        ("RefreshToken", "last_modification_time"),
    ):
        rows = cache.get(name, {})
        if rows:
            newest = max(rows, key=lambda key: int(rows[key].get(age) or 0))
            kept[name] = {newest: rows[newest]}
    return json.dumps(kept, separators=(",", ":"))


def _read(secret: str) -> dict:
    try:
        cache = json.loads(secret)
    except ValueError:
        cache = None
    if not isinstance(cache, dict):
        raise LoginRequired("access_revoked", "unreadable secret")
    return cache


def _entries(cache: dict, kind: str) -> list[dict]:
    return [row for row in cache.get(kind, {}).values() if isinstance(row, dict)]


def _lives(entry: Mapping) -> bool:
    try:
        return int(entry["expires_on"]) - time.time() > MARGIN
    except (KeyError, ValueError, TypeError):
        return False


# --- MSAL -----------------------------------------------------------------------------


def application(client: Client, web: Web, cache=None):
    """MSAL's confidential client; asks the authority for its endpoints.

    :raises NotAllowed: there is no such authority :raises Unavailable: no answer
    """
    import msal

    with asking():
        try:
            return msal.ConfidentialClientApplication(
                client.client_id,
                client_credential=client.client_secret,
                authority=client.authority.rstrip("/"),
                token_cache=cache,
                http_client=_Door(web),
                # The administrator of this server names the authority: MSAL need not
                # ask Microsoft's central one whether it is known (national clouds and
                # tests are not always), which is what keeps users from typing a false.
                instance_discovery=False,
            )
        except ValueError:  # not https, or no tenant in it
            raise NotAllowed("client_refused", "authority") from None


@contextmanager
def asking() -> Iterator[None]:
    """What MSAL raises, in our words; never with its text, which may hold tokens.

    Nor does it log meanwhile: codes and verifiers at DEBUG, in errors whole answers.
    """
    try:
        with silence():
            yield
    except ProviderError:
        raise
    except Exception as problem:
        raise Unavailable("garbage", f"sign-in: {type(problem).__name__}") from None


class _Door:
    """The HTTP client that MSAL wants, with failures in our words.

    It never sees an answer that is no JSON: it would write such a one into the log.
    """

    def __init__(self, web: Web):
        self._web = web

    def get(self, url, params=None, headers=None, **_others):
        answer = self._web.send("GET", url, params=params, headers=headers)
        if 400 <= answer.status < 500 and answer.status != 429:
            raise NotAllowed("client_refused", f"authority, HTTP {answer.status}")
        return _Told(answer)

    def post(self, url, params=None, data=None, headers=None, **_others):
        # not again: a code or a refresh token may be used up already
        answer = self._web.send("POST", url, data, headers, params=params, again=False)
        return _Told(answer)

    def close(self):
        """The session is ours."""


class _Told:
    """An answer in the shape MSAL reads."""

    def __init__(self, answer: Answer):
        if answer.status == 429:
            raise Throttled(detail="sign-in", retry_after=retry_after(answer.headers))
        if answer.status >= 500:
            raise Unavailable("server_error", f"sign-in, HTTP {answer.status}")
        answer.json()
        self.status_code, self.headers = answer.status, dict(answer.headers)
        self.text = answer.content.decode("utf-8", "replace")

    def raise_for_status(self):
        """Failures were told above."""
