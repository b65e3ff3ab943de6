# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""When is which mailbox mirrored, and by whom? Claim, pull, decide, write, release.

The order of things on one page (DESIGN 4)::

    claim -> pull -> look up, judge -> read -> store -> ... -> release
    (db)     (net)   (db)              (net)   (db)           (db)

A pool of threads does the network's part, this job's thread the database's, each in
transactions of its own: none is open while the network is waited for.
"""

import contextlib
import logging
import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, Queue

import psycopg2

from odoo import SUPERUSER_ID, api, models
from odoo.tools import SQL

from ..engine import reader
from ..engine.keyring import KeyUnusable
from ..engine.providers.base import LoginRequired, NotAllowed, Throttled
from .crm_mail_mirror_credential import keyring
from .crm_mail_mirror_page import LEASE_SECONDS, WRITERS_LOCK
from .lease import Fenced, Page
from .mailbox_run import Confirmed, Failed, Listed, MailboxRun, Pulled, Read
from .sentences import sentence

_logger = logging.getLogger(__name__)

#: Seconds of work in one run of the job; below every limit of a cron worker.
BUDGET = 25.0
#: Mailboxes a job works on at once.
POOL = 8
#: Queued mail read before each pull.
QUEUE = 200
#: Times a page is written again from memory after a conflict.
ATTEMPTS = 5
_CONFLICTS = (
    psycopg2.errors.SerializationFailure,
    psycopg2.errors.DeadlockDetected,
    psycopg2.errors.ForeignKeyViolation,
    psycopg2.errors.LockNotAvailable,
)


class CrmMailMirrorSync(models.AbstractModel):
    _name = "crm.mail.mirror.sync"
    _description = "Mailbox Synchronisation"

    # ---- jobs -----------------------------------------------------------------------

    @api.model
    def _cron_sync(self):
        """One run of one of the identical sync jobs."""
        cron = self.env["ir.cron"]
        cron._commit_progress(remaining=0)
        due = self._sync_due()
        cron._commit_progress(1, remaining=0)
        if due:
            # the only way to go on at once: a job that reports work is called up to
            # ten times in a row and killed
            self.env["ir.cron"].browse(self.env.context.get("cron_id"))._trigger()

    @api.model
    def _cron_outbox(self):
        """Look at mail again whose addresses came to, or went from, contacts."""
        self.env["ir.cron"]._commit_progress(remaining=0)
        while self._look_again():
            pass

    @api.model
    def _trigger(self):
        for number in range(4):
            cron = self.env.ref(
                f"crm_mail_mirror.ir_cron_sync_{number}", raise_if_not_found=False
            )
            if cron and cron.sudo().active:
                cron.sudo()._trigger()
                break

    @api.model
    def _trigger_outbox(self):
        cron = self.env.ref(
            "crm_mail_mirror.ir_cron_outbox", raise_if_not_found=False
        )
        if cron:
            cron.sudo()._trigger()

    # ---- the run --------------------------------------------------------------------

    @api.model
    def _sync_due(self, budget=BUDGET, mailbox_ids=None):
        """Mirror mailboxes that are due until they are done or time is up.

        :param budget: seconds after which no further page is begun
        :param mailbox_ids: only these
        :return: how many of them are due (again) now
        """
        try:
            keyring()
        except KeyUnusable as error:
            _logger.warning("no mailbox is mirrored: %s", sentence(self.env, error.code))
            return 0
        end = time.monotonic() + budget
        ready, active = Queue(), {}
        # threads that hang in the network must not keep the job from ending
        pool = ThreadPoolExecutor(POOL, thread_name_prefix="mail-mirror")
        try:
            while True:
                if time.monotonic() < end and len(active) < POOL:
                    for run in self._claim(POOL - len(active), mailbox_ids):
                        active[run.lease.mailbox_id] = run
                        self._begin(run, pool, ready)
                if not active:
                    break
                try:
                    run, found = ready.get(timeout=LEASE_SECONDS)
                except Empty:
                    break
                self._go_on(run, found, pool, ready, active, end)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return self._count_due(mailbox_ids)

    def _submit(self, pool, ready, run, step, *args):
        def work():
            for found in run.steps(step, *args):
                ready.put((run, found))

        pool.submit(work)

    def _begin(self, run, pool, ready):
        if run.queue:
            self._submit(pool, ready, run, run.list_queue)
        else:
            self._submit(pool, ready, run, run.pull, run.lease.cursor)

    def _go_on(self, run, found, pool, ready, active, end):
        """One step of one mailbox: ``found`` came in, what is next?"""
        lease = run.lease
        if active.get(lease.mailbox_id) is not run:
            return
        try:
            if isinstance(found, Failed):
                self._end(run, pool, active, error=found.error)
            elif isinstance(found, Pulled | Listed):
                run.next_pull = False
                self._submit(
                    pool, ready, run, run.read, *self._judge(run, found, end)
                )
            elif isinstance(found, Read):
                self._written(run, found.page, pool, ready, active, end)
            elif isinstance(found, Confirmed):
                with self._transaction() as env:
                    env["crm.mail.mirror.page"]._remove_confirmed(lease, found.fates)
                self._end(run, pool, active)
        except Fenced:
            self._end(run, pool, active, fenced=True)
        except psycopg2.OperationalError:
            # the database went away: the lease runs out, another run goes on
            active.pop(lease.mailbox_id, None)
            pool.submit(run.close)
            raise
        except Exception as error:
            _logger.exception("mailbox %s: a page could not be stored", lease.mailbox_id)
            self._end(run, pool, active, error=error)

    def _written(self, run, page, pool, ready, active, end):
        run.orphans += self._store(run.lease, page)
        if page.batch is None:
            # the queue is done: now what is new
            self._submit(pool, ready, run, run.pull, run.lease.cursor)
            return
        run.pass_complete |= page.batch.pass_complete
        if run.next_pull:
            return
        if page.batch.more and time.monotonic() < end:
            self._submit(pool, ready, run, run.pull, run.lease.cursor)
        elif page.batch.pass_complete and run.orphans:
            self._submit(pool, ready, run, run.confirm)
        else:
            self._end(run, pool, active, more=page.batch.more)

    def _judge(self, run, found, end):
        """Look the page's addresses up and decide: arguments of ``run.read``."""
        lease = run.lease
        batch = found.batch if isinstance(found, Pulled) else None
        presences = batch.present if batch else found.presences
        if batch and batch.folders is not None:
            selected = {ref for ref, role in lease.roles.items() if role == "unselected"}
            lease.roles = {
                f.ref: "unselected" if f.ref in selected else f.role
                for f in batch.folders
            }
        emails = {
            email for p in presences if p.envelope for email in p.envelope.emails
        }
        keys = [reader.identity.mail_key(p) for p in presences]
        with self._transaction() as env:
            directory = env["crm.mail.mirror.directory"]._look_up(emails)
            known = env["crm.mail.mirror.page"]._known_keys(lease, keys)
        judged = reader.judge(presences, known, lease.roles, lease.policy, directory)
        page = Page(judged, batch, () if batch else found.lost)
        go_on = batch and batch.more and time.monotonic() < end
        run.next_pull = bool(go_on)
        return page, directory, batch.cursor if go_on else None

    def _store(self, lease, page):
        """Write a page, again from memory when writers meet."""
        before = (lease.cursor, lease.cursor_seq, lease.pass_no)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._transaction() as env:
                    return env["crm.mail.mirror.page"]._store(lease, page)
            except _CONFLICTS:
                lease.cursor, lease.cursor_seq, lease.pass_no = before
                if attempt == ATTEMPTS:
                    raise
                time.sleep(random.uniform(0, 0.1 * 2**attempt))

    @contextlib.contextmanager
    def _transaction(self):
        """A transaction of its own at READ COMMITTED: what others committed counts."""
        with self.env.registry.cursor() as cr:
            cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            yield api.Environment(cr, SUPERUSER_ID, {})

    # ---- claim and release ----------------------------------------------------------

    def _claim(self, limit, mailbox_ids=None):
        """Take mailboxes that are due and that nobody holds."""
        token = uuid.uuid4().hex
        with self._transaction() as env:
            env.cr.execute(
                SQL(
                    """UPDATE crm_mail_mirror_mailbox
                          SET lease_token = %s,
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
                try:
                    secret = env["crm.mail.mirror.credential"]._read_secret(mailbox.id)
                except KeyUnusable as error:
                    mailbox._fail(error.code, state="error")
                    continue
                if secret is None:
                    mailbox._fail("no_secret", state="needs_login")
                    continue
                runs.append(
                    MailboxRun(mailbox._lease(token, secret), mailbox._queued(QUEUE))
                )
        return runs

    def _is_due(self, mailbox_ids=None):
        return SQL(
            """state = 'active' AND next_sync_at <= now() AT TIME ZONE 'UTC'
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
            if error is None:
                mailbox._rest(more or fenced, orphans=bool(run.orphans))
            elif isinstance(error, LoginRequired):
                mailbox._fail(error.code, state="needs_login")
            elif isinstance(error, NotAllowed):
                mailbox._fail(error.code, state="error")
            else:
                mailbox._fail(
                    getattr(error, "code", "bug"),
                    wait=error.retry_after if isinstance(error, Throttled) else None,
                )

    # ---- what changed in the CRM ----------------------------------------------------

    @api.model
    def _look_again(self, limit=500):
        """Addresses from the outbox: queue mail that now matches, remove what no longer.

        Waits for the pages that are being written: what they decided without the change
        has left its traces when we look.

        :return: whether there was anything to do
        """
        with self._transaction() as env:
            cr = env.cr
            cr.execute("SELECT pg_advisory_xact_lock(%s)", [WRITERS_LOCK])
            cr.execute(
                SQL(
                    """DELETE FROM crm_mail_mirror_outbox WHERE id IN (
                           SELECT id FROM crm_mail_mirror_outbox ORDER BY id LIMIT %s)
                    RETURNING email_normalized""",
                    limit,
                )
            )
            emails = {email for (email,) in cr.fetchall()}
            if not emails:
                return False
            env["crm.mail.mirror.address"]._link(emails)
            known = env["crm.mail.mirror.directory"]._look_up(emails).known
            env["crm.mail.mirror.mailbox"]._queue_matching(known)
            env["crm.mail.mirror.mailbox"]._remove_unmatched(emails - known)
        self._trigger()
        return True

    @api.autovacuum
    def _gc_traces(self):
        """Mail that is not mirrored leaves nothing but a count after seven days."""
        self.env.cr.execute(
            """DELETE FROM crm_mail_mirror_copy WHERE id IN (
                   SELECT id FROM crm_mail_mirror_copy
                    WHERE expires_at < now() AT TIME ZONE 'UTC' LIMIT 5000)"""
        )
        done = self.env.cr.rowcount
        return done, done == 5000

    @api.autovacuum
    def _gc_addresses(self):
        """Addresses that neither a mail nor a contact has any more."""
        self.env.cr.execute(
            """DELETE FROM crm_mail_mirror_address WHERE id IN (
                   SELECT a.id FROM crm_mail_mirror_address a
                    WHERE NOT EXISTS (SELECT 1 FROM crm_mail_mirror_participant p
                                       WHERE p.address_id = a.id)
                      AND NOT EXISTS (
                          SELECT 1 FROM crm_mail_mirror_address_partner_rel r
                           WHERE r.address_id = a.id)
                    LIMIT 5000)"""
        )
        done = self.env.cr.rowcount
        return done, done == 5000

