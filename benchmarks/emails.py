# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How fast is the Emails tab where there is much? Called by ``scale.py``.

A thousand users in a tree, each with a mailbox; a million mails, 1,300,000 copies, a
tenth of them with a thousand contacts of one company. Rows are made by SQL, as the
sync would have written them. Each list is asked for by users of each level, and beside
it in the same run without the rule: as if everybody might see everything.
"""

import json
import statistics
import time
from contextlib import contextmanager

#: Users above users: a boss, ten, a hundred, and everybody else.
USERS = 1000
CONTACTS, OTHERS = 1000, 20_000
ROUNDS = 12


def emails(registry, share):
    count = int(1_000_000 * share)
    _fill(registry, count)
    rows = []
    with _reader(registry) as (company, readers):
        for level, uids in readers.items():
            rows += _asked(registry, company, level, uids)
        rows += _asked(registry, company, "4", readers["4"], without_rule=True)
        rows += _searched(registry, company, readers)
        plan = _plan(registry, company, readers["2"][0])
    return rows, plan


# ---- the database ---

_STEPS = (
    # the tree: 1; 2 to 11; 12 to 111; the rest
    """CREATE TEMP TABLE staff AS
       SELECT n, 10 * 1000 + n AS login FROM generate_series(1, {users}) AS n""",
    """INSERT INTO res_partner (name, complete_name, email, email_normalized, active,
              type, is_company, create_date, write_date)
       SELECT 'Colleague ' || n, 'Colleague ' || n, format('u%s@house.test', n),
              format('u%s@house.test', n), TRUE, 'contact', FALSE, now(), now()
         FROM staff""",
    """INSERT INTO res_users (login, partner_id, company_id, active, share,
              notification_type, mirror_visibility)
       SELECT format('u%s@house.test', n), p.id, 1, TRUE, FALSE, 'email', '0'
         FROM staff JOIN res_partner p
           ON p.email_normalized = format('u%s@house.test', n)""",
    """CREATE TEMP TABLE person AS
       SELECT s.n, u.id AS uid, row_number() OVER (ORDER BY s.n) AS box
         FROM staff s JOIN res_users u ON u.login = format('u%s@house.test', s.n)""",
    """UPDATE res_users u SET mirror_manager_id = m.uid
         FROM person p JOIN person m ON m.n = CASE
              WHEN p.n <= 11 THEN 1 WHEN p.n <= 111 THEN 2 + p.n % 10
              ELSE 12 + p.n % 100 END
        WHERE u.id = p.uid AND p.n > 1""",
    """INSERT INTO res_company_users_rel (cid, user_id) SELECT 1, uid FROM person""",
    """INSERT INTO res_groups_users_rel (gid, uid)
       SELECT d.res_id, p.uid FROM person p JOIN ir_model_data d
           ON (d.module, d.name) IN (('base', 'group_user'),
              ('sales_team', 'group_sale_salesman_all_leads'))""",
    """INSERT INTO crm_mail_mirror_mailbox (user_id, company_id, email,
              email_normalized, provider, state, sharing_in, sharing_out, mode,
              look_back, contact_mode, cursor_seq, policy_seq, pass_no, last_sync_at)
       SELECT uid, 1, e, e, 'imap', 'active',
              (ARRAY['metadata', 'subject', 'everything'])[1 + n % 3],
              (ARRAY['everything', 'subject'])[1 + n % 2], 'two_way', 'all', 'never',
              0, 0, 0,
              now() AT TIME ZONE 'UTC'
         FROM (SELECT *, format('u%s@house.test', n) AS e FROM person) AS p""",
    """CREATE TEMP TABLE box AS
       SELECT p.n, p.uid, m.id FROM person p
         JOIN crm_mail_mirror_mailbox m ON m.user_id = p.uid""",
    """INSERT INTO res_partner (name, complete_name, is_company, active, type,
              create_date, write_date)
       VALUES ('Big Customer', 'Big Customer', TRUE, TRUE, 'contact', now(), now())""",
    """INSERT INTO res_partner (name, complete_name, email, email_normalized, active,
              type, is_company, parent_id, create_date, write_date)
       SELECT 'Contact ' || n, 'Contact ' || n, e, e, TRUE, 'contact', FALSE,
              CASE WHEN n <= {contacts} THEN (SELECT id FROM res_partner
                                               WHERE name = 'Big Customer') END,
              now(), now()
         FROM (SELECT n, CASE WHEN n <= {contacts} THEN format('c%s@big.test', n)
                         ELSE format('c%s@other%s.test', n, n / 10) END AS e
                 FROM generate_series(1, {everybody}) AS n) AS c""",
    """UPDATE res_partner SET commercial_partner_id = coalesce(parent_id, id)
        WHERE commercial_partner_id IS NULL""",
    """INSERT INTO crm_mail_mirror_address (email_normalized, domain)
       SELECT email_normalized, split_part(email_normalized, '@', 2)
         FROM (SELECT DISTINCT email_normalized FROM res_partner
                WHERE email_normalized ~ '@(big|other[0-9]*|house)[.]test$') AS e""",
    """INSERT INTO crm_mail_mirror_address_partner_rel (address_id, partner_id)
       SELECT a.id, p.id FROM crm_mail_mirror_address a
         JOIN res_partner p ON p.email_normalized = a.email_normalized
        WHERE a.domain != 'house.test'""",
    # who wrote with whom: a thread of four has one contact and one of us
    """CREATE TEMP TABLE letter AS
       SELECT n, n / 4 AS thread, hashint4(n / 4 + 7) & 2147483647 AS dice,
              n % 2 = 0 AS incoming,
              timestamp '2026-11-01' - (hashint4(n / 4) & 2147483647) % 94608000
                  * interval '1 second' + n % 4 * interval '5 hours' AS date
         FROM generate_series(1, {count}) AS n""",
    """INSERT INTO crm_mail_mirror_message (id, identity, thread_key, same_key,
              subject_raw, date)
       SELECT n, md5(n::text), md5('t' || thread), md5('s' || n),
              'About matter ' || dice % 50000, date FROM letter""",
    """CREATE TEMP TABLE who AS
       SELECT a.id, row_number() OVER (ORDER BY a.domain = 'big.test' DESC, a.id) AS k
         FROM crm_mail_mirror_address a WHERE a.domain != 'house.test'""",
    """CREATE TEMP TABLE ours AS
       SELECT a.id, b.n FROM crm_mail_mirror_address a
         JOIN box b ON a.email_normalized = format('u%s@house.test', b.n)""",
    """CREATE UNIQUE INDEX ON who (k)""",
    """CREATE UNIQUE INDEX ON ours (n)""",
    """CREATE UNIQUE INDEX ON box (n)""",
    """ANALYZE who""", """ANALYZE ours""", """ANALYZE box""", """ANALYZE letter""",
    """INSERT INTO crm_mail_mirror_participant (message_id, address_id, role, name,
              date)
       SELECT l.n, w.id, CASE WHEN incoming THEN 'from' ELSE 'to' END,
              'Contact ' || w.k, l.date
         FROM letter l JOIN who w ON w.k = CASE WHEN dice % 10 = 0
              THEN 1 + dice / 10 % {contacts}
              ELSE {contacts} + 1 + dice / 10 % {others} END""",
    """INSERT INTO crm_mail_mirror_participant (message_id, address_id, role, date)
       SELECT l.n, o.id, CASE WHEN incoming THEN 'to' ELSE 'from' END, l.date
         FROM letter l JOIN ours o ON o.n = 1 + dice % 977""",
    """CREATE TEMP TABLE lorem AS
       SELECT k, string_agg(left(md5((random() * random() * 8000)::int::text),
                                 4 + (random() * 5)::int), ' ') AS text
         FROM generate_series(0, 4999) AS k, generate_series(1, 90)
        GROUP BY k""",
    """CREATE UNIQUE INDEX ON lorem (k)""",
    """ANALYZE lorem""",
    """INSERT INTO crm_mail_mirror_body (id, message_id, digest, text, quote_at,
              attachment_count)
       SELECT n, n, md5('b' || n), 'Matter' || dice % 50000 || ' ' || lorem.text, 300,
              CASE WHEN n % 9 = 0 THEN 1 ELSE 0 END
         FROM letter JOIN lorem ON k = (hashint4(n) & 2147483647) % 5000""",
    """INSERT INTO crm_mail_mirror_copy (mailbox_id, user_id, key, received_at, state,
              reason, direction, message_id, body_id)
       SELECT b.id, b.uid, md5('c' || l.n || k.k), l.date, 'mirrored', 'contact',
              CASE WHEN incoming THEN 'in' ELSE 'out' END, l.n, l.n
         FROM letter l CROSS JOIN (VALUES (0), (1)) AS k(k)
         JOIN box b ON b.n = CASE k WHEN 0 THEN 1 + dice % 977
                                  ELSE 1 + dice / 3 % 1000 END
        WHERE k = 0 OR dice % 10 < 3 AND 1 + dice % 977 != 1 + dice / 3 % 1000""",
    """SELECT setval('crm_mail_mirror_message_id_seq', {count} + 1)""",
    """SELECT setval('crm_mail_mirror_body_id_seq', {count} + 1)""",
)  # fmt: skip
_TABLES = ("message", "participant", "body", "copy")


def _fill(registry, count):
    values = {"users": USERS, "contacts": CONTACTS, "others": OTHERS - CONTACTS}
    values |= {"count": count, "everybody": OTHERS}
    with registry.cursor() as cr:
        cr.execute("SET LOCAL synchronous_commit = off")
        cr.execute("SET LOCAL maintenance_work_mem = '512MB'")
        # rows first, then what finds and checks them: three times as fast
        restored = [_without(cr, f"crm_mail_mirror_{name}") for name in _TABLES]
        for statement in _STEPS:
            filled = statement
            for name, value in values.items():
                filled = filled.replace(f"{{{name}}}", str(value))
            # no parameters, so that % is itself
            cr._obj.execute(filled)
        for statements in restored:
            for statement in statements:
                cr._obj.execute(statement)
    with registry.cursor() as cr:
        cr._cnx.set_session(autocommit=True)
        cr.execute("VACUUM ANALYZE")


def _without(cr, table):
    """Drop foreign keys and indexes of a table. :return: statements that bring them"""
    cr.execute(
        """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid = %s::regclass AND contype = 'f'""",
        [table],
    )
    keys = cr.fetchall()
    cr.execute(
        """SELECT indexname, indexdef FROM pg_indexes
            WHERE tablename = %s AND indexname NOT LIKE '%%_pkey'""",
        [table],
    )
    indexes = cr.fetchall()
    for name, _definition in keys:
        cr.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    for name, _definition in indexes:
        cr.execute(f'DROP INDEX "{name}"')
    return [definition for _name, definition in indexes] + [
        f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition} NOT VALID'
        for name, definition in keys
    ]


# ---- asking ---


@contextmanager
def _reader(registry):
    """The company, and some users for each level."""
    with registry.cursor() as cr:
        cr.execute("SELECT id FROM res_partner WHERE name = 'Big Customer'")
        (company,) = cr.fetchone()
        # leaders, those below them, and staff
        cr.execute(
            """SELECT substr(login, 2, strpos(login, '@') - 2)::int, id FROM res_users
                WHERE login LIKE '%@house.test'"""
        )
        by_number = dict(cr.fetchall())
    chosen = (5, 50, 60, 300, 500, 900)
    yield (
        company,
        {level: [by_number[number] for number in chosen] for level in "01234"},
    )


@contextmanager
def _as_user(registry, uid, level, without_rule=False):
    from odoo.api import Environment

    with registry.cursor() as cr:
        cr.execute(
            "UPDATE res_users SET mirror_visibility = %s WHERE id = %s", [level, uid]
        )
        env = Environment(cr, uid, {"lang": "en_US"})
        # as in a worker that has seen this user before
        env["crm.mail.mirror.message"].get_conversations({"model": None}, limit=1)
        model = type(env["crm.mail.mirror.message"])
        right = model._visible_copies
        if without_rule:
            model._visible_copies = _every_copy
        try:
            yield env
        finally:
            model._visible_copies = right
            cr.rollback()


def _every_copy(self, where, columns, sight=None):
    from odoo.tools import SQL

    return SQL(
        """SELECT %s FROM (SELECT c.*, c.user_id AS owner_id, 'everything' AS shown
                             FROM crm_mail_mirror_copy c
                            WHERE c.state = 'mirrored' AND %s) AS v""",
        columns,
        where,
    )


def _asked(registry, company, level, uids, without_rule=False):
    """Rows of the table: first page, further pages, the line over them."""
    scopes = {
        "the company": {"model": "res.partner", "id": company, "by": "time"},
        "all mail": {"model": None},
    }
    told = []
    for what, scope in scopes.items():
        first, further, over, sizes = _Clock(), _Clock(), _Clock(), []
        for number in range(ROUNDS):
            uid = uids[number % len(uids)]
            with _as_user(registry, uid, level, without_rule) as env:
                messages = env["crm.mail.mirror.message"]
                page = first(messages.get_conversations, scope)
                sizes.append(len(json.dumps(page)))
                for _page in range(3):
                    if page["next"]:
                        page = further(
                            messages.get_conversations, scope, before=page["next"]
                        )
                over(messages.get_overview, scope)
        name = "without the rule" if without_rule else f"level {level}"
        told.append(
            (
                f"{what}, {name}: first page; further pages; the line over them",
                f"{first.told()}; {further.told()}; {over.told()};"
                f" {max(sizes) / 1000:.0f} KB",
                "300 ms; 100 ms; 60 KB",
            )
        )
    return told


def _searched(registry, company, readers):
    told = []
    for what, filters in {
        "a word of one mail in 50,000": {"text": "matter4711"},
        "a word of every mail": {"text": "matter"},
        "a word of no mail": {"text": "zyzzyva"},
        "a person": {"person": "contact 77"},
        "sent": {"direction": "out"},
        "with attachments": {"attachments": True},
    }.items():
        for level in ("0", "2", "4"):
            took = _Clock()
            for scope in (
                {"model": "res.partner", "id": company},
                {"model": None},
            ):
                for uid in readers[level][:3]:
                    with _as_user(registry, uid, level) as env:
                        messages = env["crm.mail.mirror.message"]
                        took(messages.get_conversations, scope, filters)
            told.append((f"searched: {what}, level {level}", took.told(), ""))
    return told


class _Clock:
    """Wall time of each call, and CPU time of it: ours and that of its backend."""

    def __init__(self):
        self.wall, self.cpu = [], []

    def __call__(self, method, *arguments, **named):
        cr = method.__self__.env.cr
        backend = f"/proc/{cr._cnx.info.backend_pid}/schedstat"
        began, spent = time.perf_counter(), time.process_time() + _on_cpu(backend)
        answer = method(*arguments, **named)
        self.wall.append(time.perf_counter() - began)
        self.cpu.append(time.process_time() + _on_cpu(backend) - spent)
        return answer

    def told(self):
        """Median and 95th percentile of both."""
        if not self.wall:
            return "none"
        return f"{_spread(self.wall)} (CPU {_spread(self.cpu)})"


def _on_cpu(backend):
    """Seconds; 0 where PostgreSQL is on another machine."""
    try:
        with open(backend, encoding="ascii") as numbers:
            return int(numbers.read().split()[0]) / 1e9
    except OSError:
        return 0.0


def _spread(seconds):
    ordered = sorted(seconds)
    last = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"{statistics.median(ordered) * 1000:.0f}, {last * 1000:.0f} ms"


def _plan(registry, company, uid):
    """Of the first window of the company's mail."""
    with _as_user(registry, uid, "2") as env:
        messages, cr = env["crm.mail.mirror.message"], env.cr
        asked, execute = [], type(cr).execute

        def heard(self, query, *arguments, **named):
            asked.append((query, arguments))
            return execute(self, query, *arguments, **named)

        look = messages._look({"model": "res.partner", "id": company}, None, None)
        type(cr).execute = heard
        try:
            messages._window(look, None, 200, None)
        finally:
            type(cr).execute = execute
        from odoo.tools import SQL

        cr.execute(SQL("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) %s", asked[-1][0]))
        plan = "\n".join(line for (line,) in cr.fetchall())
    return f"```\n{plan}\n```"
