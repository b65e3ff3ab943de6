# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What can go wrong: each begins, lasts, and ends, while mail comes and goes.

A fault is called with the ``Run``; it leaves everything up again, or leaves that to
``Run.calm``. None of them touches what the mirror wrote.
"""

import contextlib
import os
import subprocess
import time

import psycopg2

from setup import template, venv
from setup.say import Stop
from tests.chaos import settled
from tests.chaos.database import BACKUP, NAME

_WRITERS_MEET = psycopg2.errors.DeadlockDetected, psycopg2.errors.LockNotAvailable
COPY = "chaos_copy"
HOUR, DAY = 3600, 86_400
#: By how much a clock is wrong.
JUMPS = (-400 * DAY, -DAY, -HOUR, -90, 90, HOUR, DAY, 400 * DAY)


def draw(chance, cluster) -> list[str]:
    """One to three faults; the slow ones less often."""
    kinds = [kind for kind in KINDS if not why_not(kind, cluster)]
    weights = [0.2 if kind in SLOW else 1 for kind in kinds]
    return chance.choices(kinds, weights, k=chance.choice([1, 2, 2, 3]))


def why_not(kind, cluster) -> str:
    """Why a fault cannot be had on this machine; empty if it can."""
    if kind == "disk_full" and not cluster.is_small:
        return "a small disk of our own needs root and mount namespaces"
    if kind == "clock" and "clock.so" not in os.environ.get("LD_PRELOAD", ""):
        return "another clock for a process needs a C compiler (cc)"
    return ""


# ---- processes ---


def kill_worker(run):
    """One worker, a few times; its mailboxes are held until their lease runs out."""
    for _ in range(run.chance.randrange(1, 5)):
        run.workers.kill(run.chance)
        run.last(0, 0.4)


def kill_workers(run):
    """All of them: the host went."""
    run.workers.be(0)
    run.last()
    run.workers.be(2)


def kill_dovecot(run):
    run.kill_dovecot()
    run.last(0, 1)
    run.dovecot.start()


def kill_postgres(run):
    run.cluster.kill_all()
    run.last(0, 1)
    run.cluster.start_again()


def kill_session(run):
    """PostgreSQL ends all sessions when one is killed, and recovers by itself."""
    for _ in range(run.chance.randrange(1, 3)):
        with contextlib.suppress(psycopg2.Error):
            run.cluster.kill_one(run.chance)
        run.last(0.1, 0.6)
    run.cluster.start_again()


def hang_up(run):
    """The database ends all sessions of Odoo, as an administrator does."""
    for _ in range(run.chance.randrange(1, 4)):
        _sql(
            run,
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = %s AND usename = 'odoo'""",
            NAME,
        )
        run.last(0, 0.4)


# ---- the database ---


def disk_full(run):
    """No room for rows, and maybe none for the log of transactions either: it stops."""
    run.cluster.fill_disk(run.chance.choice([0, 100_000, 1_000_000, 20_000_000]))
    run.last(1, 2.5)
    run.cluster.empty_disk()
    run.cluster.start_again()


def deadlock(run):
    """Somebody locks rows in the other order, and is never the one who gives way."""
    end = time.monotonic() + run.seconds(1, 2.5)
    with run.cluster.session() as session, session.cursor() as cr:
        cr.execute("SET deadlock_timeout = '20s'; SET lock_timeout = '2s'")
        while time.monotonic() < end:
            with contextlib.suppress(*_WRITERS_MEET):
                cr.execute("BEGIN")
                cr.execute(
                    """SELECT 1 FROM crm_mail_mirror_address
                        ORDER BY random() LIMIT 5 FOR UPDATE"""
                )
                time.sleep(0.05)
                cr.execute("SELECT 1 FROM crm_mail_mirror_mailbox FOR UPDATE")
            cr.execute("ROLLBACK")
            time.sleep(0.02)


def serialization(run):
    """What the jobs read is written by others all the time."""
    end = time.monotonic() + run.seconds(1, 2)
    tables = "crm_mail_mirror_mailbox", "res_partner", "ir_cron"
    with run.cluster.session() as session, session.cursor() as cr:
        cr.execute("SET lock_timeout = '100ms'")
        while time.monotonic() < end:
            with contextlib.suppress(*_WRITERS_MEET):
                table = run.chance.choice(tables)
                cr.execute(f"UPDATE {table} SET write_date = now()")
            time.sleep(0.01)


def no_connections(run):
    """Others take all the server has; what Odoo holds is ended."""
    with contextlib.ExitStack() as held:
        hang_up(run)
        for _ in range(100):
            try:
                held.enter_context(run.cluster.session("odoo", "postgres"))
            except psycopg2.OperationalError:
                break
        run.last()


def small_pool(run):
    """Workers with a ``db_maxconn`` that is too small, or just about."""
    run.workers.connections(run.chance.choice([1, 2, 3]))
    run.workers.be(0)
    run.workers.be(2)
    run.last()
    run.workers.connections(32)
    run.workers.be(0)
    run.workers.be(2)


def many_claims(run):
    """Six workers, and every lease runs out under the one who holds it."""
    run.workers.be(6)
    for _ in range(run.chance.randrange(5, 20)):
        _sql(
            run,
            """UPDATE crm_mail_mirror_mailbox
                  SET lease_until = now() AT TIME ZONE 'UTC' - interval '1 second',
                      next_sync_at = now() AT TIME ZONE 'UTC' - interval '1 second'
                WHERE id IN (SELECT id FROM crm_mail_mirror_mailbox
                                FOR NO KEY UPDATE SKIP LOCKED)""",
        )
        run.last(0, 0.1)
    run.workers.be(2)


