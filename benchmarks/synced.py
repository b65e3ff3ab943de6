# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What offlineimap leaves behind when it has copied a mailbox, without its hours.

Its looks at an unchanged mailbox read names of files and its own lists, never a mail:
so the files here are empty. Should it be of another mind, it copies mail, and the
measurement stops.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from contest import Contest
from in_odoo import FOLDER
from peers import Peer, copied

from setup.say import Stop


@contextmanager
def already_synced(contest: Contest, peer: Peer) -> Iterator[list[str]]:
    """:return: the command that looks again"""
    home = FOLDER / "synced"
    shutil.rmtree(home, ignore_errors=True)
    argv = peer.prepare(contest.dovecot, contest.port, home, contest.tls)
    lists = home / "metadata" / "Account-all" / "LocalStatus-sqlite"
    lists.mkdir(parents=True)
    try:
        with contest.dovecot.user() as user:
            for folder in user.folders():
                _typ, (count,) = user.imap.select(f'"{folder}"', readonly=True)
                _leave(home / "mail" / folder, lists / folder, folder, int(count))
        yield argv
        if (found := copied(home / "mail")) != contest.account.size:
            raise Stop(f"{peer.name} has {found} messages where it had all.")
        if any(path.stat().st_size for path in (home / "mail").rglob("cur/*")):
            raise Stop(f"{peer.name} copied mail that it had.")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _leave(maildir: Path, status: Path, folder: str, count: int) -> None:
    """A folder whose UIDs begin with 1 and have no gaps, all of it read."""
    for part in ("cur", "new", "tmp"):
        (maildir / part).mkdir(parents=True)
    mark = hashlib.md5(folder.encode(), usedforsecurity=False).hexdigest()
    for uid in range(1, count + 1):
        (maildir / "cur" / f"1_{uid}.1.bench,U={uid},FMD5={mark}:2,S").touch()
    with closing(sqlite3.connect(status)) as base, base:
        base.executescript(
            """CREATE TABLE metadata (key VARCHAR(50) PRIMARY KEY, value VARCHAR(128));
               INSERT INTO metadata VALUES ('db_version', '2');
               CREATE TABLE status (id INTEGER PRIMARY KEY, flags VARCHAR(50),
                                    mtime INTEGER, labels VARCHAR(256))"""
        )
        base.executemany(
            "INSERT INTO status VALUES (?, 'S', 0, '')",
            ((uid,) for uid in range(1, count + 1)),
        )
