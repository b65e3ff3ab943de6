# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How are the demo's mailboxes at Google and Microsoft linked? As their owner would in
a browser: signed in to Odoo, over the provider's sign-in page and back.
"""

from __future__ import annotations

import json
import re
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urlsplit
from urllib.request import (
    HTTPCookieProcessor,
    HTTPRedirectHandler,
    Request,
    build_opener,
)

from setup.say import Stop

from .people import Salesperson
from .post import Office

#: Provider -> what the addon calls it in its addresses.
ROUTE = {"gmail": "google", "microsoft": "microsoft"}


def redirect_uris(url: str) -> dict[str, tuple[str, ...]]:
    """Where the sign-in pages may send browsers back to, by provider.

    :param url: of Odoo; ``localhost`` is as good as ``127.0.0.1``
    """
    port = urlsplit(url).port
    return {
        provider: tuple(
            f"http://{host}:{port}/crm_mail_mirror/{route}/callback"
            for host in ("127.0.0.1", "localhost")
        )
        for provider, route in ROUTE.items()
    }


def give(url: str, servers: Office, person: Salesperson, mailbox_id: int) -> None:
    """Sign in, consent, and come back.

    :param url: of Odoo
    :raises Stop: the mailbox is not linked then, and why
    """
    route = ROUTE[person.provider]
    browser = _Browser(url)
    browser.log_in(person.key, person.password)
    there = browser.leave(f"/crm_mail_mirror/{route}/start?mailbox={mailbox_id}")
    peer = servers.google if person.provider == "gmail" else servers.entra
    answer = peer.answer(there, person.email)
    browser.leave(f"/crm_mail_mirror/{route}/callback?{urlencode(answer)}")
    # another Odoo that had taken this port would have gone through all of it as well
    told = browser.read(
        "crm.mail.mirror.mailbox",
        [("id", "=", mailbox_id), ("email_normalized", "=", person.email)],
        ["is_just_linked", "link_sentence"],
    )
    if not told or not told[0]["is_just_linked"]:
        why = told and told[0]["link_sentence"] or "the sign-in did not come back"
        raise Stop(f"{person.email} could not be linked: {why}")


class _Browser:
    def __init__(self, url: str):
        self.url = url
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()), _Stays)

    def log_in(self, login: str, password: str) -> None:
        page = self._open("/web/login").read().decode()
        token = re.search(r'name="csrf_token"\s+value="([^"]+)"', page)[1]
        form = {"csrf_token": token, "login": login, "password": password}
        if self._open("/web/login", urlencode(form).encode()).status != 303:
            raise Stop(f"{login} could not log in to the demo's Odoo.")

    def leave(self, path: str) -> str:
        """Where the page sends the browser."""
        answer = self._open(path)
        where = answer.headers.get("Location")
        if not where:
            raise Stop(f"Odoo did not go on at {path.partition('?')[0]}.")
        return where

    def read(self, model: str, domain: list, names: list[str]) -> list[dict]:
        """What the user sees of records."""
        asked = {"model": model, "method": "search_read", "args": [domain, names]}
        body = json.dumps({"params": {**asked, "kwargs": {}}}).encode()
        request = Request(
            f"{self.url}/web/dataset/call_kw",
            body,
            {"Content-Type": "application/json"},
        )
        answer = json.load(self._opener.open(request, timeout=60))
        return answer.get("result") or []

    def _open(self, path: str, form: bytes | None = None):
        return self._opener.open(self.url + path, form, timeout=60)


class _Stays(HTTPRedirectHandler):
    """Tells where a page leads to, and does not go there."""

    def http_error_302(self, req, fp, code, msg, headers):
        return fp

    http_error_301 = http_error_303 = http_error_307 = http_error_302
