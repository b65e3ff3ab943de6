# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""When is which mailbox mirrored, and by whom? Claim, pull, decide, write, release.

The order of things on one page (DESIGN 4)::

    claim -> pull -> look up, judge -> read -> store -> ... -> release
    (db)     (net)   (db)              (net)   (db)           (db)

A pool of threads does the network's part, this job's thread the database's, each in
transactions of its own: none is open while the network is waited for. While a page is
stored, the texts of the next are read, which was judged before.
"""

import contextlib
import functools
import logging
import random
import time
from concurrent.futures import ThreadPoolExecutor
from queue import Empty

import psycopg2

from odoo import SUPERUSER_ID, api, models

from ..discretion import values_unsaid
from ..engine import reader, suggestions
from ..engine.keyring import KeyUnusable
from ..engine.providers.base import Unavailable
from .audit_run import Counted
from .crm_mail_mirror_credential import keyring
from .crm_mail_mirror_listing import is_counted
from .lease import Fenced, Many, Page
from .mailbox_run import Confirmed, Failed, Listed, Pulled, Read, where
from .search_run import Found
from .sentences import sentence
from .turns import Clock, Ready, imports_left

_logger = logging.getLogger(__name__)

#: Seconds of work in one run of the job; below every limit of a cron worker.
BUDGET = 25.0
#: Mailboxes a job works on at once; half as many more wait for one of their places.
POOL = 16
#: Seconds after which a job asks for more that are due, once there were none left.
CLAIM_EVERY = 1.0
#: Seconds for which mailboxes without news wait to be written with others.
TOGETHER = 0.2
#: Seconds without a word of the network after which a mailbox is given up for now.
SILENCE = 100
#: Of a run, for what is new, while something waits to be searched for.
PULL_SHARE = 0.6
#: Times a page is written again from memory after a conflict.
ATTEMPTS = 5
#: Writers met, or the database hung up: to be tried again, and then another time.
CONFLICTS = (
    psycopg2.OperationalError,  # serialization, deadlock, lock, connection
    psycopg2.InterfaceError,
    psycopg2.errors.ForeignKeyViolation,
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
    def _trigger(self):
        for number in range(4):
            cron = self.env.ref(
                f"crm_mail_mirror.ir_cron_sync_{number}", raise_if_not_found=False
            )
            if cron and cron.sudo().active:
                cron.sudo()._trigger()
                break

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
            _logger.warning(
                "no mailbox is mirrored: %s", sentence(self.env, error.code)
            )
            return 0
        end = time.monotonic() + budget
        ready, active, calm = Ready(), {}, []
        # threads that hang in the network must not keep the job from ending
        pool = ThreadPoolExecutor(POOL, thread_name_prefix="mail-mirror")
        clock = Clock(POOL, CLAIM_EVERY, TOGETHER)
        try:
            while True:
                room = clock.room(active, calm) if time.monotonic() < end else 0
                if room:
                    runs = self._claim(
                        room,
                        mailbox_ids,
                        imports_left(POOL, active),
                        [run for run, _batch in calm],
                    )
                    clock.asked(room, len(runs))
                    for run in runs:
                        active[run.lease.mailbox_id] = run
                        self._begin(run, pool, ready, end)
                if not active and not calm:
                    if mailbox_ids or time.monotonic() > end or not clock.is_busy():
                        break
                with contextlib.suppress(Empty):
                    run, found = ready.get(1 if active and not calm else TOGETHER)
                    run.heard = time.monotonic()
                    if self._is_calm(run, found, active):
                        calm.append((run, found.batch))
                        run.leave(pool)
                    else:
                        self._go_on(run, found, pool, ready, active, end)
                if clock.is_time_to_write(calm):
                    for run in self._rest_together(calm):
                        self._end(run, pool, active, fenced=True)
                    calm = []
                if active and clock.is_time_to_renew():
                    self._renew(active.values())
                self._give_up(pool, active)
        finally:
            for run in active.values():
                run.leave(pool)
            pool.shutdown(wait=False)
        is_busy = not mailbox_ids and clock.is_busy()
        return self._count_due(mailbox_ids) or int(is_busy)

    def _give_up(self, pool, active):
        """Mailboxes of which the network tells nothing any more."""
        limit = time.monotonic() - SILENCE
        for run in [run for run in active.values() if run.heard < limit]:
            self._end(run, pool, active, error=Unavailable("timeout"))

    def _submit(self, pool, ready, run, step, *args):
        def work():
            for found in run.steps(step, *args):
                ready.put(run, found)

        pool.submit(work)

    def _begin(self, run, pool, ready, end):
        if run.is_sought:
            # a first import takes hours: what is searched for waits not so long
            run.pull_until = time.monotonic() + PULL_SHARE * (end - time.monotonic())
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
                if run.is_reading and isinstance(found, Pulled) and found.tells_folders:
                    # a page that is not written yet was judged by those there were
                    run.held = found
                    return
                if not lease.is_whole:
                    self._make_whole(run)
                self._do(run, pool, ready, *self._look(run, found, end))
            elif isinstance(found, Read):
                run.is_reading = False
                if run.waiting:
                    self._do(run, pool, ready, *run.waiting)
                self._written(run, found.page, pool, ready, active, end)
            elif isinstance(found, Confirmed):
                self._settle_orphans(lease, found.fates)
                run.had_orphans, run.orphans, run.doubts = True, [], False
                self._ask_where(run, pool, ready, active, end)
            elif isinstance(found, Counted):
                self._counted(run, found, pool, ready)
            elif isinstance(found, Found):
                self._in_transaction(
                    lambda env: env["crm.mail.mirror.search"]._found(
                        lease, found.task, found.places, found.whole, found.for_good
                    )
                )
                self._seek(run, pool, ready, active, end, found)
        except Fenced:
            self._end(run, pool, active, fenced=True)
        except Many:
            # the others' turn: its next run goes on with what goes
            self._end(run, pool, active, more=True)
        except Exception as error:
            # not its text, which may hold the mail that could not be stored
            _logger.error(
                "mailbox %s: a page could not be stored: %s in %s",
                lease.mailbox_id,
                type(error).__name__,
                where(error),
            )
            self._end(run, pool, active, error=error)

    def _do(self, run, pool, ready, step, *args):
        """What is to be done next with a mailbox; of which one step goes on at a time,
        as each keeps a thread of the pool busy.
        """
        run.waiting = (step, *args) if run.is_reading else None
        if not run.waiting:
            run.is_reading = step == run.read_texts
            self._submit(pool, ready, run, step, *args)

    def _written(self, run, page, pool, ready, active, end):
        run.orphans += self._store(run.lease, page)
        if page.search:
            self._seek(run, pool, ready, active, end)
            return
        if page.audit:
            self._missed(run, page)
            self._compare(run, pool, ready, active, end)
            return
        if page.batch is None:
            # the queue is done: now what is new
            self._submit(pool, ready, run, run.pull, run.lease.cursor)
            return
        self._tell_page(run, page.batch)
        run.pass_complete |= page.batch.pass_complete
        run.more = page.batch.more
        if page.is_followed:
            if run.held:
                found, run.held = run.held, None
                self._go_on(run, found, pool, ready, active, end)
            return
        if run.more and time.monotonic() < min(end, run.pull_until):
            self._submit(pool, ready, run, run.pull, run.lease.cursor)
        elif run.pass_complete:
            self._ask_where(run, pool, ready, active, end)
        else:
            self._seek(run, pool, ready, active, end)

    def _ask_where(self, run, pool, ready, active, end):
        """Mail that was told as gone, or that no listing named: is it anywhere yet?"""
        if run.orphans or time.monotonic() < end and self._has_doubts(run):
            self._submit(pool, ready, run, run.confirm)
        else:
            self._seek(run, pool, ready, active, end)

    def _has_doubts(self, run):
        """Is there mail, of this run or of one before it, that no listing named?"""
        run.orphans = self._ask("page", "_doubtful", run.lease)
        run.doubts = bool(run.orphans)
        return run.doubts

    def _seek(self, run, pool, ready, active, end, found=None):
        """What is new is there: now what was asked for of what is old.

        :param found: what a search has just found
        """
        if found and not found.whole:
            run.terms = max(1, len(found.task.rows) // 2)
        run.task = None
        if run.is_sought and time.monotonic() < end:
            run.task = self._in_transaction(
                lambda env: env["crm.mail.mirror.search"]._next(run.lease, run.terms)
            )
            run.is_sought = bool(run.task)
        if run.task:
            step = run.search if run.task.query else run.look_at
            self._submit(pool, ready, run, step, run.task)
        else:
            self._compare(run, pool, ready, active, end)

    def _look(self, run, found, end):
        """What the network does with what it found: a step and its arguments."""
        if isinstance(found, Pulled) and found.errors is None:
            unknown = self._unknown(run.lease, found.batch.present)
            if unknown:
                return run.ask_envelopes, found, unknown
        return run.read_texts, *self._judge(run, found, end)

    def _unknown(self, lease, presences):
        """Places without envelope whose mail has no row yet, each once, in order."""
        nameless = {p.place: p.key for p in presences if p.envelope is None}
        if not nameless:
            return []
        known = self._in_transaction(
            lambda env: env["crm.mail.mirror.page"]._known_keys(
                lease, set(nameless.values()), decided=False
            )
        )
        return [
            place
            for place, key in nameless.items()
            if key not in known and not is_counted(lease, key)
        ]

    def _judge(self, run, found, end):
        """Look the page's addresses up and decide: arguments of ``run.read_texts``."""
        lease = run.lease
        batch = found.batch if isinstance(found, Pulled) else None
        presences = batch.present if batch else found.presences
        if batch and batch.folders is not None:
            lease.meet(batch)
            presences = [p for p in presences if p.place.folder not in lease.skip]
        emails = {email for p in presences if p.envelope for email in p.envelope.emails}
        keys = [reader.identity.mail_key(p) for p in presences]
        directory, known = self._in_transaction(
            lambda env: (
                env["crm.mail.mirror.directory"]._look_up(emails, lease.mailbox_id),
                env["crm.mail.mirror.page"]._known_keys(lease, keys),
            )
        )
        judged = reader.judge(presences, known, lease.roles, lease.policy, directory)
        page = Page(judged, batch)
        page.doubtful = suggestions.wants_headers(
            judged,
            lease.contact_mode,
            lease.policy,
            directory,
            tells_answers=lease.kind != "microsoft",
        )
        if batch is None:
            found.tell(page)
            return page, directory, None
        for item in judged if found.errors else ():
            item.error = found.errors.get(item.presence.place)
        then = None
        if time.monotonic() < min(end, run.pull_until):
            if found.rest:
                then = run.ask_envelopes, *found.rest
            elif batch.more:
                then = run.pull, batch.cursor
        page.is_followed = then is not None
        return page, directory, then

    def _in_transaction(self, work, attempts=ATTEMPTS):
        """What ``work(env)`` gives in a transaction of its own; again if writers meet.

        Whatever is repeated is fenced: should a lost connection have hidden that it was
        committed, the second time finds another cursor.
        """
        for attempt in range(1, attempts + 1):
            try:
                with self._transaction() as env:
                    return work(env)
            except CONFLICTS:
                if attempt == attempts:
                    raise
                time.sleep(random.uniform(0, 0.1 * 2**attempt))  # nosec B311

    @contextlib.contextmanager
    def _transaction(self):
        """A transaction of its own at READ COMMITTED: what others committed counts."""
        with values_unsaid(), self.env.registry.cursor() as cr:
            # a statement that fails would be logged with its values: whole mails
            cr.execute = functools.partial(cr.execute, log_exceptions=False)
            # what takes milliseconds is not worth being compiled first
            cr.execute(
                "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL jit = off"
            )
            yield api.Environment(cr, SUPERUSER_ID, {})
