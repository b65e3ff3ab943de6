# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The engine alone, without Odoo and database: what does each kind of question cost?

Called by ``over_apis.py`` with a task as JSON:

* ``kind``, ``settings``, ``secret``: for ``open_mailbox``
* ``contacts``: addresses of those who are in the CRM
* ``addresses``: by which old mail may be listed, ``null`` = not by any; ``by_address``:
  do so whatever it costs
* ``idle``: looks at the unchanged mailbox
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "addons/crm_mail_mirror"))

from account import OWNER  # noqa: E402
from engine import reader  # noqa: E402
from engine.providers import open_mailbox  # noqa: E402
from engine.providers.base import Budget, Presence  # noqa: E402
from engine.rules import Directory, Policy, State  # noqa: E402
from measure import reset_peak, resident, tell  # noqa: E402
from wire import Wire, watched  # noqa: E402

#: As in ``models/mailbox_run.py``.
PAGE, ENVELOPES = Budget(mails=250, seconds=20.0), 50


@dataclass
class Spent:
    """:param units: what the engine itself thinks they are"""

    requests: int = 0
    sent: int = 0
    received: int = 0
    units: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


class Watched:
    """A mailbox with a clock beside it.

    :ivar spent: on opening it, and on each method
    """

    def __init__(self, task: dict, wire: Wire):
        self._wire = wire
        self._mailbox = None
        self.spent: dict[str, Spent] = defaultdict(Spent)
        with self._clock("open and close"):
            self._mailbox = open_mailbox(task["kind"], task["settings"], task["secret"])

    def pull(self, *args, **kwargs):
        with self._clock("pull"):
            return self._mailbox.pull(*args, **kwargs)

    def envelopes(self, places):
        with self._clock("envelopes"):
            return list(self._mailbox.envelopes(places))

    def facts(self, mails):
        with self._clock("facts"):
            return list(self._mailbox.facts(mails))

    def fetch(self, mails):
        with self._clock("fetch"):
            return list(self._mailbox.fetch(mails))

    def close(self) -> None:
        with self._clock("open and close"):
            self._mailbox.close()

    @contextmanager
    def _clock(self, what: str):
        before = asdict(self._now())
        yield
        spent = self.spent[what]
        for name, value in asdict(self._now()).items():
            setattr(spent, name, getattr(spent, name) + value - before[name])

    def _now(self) -> Spent:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return Spent(
            **asdict(self._wire),
            units=self._mailbox.traffic.units if self._mailbox else 0,
            seconds=time.monotonic(),
            cpu=usage.ru_utime + usage.ru_stime,
        )


def main() -> None:
    task = json.loads(sys.argv[1])
    if task["by_address"]:
        from engine.providers import gmail_fill

        gmail_fill.is_cheaper_by_address = lambda addresses, mails: True
    wire = watched()
    # libraries are read at the first use: that is no part of an import
    Watched(task, wire).close()
    began = resident()
    reset_peak()
    mailbox = Watched(task, wire)
    counts, cursor = first_import(mailbox, task)
    mailbox.close()
    tell(
        step="import",
        spent=_told(mailbox),
        counts=counts,
        before=began,
        memory=resident("VmHWM"),
    )
    for _ in range(task["idle"]):
        mailbox = Watched(task, wire)
        batch = mailbox.pull(cursor, None, PAGE)
        mailbox.close()
        cursor = batch.cursor
        changes = len(batch.present) + len(batch.absent)
        told = {"changes": changes, "complete": batch.pass_complete}
        tell(step="idle", spent=_told(mailbox), counts=told)


def first_import(mailbox: Watched, task: dict) -> tuple[dict[str, int], dict]:
    """Page by page, as the job does it. :return: what became of the mail, the cursor"""
    directory = Directory(known=frozenset(task["contacts"]))
    policy = Policy(own_addresses=frozenset({OWNER}))
    counts: dict[str, int] = defaultdict(int)
    cursor, more, roles = None, True, {}
    while more:
        batch = mailbox.pull(cursor, None, PAGE, addresses=task["addresses"])
        roles |= {folder.ref: folder.role for folder in batch.folders or ()}
        present = with_envelopes(mailbox, batch.present)
        page = reader.judge(present, frozenset(), roles, policy, directory)
        reader.read(mailbox, page, policy, directory)
        for item in page:
            counts["listed"] += 1
            is_mirrored = getattr(item.decision, "state", None) is State.MIRRORED
            counts["mirrored"] += is_mirrored and item.body is not None
            counts["failed"] += item.error is not None
        counts["passed_by"] += batch.passed_by
        cursor, more = batch.cursor, batch.more
    return dict(counts), cursor


def with_envelopes(mailbox: Watched, presences) -> list[Presence]:
    """Those that came without are asked for theirs."""
    known = [each for each in presences if each.envelope is not None]
    places = [each.place for each in presences if each.envelope is None]
    for start in range(0, len(places), ENVELOPES):
        found = mailbox.envelopes(places[start : start + ENVELOPES])
        known += [answer for _place, answer in found if isinstance(answer, Presence)]
    return known


def _told(mailbox: Watched) -> dict[str, dict]:
    return {method: asdict(spent) for method, spent in mailbox.spent.items()}


if __name__ == "__main__":
    main()
