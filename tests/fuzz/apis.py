# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Targets: Gmail's and Graph's APIs that answer whatever they like.

A conversation's answers have a status in front of them::

    /messages/ 200
    {"id": "m1", ...}

and hold for any question in whose URL the word stands.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from unittest import mock
from urllib.parse import unquote, urlsplit

from engine.envelope import Body, Envelope
from engine.providers import gmail, microsoft, web
from engine.providers.base import Budget, Lookup, Place, Provider, ProviderError, Query

from tests.fuzz import api_says, judge, talk
from tests.fuzz.api_says import CHANGES, FOLDERS, ITEM, MESSAGE, PAYLOAD, ROOT
from tests.providers.microsoft import CLIENT_ID, secret_of

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
QUERY = Query(("a@b.example",), ("b.example",), ("<1@x>",), ("été",))
#: Hosts that may be asked: a token must never reach another one.
OURS = ("gmail.test", "graph.test", "login.test")


class Api:
    """In place of HTTP. :param default: ``(path, what is asked) -> (status, JSON)``"""

    def __init__(self, data: bytes, default: Callable):
        self._script, self._default = talk.Script(data), default

    def send(self, _web, method, url, body=None, headers=None, params=None):
        split = urlsplit(url)
        assert split.hostname in OURS, f"a token went to {split.hostname}"
        wanted = f"{split.path}?{split.query}"
        if "batch" in split.path:
            status, told, kind = 200, *self._batch(wanted, body)
        else:
            status, told = self.told(wanted)
            kind = "application/json"
        return web.Answer(status, {"content-type": kind, "retry-after": "1"}, told)

    def told(self, wanted: str) -> tuple[int, bytes]:
        answer = self._script.answer(unquote(wanted).encode("utf-8", "replace")[:500])
        if answer is None:
            status, content = self._default(unquote(wanted))
            return status, json.dumps(content).encode()
        first, _line, content = answer.partition(b"\n")
        status = first.strip()[:3]
        return (int(status) if status.isdigit() else 200), content

    def _batch(self, wanted: str, body) -> tuple[bytes, str]:
        answer = self._script.answer(b"batch")
        if answer is not None:
            return answer.partition(b"\n")[2], "multipart/mixed; boundary=b"
        text = body if isinstance(body, str) else bytes(body).decode()
        return (self._graph if wanted.startswith("/v1.0") else self._google)(text)

    def _graph(self, text: str) -> tuple[bytes, str]:
        rows = []
        for asked in json.loads(text)["requests"]:
            status, told = self.told("/v1.0" + asked["url"])
            with contextlib.suppress(ValueError, RecursionError):
                told = json.loads(told)
            if isinstance(told, bytes):
                told = None
            rows.append({"id": asked["id"], "status": status, "body": told})
        return json.dumps({"responses": rows}).encode(), "application/json"

    def _google(self, text: str) -> tuple[bytes, str]:
        parts = []
        for piece in text.split("\n--")[:200]:
            lines = piece.splitlines()
            id_ = next((x for x in lines if x.lower().startswith("content-id:")), "")
            asked = next((line for line in lines if line.startswith("GET ")), None)
            if asked is None:
                continue
            status, told = self.told(asked.split()[1])
            name = id_.partition(":")[2].strip().replace("<", "<response-", 1)
            head = f"Content-Type: application/http\r\nContent-ID: {name}\r\n\r\n"
            head += f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n"
            parts.append(
                (head + f"Content-Length: {len(told)}\r\n\r\n").encode() + told
            )
        body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
        return body, "multipart/mixed; boundary=b"

    @contextlib.contextmanager
    def open(self, _web, method, url, body=None, headers=None, params=None):
        answer = self.send(_web, method, url)
        yield _Incoming(answer.status, answer.headers, answer.content)


class _Incoming:
    def __init__(self, status, headers, content):
        self.status, self.headers, self._content = status, headers, content

    def pieces(self, most, seconds):
        for at in range(0, len(self._content), 1_000):
            yield self._content[at : at + 1_000]


