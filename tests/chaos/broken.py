# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The product broken on purpose: does the suite notice? ``--broken`` runs them all.

Each is what somebody might do to it in good faith, and the faults in which it shows.
"""

import time
from contextlib import suppress


def _classes(registry, *names):
    return (registry[f"crm.mail.mirror.{name}"] for name in names)


def cursor_before_rows(registry):
    """The cursor is stored in a transaction of its own, before the mail it passes."""
    (page,) = _classes(registry, "page")
    real = page._write_mail

    def write(self, lease, stored, *args):
        if stored.batch:
            self._move_cursor(lease, stored.batch)
            self.env.cr.commit()
            time.sleep(0.1)
        return real(self, lease, stored, *args)

    page._write_mail = write


def departures_missed(registry):
    """Mail that left its place is not taken away."""
    (page,) = _classes(registry, "page")
    page._drop_locations = lambda *_args: []


def log_forgets(registry):
    """What goes is not taken out of the log."""
    (day,) = _classes(registry, "day")
    real = day._add

    def add(self, lease, days, *args):
        kept = {line: count for line, count in days.items() if count > 0}
        return real(self, lease, type(days)(kept), *args)

    day._add = add


def lost_line_is_refusal(registry):
    """A server that cannot be reached is taken for one that wants a new password."""
    (mailbox,) = _classes(registry, "mailbox")
    real = mailbox._fail
    mailbox._fail = lambda self, code, state=None, wait=None: real(
        self, code, "needs_login", wait
    )


def hosts_clock(registry):
    """When a mailbox is due is worked out by the clock of the host."""
    from odoo import fields

    (mailbox,) = _classes(registry, "mailbox")
    mailbox._now = lambda _self: fields.Datetime.now()
    mailbox._mend_times = lambda _self: None


def times_not_mended(registry):
    """Times that a clock gone wrong left behind are believed."""
    (mailbox,) = _classes(registry, "mailbox")
    mailbox._mend_times = lambda _self: None


def conflicts_lose_a_page(registry):
    """A page whose transaction met another one is taken for written."""
    import psycopg2

    (sync,) = _classes(registry, "sync")
    real = sync._store

    def store(self, lease, page):
        before = lease.cursor_seq
        try:
            with self._transaction() as env:
                return env["crm.mail.mirror.page"]._store(lease, page)
        except psycopg2.OperationalError:
            lease.cursor_seq = before
            page.judged = []
            return real(self, lease, page)

    sync._store = store


def copy_keeps_secrets(_registry):
    """Neutralising a copy forgets about the mailboxes."""
    from odoo.modules import neutralize

    def but_ours(cursor):
        for query in neutralize.get_neutralization_queries(
            set(neutralize.get_installed_modules(cursor)) - {"crm_mail_mirror"}
        ):
            cursor.execute(query)

    with suppress(AttributeError):
        neutralize.neutralize_database = but_ours


#: What is broken, and the faults that show it.
ALL = (
    (departures_missed, "kill_worker"),
    (log_forgets, "kill_worker"),
    (lost_line_is_refusal, "reset"),
    (copy_keeps_secrets, "neutralised"),
    (times_not_mended, "database_clock,database_clock,database_clock"),
    (hosts_clock, "clock,clock"),
    (conflicts_lose_a_page, "deadlock,deadlock"),
    (cursor_before_rows, "kill_worker,kill_postgres,kill_worker"),
)
