# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A database that the next run finds again: making a million mails takes minutes.

It is made from the template of the addon, and brought up to date (``-u``) once that is
another one. ``make clean`` takes it away, or ``dropdb``.
"""

from __future__ import annotations

from setup import database, template, venv
from setup.say import note, run, step


def ensure(server: database.Server, name: str) -> str:
    """:return: the name of the database"""
    made_from, dbname = template.ensure(server), f"mirror_kept_{name}"
    if not server.exists(dbname):
        template.clone(server, made_from, dbname)
    elif _made_from(server, dbname) != made_from:
        note(f"{dbname} was made with another state of the addon.")
        with step("Bringing it up to date"):
            conf = template.configuration(server, template.LOCAL / "template.conf")
            run(
                [venv.PYTHON, "-m", "odoo", "-c", conf, "-d", dbname, "--no-http"]
                + ["-u", template.ADDON, "--stop-after-init"],
                "bench-kept",
                f"Odoo could not bring {dbname} up to date.",
                env=template.environment(server),
            )
    server.sql(f"COMMENT ON DATABASE \"{dbname}\" IS '{made_from}'")
    return dbname


def _made_from(server, dbname):
    said = "shobj_description(oid, 'pg_database')"
    rows = server.sql(f"SELECT {said} FROM pg_database WHERE datname = '{dbname}'")
    return rows[0] if rows else None
