# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Choosing at scale, in a process of its own; tells what each thing took.

Called by ``in_odoo.py`` with a task as JSON: ``conf`` and ``dbname``, ``measure``:
which of the functions below, ``share``: such as 0.01 to try it out with a hundredth.

Rows are made by SQL, as the sync would have written them.
"""

import json
import os
import statistics
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from emails import emails
from measure import tell

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def main() -> None:
    task = json.loads(sys.argv[1])
    from odoo.modules.module import initialize_sys_path
    from odoo.tools import config

    config.parse_config(["-c", task["conf"], "--log-level=warn"], setup_logging=True)
    initialize_sys_path()
    from odoo.modules.registry import Registry

    registry = Registry(task["dbname"])
    given = task if "mailbox" in task else task["share"]
    rows, plan = MEASURES[task["measure"]](registry, given)
    tell(step=task["measure"], rows=rows, plan=plan, cost={})


@contextmanager
def opened(registry):
    from odoo.api import SUPERUSER_ID, Environment

    with registry.cursor() as cr:
        # as the sync's own transactions
        cr.execute(
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL jit = off"
        )
        yield Environment(cr, SUPERUSER_ID, {})


def sql(registry, statement, *values):
    with registry.cursor() as cr:
        cr.execute(statement, values)
        return cr.fetchall() if cr.description else []


def made(registry, name="owner"):
    """The id of a linked mailbox."""
    with opened(registry) as env:
        user = env["res.users"].create(
            {"name": name, "login": f"{name}@house.test", "email": f"{name}@house.test"}
        )
        mailbox = env["crm.mail.mirror.mailbox"].create(
            {
                "user_id": user.id,
                "email": f"{name}@house.test",
                "imap_host": "localhost",
                "sync_from": False,
            }
        )
        mailbox.write({"state": "paused"})
        return mailbox.id


def contacts(registry, count):
    """c1@customer1.test and so on; ten at each company."""
    sql(
        registry,
        """INSERT INTO res_partner (name, complete_name, email, email_normalized,
                  active, type, is_company, create_date, write_date)
           SELECT 'Contact ' || n, 'Contact ' || n, e, e, TRUE, 'contact', FALSE,
                  now(), now()
             FROM (SELECT n, format('c%%s@customer%%s.test', n, n / 10) AS e
                     FROM generate_series(1, %s) AS n) AS c""",
        count,
    )
    sql(
        registry,
        "UPDATE res_partner SET commercial_partner_id = id"
        " WHERE commercial_partner_id IS NULL",
    )
    analyze(registry)


def analyze(registry):
    with registry.cursor() as cr:
        cr._cnx.set_session(autocommit=True)
        cr.execute("VACUUM ANALYZE")


# ---- deciding ---


def deciding(registry, share):
    """Pages as the sync judges them: look up, then decide."""
    from odoo.addons.crm_mail_mirror.engine import reader
    from odoo.addons.crm_mail_mirror.engine.envelope import Address, Envelope
    from odoo.addons.crm_mail_mirror.engine.providers.base import Place, Presence

    count, page = int(200_000 * share), 250
    contacts(registry, count)
    mailbox = made(registry)
    presences = [
        Presence(
            Place("INBOX", "1", f"{n:010d}"),
            NOON + timedelta(seconds=n),
            size=2000,
            envelope=Envelope(
                message_id=f"<{n}@mail.test>",
                date=NOON + timedelta(seconds=n),
                subject=f"About matter {n}",
                # three in ten are from a contact, as in the other measurements
                authors=(
                    Address("", f"c{n * 7 % count}@customer{n * 7 % count // 10}.test")
                    if n % 10 < 3
                    else Address("", f"news{n}@stranger{n % 3000}.test"),
                ),
                to=(Address("", "owner@house.test"),),
                cc=(Address("", f"someone{n % 500}@elsewhere.test"),),
            ),
        )
        for n in range(10_000)
    ]
    took, spent, served, queries, known = [], [], [], set(), 0
    for _run in range(3):
        with opened(registry) as env:
            policy = env["crm.mail.mirror.mailbox"].browse(mailbox)._policy()
            looked, decided, cpu = 0.0, 0.0, time.thread_time()
            backend = _backend_cpu(env)
            for start in range(0, len(presences), page):
                bite = presences[start : start + page]
                before, began = env.cr.sql_log_count, time.perf_counter()
                emails = {email for p in bite for email in p.envelope.emails}
                directory = env["crm.mail.mirror.directory"]._look_up(emails, mailbox)
                looked += time.perf_counter() - began
                began = time.perf_counter()
                judged = reader.judge(
                    bite, frozenset(), {"INBOX": "inbox"}, policy, directory
                )
                decided += time.perf_counter() - began
                queries.add(env.cr.sql_log_count - before)
                known += sum(1 for j in judged if not hasattr(j.decision, "state"))
            spent.append(time.thread_time() - cpu)
            served.append(_backend_cpu(env) - backend)
            took.append((looked + decided, looked, decided))
    pages = (
        f"{min(queries)}" if len(queries) == 1 else f"{min(queries)} to {max(queries)}"
    )
    what = f"deciding 10,000 envelopes beside {count:,} contacts ({known // 3:,} match)"
    return [
        (
            what,
            "{:.2f} s ({:.2f} looking up, {:.2f} deciding)".format(*min(took)),
            "1 s",
        ),
        (
            "... CPU of it, ours and PostgreSQL's",
            f"{min(spent):.2f} s and {min(served):.2f} s",
            "",
        ),
        ("... queries a page of 250", pages, "1"),
    ], ""


def _backend_cpu(env):
    """Seconds of CPU that the server's process of this connection took so far."""
    env.cr.execute("SELECT pg_backend_pid()")
    stat = Path(f"/proc/{env.cr.fetchone()[0]}/stat").read_text()
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


