# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does a successor get of a leaver's mailbox, and who is told of it?

The mail that was mirrored, and all of it: as its owner the successor reads what others
saw sender and date of. What the leaver kept to themselves does not become visible:

* a mail whose text they withheld, mail by mail, goes before, and stays out;
* what was kept out or removed leaves neither row nor reason;
* their own rules go on to hold for that mailbox, and nobody can read them.

The leaver is told who has it: by mail at that moment, and once they are back.
"""

import logging

from odoo import fields, models
from odoo.tools import SQL

_logger = logging.getLogger(__name__)

#: Mails that one transaction removes; and those that get another owner.
WITHHELD, MANY = 50, 1000


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    # {kind: values} that former owners kept out of this mailbox
    former_rules = fields.Json(readonly=True, copy=False, groups=fields.NO_ACCESS)

    def _hand_over(self, successor):
        """All of it at once, in this transaction."""
        self._hold_row()
        while not self._hand_over_some(successor):
            pass

    def _hand_over_some(self, successor):
        """One short step: what the owner kept to themselves goes first, the mailbox
        itself comes last. :return: whether it is handed over"""
        if self._remove_withheld():
            return False
        if self._drop_copies(SQL("c.state NOT IN ('mirrored', 'hidden')")):
            return False
        if self._drop_copies(SQL("c.state = 'hidden' AND c.reason = 'owner'")):
            return False
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_copy SET user_id = %s
                WHERE id IN (SELECT id FROM crm_mail_mirror_copy WHERE mailbox_id = %s
                                AND user_id IS DISTINCT FROM %s LIMIT %s)""",
            [successor.id, self.id, successor.id, MANY],
        )
        if self.env.cr.rowcount:
            return False
        self._give_to(successor)
        return True

    def _remove_withheld(self):
        """Mail whose text its owner withheld by a choice for that mail alone.

        :return: how many
        """
        self.env.cr.execute(
            SQL(
                """SELECT m.identity FROM crm_mail_mirror_copy c
                     JOIN crm_mail_mirror_message m ON m.id = c.message_id
                    WHERE c.mailbox_id = %s AND c.sharing != 'everything' LIMIT %s""",
                self.id,
                WITHHELD,
            )
        )
        identities = {identity for (identity,) in self.env.cr.fetchall()}
        if identities:
            self.env["crm.mail.mirror.removal"]._keep_out(self, identities)
        return len(identities)

    def _give_to(self, successor):
        """From now on it is the successor's."""
        former = self.user_id
        self._freeze_rules(former)
        # a colleague who comes back takes nothing back that is another's now
        self.env["crm.mail.mirror.removal"]._forget_account(self)
        self.env["crm.mail.mirror.change"]._forget_mailbox(self)
        for table in ("suggestion", "search"):
            self.env.cr.execute(
                SQL(
                    "DELETE FROM %s WHERE mailbox_id = %s",
                    SQL.identifier(f"crm_mail_mirror_{table}"),
                    self.id,
                )
            )
        # what is not mirrored may have a telling name
        self.env.cr.execute(
            "UPDATE crm_mail_mirror_folder SET name = '...'"
            " WHERE mailbox_id = %s AND NOT selected",
            [self.id],
        )
        self.activity_ids.unlink()
        self.env.flush_all()
        # not by the ORM, which would write each copy
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_mailbox
                  SET user_id = %s, left_at = NULL, leaver_action = NULL,
                      leaver_on = NULL, successor_id = NULL, state = 'draft',
                      next_sync_at = NULL, last_error = NULL, contact_mode = 'never',
                      policy_seq = policy_seq + 1
                WHERE id = %s""",
            [successor.id, self.id],
        )
        self.env.invalidate_all()
        self._follow_successor()
        # should the successor sign in: nothing is passed by that was only queued
        self._list_again()
        _logger.info(
            "mailbox %s of user %s was handed over to user %s",
            self.id,
            former.id,
            successor.id,
        )
        former._mirror_handed_over_to(successor, self.email)
        self._tell_successor(former, successor)

    def _follow_successor(self):
        """What the former owner alone let in goes, and what the successor keeps out."""
        self.env["crm.mail.mirror.change"]._announce(
            self.env._("%(address)s: handed over", address=self.email),
            self,
            narrows=True,
        )

    def _freeze_rules(self, former):
        """Rules of a former owner hold on for this mailbox, whatever they do later."""
        rules = {
            kind: set(values) for kind, values in (self.former_rules or {}).items()
        }
        for rule in self.env["crm.mail.mirror.exclusion"].search(
            [("user_id", "=", former.id), ("effect", "=", "never")]
        ):
            rules.setdefault(rule.kind, set()).add(rule.value)
        self.former_rules = {kind: sorted(values) for kind, values in rules.items()}

    def _tell_successor(self, former, successor):
        env = successor.with_context(lang=successor.lang).env
        env["mail.thread"].sudo().message_notify(
            partner_ids=successor.partner_id.ids,
            subject=env._("A mailbox was handed over to you"),
            body=env._(
                "The mail of %(address)s with contacts, which was %(former)s's, is now"
                " yours in Odoo: you decide who sees it. Nobody looks into the mailbox"
                " itself unless you sign in there. What %(former)s removed, kept out or"
                " withheld mail by mail is not part of it.",
                address=self.email,
                former=former.name,
            ),
        )
