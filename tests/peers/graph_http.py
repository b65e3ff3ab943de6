# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""HTTP and JSON around the Graph server: who asks, how fast, one by one or in a batch.

https://learn.microsoft.com/en-us/graph/json-batching,
https://learn.microsoft.com/en-us/graph/throttling-limits#outlook-service-limits
"""

from __future__ import annotations

import base64
import collections
import contextlib
import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, unquote, urlsplit

from .graph_answers import Problem

BATCH = 20


@dataclass
class Request:
    """:param path: segments below the version, unquoted
    :param query: parameters in order, unquoted
    :param base: scheme and host the client used
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    base: str = ""
    email: str | None = None
    inner: bool = False
    path: list[str] = field(default_factory=list)
    query: dict[str, str] = field(default_factory=dict)
    hold: threading.Event | None = None

    def __post_init__(self):
        parts = urlsplit(self.target)
        segments = [each for each in parts.path.split("/") if each]
        self.path = [
            piece for each in segments[1:] for piece in _named_key(unquote(each))
        ]
        self.version = segments[0] if segments else ""
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))

    @property
    def preferences(self) -> dict[str, str]:
        """RFC 7240; names in lower case."""
        found = {}
        for piece in self.headers.get("prefer", "").split(","):
            name, _equals, value = piece.partition("=")
            if name.strip():
                found[name.strip().lower()] = value.strip().strip('"')
        return found


@dataclass
class Answer:
    status: int
    body: dict | bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Exchange:
    """One line of the log. :param inner: it came in a batch"""

    line: str
    headers: dict[str, str]
    email: str | None
    inner: bool
    status: int = 0
    size: int = 0


@dataclass
class Fault:
    """What happens instead of an answer, or to it; see ``Graph.fault``."""

    match: str
    status: int
    code: str
    times: int | None
    retry_after: int | None
    body: str | None
    close: bool
    truncate: bool
    hold: threading.Event | None


def error(problem: Problem) -> Answer:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    request_id = str(uuid.uuid4())
    inner = {"date": now, "request-id": request_id, "client-request-id": request_id}
    told = {"code": problem.code, "message": problem.message, "innerError": inner}
    return Answer(problem.status, {"error": told}, problem.headers)


class Throttle:
    """At most four requests at a time to a mailbox, and so many in ten minutes."""

    def __init__(self):
        self.at_once, self.in_window, self.window = 4, 10_000, 600.0
        self.retry_after = 1
        self._lock = threading.Condition()
        self._busy: collections.Counter[str] = collections.Counter()
        self._times: dict[str, collections.deque[float]] = {}

    @contextlib.contextmanager
    def slots(self, email: str, wanted: int) -> Iterator[int]:
        """As many of them as are free."""
        with self._lock:
            got = max(0, min(wanted, self.at_once - self._busy[email]))
            self._busy[email] += got
            self._lock.notify_all()
        try:
            yield got
        finally:
            with self._lock:
                self._busy[email] -= got

    def wait_until(self, email: str, busy: int, seconds: float) -> bool:
        """For tests: until so many requests to a mailbox are under way."""
        with self._lock:
            return self._lock.wait_for(lambda: self._busy[email] >= busy, seconds)

    def count(self, email: str) -> None:
        """:raises Problem: too many requests in ten minutes"""
        now = time.monotonic()
        with self._lock:
            times = self._times.setdefault(email, collections.deque())
            while times and times[0] < now - self.window:
                times.popleft()
            if len(times) >= self.in_window:
                raise self.problem("Application is over its request limit.")
            times.append(now)

    def problem(self, message: str = "") -> Problem:
        return Problem(
            429,
            "ApplicationThrottled",
            message or "Application is over its MailboxConcurrency limit.",
            {"Retry-After": str(self.retry_after)},
        )


