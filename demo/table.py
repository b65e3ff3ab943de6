# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the demo print? The count of mails, and what to try."""

from collections import Counter

from .people import ADMIN_LOGIN, ADMIN_PASSWORD, SALESPEOPLE, SPARE
from .post import IGNORED

REASONS = {
    "internal": "internal",
    "private_word": "private word in the subject",
    "sensitivity": "marked private",
    "calendar": "invitation",
    "no_content": "empty",
    "no_address": "no address",
    "excluded_domain": "blocked domain",
    "excluded_address": "blocked address",
    "role_address": "nobody but a role address",
    "folder": "drafts, trash, junk",
}
_LEVELS = {
    "0": "own mailbox only",
    "1": "own and all below",
    "2": "as 1, and peers",
    "3": "as 2, and those below peers",
    "4": "everyone",
}


def counts(on_server: dict[str, dict[str, int]], found: dict[str, Counter]) -> str:
    """A line per mailbox, and whether server and mirror agree.

    :param on_server: key -> folder -> messages, as the server counts
    :param found: key -> (state, reason) -> mails, as the mirror counts
    """
    columns = ("Mailbox", "On the server", "Of these in drafts,", "Mirrored")
    columns += ("Unmatched", "Excluded", "Other", "")
    second = ("", "", "trash, junk", "", "", "", "", "")
    rows = [columns, second]
    excluded = []
    for person in SALESPEOPLE:
        folders = on_server[person.key]
        ignored = sum(folders.get(folder, 0) for folder in IGNORED)
        states: Counter = Counter()
        for (state, _reason), number in found[person.key].items():
            states[state] += number
        named = [
            states.pop(state, 0) for state in ("mirrored", "unmatched", "excluded")
        ]
        other = sum(states.values())
        total = sum(folders.values())
        missing = total - ignored - sum(named) - other
        verdict = "complete" if not missing else f"{missing:+d} not accounted for"
        numbers = map(str, (total, ignored, *named, other))
        rows.append((person.email, *numbers, verdict))
        excluded.append(f"  {person.email:<20} {_reasons(found[person.key])}")
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if not index or index == 7 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines[2:2] = ["-" * max(map(len, lines))]
    return "\n".join([*lines, "", "Excluded, by reason:", *excluded])


def logins(url: str) -> str:
    """Where to look, as whom, and what to try."""
    people = {person.key: person.name for person in SALESPEOPLE}
    rows = [("Login", "Password", "Name", "Below", "Level")]
    for person in SALESPEOPLE:
        boss = people.get(person.manager, "nobody")
        level = f"{person.level}: {_LEVELS[person.level]}"
        rows.append((person.key, person.password, person.name, boss, level))
    rows.append(
        (ADMIN_LOGIN, ADMIN_PASSWORD, "Administrator", "", "own mailbox, if linked")
    )
    widths = [max(map(_columns, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell + " " * (width - _columns(cell))
            for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join([f"Odoo: {url}", "", *lines, "", "What to try:", *_TO_TRY])


_TO_TRY = (
    "1. Contact Graham O'Neill, tab Emails: anna reads all of it; yuki (level 4) sees",
    "   of most only who and when, as Anna shares no more; marc (3), below Anna, only",
    "   what also reached him, Lena or Yuki; tomas (0) nothing; admin nothing either.",
    "2. Contact Begoña Núñez: marc reads Tomás's mail too, being above him; lena (2)",
    "   sees that of Marc, her peer, but not what only Tomás has.",
    "3. In another terminal: python3 -m demo.send --to lena --from kaethe",
    "   A new mail from Käthe Großmann, on her contact within two minutes.",
    "4. In any mail program: delete a mail, and it goes here; move it, and it stays;",
    "   what was unread is unread still.",
    "5. Make a contact of nadia@talentbruecke.example: her mail to Lena comes in;",
    "   Marc's own copies stay out, for he has blocked her.",
    "6. As admin: your picture, My Preferences, Mailboxes, Gmail, Sign in with Google:",
    f"   {SPARE} is the administrator's own mailbox; some mail of Lena's",
    "   lies in it too. What would be mirrored is shown at once: untick a name, press",
    "   Start mirroring, and the mail comes in, without theirs. The sign-in pages are",
    "   stand-ins on this machine; Tomás's mailbox lies at 'Google', Anna's at",
    "   'Microsoft', linked over the same pages.",
    "7. As lena: Mailbox Mirror, 'Why Is It (Not) Here?', paste an address or a",
    "   subject: which rule lets it in, or keeps it out. Under 'My Rules' press New",
    "   and type an address: what that removes is told before, and can be undone.",
    "8. As lena: on a mail of yours press 'Remove from Odoo'. The mailbox keeps it;",
    "   'Removed by Me' takes it back, for seven days.",
    "9. As admin: Administration, 'Erased Persons', erase the address of a contact:",
    "   their mail goes from all mailboxes, with a certificate to print.",
)


def _reasons(found: Counter) -> str:
    named: Counter = Counter()
    for (state, reason), number in found.items():
        if state == "excluded":
            word = "newsletter or automatic" if reason.startswith("bulk_") else reason
            named[REASONS.get(word, word)] += number
    return ", ".join(f"{number} {word}" for word, number in named.most_common()) or "-"


def _columns(text: str) -> int:
    """Width on a terminal: a Japanese character takes two columns."""
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