@contextlib.contextmanager
def _answering(data: bytes, default: Callable) -> Iterator[None]:
    api = Api(data, default)
    with (
        talk.no_waiting(),
        mock.patch.object(web.Web, "_send", lambda *a: api.send(*a)),
        mock.patch.object(web.Web, "open", lambda *a, **k: api.open(*a, **k)),
    ):
        yield


def _conversation(connect: Callable, folder: str, ref: str) -> None:
    """Each method of a provider; only ``ProviderError`` comes out."""
    place = Place(folder, "", ref)

    def questions(provider):
        provider.identify()
        provider.confirm([Lookup(place, ref, "<1@x>"), Lookup(Place(folder, "", "zz"))])
        provider.audit(SINCE, refs=True)
        provider.audit()
        for found in provider.search(QUERY, SINCE):
            judge.place(found)

    def headers(provider):
        for found, answer in provider.envelopes([place, Place(folder, "", "zz")]):
            assert found.folder == folder
            if not isinstance(answer, ProviderError):
                judge.presence(answer)

    def attached(provider):
        for part in ("1", "2"):
            sum(map(len, provider.attachment(place, part)))

    for ask in (_pull, questions, headers, attached):
        try:
            provider = connect()
            ask(provider)
        except ProviderError as error:
            assert error.code in type(error).codes, error.code


def _pull(provider) -> None:
    cursor = None
    for _round in range(4):
        batch = provider.pull(cursor, None, Budget(mails=50, seconds=3))
        # what goes into the database must come out of it the same
        assert json.loads(json.dumps(batch.cursor)) == batch.cursor
        json.dumps(batch.cursor, ensure_ascii=False).encode("utf-8")
        assert "\\u0000" not in json.dumps(batch.cursor), "NUL in a cursor"
        for folder in batch.folders or ():
            judge.folder(folder)
        places = [presence.place for presence in batch.present]
        known = []
        for presence in batch.present:
            judge.presence(presence)
            if presence.envelope is not None:
                known.append((presence.place, presence.envelope))
        bare = [p.place for p in batch.present if p.envelope is None][:50]
        for place, answer in provider.envelopes(bare):
            assert place in bare
            if not isinstance(answer, ProviderError):
                judge.presence(answer)
                known.append((place, answer.envelope))
        texts = []
        for place, answer in provider.facts(known[:50]):
            assert place in places
            if isinstance(answer, Envelope):
                judge.envelope(answer)
                texts.append((place, answer))
        for place, answer in provider.fetch(texts):
            assert place in places
            if isinstance(answer, Body):
                judge.body(answer)
        cursor = batch.cursor
        if not batch.more:
            break


# --- Gmail ----------------------------------------------------------------------------


def at_gmail() -> Provider:
    """Gmail's client, with a token that holds."""
    secret = {"refresh_token": "r", "access_token": "t"}
    secret["expires_at"] = int(time.time()) + 3_600
    return gmail.connect(
        json.dumps(secret),
        client_id="c",
        client_secret="s",
        address="a@b.example",
        endpoint="https://gmail.test",
        token_uri="https://login.test/token",
        units_per_minute=10**12,
    )


def google(data: bytes) -> None:
    """Gmail's API."""
    with _answering(data, api_says.google):
        _conversation(at_gmail, "all", "m1")


def google_seeds() -> Iterator[bytes]:
    yield b""
    yield _said(("/messages/", MESSAGE))
    html = {"mimeType": "text/html", "body": {"size": 9, "data": "PGI-aGk8L2I-"}}
    yield _said(("/messages/", {**MESSAGE, "payload": {**PAYLOAD, **html}}))
    history = {
        "history": [
            {"id": "10", "messagesAdded": [{"message": {"id": "m2"}}]},
            {"id": "11", "messagesDeleted": [{"message": {"id": "m1"}}]},
            {
                "id": "12",
                "labelsAdded": [{"labelIds": ["TRASH"], "message": {"id": "m3"}}],
                "labelsRemoved": [{"labelIds": ["SPAM"], "message": {"id": "m4"}}],
            },
        ],
        "historyId": "12",
        "nextPageToken": "p",
    }
    yield _said(("/history", history))
    listed = {"messages": [{"id": f"m{n}"} for n in range(5)], "nextPageToken": "n"}
    yield _said(("/messages?", listed), ("/messages?", {**listed, "nextPageToken": 0}))
    error = {"error": {"code": 403, "errors": [{"reason": "rateLimitExceeded"}]}}
    for asked in ("/messages/", "/messages?", "/history", "/profile", "/token"):
        for status in (400, 401, 403, 404, 429, 500):
            yield _said((asked, error), status=status)
    yield b"batch 200\n--b\r\nContent-ID: <response-1>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}"


