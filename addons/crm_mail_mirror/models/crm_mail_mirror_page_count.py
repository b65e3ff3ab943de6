# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Does a mail count, or was it counted before its row went?"""

from collections import Counter

from odoo import models
from odoo.tools import SQL

from ..engine import reader
from ..engine.providers.base import EPOCH
from ..engine.rules import Decision, State
from .crm_mail_mirror_credential import keyring
from .crm_mail_mirror_day import is_long_ago, line
from .crm_mail_mirror_listing import SHORT, is_counted, short_digest
from .lease import Lease, Page, naive


class CrmMailMirrorPageCount(models.AbstractModel):
    _name = "crm.mail.mirror.page.count"
    _description = "Counter of Mail Without Row"

    def _is_forgotten(self, lease: Lease, page: Page, item, queued):
        """Listed again, or looked for, but so old that its row went long ago."""
        told_before = lease.listing == "again" or (
            page.batch.relisted if page.batch else page.sought
        )
        decision = item.decision
        return (
            told_before
            and isinstance(decision, Decision)
            and not (item.error or item.is_removed)
            and decision.state is not State.MIRRORED
            and decision.reason.leaves_row
            and item.presence.received_at != EPOCH
            and is_long_ago(naive(item.presence.received_at), self._now())
            and not (decision.state is State.UNMATCHED and queued & item.external)
        )

    def _learn_expired(self, lease: Lease, keys):
        """Rows that went in time since all is listed: their mail is counted already.

        Asked under the fence, as they may have gone since the mailbox was claimed.

        :param keys: of mail without row
        """
        if not lease.listing or not keys:
            return
        ring = keyring()
        self.env.cr.execute(
            SQL(
                """SELECT digest FROM crm_mail_mirror_listing l,
                          jsonb_array_elements_text(l.counted) AS digest
                    WHERE l.mailbox_id = %s AND l.places IS NULL AND digest = ANY(%s)
                """,
                lease.mailbox_id,
                [d[:SHORT] for key in keys for d in ring.digests("key", key)],
            )
        )
        lease.counted.update(digest for (digest,) in self.env.cr.fetchall())

    def _count_forgotten(self, lease: Lease, forgotten, days, expired):
        """While all is listed again the log begins anew, with mail that has no row.

        :return: short digests by which each is counted once, wherever it lies
        """
        if lease.listing != "again":
            return set()  # it is counted already
        fresh = set()
        for key, item in forgotten.items():
            digest = short_digest(key)
            if digest in fresh or is_counted(lease, key):
                continue
            day = naive(item.presence.received_at).date()
            forgot = day, str(item.decision.state), str(item.decision.reason)
            days[forgot] += 1
            expired[forgot] += 1
            if not reader.may_be_a_twin(item):
                fresh.add(digest)
        return fresh

    def _count_once(self, lease: Lease, new, days, expired):
        """What gets a row and is so old that it had one before is counted already."""
        lines = Counter(
            line(values)
            for key, _item, values in new
            if is_long_ago(values["received_at"], self._now())
            and (lease.listing is None or is_counted(lease, key))
        )
        self.env["crm.mail.mirror.day"]._take_back(lease, lines, days, expired)
