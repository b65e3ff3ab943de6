# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What do history records say of each mail? Pure: records in, standings out.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list

A record may carry all four kinds of change at once, and several mails. Only labels of
mail that does not count matter, those that their owner switched off among them: mail
that goes from one other label to another stays where it is. Whether
``message.labelIds`` are those of then or of now is written nowhere: the change itself
comes on top of them. Where they are missing, the mail has none, or Gmail did not tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from .gmail_api import id_of, integer, listed
from .gmail_mail import HIDDEN, SENT, labels_of


@dataclass(frozen=True, slots=True)
class Standing:
    """:param here: it is there and counts :param sent: its owner sent it
    :param sure: its labels were told: mail out of the trash may lie in spam"""

    here: bool
    sent: bool = False
    sure: bool = True


@dataclass
class _Change:
    labels: set[str] = field(default_factory=set)
    added: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    arrived: bool = False
    deleted: bool = False

    def standing(self, hidden: AbstractSet[str]) -> Standing | None:
        """``None``: nothing that matters."""
        if self.deleted:
            return Standing(False)
        if not self.arrived and not (self.added | self.removed) & hidden:
            return None
        labels = (self.labels - self.removed) | self.added
        here = not labels & hidden
        # who does not know a mail that arrived looks at it anyway
        sure = self.arrived or bool(self.labels) or not here
        return Standing(here, SENT in labels, sure)


def number(record: object) -> int:
    """The record's id: an unsigned number of 64 bits, written as text."""
    return integer(record.get("id")) if isinstance(record, dict) else 0


def standings(record: dict, hidden: AbstractSet[str] = HIDDEN) -> dict[str, Standing]:
    """Of each mail in one record. :param hidden: labels of mail that does not count"""
    found = {id_: one.standing(hidden) for id_, one in _changes(record).items()}
    return {id_: standing for id_, standing in found.items() if standing}


def labels_in(records: object) -> set[str]:
    """All labels that records speak of."""
    found: set[str] = set()
    for record in in_order(records):
        for change in _changes(record).values():
            found |= change.labels | change.added | change.removed
    return found


def is_left(records: object, label: str) -> bool:
    """Did any mail leave the list of those with this label?

    So that others moved up in it, while its pages were read.
    """
    return any(
        change.deleted or label in change.removed or change.added & HIDDEN
        for record in in_order(records)
        for change in _changes(record).values()
    )


def _changes(record: dict) -> dict[str, _Change]:
    changes: dict[str, _Change] = {}
    for kind in ("messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved"):
        for entry in listed(record.get(kind)):
            message = entry.get("message") if isinstance(entry, dict) else None
            if not (id_ := id_of(message)):
                continue
            change = changes.setdefault(id_, _Change())
            change.labels |= labels_of(message)
            if kind == "messagesAdded":
                change.arrived = True
            elif kind == "messagesDeleted":
                change.deleted = True
            elif kind == "labelsAdded":
                change.added |= labels_of(entry)
            else:
                change.removed |= labels_of(entry)
    return changes


def in_steps(
    records: object,
    after: int,
    more: bool = False,
    hidden: AbstractSet[str] = HIDDEN,
) -> Iterator[tuple[int, dict[str, Standing]]]:
    """What became of mails, by the id of the records that say so, oldest first.

    It is promised that ids increase, not that no two records share one. So they are
    told together, and of a page that is not the last one the last id waits for the
    next page, which may have more of it.

    :param after: records up to this id were told before
    :param more: there is another page
    :param hidden: labels of mail that does not count
    """
    steps: dict[int, dict[str, Standing]] = {}
    for record in in_order(records):
        if number(record) > after:
            steps.setdefault(number(record), {}).update(standings(record, hidden))
    if more and len(steps) > 1:
        del steps[max(steps)]
    yield from steps.items()


def in_order(records: object) -> list[dict]:
    """Oldest first, without what is no record."""
    found = [record for record in listed(records) if isinstance(record, dict)]
    return sorted((record for record in found if number(record)), key=number)
