# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Google, Microsoft's sign-in and its Graph on loopback, for an Odoo server to use."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.peers.entra import Entra
from tests.peers.google import Google
from tests.peers.graph import Graph


class Clouds:
    """:param users: addresses that have an account at both

    Example::

        with Clouds(["anna@ours.example"]) as clouds:
            server = OdooServer(..., env=clouds.environment())
            clouds.register(server.url)
    """

    def __init__(self, users: Sequence[str] = ()):
        self.google = Google(users)
        self.entra = Entra(users)
        self.graph = Graph(whoami=self.entra.whoami)
        self._stack = ExitStack()

    def __enter__(self) -> Clouds:
        with ExitStack() as stack:
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            for peer in (self.google, self.entra, self.graph):
                stack.enter_context(peer)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc) -> None:
        self._stack.close()

    def environment(self, *ca_files: str) -> dict[str, str]:
        """What tells a server of Odoo to find Google and Microsoft here.

        :param ca_files: of further peers
        """
        together = self._folder / "authorities.pem"
        together.write_text(
            "\n".join(
                Path(each).read_text() for each in (*ca_files, self.entra.ca_file)
            )
        )
        google = self.google.settings()
        return {
            "CRM_MAIL_MIRROR_CA_FILE": str(together),
            "CRM_MAIL_MIRROR_GMAIL_ENDPOINT": google["endpoint"],
            "CRM_MAIL_MIRROR_GOOGLE_AUTH_URI": google["auth_uri"],
            "CRM_MAIL_MIRROR_GOOGLE_TOKEN_URI": google["token_uri"],
            "CRM_MAIL_MIRROR_GOOGLE_REVOKE_URI": google["revoke_uri"],
            "CRM_MAIL_MIRROR_MICROSOFT_AUTHORITY_HOST": self.entra.url,
            "CRM_MAIL_MIRROR_GRAPH_ENDPOINT": self.graph.url,
        }

    def register(self, url: str) -> None:
        """The redirect URIs of the Odoo at this address."""
        self.google.add_redirect(f"{url}/crm_mail_mirror/google/callback")
        self.entra.add_redirect(f"{url}/crm_mail_mirror/microsoft/callback")

    def add_user(self, email: str) -> None:
        self.google.add_user(email)
        self.entra.add_user(email)
