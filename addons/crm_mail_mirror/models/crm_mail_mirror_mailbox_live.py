# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the owner's screen learn by itself while a mailbox is mirrored?

Numbers and a sentence, over the bus, to the owner alone and only while they are there:
of ten thousand mailboxes nobody looks at most.
"""

from odoo import models

#: Type of the message on the bus.
LIVE = "crm_mail_mirror.mailbox"
#: When one of these changes, the owner's screen changes.
_SHOWN = {"state", "last_sync_at", "last_error", "brake"}


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    def write(self, vals):
        result = super().write(vals)
        if _SHOWN & set(vals):
            self._tell_live()
        return result

    def _tell_live(self, rate=None):
        """Tell the owners' screens how their mailboxes fare, once this is committed.

        :param rate: mails a second of an import that is under way
        """
        there = self._owners_there()
        for mailbox in self.sudo():
            owner = mailbox.user_id
            if owner.id in there:
                own = mailbox.with_user(owner).with_context(lang=owner.lang)
                owner._bus_send(LIVE, own._live(rate))

    def _live(self, rate=None):
        """What a screen shows of this mailbox, for its owner."""
        self.ensure_one()
        done, total = self.progress_done, self.progress_total
        left = max(0, total - done)
        return {
            "id": self.id,
            "state": self.state,
            "color": self.state_color,
            "sentence": self.state_sentence,
            "done": done,
            "total": total if left else 0,
            "rate": rate and round(rate, 1),
            "seconds_left": round(left / rate) if rate and left else None,
        }

    def _owners_there(self):
        """Ids of the owners who have a page of Odoo open."""
        owners = self.sudo().user_id.ids
        if not owners:
            return set()
        self.env.cr.execute(
            """SELECT user_id FROM mail_presence
                WHERE user_id = ANY(%s) AND status != 'offline'""",
            [owners],
        )
        return {user for (user,) in self.env.cr.fetchall()}
