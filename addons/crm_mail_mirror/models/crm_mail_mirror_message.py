# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does a mirrored mail show, and to whom?

Columns that hold content are closed to everybody. People read computed fields: each is
worked out from the copies that the reader may see, by that copy's sharing, at the
moment of reading. A search on content runs the same condition inside its query, so that
what cannot be read cannot be found, sorted, grouped or counted by either.
"""

from collections import defaultdict

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from .crm_mail_mirror_copy import SHARING

#: Characters of the first words shown in lists.
PREVIEW = 160
_POSITIVE = {"ilike": "ILIKE", "like": "LIKE", "=ilike": "ILIKE", "=like": "LIKE"}


class CrmMailMirrorMessage(models.Model):
    _name = "crm.mail.mirror.message"
    _description = "Mirrored Mail"
    _log_access = False
    _order = "date desc, id desc"
    _rec_names_search = ["subject"]

    identity = fields.Char(required=True, groups=fields.NO_ACCESS)
    same_key = fields.Char(index="btree_not_null", groups=fields.NO_ACCESS)
    thread_key = fields.Char(index="btree_not_null", groups=fields.NO_ACCESS)
    internet_message_id = fields.Char(index="btree_not_null", groups=fields.NO_ACCESS)
    subject_raw = fields.Char(groups=fields.NO_ACCESS)
    date = fields.Datetime(required=True, readonly=True, index=True)
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
    sender = fields.Char(compute="_compute_people", string="From")
    recipients = fields.Char(compute="_compute_people", string="To")
    carbon_copy = fields.Char(compute="_compute_people", string="Cc")
    blind_copy = fields.Char(compute="_compute_people", string="Bcc")
    # short forms for lists: names where there are some
    sender_name = fields.Char(compute="_compute_people")
    recipient_names = fields.Char(compute="_compute_people")
    people = fields.Char(
        compute="_compute_people",
        search="_search_people",
        help="Everybody on the mail, by name and address",
    )

    partner_ids = fields.Many2many(
        comodel_name="res.partner",
        compute="_compute_partner_ids",
        search="_search_partner_ids",
        string="Contacts",
    )
    matched_by_domain = fields.Boolean(
        compute="_compute_matched_by_domain",
        help="Nobody on it is a contact, but a company has the domain of one of them",
    )

    _identity_uniq = models.UniqueIndex("(identity)")
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
    def _visible_copies(self, where, columns):
        """Query of the copies that ``env.uid`` may see, with what they share.

        :param where: SQL condition on ``c`` (copy) and ``m`` (its mailbox)
        :param columns: SQL of the columns to select; ``shown`` names what they share
        """
        return SQL(
            """SELECT %(columns)s
                 FROM (SELECT c.*, m.user_id AS owner_id,
                              CASE WHEN m.user_id = %(uid)s THEN 'everything'
                                   WHEN c.sharing = 'private' THEN 'metadata'
                                   WHEN c.sharing IS NOT NULL THEN c.sharing
                                   WHEN c.direction = 'out' THEN m.sharing_out
                                   ELSE m.sharing_in END AS shown
                         FROM crm_mail_mirror_copy c
                         JOIN crm_mail_mirror_mailbox m ON m.id = c.mailbox_id
                        WHERE c.state = 'mirrored' AND m.id IN %(mailboxes)s
                          AND %(where)s) AS v""",
            columns=columns,
            uid=self.env.uid,
            mailboxes=self._readable_mailboxes(),
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
            message.direction = seen[0][1] if seen else False
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

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_people(self):
        readable = list(self._copies_by_message())
        people = defaultdict(lambda: defaultdict(list))
        if readable:
            self.env.cr.execute(
                SQL(
                    """SELECT p.message_id, p.role, p.name, a.email_normalized
                         FROM crm_mail_mirror_participant p
                         JOIN crm_mail_mirror_address a ON a.id = p.address_id
                        WHERE p.message_id = ANY(%s) AND %s
                        ORDER BY p.id""",
                    readable,
                    self._participant_is_visible(),
                )
            )
            for message, role, name, email in self.env.cr.fetchall():
                people[message][role].append(f"{name} <{email}>" if name else email)
        for message in self:
            by_role = people[message.id]
            message.sender = ", ".join(by_role["from"]) or False
            message.sender_name = _names(by_role["from"])
            message.recipient_names = _names(by_role["to"] + by_role["cc"])
            message.recipients = ", ".join(by_role["to"]) or False
            message.carbon_copy = ", ".join(by_role["cc"]) or False
            message.blind_copy = ", ".join(by_role["bcc"]) or False
            message.people = (
                ", ".join(
                    dict.fromkeys(one for many in by_role.values() for one in many)
                )
                or False
            )

    @api.model
    def _participant_is_visible(self):
        """Condition on ``p``: a Bcc is seen by those who see the copy that has it."""
        return SQL(
            "(p.copy_id IS NULL OR p.copy_id IN (%s))",
            self._visible_copies(SQL("c.id = p.copy_id"), SQL("v.id")),
        )

    @api.depends("date")
    @api.depends_context("lang", "tz")
    def _compute_display_name(self):
        for message in self:
            message.display_name = self.env._(
                "Email of %(date)s", date=format_date(self.env, message.date)
            )

    # ---- searching what the reader may see ------------------------------------------

    def _text_condition(self, column, operator, value):
        """``column operator value`` in SQL, None where the framework has to negate."""
        if operator in _POSITIVE:
            pattern = value if operator.startswith("=") else f"%{value}%"
            return SQL("%s %s %s", column, SQL(_POSITIVE[operator]), pattern)
        if operator == "in":
            return SQL("%s = ANY(%s)", column, [v for v in value if isinstance(v, str)])
        return None

    def _search_visible(self, shared, condition, join=None):
        """Messages with a visible copy that shares enough and meets the condition."""
        self._flush_for_reading()
        return Domain(
            "id",
            "in",
            SQL(
                "(SELECT s.message_id FROM (%s) AS s %s"
                " WHERE s.shown = ANY(%s) AND %s)",
                self._visible_copies(SQL("TRUE"), SQL("v.*")),
                join or SQL(),
                list(shared),
                condition,
            ),
        )

    def _search_subject(self, operator, value):
        condition = self._text_condition(SQL("t.subject_raw"), operator, value)
        if condition is None:
            return NotImplemented
        return self._search_visible(
            ("subject", "everything"),
            condition,
            SQL("JOIN crm_mail_mirror_message t ON t.id = s.message_id"),
        )

    def _search_body(self, operator, value):
        condition = self._text_condition(SQL("b.text"), operator, value)
        if condition is None:
            return NotImplemented
        return self._search_visible(
            ("everything",),
            condition,
            SQL("JOIN crm_mail_mirror_body b ON b.id = s.body_id"),
        )

    def _search_direction(self, operator, value):
        if operator != "in":
            return NotImplemented
        return self._search_visible(
            [name for name, _label in SHARING],
            SQL("s.direction = ANY(%s)", [v for v in value if v]),
        )

    def _search_owner_ids(self, operator, value):
        if operator in ("any", "any!"):
            value = self.env["res.users"].search(value).ids
        elif operator in _POSITIVE:
            value = self.env["res.users"].search([("name", operator, value)]).ids
        elif operator != "in":
            return NotImplemented
        return self._search_visible(
            [name for name, _label in SHARING],
            SQL("s.owner_id = ANY(%s)", [v for v in value if isinstance(v, int) and v]),
        )

    def _search_is_mine(self, operator, value):
        if operator != "in":
            return NotImplemented
        return self._search_visible(
            [name for name, _label in SHARING], SQL("s.owner_id = %s", self.env.uid)
        )

    def _search_people(self, operator, value):
        by_email = self._text_condition(SQL("a.email_normalized"), operator, value)
        if by_email is None:
            return NotImplemented
        self._flush_for_reading()
        return Domain(
            "id",
            "in",
            SQL(
                """(SELECT p.message_id FROM crm_mail_mirror_participant p
                      JOIN crm_mail_mirror_address a ON a.id = p.address_id
                     WHERE (%s OR %s) AND %s)""",
                by_email,
                self._text_condition(SQL("p.name"), operator, value),
                self._participant_is_visible(),
            ),
        )

    # ---- the way from addresses to mail ---------------------------------------------

    @api.model
    def _of_addresses(self, addresses, limit=None):
        """Mail with any of these addresses that the reader may see, newest first.

        :param addresses: SQL subquery of address ids; our own among them do not count
        :param limit: at most so many
        :return: messages; rows that are the same mail to its reader come as one
        """
        self._flush_for_reading()
        self.env["crm.mail.mirror.participant"].flush_model()
        addresses = self._without_own(addresses)
        if not addresses or not self.has_access("read"):
            return self.browse()
        self.env.cr.execute(
            SQL(
                # each address gives its newest from the index, whatever lies behind: a
                # company with 60,000 mails took a second before
                """SELECT DISTINCT ON (n.date, n.message_id) n.message_id, t.same_key
                     FROM unnest(%s::int[]) AS a(id)
                    CROSS JOIN LATERAL (
                          SELECT p.date, p.message_id
                            FROM crm_mail_mirror_participant p
                           WHERE p.address_id = a.id AND %s AND EXISTS (%s)
                           ORDER BY p.date DESC, p.message_id %s) AS n
                     JOIN crm_mail_mirror_message t ON t.id = n.message_id
                    ORDER BY n.date DESC, n.message_id DESC %s""",
                addresses,
                self._participant_is_visible(),
                self._visible_copies(SQL("c.message_id = p.message_id"), SQL("1")),
                # some more, for those that turn out to be the same mail
                SQL("LIMIT %s", limit * 2) if limit else SQL(),
                SQL("LIMIT %s", limit * 2) if limit else SQL(),
            )
        )
        ids, shown = [], set()
        for message, same_key in self.env.cr.fetchall():
            if same_key and same_key in shown:
                continue
            shown.add(same_key)
            ids.append(message)
        return self.browse(ids[:limit] if limit else ids)

    @api.model
    def _without_own(self, addresses):
        """Ids of these addresses (SQL subquery) but for our own."""
        self.env["crm.mail.mirror.address"].flush_model()
        self.env.cr.execute(
            SQL(
                """SELECT email_normalized, id FROM crm_mail_mirror_address
                    WHERE id IN %s""",
                addresses,
            )
        )
        ids = dict(self.env.cr.fetchall())
        own = self.env["crm.mail.mirror.directory"]._own_among(ids)
        return [address for email, address in ids.items() if email not in own]

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_partner_ids(self):
        readable = list(self._copies_by_message())
        directory = self.env["crm.mail.mirror.directory"]
        found = defaultdict(set)
        if readable:
            self.env.cr.execute(
                SQL(
                    """SELECT p.message_id, r.partner_id, a.email_normalized
                         FROM crm_mail_mirror_participant p
                         JOIN crm_mail_mirror_address a ON a.id = p.address_id
                         JOIN crm_mail_mirror_address_partner_rel r
                           ON r.address_id = p.address_id
                         JOIN res_partner c ON c.id = r.partner_id
                        WHERE p.message_id = ANY(%s) AND %s AND NOT %s""",
                    readable,
                    self._participant_is_visible(),
                    directory._is_own_partner("c"),
                )
            )
            rows = self.env.cr.fetchall()
            own = directory._own_among({email for _m, _p, email in rows})
            for message, partner, email in rows:
                if email not in own:
                    found[message].add(partner)
            for message, companies in self._companies_by_domain(readable).items():
                found[message] |= companies
        partners = self.env["res.partner"].with_context(active_test=False)
        readable = set(
            partners.browse({p for many in found.values() for p in many})
            ._filtered_access("read")
            .ids
        )
        for message in self:
            message.partner_ids = [
                fields.Command.set(sorted(found[message.id] & readable))
            ]

    def _companies_by_domain(self, readable):
        """Companies that own the domain of somebody whom the reader sees on the mail.

        :param readable: ids of messages
        :return: ``{message id: ids of companies}``
        """
        directory = self.env["crm.mail.mirror.directory"]
        if not directory._matches_domains():
            return {}
        self.env.cr.execute(
            SQL(
                """SELECT DISTINCT p.message_id, a.domain
                     FROM crm_mail_mirror_participant p
                     JOIN crm_mail_mirror_address a ON a.id = p.address_id
                    WHERE p.message_id = ANY(%s) AND %s""",
                readable,
                self._participant_is_visible(),
            )
        )
        rows = self.env.cr.fetchall()
        owners = directory._owners_of({domain for _m, domain in rows if domain})
        found = defaultdict(set)
        for message, domain in rows:
            found[message] |= owners.get(domain, set())
        return found

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_matched_by_domain(self):
        self._flush_for_reading()
        self.env.cr.execute(
            SQL(
                "%s GROUP BY v.message_id HAVING bool_and(v.reason = 'domain')",
                self._visible_copies(
                    SQL("c.message_id = ANY(%s)", list(self.ids)), SQL("v.message_id")
                ),
            )
        )
        found = {message for (message,) in self.env.cr.fetchall()}
        for message in self:
            message.matched_by_domain = message.id in found

    def _search_partner_ids(self, operator, value):
        partners = self.env["res.partner"].with_context(active_test=False)
        if operator == "child_of":
            value = partners.search([("id", "child_of", value)]).ids
        elif operator in ("any", "any!"):
            value = partners.search(value).ids
        elif operator != "in":
            return NotImplemented
        self._flush_for_reading()
        ids = [v for v in value if isinstance(v, int) and v]
        addresses = partners._addresses_of_partners(
            SQL(
                "p.id = ANY(%s) AND NOT %s",
                ids,
                self.env["crm.mail.mirror.directory"]._is_own_partner("p"),
            )
        )
        by_domain = partners.browse(ids)._mirror_shown_domains()
        if by_domain:
            addresses = SQL("(%s UNION %s)", addresses, by_domain)
        return Domain(
            "id",
            "in",
            SQL(
                """(SELECT p.message_id FROM crm_mail_mirror_participant p
                     WHERE p.address_id = ANY(%s) AND %s)""",
                self._without_own(addresses),
                self._participant_is_visible(),
            ),
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


def _names(people):
    """The first three of "Name <address>", by name, and how many more there are."""
    names = [one.rpartition(" <")[0] or one for one in people]
    more = f" +{len(names) - 3}" if len(names) > 3 else ""
    return (", ".join(names[:3]) + more) or False


def _human_size(size):
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GB"
