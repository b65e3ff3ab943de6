# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Our import, in a process of its own; says what it cost as JSON on its last line.

Called by ``run.py`` with a task as JSON: ``conf``, ``dbname``, ``port``, ``tls``,
``messages``, ``profile``, and what ``measure.Meter`` needs.
"""

import json
import resource
import sys
import time
from pathlib import Path

from account import OWNER, PASSWORD, Account
from measure import Cost, Meter, reset_peak, resident


def main() -> None:
    task = json.loads(sys.argv[1])
    from odoo.modules.module import initialize_sys_path
    from odoo.tools import config

    config.parse_config(["-c", task["conf"], "--log-level=warn"], setup_logging=True)
    initialize_sys_path()
    from odoo.modules.registry import Registry

    registry = Registry(task["dbname"])
    if task["profile"]:
        import stages

        stages.install()
    mailbox = _linked(registry, task)
    meter = Meter(Path(task["log"]), task["servers"])
    before = resident()
    rounds, imported = _measured(registry, mailbox, meter)
    told = {
        "import": imported.as_dict(),
        "odoo": before,
        "rounds": rounds,
        "states": _states(registry, mailbox),
    }
    if task["profile"]:
        told["profile"] = stages.table("1,000 messages", 1000 / task["messages"])
    told["idle"] = [
        _measured(registry, mailbox, meter)[1].as_dict() for _ in range(task["idle"])
    ]
    if task["profile"]:
        idle = stages.table("nothing new", 1 / task["idle"])
        told["profile"] += f"\n\n{idle}"
    print("\n" + json.dumps(told))


def _linked(registry, task) -> int:
    """A user, the contacts, and a mailbox that is due."""
    from odoo.api import SUPERUSER_ID, Environment

    with registry.cursor() as cr:
        env = Environment(cr, SUPERUSER_ID, {})
        env["ir.config_parameter"].set_param(
            "crm_mail_mirror.allowed_hosts", "127.0.0.1,localhost"
        )
        people = Account(task["messages"]).contacts()
        env["res.partner"].create(
            [{"name": name, "email": email} for name, email in people]
        )
        user = env["res.users"].create(
            {"name": "Olivia Owner", "login": OWNER, "email": OWNER}
        )
        mailbox = env["crm.mail.mirror.mailbox"].create(
            {
                "user_id": user.id,
                "email": OWNER,
                "imap_host": "localhost",
                "imap_port": task["port"],
                "imap_security": "tls" if task["tls"] else "none",
                "password": PASSWORD,
                "sync_from": False,
            }
        )
        mailbox.write({"state": "active"})
        return mailbox.id


def _measured(registry, mailbox, meter) -> tuple[int, Cost]:
    """Jobs one after the other, as cron would call them, until nothing is due."""
    from odoo.api import SUPERUSER_ID, Environment

    with registry.cursor() as cr:
        cr.execute(
            """UPDATE crm_mail_mirror_mailbox SET lease_until = NULL,
                      next_sync_at = now() AT TIME ZONE 'UTC' WHERE id = %s""",
            [mailbox],
        )
    reset_peak()
    meter.start()
    usage, began, rounds, due = resource.getrusage(0), time.monotonic(), 0, 1
    while due:
        with registry.cursor() as cr:
            env = Environment(cr, SUPERUSER_ID, {})
            due = env["crm.mail.mirror.sync"]._sync_due(mailbox_ids=[mailbox])
        rounds += 1
    seconds, after = time.monotonic() - began, resource.getrusage(0)
    cost = Cost(
        seconds=seconds,
        cpu=after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime,
        memory=resident("VmHWM"),
    )
    return rounds, meter.stop(cost)


def _states(registry, mailbox) -> dict[str, int]:
    with registry.cursor() as cr:
        cr.execute(
            """SELECT state, count(*) FROM crm_mail_mirror_copy
                WHERE mailbox_id = %s GROUP BY state""",
            [mailbox],
        )
        return dict(cr.fetchall())


if __name__ == "__main__":
    main()
