# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Where do the demo's mailboxes lie? In a private Dovecot, below ``.local/demo-mail``.

While it runs, ``.local/demo-mail/running.json`` says where, for ``demo.send``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from setup.say import LOCAL, Stop, step

from .mail import mailboxes
from .people import SALESPEOPLE

if TYPE_CHECKING:  # needs the virtual environment; demo.send does without
    from tests.peers.dovecot import Dovecot

#: Another name is another demo beside this one: its tests have one.
NAME = os.environ.get("DEMO_NAME", "demo")
FOLDER = LOCAL / f"{NAME}-mail"
RUNNING = FOLDER / "running.json"
COMPLETE = FOLDER / "complete"  # holds the moment the mail was made for

#: Folders whose mail is never mirrored: drafts, trash, junk (RFC 6154).
IGNORED = ("Drafts", "Trash", "Junk")


@contextmanager
def office() -> Iterator[Dovecot]:
    """Dovecot with the five mailboxes, filled if they are new, while the block runs.

    :raises Stop: it does not start, or runs already
    """
    from tests.peers.dovecot import Dovecot

    if running():
        raise Stop("The demo runs already in this checkout: stop it with Ctrl-C first.")
    if not COMPLETE.exists():
        forget()
    users = {person.email: person.password for person in SALESPEOPLE}
    try:
        server = Dovecot(users, directory=FOLDER).start()
    except (RuntimeError, OSError) as error:
        raise Stop(str(error)) from None
    try:
        if not COMPLETE.exists():
            now = datetime.now(UTC)
            _fill(server, now)
            COMPLETE.write_text(now.isoformat(), "ascii")
        where = {"pid": os.getpid(), "host": "127.0.0.1", "port": server.port}
        RUNNING.write_text(json.dumps(where), "ascii")
        yield server
    finally:
        RUNNING.unlink(missing_ok=True)
        server.stop()


def forget() -> None:
    """Remove all mail, so that the next start fills the mailboxes anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)


def running() -> dict | None:
    """Where the demo's Dovecot listens: ``{"pid", "host", "port"}``, if it runs."""
    try:
        where = json.loads(RUNNING.read_text("ascii"))
        os.kill(where["pid"], 0)
    except (OSError, ValueError):
        return None
    return where


def count(server: Dovecot, email: str) -> dict[str, int]:
    """Folder -> messages, as Dovecot's own ``doveadm`` counts them."""
    said = server.doveadm(
        "-f", "tab", "mailbox", "status", "-u", email, "messages", "*"
    )
    rows = (line.rsplit("\t", 1) for line in said.splitlines()[1:])
    return {folder: int(messages) for folder, messages in rows}


def _fill(server: Dovecot, now: datetime) -> None:
    with step("Writing five mailboxes of business mail"):
        for person, box in zip(SALESPEOPLE, mailboxes(now).values(), strict=True):
            with server.user(person.email) as owner:
                folders = {stored.folder for stored in box} - set(owner.folders())
                for folder in sorted(folders):
                    owner.create(folder)
                for stored in box:
                    owner.append(
                        stored.folder, stored.raw, stored.flags, stored.received_at
                    )
