# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A PostgreSQL of our own that may be killed and whose disk may be full.

Writes are durable (``fsync`` on). As root its cluster lies on a small tmpfs in a mount
namespace of this run (see ``shelter``), so that a full disk is nobody else's.
"""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import psycopg2

from setup import database
from setup.postgres import Cluster
from setup.say import Stop
from setup.unprivileged import give

#: The database that is killed, restored, copied; one as it was before each run.
NAME, FRESH, BACKUP = "chaos", "chaos_fresh", "chaos_backup"
#: Room on its disk, in MB.
ROOM = 1500
SETTINGS = """
fsync = on
synchronous_commit = on
shared_buffers = 64MB
max_connections = 40
max_wal_size = 128MB
min_wal_size = 32MB
deadlock_timeout = 200ms
autovacuum_naptime = 5s
"""


class Fragile(Cluster):
    """
    :ivar is_small: whether its disk can be filled
    """

    def __init__(self, folder: Path) -> None:
        super().__init__("chaos", durable=True)
        self.folder, self.data = folder, folder / "data"
        self.is_small = False
        self.port = 0

    # ---- from beginning to end ------------------------------------------------------

    def make(self, alone: bool) -> None:
        """:param alone: nobody else sees what is mounted here"""
        self.folder.mkdir(parents=True, exist_ok=True)
        if alone:
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={ROOM}m", "chaos", self.folder],
                stderr=subprocess.DEVNULL,
                check=False,
            )
            self.is_small = done.returncode == 0
            give(self.folder)
        self._make()
        with (self.data / "postgresql.conf").open("a", encoding="ascii") as conf:
            conf.write(SETTINGS)
        self._start()
        self.port = self._port()

    # ---- databases ------------------------------------------------------------------

    @property
    def odoo(self) -> database.Server:
        return self.server("odoo")

    @property
    def admin(self) -> database.Server:
        return self.server("postgres")

    def _port(self) -> int:
        # while it is down as well
        return self.port or super()._port()

    def renew(self) -> None:
        """``NAME`` is as it was in the beginning."""
        self.copy(FRESH, NAME)

    def copy(self, dbname: str, target: str) -> None:
        """As of now; whoever works with either is sent away."""
        admin = self.admin
        admin.drop(target)
        admin.sql(f'ALTER DATABASE "{dbname}" ALLOW_CONNECTIONS false')
        admin.sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            f"WHERE datname = '{dbname}'"
        )
        # the other way writes all of it into the log of transactions first
        way = "STRATEGY file_copy" if int(self._version()) >= 15 else ""
        admin.sql(f'CREATE DATABASE "{target}" TEMPLATE "{dbname}" OWNER odoo {way}')
        for each in (dbname, target):
            admin.sql(f'ALTER DATABASE "{each}" ALLOW_CONNECTIONS true')

    def copy_in(self, backup: Path, dbname: str) -> None:
        """From a file; what was under this name goes."""
        self.admin.drop(dbname)
        self.odoo.sql(f'CREATE DATABASE "{dbname}"')
        _tool(self.odoo, "pg_restore", "-j2", "--no-owner", "-d", dbname, backup)

    @contextlib.contextmanager
    def session(self, role="postgres", dbname=NAME, **options):
        """A connection that commits each statement; closed at the end."""
        server = self.server(role)
        connection = psycopg2.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            dbname=dbname,
            **options,
        )
        connection.autocommit = True
        try:
            yield connection
        finally:
            with contextlib.suppress(psycopg2.Error):
                connection.close()

    # ---- what happens to it ---------------------------------------------------------

    def kill_all(self) -> None:
        """Every process of it, at once, as a power cut or the OOM killer does."""
        master = int(self._pidfile()[0])
        os.kill(master, signal.SIGSTOP)  # it starts none while they are counted
        for pid in [*children(master), master]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while Path(f"/proc/{master}").exists() and time.monotonic() < deadline:
            time.sleep(0.02)

    def kill_one(self, chance) -> None:
        """One session's process: PostgreSQL ends all others, and recovers."""
        with self.session() as session, session.cursor() as cr:
            cr.execute(
                """SELECT pid FROM pg_stat_activity
                    WHERE datname = %s AND usename = 'odoo'""",
                [NAME],
            )
            pids = [pid for (pid,) in cr.fetchall()]
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(pids), signal.SIGKILL)

    def start_again(self) -> None:
        """Start it on the same port, if it is down, and wait until it answers."""
        deadline = time.monotonic() + 60
        while True:
            if self._pg_ctl("status"):
                self._pg_ctl(
                    *("start", "-w", "-t", "60", "-l", str(self.folder / "log")),
                    *("-o", f"-p {self.port}"),
                )
            try:
                with self.session(dbname="postgres"):
                    return
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    log = (self.folder / "log").read_text(errors="replace")
                    raise AssertionError(
                        f"PostgreSQL stays down:\n{log[-2000:]}"
                    ) from None
                time.sleep(0.1)

    def fill_disk(self, left: int) -> None:
        """:param left: bytes that stay free"""
        deadline = time.monotonic() + 10
        while True:
            status = os.statvfs(self.folder)
            used = (status.f_blocks - status.f_bfree) * status.f_frsize
            try:
                return self._resize(used + left)
            except subprocess.CalledProcessError:
                # more was written meanwhile than is to be left
                if time.monotonic() > deadline:
                    raise

    def empty_disk(self) -> None:
        self._resize(ROOM * 1024 * 1024)

    def _resize(self, size):
        subprocess.run(["mount", "-o", f"remount,size={size}", self.folder], check=True)


def dump(server: database.Server, dbname: str, path: Path) -> Path:
    """:return: ``path``, a backup that ``pg_restore`` reads"""
    _tool(server, "pg_dump", "-Fc", "-Z0", "-f", path, dbname)
    return path


def _tool(server, name, *arguments):
    done = subprocess.run(
        [Path(database.psql()).with_name(name), *arguments],
        env={**os.environ, **server.env()},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Stop(f"{name}: {done.stderr[-500:]}")


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # proc(5): the name may hold blanks and brackets; state and parent follow
            told = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")
            if int(told[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found
