# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What is written of a mailbox that has no news? That it was looked at, and no more.

Nineteen of twenty looks find nothing. What they would decide by (rules, what the owner
removed, ...) is not even read, and many of them are written with one statement: a look
costs three milliseconds less of CPU, here and in PostgreSQL each.
"""

import json

from odoo import models
from odoo.tools import SQL

from .crm_mail_mirror_mailbox_sync import DUE_ACTIVE, DUE_QUIET
from .lease import Fenced
from .mailbox_run import Pulled
from .politeness import LATE, SPREAD, SPREAD_LATE


class CrmMailMirrorSync(models.AbstractModel):
    _name = "crm.mail.mirror.sync"
    _inherit = ["crm.mail.mirror.sync"]

    def _is_calm(self, run, found, active):
        """Nothing is new, and nothing else was to be done: then its place is free."""
        lease = run.lease
        if active.get(lease.mailbox_id) is not run or not isinstance(found, Pulled):
            return False
        if not lease.sees_nothing_new(found.batch):
            return False
        del active[lease.mailbox_id]
        return True

    def _make_whole(self, run):
        """There is news: read what it is decided by.

        :raises Fenced: somebody else holds the mailbox, or it begins anew
        """

        def read(env):
            lease = run.lease
            mailbox = env["crm.mail.mirror.mailbox"].browse(lease.mailbox_id)
            if not mailbox._is_held(lease.token):
                raise Fenced
            whole = mailbox._lease(lease.token, lease.secret, lease.secret_seq)
            if whole.cursor_seq != lease.cursor_seq:
                raise Fenced
            # the run, and who keeps its secret, hold this one; who asked for a look
            # since it began gets one more
            mine = {"is_troubled": lease.is_troubled, "due_at": lease.due_at}
            lease.__dict__.update(whole.__dict__ | mine)
            self._find_work(mailbox, run)
            run.queue = []  # was empty a moment ago: later

        self._in_transaction(read)

    def _rest_together(self, seen):
        """Release mailboxes that had no news.

        :param seen: [(run, batch)]
        :return: runs of mailboxes that are no longer as they were
        """
        released = self._in_transaction(lambda env: self._write_rests(env, seen))
        return [run for run, _batch in seen if run.lease.mailbox_id not in released]

    def _write_rests(self, env, seen):
        env.cr.execute(
            SQL(
                """WITH seen AS MATERIALIZED (
                       SELECT m.id, s.cursor, s.due_at,
                              m.last_change_at > n.now - interval '1 hour' AS lively,
                              s.due_at < n.now - %s * interval '1 second' AS is_late,
                              EXISTS (SELECT 1 FROM crm_mail_mirror_copy c
                                       WHERE c.mailbox_id = m.id
                                         AND c.state IN ('queued', 'failed')
                                         AND c.next_try_at <= n.now) AS waits
                         FROM crm_mail_mirror_mailbox m
                         JOIN unnest(%s::int[], %s::text[], %s::int[], %s::text[],
                                     %s::timestamp[])
                              AS s(id, token, cursor_seq, cursor, due_at)
                           ON s.id = m.id AND s.token = m.lease_token
                              AND s.cursor_seq = m.cursor_seq,
                              (SELECT now() AT TIME ZONE 'UTC' AS now) AS n
                        WHERE m.state = 'active' AND m.listing IS NULL
                        ORDER BY m.id FOR NO KEY UPDATE OF m)
                   UPDATE crm_mail_mirror_mailbox m
                      SET cursor = s.cursor::jsonb, cursor_seq = m.cursor_seq + 1,
                          pass_no = m.pass_no + 1, progress_done = 0,
                          progress_total = 0, lease_until = NULL, lease_token = NULL,
                          last_sync_at = date_trunc(
                              'second', now() AT TIME ZONE 'UTC'),
                          next_sync_at = date_trunc(
                              'second', now() AT TIME ZONE 'UTC'
                              -- asked for once more, or something waits: at once
                              + CASE WHEN s.waits OR m.next_sync_at != s.due_at THEN 0
                                     WHEN s.lively THEN %s ELSE %s END
                              * CASE WHEN s.is_late THEN %s + %s * random()
                                     ELSE %s + %s * random() END
                              * interval '1 second')
                     FROM seen s WHERE s.id = m.id
                RETURNING m.id""",
                LATE,
                [run.lease.mailbox_id for run, _batch in seen],
                [run.lease.token for run, _batch in seen],
                [run.lease.cursor_seq for run, _batch in seen],
                [json.dumps(batch.cursor) for _run, batch in seen],
                [run.lease.due_at for run, _batch in seen],
                DUE_ACTIVE,
                DUE_QUIET,
                *(SPREAD_LATE[0], SPREAD_LATE[1] - SPREAD_LATE[0]),
                *(SPREAD[0], SPREAD[1] - SPREAD[0]),
            )
        )
        released = {mailbox for (mailbox,) in env.cr.fetchall()}
        env["crm.mail.mirror.mailbox"].browse(released)._tell_live()
        for run, _batch in seen:
            if run.lease.is_troubled:
                env["crm.mail.mirror.server"]._note(run.lease)
        return released
