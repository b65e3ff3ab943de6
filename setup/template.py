"""A prepared Odoo database, of which a test takes a copy in a second.

Two layers, each made once and kept: Odoo's modules that the addon needs (a minute,
again only for another Odoo), and on a copy of it the addon itself (seconds, again
when its files change). The filestore is copied by hard links: Odoo only ever adds
and removes files there.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import odoo, venv
from .database import Server
from .done import alone, fingerprint
from .say import LOCAL, Stop, note, run, step

ADDONS = LOCAL.parent / "addons"
ADDON = "crm_mail_mirror"
CORE = ("crm", "contacts")
DATA = LOCAL / "odoo-data"
KEPT = 3  # layers of the addon's earlier states


def configuration(server: Server, path: Path, **options: object) -> Path:
    """Write an ``odoo.conf`` for ``server``; options are those of Odoo."""
    DATA.mkdir(parents=True, exist_ok=True)
    settings: dict[str, object] = {
        "db_host": server.host,
        "db_port": server.port,
        "db_user": server.user,
        "db_password": server.password,
        "db_maxconn": 32,
        "addons_path": ",".join(map(str, odoo.addons_path())),
        "data_dir": DATA,
        "screenshots": LOCAL / "screenshots",
        "list_db": False,
        "http_interface": "127.0.0.1",
        "max_cron_threads": 0,
        **options,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    lines = [f"{name} = {value}" for name, value in settings.items()]
    path.write_text("\n".join(["[options]", *lines, ""]), encoding="utf-8")
    return path


def environment(server: Server) -> dict[str, str]:
    """What a process needs to import Odoo, run its commands and reach the server."""
    path = [str(odoo.root()), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        **server.env(),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PATH": f"{venv.FOLDER / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def ensure(server: Server, modules: Sequence[str] = (ADDON,)) -> str:
    """The name of a database with ``modules`` of ours, and what they need, installed.

    An empty ``modules`` gives Odoo's own only. No one may connect to it: ``clone`` it.

    :raises Stop: Odoo failed to install them; its log is named.
    """
    with alone("template"):
        core = _core(server)
        return _ours(server, core, modules) if modules else core


def clone(server: Server, source: str, dbname: str) -> None:
    """Copy a database and its filestore."""
    server.sql(f'CREATE DATABASE "{dbname}" TEMPLATE "{source}"')
    files = DATA / "filestore" / source
    if files.exists():
        shutil.copytree(files, DATA / "filestore" / dbname, copy_function=os.link)


def drop(server: Server, dbname: str) -> None:
    """Drop a database and its filestore."""
    server.drop(dbname)
    shutil.rmtree(DATA / "filestore" / dbname, ignore_errors=True)


def _core(server: Server) -> str:
    name = f"mirror_core_{fingerprint(odoo.version(), *CORE)}"
    if not _ready(server, name):
        with step(f"Making a database with Odoo's {', '.join(CORE)}"):
            _make(server, name, None, CORE)
    return name


def _ours(server: Server, core: str, modules: Sequence[str]) -> str:
    state = fingerprint(core, *modules, *_installed_files())
    name = f"mirror_addon_{state}"
    if not _ready(server, name):
        with step(f"Installing {', '.join(modules)} into a copy of it"):
            _make(server, name, core, modules)
        _forget_earlier(server)
    return name


def _make(
    server: Server, name: str, source: str | None, modules: Sequence[str]
) -> None:
    """Build under a passing name, so that an interrupted one is never taken for it."""
    unfinished = f"mirror_new_{secrets.token_hex(4)}"
    for leftover in server.sql(
        "SELECT datname FROM pg_database WHERE datname LIKE 'mirror_new_%'"
    ):
        drop(server, leftover)
    drop(server, name)
    if source:
        clone(server, source, unfinished)
    conf = configuration(server, LOCAL / "template.conf")
    run(
        [venv.PYTHON, "-m", "odoo", "-c", conf, "-d", unfinished]
        + ["-i", ",".join(modules), "--stop-after-init", "--no-http"],
        f"template-{modules[0]}",
        f"Odoo could not install {', '.join(modules)}.",
        env=environment(server),
    )
    _all_installed(server, unfinished, modules)
    server.sql(f'ALTER DATABASE "{unfinished}" RENAME TO "{name}"')
    files = DATA / "filestore"
    (files / unfinished).mkdir(parents=True, exist_ok=True)
    (files / unfinished).rename(files / name)
    server.sql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')


def _all_installed(server: Server, dbname: str, modules: Sequence[str]) -> None:
    """Odoo says nothing when a module named on its command line does not exist."""
    state = "SELECT name FROM ir_module_module WHERE state = 'installed'"
    absent = set(modules) - set(server.sql(state, dbname))
    if absent:
        raise Stop(f"Odoo did not install {', '.join(sorted(absent))}.")


def _ready(server: Server, name: str) -> bool:
    return server.exists(name) and (DATA / "filestore" / name).exists()


def _forget_earlier(server: Server) -> None:
    names = server.sql(
        "SELECT datname FROM pg_database WHERE datname LIKE 'mirror_addon_%' "
        "ORDER BY oid DESC"
    )
    for name in names[KEPT:]:
        try:
            drop(server, name)
        except Stop as reason:  # a test of another run is just copying it
            note(str(reason))


def _installed_files() -> Iterator[bytes]:
    """Names and contents of the addons' files, but for those no database holds."""
    pattern = re.compile(r"/(tests|engine|static|readme|__pycache__)/")
    for path in sorted(ADDONS.rglob("*")):
        if path.is_file() and not pattern.search(str(path.relative_to(ADDONS))):
            yield str(path.relative_to(ADDONS)).encode() + b"\0" + path.read_bytes()


def installable(name: str) -> bool:
    """Whether an addon of ours is there to be installed."""
    return (ADDONS / name / "__manifest__.py").exists()
