# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""HTTP on a leash: bounded time, bounded answers, all counted, nothing in the log.

One session for Google's library, MSAL and Graph alike. ``requests`` rather than the
httplib2 of Google's library: it has a timeout for connecting and one for reading, takes
a further authority beside the system's, and lets an answer be read piece by piece, so
that a huge or endless one is broken off.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ReadTimeoutError

from . import trust
from .base import Traffic, Unavailable
from .silence import silence

#: Seconds: until a connection stands, between two pieces, for a whole answer.
CONNECT, READ, WHOLE = 10.0, 60.0, 120.0
#: Bytes of one answer that is read as a whole: a page of 1,000 listed mails is 2 MB.
MAX_ANSWER = 64_000_000
#: Bytes and seconds of the biggest attachment, which is never in memory as a whole.
ATTACHMENT = 200_000_000, 900.0
_PIECE = 65_536


# --- the session ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """:param headers: names in lower case"""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> dict:
        """:raises Unavailable: cut off, or no JSON object at all"""
        try:
            told = json.loads(self.content)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise Unavailable("garbage", f"no JSON object, HTTP {self.status}")
        return told


class TooBig(Unavailable):
    """The answer has more bytes than anybody asked for."""


class Web:
    """One HTTP session, of one thread at a time.

    :param ca_file: PEM of a further authority to trust
    :param traffic: counts what goes over the wire
    :raises Unavailable: ``ca_file`` cannot be read
    """

    def __init__(self, ca_file: str = "", traffic: Traffic | None = None):
        self.traffic = traffic or Traffic()
        self._session = requests.Session()
        self._session.headers["user-agent"] = "crm-mail-mirror (gzip)"
        # else requests takes a password for the host out of ~/.netrc
        self._session.auth = _as_it_is
        self._session.mount("https://", _Trusting(trust.context(ca_file)))

    def send(
        self,
        method: str,
        url: str,
        body: str | bytes | Mapping | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        again: bool = True,
    ) -> Answer:
        """Ask, and read the whole answer, whatever its status. Redirects are answers.

        :param body: a mapping is sent as a form
        :param params: to go into the URL
        :param again: ask a second time when the connection was soon cut: servers close
            those that were idle just when they are used
        :raises Unavailable: no answer came :raises TooBig: too much of one
        """
        began = time.monotonic()
        try:
            return self._send(method, url, body, headers, params)
        except Unavailable as problem:
            if problem.code != "connection_lost" or not again:
                raise
            if time.monotonic() - began > CONNECT:
                raise
        return self._send(method, url, body, headers, params)

    def _send(self, *asked) -> Answer:
        with self.open(*asked) as incoming:
            content = b"".join(incoming.pieces(MAX_ANSWER, WHOLE))
            return Answer(incoming.status, incoming.headers, content)

    @contextmanager
    def open(
        self,
        method: str,
        url: str,
        body: str | bytes | Mapping | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Iterator[Incoming]:
        """The head of the answer; its ``pieces`` are the rest."""
        self.traffic.commands += 1
        with silence(), _in_our_words():
            response = self._session.request(
                method,
                url,
                params=params,
                data=body.encode("utf-8") if isinstance(body, str) else body,
                headers={**(headers or {}), "accept-encoding": "gzip"},
                timeout=(CONNECT, READ),
                allow_redirects=False,
                stream=True,
            )
        asked = response.request
        self.traffic.sent += len(asked.url or "") + len(asked.body or "")
        incoming = Incoming(response, self.traffic)
        try:
            yield incoming
        finally:
            with silence():
                incoming.close()

    def close(self) -> None:
        with silence():
            self._session.close()


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class Incoming:
    """An answer whose content is read piece by piece, as it comes.

    Not with ``iter_content``: that waits until a piece is full, however long a server
    lets it drip.
    """

    def __init__(self, response: requests.Response, traffic: Traffic):
        self.status = response.status_code
        self.headers = {name.lower(): v for name, v in response.headers.items()}
        self._response, self._traffic = response, traffic
        self._is_over = False

    def pieces(self, most: int, seconds: float) -> Iterator[bytes]:
        """:param most: bytes :param seconds: that may be waited for all of them
        :raises Unavailable: it breaks off, or does not end"""
        size = 0
        for piece in self._unpacked(self._waited_for(seconds)):
            size += len(piece)
            if size > most:
                raise TooBig("garbage", "endless answer")
            yield piece
        self._is_over = True

    def _waited_for(self, seconds: float) -> Iterator[bytes]:
        """While somebody else uses what came, nobody waits."""
        waited, packed = 0.0, self._packed()
        while True:
            began = time.monotonic()
            with silence(), _in_our_words():
                piece = next(packed, b"")
            waited += time.monotonic() - began
            self._traffic.received += len(piece)
            if not piece:
                return
            yield piece
            if waited > seconds:
                raise Unavailable("timeout", "endless answer")

    def _packed(self) -> Iterator[bytes]:
        """As many bytes as there are at a time (RFC 9112 section 6)."""
        source = self._response.raw._original_response
        left = None if source.chunked else source.length
        while left != 0 and not source.isclosed():
            piece = source.read1(_PIECE if left is None else min(left, _PIECE))
            if not piece:
                if left:
                    raise ConnectionResetError
                break
            left = None if left is None else left - len(piece)
            yield piece
        source.close()

    def _unpacked(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """None of them empty, none much bigger than what came."""
        coding = self.headers.get("content-encoding", "identity").strip().lower()
        if coding == "identity":
            yield from pieces
            return
        if coding != "gzip":
            raise Unavailable("garbage", "unknown content-encoding")
        unzip, size = zlib.decompressobj(16 + zlib.MAX_WBITS), 0
        try:
            for piece in pieces:
                size += len(piece)
                while piece:
                    if unpacked := unzip.decompress(piece, _PIECE):
                        yield unpacked
                    piece = unzip.unconsumed_tail
        except zlib.error:
            raise Unavailable("garbage", "no gzip") from None
        if size and not unzip.eof:
            raise Unavailable("connection_lost", "gzip breaks off")

    def close(self) -> None:
        """Only a connection whose answer was read to its end is used again."""
        if self._is_over:
            self._response.raw.release_conn()
        else:
            self._response.close()


# --- trust ---------------------------------------------------------------------------


class _Trusting(HTTPAdapter):
    """Connects with one TLS context, made once: reading all authorities takes 30 ms."""

    def __init__(self, context: ssl.SSLContext):
        self._context = context
        super().__init__(pool_connections=4, pool_maxsize=1)

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, proxy, **kwargs):
        return super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn, url, verify, cert):
        conn.cert_reqs = "CERT_REQUIRED"  # by the context: nothing is read again


