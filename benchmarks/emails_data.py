# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A million mails, as the sync would have written them. Called by ``emails.py``.

A thousand users in a tree, each with a mailbox; mails in threads of four, three in ten
of them in two mailboxes; 20,000 contacts in companies of ten, but for the thousand of
one big customer, who has a tenth of the mail. Words come as often as words do: the
first is in nearly every text, the last in few; some have accents.
"""

#: Users above users: a boss, ten, a hundred, and everybody else.
USERS = 1000
CONTACTS, OTHERS = 1000, 20_000
#: Where it is written down that the rows are there, and how they were made.
_MARK, _MADE = "bench.emails", "2"
_TABLES = ("message", "participant", "body", "copy")

_STEPS = (
    # the tree: 1; 2 to 11; 12 to 111; the rest
    "CREATE TEMP TABLE staff AS SELECT n FROM generate_series(1, {users}) AS n",
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
       SELECT s.n, u.id AS uid FROM staff s
         JOIN res_users u ON u.login = format('u%s@house.test', s.n)""",
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
              0, 0, 0, now() AT TIME ZONE 'UTC'
         FROM (SELECT *, format('u%s@house.test', n) AS e FROM person) AS p""",
    """CREATE TEMP TABLE box AS
       SELECT p.n, p.uid, m.id FROM person p
         JOIN crm_mail_mirror_mailbox m ON m.user_id = p.uid""",
    # companies: Company 0 is the big one
    """INSERT INTO res_partner (name, complete_name, is_company, active, type,
              create_date, write_date)
       SELECT name, name, TRUE, TRUE, 'contact', now(), now()
         FROM (SELECT 'Company ' || n AS name
                 FROM generate_series(0, {others} / 10) AS n) AS c""",
    """CREATE TEMP TABLE firm AS
       SELECT id, substr(name, 9)::int AS n FROM res_partner
        WHERE name LIKE 'Company %'""",
    """INSERT INTO res_partner (name, complete_name, email, email_normalized, active,
              type, is_company, parent_id, create_date, write_date)
       SELECT name, name, e, e, TRUE, 'contact', FALSE, f.id, now(), now()
         FROM (SELECT CASE WHEN n <= {contacts} THEN 0
                           ELSE (n - {contacts} - 1) / 10 + 1 END AS firm,
                      (ARRAY['Anna', 'Björn', 'Chloé', 'David', 'Émile', 'Fatma',
                             'Gül', 'Hans', 'Inès', 'Jürgen'])[1 + n % 10]
                          || ' Contact' || n AS name,
                      CASE WHEN n <= {contacts} THEN format('c%s@big.test', n)
                           ELSE format('c%s@other%s.test', n,
                                       (n - {contacts} - 1) / 10 + 1) END AS e
                 FROM generate_series(1, {everybody}) AS n) AS c
         JOIN firm f ON f.n = c.firm""",
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
              'About matter' || dice % 50000 || ' réunion', date FROM letter""",
    """CREATE TEMP TABLE who AS
       SELECT a.id, p.name,
              row_number() OVER (ORDER BY a.domain = 'big.test' DESC, a.id) AS k
         FROM crm_mail_mirror_address a
         JOIN res_partner p ON p.email_normalized = a.email_normalized
        WHERE a.domain != 'house.test'""",
    """CREATE TEMP TABLE ours AS
       SELECT a.id, b.n FROM crm_mail_mirror_address a
         JOIN box b ON a.email_normalized = format('u%s@house.test', b.n)""",
    "CREATE UNIQUE INDEX ON who (k)",
    "CREATE UNIQUE INDEX ON ours (n)",
    "CREATE UNIQUE INDEX ON box (n)",
    *(f"ANALYZE {name}" for name in ("who", "ours", "box", "letter")),
    """INSERT INTO crm_mail_mirror_participant (message_id, address_id, role, name,
              date)
       SELECT l.n, w.id, CASE WHEN incoming THEN 'from' ELSE 'to' END, w.name, l.date
         FROM letter l JOIN who w ON w.k = CASE WHEN dice % 10 = 0
              THEN 1 + dice / 10 % {contacts}
              ELSE {contacts} + 1 + dice / 10 % {others} END""",
    """INSERT INTO crm_mail_mirror_participant (message_id, address_id, role, name,
              date)
       SELECT l.n, o.id, CASE WHEN incoming THEN 'to' ELSE 'from' END,
              'Colleague ' || o.n, l.date
         FROM letter l JOIN ours o ON o.n = 1 + dice % 977""",
    """INSERT INTO crm_mail_mirror_participant (message_id, address_id, role, name,
              date)
       SELECT l.n, o.id, 'cc', 'Colleague ' || o.n, l.date
         FROM letter l JOIN ours o ON o.n = 1 + dice / 3 % 1000
        WHERE dice % 10 < 3 AND 1 + dice % 977 != 1 + dice / 3 % 1000""",
    # 8,000 words, the r-th of them as often as 1 by r
    """CREATE TEMP TABLE lorem AS
       SELECT k, string_agg(left(translate(md5(floor(exp(random() * ln(8000)))::text),
                                           '0123456789abcdef', 'aeiourstnlmépdcö'),
                                 4 + (random() * 5)::int), ' ') AS text
         FROM generate_series(0, 4999) AS k, generate_series(1, 110)
        GROUP BY k""",
    "CREATE UNIQUE INDEX ON lorem (k)",
    "ANALYZE lorem",
    """INSERT INTO crm_mail_mirror_body (id, message_id, digest, text, quote_at,
              attachment_count)
       SELECT n, n, md5('b' || n), 'Matter' || dice % 50000 || ' ' || lorem.text, 300,
              CASE WHEN n % 9 = 0 THEN 1 ELSE 0 END
         FROM letter JOIN lorem ON k = (hashint4(n) & 2147483647) % 5000""",
    """INSERT INTO crm_mail_mirror_copy (mailbox_id, user_id, key, received_at, state,
              reason, direction, message_id, body_id, date)
       SELECT b.id, b.uid, md5('c' || l.n || k.k), l.date, 'mirrored', 'contact',
              CASE WHEN incoming OR k.k = 1 THEN 'in' ELSE 'out' END, l.n, l.n, l.date
         FROM letter l CROSS JOIN (VALUES (0), (1)) AS k(k)
         JOIN box b ON b.n = CASE k WHEN 0 THEN 1 + dice % 977
                                  ELSE 1 + dice / 3 % 1000 END
        WHERE k = 0 OR dice % 10 < 3 AND 1 + dice % 977 != 1 + dice / 3 % 1000""",
    "SELECT setval('crm_mail_mirror_message_id_seq', {count} + 1)",
    "SELECT setval('crm_mail_mirror_body_id_seq', {count} + 1)",
)  # fmt: skip