class Batch:
    """The members of a $batch.

    :raises Problem: the batch as a whole is malformed
    """

    def __init__(self, outer: Request):
        self.email = outer.email
        try:
            members = json.loads(outer.body)["requests"]
            self.members = {str(member["id"]): member for member in members}
            self.depends = {
                each: [str(one) for one in member.get("dependsOn") or ()]
                for each, member in self.members.items()
            }
            self.requests = {
                each: self._request(outer, member)
                for each, member in self.members.items()
            }
        except (ValueError, KeyError, TypeError, AttributeError) as wrong:
            raise _bad_batch("Invalid batch payload format.") from wrong
        if len(members) > BATCH:
            raise _bad_batch(
                f"Number of batch request steps exceeds the maximum value of {BATCH}."
            )
        if not members or len({each.lower() for each in self.members}) < len(members):
            raise _bad_batch("Every request id must be unique and not empty.")
        self.sequential = self._is_sequential()

    def _request(self, outer: Request, member: dict) -> Request:
        headers = {str(k).lower(): str(v) for k, v in member.get("headers", {}).items()}
        url = str(member["url"])
        return Request(
            method=str(member["method"]).upper(),
            target=f"/{outer.version}/{url.lstrip('/')}",
            headers=headers,
            body=json.dumps(member["body"]).encode() if "body" in member else b"",
            base=outer.base,
            email=outer.email,
            inner=True,
        )

    def _is_sequential(self) -> bool:
        """All parallel, one after the other, or all after the same one."""
        ids = list(self.members)
        if any(
            one not in ids[:at] for at, me in enumerate(ids) for one in self.depends[me]
        ):
            raise _bad_batch("A request depends on one that is not before it.")
        told = [self.depends[each] for each in ids]
        if not any(told):
            return False
        chain = all(told[at] == [ids[at - 1]] for at in range(1, len(ids)))
        same = len({tuple(each) for each in told if each}) == 1
        if not chain and not same:
            raise _bad_batch(
                "Batch should be either fully sequential or fully parallel."
            )
        return True


def _bad_batch(message: str) -> Problem:
    return Problem(400, "BadRequest", message)


def member_answer(member_id: str, answer: Answer) -> dict:
    body = answer.body
    if isinstance(body, bytes):
        body = base64.b64encode(body).decode()
    headers = {"Cache-Control": "private", "Content-Type": "application/json"}
    return {
        "id": member_id,
        "status": answer.status,
        "headers": {**headers, **answer.headers},
        "body": body,
    }


def _named_key(segment: str) -> list[str]:
    """``mailFolders('inbox')`` is ``mailFolders/inbox``."""
    found = re.fullmatch(r"(\w+)\('(.*)'\)", segment)
    return [found[1], found[2]] if found else [segment]


class Handler(BaseHTTPRequestHandler):
    """Translates between HTTP and ``server.graph.answer(request)``."""

    protocol_version = "HTTP/1.1"
    timeout = 120
    wbufsize = -1  # head and body in one packet: two would wait for the client's ACK
    disable_nagle_algorithm = True

    def do_GET(self):
        self._serve()

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        headers["prefer"] = ", ".join(self.headers.get_all("Prefer") or ())
        scheme = "https" if self.server.graph.ca_file else "http"
        request = Request(
            method=self.command,
            target=self.path,
            headers=headers,
            body=self.rfile.read(length),
            base=f"{scheme}://{headers.get('host', 'localhost')}",
        )
        answer, fault = self.server.graph.serve(request)
        if fault is not None and fault.close:
            self.close_connection = True
            return
        self._send(answer, cut=fault is not None and fault.truncate)

    def _send(self, answer: Answer, cut: bool) -> None:
        is_json = not isinstance(answer.body, bytes)
        body = b"" if answer.body is None else answer.body
        if is_json and answer.body is not None:
            body = json.dumps(body).encode()
        kind = "application/json;odata.metadata=minimal;charset=utf-8"
        headers = {
            "Content-Type": kind if is_json else "application/octet-stream",
            "request-id": str(uuid.uuid4()),
            **answer.headers,
        }
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut

    def log_message(self, *_args) -> None:
        pass
