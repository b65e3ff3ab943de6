# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How is a page written? In one transaction; or in parts, if much goes with it."""

import functools
import time
from dataclasses import replace

from odoo import models

from ..engine.providers.base import MessageBroken
from . import crm_mail_mirror_page_leave as leave
from .crm_mail_mirror_listing import ends_listing
from .crm_mail_mirror_sync import CONFLICTS
from .lease import Fenced, Many, Page

#: Seconds of steps after which other mailboxes have their turn.
PATIENCE = 5.0


class _Undo(Exception):
    """Ends a transaction that was only an experiment."""


class CrmMailMirrorSync(models.AbstractModel):
    _name = "crm.mail.mirror.sync"
    _inherit = ["crm.mail.mirror.sync"]

    def _store(self, lease, page):
        """Write a page, whole or in parts.

        :return: mirrored copies that lost their last place with it
        :raises Many: there was not time enough for all that goes with it; it is to be
            pulled again
        """
        try:
            return self._write_page(lease, page)
        except Many:
            return self._write_in_parts(lease, page)

    def _write_in_parts(self, lease, page):
        """First its mail, so that what only moved has its new place before it goes."""
        end = time.monotonic() + PATIENCE
        orphans = self._write_page(lease, replace(page, part="mail"))
        for kind, places in self._ask("page", "_all_leaving", lease, page.batch):
            size = leave.COPIES if kind == "unwanted" else leave.PLACES
            step = functools.partial(self._ask, "page", "_leave", lease, kind)
            for found in _in_steps(size, places, step, end):
                orphans += found
        if ends_listing(lease, page.batch):
            step = functools.partial(self._ask, "audit", "_note_lost", lease)
            lost = self._ask("audit", "_lost", lease)
            list(_in_steps(leave.PLACES, lost, step, end))
        if page.batch.pass_complete:
            is_too_much, due = self._ask("page", "_all_due", lease)
            step = functools.partial(self._ask, "page", "_let_go", lease, is_too_much)
            list(_in_steps(leave.COPIES, due, step, end))
        rest = replace(page, part="rest", judged=[], doubtful=[])
        return orphans + self._write_page(lease, rest)

    def _settle_orphans(self, lease, fates):
        """What the provider said of them, in steps.

        :param fates: ``{copy id: Fate}``
        """

        def step(some):
            self._ask("page", "_settle_orphans", lease, dict(some))

        list(_in_steps(leave.COPIES, list(fates.items()), step))

    def _ask(self, model, method, *args):
        """What one method of a writer gives, in a transaction of its own."""
        return self._in_transaction(
            lambda env: getattr(env[f"crm.mail.mirror.{model}"], method)(*args)
        )

    def _write_page(self, lease, page):
        """Write a page; mail that the database refuses is set aside alone."""
        before = (lease.cursor, lease.cursor_seq, lease.pass_no)

        def write(env):
            # an attempt before this one may have moved them
            lease.cursor, lease.cursor_seq, lease.pass_no = before
            return env["crm.mail.mirror.page"]._store(lease, page)

        try:
            orphans = self._in_transaction(write)
            lease.counted |= page.counted
            return orphans
        except Many:
            lease.cursor, lease.cursor_seq, lease.pass_no = before
            raise
        except (Fenced, *CONFLICTS):
            raise
        except Exception as error:
            lease.cursor, lease.cursor_seq, lease.pass_no = before
            refused = self._refused(lease, page)
            if not refused:
                raise
            for item in refused:
                item.error = MessageBroken("message_broken", type(error).__name__)
            return self._in_transaction(write)

    def _refused(self, lease, page):
        """Which mails of the page can not be stored? Each is tried alone."""

        def experiment(item, env):
            env["crm.mail.mirror.page"]._store(lease, Page([item]))
            raise _Undo

        refused = []
        for item in page.judged:
            try:
                self._in_transaction(functools.partial(experiment, item))
            except _Undo:
                continue
            except (Fenced, *CONFLICTS):
                raise
            except Exception:
                refused.append(item)
        return refused


def _in_steps(size, ids, step, end=None):
    """What each step gives, one slice after the other.

    :raises Many: it took too long; what was done is done
    """
    for some in size.of(ids):
        began = time.monotonic()
        yield step(some)
        size.took(len(some), time.monotonic() - began)
        if end and time.monotonic() > end:
            raise Many