def fill(registry, count):
    """Make the rows, unless this database has them already."""
    with registry.cursor() as cr:
        cr.execute("SELECT value FROM ir_config_parameter WHERE key = %s", [_MARK])
        if cr.fetchone() == (f"{_MADE} {count}",):
            return
    values = {"users": USERS, "contacts": CONTACTS, "others": OTHERS - CONTACTS}
    values |= {"count": count, "everybody": OTHERS}
    with registry.cursor() as cr:
        cr.execute("SET LOCAL synchronous_commit = off; SET LOCAL jit = off")
        cr.execute("SET LOCAL maintenance_work_mem = '1GB'; SET work_mem = '64MB'")
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
        cr.execute(
            "INSERT INTO ir_config_parameter (key, value) VALUES (%s, %s)",
            [_MARK, f"{_MADE} {count}"],
        )
    tidy(registry)


def tidy(registry):
    """What autovacuum would do in time."""
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
        """SELECT indexname, indexdef,
                  obj_description(format('%%I', indexname)::regclass)
             FROM pg_indexes WHERE tablename = %s AND indexname NOT LIKE '%%_pkey'""",
        [table],
    )
    indexes = cr.fetchall()
    for name, _definition in keys:
        cr.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    for name, _definition, _comment in indexes:
        cr.execute(f'DROP INDEX "{name}"')
    return (
        [definition for _name, definition, _comment in indexes]
        # by these Odoo knows its own
        + [
            f"COMMENT ON INDEX \"{name}\" IS '{comment.replace(chr(39), chr(39) * 2)}'"
            for name, _definition, comment in indexes
            if comment
        ]
        + [
            f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition} NOT VALID'
            for name, definition in keys
        ]
    )
