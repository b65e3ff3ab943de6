# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A browser without screen: cookies, and every redirect is looked at.

What a user does in forms is done over Odoo's own RPC with the same cookies, so that
rights count here as well.
"""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlsplit

import requests

from tests.odoo_server import OdooServer


class Refused(Exception):
    """Odoo answered with an error; the text is what its user would read."""


class Visitor:
    """:param login: who is signed in; ``None``: nobody

    Example::

        anna = Visitor(server, "anna")
        mailbox = anna("crm.mail.mirror.mailbox", "create", {...})
        answer = anna.get(f"/crm_mail_mirror/google/start?mailbox={mailbox}")
        answer.headers["Location"]
    """

    def __init__(self, server: OdooServer, login: str | None = None):
        self.url = server.url
        self.http = requests.Session()
        self.http.trust_env = False
        self.uid = None
        if login:
            params = {"db": server.dbname, "login": login, "password": login}
            self.uid = self._post("/web/session/authenticate", params)["uid"]

    def __call__(self, model: str, method: str, *args, **kwargs):
        """Call a public method. :raises Refused: Odoo answered with an error"""
        return self._post(
            f"/web/dataset/call_kw/{model}/{method}",
            {"model": model, "method": method, "args": args, "kwargs": kwargs},
        )

    def get(self, where: str, **parameters: str) -> requests.Response:
        """One request; a redirect is not followed."""
        url = where if where.startswith("http") else self.url + where
        return self.http.get(url, params=parameters, allow_redirects=False, timeout=120)

    def read(self, where: str) -> str:
        """The words of a page, redirects followed."""
        url = where if where.startswith("http") else self.url + where
        page = self.http.get(url, timeout=120).text
        page = re.sub(r"(?s)<(script|style|head).*?</\1>|<[^>]+>", " ", page)
        return " ".join(html.unescape(page).split())

    # --- linking ----------------------------------------------------------------------

    def draft(self, provider: str, email: str, **values) -> int:
        """A mailbox as its card leaves it."""
        values = {"provider": provider, "email": email, "sync_from": False, **values}
        return self("crm.mail.mirror.mailbox", "create", values)

    def begin(self, mailbox: int) -> str:
        """Press "Sign in with ...". :return: where the browser goes"""
        action = self("crm.mail.mirror.mailbox", "action_connect", [mailbox])
        assert action["type"] == "ir.actions.act_url"
        answer = self.get(action["url"])
        assert answer.status_code == 303, answer.text[:500]
        return answer.headers["Location"]

    def come_back(self, provider: str, brought: dict[str, str]) -> requests.Response:
        """The provider sends the browser back to Odoo."""
        route = {"gmail": "google"}.get(provider, provider)
        return self.get(f"/crm_mail_mirror/{route}/callback", **brought)

    def told(self, mailbox: int) -> str:
        """What stands on the mailbox's form."""
        return self.mailbox(mailbox, "link_sentence")["link_sentence"]

    def mailbox(self, mailbox: int, *names: str) -> dict:
        return self("crm.mail.mirror.mailbox", "read", [mailbox], list(names))[0]

    def _post(self, path: str, params: dict):
        answer = self.http.post(
            self.url + path, json={"jsonrpc": "2.0", "params": params}, timeout=120
        ).json()
        if "error" in answer:
            raise Refused(answer["error"]["data"]["message"])
        return answer.get("result")


def query(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: each[0] for name, each in parse_qs(urlsplit(url).query).items()}
