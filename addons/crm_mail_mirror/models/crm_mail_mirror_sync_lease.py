# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who mirrors which mailbox, until when, and when is it due again?"""

import functools
import uuid

import psycopg2

from odoo import models
from odoo.tools import SQL

from ..engine.keyring import KeyUnusable
from ..engine.providers.base import (
    LoginRequired,
    NotAllowed,
    Throttled,
    Unavailable,
)
from .lease import LEASE_SECONDS
from .mailbox_run import MailboxRun

#: Queued mail read before each pull.
QUEUE = 200
#: Times it is tried to save a secret that may be the only valid one: half a minute.
KEEP_ATTEMPTS = 9


class CrmMailMirrorSync(models.AbstractModel):
    _name = "crm.mail.mirror.sync"
    _inherit = ["crm.mail.mirror.sync"]

    # ---- claim and release ----------------------------------------------------------

    def _claim(self, limit, mailbox_ids=None):
        """Take mailboxes that are due and that nobody holds."""
        token = uuid.uuid4().hex
        with self._transaction() as env:
            env.cr.execute(
                SQL(
                    """UPDATE crm_mail_mirror_mailbox
                          SET state = 'active', lease_token = %s,
                              lease_until = now() AT TIME ZONE 'UTC'
                                            + %s * interval '1 second'
                        WHERE id IN (
                              SELECT id FROM crm_mail_mirror_mailbox WHERE %s
                               ORDER BY next_sync_at LIMIT %s
                                 FOR NO KEY UPDATE SKIP LOCKED)
                    RETURNING id""",
                    token,
                    LEASE_SECONDS,
                    self._is_due(mailbox_ids),
                    limit,
                )
            )
            ids = [mailbox for (mailbox,) in env.cr.fetchall()]
            runs = []
            for mailbox in env["crm.mail.mirror.mailbox"].browse(ids):
                lease = self._lease(mailbox, token)
                if lease:
                    keep = functools.partial(self._keep, lease)
                    run = MailboxRun(lease, mailbox._queued(QUEUE), keep)
                    # what a list by addresses passes by is counted at its end: then
                    run.is_sought = lease.addresses is None and env[
                        "crm.mail.mirror.search"
                    ]._is_waiting(mailbox)
                    run.audit = env["crm.mail.mirror.audit"]._due_week(lease)
                    runs.append(run)
        return runs

    def _lease(self, mailbox, token):
        """The lease of a claimed mailbox; None when it can not be opened at all."""
        credentials = mailbox.env["crm.mail.mirror.credential"]
        try:
            secret, seq = credentials._read_in_use(mailbox.id)
            if secret is not None:
                return mailbox._lease(token, secret, seq)
            mailbox._fail("no_secret", state="needs_login")
        except (KeyUnusable, NotAllowed) as error:
            # also of the client: not configured, or switched off
            mailbox._fail(error.code, state="error")
        return None

    def _keep(self, lease, secret):
        """Save a secret that the provider renewed, before it is used.

        Called in the network's thread, while the job's writes pages: in a transaction
        of its own, and fenced by nothing but the secret it came from.
        """
        try:
            seq = self._in_transaction(
                lambda env: env["crm.mail.mirror.credential"]._keep(
                    lease.mailbox_id, secret, lease.secret_seq
                ),
                KEEP_ATTEMPTS,
            )
        except (KeyUnusable, psycopg2.Error) as error:
            raise Unavailable("server_error", type(error).__name__) from None
        if seq is None:
            raise Unavailable("connection_lost", "the secret was replaced meanwhile")
        lease.secret, lease.secret_seq = secret, seq

    def _is_due(self, mailbox_ids=None):
        return SQL(
            """state IN ('active', 'error') AND next_sync_at <= now() AT TIME ZONE 'UTC'
               AND (lease_until IS NULL OR lease_until < now() AT TIME ZONE 'UTC')
               AND %s""",
            SQL("TRUE")
            if mailbox_ids is None
            else SQL("id = ANY(%s)", list(mailbox_ids)),
        )

    def _count_due(self, mailbox_ids=None):
        with self._transaction() as env:
            env.cr.execute(
                SQL(
                    "SELECT count(*) FROM (SELECT 1 FROM crm_mail_mirror_mailbox"
                    " WHERE %s LIMIT 1000) AS due",
                    self._is_due(mailbox_ids),
                )
            )
            return env.cr.fetchone()[0]

    def _end(self, run, pool, active, error=None, more=False, fenced=False):
        """Give the mailbox back, with the time of its next look."""
        active.pop(run.lease.mailbox_id, None)
        pool.submit(run.close)
        with self._transaction() as env:
            mailbox = env["crm.mail.mirror.mailbox"].browse(run.lease.mailbox_id)
            if not mailbox._is_held(run.lease.token):
                return
            if isinstance(error, LoginRequired | Unavailable):
                # what failed with a secret that was replaced meanwhile is no verdict
                seq = env["crm.mail.mirror.credential"]._seq(mailbox.id)
                if seq != run.lease.secret_seq:
                    error, fenced = None, True
            if run.task and isinstance(error, Unavailable):
                env["crm.mail.mirror.search"]._failed(mailbox, run.task)
            if error is None:
                mailbox._rest(
                    run.lease, more, bool(run.orphans) or run.had_orphans, fenced
                )
            elif isinstance(error, LoginRequired):
                mailbox._fail(error.code, state="needs_login")
            elif isinstance(error, NotAllowed):
                mailbox._fail(error.code, state="error")
            else:
                mailbox._fail(
                    getattr(error, "code", "bug"),
                    wait=error.retry_after if isinstance(error, Throttled) else None,
                )
