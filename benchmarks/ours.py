# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Our import, in a process of its own; tells what it cost, step by step.

Called by ``in_odoo.py`` with a task as JSON:

* ``conf``, ``dbname``, ``messages``: Odoo's configuration, its database, and how many
  mails there are in the mailbox
* ``mailbox``: values of the record; ``client`` and ``secret`` where it is linked by
  consent, ``by_address`` whether its old mail may be listed by the contacts' addresses
* ``servers``, ``log``: what ``measure.Meter`` needs
* ``idle``: looks at the unchanged mailbox; ``profile``: where the time goes;
  ``curve``: memory after each page
* ``seconds``: end the import after so many, done or not; 0 = when it is done
"""

import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

from account import OWNER, Account
from measure import Cost, Meter, reset_peak, resident, tell
from wire import watched


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
    curve = _curve() if task.get("curve") else None
    mailbox = _linked(registry, task)
    log = task["log"] and Path(task["log"])
    job = _Job(registry, mailbox, Meter(log or None, task["servers"]))
    before = resident()
    cost = job.measured(task["seconds"])
    told = {"rounds": job.rounds, "odoo": before, "states": _states(registry, mailbox)}
    if task["profile"]:
        told["profile"] = stages.table("1,000 messages", 1000 / task["messages"])
    if curve is not None:
        told["curve"] = curve
    tell(step="import", cost=cost.as_dict(), **told)
    for _ in range(task["idle"]):
        tell(step="idle", cost=job.measured().as_dict())
    if task["profile"]:
        tell(step="profile", profile=stages.table("nothing new", 1 / task["idle"]))


def _curve() -> list[tuple[int, float, float]]:
    """Filled with (mails so far, MB resident, time.monotonic()) at each page."""
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_page

    model, curve = crm_mail_mirror_page.CrmMailMirrorPage, []
    store, mails = model._store, 0

    def stored(page_model, lease, page):
        nonlocal mails
        orphans = store(page_model, lease, page)
        mails += len(page.judged)
        curve.append((mails, round(resident(), 1), round(time.monotonic(), 2)))
        return orphans

    model._store = stored
    return curve


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
        if "client" in task:
            clients = env["crm.mail.mirror.client"]
            client = clients.create({**task["client"]["values"], "enabled": True})
            client._set_secret(clients._encrypt(task["client"]["secret"]))
        if not task.get("by_address", True):
            registry["crm.mail.mirror.mailbox"]._listed_by = lambda mailbox: None
        mailbox = env["crm.mail.mirror.mailbox"].create(
            {"user_id": user.id, "email": OWNER, "sync_from": False, **task["mailbox"]}
        )
        if "secret" in task:
            env["crm.mail.mirror.credential"]._store(mailbox, task["secret"])
        mailbox.write({"state": "active"})
        return mailbox.id


class _Job:
    """The job, called as cron would call it."""

    def __init__(self, registry, mailbox: int, meter: Meter):
        self._registry, self._mailbox, self._meter = registry, mailbox, meter
        self._wire = watched()
        self.rounds = 0

    def measured(self, seconds: float = 0) -> Cost:
        """One after the other, until nothing is due.

        :param seconds: until then, whatever is due
        """
        with self._registry.cursor() as cr:
            cr.execute(
                """UPDATE crm_mail_mirror_mailbox SET lease_until = NULL,
                          next_sync_at = now() AT TIME ZONE 'UTC' WHERE id = %s""",
                [self._mailbox],
            )
        reset_peak()
        self._meter.start()
        wire = replace(self._wire)
        usage, began = resource.getrusage(0), time.monotonic()
        self._run(began + seconds if seconds else 0)
        took, after = time.monotonic() - began, resource.getrusage(0)
        cost = Cost(
            seconds=took,
            cpu=after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime,
            memory=resident("VmHWM"),
            requests=self._wire.requests - wire.requests,
            sent=self._wire.sent - wire.sent,
            received=self._wire.received - wire.received,
        )
        return self._meter.stop(cost)

    def _run(self, end: float) -> None:
        self.rounds = 0
        due = 1
        while due or time.monotonic() < end:
            left = end - time.monotonic() if end else 25.0
            if left <= 0:
                return
            due = self._once(min(left, 25.0))
            self.rounds += 1
            if not due and end:
                time.sleep(0.2)

    def _once(self, seconds: float) -> int:
        from odoo.api import SUPERUSER_ID, Environment

        with self._registry.cursor() as cr:
            sync = Environment(cr, SUPERUSER_ID, {})["crm.mail.mirror.sync"]
            return sync._sync_due(budget=seconds, mailbox_ids=[self._mailbox])


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
