# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who would see whose mail? The walk over the chart in memory, for many at once.

``ResUsers._mirror_visible_owners`` decides who may read, one user after the other, in
SQL. Here nothing is decided: this tells administrators what a level or manager would
come to, of a thousand users as fast as of one, and before anything is saved. A test
holds the two against each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable


class Chart:
    """Who stands below whom.

    :param edges: (user, manager, company); a company of None counts in all companies
    """

    def __init__(self, edges: Iterable[tuple[int, int, int | None]]):
        self.edges = set(edges)
        self._managers = defaultdict(list)
        self._reports = defaultdict(list)
        for user, manager, company in self.edges:
            self._managers[user].append((manager, company))
            self._reports[manager].append((user, company))

    def moved(self, user: int, manager: int | None) -> Chart:
        """The chart once the user has this manager, or none."""
        kept = {edge for edge in self.edges if edge[0] != user}
        return Chart(kept | ({(user, manager, None)} if manager else set()))

    def visible(self, user: int, level: int, companies: set[int]) -> set[int] | None:
        """Whose mailboxes the user may read by level; None: everyone's."""
        if level == 4:
            return None
        if level == 0:
            return set()
        peers = set()
        if level >= 2:
            for manager in self._near(self._managers, user, companies):
                peers.update(self._near(self._reports, manager, companies))
        below = {user} | (peers if level >= 3 else set())
        waiting = list(below)
        while waiting:
            for report, company in self._reports.get(waiting.pop(), ()):
                if report not in below and (company is None or company in companies):
                    below.add(report)
                    waiting.append(report)
        return below | peers

    def above(self, users: Iterable[int]) -> set[int]:
        """These, all above them, and the peers of each of those."""
        up, waiting = set(users), list(users)
        while waiting:
            for manager, _company in self._managers[waiting.pop()]:
                if manager not in up:
                    up.add(manager)
                    waiting.append(manager)
        return up.union(
            report for each in up for report, _company in self._reports[each]
        )

    @staticmethod
    def _near(neighbours, user, companies):
        return (
            other
            for other, company in neighbours[user]
            if company is None or company in companies
        )


class Sight:
    """Who sees which colleagues' mailboxes.

    :param chart: ``Chart``
    :param boxes: {owner: [company of each mailbox]}
    :param members: {user: frozenset of companies}, of active internal users
    """

    def __init__(self, chart, boxes, members):
        self.chart = chart
        self.boxes = boxes
        self.members = members
        self._by_companies = {}

    def colleagues(self, user: int, level: int, chart: Chart | None = None) -> set[int]:
        """Whose mail the user sees, or would see once they link a mailbox."""
        companies = self.members.get(user, frozenset())
        there = self._there(companies)
        owners = (chart or self.chart).visible(user, level, companies)
        return (set(there) if owners is None else owners & there.keys()) - {user}

    def mailboxes(self, user: int, level: int) -> int:
        """How many mailboxes the user sees at a level, the own ones included."""
        there = self._there(self.members.get(user, frozenset()))
        others = sum(there[owner] for owner in self.colleagues(user, level))
        return len(self.boxes.get(user, ())) + others

    def _there(self, companies):
        """``{owner: mailboxes}`` in these companies; 0 of who has none anywhere."""
        if companies not in self._by_companies:
            owners = {
                owner: sum(company in companies for company in boxes)
                for owner, boxes in self.boxes.items()
            }
            self._by_companies[companies] = {
                owner: count for owner, count in owners.items() if count
            } | {
                user: 0
                for user, theirs in self.members.items()
                if user not in owners and not companies.isdisjoint(theirs)
            }
        return self._by_companies[companies]
