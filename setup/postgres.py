"""A private PostgreSQL cluster below ``.local``: made, started, shared, stopped.

It listens on a free port of 127.0.0.1 only, since the path of a socket in a deep
checkout would be too long, and asks for a generated password.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator

from . import database
from .done import alone
from .ports import free_port
from .say import LOCAL, Stop, run, step
from .unprivileged import command, give

COMMON = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 256MB
log_timezone = 'UTC'
timezone = 'UTC'
logging_collector = off
"""
FORGETFUL = """
fsync = off
full_page_writes = off
synchronous_commit = off
wal_level = minimal
max_wal_senders = 0
autovacuum_naptime = 1h
"""


class Cluster:
    """``.local/pg-<name>``: ``data/``, ``password``, ``log``."""

    def __init__(self, name: str, durable: bool) -> None:
        self.name = name
        self.durable = durable
        self.folder = LOCAL / f"pg-{name}"
        self.data = self.folder / "data"
        found = database.binaries()
        if not found:
            raise Stop("PostgreSQL is missing: run make again, it installs it.")
        self.bin = found[0]

    @contextlib.contextmanager
    def running(self) -> Iterator[database.Server]:
        """Start it, or use what runs already; stop it unless others still use it.

        A killed make leaves it running. The next one uses it, and stops it.
        """
        LOCAL.mkdir(exist_ok=True)
        with (LOCAL / f"pg-{self.name}.users").open("w", encoding="utf-8") as users:
            fcntl.flock(users, fcntl.LOCK_SH)
            with alone(f"pg-{self.name}"):
                self._make()
                self._start()
            try:
                yield self.server("odoo")
            finally:
                with alone(f"pg-{self.name}"):
                    try:
                        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        pass  # another make or pytest still works with it
                    else:
                        self.stop()

    def server(self, role: str) -> database.Server:
        """How ``role`` reaches it: ``odoo``, or ``postgres``, the superuser."""
        password = (self.folder / "password").read_text(encoding="ascii")
        return database.Server("127.0.0.1", self._port(), role, password)

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self._alive():
            self._pg_ctl("stop", "-m", "fast", "-w", "-t", "30")

    def _make(self) -> None:
        try:
            ours = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        except FileNotFoundError:
            ours = None
        if ours and (self.bin / "postgres").exists():
            if self._version() == ours:
                return
            self.stop()
        with step(f"Making PostgreSQL's private cluster .local/pg-{self.name}"):
            shutil.rmtree(self.folder, ignore_errors=True)
            unfinished = self.folder / "new"
            unfinished.mkdir(parents=True)
            self.folder.chmod(0o755)
            password = self.folder / "password"
            password.touch(mode=0o600)
            password.write_text(secrets.token_urlsafe(24), encoding="ascii")
            for path in (unfinished, password):
                give(path)
            run(
                command(
                    [
                        str(self.bin / "initdb"),
                        f"--pgdata={unfinished}",
                        "--username=postgres",
                        f"--pwfile={password}",
                        "--auth=scram-sha-256",
                        "--encoding=UTF8",
                        "--locale=C.UTF-8",
                        "--no-sync",
                    ]
                ),
                f"initdb-{self.name}",
                "PostgreSQL could not make a cluster: is the disk full?",
            )
            with (unfinished / "postgresql.conf").open("a", encoding="ascii") as conf:
                conf.write(COMMON + ("" if self.durable else FORGETFUL))
            os.chown(password, os.geteuid(), os.getegid())
            unfinished.rename(self.data)

    def _start(self) -> None:
        if not self._alive():
            log = self.folder / "log"
            log.touch()
            give(log)
            for _ in range(3):
                done = self._pg_ctl(
                    *("start", "-w", "-t", "60", "-l", str(log)),
                    *("-o", f"-p {free_port()}"),
                )
                if done == 0:
                    break
            else:
                raise Stop(f"PostgreSQL did not start; why stands in {log}.")
            self._sweep()
        admin = self.server("postgres")
        if not admin.sql("SELECT 1 FROM pg_roles WHERE rolname = 'odoo'"):
            admin.sql(f"CREATE ROLE odoo LOGIN CREATEDB PASSWORD '{admin.password}'")

    def _sweep(self) -> None:
        """Drop what tests that were killed have left."""
        admin = self.server("postgres")
        for dbname in admin.sql(
            "SELECT datname FROM pg_database WHERE starts_with(datname, 'mirror_test')"
        ):
            admin.drop(dbname)
            shutil.rmtree(LOCAL / "odoo-data/filestore" / dbname, ignore_errors=True)

    def _alive(self) -> bool:
        """Whether its postmaster runs; one that is just starting is waited for."""
        if not self.data.exists() or self._pg_ctl("status"):
            return False
        for _ in range(300):
            if "ready" in self._pidfile()[-1]:
                return True
            time.sleep(0.1)
        return self._pg_ctl("status") == 0

    def _port(self) -> int:
        return int(self._pidfile()[3])

    def _pidfile(self) -> list[str]:
        """PostgreSQL's documentation, "postmaster.pid": line 4 port, line 8 status."""
        text = (self.data / "postmaster.pid").read_text(encoding="utf-8")
        return text.splitlines() or [""]

    def _version(self) -> str:
        said = subprocess.run(
            [self.bin / "postgres", "--version"],
            capture_output=True,
            text=True,
            check=True,
        )
        return said.stdout.split()[2].partition(".")[0]

    def _pg_ctl(self, verb: str, *arguments: str) -> int:
        # In a session of its own, so that Ctrl-C reaches make and not PostgreSQL
        return subprocess.run(
            command([str(self.bin / "pg_ctl"), verb, "-D", str(self.data), *arguments]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            check=False,
        ).returncode
