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
from contextlib import contextmanager
from pathlib import Path

from . import odoo, venv
from .database import Server
from .done import alone, fingerprint
from .say import LOCAL, Stop, note, run, step

ADDONS = LOCAL.parent / "addons"
ADDON = "crm_mail_mirror"
CORE = ("crm", "contacts")
DATA = LOCAL / "odoo-data"
KEPT = 3  # databases of the addon's earlier states
# What a page of the web client loads; compiling it takes half a minute in a browser
BUNDLES = (
    *("web.assets_frontend", "web.assets_frontend_minimal"),
    *("web.assets_frontend_lazy", "web.assets_web", "web.assets_web_dark"),
    *("web.assets_web_print", "bus.websocket_worker_assets"),
)
COMPILE = f"""
for name in {BUNDLES!r}:
    env["ir.qweb"]._get_asset_bundle(name, css=False, js=True).js()
    env["ir.qweb"]._get_asset_bundle(name, css=True, js=False).css()
env.cr.commit()
"""


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


def environment(server: Server | None = None) -> dict[str, str]:
    """What a process needs to import Odoo, run its commands and reach the server."""
    path = [str(odoo.root()), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        **(server.env() if server else {}),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PATH": f"{venv.FOLDER / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def ensure(
    server: Server, modules: Sequence[str] = (ADDON,), bundles: bool = False
) -> str:
    """The name of a database with ``modules`` of ours, and what they need, installed.

    No one may connect to it: ``clone`` it.

    :param modules: when empty, Odoo's own are there only
    :param bundles: whether a browser will ask for it, so that scripts and styles of
        the web client are to be compiled as well
    :raises Stop: Odoo failed to install them; its log is named.
    """
    with alone("template"):
        name = _core(server)
        if modules:
            name = _ours(server, name, modules)
            if bundles:
                name = _compiled(server, name)
        return name


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
            with _unfinished(server, None, name) as dbname:
                _install(server, dbname, CORE)
                _compile(server, dbname)
    return name


def _ours(server: Server, core: str, modules: Sequence[str]) -> str:
    installed = _files(r"/(tests|engine|static|readme|__pycache__)/")
    name = f"mirror_addon_{fingerprint(core, *modules, *installed)}"
    if not _ready(server, name):
        with step(f"Installing {', '.join(modules)} into a copy of it"):
            with _unfinished(server, core, name) as dbname:
                _install(server, dbname, modules)
        _forget_earlier(server, "mirror_addon_")
    return name


def _compiled(server: Server, addon: str) -> str:
    shown = _files(r"/(tests|engine|readme|description|__pycache__)/|\.py$")
    name = f"mirror_web_{fingerprint(addon, *shown)}"
    if not _ready(server, name):
        with step("Compiling scripts and styles of the web client in a copy of that"):
            with _unfinished(server, addon, name) as dbname:
                _compile(server, dbname)
        _forget_earlier(server, "mirror_web_")
    return name


@contextmanager
def _unfinished(server: Server, source: str | None, name: str) -> Iterator[str]:
    """A database under a passing name, which becomes ``name`` when the block is done.

    So an interrupted one is never taken for it.
    """
    for leftover in _names(server, "mirror_new_"):
        drop(server, leftover)
    drop(server, name)
    dbname = f"mirror_new_{secrets.token_hex(4)}"
    if source:
        clone(server, source, dbname)
    yield dbname
    files = DATA / "filestore"
    (files / dbname).mkdir(parents=True, exist_ok=True)
    (files / dbname).rename(files / name)
    server.sql(f'ALTER DATABASE "{dbname}" RENAME TO "{name}"')
    server.sql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')


def _install(server: Server, dbname: str, modules: Sequence[str]) -> None:
    names = ", ".join(modules)
    run(
        [*_odoo(server, dbname), "-i", ",".join(modules), "--stop-after-init"],
        f"template-{modules[0]}",
        f"Odoo could not install {names}.",
        env=environment(server),
    )
    _all_installed(server, dbname, modules)


def _compile(server: Server, dbname: str) -> None:
    run(
        [*_odoo(server, dbname, "shell"), "--log-level=warn"],
        "template-bundles",
        "Odoo could not compile scripts and styles of the web client.",
        env=environment(server),
        said=COMPILE,
    )


def _odoo(server: Server, dbname: str, *verb: str) -> list[str | Path]:
    conf = configuration(server, LOCAL / "template.conf")
    return [venv.PYTHON, "-m", "odoo", *verb, "-c", conf, "-d", dbname, "--no-http"]


def _all_installed(server: Server, dbname: str, modules: Sequence[str]) -> None:
    """Odoo says nothing when a module named on its command line does not exist."""
    state = "SELECT name FROM ir_module_module WHERE state = 'installed'"
    absent = set(modules) - set(server.sql(state, dbname))
    if absent:
        raise Stop(f"Odoo did not install {', '.join(sorted(absent))}.")


def _ready(server: Server, name: str) -> bool:
    return server.exists(name) and (DATA / "filestore" / name).exists()


def _forget_earlier(server: Server, prefix: str) -> None:
    for name in _names(server, prefix)[KEPT:]:
        try:
            drop(server, name)
        except Stop as reason:  # a test of another run is just copying it
            note(str(reason))


def _names(server: Server, prefix: str) -> list[str]:
    """Databases whose name begins so, the newest first."""
    return server.sql(
        "SELECT datname FROM pg_database "
        f"WHERE starts_with(datname, '{prefix}') ORDER BY oid DESC"
    )


def _files(skipped: str) -> Iterator[bytes]:
    """Names and contents of the addons' files, but for those whose path matches."""
    for path in sorted(ADDONS.rglob("*")):
        name = f"/{path.relative_to(ADDONS)}"
        if path.is_file() and not re.search(skipped, name):
            yield name.encode() + b"\0" + path.read_bytes()


def installable(name: str) -> bool:
    """Whether an addon of ours is there to be installed."""
    return (ADDONS / name / "__manifest__.py").exists()
