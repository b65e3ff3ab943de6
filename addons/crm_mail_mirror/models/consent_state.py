# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whose sign-in does an answer from Google or Microsoft belong to?

The browser carries the state there and back. It is signed, so that nobody can make one;
it names the user, the mailbox and the provider; and its nonce opens the flow that only
the session of the browser which began holds, once.
"""

from __future__ import annotations

import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from odoo.tools import consteq

from .crm_mail_mirror_credential import keyring

#: Seconds from the beginning of a sign-in to its answer.
LIFETIME = 600
#: Sign-ins that one browser may have begun at once, and used ones it remembers.
_FLOWS, _USED = 5, 20
_KEY = "crm_mail_mirror_consent"


class StateForged(Exception):
    """It was not made here, or changed on its way."""


@dataclass(frozen=True, slots=True)
class State:
    """:param made: unix time"""

    nonce: str
    kind: str
    user_id: int
    mailbox_id: int
    made: int

    @classmethod
    def make(cls, kind: str, user_id: int, mailbox_id: int) -> State:
        nonce = secrets.token_urlsafe(24)
        return cls(nonce, kind, user_id, mailbox_id, int(time.time()))

    @property
    def expired(self) -> bool:
        # one that comes from the future is as good as expired
        return not 0 <= time.time() - self.made <= LIFETIME

    def sign(self) -> str:
        """:raises KeyUnusable: no usable key on this server"""
        facts = [self.nonce, self.kind, self.user_id, self.mailbox_id, self.made]
        text = urlsafe_b64encode(json.dumps(facts).encode()).decode()
        return f"{text}.{keyring().digest('consent_state', text)}"

    @classmethod
    def parse(cls, signed: str) -> State:
        """
        :raises StateForged: another or no signature
        :raises KeyUnusable: no usable key on this server
        """
        text, _dot, signature = signed.partition(".")
        right = keyring().digests("consent_state", text)
        # all are compared: how long it takes says nothing
        same = [consteq(signature.encode(), digest.encode()) for digest in right]
        if not any(same):
            raise StateForged
        return cls(*json.loads(urlsafe_b64decode(text)))


def keep_flow(session, state: State, flow: dict) -> None:
    """What the answer will be checked with stays on the server, with the session."""
    kept = dict(session.get(_KEY) or {})
    flows = {
        nonce: entry
        for nonce, entry in (kept.get("flows") or {}).items()
        if time.time() - entry["made"] <= LIFETIME
    }
    flows[state.nonce] = {"made": state.made, "flow": flow}
    kept["flows"] = dict(list(flows.items())[-_FLOWS:])
    session[_KEY] = kept


def take_flow(session, state: State) -> tuple[dict | None, bool]:
    """The flow of a sign-in, for the only time; else ``None``.

    :return: and whether this session has used it before
    """
    kept = dict(session.get(_KEY) or {})
    flows, used = dict(kept.get("flows") or {}), list(kept.get("used") or [])
    entry = flows.pop(state.nonce, None)
    if entry is None:
        return None, state.nonce in used
    session[_KEY] = {"flows": flows, "used": [*used, state.nonce][-_USED:]}
    return entry["flow"], False
