# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which token opens the mailbox, and how is a new one had?

The secret is JSON: ``{"refresh_token", "access_token", "expires_at", "scope", "sub"}``.
The access token lives in it too, so that an idle pass asks for none.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC

import google.auth.transport
from google.auth.exceptions import GoogleAuthError, RefreshError
from google.oauth2.credentials import Credentials

from .base import LoginRequired, Unavailable
from .gmail_errors import meaning, of_oauth, refused
from .silence import silence
from .web import Answer, Web

READONLY = "https://www.googleapis.com/auth/gmail.readonly"
#: Seconds before its end at which a token is no longer used: a page may take as long.
MARGIN = 120
#: No access token of Google's lives longer; one that seems to was written down when the
#: clock was wrong.
MAX_LIFE = 86_400
#: What reading an odd answer may raise in the library.
_ODD = (ValueError, TypeError, AttributeError, LookupError, OverflowError)


@dataclass(frozen=True, slots=True)
class Grant:
    """What the owner granted.

    :param expires_at: of the access token, whole seconds since 1970
    :param sub: the account's id (OpenID Connect), ``""`` when it was not told
    """

    refresh_token: str
    access_token: str = ""
    expires_at: int = 0
    scope: str = ""
    sub: str = ""

    def __repr__(self) -> str:
        return "<Grant>"

    @classmethod
    def read(cls, secret: str) -> Grant:
        """:raises LoginRequired: there is nothing to sign in with"""
        try:
            told = json.loads(secret)
            texts = ("refresh_token", "access_token", "scope", "sub")
            grant = cls(
                **{name: str(told.get(name) or "") for name in texts},
                expires_at=int(told.get("expires_at") or 0),
            )
        except (ValueError, TypeError, AttributeError):
            raise LoginRequired("access_revoked", "unreadable secret") from None
        if not grant.refresh_token:
            raise LoginRequired("access_revoked", "no refresh token")
        return grant

    def write(self) -> str:
        return json.dumps(asdict(self))

    @property
    def is_fresh(self) -> bool:
        left = self.expires_at - time.time()
        return bool(self.access_token) and MARGIN < left <= MAX_LIFE + MARGIN


class Tokens:
    """:param keep: is given each new secret before it is used, and may raise"""

    def __init__(
        self,
        web: Web,
        secret: str,
        client_id: str,
        client_secret: str,
        token_uri: str,
        keep: Callable[[str], None] | None = None,
    ):
        self.grant = Grant.read(secret)
        self._web = web
        self._client = client_id, client_secret
        self._token_uri = token_uri
        self._keep = keep or (lambda secret: None)

    def header(self) -> str:
        """For ``Authorization``. :raises ProviderError: as ``renew``"""
        if not self.grant.is_fresh:
            self.renew()
        return f"Bearer {self.grant.access_token}"

    def renew(self) -> None:
        """Ask for a new access token.

        :raises LoginRequired: the consent is withdrawn, or asked for anew
        :raises NotAllowed: the client or the company's policy is the reason
        :raises Throttled, Unavailable: later
        """
        client_id, client_secret = self._client
        credentials = Credentials(
            None,
            refresh_token=self.grant.refresh_token,
            token_uri=self._token_uri,
            client_id=client_id,
            client_secret=client_secret,
        )
        http = Requests(self._web)
        try:
            with silence():
                credentials.refresh(http)
        except RefreshError:  # which does not always say what Google said
            raise of_oauth(http.told, LoginRequired("access_revoked")) from None
        except (GoogleAuthError, *_ODD):
            raise Unavailable("garbage", "token endpoint") from None
        expiry = credentials.expiry
        expires_at = expiry.replace(tzinfo=UTC).timestamp() if expiry else time.time()
        grant = replace(
            self.grant,
            # Google does not send another one, but OAuth 2.0 lets it
            refresh_token=credentials.refresh_token or self.grant.refresh_token,
            access_token=credentials.token or "",
            expires_at=int(expires_at),
            sub=claims(credentials.id_token).get("sub") or self.grant.sub,
        )
        self._keep(grant.write())
        self.grant = grant


class Requests(google.auth.transport.Request):
    """google-auth's way to HTTP, over ours.

    :ivar told: the last answer, decoded
    """

    def __init__(self, web: Web):
        self._web = web
        self.told: object = None

    def __call__(self, url, method="GET", body=None, headers=None, **_):
        answer = self._web.send(method, url, body, headers)
        if answer.status >= 500 or answer.status == 429:
            # google-auth would ask twice more, sleeping; the engine knows better when
            raise meaning(refused(answer.status, answer.headers, answer.content))
        try:
            self.told = json.loads(answer.content)
        except (ValueError, RecursionError):
            self.told = None
        return _Response(answer)


class _Response:
    def __init__(self, answer: Answer):
        self.status, self.headers = answer.status, answer.headers
        self.data = answer.content


def claims(id_token: object) -> dict:
    """What an ID token says, ``{}`` when there is none or it is unreadable.

    Its signature need not be checked: it came from the token endpoint itself, over TLS
    (OpenID Connect Core 1.0 section 3.1.3.7, rule 6).
    """
    try:
        payload = id_token.split(".")[1] if isinstance(id_token, str) else ""
        padded = payload + "=" * (-len(payload) % 4)
        told = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, IndexError, binascii.Error):
        return {}
    if not isinstance(told, dict):
        return {}
    return {name: value for name, value in told.items() if isinstance(value, str)}
