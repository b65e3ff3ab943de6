# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What was found before anything is mirrored, in words and numbers."""

from collections import Counter

from odoo import api, fields, models

from ..engine.reasons import Reason, State
from ..models.sentences import sentence
from .crm_mail_mirror_dry_run import CONTACTS


class CrmMailMirrorDryRun(models.TransientModel):
    _name = "crm.mail.mirror.dry.run"
    # in a list: pylint-odoo would have this merged with what looks
    _inherit = ["crm.mail.mirror.dry.run"]

    progress = fields.Integer(compute="_compute_progress")
    mirrored_count = fields.Integer(compute="_compute_sentences")
    sentence = fields.Char(compute="_compute_sentences")
    shared_sentence = fields.Char(compute="_compute_sentences")
    kept_out = fields.Text(compute="_compute_sentences")
    bound_sentence = fields.Char(compute="_compute_sentences")
    error_sentence = fields.Char(compute="_compute_sentences")
    viewer_ids = fields.Many2many(
        comodel_name="res.users", compute="_compute_viewers", compute_sudo=True
    )
    viewer_names = fields.Text(compute="_compute_viewers", compute_sudo=True)
    unticked = fields.Char(compute="_compute_unticked")
    unlisted = fields.Char(compute="_compute_sentences")

    @api.depends("state")
    def _compute_display_name(self):
        self.display_name = self.env._("Before anything is mirrored")

    @api.depends("seen_count", "total_count", "state")
    def _compute_progress(self):
        for run in self:
            share = 100 * run.seen_count // run.total_count if run.total_count else 0
            run.progress = min(99, share) if run.state == "looking" else 100

    @api.depends("mailbox_id")
    @api.depends_context("uid")
    def _compute_viewers(self):
        for run in self:
            viewers = self.env["res.users"]
            mailbox = run.mailbox_id
            # a form that is not saved yet names any mailbox
            if mailbox.user_id.id == self.env.uid:
                viewers = mailbox.user_id._mirror_viewers(mailbox.company_id)
            run.viewer_ids = viewers
            run.viewer_names = ", ".join(viewers.sorted("name").mapped("name"))

    @api.depends("state", "seen_count", "reasons", "found", "error", "viewer_ids")
    @api.depends_context("lang")
    def _compute_sentences(self):
        for run in self:
            reasons = run.sudo().reasons or {}
            mirrored = sum(
                count
                for reason, count in reasons.items()
                if Reason(reason).state is State.MIRRORED
            )
            run.mirrored_count = mirrored
            run.sentence = run._sentence(mirrored, len(run.sudo().found or {}))
            run.shared_sentence = run._shared_sentence() if mirrored else False
            run.kept_out = "\n".join(run._kept_out(reasons))
            run.bound_sentence = run._bound_sentence()
            run.unlisted = run._unlisted(len(run.sudo().found or {}))
            run.error_sentence = run.error and sentence(self.env, run.error)

    def _sentence(self, mails, contacts):
        if not mails:
            return self.env._(
                "None of these mails is with a contact or lead of this Odoo, so none"
                " would be mirrored. Mail of contacts that you add later is found then."
            )
        env, viewers = self.env, len(self.viewer_ids)
        parts = {
            "mails": env._("1 mail") if mails == 1 else env._("%s mails", mails),
            "contacts": env._("1 contact")
            if contacts == 1
            else env._("%s contacts", contacts),
            "viewers": env._("1 colleague")
            if viewers == 1
            else env._("%s colleagues", viewers),
        }
        if not viewers:
            return env._(
                "%(mails)s with %(contacts)s would be in Odoo, visible to nobody but"
                " you.",
                **parts,
            )
        return env._(
            "%(mails)s with %(contacts)s would be visible to %(viewers)s.", **parts
        )

    def _unlisted(self, contacts):
        if contacts <= CONTACTS:
            return False
        return self.env._(
            "The %(listed)s of %(contacts)s with most mails are listed. Keep others out"
            " with a rule.",
            listed=CONTACTS,
            contacts=contacts,
        )

    def _shared_sentence(self):
        described = self.env["crm.mail.mirror.mailbox"]._fields["sharing_in"]
        labels = dict(described._description_selection(self.env))
        return self.env._(
            "Of what you received they see: %(received)s. Of what you sent: %(sent)s.",
            received=labels.get(self.mailbox_id.sharing_in, "").lower(),
            sent=labels.get(self.mailbox_id.sharing_out, "").lower(),
        )

    def _kept_out(self, reasons):
        """Lines such as "3 kept out by private words", those with most mails first."""
        env, groups = self.env, Counter()
        for reason, count in reasons.items():
            if Reason(reason).state is not State.MIRRORED:
                groups["bulk" if reason.startswith("bulk_") else reason] += count
        words = {
            "no_contact": env._("with nobody who is a contact or lead"),
            "not_listed": env._("with nobody who is a contact or lead"),
            "private_word": env._("kept out by private words in the subject"),
            "sensitivity": env._("kept out because their senders marked them private"),
            "excluded_address": env._("kept out by excluded addresses"),
            "excluded_domain": env._("kept out by excluded domains"),
            "erased": env._("kept out: of persons whose data was erased"),
            "internal": env._("among colleagues"),
            "bulk": env._("newsletters and automatic mail"),
            "calendar": env._("nothing but invitations"),
            "no_content": env._("without content"),
            "one_way": env._("received, while only sent mail is mirrored"),
            "role_address": env._("with functions of a company, not persons"),
            "folder": env._("in folders that are not mirrored"),
        }
        lines = Counter()
        for group, count in groups.items():
            lines[words.get(group, env._("kept out by other rules"))] += count
        return [f"{count} {line}" for line, count in lines.most_common()]

    def _bound_sentence(self):
        day = self.mailbox_id._since_words(self.since)
        if self.state == "looking":
            return self.env._(
                "Only the headers of mail %(since)s are looked at. Nothing of it is"
                " stored.",
                since=day,
            )
        if self.state == "done" and self.seen_count == 1:
            return self.env._(
                "That is what the one mail %(since)s gave. Nothing of it was stored.",
                since=day,
            )
        if self.state == "done":
            return self.env._(
                "That is what the %(count)s mails %(since)s gave. Nothing of them was"
                " stored.",
                count=self.seen_count,
                since=day,
            )
        if not self.seen_count:
            return self.env._("Nothing of the mailbox was stored.")
        return self.env._(
            "That is what the newest %(count)s mails gave: not all mails %(since)s were"
            " looked at. Nothing of them was stored.",
            count=self.seen_count,
            since=day,
        )

    @api.depends("contact_ids.keep", "contact_ids.mails")
    def _compute_unticked(self):
        for run in self:
            out = run.contact_ids.filtered(lambda line: not line.keep)
            run.unticked = bool(out) and self.env._(
                "Kept out, now and later: %(names)s. The addresses become exclusions of"
                " your own, which nobody else sees.",
                names=", ".join(out.mapped("name")),
            )