# --- errors --------------------------------------------------------------------------


@contextmanager
def _in_our_words() -> Iterator[None]:
    """What requests, urllib3, ssl and socket raise. Their texts quote URLs: dropped."""
    try:
        yield
    except requests.RequestException as problem:
        raise _meaning(problem) from None
    except (OSError, ValueError, http.client.HTTPException) as problem:
        raise _meaning(problem) from None


def _meaning(problem: BaseException) -> Unavailable:
    causes = list(_causes(problem))
    detail = type(causes[-1]).__name__

    def any_is(*kinds) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            # X509_V_ERR_HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH
            other = cause.verify_code in (62, 64)
            return Unavailable(
                "certificate_other_host" if other else "certificate_untrusted"
            )
    if any_is(ssl.SSLError, requests.exceptions.SSLError):
        return Unavailable("tls_failed", detail)
    if any_is(TimeoutError, requests.Timeout, ReadTimeoutError):
        return Unavailable("timeout", detail)
    if any_is(socket.gaierror):
        return Unavailable("host_unknown", detail)
    if any_is(ConnectionRefusedError):
        return Unavailable("port_closed", detail)
    if any_is(requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
        return Unavailable("host_unknown", detail)
    if any_is(requests.exceptions.ContentDecodingError):
        return Unavailable("garbage", detail)
    return Unavailable("connection_lost", detail)


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """The exception and all that it wraps, in ``args``, ``reason`` or as its cause."""
    waiting, seen = [problem], set()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inside = (*cause.args, getattr(cause, "reason", None))
        inside += (cause.__cause__, cause.__context__)
        waiting += [one for one in inside if isinstance(one, BaseException)]
