"""A worker of its own process, to be killed: ``python worker.py CONF DATABASE IDS``.

It loads Odoo once and forks for each line on its input, as Odoo's prefork server does:
the child mirrors the mailboxes until nothing is due. Told on its output are the child's
pid, and how it ended.
"""

import os
import sys


def main(conf, dbname, ids):
    from odoo.api import SUPERUSER_ID, Environment
    from odoo.modules.module import initialize_sys_path
    from odoo.modules.registry import Registry
    from odoo.sql_db import close_all
    from odoo.tools import config

    config.parse_config(["-c", conf], setup_logging=False)
    initialize_sys_path()
    registry = Registry(dbname)
    from odoo.addons.crm_mail_mirror.engine.providers.base import Budget
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    mailbox_run.PAGE = Budget(mails=60, seconds=20)
    close_all()
    print("ready", flush=True)
    for _line in sys.stdin:
        pid = os.fork()
        if not pid:
            with registry.cursor() as cr:
                sync = Environment(cr, SUPERUSER_ID, {})["crm.mail.mirror.sync"]
                while sync._sync_due(mailbox_ids=ids):
                    pass
            os._exit(0)
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], [int(each) for each in sys.argv[3].split(",")])
