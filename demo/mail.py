# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What lies in the demo's five mailboxes? ``python -m demo.mail`` counts it."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import mime
from .people import CUSTOMER, SALESPEOPLE, Person
from .script import Mail, mails


@dataclass(frozen=True)
class Stored:
    """A mail in a folder of one mailbox.

    :param received_at: INTERNALDATE
    :param mail: what it was made from
    """

    folder: str
    raw: bytes
    flags: tuple[str, ...]
    received_at: datetime
    mail: Mail


def mailboxes(now: datetime | None = None) -> dict[str, list[Stored]]:
    """Key of a salesperson -> what lies in the mailbox, oldest first.

    :param now: no mail is younger; the same ``now`` gives the same bytes
    """
    now = now or datetime.now(UTC)
    boxes: dict[str, list[Stored]] = {person.key: [] for person in SALESPEOPLE}
    for mail in list(mails(now)):
        for person in SALESPEOPLE:
            stored = _stored(mail, person, now)
            if stored:
                boxes[person.key].append(stored)
    for box in boxes.values():
        box.sort(key=lambda stored: stored.received_at)
    return boxes


def _stored(mail: Mail, owner: Person, now: datetime) -> Stored | None:
    """The owner's copy of a mail; ``None`` when there is none."""
    if mail.author == owner:
        if "draft" in mail.options:
            return Stored("Drafts", mime.sent(mail), ("\\Draft",), mail.date, mail)
        return Stored("Sent", mime.sent(mail), ("\\Seen",), mail.date, mail)
    if owner not in mail.recipients or "draft" in mail.options:
        return None
    unread = "unread" in mail.options or (now - mail.date).days < 12
    flags = ["\\Seen"]
    if owner.key in mail.answered_by:
        flags.append("\\Answered")
    elif unread:
        flags.remove("\\Seen")
    if mail.files and mail.message_id[1] in "01":
        flags.append("\\Flagged")
    received_at = mail.date + timedelta(seconds=4)
    raw = mime.received(mail, owner)
    return Stored(_folder(mail, owner, now), raw, tuple(flags), received_at, mail)


def _folder(mail, owner, now):
    for option, folder in (("junk", "Junk"), ("trash", "Trash")):
        if option in mail.options:
            return folder
    if (now - mail.date).days <= owner.tidy or "unread" in mail.options:
        return "INBOX"
    if not mail.customer:
        return f"Archive/{mail.date.year}"
    name = CUSTOMER[mail.customer].name
    return owner.filing.format(customer=name, year=mail.date.year)


if __name__ == "__main__":
    for key, box in mailboxes().items():
        print(f"{key}: {len(box)}", dict(Counter(stored.folder for stored in box)))
