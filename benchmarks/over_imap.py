# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""One mailbox at Dovecot, imported by us and by others, in turn."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import in_odoo
from account import OWNER, PASSWORD, VERSION, Account
from engine.providers.imap_mail import HEADER_ITEMS
from in_odoo import FOLDER, OURS
from measure import Cost, Meter, median
from peers import PEERS, copied

from setup import database
from setup.say import Stop, note, step
from tests.peers.dovecot import Dovecot

FOLDERS = {"Sent": "\\Sent", "Archive": "\\Archive"}


class Bench:
    """:param options: of the command line"""

    def __init__(self, options, server: database.Server):
        self.options = options
        self.server = server
        self.size = 0
        self.imports: dict[str, list[Cost]] = {}
        self.idle: dict[str, list[Cost]] = {}
        self.notes: list[str] = []

    def run(self) -> None:
        with _mailbox(self.options.messages) as (self.dovecot, self.size):
            log = self.dovecot.directory / "dovecot.log"
            self.servers = [
                self.dovecot._process.pid,
                *in_odoo.postmaster(self.server),
            ]
            self.meter = Meter(log, self.servers)
            self._run()

    def _run(self) -> None:
        chosen = [peer for peer in PEERS if self._is_chosen(peer.kind)]
        for number in range(1, self.options.runs + 1):
            if self._is_chosen("ours"):
                with step(f"Run {number}: {OURS}"):
                    self._ours()
                self._tell(OURS)
            for peer in chosen:
                with step(f"Run {number}: {peer.name}"):
                    self._peer(peer)
                self._tell(peer.name)

    def results(self) -> dict:
        return {
            "bytes": self.size,
            "imports": _as_dicts(self.imports),
            "idle": _as_dicts(self.idle),
            "notes": self.notes,
        }

    def _tell(self, name: str) -> None:
        cost = self.imports[name][-1]
        rate = self.options.messages / cost.seconds
        note(f"  {rate:,.0f} messages/s, {cost.cpu:.1f} s CPU, {cost.memory:.0f} MB")

    def _is_chosen(self, name: str) -> bool:
        return not self.options.only or name in self.options.only

    # --- the contestants --------------------------------------------------------------

    def _ours(self) -> None:
        self._chill()
        port = self.dovecot.tls_port if self.options.tls else self.dovecot.port
        task = {
            "mailbox": {
                "imap_host": "localhost",
                "imap_port": port,
                "imap_security": "tls" if self.options.tls else "none",
                "password": PASSWORD,
            },
            "messages": self.options.messages,
            "profile": self.options.profile,
            "idle": self.options.idle,
            "seconds": 0,
            "log": str(self.dovecot.directory / "dovecot.log"),
            "servers": self.servers,
        }
        authority = {"CRM_MAIL_MIRROR_CA_FILE": self.dovecot.ca_file}
        steps = in_odoo.run(self.server, task, authority)
        told, account = steps[0], Account(self.options.messages)
        in_odoo.check(told["states"], account, account.size)
        self.imports.setdefault(OURS, []).extend(in_odoo.costs(steps, "import"))
        self.idle.setdefault(OURS, []).extend(in_odoo.costs(steps, "idle"))
        self.notes.append(
            f"{told['rounds']} jobs; Odoo alone {told['odoo']:.0f} MB; {told['states']}"
        )
        self.notes += [each["profile"] for each in steps if "profile" in each]

    def _peer(self, peer) -> None:
        self._chill()
        folder = FOLDER / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        argv = peer.prepare(self.dovecot, folder, self.options.tls)
        os.sync()
        try:
            self.imports.setdefault(peer.name, []).append(self.meter.run(argv))
            count = copied(folder)
            if count != self.options.messages:
                raise Stop(f"{peer.name} copied {count} messages.")
            for _ in range(self.options.idle):
                self.idle.setdefault(peer.name, []).append(self.meter.run(argv))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _chill(self) -> None:
        if self.options.cold:
            # what it has worked out about the mail; `dovecot-uidlist` stays
            for path in _maildir(self.dovecot.directory).rglob("dovecot.index*"):
                path.unlink()

    # --- what came out ----------------------------------------------------------------

    def table(self) -> str:
        lines = [
            f"{self.options.messages:,} messages, {self.size / 1e6:,.0f} MB,"
            f" {'TLS' if self.options.tls else 'no TLS'},"
            f" {'cold' if self.options.cold else 'warm'};"
            f" medians of {self.options.runs}",
            "",
            "| import by | messages/s | ours is | seconds | CPU s | servers' CPU s |"
            " peak MB | received MB |",
            "|---|---|---|---|---|---|---|---|",
        ]
        ours = median(self.imports.get(OURS, []))
        for name, costs in self.imports.items():
            cost = median(costs)
            ratio = f"{cost.seconds / ours.seconds:.2f} x" if ours else ""
            lines.append(
                f"| {name} | {self.options.messages / cost.seconds:,.0f} | {ratio} |"
                f" {cost.seconds:.1f} | {cost.cpu:.1f} | {cost.server_cpu:.1f} |"
                f" {cost.memory:.0f} | {cost.received / 1e6:,.1f} |"
            )
        lines += ["", "| nothing new | ms | CPU ms | received bytes |"]
        lines += ["|---|---|---|---|"]
        for name, costs in self.idle.items():
            cost = median(costs)
            lines.append(
                f"| {name} | {cost.seconds * 1000:,.0f} | {cost.cpu * 1000:,.0f} |"
                f" {cost.received:,} |"
            )
        return "\n".join([*lines, "", *self.notes])


@contextmanager
def _mailbox(messages: int):
    """Dovecot with the account, its caches warm. :return: server, bytes of all mail"""
    home = FOLDER / f"account-{messages}-{VERSION}"
    complete = home / "complete"
    if not complete.exists():
        for old in FOLDER.glob(f"account-{messages}-*"):
            shutil.rmtree(old)
        with step(f"Writing a mailbox of {messages:,} messages"):
            complete_size = Account(messages).write(_maildir(home))
    (home / "dovecot.log").unlink(missing_ok=True)
    server = Dovecot(
        {OWNER: PASSWORD}, directory=home, folders=FOLDERS, storage="maildir"
    )
    with server:
        if not complete.exists():
            with step("Reading it once, so that Dovecot knows it"):
                _warm(server)
            complete.write_text(str(complete_size), "ascii")
        yield server, int(complete.read_text("ascii"))


def _maildir(home: Path) -> Path:
    return home / "mail" / OWNER / "mail"


def _warm(server: Dovecot) -> None:
    """Ask what our import asks, and the whole mails, as the others do."""
    with server.user() as user:
        for folder in ("INBOX", *FOLDERS):
            user.imap.select(folder, readonly=True)
            user.imap.uid("FETCH", "1:*", f"({HEADER_ITEMS})")
            user.imap.uid("FETCH", "1:*", "(UID RFC822.SIZE FLAGS)")


def _as_dicts(costs: dict[str, list[Cost]]) -> dict:
    return {name: [cost.as_dict() for cost in some] for name, some in costs.items()}
