# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A Microsoft Graph mail server: mailboxes with state behind Graph's HTTP interface.

Written after Microsoft's documentation and what users report of the real service; none
of the code under test is in it, and another client (PyPI ``o365``) works with it. ::

    with Graph(whoami={"token-1": "alice@example.com"}.get) as graph:
        owner = graph.user("alice@example.com")
        ref = owner.append("INBOX", raw_mail)
        ...                     # GET graph.url + "/v1.0/me/mailFolders/inbox/messages"
        graph.fault("/messages/delta", 503, "ErrorServerBusy", retry_after=2)
        graph.expire_tokens()
        assert graph.requests() == ["GET /v1.0/me/mailFolders/inbox/messages"]

What may be asked for is in ``graph_routes.py``; how unkind the server is, in the
attributes of ``Graph``.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import re
import socket
import ssl
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from . import certificates, graph_routes
from .graph_answers import Problem
from .graph_delta import Rounds
from .graph_http import (
    Answer,
    Batch,
    Exchange,
    Fault,
    Handler,
    Request,
    Throttle,
    error,
    member_answer,
)
from .graph_journal import Journal
from .graph_me import Account
from .graph_schema import SCHEMA, Schema
from .graph_store import Mailbox
from .graph_user import GraphUser

#: whose token is this? ``None``: nobody's
Whoami = Callable[[str], str | None]


