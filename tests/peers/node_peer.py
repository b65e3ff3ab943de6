# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is a peer that runs in Node started, spoken to and stopped?"""

from __future__ import annotations

import html
import json
import os
import re
import secrets
import select
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from setup import node  # noqa: E402
from setup.say import Stop  # noqa: E402

from .mail_user import PeerError  # noqa: E402

PROGRAMS = Path(__file__).resolve().parent / "node"


class NodePeer:
    """One process of Node. It ends when the pipe to its standard input is closed, so
    that it never outlives a test run that was killed.

    :param program: name of a file in ``node/``
    """

    def __init__(self, program: str):
        self._program = program
        self._process: subprocess.Popen | None = None
        self._key = secrets.token_hex(8)
        self._log = None
        self.http = requests.Session()
        self.http.trust_env = False
        self.ports: dict[str, int] = {}

    def run(self, options: Mapping[str, object]) -> None:
        """Start and wait until it listens. :raises RuntimeError: it does not"""
        try:
            program = node.program()
        except Stop as reason:
            raise RuntimeError(str(reason)) from None
        if not (node.FOLDER / "node_modules").exists():
            raise RuntimeError("Node packages are missing: 'make test' installs them")
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [
                *(program, "--import", PROGRAMS / "packages.mjs"),
                PROGRAMS / self._program,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={
                **{k: v for k, v in os.environ.items() if k in ("PATH", "TMPDIR")},
                "PEER_PACKAGES": str(node.FOLDER),
                "PEER_OPTIONS": json.dumps({**options, "key": self._key}),
            },
            start_new_session=True,
        )
        ready, _, _ = select.select([self._process.stdout], [], [], 60)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            said = self.complaints()
            self.end()
            raise RuntimeError(f"{self._program} does not start: {said}")
        self.ports = json.loads(line)

    def end(self) -> None:
        if self._process is None:
            return
        self.http.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._process = None
        self._log.close()

    def complaints(self) -> str:
        """What it wrote to its standard error."""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")[-4000:]

    def tell(self, url: str, op: str, **arguments):
        """Have the test's will done. :return: what it answers"""
        answer = self.http.post(
            f"{url}/_peer",
            json={"op": op, **arguments},
            headers={"x-peer-key": self._key},
            timeout=60,
        )
        if answer.status_code != 200:
            raise PeerError(f"{op}: {answer.text[:500]}")
        return answer.json()["result"]


class _Forms(HTMLParser):
    """The forms and links of a page, as a person would find them."""

    def __init__(self):
        super().__init__()
        self.forms: list[dict] = []
        self.links: dict[str, str] = {}

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.forms.append({"action": given.get("action", ""), "fields": []})
        elif tag == "input" and self.forms and given.get("name"):
            kind = given.get("type", "text")
            self.forms[-1]["fields"].append(
                (given["name"], given.get("value") or "", kind)
            )
        elif tag == "a" and given.get("id"):
            self.links[given["id"]] = given.get("href") or ""


def consent(
    http: requests.Session, url: str, email: str, without=(), cancel: bool = False
) -> dict[str, str]:
    """What a person does on a consent page. :return: what the browser brings back

    :param without: values of boxes that are unticked
    :param cancel: whether Cancel is pressed
    :raises PeerError: the page shows no account but an error
    """
    page = http.get(url, timeout=30)
    forms = _Forms()
    forms.feed(page.text)
    chosen = [
        form for form in forms.forms if ("email", email, "hidden") in form["fields"]
    ]
    if page.status_code != 200 or not chosen:
        raise PeerError(f"consent page, {page.status_code}: {_words(page.text)}")
    if cancel:
        back = forms.links["cancel"]
    else:
        fields = [
            (name, value)
            for name, value, kind in chosen[0]["fields"]
            if not (kind == "checkbox" and value in without)
        ]
        target = urllib.parse.urljoin(url, chosen[0]["action"])
        answer = http.post(target, data=fields, timeout=30, allow_redirects=False)
        back = answer.headers.get("location", "")
        if answer.status_code == 200:  # response_mode=form_post
            posted = _Forms()
            posted.feed(answer.text)
            return {name: value for name, value, _ in posted.forms[0]["fields"]}
        if not back:
            raise PeerError(f"consent, {answer.status_code}: {_words(answer.text)}")
    query = urllib.parse.urlsplit(back).query
    return dict(urllib.parse.parse_qsl(query, keep_blank_values=True))


def _words(page: str) -> str:
    body = re.sub(r"(?s)<style.*?</style>|<[^>]+>", " ", page)
    return " ".join(html.unescape(body).split())[:300]
