# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does it mean when Google says no?

The texts of Google's answers may quote the question: only the reason codes, which are
single words, get into ``detail``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from .base import LoginRequired, NotAllowed, ProviderError, Throttled, Unavailable

#: Seconds to wait when Google says that it was too much, but not for how long; and when
#: the units of a whole day are used up.
PAUSE, DAY = 60.0, 3600.0
MAX_PAUSE = 86_400.0

_RATE = frozenset({"ratelimitexceeded", "userratelimitexceeded", "rate_limit_exceeded"})
_DAILY = frozenset({"dailylimitexceeded", "quotaexceeded", "dailylimitexceededunreg"})
_MEANINGS: tuple[tuple[frozenset[str], type[ProviderError], str], ...] = (
    (
        frozenset({"accessnotconfigured", "service_disabled", "api_disabled"}),
        NotAllowed,
        "api_disabled",
    ),
    (
        frozenset({"domainpolicy", "admin_policy_enforced", "org_internal"}),
        NotAllowed,
        "blocked_by_company",
    ),
    (
        frozenset({"insufficientpermissions", "access_token_scope_insufficient"}),
        LoginRequired,
        "consent_missing",
    ),
    # 400: "Mail service not enabled"
    (
        frozenset({"failedprecondition", "failed_precondition"}),
        NotAllowed,
        "no_mailbox",
    ),
    (frozenset({"autherror"}), LoginRequired, "access_revoked"),
)
_WORD = re.compile(r"[A-Za-z][A-Za-z_]{0,60}")
_RETRY_AFTER = re.compile(r"[Rr]etry after (\d{4}-\d\d-\d\dT[0-9:.]{8,15}Z)")


class Refused(Exception):
    """An answer of the API that is not 2xx.

    :param reasons: all reason codes in it, in lower case
    :param retry_after: seconds, ``None`` when it does not say
    """

    def __init__(self, status: int, reasons=frozenset(), retry_after=None):
        super().__init__(status)
        self.status = status
        self.reasons: frozenset[str] = frozenset(reasons)
        self.retry_after: float | None = retry_after

    @property
    def is_throttle(self) -> bool:
        return self.status == 429 or bool(self.reasons & (_RATE | _DAILY))

    @property
    def is_passing(self) -> bool:
        """Is it likely to go when asked once more?"""
        return self.is_throttle or self.status >= 500 or self.status in (401, 408)


def refused(status: int, headers: Mapping[str, str], content: bytes) -> Refused:
    """Read the answer's reasons, in each of the ways in which Google writes them."""
    reasons: list[object] = []
    message: object = ""
    try:
        error = json.loads(content).get("error")
    except (ValueError, AttributeError, RecursionError):
        error = None
    if isinstance(error, str):
        reasons.append(error)
    elif isinstance(error, dict):
        message = error.get("message")
        reasons.append(error.get("status"))
        for key in ("errors", "details"):
            entries = error.get(key)
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, dict):
                    reasons.append(entry.get("reason"))
    words = {
        reason.lower()
        for reason in reasons
        if isinstance(reason, str) and _WORD.fullmatch(reason)
    }
    return Refused(status, words, _retry_after(headers, message))


def _retry_after(headers: Mapping[str, str], message: object) -> float | None:
    """``Retry-After`` (RFC 9110 section 10.2.3), or Gmail's sentence with a time."""
    told = headers.get("retry-after", "").strip()
    seconds = None
    try:
        if told:
            seconds = float(told) if told.isdigit() else _until(_http_date(told))
        elif isinstance(message, str) and (found := _RETRY_AFTER.search(message)):
            seconds = _until(datetime.fromisoformat(found[1].replace("Z", "+00:00")))
    except (ValueError, TypeError, OverflowError):
        return None
    return None if seconds is None else min(max(seconds, 1.0), MAX_PAUSE)


def _http_date(text: str) -> datetime:
    moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _until(moment: datetime) -> float:
    return (moment - datetime.now(UTC)).total_seconds()


def meaning(answer: Refused) -> ProviderError:
    """The error of ``base`` for an answer that concerns the account as a whole."""
    words = " ".join([str(answer.status), *sorted(answer.reasons)])[:200]
    if answer.reasons & _DAILY:
        return Throttled("throttled", words, max(answer.retry_after or 0, DAY))
    if answer.is_throttle:
        return Throttled("throttled", words, answer.retry_after or PAUSE)
    for reasons, kind, code in _MEANINGS:
        if answer.reasons & reasons:
            return kind(code, words)
    if answer.status == 401:
        return LoginRequired("access_revoked", words)
    if answer.status in (502, 503, 504) and answer.retry_after:
        return Throttled("throttled", words, answer.retry_after)
    if 300 <= answer.status < 400:
        return Unavailable("garbage", words)  # such as the login page of a network
    return Unavailable("server_error", words)


# --- the token endpoint --------------------------------------------------------------

_CLIENT = frozenset(
    {"invalid_client", "unauthorized_client", "deleted_client", "disabled_client"}
)
_COMPANY = frozenset({"admin_policy_enforced", "org_internal"})


def of_oauth(told: object, grant: ProviderError) -> ProviderError:
    """What an error of OAuth 2.0 means (RFC 6749 section 5.2, and Google's own).

    :param told: the answer, decoded
    :param grant: what ``invalid_grant`` means here
    """
    told = told if isinstance(told, dict) else {}
    words = {
        value.lower()
        for key in ("error", "error_subtype", "error_description")
        if isinstance(value := told.get(key), str) and _WORD.fullmatch(value)
    }
    detail = " ".join(sorted(words))[:200]
    if words & _COMPANY:
        return NotAllowed("blocked_by_company", detail)
    if words & _CLIENT:
        return NotAllowed("client_refused", detail)
    if "redirect_uri_mismatch" in words:
        return NotAllowed("redirect_refused", detail)
    if words & {"invalid_rapt", "rapt_required"}:
        return LoginRequired("sign_in_again", detail)
    if "invalid_grant" in words:
        grant.detail = detail
        return grant
    if words & {"rate_limit_exceeded", "slow_down"}:
        return Throttled("throttled", detail, PAUSE)
    if not words:
        return Unavailable("garbage", "token endpoint")
    return Unavailable("server_error", detail)
