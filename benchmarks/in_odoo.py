# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is our import run in an Odoo that has seen nothing yet? See ``ours.py``."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import kept
from account import Account
from measure import Cost, conversation

from setup import database, template, venv
from setup.say import LOCAL, Stop

FOLDER = LOCAL / "bench"
OURS = "crm_mail_mirror"


def run(
    server: database.Server,
    task: Mapping,
    env: Mapping[str, str],
    between: Callable[[], dict] = dict,
    program: str = "ours.py",
    modules: Sequence[str] = (template.ADDON,),
    keep: str = "",
) -> list[dict]:
    """Its steps, each with its ``cost`` and what ``between`` added to it.

    :param task: what ``ours.py`` says, but for the database
    :param env: settings of the server, such as where Gmail is
    :param program: what runs there
    :param modules: of ours; when empty, it is an Odoo without us
    :param keep: a name: in a database that the next run finds again
    """
    with _database(server, modules, keep) as dbname:
        conf = template.configuration(server, FOLDER / "odoo.conf")
        # what copying the template has left to write shall not be counted
        server.sql("SELECT 1", dbname)
        os.sync()
        given = {"conf": str(conf), "dbname": dbname, "log": "", **task}
        path = Path(__file__).with_name(program)
        return conversation(
            [str(venv.PYTHON), str(path), json.dumps(given)],
            {**template.environment(server), **env},
            between,
        )


@contextmanager
def _database(server, modules, keep):
    if keep:
        yield kept.ensure(server, keep)
        return
    dbname = f"mirror_bench_{secrets.token_hex(4)}"
    template.clone(server, template.ensure(server, modules), dbname)
    try:
        yield dbname
    finally:
        template.drop(server, dbname)


def check(states: Mapping[str, int], account: Account, listed: int) -> None:
    """:param listed: mails that must have a row
    :raises Stop: the mirror is not what it should be
    """
    mirrored = states.get("mirrored", 0)
    if sum(states.values()) != listed or mirrored != account.matching:
        raise Stop(f"That is not the whole mailbox: {states}")


def costs(steps: list[dict], step: str) -> list[Cost]:
    return [Cost(**each["cost"]) for each in steps if each["step"] == step]


def postmaster(server: database.Server) -> list[int]:
    """The process id of PostgreSQL, where it runs on this machine."""
    if server.host not in ("127.0.0.1", "localhost"):
        return []
    folder = server.sql("SELECT setting FROM pg_settings WHERE name = 'data_directory'")
    for data in (LOCAL / "pg-demo" / "data", *map(Path, folder)):
        pidfile = data / "postmaster.pid"
        if pidfile.exists():
            lines = pidfile.read_text("utf-8").splitlines()
            if lines[3] == str(server.port):
                return [int(lines[0])]
    return []
