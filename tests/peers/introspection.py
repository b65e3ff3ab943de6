# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whose access token is this? The endpoint Dovecot asks (RFC 7662)."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


class Introspection:
    """:param tokens: access token -> login; may change while it runs"""

    def __init__(self, tokens: Mapping[str, str]):
        self.tokens = dict(tokens)
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        tokens = self.tokens

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                form = parse_qs(self.rfile.read(length).decode())
                login = tokens.get(form.get("token", [""])[0])
                answer = {"active": bool(login)}
                if login:
                    answer.update(
                        email=login, username=login, scope="mail", exp=4102444800
                    )
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                """Tokens belong into no log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/introspect"

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
