# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Mailboxes on the Graph server of ``tests.peers``, with tokens made up here.

Who signs in is tried out in ``test_microsoft_consent`` and ``test_microsoft_token``.
"""

from __future__ import annotations

import json
import time

from tests.peers.graph import Graph
from tests.peers.graph_user import GraphUser
from tests.providers.conftest import Mailbox

CLIENT_ID = "11111111-2222-3333-4444-555555555555"


def whoami(token: str) -> str | None:
    return token.removeprefix("token of ") if token.startswith("token of ") else None


def secret_of(login: str, seconds: int = 3600, token: str = "") -> str:
    """What MSAL keeps after a sign-in, with an access token and no way to renew it."""
    expires = str(int(time.time()) + seconds)
    home = f"{login}.tenant"
    return json.dumps(
        {
            "Account": {"account": {"home_account_id": home, "environment": "x"}},
            "AccessToken": {
                "token": {
                    "secret": token or f"token of {login}",
                    "client_id": CLIENT_ID,
                    "target": "openid https://graph.microsoft.com/Mail.Read profile",
                    "expires_on": expires,
                }
            },
            "RefreshToken": {},
        }
    )


def graph_mailbox(graph: Graph, login: str, owner: GraphUser) -> Mailbox:
    settings = {
        "client_id": CLIENT_ID,
        "client_secret": "client-secret",
        # nobody is there: with a good token nobody is asked
        "authority": "https://localhost:9/common",
        **graph.settings(),
    }
    return Mailbox(
        *(graph, login, owner, "microsoft", settings, secret_of(login), graph.port),
        route=lambda port: {"endpoint": f"http://localhost:{port}"},
        forget=(
            lambda: graph.expire_tokens(login),
            lambda: graph.lose_sync_state(login),
            lambda: graph.lose_sync_state(login, status=404, code="ResyncRequired"),
        ),
    )
