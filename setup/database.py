"""Which PostgreSQL server, and what can be asked of it?

One that exists, when ``DATABASE_URL`` or the ``PG*`` variables name it, else the
private cluster of ``postgres.py``.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .say import Stop

OLDEST = 13  # Odoo 19


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server and the role that may create databases there."""

    host: str
    port: int
    user: str
    password: str

    def env(self) -> dict[str, str]:
        """The variables by which libpq, and so psql and psycopg2, find it."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
        }

    def sql(self, statement: str, dbname: str = "postgres") -> list[str]:
        """Run one statement outside a transaction; the rows as psql prints them.

        :raises Stop: the server refused, or is not there.
        """
        done = subprocess.run(
            [psql(), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", dbname, "-c", statement],
            env={**os.environ, **self.env()},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Stop(f"PostgreSQL said: {done.stderr.strip()}")
        return done.stdout.splitlines()

    def exists(self, dbname: str) -> bool:
        return bool(self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{dbname}'"))

    def drop(self, dbname: str) -> None:
        """Drop a database, whoever is connected."""
        statement = f'DROP DATABASE IF EXISTS "{dbname}" WITH (FORCE)'
        for _attempt in range(5):
            try:
                self.sql(statement)
                return
            except Stop:
                # autovacuum is at it, which only a superuser may end
                time.sleep(1)
        self.sql(statement)


def given(env: Mapping[str, str] = os.environ) -> Server | None:
    """The server named by the environment.

    :raises Stop: it is named, but not so that Odoo could use it.
    """
    url = env.get("DATABASE_URL")
    if url:
        parts = urlsplit(url)
        if parts.scheme not in ("postgresql", "postgres") or not parts.username:
            raise Stop("DATABASE_URL must read postgresql://user:password@host:port/")
        server = Server(
            parts.hostname or "localhost",
            parts.port or 5432,
            unquote(parts.username),
            unquote(parts.password or ""),
        )
    elif env.get("PGHOST"):
        server = Server(
            env["PGHOST"],
            int(env.get("PGPORT") or 5432),
            env.get("PGUSER") or "odoo",
            env.get("PGPASSWORD") or "",
        )
    else:
        return None
    if server.user == "postgres":
        raise Stop(
            "Odoo refuses the role 'postgres': name another that may create "
            "databases (CREATE ROLE odoo LOGIN CREATEDB PASSWORD '...')."
        )
    return server


def binaries() -> list[Path]:
    """Folders with a PostgreSQL server's programs, the newest first."""
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders = [place for place in debian if int(place.parent.name) >= OLDEST]
    folders.sort(key=lambda place: int(place.parent.name), reverse=True)
    elsewhere = shutil.which("initdb")
    if elsewhere:
        folders.append(Path(elsewhere).resolve().parent)
    return [place for place in folders if (place / "initdb").exists()]


def psql() -> str:
    """The client, or an empty string when there is none."""
    return next((str(b / "psql") for b in binaries()), shutil.which("psql") or "")


@contextmanager
def server(durable: bool = False) -> Iterator[Server]:
    """A server for as long as the block runs.

    Example::

        with server() as pg:
            pg.sql("CREATE DATABASE example")

    :param durable: the demo's and benchmarks' own, whose writes reach the disk; the
        tests' may lose them when the machine does.
    :raises Stop: there is none that can be used.
    """
    named = given()
    if named:
        try:
            may = named.sql(
                "SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user"
            )
        except Stop as reason:
            raise Stop(
                f"PostgreSQL at {named.host}:{named.port} does not let us in; mend "
                f"DATABASE_URL or PGHOST, or unset them for a private one. {reason}"
            ) from None
        if may != ["t"]:
            raise Stop(f"The role '{named.user}' may not create databases: allow it.")
        yield named
        return
    from .postgres import Cluster

    with Cluster("demo" if durable else "test", durable).running() as private:
        yield private
