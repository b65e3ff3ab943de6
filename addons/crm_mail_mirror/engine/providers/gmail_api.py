# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is Gmail's API asked? Each question once, paid for in quota units.

``google-api-python-client`` makes the requests and reads the answers, out of the
discovery document that it brings along. It is given our HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import httplib2
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import HttpRequest

from .. import charsets
from .base import Unavailable
from .gmail_errors import Refused, meaning, refused
from .gmail_quota import UNITS, Bucket
from .gmail_tokens import Tokens
from .silence import silence
from .web import Web

#: Entries that a page of a list or of the history may have; 500 is Gmail's limit.
PAGE = 500
#: What reading an odd answer may raise in the library.
ODD = (ValueError, LookupError, AttributeError, TypeError, RecursionError)


class Wire:
    """What the library takes for ``httplib2.Http``. Signs, and renews the token once:

    it may have died before its time, or one of the clocks is wrong.
    """

    def __init__(self, web: Web, tokens: Tokens):
        self._web, self._tokens = web, tokens

    def request(self, uri, method="GET", body=None, headers=None, **_):
        answer = self._send(uri, method, body, headers)
        if answer.status == 401:
            self.renew()
            answer = self._send(uri, method, body, headers)
        told = {**answer.headers, "status": str(answer.status)}
        return httplib2.Response(told), answer.content

    def renew(self) -> None:
        self._tokens.renew()

    def _send(self, uri, method, body, headers):
        return self._web.send(method, uri, body, self.signed(headers))

    def signed(self, headers: dict | None = None) -> dict[str, str]:
        return {**(headers or {}), "authorization": self._tokens.header()}


@dataclass(frozen=True, slots=True)
class Methods:
    """What makes a request, of each method that is used."""

    profile: Callable[..., HttpRequest]
    history: Callable[..., HttpRequest]
    list: Callable[..., HttpRequest]
    get: Callable[..., HttpRequest]
    attachment: Callable[..., HttpRequest]
    label: Callable[..., HttpRequest]
    labels: Callable[..., HttpRequest]
    send_as: Callable[..., HttpRequest]


@lru_cache(maxsize=4)
def _methods(endpoint: str) -> Methods:
    """Made once: for each connection it would be the dearest part of an idle pass.

    The library's objects may be shared by threads, as long as each request is sent
    over a connection of its own.
    """
    with silence():
        service = build(
            "gmail",
            "v1",
            http=_Nowhere(),
            static_discovery=True,
            cache_discovery=False,
            client_options={"api_endpoint": endpoint},
        )
        users = service.users()
        messages = users.messages()
        return Methods(
            profile=users.getProfile,
            history=users.history().list,
            list=messages.list,
            get=messages.get,
            attachment=messages.attachments().get,
            label=users.labels().get,
            labels=users.labels().list,
            send_as=users.settings().sendAs().list,
        )


class _Nowhere:
    """In place of HTTP: each request is told over which connection it goes."""

    def request(self, *_args, **_kwargs):
        raise AssertionError("sent over no connection")


