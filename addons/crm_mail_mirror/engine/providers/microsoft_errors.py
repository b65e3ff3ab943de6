# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What do the errors of Entra (sign-in) and Graph (mail) mean to us?

https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
https://learn.microsoft.com/en-us/graph/errors
"""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping

from .base import (
    LoginRequired,
    MessageBroken,
    MessageGone,
    NotAllowed,
    ProviderError,
    Throttled,
    Unavailable,
)
from .consent import ConsentRefused

#: Seconds to wait where a server says "too much" but not how long.
RETRY_AFTER = 30.0

# --- Entra ----------------------------------------------------------------------------

_AADSTS = re.compile(r"AADSTS(\d{4,7})")
#: The administrator of the tenant has to act, the owner cannot.
_BY_COMPANY = {
    *(90092, 90093, 90094, 90095),  # an administrator has to consent
    *(50105, 7000112),  # app not assigned to the user, disabled
    *(53003, 530032, 530034, 53011),  # blocked by conditional access
}
#: The owner can satisfy it by signing in: another factor, a device, its frequency.
_SIGN_IN = {
    *(50072, 50074, 50076, 50078, 50079, 50158, 50097, 50129, 50131, 16000),
    *(53000, 53001, 53002, 53004, 53010, 70043, 70044, 50058, 50132),
}
#: An account that this client does not let in: of another tenant, personal, or not.
_OTHER_KIND = {50020, 50177, 50178, 90072, 9001023}
#: The registration has no leave to ask for mail.
_PERMISSIONS = {650057, 65005, 70011}
#: The account itself: no such, disabled, locked.
_ACCOUNT = {50034, 50057, 50053, 50055, 50056}
_CLIENT = {700016, 7000215, 7000216, 7000218, 7000222, 700027, 90002, 900023, 900971}
_SUBERRORS = {"basic_action", "additional_action", "message_only", "consent_required"}
_WRONG_CLIENT = {"invalid_client", "unauthorized_client", "invalid_scope"}


def entra_problem(result: Mapping, consenting: bool = False) -> ProviderError:
    """:param result: ``error`` and ``error_description``, ``suberror``, ``error_codes``
    of a token answer, or the parameters the browser came back with
    :param consenting: an owner is just linking the mailbox; else a token was refreshed
    """
    error = _word(result.get("error"))
    codes = _codes(result)
    detail = " ".join([error, *(f"AADSTS{code}" for code in sorted(codes))])
    if 50011 in codes or 500113 in codes:
        return NotAllowed("redirect_refused", detail)
    if codes & _CLIENT or error in _WRONG_CLIENT:
        return NotAllowed("client_refused", detail)
    if codes & _PERMISSIONS:
        return NotAllowed("permissions_missing", detail)
    if codes & _OTHER_KIND:
        if consenting:
            return ConsentRefused("wrong_account_kind", detail)
        return LoginRequired("access_revoked", detail)
    if codes & _BY_COMPANY or (consenting and 65001 in codes):
        return NotAllowed("blocked_by_company", detail)
    if error in ("temporarily_unavailable", "server_error", "slow_down"):
        return Unavailable("server_error", detail)
    if consenting and (error == "access_denied" or 65004 in codes):
        return ConsentRefused("consent_denied", detail)
    asks = error in ("interaction_required", "login_required", "consent_required")
    if asks or codes & _SIGN_IN or 65001 in codes or _suberror(result) in _SUBERRORS:
        return LoginRequired("sign_in_again", detail)
    if consenting and error and (codes & _ACCOUNT or error != "invalid_grant"):
        return ConsentRefused("sign_in_failed", detail)
    if error == "invalid_grant":
        if consenting:
            return ConsentRefused("consent_expired", detail)
        return LoginRequired("access_revoked", detail)
    if error == "access_denied":
        return LoginRequired("access_revoked", detail)
    return Unavailable("server_error", detail)


def _codes(result: Mapping) -> set[int]:
    told = result.get("error_codes")
    codes = {code for code in told if isinstance(code, int)} if _list(told) else set()
    text = str(result.get("error_description") or "")[:4_000]
    return codes | {int(code) for code in _AADSTS.findall(text)[:1]}


def _list(value: object) -> bool:
    return isinstance(value, list)


def _suberror(result: Mapping) -> str:
    return str(result.get("suberror") or result.get("classification") or "")


# --- Graph ----------------------------------------------------------------------------

#: The state of a delta is forgotten: list again.
_RESYNC = {
    "syncstatenotfound",
    "syncstateinvalid",
    "resyncrequired",
    "fullsyncrequired",
}
_NO_MAILBOX = {
    "mailboxnotenabledforrestapi",
    "mailboxnotsupportedforrestapi",
    "errornonexistentmailbox",
    "errormailboxnotfound",
    "errornomailboxfound",
    "resourcenotfound",
}


def code_of(told: object) -> str:
    """``ErrorItemNotFound``, ... of an answer's body; ``""`` when it tells none."""
    error = told.get("error") if isinstance(told, dict) else None
    return _word(error.get("code")) if isinstance(error, dict) else ""


def is_resync(status: int, told: object) -> bool:
    return status == 410 or (status >= 400 and code_of(told).lower() in _RESYNC)


def graph_problem(
    status: int, headers: Mapping[str, str], told: object, one_mail: bool = False
) -> ProviderError:
    """:param status: 400 or more
    :param one_mail: it was asked for one mail, or something on it
    """
    code = code_of(told)
    known = code.lower()
    detail = f"HTTP {status} {code}".rstrip()
    if status == 429 or known == "applicationthrottled":
        return Throttled(detail=detail, retry_after=retry_after(headers))
    if status == 401:
        return LoginRequired("access_revoked", detail)
    if one_mail and status in (404, 410):
        return MessageGone("message_gone", detail)
    if one_mail and known in ("errorinvalididmalformed", "erroritemnotfound"):
        return MessageGone("message_gone", detail)
    if one_mail and status == 403:
        # a mail may have rights of its own; what concerns all is told by the folders
        return MessageBroken("message_refused", detail)
    if known in _NO_MAILBOX:
        return NotAllowed("no_mailbox", detail)
    if status == 403:
        return LoginRequired("consent_missing", detail)
    if one_mail and status <= 500:
        # 500 on one mail is a mail that Exchange chokes on; the others can be had
        return MessageBroken("message_refused", detail)
    if status == 503 and retry_after(headers, 0):
        return Throttled(detail=detail, retry_after=retry_after(headers))
    return Unavailable("server_error" if status >= 500 else "garbage", detail)


def retry_after(headers: Mapping[str, str], default: float = RETRY_AFTER) -> float:
    """Seconds; the field holds them, or a date (RFC 9110 section 10.2.3)."""
    told = next((v for k, v in headers.items() if k.lower() == "retry-after"), None)
    if told is None:
        return default
    told = str(told).strip()
    if re.fullmatch(r"\d{1,9}(\.\d*)?", told):
        return min(float(told), 86_400.0)
    try:
        until = email.utils.parsedate_to_datetime(told).timestamp()
    except (TypeError, ValueError, OverflowError):
        return default
    return min(max(until - time.time(), 0.0), 86_400.0)


def _word(value: object) -> str:
    """What a server calls an error, harmless enough for a log."""
    return re.sub(r"[^\w.]", "", str(value or ""), flags=re.ASCII)[:60]