class Graph:
    """:param whoami: tells the address a bearer token belongs to
    :param port: 0 = any that is free
    :param directory: mailboxes are kept there and found again by the next server
    :param certificate_directory: speak TLS, with a certificate made there
    :param validate: check every answer against Microsoft's metadata; by default where
        its extract is at hand
    :param seed: what looks random differs with it

    The server's temper, to be changed at any time:

    * ``rounds.empty_pages`` (on): some pages of a delta are empty
    * ``rounds.doubled`` (off): a third of what a delta tells is told twice
    * ``rounds.filter_cap`` (5,000): a delta with ``$filter`` ends there, silently
    * ``throttle.at_once`` (4), ``throttle.in_window`` (10,000 in ``throttle.window``
      seconds), ``throttle.retry_after`` (1)
    * ``batch_width`` (4): so many members of a parallel batch run at a time
    * ``headerless_sent`` (off): what is put into Sent and Drafts from now on has no
      ``internetMessageHeaders``
    """

    def __init__(
        self,
        whoami: Whoami,
        port: int = 0,
        directory: Path | None = None,
        certificate_directory: Path | None = None,
        validate: bool | None = None,
        seed: int = 0,
    ):
        self.whoami = whoami
        self.port = port
        self.url = self.ca_file = ""
        self.secret = hashlib.sha256(b"graph %d" % seed).digest()
        self.rounds = Rounds(self.secret)
        self.throttle = Throttle()
        self.batch_width = 4
        self.headerless_sent = False
        self.accounts: dict[str, Account] = {}
        self.mailboxes: dict[str, Mailbox] = {}
        self.log: list[Exchange] = []
        self.broken: list[str] = []
        self._directory = directory
        self._certificates = certificate_directory
        self._journal: Journal | None = None
        self._faults: list[Fault] = []
        self._random = random.Random(seed)
        self._lock = threading.RLock()
        self._server: ThreadingHTTPServer | None = None
        wanted = SCHEMA.exists() if validate is None else validate
        self.schema = Schema() if wanted else None

    # --- life -------------------------------------------------------------------------

    def __enter__(self) -> Graph:
        return self.start()

    def __exit__(self, *exc) -> None:
        self.stop()

    def start(self) -> Graph:
        if self._directory is not None:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._recall(Journal(self._directory / "graph.journal"))
        self._server = _Server(("127.0.0.1", self.port), Handler)
        self._server.graph = self
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        if self._certificates is not None:
            made = certificates.issue(self._certificates)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(made.certificate, made.key)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self.url, self.ca_file = f"https://localhost:{self.port}", str(made.ca)
        threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        ).start()
        return self

    def stop(self) -> None:
        """:raises AssertionError: this server made a mistake of its own"""
        if self._server is not None:
            for fault in self._faults:
                if fault.hold is not None:
                    fault.hold.set()
            self._server.shutdown()
            self._server.server_close()
            self._server.hang_up()
            self._server = None
        if self._journal is not None:
            self._journal.close()
        if self.schema is not None:
            self.schema.assert_clean()
        if self.broken:
            raise AssertionError("the Graph server broke:\n" + "\n".join(self.broken))

    def _recall(self, journal: Journal) -> None:
        for email, op, arguments in journal.replay():
            self.mailbox(email).do(op, *arguments)
        self._journal = journal
        for mailbox in self.mailboxes.values():
            self._keep(mailbox)

    def _keep(self, mailbox: Mailbox) -> None:
        journal, email = self._journal, mailbox.email
        mailbox.journal = lambda op, arguments: journal.write(email, op, arguments)

    # --- for tests --------------------------------------------------------------------

    def settings(self) -> dict[str, str]:
        """The part of a provider's settings that is about this server."""
        return {"endpoint": self.url, "ca_file": self.ca_file}

    def user(self, email: str) -> GraphUser:
        """The owner of a mailbox at work; the mailbox is made if need be."""
        return GraphUser(self, self.mailbox(email))

    def account(self, email: str, **changes) -> Account:
        """Who this is, with the fields of ``Account`` that are to be different."""
        with self._lock:
            account = self.accounts.setdefault(email.lower(), Account(email.lower()))
        for name, value in changes.items():
            if name not in Account.__dataclass_fields__:
                raise TypeError(f"an account has no {name}")
            setattr(account, name, value)
        return account

    def mailbox(self, email: str) -> Mailbox:
        with self._lock:
            if email.lower() not in self.mailboxes:
                mailbox = Mailbox(email.lower(), self.secret)
                if self._journal is not None:
                    self._keep(mailbox)
                self.mailboxes[email.lower()] = mailbox
            return self.mailboxes[email.lower()]

    def fault(
        self,
        match: str,
        status: int = 500,
        code: str = "",
        times: int | None = 1,
        retry_after: int | None = None,
        body: str | None = None,
        close: bool = False,
        truncate: bool = False,
        hold: threading.Event | None = None,
    ) -> None:
        """Something goes wrong with the next requests that fit, members of a batch too.

        :param match: regular expression, searched for in ``GET /v1.0/me/...``, unquoted
        :param times: how often; ``None`` = until ``clear_faults``
        :param body: sent as it is instead of the error's JSON
        :param close: the connection is closed without an answer
        :param truncate: the right answer, but the connection is lost in its middle
        :param hold: the right answer, but only once this is set
        """
        with self._lock:
            self._faults.append(
                Fault(
                    match, status, code, times, retry_after, body, close, truncate, hold
                )
            )

    def clear_faults(self) -> None:
        with self._lock:
            self._faults.clear()

    def expire_tokens(self, email: str | None = None, folder: str | None = None):
        """All state tokens so far answer 410 Gone with a Location.

        :param folder: only those of this folder (its id; ``"tree"``: of the folders)
        """
        self._refuse("gone", email, folder)

    def lose_sync_state(
        self,
        email: str | None = None,
        folder: str | None = None,
        status: int = 400,
        code: str = "SyncStateNotFound",
    ) -> None:
        """All state tokens so far answer an error of the 400s."""
        self._refuse(f"{status} {code}", email, folder)

    def _refuse(self, how: str, email: str | None, folder: str | None) -> None:
        boxes = [self.mailbox(email)] if email else list(self.mailboxes.values())
        for mailbox in boxes:
            for stream in [folder] if folder else ["tree", *mailbox.folders]:
                mailbox.do("refuse", stream, how)

    def requests(self, inner: bool | None = None) -> list[str]:
        """``GET /v1.0/me/...`` in the order they came, members of batches after theirs.

        :param inner: ``True`` = members only, ``False`` = HTTP requests only
        """
        with self._lock:
            return [e.line for e in self.log if inner in (None, e.inner)]

    def clear_requests(self) -> None:
        with self._lock:
            self.log.clear()

    # --- answering --------------------------------------------------------------------

    def serve(self, request: Request) -> tuple[Answer, Fault | None]:
        """:return: the answer, and what happens to the connection"""
        exchange, fault = self._enter(request)
        answer = self._faulty(fault) or self._answered(request, exchange)
        exchange.status = answer.status
        if self.schema is not None and fault is None:
            self.schema.check(exchange.line, answer)
        return answer, fault

    def _enter(self, request: Request) -> tuple[Exchange, Fault | None]:
        line = f"{request.method} {request.target}"
        exchange = Exchange(line, request.headers, request.email, request.inner)
        with self._lock:
            self.log.append(exchange)
            fault = next(
                (f for f in self._faults if re.search(f.match, unquote(line))), None
            )
            if fault is not None and fault.times is not None:
                fault.times -= 1
                if not fault.times:
                    self._faults.remove(fault)
        request.hold = fault and fault.hold
        return exchange, fault

    def _faulty(self, fault: Fault | None) -> Answer | None:
        if fault is None or fault.hold is not None or fault.truncate:
            return None
        headers = {}
        if fault.retry_after is not None:
            headers["Retry-After"] = str(fault.retry_after)
        if fault.body is not None:
            return Answer(fault.status, fault.body.encode(), headers)
        return error(
            Problem(fault.status, fault.code, "As the test wants it.", headers)
        )

    def _answered(self, request: Request, exchange: Exchange) -> Answer:
        try:
            exchange.email = request.email = self._signed_in(request)
            if request.path == ["$batch"] and request.method == "POST":
                return self._batch(Batch(request))
            return self._one(request)
        except Problem as problem:
            return error(problem)

    def _signed_in(self, request: Request) -> str:
        scheme, _space, token = request.headers.get("authorization", "").partition(" ")
        email = self.whoami(token) if scheme.lower() == "bearer" and token else None
        if email is None:
            empty = "Access token is empty."
            expired = "Lifetime validation failed, the token is expired."
            raise Problem(
                401,
                "InvalidAuthenticationToken",
                expired if token else empty,
                {
                    "WWW-Authenticate": 'Bearer realm="", authorization_uri='
                    '"https://login.microsoftonline.com/common/oauth2/authorize", '
                    'client_id="00000003-0000-0000-c000-000000000000"'
                },
            )
        return email.lower()

    def _one(self, request: Request) -> Answer:
        if not graph_routes.is_mail(request):
            return graph_routes.answer(self, request)
        with self.throttle.slots(request.email, 1) as free:
            if not free:
                raise self.throttle.problem()
            return self._mail(request)

    def _mail(self, request: Request) -> Answer:
        """:param request: has its place among those that run at once"""
        self.throttle.count(request.email)
        if request.hold is not None:
            request.hold.wait(60)
        return graph_routes.answer(self, request)

    def _batch(self, batch: Batch) -> Answer:
        """Members of a parallel batch need a place each; without one it is 429."""
        width = 1 if batch.sequential else min(self.batch_width, len(batch.requests))
        statuses: dict[str, int] = {}
        answers = []
        with self.throttle.slots(batch.email, width) as free:
            for at, (each, request) in enumerate(batch.requests.items()):
                failed = any(statuses[one] >= 400 for one in batch.depends[each])
                answer = self._member(request, at % width < free, failed)
                statuses[each] = answer.status
                answers.append(member_answer(each, answer))
        self._random.shuffle(answers)
        return Answer(200, {"responses": answers})

    def _member(self, request: Request, has_place: bool, failed: bool) -> Answer:
        exchange, fault = self._enter(request)
        try:
            if failed:
                raise Problem(424, "FailedDependency", "Failed dependency.")
            is_mail = graph_routes.is_mail(request)
            if is_mail and not has_place:
                raise self.throttle.problem()
            answer = self._faulty(fault)
            if answer is None and is_mail:
                answer = self._mail(request)
            elif answer is None:
                answer = graph_routes.answer(self, request)
        except Problem as problem:
            answer = error(problem)
        exchange.status = answer.status
        return answer


class _Server(ThreadingHTTPServer):
    graph: Graph
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *arguments):
        self.open: set[socket.socket] = set()
        super().__init__(*arguments)

    def get_request(self):
        connection, address = super().get_request()
        self.open.add(connection)
        return connection, address

    def shutdown_request(self, request) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Else who is connected would be served on."""
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up is no news; anything else is a bug of this server."""
        if not isinstance(sys.exception(), OSError):
            self.graph.broken.append(traceback.format_exc())
