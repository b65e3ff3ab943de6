# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""One run: three mailboxes with history, workers, mail that comes and goes, faults."""

import contextlib
import os
import random
import shutil
import signal
import struct
import time

from tests.chaos import evidence, faults, settled
from tests.chaos.database import NAME, Fragile
from tests.chaos.proxy import Proxy
from tests.chaos.traffic import Clock, Traffic
from tests.chaos.workers import Workers
from tests.peers.dovecot import Dovecot
from tests.sync.mirror import Mirror

#: Mails of each mailbox before the first look.
HISTORY = 40
NAMES = ("anna", "ben", "carla")
WORKERS = 2
#: Of owners and colleagues, before each fault and after the last.
STEPS = 30


class Run:
    """
    :param seed: of the mail, the faults, and when they happen
    :param kinds: faults in this order; drawn when empty
    :param pace: faults last so many times as long
    :ivar breaks: what is done to the product first, see ``broken``
    :ivar told: what happened, in a line
    """

    def __init__(self, seed, cluster: Fragile, registry, folder, kinds=(), pace=1.0):
        self.seed, self.cluster, self.folder = seed, cluster, folder
        self.chance = random.Random(seed)
        self.kinds = kinds or faults.draw(self.chance, cluster)
        self.registry, self.pace = registry, pace
        self.clock_file = folder / "clock"
        self.told: list[str] = []
        self.deeds: list[str] = []
        self.linked = []
        self.breaks = lambda _registry: None
        self.evidence = ""

    def go(self):
        """:raises AssertionError: something was lost, doubled, or waits for a person"""
        self.cluster.renew()
        self.set_clock(0)
        home = self.folder / "mail"
        shutil.rmtree(home, ignore_errors=True)
        logins = {f"{name}@dovecot.test": "secret" for name in NAMES}
        with (self.folder / "odoo.log").open("ab", buffering=0) as log:
            os.environ["CRM_MAIL_MIRROR_CA_FILE"] = str(home / "ca.pem")
            # forked while this process has no thread and no connection
            self.workers = Workers(NAME, log, self.clock_file)
            try:
                with Dovecot(logins, directory=home, compress=True) as self.dovecot:
                    try:
                        self._with_dovecot()
                    finally:
                        # it would take six seconds to end by itself
                        self.kill_dovecot()
            finally:
                self.workers.end()

    def _with_dovecot(self):
        chance = random.Random(self.seed + 1)
        with (
            Proxy(lambda: self.dovecot.tls_port, chance) as self.line,
            Proxy(lambda: self.dovecot.port, chance) as self.plain_line,
        ):
            self._link()
            with Clock(self.cluster) as self.clock:
                self.traffic.begin(HISTORY)
                self.workers.be(WORKERS)
                if self.chance.random() < 0.5:
                    # else the first import is under way
                    settled.wait_for_passes(self)
                self.traffic.start()
                try:
                    for kind in self.kinds:
                        self.traffic.go_on(STEPS)
                        self.last(0.1, 0.7)
                        began = time.monotonic()
                        faults.KINDS[kind](self)
                        self.told.append(f"{kind} {time.monotonic() - began:.1f}s")
                    self.traffic.go_on(STEPS)
                finally:
                    self.traffic.end()
                try:
                    self.calm()
                    began = time.monotonic()
                    settled.settle(self)
                    self.told.append(f"settled {time.monotonic() - began:.1f}s")
                    settled.compare_with_a_fresh_one(self)
                except BaseException:
                    self._gather_evidence()
                    raise

    def _link(self):
        self.mirror = Mirror(self.registry, {})
        self.traffic = Traffic(self.mirror, random.Random(self.seed + 2))
        with self.mirror.env() as env:
            env["ir.config_parameter"].set_param(
                "crm_mail_mirror.allowed_hosts", "localhost 127.0.0.1"
            )
        evidence.note_rows(self.mirror)
        self.boxes = []
        for name in NAMES:
            # the last one without encryption, as the administrator allowed
            plain = name == NAMES[-1]
            box = self.mirror.link(
                name,
                imap_port=(self.plain_line if plain else self.line).port,
                imap_security="none" if plain else "tls",
                imap_login=f"{name}@dovecot.test",
                next_sync_at="2020-01-01",
            )
            self.boxes.append(box)
            program = self.dovecot.user(f"{name}@dovecot.test")
            self.traffic.owner(box, evidence.Noted(program, name, self.deeds))
        self.linked = list(self.boxes)

    def _gather_evidence(self):
        told = [f"workers that died: {self.workers.died()}, {self.workers.pids()}"]
        told += [f"{line.port}: {line.counted}" for line in self.lines]
        told.append(f"mail programs: {self.traffic.done}, {self.traffic.failed} failed")
        for query in (
            "SELECT now() AT TIME ZONE 'UTC'",
            """SELECT id, state, last_error, failure_count, next_sync_at, lease_until,
                      last_sync_at, pass_no, cursor_seq, brake, progress_done
                 FROM crm_mail_mirror_mailbox""",
            """SELECT cron_name, active, nextcall, lastcall, failure_count
                 FROM ir_cron WHERE active""",
            """SELECT pid, state, wait_event, left(query, 100) FROM pg_stat_activity
                WHERE datname = current_database()""",
            """SELECT mailbox_id, state, reason, count(*), min(next_try_at),
                      sum(attempts)
                 FROM crm_mail_mirror_copy GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
            "SELECT * FROM crm_mail_mirror_search LIMIT 5",
            "SELECT * FROM crm_mail_mirror_outbox LIMIT 5",
        ):
            with contextlib.suppress(Exception):
                told += [str(row) for row in self.mirror.sql(query)]
        for box in self.linked:
            told += ["", f"{box.email}, mailbox {box.id}:"]
            told += evidence.of_mailbox(self.mirror, box.id)
        self.evidence = "\n".join([*told, "", *self.deeds, ""])

    # ---- what faults do -------------------------------------------------------------

    @property
    def lines(self):
        return self.line, self.plain_line

    def seconds(self, least, most):
        return self.pace * self.chance.uniform(least, most)

    def last(self, least=0.3, most=1.5):
        """A fault lasts."""
        time.sleep(self.seconds(least, most))

    def set_clock(self, wrong: int):
        """:param wrong: seconds by which the clock of the workers is, in all of them"""
        with self.clock_file.open("r+b" if self.clock_file.exists() else "w+b") as file:
            file.write(struct.pack("=q", wrong))

    def kill_dovecot(self):
        if self.dovecot._process:
            os.killpg(self.dovecot._process.pid, signal.SIGKILL)
        self.dovecot._end()
        shutil.rmtree(self.dovecot._run, ignore_errors=True)

    def calm(self):
        """Whatever was drawn is over; what broke is up again, as a machine's is."""
        for line in self.lines:
            line.become("through")
        self.set_clock(0)
        if self.cluster.is_small:
            self.cluster.empty_disk()
        self.cluster.start_again()
        if self.dovecot._process is None:
            self.dovecot.start()
        self.workers.connections(32)
        self.workers.be(WORKERS)
