# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A new exclusion: what stays out for want of a contact stays out by the rule from now
on, and its owner is told so. By the traces of the last days; nothing is read again.
"""

from odoo import models
from odoo.tools import SQL

from ..engine.reasons import Reason
from .change_terms import MOST_TERMS
from .crm_mail_mirror_credential import keyring

#: How the trace of a rule's value is spelled, and what mail is kept out by it.
_TRACES = {
    "address": ("%s", Reason.EXCLUDED_ADDRESS),
    "domain": ("@%s", Reason.EXCLUDED_DOMAIN),
}


class CrmMailMirrorChange(models.Model):
    _name = "crm.mail.mirror.change"
    _inherit = ["crm.mail.mirror.change"]

    def _say_why(self, mailbox, limit):
        """Some of it. The mailbox's row is to be locked.

        :return: how many mails, at most ``limit``
        """
        rules = self.env["crm.mail.mirror.exclusion"].search(
            [
                ("change_id", "=", self.id),
                ("effect", "=", "never"),
                ("kind", "in", list(_TRACES)),
            ],
            limit=MOST_TERMS + 1,
        )
        if not rules or len(rules) > MOST_TERMS:
            return 0
        ring, count = keyring(), 0
        # the rule on addresses speaks first
        for kind, (spelled, reason) in _TRACES.items():
            digests = [
                digest
                for rule in rules
                if rule.kind == kind
                for digest in ring.digests("trace", spelled % rule.value)
            ]
            self.env.cr.execute(
                SQL(
                    """UPDATE crm_mail_mirror_copy c
                          SET state = 'excluded', reason = %(reason)s
                         FROM (SELECT id, state, reason FROM crm_mail_mirror_copy
                                WHERE mailbox_id = %(mailbox)s AND state = 'unmatched'
                                  AND expires_at > now() AT TIME ZONE 'UTC'
                                  AND id IN (SELECT copy_id
                                               FROM crm_mail_mirror_trace
                                              WHERE digest = ANY(%(digests)s)
                                                AND kind = %(kind)s)
                                LIMIT %(limit)s) AS o
                        WHERE o.id = c.id
                    RETURNING c.mailbox_id, c.received_at, o.state, o.reason""",
                    reason=str(reason),
                    mailbox=mailbox.id,
                    digests=digests,
                    kind=kind,
                    limit=limit - count,
                )
            )
            rows = self.env.cr.dictfetchall()
            count += len(rows)
            self.env["crm.mail.mirror.removal"]._move_lines(
                rows, "excluded", str(reason)
            )
        self.env["crm.mail.mirror.copy"].invalidate_model(["state", "reason"])
        return count
