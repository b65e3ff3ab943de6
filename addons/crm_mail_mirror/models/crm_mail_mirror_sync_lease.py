# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""With what is a mailbox mirrored, and when is it due again?"""

import contextlib

import psycopg2

from odoo import models

from ..engine.keyring import KeyUnusable
from ..engine.providers.base import (
    LIVE,
    Fate,
    LoginRequired,
    NotAllowed,
    Throttled,
    Unavailable,
)
from .crm_mail_mirror_sync import CONFLICTS
from .lease import Fenced
from .mailbox_run import ORPHANS

#: Failed runs after which nobody is asked any more about mail that no listing named.
DOUBTED = 3
#: Times it is tried to save a secret that may be the only valid one: half a minute.
KEEP_ATTEMPTS = 9


class CrmMailMirrorSync(models.AbstractModel):
    _name = "crm.mail.mirror.sync"
    _inherit = ["crm.mail.mirror.sync"]

    # ---- begin ----------------------------------------------------------------------

    def _lease(self, mailbox, token, folders, stamp):
        """The lease of a claimed mailbox; None when it can not be opened at all.

        :param folders: of one in which nothing waits to be done, see ``Lease.folders``
        :param stamp: of its rules
        """
        credentials = mailbox.env["crm.mail.mirror.credential"]
        code, state = "no_secret", "needs_login"
        try:
            secret, seq = credentials._read_in_use(mailbox.id)
            if secret is not None:
                return mailbox._lease(token, secret, seq, folders, stamp)
        except (KeyUnusable, NotAllowed) as error:
            # also of the client: not configured, or switched off
            code, state = error.code, "error"
        # unless it was disconnected, or removed, since it was claimed
        if mailbox._is_held(token):
            mailbox.invalidate_recordset()
            mailbox._fail(code, state=state)
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
            if seq is not None:
                lease.secret, lease.secret_seq = secret, seq
                # not in the same transaction: who writes this mailbox must not keep
                # the only valid secret from being saved
                self._in_transaction(
                    lambda env: (
                        env["crm.mail.mirror.mailbox"]
                        .browse(lease.mailbox_id)
                        ._resume_login(lease.token)
                    )
                )
        except (KeyUnusable, psycopg2.Error) as error:
            raise Unavailable("server_error", type(error).__name__) from None
        if seq is None:
            raise Unavailable("connection_lost", "the secret was replaced meanwhile")

    # ---- release --------------------------------------------------------------------

    def _leave_in_place(self, run):
        """Mail about which the provider fails to answer, time and again, is left where
        it was seen last; the next listing asks again. Else it would hold up all."""
        some = [(each.copy_id, each.lookup.place) for each in run.orphans[:ORPHANS]]
        fates = {copy: Fate(LIVE, (place,)) for copy, place in some}
        self._settle_orphans(run.lease, fates)

    def _end(self, run, pool, active, error=None, more=False, fenced=False):
        """Give the mailbox back, with the time of its next look."""
        active.pop(run.lease.mailbox_id, None)
        run.leave(pool)
        if error is not None and run.doubts and run.lease.failures >= DOUBTED:
            with contextlib.suppress(Fenced, *CONFLICTS):
                self._leave_in_place(run)
        with self._transaction() as env:
            mailbox = env["crm.mail.mirror.mailbox"].browse(run.lease.mailbox_id)
            if not mailbox._is_held(run.lease.token):
                return
            if isinstance(error, LoginRequired | NotAllowed | Unavailable):
                # what failed with a secret that was replaced meanwhile is no verdict
                seq = env["crm.mail.mirror.credential"]._seq(mailbox.id)
                if seq != run.lease.secret_seq:
                    error, fenced = None, True
            if error is not None or run.lease.is_troubled:
                env["crm.mail.mirror.server"]._note(run.lease, error)
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
