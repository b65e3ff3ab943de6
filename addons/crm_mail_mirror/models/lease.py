# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does a worker hold while it mirrors a mailbox? A lease, and facts by value.

Nothing here is a record: a lease crosses from the job's thread to the network's.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..engine.providers.base import ChangeBatch, Lookup, Place
from ..engine.reader import Judged
from ..engine.rules import Policy
from .search_run import Task

#: Shared by pages, exclusive for the job that looks traces up (DESIGN 4).
WRITERS_LOCK = 0x6D6D_6972
#: Held by whoever writes floors of retention, or tries out what they would do: taken
#: before the writers' lock, so that no page waits for who waits for it.
FLOORS_LOCK = 0x6D6D_6974
#: Held by whoever claims, so that no server gets more connections than it should.
CLAIM_LOCK = 0x6D6D_6973
#: Whoever holds a lease renews it every few seconds: so long after a worker died, its
#: mailboxes are another's.
LEASE_SECONDS, RENEW_EVERY = 30, 7


class Fenced(Exception):
    """The mailbox is no longer ours, or its rules changed: throw the page away."""


class Many(Exception):
    """More goes with this page than one transaction may take: it goes in steps."""


@dataclass
class Lease:
    """The right to write one mailbox's mirror until it runs out.

    :param token: who holds it; another worker that took over has another
    :param cursor_seq, policy_seq: as read when the work began; a page is stored only if
        they still are the same
    :param settings, secret: what ``open_mailbox`` takes; both hold secrets
    :param secret_seq: the number of the secret that was read or kept last
    :param roles: folder ref -> role, ``unselected`` for deselected ones
    :param due_at: when the mailbox was due; another time when the work ends means that
        somebody asked for one more look meanwhile (to the microsecond: whole seconds
        would not tell two who ask shortly after each other)
    :param failures: runs that failed one after the other before this one
    :param addresses: all that match, sorted, while old mail is listed by them; else
        ``None``
    :param listing: ``first`` while all mail is listed for the first time, ``again``
        while it is listed once more, else ``None``; ``listing_mark``: the last place
        that was there when that began
    :param counted: short digests of the keys of mail without row that was counted since
        it is listed again
    :param imported_at: when its first import was over
    :param removed: keyed hashes of the mails that the owner removed
    :param contact_mode: whom the owner wants to have suggested as contacts
    :param server: what ``politeness`` counts; ``is_troubled``: it failed lately
    :param folders: (ref, name, role, parent) of each as stored; only of a lease that
        is not whole: nothing waits to be done in this mailbox, so all that is for
        deciding is read once there is something to decide
    """

    mailbox_id: int
    token: str
    kind: str
    settings: dict = field(repr=False)
    secret: str = field(repr=False)
    secret_seq: int
    cursor: dict | None = field(repr=False)
    cursor_seq: int
    policy_seq: tuple
    pass_no: int
    since: datetime | None
    policy: Policy = field(repr=False)
    roles: dict[str, str] = field(repr=False)
    due_at: datetime | None = None
    failures: int = 0
    addresses: tuple[str, ...] | None = field(default=None, repr=False)
    listing: str | None = None
    listing_mark: int = 0
    counted: set[str] = field(default_factory=set, repr=False)
    imported_at: datetime | None = None
    removed: frozenset[str] = field(default=frozenset(), repr=False)
    contact_mode: str = "never"
    server: str = ""
    is_troubled: bool = False
    folders: frozenset[tuple] | None = field(default=None, repr=False)

    @property
    def is_whole(self) -> bool:
        return self.folders is None

    def sees_nothing_new(self, batch: ChangeBatch) -> bool:
        """Is there nothing to be written but that it was looked at?"""
        if self.is_whole or not batch.pass_complete or batch.more or batch.total:
            return False
        if batch.present or batch.absent or batch.renamed or batch.reset:
            return False
        if batch.relisted or batch.passed_by:
            return False
        return batch.folders is None or self.folders == frozenset(
            (f.ref, f.name, f.role, f.parent) for f in batch.folders
        )

    def meet(self, batch: ChangeBatch) -> None:
        """The folders as they are now, with their roles."""
        self.roles = self._roles_in(batch)

    def _roles_in(self, batch: ChangeBatch) -> dict[str, str]:
        """The roles of the folders in it.

        What comes to lie in a folder that is switched off is off as well: nobody looks
        into it before its owner says so.
        """
        renamed = dict(batch.renamed)
        before = {renamed.get(ref, ref): role for ref, role in self.roles.items()}
        parents = {folder.ref: folder.parent for folder in batch.folders}

        def is_off(ref, depth=0):
            if ref in before or depth > len(parents):
                return before.get(ref) == "unselected"
            return bool(parents.get(ref)) and is_off(parents[ref], depth + 1)

        return {
            folder.ref: "unselected" if is_off(folder.ref) else folder.role
            for folder in batch.folders
        }

    def off_in(self, batch: ChangeBatch) -> frozenset[str]:
        """Of the folders in it, those that nobody looks into."""
        roles = self._roles_in(batch) if batch.folders is not None else {}
        return frozenset(ref for ref, role in roles.items() if role == "unselected")

    @property
    def skip(self) -> frozenset[str]:
        return frozenset(
            ref for ref, role in self.roles.items() if role == "unselected"
        )


@dataclass
class Page:
    """Mail that is stored together, with the cursor that passes it.

    :param batch: ``None`` for mail out of the queue, which moves no cursor
    :param lost: where the mail of the queue lay that is no longer there
    :param asked: the places of the queue, and why nothing came of one if nothing did
    :param sought: mail that was looked for: what is not to be mirrored, and so old that
        its row would have gone in time, leaves none
    :param search: what of a search was looked at with this page
    :param part: of a page with which much goes: ``mail`` comes first, under the cursor
        that stands already; ``rest`` is what is left once all of that went
    :param audit: number of the comparison in which it was found missing; ``unread``:
        how many more were, of which not even the headers could be had
    :param counted: filled in: what is to be added to that of the lease
    :param seconds: filled in: how many mails were mirrored how soon after they came
    :param doubtful: mail that is not mirrored, whose headers tell whether its people
        are to be suggested as contacts
    :param is_followed: the network brings what comes after it, without being asked
    """

    judged: list[Judged]
    batch: ChangeBatch | None = None
    lost: tuple[Place, ...] = ()
    asked: dict[Place, str] = field(default_factory=dict)
    sought: bool = False
    search: Task | None = None
    part: str = ""
    audit: int | None = None
    unread: int = 0
    counted: set[str] = field(default_factory=set, repr=False)
    seconds: Counter = field(default_factory=Counter, repr=False)
    doubtful: list[Judged] = field(default_factory=list, repr=False)
    is_followed: bool = False


@dataclass
class Orphan:
    """A mirrored copy whose last location is gone."""

    copy_id: int
    lookup: Lookup


def naive(moment: datetime) -> datetime:
    """In UTC without zone, as PostgreSQL's ``timestamp`` holds it."""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)
