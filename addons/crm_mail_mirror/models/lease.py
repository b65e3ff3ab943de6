# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does a worker hold while it mirrors a mailbox? A lease, and facts by value.

Nothing here is a record: a lease crosses from the job's thread to the network's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..engine.providers.base import ChangeBatch, Lookup, Place
from ..engine.reader import Judged
from ..engine.rules import Policy

#: Before the generation of places that were told before the cursor was lost; and what
#: comes after all of these in the order of bytes.
VOID, VOID_END = "void:", "void;"


class Fenced(Exception):
    """The mailbox is no longer ours, or its rules changed: throw the page away."""


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
        somebody asked for one more look meanwhile
    :param failures: runs that failed one after the other before this one
    :param addresses: all that match, sorted, while old mail is listed by them; else
        ``None``
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
    """

    judged: list[Judged]
    batch: ChangeBatch | None = None
    lost: tuple[Place, ...] = ()
    asked: dict[Place, str] = field(default_factory=dict)


@dataclass
class Orphan:
    """A mirrored copy whose last location is gone."""

    copy_id: int
    lookup: Lookup


def naive(moment: datetime) -> datetime:
    """In UTC without zone, as PostgreSQL's ``timestamp`` holds it."""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)
