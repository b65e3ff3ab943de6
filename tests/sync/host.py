# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Hosts that share one database: ``python host.py CONF DATABASE LEASE RENEW``.

It loads Odoo once and forks a host for each line on its input, which calls the job
again and again as cron does, until it is killed. Its pid is told on the output.
"""

import os
import sys
import time


def main(conf, dbname, lease, renew):
    from odoo.api import SUPERUSER_ID, Environment
    from odoo.modules.module import initialize_sys_path
    from odoo.modules.registry import Registry
    from odoo.sql_db import close_all, db_connect
    from odoo.tools import config

    config.parse_config(["-c", conf], setup_logging=False)
    initialize_sys_path()
    registry = Registry(dbname)
    from odoo.addons.crm_mail_mirror.models import (
        crm_mail_mirror_page,
        crm_mail_mirror_sync_claim,
        turns,
    )

    crm_mail_mirror_page.LEASE_SECONDS = lease
    crm_mail_mirror_sync_claim.LEASE_SECONDS = lease
    turns.RENEW_EVERY = renew
    close_all()
    print("ready", flush=True)
    for _line in sys.stdin:
        pid = os.fork()
        if not pid:
            registry._db = db_connect(dbname)  # under the name of this process
            while True:
                with registry.cursor() as cr:
                    sync = Environment(cr, SUPERUSER_ID, {})["crm.mail.mirror.sync"]
                    if not sync._sync_due():
                        time.sleep(0.2)
        print(pid, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:]))
