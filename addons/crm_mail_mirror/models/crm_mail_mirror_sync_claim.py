# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which mailboxes does a worker take next, and how does it keep them?

Any number of workers on any number of hosts claim out of one table. Claims are made one
after the other, each in a few milliseconds: only so can they keep to what a server is
given. A worker renews what it holds; what a dead one held is free half a minute later.
"""

import functools
import uuid
from collections import Counter

from odoo import models
from odoo.tools import SQL

from .crm_mail_mirror_server import SERVER, WATCHED
from .lease import CLAIM_LOCK, LEASE_SECONDS
from .mailbox_run import MailboxRun
from .politeness import Candidate, choose, limit_of, room_left

#: Queued mail read before each pull.
QUEUE = 200


class CrmMailMirrorSync(models.AbstractModel):
    _name = "crm.mail.mirror.sync"
    _inherit = ["crm.mail.mirror.sync"]

    def _claim(self, limit, mailbox_ids=None, imports=None, left=()):
        """Take mailboxes that are due and that nobody holds.

        :param imports: of these, so many at most whose mail is all listed
        :param left: runs that hung up, and are only not written yet
        """
        token = uuid.uuid4().hex
        with self._transaction() as env:
            env.cr.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIM_LOCK])
            chosen = self._choose(env, limit, mailbox_ids, imports, left)
            if not chosen:
                return []
            env.cr.execute(
                SQL(
                    """UPDATE crm_mail_mirror_mailbox
                          SET state = 'active', lease_token = %s,
                              lease_until = now() AT TIME ZONE 'UTC'
                                            + %s * interval '1 second'
                        WHERE id IN (
                              SELECT id FROM crm_mail_mirror_mailbox
                               WHERE id = ANY(%s) AND %s
                                 FOR NO KEY UPDATE SKIP LOCKED)
                    RETURNING id""",
                    token,
                    LEASE_SECONDS,
                    chosen,
                    self._is_due(mailbox_ids),
                )
            )
            held = {mailbox for (mailbox,) in env.cr.fetchall()}
        with self._transaction() as env:
            return self._begun(env, [each for each in chosen if each in held], token)

    def _choose(self, env, limit, mailbox_ids=None, imports=None, left=()):
        """Ids of the next mailboxes, who waited longest first."""
        servers = env["crm.mail.mirror.server"]
        allowed, troubles, held = (
            servers._limits(),
            servers._troubles(),
            servers._held(),
        )
        hung_up = Counter(run.lease.server for run in left)
        rooms = {
            server: room_left(
                limit_of(server, kind, allowed),
                # one that lost its lease meanwhile is held no more
                max(0, held.get(server, 0) - hung_up[server]),
                troubles.get(server),
            )
            for server, kind in servers._kinds().items()
        }
        imports = limit if imports is None else max(0, min(imports, limit))
        # each server in lanes of its own: however many mailboxes wait for one that is
        # full, or have all their mail listed, the others are found at once
        lanes = []
        for server, room in rooms.items():
            lanes.append((server, False, min(room, limit)))
            lanes.append((server, True, min(room, imports)))
        lanes = [lane for lane in lanes if lane[2]]
        if not lanes:
            return []
        env.cr.execute(
            SQL(
                """SELECT c.id, lane.server, lane.imports
                     FROM unnest(%s::text[], %s::bool[], %s::int[])
                          AS lane(server, imports, most)
                    CROSS JOIN LATERAL (
                          SELECT id, next_sync_at FROM crm_mail_mirror_mailbox
                           WHERE %s AND %s = lane.server
                             AND (listing IS NOT NULL) = lane.imports
                           ORDER BY next_sync_at LIMIT lane.most) AS c
                    ORDER BY c.next_sync_at, c.id""",
                *map(list, zip(*lanes, strict=True)),
                self._is_due(mailbox_ids),
                SERVER,
            )
        )
        candidates = [Candidate(*row) for row in env.cr.fetchall()]
        return choose(candidates, rooms, imports, limit)

    def _is_due(self, mailbox_ids=None):
        return SQL(
            """%s AND next_sync_at <= now() AT TIME ZONE 'UTC'
               AND (lease_until IS NULL OR lease_until < now() AT TIME ZONE 'UTC')
               AND %s""",
            WATCHED,
            SQL("TRUE")
            if mailbox_ids is None
            else SQL("id = ANY(%s)", list(mailbox_ids)),
        )

    def _count_due(self, mailbox_ids=None, most=1000):
        """How many mailboxes could be claimed now?"""
        with self._transaction() as env:
            return len(self._choose(env, most, mailbox_ids))

    def _renew(self, runs):
        """Their network is slow, their worker is alive."""
        with self._transaction() as env:
            env.cr.execute(
                SQL(
                    """UPDATE crm_mail_mirror_mailbox
                          SET lease_until = now() AT TIME ZONE 'UTC'
                                            + %s * interval '1 second'
                        WHERE id IN (
                              SELECT m.id FROM crm_mail_mirror_mailbox m
                                JOIN unnest(%s::int[], %s::text[]) AS l(id, token)
                                  ON l.id = m.id AND l.token = m.lease_token
                                 FOR NO KEY UPDATE OF m SKIP LOCKED)""",
                    LEASE_SECONDS,
                    [run.lease.mailbox_id for run in runs],
                    [run.lease.token for run in runs],
                )
            )

    # ---- what a run begins with -----------------------------------------------------

    def _begun(self, env, ids, token):
        """:return: a run of each mailbox that can be opened"""
        troubles = env["crm.mail.mirror.server"]._troubles()
        mailboxes = env["crm.mail.mirror.mailbox"].browse(ids)
        # the stamp of the rules, then the row, then all that goes with it: what is
        # changed in between moves the stamp, the cursor's number or the time of the
        # next look, so that it is seen to have been changed
        stamps = mailboxes._policy_stamps()
        mailboxes = mailboxes.filtered(lambda mailbox: mailbox.id in stamps)
        mailboxes.fetch()
        folders, runs = self._folders_of_calm(env, ids), []
        for mailbox in mailboxes:
            stamp = stamps[mailbox.id]
            lease = self._lease(mailbox, token, folders.get(mailbox.id), stamp)
            if lease is None:
                continue
            lease.is_troubled = lease.server in troubles
            run = MailboxRun(lease)
            run.keep = functools.partial(self._keep, lease)
            if lease.is_whole:
                self._find_work(mailbox, run)
            runs.append(run)
        return runs

    def _find_work(self, mailbox, run):
        """What waits to be done in it, beside what is new."""
        env, lease = mailbox.env, run.lease
        run.queue = mailbox._queued(QUEUE)
        # what a list by addresses passes by is counted at its end: then
        run.is_sought = lease.addresses is None and env[
            "crm.mail.mirror.search"
        ]._is_waiting(mailbox)
        run.audit = env["crm.mail.mirror.audit"]._due_week(lease)

    def _folders_of_calm(self, env, ids):
        """Mailboxes in which nothing is to be done unless there is news.

        :return: ``{mailbox id: [(ref, name, role, parent, selected)]}``
        """
        env.cr.execute(
            SQL(
                """SELECT m.id, f.remote_ref, f.name, f.role,
                          coalesce(f.parent_ref, ''), f.selected
                     FROM crm_mail_mirror_mailbox m
                     JOIN crm_mail_mirror_folder f ON f.mailbox_id = m.id
                    WHERE m.id = ANY(%s) AND m.listing IS NULL AND m.brake IS NULL
                      AND m.last_error IS NULL AND m.failure_count = 0
                      AND m.cursor IS NOT NULL AND m.cursor->'fill' IS NULL
                      AND m.last_sync_at > now() AT TIME ZONE 'UTC' - interval '1 day'
                      AND NOT EXISTS (
                          SELECT 1 FROM crm_mail_mirror_copy c
                           WHERE c.mailbox_id = m.id AND c.orphan_pass IS NOT NULL)
                      AND NOT EXISTS (
                          SELECT 1 FROM crm_mail_mirror_copy c
                           WHERE c.mailbox_id = m.id AND c.state IN ('queued', 'failed')
                             AND c.next_try_at <= now() AT TIME ZONE 'UTC')
                      AND NOT EXISTS (
                          SELECT 1 FROM crm_mail_mirror_search s
                           WHERE s.mailbox_id = m.id AND s.done_at IS NULL)
                      AND NOT EXISTS (
                          SELECT 1 FROM crm_mail_mirror_audit a
                           WHERE a.mailbox_id = m.id AND a.state != 'done')""",
                ids,
            )
        )
        folders = {}
        for mailbox, *folder in env.cr.fetchall():
            folders.setdefault(mailbox, []).append(tuple(folder))
        return folders
