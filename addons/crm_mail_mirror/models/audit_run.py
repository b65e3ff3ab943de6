# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the network do when the last week is compared with the mailbox?

Plain Python without ORM, like ``mailbox_run``. Once all news were told::

    count_week -> Counted -> pull till complete -> compare -> look_at_missing -> Missed
                                                    (db)        -> a page -> ... confirm

What is listed is compared only after one more complete pass: then all that lay there
must be known, but for what left meanwhile, and what arrived meanwhile is not missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ..engine.providers.base import FolderCount, Place
from .search_run import Listed

#: Missing mails that are looked at before the clock is.
LOOKS = 200


@dataclass
class Comparison:
    """One that is under way.

    :param id: of its row
    :param since: mail received from then on is compared
    :param mark: places up to this one were known before anything was listed
    :param listing: what lies in the mailbox; ``None``: not asked yet
    :param missing: places that nobody knows; ``None``: not compared yet
    :param is_settled: what is gone was removed
    """

    id: int
    since: datetime
    mark: int = 0
    listing: tuple[FolderCount, ...] | None = field(default=None, repr=False)
    missing: list[Place] | None = field(default=None, repr=False)
    is_settled: bool = False


@dataclass
class Counted:
    listing: tuple[FolderCount, ...] = field(repr=False)


@dataclass
class Missed(Listed):
    """Headers of mail that ought to be known and is not."""

    audit: int = 0

    def tell(self, page) -> None:
        page.sought, page.audit = True, self.audit
        page.unread = len(self._broken())
        return super().tell(page)


class AuditSteps:
    """The steps of a ``MailboxRun`` in a comparison."""

    def count_week(self) -> Iterator:
        yield Counted(self.provider.audit(self.audit.since, True, self.lease.skip))

    def look_at_missing(self) -> Iterator:
        listed = self.headers_of(self.audit.missing[: self._bite(LOOKS)])
        yield Missed(**vars(listed), audit=self.audit.id)
