# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which targets are there, with what does each begin, how much time does it get?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module

#: CPU seconds for one input: to begin with, and for each byte of what it stands for.
#: Real mail takes a thousandth of it; what grows with the square of its length does not
#: stay below.
SECONDS, SECONDS_A_BYTE = 1.0, 0.000_05


class Slow(AssertionError):
    """More time than a mail of this length may take."""


@dataclass(frozen=True)
class Target:
    """:param run: raises whatever is wrong with an input
    :param share: of the minutes, beside those of others
    :param most: bytes of an input
    :param slow: so many times the time of the others may be taken
    """

    name: str
    module: str
    call: str
    seeds: str
    words: str = "seeds.WORDS"
    share: float = 1.0
    most: int = 8_000
    slow: float = 1.0

    def load(self) -> Callable[[bytes], None]:
        """Imports what is under test; only then is it there."""
        run = _find(f"{self.module}.{self.call}")
        limit, a_byte = self.slow * SECONDS, self.slow * SECONDS_A_BYTE

        def timed(data: bytes) -> None:
            began = time.process_time()
            run(data)
            took = time.process_time() - began
            if took > limit + a_byte * len(data):
                # a machine that is busy may be to blame: once more
                began = time.process_time()
                run(data)
                took = min(took, time.process_time() - began)
                if took > limit + a_byte * len(data):
                    raise Slow(f"{took:.1f} s for {len(data)} bytes")

        return timed

    def begin_with(self) -> Iterable[bytes]:
        return (seed[: self.most] for seed in _find(self.seeds)())

    def dictionary(self) -> tuple[bytes, ...]:
        return _find(self.words)


def _find(name: str):
    module, _dot, attribute = name.rpartition(".")
    return getattr(import_module(f"tests.fuzz.{module}"), attribute)


_ALL = (
    Target("mail", "mail", "whole_mail", "seeds.mails", share=2.0, most=16_000),
    Target("field", "mail", "field", "seeds.fields", most=2_000),
    Target("html", "mail", "markup", "seeds.markup", most=12_000),
    Target("text", "mail", "plain", "seeds.plain", most=6_000),
    Target("people", "mail", "people", "seeds.people", share=0.7, most=2_000),
    Target("imap-answer", "imap", "answer", "imap.answers", "imap.WORDS", most=4_000),
    Target("imap", "imap", "conversation", "imap.seeds", "imap.WORDS", share=1.5),
    Target("gmail", "apis", "google", "apis.google_seeds", "apis.WORDS", slow=3.0),
    Target("graph", "apis", "graph", "apis.graph_seeds", "apis.WORDS", slow=3.0),
    Target("rows", "rows", "stored", "rows.seeds", "rows.WORDS", share=1.5, slow=5.0),
)
TARGETS = {target.name: target for target in _ALL}
