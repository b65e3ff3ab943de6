# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How far back shall a mailbox be mirrored, and what does that remove?"""

from odoo import api, fields, models

from ..models.crm_mail_mirror_mailbox_scope import LOOK_BACK


class CrmMailMirrorLookBack(models.TransientModel):
    _name = "crm.mail.mirror.look.back"
    _description = "Change How Far Back a Mailbox Is Mirrored"

    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox", required=True, ondelete="cascade"
    )
    look_back = fields.Selection(
        selection=LOOK_BACK,
        required=True,
        default=lambda self: self._of_mailbox("look_back") or "opportunity",
    )
    sync_from = fields.Date(
        string="Mail since", default=lambda self: self._of_mailbox("sync_from")
    )
    removes = fields.Integer(compute="_compute_preview")
    preview = fields.Char(compute="_compute_preview")

    @api.model
    def _of_mailbox(self, name):
        """As it is now; of somebody else's mailbox nothing."""
        mailbox = self.env.context.get("default_mailbox_id")
        return self.env["crm.mail.mirror.mailbox"].browse(mailbox)[name]

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(vals_list)
        for wizard in wizards:
            wizard.mailbox_id._check_owner()
        return wizards

    @api.onchange("look_back")
    def _onchange_look_back(self):
        mailbox = self.mailbox_id
        if self.look_back == mailbox.look_back:
            self.sync_from = mailbox.sync_from
        elif self.look_back and self.look_back != "day":
            self.sync_from = mailbox._start_of(self.look_back, mailbox.user_id)

    @api.depends("look_back", "sync_from", "mailbox_id")
    def _compute_preview(self):
        for wizard in self:
            mailbox, day = wizard.mailbox_id, wizard.sync_from
            wizard.removes = 0
            if not mailbox or mailbox.user_id.id != self.env.uid:
                wizard.preview = False
                continue
            before = mailbox.sync_from
            if day == before:
                wizard.preview = self.env._("Nothing changes.")
            elif day and (not before or day > before):
                wizard.removes, copies = mailbox._copies_before(day)
                wizard.preview = wizard._removal(day, wizard.removes, copies)
            else:
                wizard.preview = self.env._(
                    "Older mail is looked for in the mailbox (%(since)s). What is there"
                    " already stays, and comes no second time.",
                    since=mailbox._since_words(day),
                )

    def _removal(self, day, count, copies):
        since = self.mailbox_id._since_words(day)
        if copies:
            stays = self.env._("Only mail %(since)s stays.", since=since)
            sentence = self.mailbox_id._removal_sentence(copies, count=count)
            return f"{stays} {sentence}"
        return self.env._(
            "No mirrored mail is older: from now on mail %(since)s is mirrored.",
            since=since,
        )

    def action_apply(self):
        self.ensure_one()
        mailbox = self.mailbox_id
        mailbox._check_owner()
        vals = {"look_back": self.look_back}
        if self.look_back == "day":
            vals["sync_from"] = self.sync_from
        elif self.look_back == mailbox.look_back:
            # chosen again: the day of then stays
            return {"type": "ir.actions.act_window_close"}
        mailbox.write(vals)
        self.env["crm.mail.mirror.sync"]._trigger()
        return {"type": "ir.actions.client", "tag": "soft_reload"}
