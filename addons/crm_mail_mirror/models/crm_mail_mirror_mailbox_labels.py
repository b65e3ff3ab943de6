# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What is it to switch a label of Gmail off? Mail that bears it stays out.

Mail of Gmail lies in one folder and bears labels, which stand below it in the tree of
folders. Which mail bears which is not stored: the provider is asked for what a change
would remove, and tells what it did remove once it was made.
"""

import functools

from odoo import models

from ..engine.keyring import KeyUnusable
from ..engine.providers.base import NotAllowed
from . import label_run
from .sentences import sentence


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    def _has_label_tree(self):
        """Can its labels be switched off one by one?"""
        return self.provider == "gmail"

    def _preview_labels(self, labels):
        """What would it remove to switch these off?

        No transaction is open while the provider is asked.

        :param labels: folders
        :return: copies of mirrored mail, or ``None`` where nothing is known; whether
            these are all; a sentence that says why nothing is known
        """
        lease = self._ask_as()
        if not isinstance(lease, tuple):
            return None, False, lease
        refs = labels.mapped("remote_ref")
        self.env.cr.commit()  # pylint: disable=invalid-commit
        told = label_run.look(*lease, refs)
        copies = self._copies_at(told.refs)
        if copies or told.whole:
            return copies, told.whole, ""
        problem = sentence(self.env, told.error or "timeout")
        return None, False, self._unknown_sentence(problem)

    def _ask_as(self):
        """A lease, and what keeps its secret; or the sentence that says why not."""
        if self.state not in ("active", "ready"):
            return self.env._(
                "This mailbox is not looked at now. Mail with these labels goes as soon"
                " as it is again."
            )
        mailbox, sync = self.sudo(), self.env["crm.mail.mirror.sync"].sudo()
        credentials = self.env["crm.mail.mirror.credential"].sudo()
        try:
            secret, seq = credentials._read_in_use(mailbox.id)
            if secret is None:
                return self._unknown_sentence(sentence(self.env, "no_secret"))
            lease = mailbox._lease("", secret, seq)
        except (KeyUnusable, NotAllowed) as error:
            return self._unknown_sentence(sentence(self.env, error.code))
        return lease, functools.partial(sync._keep, lease)

    def _unknown_sentence(self, problem):
        return self.env._(
            "How many mails this removes is not known: %(problem)s", problem=problem
        )

    def _copies_at(self, refs):
        """Mirrored mail at these places of its one folder: ids"""
        self.env.cr.execute(
            """SELECT DISTINCT c.id FROM crm_mail_mirror_folder f
                 JOIN crm_mail_mirror_location l ON l.folder_id = f.id
                 JOIN crm_mail_mirror_copy c ON c.id = l.copy_id
                WHERE f.mailbox_id = %s AND f.role = 'all' AND l.generation = ''
                  AND l.ref = ANY(%s) AND c.state = 'mirrored'""",
            [self.id, list(refs)],
        )
        return [copy for (copy,) in self.env.cr.fetchall()]

    def _listed_by(self):
        """Of a label that is switched on, old mail is listed by addresses as well."""
        if self.provider != "gmail":
            return super()._listed_by()
        cursor = self.cursor or {}
        kept_out = {*cursor.get("hide", ()), *cursor.get("turn", {}).get("on", ())}
        if kept_out:
            off = self.env["crm.mail.mirror.folder"].search(
                [("mailbox_id", "=", self.id), ("selected", "=", False)]
            )
            if kept_out - set(off.mapped("remote_ref")):
                return self.env["crm.mail.mirror.directory"]._all_known(
                    domains=self.company_id.mirror_match_domains
                )
        return super()._listed_by()
