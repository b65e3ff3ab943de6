# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How long does choosing take where there is much of everything? See ``scale.py``."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import in_odoo
from account import OWNER, PASSWORD
from in_odoo import FOLDER
from stand_ins import AtGoogle

from setup import database
from setup.say import step
from tests.peers.dovecot import Dovecot
from tests.sync.letters import raw

#: What is measured: (name, what it is, what it shall be).
ASKED = {
    "deciding": "10,000 envelopes beside 200,000 contacts",
    "contact": "a new contact beside 1,000,000 unmatched mails",
    "exclusion": "a new exclusion applied to 100,000 mirrored mails",
    "audit": "a clean mailbox of 200,000 messages at Dovecot, compared",
    "gmail": "a clean week of 2,000 messages at Google's stand-in, compared",
    "emails": "the Emails tab: 1,000,000 mails, 100,000 of them on one company",
}
#: Those that find their rows again when they are measured once more.
KEPT = ("emails",)
FOLDERS = {"Sent": "\\Sent", "Archive": "\\Archive"}


class Bench:
    """:param options: of the command line"""

    def __init__(self, options, server: database.Server):
        self.options, self.server = options, server
        self.told: list[dict] = []

    def run(self) -> None:
        for name, what in ASKED.items():
            if self.options.only and name not in self.options.only:
                continue
            with step(f"{name}: {what}"):
                task = {"measure": name, "share": self.options.share}
                with _MAILBOXES.get(name, _nowhere)(self.options.share) as told:
                    given, env = told
                    keep = f"{name}_{self.options.share}" if name in KEPT else ""
                    self.told += in_odoo.run(
                        self.server,
                        {**task, **given},
                        env,
                        program="scale.py",
                        keep=keep.replace(".", "_"),
                    )

    def results(self) -> dict:
        return {"told": self.told}

    def table(self) -> str:
        lines = ["| measured | it took | shall be |", "|---|---|---|"]
        for told in self.told:
            lines += [
                f"| {what} | {took} | {bound} |" for what, took, bound in told["rows"]
            ]
        plans = [told["plan"] for told in self.told if told.get("plan")]
        return "\n".join([*lines, *("\n" + plan for plan in plans)])


@contextmanager
def _nowhere(share):
    """What the program has to know of the mailbox, and its environment."""
    yield {}, {}


@contextmanager
def _at_google(share):
    """All of it of this week: that is what counts there."""
    count, now = int(2_000 * share), datetime.now(UTC)
    with AtGoogle() as at:
        with at.google.user(OWNER) as owner:
            for number in range(count):
                who = "client@customer.test" if number % 20 == 0 else "s@other.test"
                letter = raw(number, who, OWNER)
                received = now - timedelta(seconds=60 + number * 5 * 86_400 // count)
                owner.insert(letter, ["INBOX"], received)
        identifier, secret = at.client()
        client = {
            "values": {"provider": "gmail", "client_id": identifier},
            "secret": secret,
        }
        yield (
            {
                "mailbox": {"provider": "gmail"},
                "messages": count,
                "owner": OWNER,
                "client": client,
                "secret": at.secret(),
                "asked": "one for 500 ids",
            },
            at.environment(),
        )


@contextmanager
def _at_dovecot(share):
    home = FOLDER / "audited"
    shutil.rmtree(home, ignore_errors=True)
    count = int(200_000 * share)
    _write(home / "mail" / OWNER / "mail", count)
    server = Dovecot(
        {OWNER: PASSWORD},
        directory=home,
        folders=FOLDERS,
        storage="maildir",
        compress=True,
    )
    try:
        with server:
            mailbox = {
                "imap_host": "localhost",
                "imap_port": server.port,
                "imap_security": "none",
                "password": PASSWORD,
            }
            authority = {"CRM_MAIL_MIRROR_CA_FILE": server.ca_file}
            task = {"mailbox": mailbox, "messages": count, "owner": OWNER}
            yield {**task, "asked": "one a folder"}, authority
    finally:
        shutil.rmtree(home, ignore_errors=True)


#: Where the mailboxes lie that are compared.
_MAILBOXES = {"audit": _at_dovecot, "gmail": _at_google}


def _write(maildir, count):
    """Small letters: one in twenty with a contact, one in a hundred of this week."""
    now = time.time()
    for folder in ("", ".Sent", ".Archive"):
        for part in ("cur", "new", "tmp"):
            (maildir / folder / part).mkdir(parents=True, exist_ok=True)
        if folder:
            (maildir / folder / "maildirfolder").touch()
    for number in range(count):
        who = "client@customer.test" if number % 20 == 0 else f"s{number}@other.test"
        letter = raw(number, who, OWNER)
        size = len(letter)
        age = number % 100 * 7 * 86_400 + number % 500_000 + 60
        home = maildir if number % 10 < 7 else maildir / ".Archive"
        path = home / "cur" / f"{number}.M1P1.bench,S={size},W={size}:2,S"
        path.write_bytes(letter)
        os.utime(path, (now - age, now - age))
