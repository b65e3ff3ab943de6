# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What a server said: no, or what a folder is like."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Characters of what a server says on refusing that are listened to.
MAX_SAID = 2_000


class Refused(Exception):
    """The server answered NO or BAD.

    :param code: response code in capitals (RFC 5530), ``""`` when there is none
    """

    def __init__(self, command: str, answer: str, code: str, text: str):
        super().__init__(f"{command}: {answer} [{code}]")
        self.command, self.answer, self.code = command, answer, code
        self.text = text[:MAX_SAID]


@dataclass(frozen=True, slots=True)
class Examined:
    """What EXAMINE answered (RFC 3501 section 6.3.2, RFC 7162 section 3.1.2).

    The only source of watermarks: what a later answer says may pass over mail that was
    not listed.
    """

    uidvalidity: int
    uidnext: int
    exists: int
    modseq: int | None


def response_code(text: str) -> str:
    """``[UNAVAILABLE] ...`` -> ``UNAVAILABLE`` (RFC 5530)."""
    found = re.match(r"\s*\[([A-Za-z0-9-]{1,40})[\] ]", text)
    return found[1].upper() if found else ""


_BUSY = re.compile(
    r"too many|rate limit|throttl|bandwidth|simultaneous"
    r"|limit exceeded|exceeded.{0,100}limit",
    re.IGNORECASE,
)
_BUSY_CODES = {"LIMIT", "INUSE", "THROTTLED", "OVERQUOTA"}


def is_busy(text: str, code: str = "") -> bool:
    """Does the server say: too much, too fast?"""
    return (code or response_code(text)) in _BUSY_CODES or bool(_BUSY.search(text))
