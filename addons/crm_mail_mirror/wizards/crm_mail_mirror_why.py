# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Why is a mail here, or why not? Asked by the owner of the mailbox, and nobody else.

First among what is mirrored, then among the traces of the last seven days, and if they
know nothing, in the mailbox itself: what is found there is judged as it would be today,
told, and forgotten. Question and answers stand in the database under the server's key,
for an hour: whoever has the database alone learns nothing of mail that is not mirrored.
"""

import functools

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..discretion import values_unsaid
from ..engine.keyring import KeyUnusable
from ..engine.providers.base import NotAllowed
from ..engine.question import read_question
from ..models import why_run
from ..models.crm_mail_mirror_credential import keyring
from ..models.mailbox_run import MailboxRun
from ..models.sentences import sentence

#: Lines that tell of a mail; others tell of a mailbox.
_ANSWERS = {"here", "trace", "found"}


class CrmMailMirrorWhy(models.TransientModel):
    _name = "crm.mail.mirror.why"
    _description = "Why Is a Mail Here, or Not?"
    _transient_max_hours = 1.0

    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox",
        string="In",
        ondelete="cascade",
        domain=lambda self: [("user_id", "=", self.env.uid)],
        help="Empty: in all your mailboxes",
    )
    pasted = fields.Char(
        string="Which mail?",
        compute="_compute_pasted",
        inverse="_inverse_pasted",
        store=False,
        help="Its subject, an address that is on it, or its Message-ID",
    )
    # under the server's key, which is not in the database
    sealed = fields.Char(groups=fields.NO_ACCESS)
    line_ids = fields.One2many(
        comodel_name="crm.mail.mirror.why.line", inverse_name="why_id", readonly=True
    )
    is_asked = fields.Boolean(readonly=True)
    # the mailbox itself was searched
    is_searched = fields.Boolean(readonly=True)

    @api.depends("sealed")
    def _compute_pasted(self):
        for why in self:
            sealed = why.sudo().sealed
            why.pasted = keyring().decrypt(sealed) if sealed else False

    def _inverse_pasted(self):
        for why in self:
            words = why.pasted
            try:
                why.sudo().sealed = keyring().encrypt(words) if words else False
            except KeyUnusable as error:
                raise UserError(sentence(self.env, error.code)) from None

    # ---- actions --------------------------------------------------------------------

    @values_unsaid()
    def action_ask(self):
        """Answer from what is stored, else from the mailbox itself."""
        question, mailboxes = self._asked()
        answers = self.env["crm.mail.mirror.answers"]
        lines = answers._from_mirror(question, mailboxes)
        lines += answers._from_traces(question, mailboxes)
        self._tell(lines)
        return self._shown() if lines else self.action_search()

    @values_unsaid()
    def action_search(self):
        """Look in the mailbox itself."""
        question, mailboxes = self._asked()
        known = self.line_ids.sudo()._contents() if self.is_asked else []
        lines = [line for line in known if line["kind"] in ("here", "trace")]
        lines += self._from_mailboxes(question, mailboxes, lines)
        if not _ANSWERS.intersection(line["kind"] for line in lines):
            lines.append({"kind": "none"})
        self._tell(lines)
        self.sudo().is_searched = True
        return self._shown()

    def _asked(self):
        """What is asked, and of which mailboxes.

        :raises AccessError: of a mailbox that is somebody else's
        """
        self.ensure_one()
        self.check_access("write")
        mine = self.env["crm.mail.mirror.mailbox"].search(
            [("user_id", "=", self.env.uid)]
        )
        if self.mailbox_id and self.mailbox_id.sudo() not in mine.sudo():
            raise AccessError(
                self.env._("Only its owner may ask what is in a mailbox.")
            )
        question = read_question(self.pasted or "")
        if not question:
            raise UserError(
                self.env._("Paste a subject, an address or a Message-ID first.")
            )
        if not mine:
            raise UserError(self.env._("You have no mailbox here yet."))
        return question, (self.mailbox_id or mine).sudo()

    def _shown(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Why Is It (Not) Here?"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def _tell(self, lines):
        self.line_ids.sudo().unlink()
        self.env["crm.mail.mirror.why.line"]._seal(self, lines)
        self.sudo().write({"is_asked": True, "is_searched": False})

    @api.model
    def _of_message(self, message):
        """The answer for a mail that stands on the screen, from its own copies."""
        answers = self.env["crm.mail.mirror.answers"]
        copies = answers._copies(SQL("c.message_id = %s", message.id))
        if not copies:
            raise AccessError(
                self.env._("Only its owner may ask what is in a mailbox.")
            )
        why = self.create({})
        mine = self.env["crm.mail.mirror.mailbox"].sudo().browse(copies)
        why._tell(answers._explain_stored(mine, copies))
        return why._shown()

    # ---- in the mailbox itself ------------------------------------------------------

    def _from_mailboxes(self, question, mailboxes, known):
        """Ask the providers, judge what they have, and keep nothing of it."""
        answers, lines, runs = self.env["crm.mail.mirror.answers"], [], {}
        for mailbox in mailboxes:
            run = self._run(mailbox)
            if isinstance(run, dict):
                lines.append(run)
            else:
                runs[mailbox.id] = run
        # no transaction stays open while the network is waited for
        self.env.cr.commit()  # pylint: disable=invalid-commit
        seen = why_run.look(list(runs.values()), question.query)
        shown = {line.get("message") for line in known} - {None}
        for (mailbox_id, run), answer in zip(runs.items(), seen, strict=True):
            mailbox = mailboxes.browse(mailbox_id)
            if answer.error:
                lines.append(
                    {"kind": "error", "mailbox": mailbox.id, "reason": answer.error}
                )
            lines += answers._explain_seen(mailbox, run.lease, answer, shown)
        return lines

    def _run(self, mailbox):
        """How to open it, or the line that says why it cannot be."""
        told = {"kind": "mailbox", "mailbox": mailbox.id}
        if mailbox.state not in ("active", "ready"):
            return {**told, "reason": mailbox.last_error or "", "state": mailbox.state}
        sync = self.env["crm.mail.mirror.sync"].sudo()
        try:
            credentials = self.env["crm.mail.mirror.credential"]
            secret, seq = credentials._read_in_use(mailbox.id)
            if secret is None:
                return {**told, "reason": "no_secret", "state": "needs_login"}
            lease = mailbox._lease("", secret, seq)
        except (KeyUnusable, NotAllowed) as error:
            return {**told, "reason": error.code, "state": "error"}
        return MailboxRun(lease, keep=functools.partial(sync._keep, lease))
