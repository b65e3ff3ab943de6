# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What came of taking a removed mail back? Told to its owner alone."""

from odoo import models
from odoo.tools import SQL

from ..engine.providers.base import COUNTED_ROLES
from ..engine.reasons import Reason
from .crm_mail_mirror_credential import keyring
from .sentences import reason_sentence

#: Of more rules it is not told which one keeps a mail out.
RULES = 1000


class CrmMailMirrorRemoval(models.Model):
    _name = "crm.mail.mirror.removal"
    _inherit = ["crm.mail.mirror.removal"]

    def _came_of_undo(self):
        """What the owner reads after taking a mail back."""
        self.env["crm.mail.mirror.copy"].flush_model()
        self.env.cr.execute(
            SQL(
                """SELECT c.id, c.state, c.reason, m.state = 'active' AS is_active,
                          EXISTS (SELECT 1 FROM crm_mail_mirror_location l
                                   WHERE l.copy_id = c.id) AS is_there
                     FROM crm_mail_mirror_copy c
                     JOIN crm_mail_mirror_mailbox m ON m.id = c.mailbox_id
                    WHERE c.removal_id = %s AND m.user_id = %s""",
                self.id,
                self.user_id.id,
            )
        )
        copies = self.env.cr.dictfetchall()
        if any(row["state"] == "mirrored" for row in copies):
            return self.env._("Back in Odoo")
        there = [row for row in copies if row["is_there"]]
        waiting = [row["is_active"] for row in there if _waits(row["state"])]
        if any(waiting):
            return self.env._("Being fetched from the mailbox")
        if waiting:
            return self.env._("Comes back once the mailbox is connected again")
        if there:
            return self._stays_out(there[0])
        return self._is_nowhere()

    def _is_nowhere(self):
        """Why no mailbox that is looked into has it."""
        accounts = self._unsealed().get("accounts", ())
        mailboxes = self.env["crm.mail.mirror.mailbox"].search(
            [("user_id", "=", self.user_id.id), ("email_normalized", "in", accounts)]
        )
        if not mailboxes:
            return self.env._("Comes back once the mailbox is linked again")
        day = self.received_at.date()
        if all(each.sync_from and day < each.sync_from for each in mailboxes):
            return self.env._(
                "It lies outside of what is mirrored now: only newer mail is"
            )
        if self.env["crm.mail.mirror.folder"].search_count(
            [
                ("mailbox_id", "in", mailboxes.ids),
                ("selected", "=", False),
                ("role", "in", COUNTED_ROLES),
            ]
        ):
            # in which folder a mail lay that went from here is not known any more
            return self.env._(
                "It lies outside of what is mirrored now, in a folder that is switched"
                " off, or the mailbox no longer has it"
            )
        return self.env._("The mailbox no longer has this mail")

    def _stays_out(self, copy):
        """Why a mail that was taken back is not in Odoo, by which rule if by one."""
        reason = reason_sentence(self.env, copy["reason"])
        rules = self._rules_on(copy)
        if not rules:
            return self.env._(
                "In the mailbox, and stays out: %(reason)s", reason=reason
            )
        return self.env._(
            "In the mailbox, and stays out: %(reason)s (%(rules)s)",
            reason=reason,
            rules=", ".join(rules),
        )

    def _rules_on(self, copy):
        """Addresses and domains that rules keep out and that are on it: its traces."""
        if copy["reason"] not in (Reason.EXCLUDED_ADDRESS, Reason.EXCLUDED_DOMAIN):
            return []
        rules = self.env["crm.mail.mirror.exclusion"].search(
            [
                ("effect", "=", "never"),
                ("kind", "in", ("address", "domain")),
                ("user_id", "in", (False, self.user_id.id)),
            ],
            limit=RULES,
        )
        ring = keyring()
        digests = {
            digest: rule.value
            for rule in rules
            for digest in ring.digests(
                "trace", rule.value if rule.kind == "address" else f"@{rule.value}"
            )
        }
        self.env.cr.execute(
            SQL(
                """SELECT digest FROM crm_mail_mirror_trace
                    WHERE copy_id = %s AND digest = ANY(%s)""",
                copy["id"],
                list(digests),
            )
        )
        return sorted({digests[digest] for (digest,) in self.env.cr.fetchall()})


def _waits(state):
    return state in ("queued", "failed")
