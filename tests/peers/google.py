# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Google on loopback: Gmail's API and OAuth, one process of Node, plain http.

Example::

    with Google(["alice@example.com"]) as google:
        with google.user("alice@example.com") as alice:
            alice.append("INBOX", b"Subject: hello\\r\\n\\r\\nhello")
        secret = google.secret("alice@example.com")
        with open_mailbox("gmail", google.settings(), secret) as mailbox: ...

The emulator behind it is npm's ``@emulators/google``; ``node/google.mjs`` says what is
added and corrected. What it cannot know of the real Gmail are ``habits``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

from .discovery import DOCUMENT
from .google_user import GoogleUser
from .mail_user import PeerError
from .node_peer import NodePeer, consent

READONLY = "https://www.googleapis.com/auth/gmail.readonly"
SCOPE = f"openid email {READONLY}"
OWN_REDIRECT = "http://localhost/of/the/peer"


class Google:
    """:param users: addresses of the accounts
    :param redirect_uris: where this client may send the browser back to
    :param directory: where mail, links and tokens stay for the next start
    :param port: 0 = any free one
    :param token_life: seconds an access token is good for
    :param units_per_minute: of quota that each user has; None = no limit
    :param habits: of the real Gmail, where nobody knows for sure:
        ``history_labels``: whether labels in a history record are those right after
        the change ("then"), those of today ("now") or missing ("none");
        ``utf8_bodies``: whether texts come in UTF-8 whatever their charset was;
        ``decoded_headers``: whether encoded words in headers come decoded;
        ``large_text``: bytes from which a text comes as an attachment id;
        ``offset_pages``: whether page tokens are offsets, so that a mail is passed over
        when another one goes meanwhile;
        ``deletion_told``: whether history tells which mail bore a label that is
        deleted; ``unknown_label``: how a list by a label is answered that is not there:
        400, 404, or 200 and nothing in it
    """

    client_id = "mail-mirror.apps.googleusercontent.com"
    client_secret = "GOCSPX-of-the-peer"

    def __init__(
        self,
        users: Sequence[str],
        redirect_uris: Sequence[str] = (),
        directory: Path | None = None,
        *,
        port: int = 0,
        token_life: int = 3600,
        units_per_minute: int | None = None,
        habits: dict | None = None,
    ):
        self.users = list(users)
        self.url = ""
        self._node = NodePeer("google.mjs")
        self._options = {
            "port": port,
            "file": str(directory / "google.json") if directory else "",
            "users": self.users,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uris": [OWN_REDIRECT, *redirect_uris],
            "discovery": str(DOCUMENT),
            "token_life": token_life,
            "units_per_minute": units_per_minute,
            "habits": habits or {},
        }

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    def start(self) -> Google:
        self._node.run(self._options)
        self.url = f"http://localhost:{self._node.ports['http']}"
        return self

    def stop(self) -> None:
        self._node.end()

    @property
    def port(self) -> int:
        return self._node.ports["http"]

    def complaints(self) -> str:
        """What went wrong inside the peer itself: must stay empty."""
        return self._node.complaints()

    # --- what a client of Google is given ---------------------------------------------

    def settings(self, address: str = "") -> dict:
        """For ``open_mailbox`` and ``consent``."""
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "address": address,
            "endpoint": self.url,
            "auth_uri": f"{self.url}/o/oauth2/v2/auth",
            "token_uri": f"{self.url}/oauth2/token",
            "revoke_uri": f"{self.url}/oauth2/revoke",
        }

    def secret(self, email: str, scope: str = SCOPE) -> str:
        """A secret for ``open_mailbox``, granted on the consent page."""
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "client_id": self.client_id,
            "redirect_uri": OWN_REDIRECT,
            "response_type": "code",
            "scope": scope,
            "state": secrets.token_urlsafe(8),
            "access_type": "offline",
            "prompt": "consent",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        auth_uri = self.settings()["auth_uri"]
        brought = self.answer(f"{auth_uri}?{urllib.parse.urlencode(asked)}", email)
        answer = self._node.http.post(
            self.settings()["token_uri"],
            data={
                "grant_type": "authorization_code",
                "code": brought["code"],
                "code_verifier": verifier,
                "client_id": self.client_id,
                "client_secret": self.client_secret,
                "redirect_uri": OWN_REDIRECT,
            },
            timeout=30,
        )
        if answer.status_code != 200:
            raise PeerError(f"token: {answer.status_code} {answer.text[:300]}")
        given = answer.json()
        return json.dumps(
            {
                "refresh_token": given["refresh_token"],
                "access_token": given["access_token"],
                "expires_at": int(time.time()) + given["expires_in"],
                "scope": given["scope"],
            }
        )

    def answer(
        self,
        url: str,
        email: str,
        without: Sequence[str] = (),
        cancel: bool = False,
    ) -> dict[str, str]:
        """What the browser brings back from the consent page: code and state, or error.

        :param without: scopes whose box the person unticks
        :param cancel: whether the person presses Cancel
        :raises PeerError: Google shows an error page instead
        """
        return consent(self._node.http, url, email, without, cancel)

    # --- what happens at Google -------------------------------------------------------

    def user(self, email: str) -> GoogleUser:
        """The owner of the mailbox at work. What they do is not in ``requests()``."""
        token = self._tell("owner_token", email=email)
        return GoogleUser(self.url, email, token, self._tell)

    def add_user(self, email: str) -> None:
        self._tell("add_user", email=email)
        self.users.append(email)

    def add_redirect(self, uri: str) -> None:
        """Register one more redirect URI for the client."""
        self._tell("add_redirect", uri=uri)

    def aliases(self, email: str, *addresses: str, pending: Sequence[str] = ()) -> None:
        """The addresses the owner may send as; ``pending`` ones are not confirmed."""
        known = [{"address": each, "status": "accepted"} for each in addresses]
        known += [{"address": each, "status": "pending"} for each in pending]
        self._tell("aliases", email=email, aliases=known)

    def close_mailbox(self, email: str, closed: bool = True) -> None:
        """The account has no Gmail (any more)."""
        self._tell("close_mailbox", email=email, closed=closed)

    def revoke(self, email: str) -> None:
        """The owner withdraws consent: refresh and access tokens die."""
        self._tell("revoke", email=email)

    def expire_tokens(self, email: str) -> None:
        """Access tokens given so far are too old; refresh tokens live."""
        self._tell("expire_tokens", email=email)

    def expire_history(self) -> None:
        """``history.list`` from any point known so far answers 404."""
        self._tell("expire_history")

    def expire_pages(self) -> None:
        """Page tokens given so far are worth nothing."""
        self._tell("expire_pages")

    def habit(self, **habits) -> None:
        """Change some of the ``habits``."""
        self._tell("habits", **habits)

    def limit(self, units_per_minute: int | None) -> None:
        """From now on each user has so much quota."""
        self._tell("limit", units_per_minute=units_per_minute)

    def fault(
        self,
        match: str,
        status: int = 500,
        reason: str = "",
        times: int = 1,
        retry_after: int | None = None,
        body: str | None = None,
        close: bool = False,
        skip: int = 0,
    ) -> None:
        """Break the next requests, calls inside a batch too.

        :param match: regular expression, searched in lines as ``requests()`` has them
        :param reason: the error's reason, such as ``userRateLimitExceeded``
        :param body: this text instead of an error in Google's shape
        :param close: hang up: at once, or in the middle of ``body``
        :param skip: so many requests that match pass before
        """
        self._tell(
            "fault",
            match=match,
            status=status,
            reason=reason,
            times=times,
            retry_after=retry_after,
            body=body,
            close=close,
            skip=skip,
        )

    def clear_faults(self) -> None:
        self._tell("clear_faults")

    # --- what was asked ---------------------------------------------------------------

    def requests(self) -> list[str]:
        """``"GET /gmail/v1/users/me/profile?alt=json"``, ...: outer ones and those
        inside of a batch."""
        return self._tell("log")

    def clear_requests(self) -> None:
        self._tell("clear_log")

    def units(self, email: str) -> int:
        """Quota units that were spent on this mailbox since ``clear_requests``."""
        return self._tell("units", email=email)

    def _tell(self, op: str, **arguments):
        return self._node.tell(self.url, op, **arguments)
