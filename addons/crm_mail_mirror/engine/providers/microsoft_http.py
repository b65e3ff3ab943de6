# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""One session over HTTP: bounded in time and size, counted, its failures in our words.

Microsoft's sign-in service and Graph are asked through the same one.
"""

from __future__ import annotations

import json
import logging
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from .base import Traffic, Unavailable

#: Seconds until a connection stands, between two pieces of an answer, for a whole one.
CONNECT, READ, WHOLE = 10.0, 60.0, 120.0
#: Bytes of an answer. A page of 1,000 listed mails is 2 MB.
MAX_ANSWER = 64_000_000
#: Bytes that are waited for before time is looked at.
PIECE = 2_048

# X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_OTHER_HOST = (62, 64)

# At DEBUG urllib3 tells URLs: they hold delta tokens, ids and searched addresses. MSAL
# tells codes and verifiers there, and whole token answers in its errors.
for _name in ("urllib3", "urllib3.connectionpool"):
    logging.getLogger(_name).setLevel(logging.INFO)
logging.getLogger("msal").setLevel(logging.CRITICAL)


class TooBig(Exception):
    """The answer is longer than ``MAX_ANSWER``."""


@dataclass(frozen=True)
class Answer:
    """:param headers: names in any case"""

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


class Http:
    """:param ca_file: PEM of authorities to trust besides the system's; "" = none"""

    def __init__(self, ca_file: str = "", traffic: Traffic | None = None):
        import requests  # only where such a mailbox exists

        self.traffic = traffic or Traffic()
        self._verify = ca_file or True
        self._session = requests.Session()
        # else requests would send the password of a .netrc instead of our token
        self._session.auth = _as_it_is
        self._session.headers["User-Agent"] = "Mail-Mirror"
        if ca_file:
            self._session.mount("https://", _trusting_adapter(ca_file))

    def send(self, method: str, url: str, *, again: bool = True, **given) -> Answer:
        """:param given: ``headers``, ``params``, ``data`` as requests takes them
        :param again: repeat once when the connection was cut: servers close those that
            were idle just when they are used
        :raises Unavailable: no answer :raises TooBig: too much of one
        """
        started = time.monotonic()
        try:
            return self._send(method, url, given)
        except Unavailable as problem:
            if problem.code != "connection_lost" or not again:
                raise
            if time.monotonic() - started > CONNECT:
                raise
        return self._send(method, url, given)

    def _send(self, method: str, url: str, given: dict) -> Answer:
        with self._asked(method, url, given) as response:
            content, end = bytearray(), time.monotonic() + WHOLE
            for piece in response.iter_content(PIECE):
                content += piece
                if len(content) > MAX_ANSWER:
                    raise TooBig
                if time.monotonic() > end:
                    raise Unavailable("timeout", "answer")
            return Answer(response.status_code, response.headers, bytes(content))

    @contextmanager
    def stream(self, method: str, url: str, **given) -> Iterator:
        """A response of requests whose content the caller reads."""
        with self._asked(method, url, given) as response:
            yield response

    @contextmanager
    def _asked(self, method: str, url: str, given: dict) -> Iterator:
        with in_our_words():
            response = self._session.request(
                method,
                url,
                timeout=(CONNECT, READ),
                stream=True,
                allow_redirects=False,  # with our token, only to whom we asked
                verify=self._verify,
                **given,
            )
            self.traffic.commands += 1
            body = response.request.body
            self.traffic.sent += len(body) if body else 0
            try:
                yield response
            finally:
                self.traffic.received += _received(response)
                response.close()

    def close(self) -> None:
        self._session.close()


def _as_it_is(request):
    return request


def _received(response) -> int:
    """Bytes of the body as they came over the wire."""
    try:
        return response.raw.tell()
    except (AttributeError, OSError, ValueError):
        return 0


def _trusting_adapter(ca_file: str):
    """requests knows one bundle of authorities; here the system's come to it."""
    from requests.adapters import HTTPAdapter

    try:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError):
        raise Unavailable("certificate_untrusted", "unreadable ca_file") from None

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args, **kwargs):
            super().init_poolmanager(*args, ssl_context=context, **kwargs)

        def proxy_manager_for(self, *args, **kwargs):
            return super().proxy_manager_for(*args, ssl_context=context, **kwargs)

    return Adapter()


@contextmanager
def in_our_words() -> Iterator[None]:
    """:raises Unavailable: for whatever requests raises; never with its text, which
    holds the URL"""
    import requests

    try:
        yield
    except (requests.RequestException, OSError) as problem:
        raise _unavailable(problem) from None


def _unavailable(problem: BaseException) -> Unavailable:
    import requests

    causes = list(_causes(problem))
    names = {type(cause).__name__ for cause in causes}
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            other = cause.verify_code in _OTHER_HOST
            return Unavailable(
                "certificate_other_host" if other else "certificate_untrusted", "TLS"
            )
    if names & {"CertificateError"}:
        return Unavailable("certificate_other_host", "TLS")
    if isinstance(problem, requests.exceptions.SSLError) or names & {"SSLError"}:
        return Unavailable("tls_failed", "TLS")
    if isinstance(problem, requests.Timeout) or names & _TIMEOUTS:
        return Unavailable("timeout", "HTTP")
    if names & {"NameResolutionError", "gaierror", "InvalidURL", "LocationParseError"}:
        return Unavailable("host_unknown", "HTTP")
    if names & {"ConnectionRefusedError"}:
        return Unavailable("port_closed", "HTTP")
    if isinstance(problem, requests.exceptions.ContentDecodingError):
        return Unavailable("garbage", "HTTP")
    return Unavailable("connection_lost", type(problem).__name__)


_TIMEOUTS = {"ReadTimeoutError", "ConnectTimeoutError", "TimeoutError"}


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """An exception and what is inside it: requests wraps urllib3, that wraps others."""
    queue, seen = [problem], set()
    while queue:
        cause = queue.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = [*cause.args, getattr(cause, "reason", None)]
        inner += [cause.__cause__, cause.__context__]
        queue += [each for each in inner if isinstance(each, BaseException)]
