# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What did an owner choose to share of one mail, or of one conversation?

What counts stands on the copy (``sharing``). This row remembers it under a keyed hash:
so a mail that went, by a folder or a restored backup, comes back as its owner left it,
and what comes later to a conversation is shared like the rest of it.
"""

from odoo import api, fields, models
from odoo.tools import SQL

from .crm_mail_mirror_copy import SHARING
from .crm_mail_mirror_credential import keyring
from .lease import Lease

#: What an owner may choose for one mail.
CHOICES = [*SHARING, ("private", "Private")]


class CrmMailMirrorSharing(models.Model):
    _name = "crm.mail.mirror.sharing"
    _description = "What Is Shared of a Mail"
    _log_access = False

    user_id = fields.Many2one(
        comodel_name="res.users", required=True, ondelete="cascade"
    )
    kind = fields.Selection(
        selection=[("mail", "Mail"), ("conversation", "Conversation")], required=True
    )
    # keyed hash of the mail's identity, or of its conversation
    digest = fields.Char(required=True)
    # empty: as the mailbox says, though its conversation says otherwise
    value = fields.Selection(selection=CHOICES)

    _once_uniq = models.UniqueIndex("(user_id, digest, kind)")

    @api.model
    def _remember(self, user_id, kind, names, value):
        """From now on, and when it comes again.

        :param names: identities of mails, or thread keys
        :param value: empty: nothing in particular
        """
        ring, names = keyring(), sorted(names)
        self.env.cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_sharing
                    WHERE user_id = %s AND kind = %s AND digest = ANY(%s)""",
                user_id,
                kind,
                [d for name in names for d in ring.digests("sharing", name)],
            )
        )
        if value or kind == "mail":
            self.env.cr.execute(
                SQL(
                    """INSERT INTO crm_mail_mirror_sharing
                              (user_id, kind, digest, value)
                       SELECT %s, %s, d, %s FROM unnest(%s::text[]) AS d
                       ON CONFLICT DO NOTHING""",
                    user_id,
                    kind,
                    value or None,
                    [ring.digest("sharing", name) for name in names],
                )
            )

    @api.model
    def _forget(self, user_id, kind, names):
        ring = keyring()
        self.env.cr.execute(
            SQL(
                """DELETE FROM crm_mail_mirror_sharing
                    WHERE user_id = %s AND kind = %s AND digest = ANY(%s)""",
                user_id,
                kind,
                [d for name in sorted(names) for d in ring.digests("sharing", name)],
            )
        )

    @api.model
    def _of(self, user_id, kind, names):
        """``{name: value}`` of those for which something was chosen."""
        ring = keyring()
        digests = {d: name for name in names for d in ring.digests("sharing", name)}
        self.env.cr.execute(
            SQL(
                """SELECT digest, value FROM crm_mail_mirror_sharing
                    WHERE user_id = %s AND kind = %s AND digest = ANY(%s)""",
                user_id,
                kind,
                list(digests),
            )
        )
        return {digests[d]: value for d, value in self.env.cr.fetchall()}

    @api.model
    def _recall(self, lease: Lease, mirrored):
        """Mail that is written now is shared as its owner chose before.

        :param mirrored: ``{copy id: (identity, message id)}``
        """
        cr = self.env.cr
        cr.execute(
            """SELECT m.user_id FROM crm_mail_mirror_mailbox m
                WHERE m.id = %s AND EXISTS (SELECT 1 FROM crm_mail_mirror_sharing s
                                             WHERE s.user_id = m.user_id)""",
            [lease.mailbox_id],
        )
        (user_id,) = cr.fetchone() or (None,)
        if not user_id or not mirrored:
            return
        cr.execute(
            SQL(
                "SELECT id, thread_key FROM crm_mail_mirror_message WHERE id = ANY(%s)",
                [message for _identity, message in mirrored.values()],
            )
        )
        threads = dict(cr.fetchall())
        by_mail = self._of(user_id, "mail", {i for i, _m in mirrored.values()})
        by_thread = self._of(
            user_id, "conversation", {key for key in threads.values() if key}
        )
        chosen = {}
        for copy, (ident, message) in mirrored.items():
            if ident in by_mail:
                chosen[copy] = by_mail[ident]
            elif threads.get(message) in by_thread:
                chosen[copy] = by_thread[threads[message]]
        if chosen:
            cr.execute(
                SQL(
                    """UPDATE crm_mail_mirror_copy c SET sharing = s.value
                         FROM unnest(%s::int[], %s::text[]) AS s(id, value)
                        WHERE c.id = s.id AND c.sharing IS DISTINCT FROM s.value""",
                    list(chosen),
                    list(chosen.values()),
                )
            )


class CrmMailMirrorPageShared(models.AbstractModel):
    _name = "crm.mail.mirror.page.shared"
    _inherit = ["crm.mail.mirror.page.shared"]

    def _write_participants(self, lease: Lease, decided):
        result = super()._write_participants(lease, decided)
        self.env["crm.mail.mirror.sharing"]._recall(
            lease,
            {
                copy: (values["identity"], values["message_id"])
                for copy, _item, values in decided
                if values["state"] == "mirrored"
            },
        )
        return result
