# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does an owner let us read a mailbox without giving a password? OAuth 2.0.

The authorization code flow with PKCE (RFC 6749 section 4.1, RFC 7636)::

    beginning = begin("gmail", settings, redirect_uri, state, login_hint)
    ...           # keep beginning.flow on the server; the browser goes to beginning.url
    secret = finish("gmail", settings, beginning.flow, answer)    # what it brought back
    open_mailbox("gmail", settings, secret).identify()             # who consented?

``settings`` are those of the provider's ``connect``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

from .base import ProviderError


class ConsentRefused(ProviderError):
    """The owner or the provider said no; nothing was granted."""

    codes = (
        "consent_denied",  # the owner pressed Cancel
        "consent_expired",  # the code is used up or too old: begin again
        "wrong_account_kind",  # personal where work accounts are let in, or vice versa
        "sign_in_failed",  # the provider had trouble, or the account has
        "state_mismatch",  # the answer belongs to another beginning
    )


@dataclass(frozen=True, slots=True)
class Beginning:
    """:param url: where the browser goes
    :param flow: JSON-able; secret (PKCE verifier): stays on the server until the answer
    """

    url: str
    flow: dict


def begin(
    kind: str, settings: dict, redirect_uri: str, state: str, login_hint: str = ""
) -> Beginning:
    """Where to send the browser.

    :param state: comes back with the answer
    :param login_hint: the address whose account is asked for
    :raises Unavailable, NotAllowed: Microsoft's endpoints are discovered first
    """
    return _of(kind).begin(settings, redirect_uri, state, login_hint)


def finish(kind: str, settings: dict, flow: dict, answer: Mapping[str, str]) -> str:
    """The secret for ``open_mailbox``, out of what the browser came back with.

    :param answer: ``code`` and ``state``, or ``error`` and ``error_description``
    :raises ConsentRefused: the owner pressed Cancel, the code is used up, ...
    :raises LoginRequired: ``consent_missing``: the box for reading mail was not ticked
    :raises NotAllowed: wrong client id or secret, blocked by the company, ...
    :raises Unavailable: the provider cannot be reached
    """
    return _of(kind).finish(settings, flow, answer)


def revoke(kind: str, settings: dict, secret: str) -> bool:
    """Give the consent back. :return: whether the provider has such a thing and did it

    :raises Unavailable: the provider cannot be reached
    """
    return _of(kind).revoke(settings, secret)


def test(kind: str, settings: dict, redirect_uri: str) -> None:
    """Does the provider know this client id and secret? No user is needed.

    :raises NotAllowed: ``client_refused``, ``redirect_refused``
    :raises Unavailable: the provider cannot be reached
    """
    _of(kind).test(settings, redirect_uri)


def _of(kind: str) -> ModuleType:
    if kind == "gmail":
        from . import gmail_consent

        return gmail_consent
    if kind == "microsoft":
        from . import microsoft_consent

        return microsoft_consent
    raise ValueError(f"no consent for mailboxes of kind {kind!r}")