class Api:
    """Questions to one mailbox.

    :ivar end: ``time.monotonic()`` after which nothing is asked any more: ``OutOfTime``
    """

    def __init__(self, web: Web, tokens: Tokens, endpoint: str, bucket: Bucket):
        self.web, self.bucket = web, bucket
        self.traffic = web.traffic
        self.end: float | None = None
        self.wire = Wire(web, tokens)
        self.batch_uri = f"{endpoint.rstrip('/')}/batch/gmail/v1"
        self._methods = _methods(endpoint)

    # --- one by one -------------------------------------------------------------------

    def profile(self) -> dict:
        return self._ask(self._methods.profile)

    def history(self, since: str) -> dict:
        """What changed after this history id. :raises Refused: 404: too long ago"""
        told = self._ask(
            self._methods.history,
            expected=(404,),
            startHistoryId=since,
            maxResults=PAGE,
            fields=(
                "historyId,nextPageToken,history(id,messagesAdded/message(id,labelIds),"
                "messagesDeleted/message(id),labelsAdded(labelIds,message(id,labelIds)),"
                "labelsRemoved(labelIds,message(id,labelIds)))"
            ),
        )
        _must_be_list(told, "history")
        return told

    def list(
        self, query: str, page: str = "", labels: Sequence[str] = (), most: int = 0
    ) -> tuple[list[str], str]:
        """Ids of a page of mails, the newest first, and the token of the next page.

        :param labels: ids: only mail that bears all of them
        :param most: on one page, if it is to be shorter than usual
        :raises Refused: 400: this page token is worth nothing any more, or 400, 404:
            there is no such label
        """
        more = {"pageToken": page} if page else {}
        if query:
            more["q"] = query
        if labels:
            more["labelIds"] = list(labels)
        told = self._ask(
            self._methods.list,
            expected=(400, 404) if labels else (400,) if page else (),
            maxResults=min(PAGE, most or PAGE),
            includeSpamTrash=False,
            fields="messages/id,nextPageToken",
            **more,
        )
        _must_be_list(told, "messages")
        following = charsets.ascii_id(told.get("nextPageToken"))
        if page and following == page:
            raise Unavailable("garbage", "a page that follows itself")
        return ids_of(told.get("messages")), following

    def label_total(self, label: str) -> int:
        told = self._ask(self._methods.label, id=label, fields="messagesTotal")
        return integer(told.get("messagesTotal"))

    def labels(self) -> list[dict]:
        """All labels of the mailbox, Gmail's own ones too: id, name, type."""
        told = self._ask(self._methods.labels, fields="labels(id,name,type)")
        _must_be_list(told, "labels")
        found = [one for one in listed(told.get("labels")) if id_of(one)]
        if not found:
            # each mailbox has some: this would mean that all were deleted
            raise Unavailable("garbage", "no labels")
        return found

    def send_as(self) -> list[dict]:
        """:raises Refused: 403, 404: not for us"""
        fields = "sendAs(sendAsEmail,isPrimary,verificationStatus)"
        told = self._ask(self._methods.send_as, expected=(403, 404), fields=fields)
        return [one for one in listed(told.get("sendAs")) if isinstance(one, dict)]

    def get(self, message: str, **how) -> HttpRequest:
        """A request for a mail, not sent yet.

        :param how: ``format`` and ``fields`` of ``users.messages.get``
        """
        with silence():
            return self._methods.get(userId="me", id=message, **how)

    def attachment(self, message: str, attachment: str) -> HttpRequest:
        """A request for the bytes, not sent yet; its answer may be big."""
        with silence():
            return self._methods.attachment(
                userId="me", messageId=message, id=attachment, fields="data"
            )

    def _ask(self, method: Callable, expected: Sequence[int] = (), **question) -> dict:
        with silence():
            request = method(userId="me", **question)
        try:
            return self.execute(request)
        except Refused as answer:
            if answer.status in expected and not answer.is_throttle:
                raise
            raise meaning(answer) from None

    def execute(self, request: HttpRequest) -> dict:
        """:raises Refused: with whatever status"""
        self.pay(request)
        try:
            with silence():
                told = request.execute(http=self.wire)
        except HttpError as error:
            raise self.refusal(error) from None
        except ODD:
            raise Unavailable("garbage", "unreadable answer") from None
        if not isinstance(told, dict):
            raise Unavailable("garbage", "unreadable answer")
        return told

    def pay(self, *requests: HttpRequest) -> None:
        """Wait for the units. :raises OutOfTime: that would take too long"""
        units = sum(UNITS[request.methodId] for request in requests)
        self.bucket.take(units, self.end)
        self.traffic.units += units

    def refusal(self, error: HttpError) -> Refused:
        answer = refused(int(error.resp.status), error.resp, error.content or b"")
        if answer.is_throttle:
            self.bucket.empty()
            self.bucket.rest(answer.retry_after or 0.0)
        return answer


# --- answers may be odd --------------------------------------------------------------


def _must_be_list(told: dict, name: str) -> None:
    """Missing it is empty; of another shape it says nothing of what is there."""
    if not isinstance(told.get(name, []), list):
        raise Unavailable("garbage", f"{name} are no list")


def listed(value: object) -> list:
    return value if isinstance(value, list) else []


def integer(value: object) -> int:
    """Of a number, or of a string of digits as the API writes 64 bits."""
    try:
        found = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return 0
    return found if abs(found) < 2**64 else 0


def id_of(value: object) -> str:
    """The id of a message resource, ``""`` when there is none."""
    return charsets.ascii_id(value.get("id")) if isinstance(value, dict) else ""


def ids_of(values: object) -> list[str]:
    return [found for value in listed(values) if (found := id_of(value))]
