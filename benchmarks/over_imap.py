# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""One mailbox at Dovecot, imported by us and by others, in turn."""

from __future__ import annotations

from account import Account
from account_at_dovecot import at_dovecot
from contest import Contest, told
from in_odoo import OURS
from measure import Cost, median
from peers import PEERS

from setup import database
from setup.say import note, step


class Bench:
    """:param options: of the command line"""

    def __init__(self, options, server: database.Server):
        self.options = options
        self.server = server
        self.size = 0
        self.imports: dict[str, list[Cost]] = {}
        self.idle: dict[str, list[Cost]] = {}
        self.notes: list[str] = []

    def run(self) -> None:
        options, account = self.options, Account(self.options.messages)
        with at_dovecot(account) as (dovecot, self.size):
            self.contest = Contest(
                self.server,
                dovecot,
                account,
                tls=options.tls,
                cold=options.cold,
                idle=options.idle,
                past_door=True,
            )
            self._run()

    def _run(self) -> None:
        for number in range(1, self.options.runs + 1):
            if self._is_chosen("ours"):
                with step(f"Run {number}: {OURS}"):
                    cost = self.contest.ours(profile=self.options.profile)
                self._keep(OURS, *cost)
                self._note(self.contest.told)
            for peer in PEERS:
                if self._is_chosen(peer.kind):
                    with step(f"Run {number}: {peer.name}"):
                        cost = self.contest.theirs(peer)
                    self._keep(peer.name, *cost)

    def _keep(self, name: str, cost: Cost, looks: list[Cost]) -> None:
        self.imports.setdefault(name, []).append(cost)
        self.idle.setdefault(name, []).extend(looks)
        note(told(name, cost, self.options.messages))

    def _note(self, steps: list[dict]) -> None:
        first = steps[0]
        self.notes.append(
            f"{first['rounds']} jobs; Odoo alone {first['odoo']:.0f} MB;"
            f" {first['states']}"
        )
        self.notes += [each["profile"] for each in steps if "profile" in each]

    def results(self) -> dict:
        return {
            "bytes": self.size,
            "imports": _as_dicts(self.imports),
            "idle": _as_dicts(self.idle),
            "notes": self.notes,
        }

    def _is_chosen(self, name: str) -> bool:
        return not self.options.only or name in self.options.only

    # --- what came out ----------------------------------------------------------------

    def table(self) -> str:
        lines = [
            f"{self.options.messages:,} messages, {self.size / 1e6:,.0f} MB,"
            f" {'TLS' if self.options.tls else 'no TLS'},"
            f" {'cold' if self.options.cold else 'warm'};"
            f" medians of {self.options.runs}",
            "",
            "| import by | messages/s | ours is | seconds | CPU s | servers' CPU s |"
            " peak MB | received MB |",
            "|---|---|---|---|---|---|---|---|",
        ]
        ours = median(self.imports.get(OURS, []))
        for name, costs in self.imports.items():
            cost = median(costs)
            ratio = f"{cost.seconds / ours.seconds:.2f} x" if ours else ""
            lines.append(
                f"| {name} | {self.options.messages / cost.seconds:,.0f} | {ratio} |"
                f" {cost.seconds:.1f} | {cost.cpu:.1f} | {cost.server_cpu:.1f} |"
                f" {cost.memory:.0f} | {cost.received / 1e6:,.1f} |"
            )
        lines += ["", "| nothing new | ms | CPU ms | received bytes |"]
        lines += ["|---|---|---|---|"]
        for name, costs in self.idle.items():
            cost = median(costs)
            lines.append(
                f"| {name} | {cost.seconds * 1000:,.0f} | {cost.cpu * 1000:,.0f} |"
                f" {cost.received:,} |"
            )
        return "\n".join([*lines, "", *self.notes])


def _as_dicts(costs: dict[str, list[Cost]]) -> dict:
    return {name: [cost.as_dict() for cost in some] for name, some in costs.items()}
