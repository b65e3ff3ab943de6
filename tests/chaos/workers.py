# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Odoo's cron workers: processes that do the database's jobs, and may be killed.

As Odoo's prefork server does it: a master without threads or connections forks them,
and forks another one in the place of each that died. Each does what ``WorkerCron`` does
(``IrCron._process_jobs``), without the minute of rest between.
"""

import contextlib
import ctypes
import os
import random
import select
import signal
import sys
import time
import traceback

PR_SET_PDEATHSIG = 1


class Workers:
    """A master, in a process of its own; made before this one has threads."""

    def __init__(self, dbname: str, log, clock_file):
        """:param clock_file: see ``clock.c``"""
        asked, self._ask = os.pipe()
        self._hear, told = os.pipe()
        self.master = os.fork()
        if not self.master:
            end_with_parent()
            os.close(self._ask), os.close(self._hear)
            os.dup2(log.fileno(), 1), os.dup2(log.fileno(), 2)
            try:
                if hasattr(ctypes.CDLL(None), "wrong_clock"):
                    ctypes.CDLL(None).wrong_clock(os.fsencode(clock_file))
                _Master(dbname, asked, told).run()
            finally:
                traceback.print_exc()
                os._exit(1)
        os.close(asked), os.close(told)
        self._heard = os.fdopen(self._hear, encoding="ascii")

    def _say(self, words: str) -> str:
        os.write(self._ask, f"{words}\n".encode("ascii"))
        return self._heard.readline().strip()

    def be(self, count: int) -> None:
        """So many from now on; those that are too many are killed."""
        self._say(f"be {count}")

    def pids(self) -> list[int]:
        return [int(pid) for pid in self._say("pids").split()]

    def connections(self, most: int) -> None:
        """Of workers that are forked from now on: ``db_maxconn``."""
        self._say(f"connections {most}")

    def kill(self, chance: random.Random) -> None:
        """One of them, where it stands."""
        pids = self.pids()
        if pids:
            with contextlib.suppress(ProcessLookupError):  # it is another one by now
                os.kill(chance.choice(pids), signal.SIGKILL)

    def jobs(self, dbname: str) -> int:
        """Each job of the addon once, on another database; :return: 0 if all went."""
        return int(self._say(f"jobs {dbname}"))

    def died(self) -> int:
        """How many ended without being told to."""
        return int(self._say("died"))

    def end(self) -> None:
        self.be(0)
        os.kill(self.master, signal.SIGKILL)
        os.waitpid(self.master, 0)
        self._heard.close()
        os.close(self._ask)


class _Master:
    def __init__(self, dbname, asked, told):
        self.dbname, self.asked, self.told = dbname, asked, told
        self.wanted, self.pids, self.died, self.options = 0, set(), 0, {}

    def run(self):
        rest = b""
        while True:
            if select.select([self.asked], [], [], 0.02)[0]:
                some = os.read(self.asked, 4096)
                if not some:
                    os._exit(0)
                *lines, rest = (rest + some).split(b"\n")
                for line in lines:
                    answer = self._do(*line.decode("ascii").split())
                    os.write(self.told, f"{answer}\n".encode("ascii"))
            self._look_after()

    def _do(self, verb, value=""):
        if verb == "be":
            self.wanted = int(value)
            self._look_after()
        elif verb == "pids":
            return " ".join(map(str, self.pids))
        elif verb == "died":
            return self.died
        elif verb == "jobs":
            pid = _forked(lambda: _jobs(value))
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        else:
            self.options[verb] = value
        return "done"

    def _look_after(self):
        for pid in list(self.pids):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self.pids.discard(pid)
                self.died += 1
        while len(self.pids) > self.wanted:
            pid = self.pids.pop()
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        while len(self.pids) < self.wanted:
            self.pids.add(_forked(lambda: _work(self.dbname, self.options)))


def _forked(work) -> int:
    pid = os.fork()
    if pid:
        return pid
    end_with_parent()
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(1)


def _jobs(dbname):
    from odoo.api import SUPERUSER_ID, Environment
    from odoo.modules.registry import Registry

    registry = Registry(dbname)
    with registry.cursor() as cr:
        jobs = Environment(cr, SUPERUSER_ID, {})["ir.cron"].with_context(
            active_test=False
        )
        ids = jobs.search([("model_id.model", "=like", "crm.mail.mirror.%")]).ids
    for job in ids:
        with registry.cursor() as cr:
            job = Environment(cr, SUPERUSER_ID, {})["ir.cron"].browse(job)
            job.with_context(cron_id=job.id).ir_actions_server_id.run()


def _work(dbname, options):
    from odoo.tools import config

    from odoo.addons.base.models.ir_cron import IrCron

    random.seed()
    if "connections" in options:
        config["db_maxconn"] = int(options["connections"])
    while True:
        IrCron._process_jobs(dbname)
        time.sleep(random.uniform(0.05, 0.15))


def end_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
