# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Many mailboxes, checked by several cron workers; tells what each round cost.

Called by ``in_odoo.py`` with a task as JSON: ``conf`` and ``dbname``; ``count`` and
``password`` of the mailboxes; ``near`` and ``far``, the ports of the server itself and
of its proxy; ``rounds``: what ``_Round`` says, one after the other; ``maildir``: where
a letter for a login is put, with ``%s`` for it; ``servers``: see ``measure.Meter``.
"""

import json
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from measure import cpu_of_family, tell

_TICK = os.sysconf("SC_CLK_TCK")
# tests of the checkout, which has letters
sys.path.append(str(Path(__file__).resolve().parents[1]))


def main() -> None:
    task = json.loads(sys.argv[1])
    from odoo.modules.module import initialize_sys_path
    from odoo.tools import config

    config.parse_config(["-c", task["conf"], "--log-level=warn"], setup_logging=True)
    initialize_sys_path()
    from odoo.modules.registry import Registry

    registry = Registry(task["dbname"])
    boxes = _linked(registry, task)
    for number, each in enumerate(task["rounds"]):
        told = _Round(registry, task, number, boxes, **each).run()
        tell(step=each["step"], cost={}, **told)


def login(number: int) -> str:
    """Of one of the mailboxes."""
    return f"u{number}@house.test"


def _linked(registry, task) -> list[int]:
    """Owners by SQL, as Odoo takes 20 ms for each; their mailboxes."""
    logins = list(map(login, range(task["count"])))
    with _opened(registry) as env:
        hosts = "localhost 127.0.0.1"
        env["ir.config_parameter"].set_param("crm_mail_mirror.allowed_hosts", hosts)
        env["res.partner"].create({"name": "Client", "email": "client@customer.test"})
        env.cr.execute(
            """WITH partner AS (
                   INSERT INTO res_partner (name, complete_name, email,
                          email_normalized, active, type, is_company)
                   SELECT l, l, l, l, TRUE, 'contact', FALSE FROM unnest(%s) AS l
                   RETURNING id, email),
               owner AS (
                   INSERT INTO res_users (login, partner_id, company_id, active, share,
                          notification_type, mirror_visibility)
                   SELECT email, id, %s, TRUE, FALSE, 'email', '0' FROM partner
                   RETURNING id, company_id),
               company AS (
                   INSERT INTO res_company_users_rel (cid, user_id)
                   SELECT company_id, id FROM owner)
               INSERT INTO res_groups_users_rel (gid, uid) SELECT %s, id FROM owner""",
            [logins, env.company.id, env.ref("base.group_user").id],
        )
        env.cr.execute("SELECT login, id FROM res_users")
        users = dict(env.cr.fetchall())
    boxes = []
    for start in range(0, len(logins), 500):
        with _opened(registry) as env:
            made = env["crm.mail.mirror.mailbox"].create(
                [
                    {
                        "user_id": users[name],
                        "email": name,
                        "imap_host": "localhost",
                        "imap_port": task["near"],
                        "imap_security": task["security"],
                        "password": task["password"],
                        "sync_from": False,
                    }
                    for name in logins[start : start + 500]
                ]
            )
            made.write({"state": "active"})
            boxes += made.ids
    with _opened(registry) as env:
        # as autovacuum would have done by and by
        env.cr.execute("ANALYZE")
    return boxes


def _backends(dbname) -> dict[int, float]:
    """``{pid: seconds of CPU}`` of those that serve a database."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if dbname.encode() in (folder / "cmdline").read_bytes():
                words = (folder / "stat").read_text("ascii").rpartition(")")[2].split()
                if (folder / "comm").read_text().startswith("postgres"):
                    found[int(folder.name)] = sum(map(int, words[11:13])) / _TICK
        except (OSError, UnicodeError):
            continue  # ended meanwhile
    return found


@contextmanager
def _opened(registry):
    from odoo.api import SUPERUSER_ID, Environment

    with registry.cursor() as cr:
        yield Environment(cr, SUPERUSER_ID, {})


