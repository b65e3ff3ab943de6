# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How does an owner set what colleagues see of one mail, or of a conversation?

In a transaction of its own, between two pages of mail that are written: a mail that
comes at the same moment to a conversation is shared as the rest of it.
"""

from collections import defaultdict

from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..engine.keyring import KeyUnusable
from .crm_mail_mirror_sharing import CHOICES
from .sentences import sentence

#: Mails that one click may concern.
MOST = 5000


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _inherit = ["crm.mail.mirror.message"]

    @api.model
    def set_sharing(self, message_ids, value, conversation=False):
        """What colleagues see of these mails of one's own, whatever the mailbox says.

        :param value: ``metadata``, ``subject``, ``everything``, ``private`` (who and
            when, and nobody can be let in), or nothing: as the mailbox says
        :param conversation: all mail of their conversations in one's mailboxes, what
            comes later too
        :return: ``{"count": mails that changed, "sentence": str,
            "undo": [[message_ids, value, conversation], ...]}``: calls to take it back
        :raises AccessError: one of them is in no mailbox of one's own, or nowhere
        """
        if value and value not in [name for name, _label in CHOICES]:
            raise UserError(self.env._("Choose what colleagues see of it."))
        self.check_access("read")
        ids = [each for each in message_ids or () if isinstance(each, int)]
        if not ids or len(ids) != len(message_ids) or len(ids) > MOST:
            raise AccessError(self._not_ones_own())
        uid = self.env.uid
        try:
            told = self.env["crm.mail.mirror.sync"]._in_transaction(
                lambda env: env[self._name]._share(
                    uid, set(ids), value or None, bool(conversation)
                )
            )
        except KeyUnusable as error:
            raise UserError(sentence(self.env, error.code)) from None
        if told is None:
            raise AccessError(self._not_ones_own())
        self.env.invalidate_all()
        return {**told, "sentence": self._sharing_told(value or None, conversation)}

    @api.model
    def _not_ones_own(self):
        return self.env._("You can set this for mail in your own mailboxes only.")

    @api.model
    def _sharing_told(self, value, conversation):
        whole = {
            None: self.env._("This conversation is shared as your mailbox is."),
            "metadata": self.env._(
                "Colleagues see who wrote when in this conversation."
            ),
            "subject": self.env._("Colleagues see the subjects of this conversation."),
            "everything": self.env._("Colleagues see all of this conversation."),
            "private": self.env._("This conversation is private."),
        }
        single = {
            None: self.env._("This mail is shared as your mailbox is."),
            "metadata": self.env._("Colleagues see who wrote when."),
            "subject": self.env._("Colleagues see the subject."),
            "everything": self.env._("Colleagues see all of this mail."),
            "private": self.env._("This mail is private."),
        }
        return (whole if conversation else single)[value]

    @api.model
    def _share(self, user_id, ids, value, conversation):
        """:return: see ``set_sharing``; None: one of them is not this user's"""
        user = self.env["res.users"].browse(user_id)
        mailboxes = self.env["crm.mail.mirror.removal"]._held_mailboxes(user)
        asked = self._own_copies(mailboxes, SQL("m.id = ANY(%s)", sorted(ids)))
        if ids - {row["message_id"] for row in asked}:
            return None
        memory, threads, undo = self.env["crm.mail.mirror.sharing"], set(), []
        if conversation:
            threads = {row["thread_key"] for row in asked if row["thread_key"]}
            rows = asked + self._own_copies(
                mailboxes, SQL("m.thread_key = ANY(%s)", sorted(threads))
            )
            before = memory._of(user_id, "conversation", threads)
            for key in sorted(threads):
                first = next(r["message_id"] for r in asked if r["thread_key"] == key)
                undo.append([[first], before.get(key) or False, True])
        else:
            keys = sorted({row["same_key"] for row in asked if row["same_key"]})
            rows = asked + self._own_copies(
                mailboxes, SQL("m.same_key = ANY(%s)", keys)
            )
        rows = {row["id"]: row for row in rows}.values()
        changed = [row for row in rows if row["sharing"] != value]
        undo += self._back(changed if not threads else rows, undo)
        self.env.cr.execute(
            SQL(
                "UPDATE crm_mail_mirror_copy SET sharing = %s WHERE id = ANY(%s)",
                value,
                [row["id"] for row in changed],
            )
        )
        identities = {row["identity"] for row in rows}
        if threads:
            memory._remember(user_id, "conversation", threads, value)
            memory._forget(user_id, "mail", identities)
        else:
            memory._remember(user_id, "mail", identities, value)
            self._forget_plain(user_id, rows, value)
        return {"count": len({row["message_id"] for row in changed}), "undo": undo}

    @api.model
    def _forget_plain(self, user_id, rows, value):
        """As the mailbox says, in a conversation of which nothing is chosen: the memory
        need not hold that."""
        if value:
            return
        memory = self.env["crm.mail.mirror.sharing"]
        keys = {row["thread_key"] for row in rows if row["thread_key"]}
        chosen = memory._of(user_id, "conversation", keys)
        memory._forget(
            user_id,
            "mail",
            {row["identity"] for row in rows if row["thread_key"] not in chosen},
        )

    @staticmethod
    def _back(rows, undone):
        """Calls that give these copies what they had; ``undone`` come before them."""
        ids = defaultdict(set)
        whole = undone[0][1] if len(undone) == 1 else None
        for row in rows:
            if not undone or (row["sharing"] or False) != whole:
                ids[row["sharing"] or False].add(row["message_id"])
        return [[sorted(many), value, False] for value, many in ids.items()]

    @api.model
    def _own_copies(self, mailboxes, where):
        self.env.cr.execute(
            SQL(
                """SELECT c.id, c.message_id, c.sharing, m.identity, m.same_key,
                          m.thread_key
                     FROM crm_mail_mirror_message m
                     JOIN crm_mail_mirror_copy c ON c.message_id = m.id
                    WHERE c.mailbox_id = ANY(%s) AND %s LIMIT %s""",
                mailboxes.ids,
                where,
                MOST * 4,
            )
        )
        return self.env.cr.dictfetchall()
