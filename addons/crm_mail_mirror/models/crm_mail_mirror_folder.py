# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which folders does a mailbox have, and which of them are mirrored?

Names are the owner's alone. A folder that is switched off is never looked into, and
mail that lies nowhere else leaves no row: as if the mailbox did not have it.
"""

import time
from collections import Counter

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine.providers.base import COUNTED_ROLES, IGNORED_ROLES
from .jobs import BUDGET, one_run, trigger
from .slice import AIM, Slice

#: Places that are given up in one transaction.
SLICE = Slice()
#: Folders within folders that are shown; who has more sees them at this depth.
MAX_DEPTH = 50


class CrmMailMirrorFolder(models.Model):
    _name = "crm.mail.mirror.folder"
    _description = "Folder of a Linked Mailbox"
    _order = "name, id"

    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox", required=True, ondelete="cascade"
    )
    remote_ref = fields.Char(required=True)
    parent_ref = fields.Char()
    name = fields.Char(required=True)
    role = fields.Selection(
        selection=[
            ("inbox", "Inbox"),
            ("sent", "Sent"),
            ("archive", "Archive"),
            ("all", "All mail"),
            ("other", "Other"),
            ("drafts", "Drafts"),
            ("trash", "Trash"),
            ("junk", "Junk"),
        ],
        required=True,
        default="other",
    )
    selected = fields.Boolean(default=True)

    _remote_uniq = models.UniqueIndex("(mailbox_id, remote_ref)")
    _off_idx = models.Index("(id) WHERE NOT selected")

    # ---- what is there --------------------------------------------------------------

    @api.model
    def _tree(self, mailbox):
        """Folders in the order of the tree, for its owner's screen."""
        folders = self.sudo().search([("mailbox_id", "=", mailbox.id)])
        by_ref = {folder.remote_ref: folder for folder in folders}
        counts = self._mirrored_counts(mailbox)
        roles = dict(self._fields["role"]._description_selection(self.env))
        rows, has_labels = [], mailbox._has_label_tree()
        for folder, depth in folders._in_order(by_ref):
            counted, name = folder.role in COUNTED_ROLES, folder._leaf_name(by_ref)
            label = roles[folder.role] if folder.role != "other" else ""
            # it is not stored which mail bears which label
            is_label = has_labels and folder.role == "other"
            always = has_labels and folder.role == "all"
            rows.append(
                {
                    "id": folder.id,
                    "name": name,
                    "depth": min(depth, MAX_DEPTH),
                    "role": folder.role,
                    "role_label": label if label.lower() != name.lower() else "",
                    "mirrored": None if is_label else counts.get(folder.id, 0),
                    "selected": bool(folder.selected and counted),
                    "fixed": not counted or always,
                    "always": always,
                }
            )
        return rows

    def _in_order(self, by_ref):
        """``[(folder, depth)]``, each below the one it lies in; loops are survived."""
        below = {}
        for folder in self:
            parent = folder.parent_ref if folder.parent_ref in by_ref else ""
            below.setdefault(parent, []).append(folder)
        ordered, seen = [], set()

        def walk(parent, depth):
            for folder in sorted(below.get(parent, ()), key=_rank):
                if folder.id not in seen:
                    seen.add(folder.id)
                    ordered.append((folder, depth))
                    if depth < 900:
                        walk(folder.remote_ref, depth + 1)

        walk("", 0)
        ordered += [(folder, 0) for folder in self if folder.id not in seen]
        return ordered

    def _leaf_name(self, by_ref):
        """Its name without that of the folder it lies in."""
        parent = by_ref.get(self.parent_ref)
        is_inside = parent and parent.role != "all"
        if is_inside and self.name.startswith(parent.name):
            return self.name[len(parent.name) + 1 :] or self.name
        return self.name

    @api.model
    def _mirrored_counts(self, mailbox):
        """``{folder id: mirrored mails in it}``"""
        self.env.cr.execute(
            """SELECT l.folder_id, count(DISTINCT l.copy_id)
                 FROM crm_mail_mirror_folder f
                 JOIN crm_mail_mirror_location l ON l.folder_id = f.id
                 JOIN crm_mail_mirror_copy c ON c.id = l.copy_id
                WHERE f.mailbox_id = %s AND c.state = 'mirrored' GROUP BY 1""",
            [mailbox.id],
        )
        return dict(self.env.cr.fetchall())

    @api.model
    def _copies_alone(self, folders):
        """Mirrored mails that lie in these folders and in no other that is on: ids"""
        if not folders:
            return []
        self.env.cr.execute(
            SQL(
                """SELECT DISTINCT c.id
                     FROM crm_mail_mirror_location l
                     JOIN crm_mail_mirror_copy c ON c.id = l.copy_id
                    WHERE l.folder_id = ANY(%(gone)s) AND c.state = 'mirrored'
                      AND NOT EXISTS (
                          SELECT 1 FROM crm_mail_mirror_location o
                            JOIN crm_mail_mirror_folder f ON f.id = o.folder_id
                           WHERE o.copy_id = c.id AND f.selected
                             AND NOT f.id = ANY(%(gone)s))""",
                gone=folders.ids,
            )
        )
        return [copy for (copy,) in self.env.cr.fetchall()]

    # ---- off and on -----------------------------------------------------------------

    def write(self, vals):
        if "selected" not in vals:
            return super().write(vals)
        changed = self.filtered(lambda f: f.selected != bool(vals["selected"]))
        result = super().write(vals)
        self.flush_recordset()
        for mailbox, folders in changed.grouped("mailbox_id").items():
            mailbox._forget_in_cursor(folders.mapped("remote_ref"))
            if not vals["selected"]:
                self._forget_at_once(mailbox)
        if changed:
            self.env["crm.mail.mirror.sync"]._trigger()
        return result

    @api.model
    def _forget_at_once(self, mailbox):
        """What a moment can remove; the rest goes in the background."""
        end = time.monotonic() + AIM
        while self._forget_some(mailbox.id):
            if time.monotonic() > end:
                trigger(self.env, "folders")
                return

    @api.model
    def _cron_folders(self):
        """Give up what is left in folders that were switched off, and what is from
        before the first day that its owner chose; have the mail read again in which
        the owner wants people to be looked for. In short steps."""
        one_run(self.env, self._run)

    @api.model
    def _run(self, budget=BUDGET):
        """:return: whether anything may be left"""
        end = time.monotonic() + budget
        write = self.env["crm.mail.mirror.sync"]._in_transaction
        while time.monotonic() < end:
            if not write(lambda env: env[self._name]._forget_next()):
                return False
        return True

    def _forget_next(self):
        """One step. :return: whether there was anything to do"""
        mailbox = self._next_to_forget()
        if mailbox is not None:
            self._forget_some(mailbox)
            return True
        mailboxes = self.env["crm.mail.mirror.mailbox"]
        return mailboxes._forget_next_old() or mailboxes._look_for_next()

    @api.model
    def _next_to_forget(self):
        """A mailbox with places in a folder that is off; None without any."""
        self.env.cr.execute(
            """SELECT f.mailbox_id FROM crm_mail_mirror_folder f
                WHERE NOT f.selected AND EXISTS (
                      SELECT 1 FROM crm_mail_mirror_location l
                       WHERE l.folder_id = f.id) LIMIT 1"""
        )
        row = self.env.cr.fetchone()
        return row and row[0]

    @api.model
    def _forget_some(self, mailbox_id):
        """Give up places in folders of this mailbox that are off.

        :return: whether there may be more
        """
        cr = self.env.cr
        cr.execute(
            """SELECT id FROM crm_mail_mirror_mailbox WHERE id = %s
                  FOR NO KEY UPDATE""",
            [mailbox_id],
        )
        began, limit = time.monotonic(), SLICE.size
        cr.execute(
            """DELETE FROM crm_mail_mirror_location WHERE id IN (
                   SELECT l.id FROM crm_mail_mirror_folder f
                     JOIN crm_mail_mirror_location l ON l.folder_id = f.id
                    WHERE f.mailbox_id = %s AND NOT f.selected LIMIT %s)
            RETURNING copy_id""",
            [mailbox_id, limit],
        )
        rows = cr.fetchall()
        copies = {copy for (copy,) in rows}
        if copies:
            days = Counter()
            self.env["crm.mail.mirror.page"]._delete_placeless(copies, days)
            mailbox = self.env["crm.mail.mirror.mailbox"].browse(mailbox_id)
            self.env["crm.mail.mirror.day"]._add(mailbox, days)
        SLICE.took(len(rows), time.monotonic() - began)
        return len(rows) == limit


def _rank(folder):
    """Inbox and sent mail first, what is never mirrored last, by name between them."""
    ranks = ("inbox", "sent", "archive", "all")
    rank = ranks.index(folder.role) if folder.role in ranks else len(ranks)
    return folder.role in IGNORED_ROLES, rank, folder.name.casefold(), folder.id