def _said(*pairs, status: int = 200) -> bytes:
    return talk.SEPARATOR.join(
        f"{question}\n{status}\n{json.dumps(told)}".encode() for question, told in pairs
    )


# --- Graph ----------------------------------------------------------------------------


def at_graph() -> Provider:
    """Graph's client, with a token that holds."""
    return microsoft.connect(
        secret_of("a@b.example"),
        client_id=CLIENT_ID,
        client_secret="s",
        authority="https://login.test/common",
        endpoint="https://graph.test",
    )


def graph(data: bytes) -> None:
    """Microsoft's API."""
    with _answering(data, api_says.microsoft):
        _conversation(at_graph, "in", "AA1=")


def graph_seeds() -> Iterator[bytes]:
    yield b""
    yield _said(("/messages/AA1=", ITEM))
    yield _said(("/messages/delta", {**CHANGES, "value": [ITEM, {"id": "B"}]}))
    gone = {"id": "AA1=", "@removed": {"reason": "deleted"}}
    following = {"@odata.nextLink": f"{ROOT}/me/mailFolders/in/messages/delta?$skip=1"}
    yield _said(
        ("/messages/delta", {"value": [ITEM], **following}),
        ("/messages/delta", {"value": [gone], **following}),
        ("/messages/delta", CHANGES),
    )
    loop = {"value": [ITEM], "@odata.nextLink": f"{ROOT}/me/messages?$skip=1"}
    yield _said(("/messages?", loop))
    away = {"value": [], "@odata.nextLink": "https://evil.test/v1.0/me"}
    yield _said(("/messages/delta", away))
    deep = [{"id": str(n), "parentFolderId": str(n + 1)} for n in range(30)]
    yield _said(("/mailFolders/delta", {**FOLDERS, "value": deep + FOLDERS["value"]}))
    error = {"error": {"code": "ErrorAccessDenied", "message": "x"}}
    for asked in ("/messages/", "/messages/delta", "/mailFolders/delta", "/me?"):
        for status in (400, 401, 403, 404, 410, 429, 500, 503):
            yield _said((asked, error), status=status)


WORDS = (
    *(b"\n----\n", b"\n200\n", b"\n404\n", b"\n429\n", b"\n410\n", b"batch\n200\n"),
    *(b"/messages/\n200\n", b"/messages?\n200\n", b"/history\n200\n", b"/delta\n200\n"),
    *(b"null", b"true", b"[]", b"{}", b'""', b"0", b"-1", b"1e999", b"9" * 30),
    *(b'"\\u0000"', b'"\\ud800"', b"\\u0000", b"\\udc00", b"\\r\\n", b"\\u202e"),
    *(b'"id": ', b'"historyId": ', b'"nextPageToken": ', b'"labelIds": ["TRASH"]'),
    *(b'"payload": ', b'"parts": [', b'"headers": [', b'"body": {"data": "'),
    *(b'"internalDate": ', b'"sizeEstimate": ', b'"mimeType": "', b'"filename": "'),
    *(b'"messagesAdded": [{"message": {"id": "m1"}}]', b'"attachmentId": "'),
    *(
        b'"@odata.nextLink": "',
        b'"@odata.deltaLink": "',
        b"https://graph.test/v1.0/me/",
    ),
    *(b'"@removed": {}', b'"value": [', b'"emailAddress": {"address": "'),
    *(b'"receivedDateTime": "', b'"0001-01-01T00:00:00Z"', b'"9999-12-31T23:59:59Z"'),
    *(b'"internetMessageHeaders": [', b'"singleValueExtendedProperties": ['),
    *(b'"isDraft": true', b'"error": {"code": "', b'"parentFolderId": "', b"Infinity"),
)
