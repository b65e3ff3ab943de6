# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""One account at Dovecot, imported by us or by another: what did that cost?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import in_odoo
from account import PASSWORD, Account
from account_at_dovecot import Counted, chill
from in_odoo import FOLDER
from measure import Cost, Meter
from peers import Peer, copied

from setup import database
from setup.say import Stop


class Contest:
    """:param tls: everybody comes over TLS
    :param cold: Dovecot forgets its caches before each import
    :param idle: looks at the unchanged mailbox, after each import
    :param port: where Dovecot is reached, when not at its own
    :param past_door: the door at which bytes are counted takes time from whoever has
        much to carry: go through it once, and then past it to be timed
    :ivar told: what our last import told of its steps
    """

    def __init__(
        self,
        server: database.Server,
        dovecot: Counted,
        account: Account,
        *,
        tls: bool = False,
        cold: bool = False,
        idle: int = 0,
        port: int = 0,
        past_door: bool = False,
    ):
        self.server, self.dovecot, self.account = server, dovecot, account
        self.tls, self.cold, self.idle = tls, cold, idle
        self.port = port or dovecot.doors[tls]
        self._past = (dovecot.tls_port if tls else dovecot.port) if past_door else 0
        self._counted: dict[str, tuple[Cost, list[Cost]]] = {}
        self._servers = [dovecot._process.pid, *in_odoo.postmaster(server)]
        self._meter = Meter(dovecot.door_log, self._servers)
        self.told: list[dict] = []

    def ours(self, **task) -> tuple[Cost, list[Cost]]:
        """:param task: more of what ``ours.py`` reads. :return: import, looks"""
        return self._counted_and_timed(
            in_odoo.OURS, lambda port: self._ours(port, **task)
        )

    def _ours(self, port: int, **task) -> tuple[Cost, list[Cost]]:
        self._chill()
        task = {
            "mailbox": {
                "imap_host": "localhost",
                "imap_port": port,
                "imap_security": "tls" if self.tls else "none",
                "password": PASSWORD,
            },
            "messages": self.account.size,
            "profile": False,
            "idle": self.idle,
            "seconds": 0,
            "log": str(self.dovecot.door_log),
            "servers": self._servers,
            **task,
        }
        authority = {"CRM_MAIL_MIRROR_CA_FILE": self.dovecot.ca_file}
        self.told = in_odoo.run(self.server, task, authority)
        in_odoo.check(self.told[0]["states"], self.account, self.account.size)
        (cost,) = in_odoo.costs(self.told, "import")
        return cost, in_odoo.costs(self.told, "idle")

    def theirs(self, peer: Peer, keep: Path | None = None) -> tuple[Cost, list[Cost]]:
        """:param keep: where its copy stays. :return: import, looks"""
        return self._counted_and_timed(
            peer.name, lambda port: self._theirs(port, peer, keep)
        )

    def _theirs(
        self, port: int, peer: Peer, keep: Path | None
    ) -> tuple[Cost, list[Cost]]:
        self._chill()
        folder = keep or FOLDER / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        argv = peer.prepare(self.dovecot, port, folder, self.tls)
        os.sync()
        try:
            cost = self._meter.run(argv)
            count = copied(folder)
            if count != self.account.size:
                raise Stop(f"{peer.name} copied {count} messages.")
            return cost, self.looks(argv)
        finally:
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)

    def _counted_and_timed(
        self, name: str, run: Callable[[int], tuple[Cost, list[Cost]]]
    ) -> tuple[Cost, list[Cost]]:
        if not self._past:
            return run(self.port)
        if name not in self._counted:
            self._counted[name] = run(self.port)
        counted, cost = self._counted[name], run(self._past)
        for there, timed in zip(
            (counted[0], *counted[1]), (cost[0], *cost[1]), strict=True
        ):
            timed.received = there.received
        return cost

    def looks(self, argv: list[str]) -> list[Cost]:
        """:param argv: finds nothing new"""
        return [self._meter.run(argv) for _ in range(self.idle)]

    def _chill(self) -> None:
        if self.cold:
            chill(self.dovecot)


def told(name: str, cost: Cost, messages: int) -> str:
    rate = messages / cost.seconds
    return f"  {name}: {rate:,.0f}/s, {cost.cpu:.1f} s CPU, {cost.memory:.0f} MB"
