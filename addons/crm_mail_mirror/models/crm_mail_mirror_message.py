# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does a mirrored mail show, and to whom?

Columns that hold content are closed to everybody. People read computed fields: each is
worked out from the copies that the reader may see, by that copy's sharing, at the
moment of reading. A search on content runs the same condition inside its query, so that
what cannot be read cannot be found, sorted, grouped or counted by either.
"""

from collections import defaultdict
from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from .crm_mail_mirror_copy import SHARING

#: Characters of the first words shown in lists.
PREVIEW = 160


class Sight(NamedTuple):
    """Who looks (``uid``), into which mailboxes (ids)."""

    uid: int
    mailboxes: tuple[int, ...]


def array(ids):
    """For ``%s::int[]``: a thousand ids as a list are a thousand things to parse."""
    return f"{{{','.join(map(str, ids))}}}"


def is_among(column, ids):
    """SQL condition: is the column one of these ids, however many?

    As ``= ANY(ids)`` PostgreSQL would estimate each of them whenever it plans a query:
    a millisecond and more for a thousand, where finding the rows takes half of one.
    """
    return SQL("(%s IN (SELECT unnest(%s::int[]))) IS TRUE", column, array(ids))


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _description = "Mirrored Mail"
    _log_access = False
    _order = "date desc, id desc"
    _rec_names_search = ["subject"]

    identity = fields.Char(required=True, groups=fields.NO_ACCESS)
    same_key = fields.Char(index="btree_not_null", groups=fields.NO_ACCESS)
    thread_key = fields.Char(groups=fields.NO_ACCESS)
    internet_message_id = fields.Char(index="btree_not_null", groups=fields.NO_ACCESS)
    subject_raw = fields.Char(groups=fields.NO_ACCESS)
    date = fields.Datetime(required=True, readonly=True)
    copy_ids = fields.One2many(
        comodel_name="crm.mail.mirror.copy",
        inverse_name="message_id",
        groups=fields.NO_ACCESS,
    )
    participant_ids = fields.One2many(
        comodel_name="crm.mail.mirror.participant",
        inverse_name="message_id",
        groups=fields.NO_ACCESS,
    )

    access = fields.Selection(
        selection=SHARING, compute="_compute_shown", string="You see"
    )
    direction = fields.Selection(
        selection=[("in", "Received"), ("out", "Sent")],
        compute="_compute_shown",
        search="_search_direction",
    )
    owner_ids = fields.Many2many(
        comodel_name="res.users",
        compute="_compute_shown",
        search="_search_owner_ids",
        string="In the mailbox of",
    )
    is_mine = fields.Boolean(compute="_compute_shown", search="_search_is_mine")
    subject = fields.Char(compute="_compute_shown", search="_search_subject")
    has_attachment = fields.Boolean(compute="_compute_shown")
    preview = fields.Char(compute="_compute_preview", string="First words")
    # for lists: the first words, or why there are none
    first_line = fields.Char(compute="_compute_first_line")
    body = fields.Text(compute="_compute_body", search="_search_body", string="Text")
    attachment_names = fields.Text(compute="_compute_body", string="Attachments")
    not_shared = fields.Char(compute="_compute_shown")
    _identity_uniq = models.UniqueIndex("(identity)")
    # all mail, and that of a conversation, newest first, from any mail on
    _date_idx = models.Index("(date DESC, id DESC)")
    _thread_idx = models.Index(
        "(thread_key, date DESC, id DESC) WHERE thread_key IS NOT NULL"
    )
    # an id may be longer than what a btree takes
    _internet_message_id_idx = models.Index("USING hash (internet_message_id)")

    # ---- what the reader may see ----------------------------------------------------

    @api.model
    def _readable_mailboxes(self):
        """The mailboxes that ``env.uid`` may read, as a subquery of ids."""
        mailboxes = self.env["crm.mail.mirror.mailbox"].sudo()
        mailboxes = mailboxes.with_context(active_test=False)
        return mailboxes._search([("is_readable", "=", True)]).subselect()

    @api.model
    def _sight(self, viewer=None):
        """Whose eyes look into which mailboxes: asked once for many queries.

        :param viewer: id of a colleague: what they see of the own mailboxes of
            ``env.uid``, and nothing of anybody else's
        :rtype: Sight
        :raises UserError: the viewer is no colleague
        """
        mailboxes = self.env["crm.mail.mirror.mailbox"].with_context(active_test=False)
        if viewer is None:
            found = mailboxes.sudo()._search([("is_readable", "=", True)])
            return Sight(self.env.uid, found.get_result_ids())
        colleague = self.env["res.users"].sudo().browse(viewer).exists()
        if not colleague.active or colleague.share:
            raise UserError(self.env._("Choose a colleague who works with this Odoo."))
        theirs = mailboxes.with_user(colleague).with_context(
            allowed_company_ids=list(colleague._get_company_ids())
        )
        found = mailboxes.sudo()._search(
            theirs._readable_domain() & Domain("user_id", "=", self.env.uid)
        )
        return Sight(colleague.id, found.get_result_ids())

    @api.model
    def _visible_copies(self, where, columns, sight=None):
        """Query of the copies that a reader may see, with what they share.

        :param where: SQL condition on ``c`` (copy) and ``m`` (its mailbox)
        :param columns: SQL of the columns to select; ``shown`` names what they share
        :param sight: the reader and the mailboxes; None: ``env.uid`` and what it reads
        """
        uid = sight.uid if sight else self.env.uid
        return SQL(
            """SELECT %(columns)s
                 FROM (SELECT c.*, m.user_id AS owner_id,
                              CASE WHEN m.user_id = %(uid)s THEN 'everything'
                                   WHEN c.sharing = 'private' THEN 'metadata'%(granted)s
                                   WHEN c.sharing IS NOT NULL THEN c.sharing
                                   WHEN c.direction = 'out' THEN m.sharing_out
                                   ELSE m.sharing_in END AS shown
                         FROM crm_mail_mirror_copy c
                         JOIN crm_mail_mirror_mailbox m ON m.id = c.mailbox_id
                        WHERE c.state = 'mirrored' AND %(readable)s
                          AND %(where)s) AS v""",
            columns=columns,
            uid=uid,
            # nothing, but for who was let in by a colleague
            granted=self.env["crm.mail.mirror.grant"]._granted_case(uid),
            # of the copy: of its mailbox, all of them are read for each mail
            readable=is_among(SQL("c.mailbox_id"), sight.mailboxes)
            if sight
            else SQL("m.id IN %s", self._readable_mailboxes()),
            where=where,
        )

    def _flush_for_reading(self):
        self.env["crm.mail.mirror.mailbox"].flush_model()
        self.env["crm.mail.mirror.copy"].flush_model()

    def _copies_by_message(self):
        """``{message id: [(owner, direction, shown, body id)]}``, own copies first."""
        self._flush_for_reading()
        found = defaultdict(list)
        if self.ids:
            self.env.cr.execute(
                SQL(
                    "%s ORDER BY v.owner_id != %s, v.id",
                    self._visible_copies(
                        SQL("c.message_id = ANY(%s)", list(self.ids)),
                        SQL(
                            "v.message_id, v.owner_id, v.direction, v.shown, v.body_id"
                        ),
                    ),
                    self.env.uid,
                )
            )
            for message, *copy in self.env.cr.fetchall():
                found[message].append(copy)
        return found

    @api.depends_context("uid", "allowed_company_ids", "lang")
    def _compute_shown(self):
        copies = self._copies_by_message()
        subjects = {m.id: m.subject_raw for m in self.sudo()}
        rank = {name: place for place, (name, _label) in enumerate(SHARING)}
        bodies = {b for many in copies.values() for *_x, b in many if b}
        files = dict(
            self.env["crm.mail.mirror.body"]
            .sudo()
            .browse(bodies)
            .mapped(lambda b: (b.id, b.attachment_count))
        )
        for message in self:
            seen = copies.get(message.id, ())
            shown = max((c[2] for c in seen), key=rank.__getitem__, default=False)
            message.access = shown
            # sent, if one of those whose copy is seen sent it, whoever received it
            ways = {way for _owner, way, *_x in seen}
            message.direction = ("out" if "out" in ways else "in") if seen else False
            message.owner_ids = [
                fields.Command.set(sorted({owner for owner, *_x in seen}))
            ]
            message.is_mine = any(owner == self.env.uid for owner, *_x in seen)
            message.subject = (
                (subjects[message.id] or self.env._("(no subject)"))
                if shown in ("subject", "everything")
                else False
            )
            message.not_shared = {
                "metadata": self.env._("Subject and text are not shared with you."),
                "subject": self.env._("The text is not shared with you."),
            }.get(shown, False)
            message.has_attachment = any(
                files.get(body) for _o, _d, what, body in seen if what == "everything"
            )

    def _body_by_message(self):
        """``{message id: body id}`` of the texts that the reader may read."""
        return {
            message: next(
                (b for _o, _d, what, b in seen if what == "everything" and b), None
            )
            for message, seen in self._copies_by_message().items()
        }

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_preview(self):
        bodies = self._body_by_message()
        words = {}
        wanted = [body for body in bodies.values() if body]
        if wanted:
            # the beginning of the new text only: whole texts are not loaded for a list
            self.env.cr.execute(
                SQL(
                    """SELECT id, left(text, least(coalesce(quote_at, 600), 600))
                         FROM crm_mail_mirror_body WHERE id = ANY(%s)""",
                    wanted,
                )
            )
            words = dict(self.env.cr.fetchall())
        for message in self:
            text = words.get(bodies.get(message.id)) or ""
            message.preview = " ".join(text.split())[:PREVIEW] or False

    @api.depends("preview", "not_shared")
    @api.depends_context("uid", "allowed_company_ids", "lang")
    def _compute_first_line(self):
        for message in self:
            message.first_line = message.preview or message.not_shared

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_body(self):
        chosen = self._body_by_message()
        for message in self:
            body = (
                self.env["crm.mail.mirror.body"].sudo().browse(chosen.get(message.id))
            )
            message.body = body.text
            message.attachment_names = (
                "\n".join(
                    f"{part.get('name') or part.get('type')}"
                    f" ({_human_size(part.get('size') or 0)})"
                    for part in body.attachments or ()
                )
                or False
            )

    @api.depends("date")
    @api.depends_context("lang", "tz")
    def _compute_display_name(self):
        for message in self:
            message.display_name = self.env._(
                "Email of %(date)s", date=format_date(self.env, message.date)
            )

    def action_open(self):
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Email"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def action_why(self):
        """Which rules let this mail in: for the owners of its copies."""
        self.ensure_one()
        return self.env["crm.mail.mirror.why"]._of_message(self)


def _human_size(size):
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GB"