# ---- the line ---


def _line(manner, least=0.5, most=2.0):
    def fault(run):
        for line in run.lines:
            line.become(manner)
        run.last(least, most)
        for line in run.lines:
            line.become("through")
        # what hung or was slow goes on, or breaks now
        if manner in ("stall", "slow", "corrupt") and run.chance.random() < 0.5:
            for line in run.lines:
                line.cut()

    fault.__doc__ = f"The line to the mail server: {manner}."
    return fault


def corrupt_tls(run):
    """Bits change on the way. TLS notices."""
    run.line.become("corrupt")
    run.last(0.5, 2)
    run.line.become("through")


def cut(run):
    """Connections are reset again and again, wherever they stand."""
    for _ in range(run.chance.randrange(3, 15)):
        for line in run.lines:
            line.cut()
        run.last(0, 0.2)


# ---- time ---


def clock(run):
    """The clock of the host with the workers jumps; that of the database does not."""
    for _ in range(run.chance.randrange(1, 4)):
        jump = run.chance.choice(JUMPS)
        run.set_clock(jump)
        run.last(0.5, 1.5)
    run.set_clock(0)


def database_clock(run):
    """The database's clock jumps back, and by as much forward a moment later, or not.

    Seen from what is written it is the same whether the clock jumps or the times do.
    """
    for _ in range(run.chance.randrange(1, 3)):
        if run.chance.random() < 0.5:
            # what is not being looked at has nobody who writes a better time
            settled.wait_for_rest(run)
        _sql(
            run,
            """UPDATE crm_mail_mirror_mailbox
                  SET next_sync_at = next_sync_at + %(by)s * interval '1 second',
                      lease_until = lease_until + %(by)s * interval '1 second',
                      last_sync_at = last_sync_at + %(by)s * interval '1 second',
                      last_change_at = last_change_at + %(by)s * interval '1 second';
               UPDATE crm_mail_mirror_server
                  SET quiet_until = quiet_until + %(by)s * interval '1 second'
            """,
            by=run.chance.choice(JUMPS),
        )
        run.last(0.2, 0.8)


# ---- administrators ---


def upgrade(run):
    """``-u crm_mail_mirror`` while workers and owners go on."""
    conf = template.configuration(
        run.cluster.odoo, run.folder / "upgrade.conf", db_maxconn=12
    )
    log = run.folder / "upgrade.log"
    for _ in range(3):
        with log.open("ab") as output:
            done = subprocess.run(
                [venv.PYTHON, "-m", "odoo", "-c", conf, "-d", NAME, "--no-http"]
                + ["-u", template.ADDON, "--stop-after-init"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_without_clock(template.environment(run.cluster.odoo)),
                check=False,
            )
        states = run.cluster.admin.sql(
            "SELECT DISTINCT state FROM ir_module_module WHERE state LIKE 'to %'", NAME
        )
        if done.returncode == 0 and not states:
            return
        run.told.append(f"upgrade again: {done.returncode}, {states}")
    raise AssertionError(f"the upgrade does not come through: {log}")


def restore(run):
    """An old backup, taken in the midst of work, takes the place of the database.

    Its cursors are behind, and mail that it holds is gone from the server by now.
    """
    run.cluster.copy(NAME, BACKUP)
    run.last(1, 3)
    run.workers.be(0)
    run.cluster.copy(BACKUP, NAME)
    run.workers.be(2)


def neutralised(run):
    """A copy of the database is neutralised: none of its jobs contacts anybody."""
    from odoo.modules.neutralize import neutralize_database

    run.workers.be(0)
    run.cluster.copy(NAME, COPY)
    try:
        with run.cluster.session("odoo", COPY) as session, session.cursor() as cr:
            neutralize_database(cr)
            cr.execute(
                """UPDATE crm_mail_mirror_mailbox SET next_sync_at = '2020-01-01',
                          lease_until = NULL"""
            )
        before = [line.counted["connections"] for line in run.lines]
        assert run.workers.jobs(COPY) == 0, "the jobs of the copy failed"
        after = [line.counted["connections"] for line in run.lines]
        assert after == before, "the copy contacted the mail server"
    finally:
        run.workers.be(2)
        with contextlib.suppress(Stop):
            run.cluster.admin.drop(COPY)


def _without_clock(env):
    return {name: value for name, value in env.items() if name != "LD_PRELOAD"}


def _sql(run, statement, *values, **named):
    with run.cluster.session() as session, session.cursor() as cr:
        cr.execute(statement, named or values)


KINDS = {
    **{
        each.__name__: each
        for each in (
            *(kill_worker, kill_workers, kill_dovecot, kill_postgres, kill_session),
            *(hang_up, disk_full, deadlock, serialization, no_connections),
            *(small_pool, many_claims, corrupt_tls, cut, clock, database_clock),
            *(upgrade, restore, neutralised),
        )
    },
    **{manner: _line(manner) for manner in ("reset", "refuse", "stall", "slow")},
}
#: Load Odoo once more: many seconds.
SLOW = {"upgrade", "neutralised"}
