# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""An account at a Dovecot of its own, made once and kept in ``.local/bench``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from account import OWNER, PASSWORD, VERSION, Account
from door import doors
from engine.providers.imap_mail import HEADER_ITEMS
from in_odoo import FOLDER

from setup.say import step
from tests.peers.dovecot import Dovecot

FOLDERS = {"Sent": "\\Sent", "Archive": "\\Archive"}


class Counted(Dovecot):
    """:ivar doors: over TLS -> port at which the same is had and bytes are counted"""

    doors: dict[bool, int]

    @property
    def door_log(self) -> Path:
        """What went through the doors, for ``measure.Meter``."""
        return self.directory / "doors.log"


@contextmanager
def at_dovecot(account: Account) -> Iterator[tuple[Counted, int]]:
    """Dovecot with the account, its caches warm. :return: server, bytes of all mail"""
    home = FOLDER / f"account-{account.name}"
    complete = home / "complete"
    if not complete.exists():
        for old in FOLDER.glob(f"account-{account.name.removesuffix(str(VERSION))}?"):
            shutil.rmtree(old)
        with step(f"Writing a mailbox of {account.size:,} messages"):
            size = account.write(maildir(home))
    (home / "dovecot.log").unlink(missing_ok=True)
    with started(home) as server:
        if not complete.exists():
            with step("Reading it once, so that Dovecot knows it"):
                _warm(server)
            complete.write_text(str(size), "ascii")
        yield server, int(complete.read_text("ascii"))


@contextmanager
def started(home: Path) -> Iterator[Counted]:
    """It has COMPRESS."""
    server = Counted(
        {OWNER: PASSWORD},
        directory=home,
        folders=FOLDERS,
        storage="maildir",
        compress=True,
    )
    with server:
        server.door_log.unlink(missing_ok=True)
        with doors(server.door_log, server.port, server.tls_port) as ports:
            server.doors = dict(zip((False, True), ports, strict=True))
            yield server


def maildir(home: Path) -> Path:
    return home / "mail" / OWNER / "mail"


def chill(server: Dovecot) -> None:
    """Dovecot forgets what it has worked out about the mail; not ``dovecot-uidlist``"""
    for path in maildir(server.directory).rglob("dovecot.index*"):
        path.unlink()


def _warm(server: Dovecot) -> None:
    """Ask what our import asks, and the whole mails, as the others do."""
    with server.user() as user:
        for folder in user.folders():
            user.imap.select(f'"{folder}"', readonly=True)
            user.imap.uid("FETCH", "1:*", f"({HEADER_ITEMS})")
            user.imap.uid("FETCH", "1:*", "(UID RFC822.SIZE FLAGS)")
