# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Microsoft Entra on loopback, for an unmodified MSAL; one process of Node.

Example::

    with Entra(["alice@example.com", "carol@outlook.com"]) as entra:
        app = msal.ConfidentialClientApplication(
            entra.client_id, client_credential=entra.client_secret,
            authority=entra.authority, instance_discovery=False,
            http_client=entra.session())
        flow = app.initiate_auth_code_flow(SCOPES, redirect_uri=OWN_REDIRECT)
        brought = entra.answer(flow["auth_uri"], "alice@example.com")
        app.acquire_token_by_auth_code_flow(flow, brought)

The emulator behind it is part of npm's ``emulate``; ``node/entra.mjs`` says what is
added and corrected. Addresses at outlook.com, hotmail.com and the like are personal
accounts, all others work accounts in a tenant of their domain.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import requests

from .certificates import issue
from .node_peer import NodePeer, consent

OWN_REDIRECT = "http://localhost/of/the/peer"


class Entra:
    """:param users: addresses of the accounts
    :param redirect_uris: where this client may send the browser back to
    :param directory: where certificates, accounts and tokens stay for the next start
    :param port, page_port: of https and of the page for browsers; 0 = any free one
    :param token_life: seconds an access token is good for
    """

    client_id = "6731de76-14a6-49ae-97bc-6eba6914391e"
    client_secret = "of~the~peer~8Q"

    def __init__(
        self,
        users: Sequence[str],
        redirect_uris: Sequence[str] = (),
        directory: Path | None = None,
        *,
        port: int = 0,
        page_port: int = 0,
        token_life: int = 3600,
    ):
        self.users = list(users)
        self.url = ""
        self.ca_file = ""
        self._temporary = None
        self._directory = directory
        self._node = NodePeer("entra.mjs")
        self._options = {
            "port": port,
            "page_port": page_port,
            "file": str(directory / "entra.json") if directory else "",
            "users": self.users,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uris": [OWN_REDIRECT, *redirect_uris],
            "token_life": token_life,
        }

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    def start(self) -> Entra:
        if self._directory is None:
            self._temporary = tempfile.TemporaryDirectory()
        made = issue(Path(self._directory or self._temporary.name))
        self.ca_file = str(made.ca)
        paths = {"certificate": str(made.certificate), "private_key": str(made.key)}
        self._node.run({**self._options, **paths})
        self.url = f"https://localhost:{self._node.ports['https']}"
        self._page_url = f"http://localhost:{self._node.ports['http']}"
        return self

    def stop(self) -> None:
        self._node.end()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def complaints(self) -> str:
        """What went wrong inside the peer itself: must stay empty."""
        return self._node.complaints()

    # --- what a client of Entra is given ----------------------------------------------

    @property
    def authority(self) -> str:
        """For both kinds of accounts; ``url + "/organizations"`` or ``"/consumers"``
        for one."""
        return f"{self.url}/common"

    def settings(self, address: str = "", tenant: str = "common") -> dict:
        """For ``open_mailbox`` and ``consent``, but for the ``endpoint`` of Graph."""
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "address": address,
            "authority": f"{self.url}/{tenant}",
            "ca_file": self.ca_file,
        }

    def session(self) -> requests.Session:
        """Trusts this server's certificate."""
        session = requests.Session()
        session.trust_env = False
        session.verify = self.ca_file
        return session

    def answer(self, url: str, email: str, cancel: bool = False) -> dict[str, str]:
        """What the browser brings back from the page: code and state, or error.

        :param cancel: whether the person presses Cancel
        :raises PeerError: the page shows an error, or no such account
        """
        return consent(self._node.http, url, email, cancel=cancel)

    # --- what a server of Microsoft asks ----------------------------------------------

    def whoami(self, token: str) -> str | None:
        """Whose access token is this? ``None``: it is expired, revoked, or none."""
        return self._tell("whoami", token=token)

    def scopes(self, token: str) -> list[str] | None:
        """What an access token is good for."""
        return self._tell("scopes", token=token)

    # --- what happens at Microsoft ----------------------------------------------------

    def add_user(self, email: str) -> None:
        self._tell("add_user", email=email)
        self.users.append(email)

    def add_redirect(self, uri: str) -> None:
        """Register one more redirect URI for the client."""
        self._tell("add_redirect", uri=uri)

    def revoke(self, email: str, access: bool = True) -> None:
        """The owner withdraws consent, or changed the password.

        :param access: whether access tokens die too, not only refresh tokens
        """
        self._tell("revoke", email=email, access=access)

    def expire_tokens(self, email: str) -> None:
        """Access tokens given so far are too old; refresh tokens live."""
        self._tell("expire_tokens", email=email)

    def fault(
        self,
        match: str,
        status: int | None = None,
        reason: str = "",
        times: int = 1,
        retry_after: int | None = None,
        body: str | None = None,
        close: bool = False,
        skip: int = 0,
        suberror: str = "",
    ) -> None:
        """Break the next requests, such as ``"POST .*/token"``.

        :param match: regular expression, searched in lines as ``requests()`` has them
        :param status: of HTTP; ``None`` = what goes with the reason
        :param reason: ``interaction_required``, ``temporarily_unavailable``,
            ``invalid_grant``, ``consent_required``, ``throttled``, or any other
        :param body: this text instead of an error in Entra's shape
        :param close: hang up: at once, or in the middle of ``body``
        :param skip: so many requests that match pass before
        """
        self._tell(
            "fault",
            match=match,
            status=status if status or body is None else 200,
            reason=reason,
            times=times,
            retry_after=retry_after,
            body=body,
            close=close,
            skip=skip,
            suberror=suberror,
        )

    def clear_faults(self) -> None:
        self._tell("clear_faults")

    def requests(self) -> list[str]:
        """``"POST /common/oauth2/v2.0/token"``, ..."""
        return self._tell("log")

    def clear_requests(self) -> None:
        self._tell("clear_log")

    def _tell(self, op: str, **arguments):
        return self._node.tell(self._page_url, op, **arguments)
