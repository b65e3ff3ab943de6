# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What is special about Gmail and Microsoft 365? What they charge, and limits."""

from __future__ import annotations

import bisect

from engine.providers.gmail_queries import is_cheaper_by_address
from engine.providers.gmail_quota import GET, LIST
from in_odoo import OURS
from measure import Cost
from over_apis import ADDRESSES, ALONE, HEADERS, Bench
from stand_ins import AtGoogle, AtMicrosoft, account

from setup.say import Stop, step

#: Of Gmail's quota, since May 2026: for 300 mails.
UNITS_A_MINUTE = 6_000
#: Calls that Graph lets through, https://learn.microsoft.com/en-us/graph/
#: throttling-limits#outlook-service-limits
CALLS_IN_TEN_MINUTES = 10_000
#: For the break-even: mails, and numbers of addresses to list them by.
FEW, NUMBERS = 100, (1_000, 2_500)
#: Addresses in a query, as ``is_cheaper_by_address`` has it.
IN_A_QUERY = 10
#: Folders that count.
FOLDERS = (10, 40)


class GmailBench(Bench):
    stand_in = AtGoogle
    title = "Gmail"
    ways = (HEADERS, ADDRESSES)
    small = "small@house.example"

    def more(self) -> None:
        self._without_quota()
        if self._is_chosen("quota") and self.options.quota:
            with step(f"{self.options.quota} s with {UNITS_A_MINUTE:,} units a minute"):
                self._with_quota()
        if self._is_chosen("break-even"):
            with step("Break-even of listing by addresses"):
                self._break_even()

    def _without_quota(self) -> None:
        name, allowed = f"{OURS} in Odoo, {HEADERS}", UNITS_A_MINUTE // GET
        gets = self.account.size + self.account.matching
        for cost in self.imports.get(name, []):
            wall = gets / cost.seconds * 60
            cpu = gets / (cost.cpu + cost.server_cpu) * 60
            self.notes.append(
                f"{name}: {wall:,.0f} mails read a minute, {wall / allowed:.0f} x what"
                f" the quota allows; by CPU, PostgreSQL's included, {cpu:,.0f},"
                f" {cpu / allowed:.0f} x"
            )

    def _with_quota(self) -> None:
        """The first minutes of an import at the pace that Google allows."""
        self.at.limit(UNITS_A_MINUTE)
        told = self.odoo(False, idle=0, seconds=self.options.quota)[0]
        self.at.limit(None)
        asked, cost = told["asked"], Cost(**told["cost"])
        most = UNITS_A_MINUTE * cost.seconds / 60
        self.notes.append(
            f"with the quota: {asked['units']:,} units in {cost.seconds:.0f} s,"
            f" {asked['units'] / most:.0%} of what there is;"
            f" {asked['refused']:,} units refused; {asked['gets']:,} mails read;"
            f" {cost.cpu:.1f} s CPU, PostgreSQL's {cost.server_cpu:.1f};"
            f" {told['states']}"
        )

    def _break_even(self) -> None:
        """From how many addresses on is every header cheaper? Measured both ways.

        Texts cost the same either way, so nobody is in the CRM here: none are read.
        """
        mails = account(FEW)
        self.at.google.add_user(self.small)
        self.at.fill(mails, self.small)
        whole, _found = self._units(None)
        for title, people in (
            ("nobody's mail", []),
            ("three of ten mails", mails.contacts()),
        ):
            points, found = [], 0
            for count in NUMBERS:
                units, found = self._units(_addresses(people, count))
                points.append((count, units))
            (low, at_low), *_rest, (high, at_high) = points
            each = (at_high - at_low) / (high - low)
            formula = GET * FEW * (1 - found / FEW) / (LIST / IN_A_QUERY)
            self.notes.append(
                f"break-even, {FEW} mails, {title}: {whole:,} units by every header;"
                f" by so many addresses {points}; {each:.2f} an address, even at"
                f" {low + (whole - at_low) / each:,.0f}; by the formula {formula:,.0f}"
            )
        first = bisect.bisect_left(
            range(GET * FEW),
            True,
            key=lambda n: not is_cheaper_by_address(_addresses([], n), FEW),
        )
        self.notes.append(f"the provider asks by up to {first - 1:,} addresses there")

    def _units(self, addresses: list[str] | None) -> tuple[int, int]:
        """:return: units of a first import, mails found"""
        (told,) = self.engine(
            idle=0,
            user=self.small,
            contacts=[],
            addresses=addresses,
            by_address=addresses is not None,
        )
        return told["asked"]["units"], told["counts"].get("listed", 0)


class MicrosoftBench(Bench):
    stand_in = AtMicrosoft
    title = "Microsoft 365"

    def more(self) -> None:
        self._without_limit()
        for folders in FOLDERS if self._is_chosen("folders") else ():
            with step(f"{folders} folders"):
                self._folders(folders)

    def _without_limit(self) -> None:
        name = f"{OURS} in Odoo, {HEADERS}"
        for cost in self.imports.get(name, []):
            allowed = CALLS_IN_TEN_MINUTES / 10 * self.account.size / cost.calls
            wall = self.account.size / cost.seconds * 60
            cpu = self.account.size / (cost.cpu + cost.server_cpu) * 60
            self.notes.append(
                f"{name}: {wall:,.0f} messages a minute, {wall / allowed:.1f} x the"
                f" {allowed:,.0f} for which Graph lets enough calls through; by CPU,"
                f" PostgreSQL's included, {cpu:,.0f}, {cpu / allowed:.0f} x"
            )

    def _folders(self, folders: int) -> None:
        user = f"folders{folders}@house.example"
        self.at.entra.add_user(user)
        self.at.fill_folders(user, folders)
        first, *looks = self.engine(idle=self.options.idle, user=user)
        if first["counts"]["listed"] != folders:
            raise Stop(f"{first['counts']} of {folders} mails")
        for each in looks:
            self.note_look(f"{ALONE}, {folders} folders", each)


def _addresses(people: list[tuple[str, str]], count: int) -> list[str]:
    """So many: theirs first, then those of people who never wrote."""
    emails = [email for _name, email in people][:count]
    return emails + [
        f"ada.abel{number}@nobody{number // 5}.example"
        for number in range(count - len(emails))
    ]
