# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How are many mails had in one request, when one of them may be poison?

https://developers.google.com/workspace/gmail/api/guides/batch: each call in a batch
costs what it costs alone, and fails alone. Google advises not to put more than 50 in.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from googleapiclient.errors import BatchError, HttpError
from googleapiclient.http import BatchHttpRequest, HttpRequest

from .base import ProviderError, Throttled, Unavailable
from .gmail_api import ODD, Api
from .gmail_errors import Refused, meaning
from .silence import silence
from .web import TooBig

#: Seconds to wait before what failed in a batch is asked for alone; what Google wants
#: to be waited for longer is the engine's to wait for.
PAUSE, LONGEST_PAUSE = 1.0, 5.0
#: Mails of one batch that may fail before Gmail itself is held to be ill.
MAX_BROKEN = 10

#: All that is said of an id that no mail can have.
_NO_ID = frozenset({"invalid_argument", "invalidargument"})

#: A mail as it is; why it is refused (404: it is gone); or its answer is unreadable.
Got = dict | Refused | None


def get(api: Api, ids: Sequence[str], **how) -> dict[str, Got]:
    """Mails, at most ``api.bucket.gets`` of them.

    :param how: ``format`` and ``fields`` of ``users.messages.get``
    :raises ProviderError: it is not single mails that fail
    """
    requests = {id_: api.get(id_, **how) for id_ in ids}
    return _Getting(api).get(requests) if requests else {}


class Unreadable(Unavailable):
    """An answer to many questions, one of which may have spoilt it."""


class _Getting:
    def __init__(self, api: Api):
        self._api = api
        self._strikes = MAX_BROKEN

    def get(self, requests: dict[str, HttpRequest]) -> dict[str, Got]:
        """A batch that cannot be read is halved, down to the mail that does it."""
        if len(requests) == 1:
            ((id_, request),) = requests.items()
            return {id_: self._alone(request)}
        try:
            found = self._batch(requests)
            if any(is_refused(one, 401) for one in found.values()):
                self._api.wire.renew()
                found = self._batch(requests)
        except (TooBig, Unreadable):
            some = list(requests.items())
            middle = len(some) // 2
            return self.get(dict(some[:middle])) | self.get(dict(some[middle:]))
        again = []
        for id_, answer in found.items():
            if answer is None or (isinstance(answer, Refused) and answer.is_passing):
                again.append(id_)
            elif isinstance(answer, Refused) and not is_gone(answer):
                _must_be_of_one_mail(meaning(answer))
        self._pause(found[id_] for id_ in again)
        for id_ in again:
            found[id_] = self._alone(requests[id_])
        return found

    def _pause(self, answers: Iterable[Got]) -> None:
        pauses = [
            answer.retry_after or PAUSE
            for answer in answers
            if isinstance(answer, Refused)
        ]
        longest = max(pauses, default=0.0)
        if longest > LONGEST_PAUSE:
            raise Throttled(retry_after=longest)
        time.sleep(longest)

    def _alone(self, request: HttpRequest) -> Got:
        """:raises ProviderError: it is not this mail alone that fails"""
        try:
            return self._api.execute(request)
        except Refused as answer:
            problem: ProviderError = meaning(answer)
            if is_gone(answer):
                return answer
            _must_be_of_one_mail(problem)
            broken: Refused | None = answer
        except Unavailable as trouble:
            if trouble.code != "garbage":
                raise
            problem, broken = trouble, None
        self._strikes -= 1
        if self._strikes < 0:
            raise problem
        return broken

    def _batch(self, requests: dict[str, HttpRequest]) -> dict[str, Got]:
        """:raises Unreadable: at least a part of the answer cannot be read"""
        api = self._api
        found: dict[str, Got] = {}

        def note(id_, told, error):
            if error is not None:
                found[id_] = api.refusal(error)
            else:
                found[id_] = told if isinstance(told, dict) else None

        # not service.new_batch_http_request(): it does not know of another endpoint
        batch = BatchHttpRequest(batch_uri=api.batch_uri)
        for id_, request in requests.items():
            batch.add(request, callback=note, request_id=id_)
        api.pay(*requests.values())
        try:
            with silence():
                batch.execute(http=api.wire)
        except BatchError:  # no batch at all, such as the login page of a network
            raise Unavailable("garbage", "no batch") from None
        except HttpError as error:
            raise meaning(api.refusal(error)) from None
        except ODD:
            raise Unreadable("garbage", "unreadable batch") from None
        return found


def _must_be_of_one_mail(problem: ProviderError) -> None:
    """What has a meaning concerns the account: it is refused as a whole."""
    if problem.code != "server_error":
        raise problem from None


def is_refused(answer: Got, *statuses: int) -> bool:
    return isinstance(answer, Refused) and answer.status in statuses


def is_gone(answer: Got) -> bool:
    """No such mail, or an id that cannot be one's."""
    if is_refused(answer, 400):
        return answer.reasons & _NO_ID == answer.reasons and bool(answer.reasons)
    return is_refused(answer, 404, 410)
