# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Conversations with servers, as bytes: what a server answers, and to what.

    UID FETCH
    * 1 FETCH (UID 1 ...
    {tag} OK done
    ----
    EXAMINE
    ...

Answers to one question are taken in their order, the last one for ever; a question
without any gets the one a well-behaved server gives. So a conversation may be as short
as the one answer that is odd.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from unittest import mock

SEPARATOR = b"\n----\n"
#: Answers in one conversation; and how many questions it may lead to.
MOST = 40
MOST_ASKED = 1_500


class TooMany(AssertionError):
    """A server got asked and asked: nothing bounds the conversation."""


class Script:
    """:ivar asked: questions so far"""

    def __init__(self, data: bytes):
        self._answers: dict[bytes, list[bytes]] = {}
        for piece in data.split(SEPARATOR, MOST):
            question, _line, answer = piece.partition(b"\n")
            self._answers.setdefault(question.strip()[:60], []).append(answer)
        self._answers.pop(b"", None)
        self.asked = 0

    def answer(self, question: bytes) -> bytes | None:
        """The next answer to it. :return: ``None``: none of its own"""
        self.asked += 1
        if self.asked > MOST_ASKED:
            raise TooMany(f"{MOST_ASKED} questions")
        for key, waiting in self._answers.items():
            if key in question:
                return waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return None


def written(*pairs: tuple[str, str | bytes]) -> bytes:
    """A conversation out of (question, answer)."""
    return SEPARATOR.join(
        question.encode()
        + b"\n"
        + (answer.encode() if isinstance(answer, str) else answer)
        for question, answer in pairs
    )


@contextlib.contextmanager
def no_waiting() -> Iterator[None]:
    """What a server asks to be waited for is not waited for here."""
    with mock.patch("time.sleep", lambda seconds: None):
        yield