# ---- a new contact ---


def contact(registry, share):
    """Its hash is looked up among the traces of unmatched mail."""
    from odoo.tools import SQL

    from odoo.addons.crm_mail_mirror.models.crm_mail_mirror_credential import keyring

    count = int(1_000_000 * share)
    mailbox = made(registry)
    sql(
        registry,
        """INSERT INTO crm_mail_mirror_copy (mailbox_id, user_id, key, received_at,
                  state, reason, direction, expires_at)
           SELECT m.id, m.user_id, encode(sha256(n::text::bytea), 'hex'),
                  now() AT TIME ZONE 'UTC' - n %% 600000 * interval '1 second',
                  'unmatched', 'no_contact', 'in',
                  now() AT TIME ZONE 'UTC' + interval '3 days'
             FROM crm_mail_mirror_mailbox m, generate_series(1, %s) AS n
            WHERE m.id = %s""",
        count,
        mailbox,
    )
    for kind, each in (("address", 4), ("domain", 50), ("message_id", 1)):
        sql(
            registry,
            """INSERT INTO crm_mail_mirror_trace (copy_id, kind, digest)
               SELECT id, %s, encode(sha256((%s || id / %s)::bytea), 'hex')
                 FROM crm_mail_mirror_copy""",
            kind,
            kind,
            each,
        )
    ring = keyring()
    emails = [f"new{n}@customer.test" for n in range(40)]
    for n, email in enumerate(emails):
        sql(
            registry,
            """UPDATE crm_mail_mirror_trace SET digest = %s
                WHERE kind = 'address' AND copy_id IN (
                      SELECT id FROM crm_mail_mirror_copy ORDER BY id
                      OFFSET %s LIMIT 3)""",
            ring.digest("trace", email),
            n * (count // 50),
        )
    sql(
        registry,
        """INSERT INTO crm_mail_mirror_day (mailbox_id, day, state, reason, count)
           SELECT mailbox_id, received_at::date, state, reason, count(*)
             FROM crm_mail_mirror_copy GROUP BY 1, 2, 3, 4""",
    )
    analyze(registry)
    lookup = """SELECT copy_id FROM crm_mail_mirror_trace
                 WHERE digest = ANY(%s) AND kind = 'address'"""
    looked, queued, served = [], [], []
    for email in emails:
        digests = ring.digests("trace", email)
        with opened(registry) as env:
            began = time.perf_counter()
            env.cr.execute(SQL(lookup, digests))
            assert len(env.cr.fetchall()) == 3
            looked.append(time.perf_counter() - began)
            env.cr.execute(SQL("EXPLAIN (ANALYZE, FORMAT JSON) " + lookup, digests))
            ((plan,),) = env.cr.fetchone()
            served.append((plan["Planning Time"] + plan["Execution Time"]) / 1000)
        with opened(registry) as env:
            began = time.perf_counter()
            env["crm.mail.mirror.outbox"]._queue_matching({email})
            queued.append(time.perf_counter() - began)
    assert sql(
        registry, "SELECT count(*) FROM crm_mail_mirror_copy WHERE state = 'queued'"
    ) == [(3 * len(emails),)]
    with opened(registry) as env:
        env.cr.execute(
            SQL(
                "EXPLAIN (ANALYZE, BUFFERS) " + lookup, ring.digests("trace", emails[0])
            )
        )
        plan = "\n".join(line for (line,) in env.cr.fetchall())
    return [
        (
            f"a new contact's hash among {count:,} unmatched mails, median and worst of"
            f" {len(emails)}",
            f"{_ms(statistics.median(looked))}; {_ms(max(looked))}",
            "5 ms",
        ),
        (
            "... of it in the server",
            f"{_ms(statistics.median(served))}; {_ms(max(served))}",
            "5 ms",
        ),
        (
            "... and its three mails queued, the log moved",
            f"{_ms(statistics.median(queued))}; {_ms(max(queued))}",
            "",
        ),
    ], f"```\n{plan}\n```"


def _ms(seconds):
    return f"{seconds * 1000:.1f} ms"


# ---- a new exclusion ---


def exclusion(registry, share):
    """All mirrored mail of a mailbox goes, while others read and write."""
    count = int(100_000 * share)
    mailbox = made(registry)
    _mirrored(registry, mailbox, count)
    with opened(registry) as env:
        box = env["crm.mail.mirror.mailbox"].browse(mailbox)
        began = time.perf_counter()
        env["crm.mail.mirror.exclusion"].create(
            {"kind": "domain", "value": "customers.test", "user_id": box.user_id.id}
        )
        env.cr.commit()
        saved = time.perf_counter() - began
    ended = threading.Event()
    probes = [
        _Probe(ended, partial(_read, registry, mailbox)),
        _Probe(ended, partial(_write, registry, mailbox)),
        _Probe(ended, partial(_lock_message, registry)),
        _Probe(ended, partial(_nothing, registry)),
    ]
    longest = _Longest(registry, ended)
    began = time.perf_counter()
    with opened(registry) as env:
        while env["crm.mail.mirror.change"]._run():
            pass
    took = time.perf_counter() - began
    ended.set()
    for each in (*probes, longest):
        each.join()
    reader, writer, message, nothing = (probe.told() for probe in probes)
    left = dict(
        sql(registry, "SELECT state, count(*) FROM crm_mail_mirror_copy GROUP BY 1")
    )
    assert left == {"excluded": count}, left
    return [
        (
            f"a new exclusion on {count:,} mirrored mails, all of which go",
            f"{took:.0f} s ({count / took:,.0f} a second)",
            "in the background",
        ),
        ("... saved by its owner in", _ms(saved), ""),
        ("... longest transaction that held rows", _ms(longest.most), "200 ms"),
        ("... the mailbox's row waited for by a page writer", writer, "200 ms"),
        ("... a mail's row waited for", message, "200 ms"),
        ("... reading eighty mails meanwhile", reader, ""),
        ("... for comparison: SELECT 1 meanwhile", nothing, ""),
    ], ""


def _mirrored(registry, mailbox, count):
    for statement in (
        """INSERT INTO crm_mail_mirror_folder (mailbox_id, remote_ref, name, role,
                  selected) VALUES (%(mailbox)s, 'INBOX', 'INBOX', 'inbox', TRUE)""",
        """INSERT INTO res_partner (name, email, email_normalized, active, type,
                  is_company)
           SELECT 'Contact ' || n, e, e, TRUE, 'contact', FALSE
             FROM (SELECT n, format('c%%s@customers.test', n) AS e
                     FROM generate_series(0, 999) AS n) AS c""",
        """INSERT INTO crm_mail_mirror_address (email_normalized, domain)
           SELECT email_normalized, 'customers.test' FROM res_partner
            WHERE email_normalized LIKE 'c%%@customers.test'
            UNION SELECT 'owner@house.test', 'house.test'""",
        """INSERT INTO crm_mail_mirror_message (identity, internet_message_id,
                  subject_raw, date)
           SELECT encode(sha256(n::text::bytea), 'hex'), format('<%%s@mail.test>', n),
                  'About matter ' || n, now() - n * interval '5 minutes'
             FROM generate_series(1, %(count)s) AS n""",
        """INSERT INTO crm_mail_mirror_body (message_id, digest, text)
           SELECT id, identity, repeat('Some words of a mail. ', 60)
             FROM crm_mail_mirror_message""",
        """INSERT INTO crm_mail_mirror_copy (mailbox_id, user_id, key, received_at,
                  state, reason, direction, message_id, body_id)
           SELECT b.id, b.user_id, m.identity, m.date, 'mirrored', 'contact', 'in',
                  m.id, t.id
             FROM crm_mail_mirror_mailbox b, crm_mail_mirror_message m
             JOIN crm_mail_mirror_body t ON t.message_id = m.id
            WHERE b.id = %(mailbox)s""",
        """INSERT INTO crm_mail_mirror_location (copy_id, folder_id, generation, ref)
           SELECT c.id, f.id, '1', lpad(c.id::text, 10, '0')
             FROM crm_mail_mirror_copy c, crm_mail_mirror_folder f""",
        """INSERT INTO crm_mail_mirror_participant (message_id, address_id, role, date)
           SELECT m.id, a.id, r.role, m.date FROM crm_mail_mirror_message m
            CROSS JOIN (VALUES ('from'), ('to')) AS r(role)
             JOIN crm_mail_mirror_address a ON a.email_normalized = CASE r.role
                  WHEN 'to' THEN 'owner@house.test'
                  ELSE format('c%%s@customers.test', m.id %% 1000) END""",
        """INSERT INTO crm_mail_mirror_day (mailbox_id, day, state, reason, count)
           SELECT mailbox_id, received_at::date, state, reason, count(*)
             FROM crm_mail_mirror_copy GROUP BY 1, 2, 3, 4""",
    ):
        with registry.cursor() as cr:
            cr.execute(statement, {"mailbox": mailbox, "count": count})
    with opened(registry) as env:
        emails = [f"c{n}@customers.test" for n in range(1000)]
        env["crm.mail.mirror.address"]._link(emails)
    analyze(registry)


class _Probe(threading.Thread):
    """Does something again and again, and remembers how long it took."""

    def __init__(self, ended, act):
        super().__init__(daemon=True)
        self.ended, self.act, self.took = ended, act, []
        self.start()

    def run(self):
        while not self.ended.is_set():
            self.took.append(self.act())
            time.sleep(0.02)

    def told(self):
        took = sorted(self.took)
        return f"{_ms(took[len(took) // 2])}, at most {_ms(took[-1])}"


def _read(registry, mailbox):
    """As a page of the list of mails is read by its owner."""
    from odoo.api import Environment

    with registry.cursor() as cr:
        cr.execute(
            "SELECT user_id FROM crm_mail_mirror_mailbox WHERE id = %s", [mailbox]
        )
        env = Environment(cr, cr.fetchone()[0], {})
        began = time.perf_counter()
        found = env["crm.mail.mirror.message"].search([], limit=80)
        try:
            found.read(["subject", "date"])
        except Exception:  # it went between the two
            pass
        return time.perf_counter() - began


def _write(registry, mailbox):
    """What a page begins with; how long is it waited for?"""
    from odoo.addons.crm_mail_mirror.models.lease import WRITERS_LOCK

    with registry.cursor() as cr:
        cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        began = time.perf_counter()
        cr.execute("SELECT pg_advisory_xact_lock_shared(%s)", [WRITERS_LOCK])
        cr.execute(
            "SELECT 1 FROM crm_mail_mirror_mailbox WHERE id = %s FOR NO KEY UPDATE",
            [mailbox],
        )
        return time.perf_counter() - began


def _lock_message(registry):
    """What a page does to a mail that a colleague has as well."""
    with registry.cursor() as cr:
        cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cr.execute(
            "SELECT id FROM crm_mail_mirror_message ORDER BY id LIMIT 1 OFFSET 20"
        )
        row = cr.fetchone()
        began = time.perf_counter()
        if row:
            cr.execute(
                "SELECT 1 FROM crm_mail_mirror_message WHERE id = %s FOR KEY SHARE", row
            )
        return time.perf_counter() - began


def _nothing(registry):
    """How busy is the machine? What waits for no lock takes as long as this."""
    with registry.cursor() as cr:
        began = time.perf_counter()
        cr.execute("SELECT 1")
        return time.perf_counter() - began


class _Longest(threading.Thread):
    """The longest time for which a transaction holds rows: asked every 5 ms."""

    def __init__(self, registry, ended):
        super().__init__(daemon=True)
        self.registry, self.ended, self.most = registry, ended, 0.0
        self.start()

    def run(self):
        with self.registry.cursor() as cr:
            cr._cnx.set_session(autocommit=True)
            while not self.ended.is_set():
                cr.execute(
                    """SELECT max(extract(epoch FROM clock_timestamp() - xact_start))
                         FROM pg_stat_activity WHERE datname = current_database()
                          AND backend_xid IS NOT NULL"""
                )
                self.most = max(self.most, float(cr.fetchone()[0] or 0))
                time.sleep(0.005)


# ---- comparing ---


def audit(registry, task):
    """A mailbox that is in order is compared: its last week, then all of it."""
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    spoken, asked = _listen(mailbox_run)
    with opened(registry) as env:
        env["ir.config_parameter"].set_param(
            "crm_mail_mirror.allowed_hosts", "127.0.0.1,localhost"
        )
        env["res.partner"].create({"name": "Client", "email": "client@customer.test"})
        owner = task["owner"]
        user = env["res.users"].create({"name": "O", "login": owner, "email": owner})
        mailbox = env["crm.mail.mirror.mailbox"].create(
            {"user_id": user.id, "email": owner, "sync_from": False, **task["mailbox"]}
        )
        if "client" in task:
            clients = env["crm.mail.mirror.client"]
            client = clients.create({**task["client"]["values"], "enabled": True})
            client._set_secret(clients._encrypt(task["client"]["secret"]))
            env["crm.mail.mirror.credential"]._store(mailbox, task["secret"])
        mailbox.write({"state": "active"})
        mailbox = mailbox.id
    began = time.monotonic()
    _until_done(registry, mailbox)
    imported = time.monotonic() - began
    for _round in range(3):
        _until_done(registry, mailbox)
    idle = spoken.pop()
    week, week_took = _compared(registry, mailbox, "week")
    everything, all_took = _compared(registry, mailbox, "all")
    count = f"{task['messages']:,}"
    return [
        (f"import of {count} messages", f"{imported:.0f} s", ""),
        (
            "the last week of it, clean: requests that it asks"
            f" (a look at nothing new: {idle[0]}, with signing in)",
            f"{asked[0]} in {week_took:.1f} s; {week}",
            task["asked"],
        ),
        ("all of it, clean", f"{all_took:.0f} s; {everything}", "120 s"),
    ], ""


def _listen(mailbox_run):
    """Commands and bytes of each connection that was closed; and of them, those of
    each comparison of a week."""
    spoken, close = [], mailbox_run.MailboxRun._close
    asked, count_week = [], mailbox_run.MailboxRun.count_week

    def counted(run):
        before = run.provider.traffic.commands
        yield from count_week(run)
        asked.append(run.provider.traffic.commands - before)

    def heard(run):
        if run.provider is not None:
            spoken.append(
                (run.provider.traffic.commands, run.provider.traffic.received)
            )
        close(run)

    mailbox_run.MailboxRun._close = heard
    mailbox_run.MailboxRun.count_week = counted
    return spoken, asked


def _until_done(registry, mailbox):
    from odoo.api import SUPERUSER_ID, Environment

    sql(
        registry,
        """UPDATE crm_mail_mirror_mailbox SET lease_until = NULL,
                  next_sync_at = now() AT TIME ZONE 'UTC' WHERE id = %s""",
        mailbox,
    )
    due = 1
    while due:
        with registry.cursor() as cr:
            sync = Environment(cr, SUPERUSER_ID, {})["crm.mail.mirror.sync"]
            due = sync._sync_due(mailbox_ids=[mailbox])
    time.sleep(0.5)  # connections are closed by their own threads


def _compared(registry, mailbox, kind):
    began = time.monotonic()
    with opened(registry) as env:
        found = env["crm.mail.mirror.mailbox"].browse(mailbox)
        one = env["crm.mail.mirror.audit"]._ask(found, kind, "asked").id
    while True:
        with opened(registry) as env:
            while env["crm.mail.mirror.audit"]._step():
                env.cr.commit()
            (told,) = env["crm.mail.mirror.audit"].browse(one).read(["state", "result"])
        if told["state"] == "done":
            return told["result"], time.monotonic() - began
        _until_done(registry, mailbox)


MEASURES = {
    "deciding": deciding,
    "contact": contact,
    "exclusion": exclusion,
    "audit": audit,
    "gmail": audit,
    "emails": emails,
}

if __name__ == "__main__":
    main()
