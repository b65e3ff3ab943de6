# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How far back, and in which folders, is a mailbox looked at?

Both act on the past as well. Further back, or a folder switched on: its mail is listed
and read. Less: what falls out is removed here; the mailbox keeps it.
"""

import json
from datetime import date, datetime, timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date

from ..engine.providers.base import COUNTED_ROLES
from .lease import naive
from .owners_fields import OwnersSelection

LOOK_BACK = [
    ("opportunity", "To my oldest open opportunity, one week at least"),
    ("1w", "One week"),
    ("1m", "One month"),
    ("3m", "Three months"),
    ("6m", "Six months"),
    ("12m", "Twelve months"),
    ("all", "Everything"),
    ("day", "A day of my own"),
]
#: Months of the choices above.
MONTHS = {"1m": 1, "3m": 3, "6m": 6, "12m": 12}
GMAIL_HOSTS = ("imap.gmail.com", "imap.googlemail.com")
#: Of more mails it is not told whose they are: that would be waited for.
NAMED = 5000
#: There was no mail before that.
FIRST_DAY = date(1970, 1, 1)


class CrmMailMirrorMailbox(models.Model):
    _name = "crm.mail.mirror.mailbox"
    _inherit = ["crm.mail.mirror.mailbox"]

    look_back = OwnersSelection(
        selection=LOOK_BACK,
        required=True,
        default="opportunity",
        help="Where the mirror begins. The day is worked out when you choose, and stays"
        " the same from then on.",
    )
    since_sentence = fields.Char(compute="_compute_since_sentence", string="Since")

    @api.depends("sync_from", "user_id")
    @api.depends_context("uid", "lang")
    def _compute_since_sentence(self):
        for mailbox in self:
            mailbox.since_sentence = (
                mailbox.user_id.id == self.env.uid
                and self._since_words(mailbox.sync_from)
            )

    @api.model
    def _since_words(self, day):
        if not day:
            return self.env._("all mail there is")
        shown = format_date(self.env, day, date_format="d MMMM y")
        return self.env._("since %(day)s", day=shown)

    # ---- how far back ---------------------------------------------------------------

    @api.onchange("look_back")
    def _onchange_look_back(self):
        if self.look_back and self.look_back != "day":
            self.sync_from = self._start_of(self.look_back, self.user_id)

    @api.model
    def _start_of(self, choice, owner):
        """The first day of mail for a choice made today; False: no bound."""
        today = fields.Date.context_today(self)
        if choice == "all":
            return False
        if choice in MONTHS:
            return today - relativedelta(months=MONTHS[choice])
        week_ago = today - timedelta(days=7)
        if choice == "1w":
            return week_ago
        oldest = (
            self.env["crm.lead"]
            .sudo()
            .search(
                [
                    ("type", "=", "opportunity"),
                    ("user_id", "=", owner.id),
                    ("won_status", "=", "pending"),
                ],
                order="create_date",
                limit=1,
            )
        )
        return min(oldest.create_date.date(), week_ago) if oldest else week_ago

    @api.model
    def _checked_day(self, value):
        """:raises UserError: that is no day from which mail can be mirrored"""
        if not value:
            return False
        try:
            day = fields.Date.to_date(value)
        except (TypeError, ValueError):
            raise UserError(
                self.env._(
                    "%(value)s is no date. Please write it like 2026-03-31.",
                    value=value,
                )
            ) from None
        # whoever is ahead of us is in tomorrow already
        today = max(fields.Date.context_today(self), fields.Date.today())
        if day > today:
            raise UserError(
                self.env._(
                    "%(day)s is in the future. Please choose today or an earlier day:"
                    " new mail is mirrored in any case.",
                    day=format_date(self.env, day),
                )
            )
        if day < FIRST_DAY:
            raise UserError(
                self.env._("There was no mail yet. Please choose “Everything”.")
            )
        return day

    def _with_start(self, vals, owner):
        """Values with both: what was chosen, and the day it stands for."""
        vals = dict(vals)
        if "sync_from" in vals:
            vals["sync_from"] = self._checked_day(vals["sync_from"])
        choice = vals.get("look_back")
        if choice == "day":
            day = vals["sync_from"] if "sync_from" in vals else self.sync_from
            if not day:
                raise UserError(self.env._("From which day on? Please fill it in."))
        elif choice and (choice == "all" or not vals.get("sync_from")):
            vals["sync_from"] = self._start_of(choice, owner)
        elif not choice and "sync_from" in vals:
            vals["look_back"] = "day" if vals["sync_from"] else "all"
        # both: the day that was worked out when it was chosen
        return vals

    @api.model_create_multi
    def create(self, vals_list):
        filled = []
        for vals in vals_list:
            owner = self.env["res.users"].browse(vals.get("user_id") or self.env.uid)
            if not {"look_back", "sync_from"} & set(vals):
                vals = {**vals, "look_back": "opportunity"}
            filled.append(self._with_start(vals, owner))
        return super().create(filled)

    def write(self, vals):
        if not {"look_back", "sync_from"} & set(vals):
            return super().write(vals)
        for mailbox in self:
            before = mailbox.sudo().read(["look_back", "sync_from"])[0]
            mailbox_vals = mailbox._with_start(vals, mailbox.user_id)
            super(CrmMailMirrorMailbox, mailbox).write(mailbox_vals)
            if mailbox.sudo().sync_from != before["sync_from"]:
                mailbox._announce_start(before)
        return True

    def _announce_start(self, before):
        """Applied already: to be seen, and to be undone."""
        if not self._has_mail():
            return
        day = before["sync_from"] and fields.Date.to_string(before["sync_from"])
        former = {"look_back": before["look_back"], "sync_from": day}
        since = self._since_words(self.sudo().sync_from)
        self.env["crm.mail.mirror.change"]._announce(
            self.env._("%(address)s: %(since)s", address=self.email, since=since),
            self,
            narrows=False,
            undo={"write": [self._name, self.id, former]},
        )

    def _has_mail(self):
        copies = self.env["crm.mail.mirror.copy"].sudo()
        return bool(copies.search_count([("mailbox_id", "=", self.id)], limit=1))

    def action_change_look_back(self):
        """Choose again, and see before what that removes."""
        self._check_owner()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("How far back?"),
            "res_model": "crm.mail.mirror.look.back",
            "view_mode": "form",
            "target": "new",
            "context": {"default_mailbox_id": self.id},
        }

    def _copies_before(self, day):
        """Mirrored mails that were received before that day.

        :return: how many; and ids, of so many at most as names are told of
        """
        if not day:
            return 0, []
        older = SQL(
            """FROM crm_mail_mirror_copy WHERE mailbox_id = %s
                AND received_at < %s AND message_id IS NOT NULL""",
            self.id,
            naive(datetime.combine(day, datetime.min.time())),
        )
        self.env.cr.execute(SQL("SELECT count(*) %s", older))
        (count,) = self.env.cr.fetchone()
        self.env.cr.execute(SQL("SELECT id %s LIMIT %s", older, NAMED))
        return count, [copy for (copy,) in self.env.cr.fetchall()]

    def _removal_sentence(self, copies, whole=True, count=None):
        """What is lost by it, for who asks: the owner alone.

        :param whole: that is all of it
        :param count: how many there are, if not all are among the copies
        """
        previews = self.env["crm.mail.mirror.preview"]
        count = len(copies) if count is None else count
        effect = previews._of_copies(copies, names=count <= NAMED)
        effect.gone, effect.lost = count, count if effect.lost else 0
        effect.whole = whole
        said = previews._sentences(effect, mine=True)
        kept = self.env._("In your mailbox nothing is removed.")
        return " ".join([said[0], kept, *said[1:]])

    # ---- folders --------------------------------------------------------------------

    def get_folder_tree(self):
        """What the page of folders shows, to the owner alone."""
        self._check_owner()
        return {
            "sentence": self._folder_sentence(),
            "note": self._folder_note(),
            "folders": self.env["crm.mail.mirror.folder"]._tree(self),
        }

    def _is_gmail_over_imap(self):
        """All its mail lies in one folder; of labels nothing is known."""
        host = (self.imap_host or "").strip().lower()
        return self.provider == "imap" and host in GMAIL_HOSTS

    def _folder_note(self):
        """What has to be said before the tree."""
        if self._has_label_tree():
            return self.env._(
                "Mail that bears a label which is switched off is not in Odoo, whatever"
                " other labels it has. Drafts, trash, spam and chats never are."
            )
        return self.env._(
            "Mail that lies only in folders that are switched off is not in Odoo."
            " Drafts, trash and junk never are."
        )

    def _folder_sentence(self):
        """What has to be said in place of the tree."""
        if self._is_gmail_over_imap():
            return self.env._(
                "Gmail has labels, not folders: all mail is mirrored, but for drafts,"
                " trash, spam and chats. Labels can be switched off in mailboxes that"
                " are linked as Gmail. Addresses, domains and words can be kept out on"
                " the page “Kept out”."
            )
        if not self.env["crm.mail.mirror.folder"].search_count(
            [("mailbox_id", "=", self.id)], limit=1
        ):
            return self.env._("The folders are shown once the mailbox was looked at.")
        return ""

    def preview_folders(self, off=(), on=()):
        """What would it do to switch these folders off, and those on?

        :param off, on: ids of folders
        :return: ``{"removes": how many mails, "sentence"}``; ``None``: not known
        """
        self._check_owner()
        gone, said, whole = self._own_folders(off), [], True
        if gone and self._has_label_tree():
            copies, whole, problem = self._preview_labels(gone)
            if problem:
                said.append(problem)
        else:
            copies = self.env["crm.mail.mirror.folder"]._copies_alone(gone)
        if copies:
            said.append(self._removal_sentence(copies, whole))
        elif gone and whole:
            said.append(
                self.env._("No mirrored mail bears these labels.")
                if self._has_label_tree()
                else self.env._("No mirrored mail lies in these folders alone.")
            )
        if on:
            said.append(
                self.env._("Mail of what is switched on is read, old mail as well.")
            )
        removes = None if copies is None else len(copies)
        return {"removes": removes, "sentence": " ".join(said)}

    def choose_folders(self, off=(), on=()):
        """Switch folders off and on. :return: the tree as it is then"""
        self._check_owner()
        folders = self.env["crm.mail.mirror.folder"].sudo()
        gone = self._own_folders(off).filtered("selected")
        back = self._own_folders(on).filtered(lambda f: not f.selected)
        left = folders.search(
            [
                ("mailbox_id", "=", self.id),
                ("selected", "=", True),
                ("role", "in", COUNTED_ROLES),
            ]
        )
        if gone and not (left - gone) | back:
            raise UserError(
                self.env._(
                    "Please leave one folder on. To mirror nothing at all, pause this"
                    " mailbox or disconnect it."
                )
            )
        gone.write({"selected": False})
        back.write({"selected": True})
        self._announce_folders(gone, back)
        return self.get_folder_tree()

    def _announce_folders(self, gone, back):
        """Applied already: to be seen, and to be undone."""
        titles, is_label = [], self._has_label_tree()
        for folders, title in (
            (
                gone,
                self.env._("labels switched off: %s")
                if is_label
                else self.env._("folders switched off: %s"),
            ),
            (
                back,
                self.env._("labels switched on: %s")
                if is_label
                else self.env._("folders switched on: %s"),
            ),
        ):
            if folders:
                titles.append(title % ", ".join(folders.mapped("name")[:5]))
        if titles:
            again = [back.ids, gone.ids]
            self.env["crm.mail.mirror.change"]._announce(
                f"{self.email}: {'; '.join(titles)}",
                self,
                narrows=False,
                undo={"call": [self._name, self.id, "choose_folders", again]},
            )

    def _own_folders(self, ids):
        """Of these, the folders of this mailbox that can be chosen at all."""
        if self._is_gmail_over_imap():
            raise UserError(self._folder_sentence())
        found = self.env["crm.mail.mirror.folder"].sudo()
        found = found.search(
            [
                ("mailbox_id", "=", self.id),
                ("id", "in", [int(each) for each in ids]),
                ("role", "in", COUNTED_ROLES),
            ]
        )
        if self._has_label_tree():
            # all mail is no label: without it nothing would be left
            return found.filtered(lambda folder: folder.role != "all")
        return found

    def _forget_in_cursor(self, refs):
        """These folders were never listed, as far as the next pull knows.

        So each is read in full when it counts again, however short the time in between
        was. A page that is under way was pulled with them, and comes too late.
        """
        # first: the sync moves the cursor under this lock
        self.env.cr.execute(
            """SELECT cursor FROM crm_mail_mirror_mailbox WHERE id = %s
                  FOR NO KEY UPDATE""",
            [self.id],
        )
        (cursor,) = self.env.cr.fetchone()
        for ref in refs if cursor else ():
            cursor.get("folders", {}).pop(ref, None)
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_mailbox
                  SET cursor = %s, cursor_seq = cursor_seq + 1,
                      next_sync_at = now() AT TIME ZONE 'UTC' WHERE id = %s""",
            [json.dumps(cursor) if cursor else None, self.id],
        )
        self.invalidate_recordset()