class _Round:
    """All mailboxes due at once; workers until nothing is.

    :param step: its name :param workers: processes :param pool: mailboxes of each at
        once; ``None``: as it is :param far: over the proxy :param news: every how many
        gets a letter before; 0: none :param share: of the mailboxes :param limit: of
        mailboxes at once that the mail server shall have; as it is: 50
    """

    def __init__(
        self,
        registry,
        task,
        number,
        boxes,
        step,
        workers=2,
        pool=None,
        far=True,
        news=0,
        share=1.0,
        limit=50,
    ):
        self.registry, self.task, self.number = registry, task, number
        self.boxes = boxes[: max(1, int(len(boxes) * share))]
        self.workers, self.pool, self.far, self.news = workers, pool, far, news
        self.limit = limit

    def run(self) -> dict:
        letters = self._write() if self.news else 0
        self._make_due()
        servers = {name: cpu_of_family(pid) for name, pid in self.task["servers"]}
        began = time.monotonic()
        children = [self._start() for _ in range(self.workers)]
        ended, backends = [], {}
        while children:
            backends.update(_backends(self.task["dbname"]))
            for child in children:
                pid, status, usage = os.wait4(child, os.WNOHANG)
                if pid:
                    children = [each for each in children if each != pid]
                    ended.append((pid, status, usage))
                    break
            else:
                time.sleep(0.1)
        seconds = time.monotonic() - began
        if any(status for _pid, status, _usage in ended):
            raise SystemExit("a worker failed")
        time.sleep(0.5)
        spent = {
            name: cpu_of_family(pid) - servers[name]
            for name, pid in self.task["servers"]
        }
        # others may use this PostgreSQL too
        spent["PostgreSQL"] = sum(backends.values())
        checked, failed, mirrored = self._told()
        return {
            "checks": len(self.boxes),
            "workers": self.workers,
            "pool": self.pool,
            "seconds": seconds,
            "load": os.getloadavg()[0],
            "cpu": sum(usage.ru_utime + usage.ru_stime for _p, _s, usage in ended),
            "memory": max(usage.ru_maxrss for _p, _s, usage in ended) / 1024,
            "servers": spent,
            "letters": letters,
            "checked": checked,
            "failed": failed,
            "mirrored": mirrored,
        }

    def _write(self) -> int:
        from tests.sync.letters import raw

        # others each time
        chosen = range(self.number % self.news, len(self.boxes), self.news)
        for owner in map(login, chosen):
            letter = raw(self.number * 100_000, "client@customer.test", owner)
            path = Path(self.task["maildir"] % owner)
            name = f"{time.time_ns()}.M{self.number}.bench,S={len(letter)}"
            (path / "tmp" / name).write_bytes(letter)
            (path / "tmp" / name).rename(path / "new" / name)
        return len(chosen)

    def _make_due(self):
        with _opened(self.registry) as env:
            env["ir.config_parameter"].set_param(
                "crm_mail_mirror.connections", f"imap={self.limit}"
            )
            env.cr.execute(
                """UPDATE crm_mail_mirror_mailbox SET next_sync_at = now()
                          AT TIME ZONE 'UTC' + interval '1 day', imap_port = %s""",
                [self.task["far" if self.far else "near"]],
            )
            env.cr.execute(
                """UPDATE crm_mail_mirror_mailbox SET next_sync_at = now()
                          AT TIME ZONE 'UTC', lease_until = NULL, last_sync_at =
                          CASE WHEN last_sync_at IS NOT NULL THEN now()
                               AT TIME ZONE 'UTC' - interval '2 hours' END
                    WHERE id = ANY(%s)""",
                [self.boxes],
            )

    def _start(self) -> int:
        from odoo.sql_db import close_all

        close_all()
        child = os.fork()
        if child:
            return child
        try:
            self._work()
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)

    def _work(self):
        from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_sync as sync
        from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_sync_calm as calm
        from odoo.addons.crm_mail_mirror.models import politeness, turns

        turns.BUSY = float("inf")  # no waiting for more
        # and none is due again: a run of the job would go on with it until its 25
        # seconds are over, and the round seem so much longer
        for module in (politeness, calm):
            module.SPREAD = module.SPREAD_LATE = (30.0, 31.0)
        if self.pool:
            sync.POOL = self.pool
        due = True
        while due:
            with _opened(self.registry) as env:
                env["crm.mail.mirror.sync"]._sync_due()
            # what is due once more is due in the next round
            with _opened(self.registry) as env:
                env.cr.execute(
                    """SELECT 1 FROM crm_mail_mirror_mailbox
                        WHERE coalesce(last_sync_at, '2020-01-01')
                              < now() AT TIME ZONE 'UTC' - interval '1 hour'
                          AND next_sync_at <= now() AT TIME ZONE 'UTC' LIMIT 1"""
                )
                due = env.cr.fetchone()

    def _told(self):
        with _opened(self.registry) as env:
            env.cr.execute(
                """SELECT count(*) FILTER (WHERE last_sync_at
                                 > now() AT TIME ZONE 'UTC' - interval '1 hour'),
                          count(last_error),
                          (SELECT count(*) FROM crm_mail_mirror_copy
                            WHERE state = 'mirrored')
                     FROM crm_mail_mirror_mailbox WHERE id = ANY(%s)""",
                [self.boxes],
            )
            return env.cr.fetchone()


if __name__ == "__main__":
    main()
