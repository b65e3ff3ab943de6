# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is Graph asked? One GET, or up to twenty of them in one ``$batch``.

Every request, those inside a batch too, wants immutable ids: an id without it changes
when the mail moves. Within a batch Graph itself runs four requests at a time for a
mailbox (https://learn.microsoft.com/en-us/graph/throttling-limits, "Outlook service
batching"), as long as there is one batch at a time: this is one thread, and asks for no
order (``dependsOn`` knows only "one after another", and one 404 would fail the rest).
"""

from __future__ import annotations

import json
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

from .base import NotAllowed, Throttled, Traffic, Unavailable
from .microsoft_errors import graph_problem, is_resync, retry_after
from .microsoft_token import Client, Tokens
from .web import TooBig, Web

VERSION = "/v1.0"
#: Characters of a link; it is kept in the cursor.
MAX_LINK = 50_000
#: Requests in one batch, https://learn.microsoft.com/en-us/graph/json-batching
BATCH = 20
#: Times that throttled requests of a batch are asked for again.
ROUNDS = 6
#: Seconds that a call other than ``pull`` may wait for its turn.
PATIENCE = 30.0
IMMUTABLE = 'IdType="ImmutableId"'

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Ask:
    """:param path: behind the version, with its query
    :param prefer: preferences (RFC 7240) besides immutable ids"""

    path: str
    prefer: tuple[str, ...] = ()

    @property
    def headers(self) -> dict[str, str]:
        return {"Prefer": ", ".join((IMMUTABLE, *self.prefer))}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: dict = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        return self.status < 300

    @property
    def is_resync(self) -> bool:
        return is_resync(self.status, self.body)

    def problem(self, one_mail: bool = False):
        """:return: ``ProviderError``, or ``None``"""
        if self.is_good:
            return None
        return graph_problem(self.status, self.headers, self.body, one_mail)


def path(*steps: str, **query: str | int) -> str:
    """``path("me", "messages", id, select="subject")``; names of query options as they
    stand, without the ``$`` they begin with.

    >>> path("me", "messages", "AA=", select="id,subject")
    '/me/messages/AA%3D?$select=id,subject'
    """
    told = "/" + "/".join(quote(step, safe="$") for step in steps)
    options = {
        name if name in _PLAIN else f"${name}": value for name, value in query.items()
    }
    if options:
        told += "?" + urlencode(options, quote_via=quote, safe="$(),;'/:")
    return told


_PLAIN = {"includeHiddenFolders"}


class Graph:
    def __init__(self, client: Client, tokens: Tokens, web: Web):
        root = urlsplit(client.endpoint.rstrip("/"))
        if root.scheme != "https" and root.hostname not in _THIS_MACHINE:
            raise NotAllowed("login_over_plaintext", "endpoint")
        self._root = f"{root.scheme}://{root.netloc}{root.path}{VERSION}"
        self._tokens, self._web = tokens, web
        self._end = 0.0
        self._rests_until = float("-inf")
        self.be_patient()

    @property
    def traffic(self) -> Traffic:
        return self._web.traffic

    # --- time -------------------------------------------------------------------------

    def be_patient(self, seconds: float = PATIENCE) -> None:
        """A call begins. :param seconds: that waiting for one's turn may take in it"""
        self._end = time.monotonic() + seconds

    def _wait(self, seconds: float) -> bool:
        """:return: there was time for it"""
        if time.monotonic() + seconds > self._end:
            return False
        time.sleep(seconds)
        return True

    def _rest(self, seconds: float) -> None:
        """Graph said ``Retry-After``: nothing is asked until then."""
        self._rests_until = max(self._rests_until, time.monotonic() + seconds)

    def _be_rested(self) -> None:
        """:raises Throttled: that takes longer than there is time"""
        rest = self._rests_until - time.monotonic()
        if rest > 0 and not self._wait(rest):
            raise Throttled(retry_after=rest)

    # --- asking -----------------------------------------------------------------------

    def get(self, ask: Ask | str) -> dict:
        """:raises ProviderError: for any answer but a good one"""
        reply = self.reply(ask if isinstance(ask, Ask) else Ask(ask))
        if problem := reply.problem():
            raise problem
        return reply.body

    def reply(self, ask: Ask) -> Reply:
        """One request by itself. :raises ProviderError: no answer, or signed out"""
        try:
            return self._send("GET", ask.path, ask.headers)
        except TooBig:
            return Reply(413)

    def batch(self, asks: Mapping[Key, Ask]) -> dict[Key, Reply]:
        """All of them, twenty at a time.

        What Graph throttles is asked for again after the longest ``Retry-After``, if
        there is time: else its reply has status 429. What fails otherwise within a
        batch is asked for once more by itself.
        """
        replies: dict[Key, Reply] = {}
        todo = list(asks)
        for start in range(0, len(todo), BATCH):
            some = todo[start : start + BATCH]
            replies.update(self._patiently({key: asks[key] for key in some}))
        return replies

    def _patiently(self, asks: dict[Key, Ask]) -> dict[Key, Reply]:
        replies: dict[Key, Reply] = {}
        for _round in range(ROUNDS):
            todo = {key: ask for key, ask in asks.items() if key not in replies}
            replies.update(self._halved(todo))
            late = [key for key in todo if replies[key].status == 429]
            if not late:
                break
            pause = max(retry_after(replies[key].headers, 1.0) for key in late)
            if not self._wait(pause):
                self._rest(pause)
                break
            for key in late:
                if _round < ROUNDS - 1:
                    del replies[key]
        for key, reply in replies.items():
            if reply.status >= 500:
                replies[key] = self.reply(asks[key])
        return replies

    def _halved(self, asks: dict[Key, Ask]) -> dict[Key, Reply]:
        """One batch; several where the answer to one would be too long."""
        try:
            return self._batch(asks)
        except TooBig:
            keys = list(asks)
            if len(keys) == 1:
                return {keys[0]: Reply(413)}
        middle = len(keys) // 2
        return {
            **self._halved({key: asks[key] for key in keys[:middle]}),
            **self._halved({key: asks[key] for key in keys[middle:]}),
        }

    def _batch(self, asks: dict[Key, Ask], renewed: bool = False) -> dict[Key, Reply]:
        keys = list(asks)
        if len(keys) == 1:
            return {keys[0]: self.reply(asks[keys[0]])}
        requests = [
            {"id": str(n), "method": "GET", "url": ask.path, "headers": ask.headers}
            for n, ask in enumerate(asks.values())
        ]
        told = self._send(
            "POST",
            "/$batch",
            {"Content-Type": "application/json"},
            json.dumps({"requests": requests}).encode(),
        )
        if problem := told.problem():
            raise problem
        found = _inner(told.body)
        replies = {key: found.get(str(n)) for n, key in enumerate(keys)}
        if any(reply is None for reply in replies.values()):
            raise Unavailable("garbage", "batch without some of its answers")
        if not renewed and any(r.status == 401 for r in replies.values()):
            self._tokens.renew()
            return self._batch(asks, renewed=True)
        for reply in replies.values():
            if reply.status == 401:
                raise reply.problem()
        return replies

    def _send(self, method, path, headers, data=None) -> Reply:
        self._be_rested()
        token = self._tokens.access()
        for last in (False, True):
            given = {**headers, "Authorization": f"Bearer {token}"}
            given["Accept"] = "application/json"
            answer = self._web.send(method, self._root + path, data, given)
            if answer.status != 401:
                break
            if last:
                raise graph_problem(401, answer.headers, {})
            # a token that looks good may be revoked: a new one tells
            token = self._tokens.renew()
        if answer.status in (429, 503):
            self._rest(retry_after(answer.headers, 0.0))
        return Reply(answer.status, answer.headers, _told(answer))

    @contextmanager
    def stream(self, path: str) -> Iterator:
        """The head of an attachment's answer, whose ``pieces`` are its bytes."""
        self._be_rested()
        token = self._tokens.access()
        for last in (False, True):
            headers = {"Prefer": IMMUTABLE, "Authorization": f"Bearer {token}"}
            url = self._root + path
            with self._web.open("GET", url, headers=headers) as incoming:
                if incoming.status != 401 or last:
                    yield incoming
                    return
            token = self._tokens.renew()

    # --- links ------------------------------------------------------------------------

    def relative(self, link: object) -> str:
        """The path of a nextLink or deltaLink, which come with the host in front.

        :raises Unavailable: it leads elsewhere: our token must not
        """
        if not isinstance(link, str) or not link.startswith(self._root + "/"):
            raise Unavailable("garbage", "a link that leads elsewhere")
        if len(link) > MAX_LINK or not link.isascii() or not link.isprintable():
            raise Unavailable("garbage", "a link that is none")
        return link[len(self._root) :]

    def next_of(self, body: Mapping) -> str:
        """Path of the next page of a plain list, ``""`` after the last."""
        link = body.get("@odata.nextLink")
        return self.relative(link) if link else ""


def items_of(body: Mapping) -> Sequence[dict]:
    """:raises Unavailable: there is no list in it"""
    value = body.get("value")
    if not isinstance(value, list):
        raise Unavailable("garbage", "no list")
    return [item for item in value if isinstance(item, dict)]


def _told(answer) -> dict:
    if answer.status < 300:
        return answer.json()
    try:
        return answer.json()
    except Unavailable:
        return {}  # proxies answer in HTML: the status says enough


def _inner(body: Mapping) -> dict[str, Reply]:
    responses = body.get("responses")
    if not isinstance(responses, list):
        raise Unavailable("garbage", "no batch")
    found = {}
    for row in responses:
        if not isinstance(row, dict) or not isinstance(row.get("status"), int):
            raise Unavailable("garbage", "no batch")
        headers, told = row.get("headers"), row.get("body")
        found[str(row.get("id"))] = Reply(
            row["status"],
            headers if isinstance(headers, dict) else {},
            told if isinstance(told, dict) else {},
        )
    return found
