# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Odoo's own way: fetchmail reads an inbox; a mail becomes a lead, or an answer on one.

Called by ``in_odoo.py`` with a task as JSON: ``conf``, ``dbname``; ``port`` of Dovecot;
``messages`` unread in its inbox; ``servers`` for ``measure.Meter``.
"""

import json
import resource
import sys
import time

from account import OWNER, PASSWORD, Account
from measure import Cost, Meter, reset_peak, resident, tell


def main() -> None:
    task = json.loads(sys.argv[1])
    from odoo.modules.module import initialize_sys_path
    from odoo.tools import config

    config.parse_config(["-c", task["conf"], "--log-level=error"], setup_logging=True)
    initialize_sys_path()
    from odoo.modules.registry import Registry

    registry = Registry(task["dbname"])
    server = _linked(registry, task)
    meter = Meter(None, task["servers"])
    before, there = resident(), _emails(registry)
    reset_peak()
    meter.start()
    usage, began = resource.getrusage(0), time.monotonic()
    _fetch(registry, server, task["messages"])
    took, after = time.monotonic() - began, resource.getrusage(0)
    cost = Cost(
        seconds=took,
        cpu=after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime,
        memory=resident("VmHWM"),
    )
    routed = _emails(registry) - there
    tell(step="import", cost=meter.stop(cost).as_dict(), odoo=before, routed=routed)


def _emails(registry) -> int:
    with registry.cursor() as cr:
        cr.execute("SELECT count(*) FROM mail_message WHERE message_type = 'email'")
        return cr.fetchone()[0]


def _linked(registry, task) -> int:
    from odoo.api import SUPERUSER_ID, Environment

    with registry.cursor() as cr:
        env = Environment(cr, SUPERUSER_ID, {})
        people = Account(1).contacts()
        env["res.partner"].create(
            [{"name": name, "email": email} for name, email in people]
        )
        # else it takes who writes much for a machine, and answers
        env["ir.config_parameter"].set_param("mail.gateway.loop.threshold", "1000000")
        server = env["fetchmail.server"].create(
            {
                "name": "Inbox",
                "server_type": "imap",
                "server": "localhost",
                "port": task["port"],
                "is_ssl": False,
                "user": OWNER,
                "password": PASSWORD,
                "object_id": env["ir.model"]._get_id("crm.lead"),
                "state": "done",
            }
        )
        return server.id


def _fetch(registry, server: int, messages: int) -> None:
    from odoo.api import SUPERUSER_ID, Environment

    with registry.cursor() as cr:
        inbox = Environment(cr, SUPERUSER_ID, {})["fetchmail.server"].browse(server)
        problem = inbox._fetch_mail(batch_limit=messages)
        if problem:
            raise problem


if __name__ == "__main__":
    main()
