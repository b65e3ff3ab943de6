# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What shall not come back, though it still lies in a mailbox?

Each row is a keyed hash and says nothing to whom has the database alone. It hangs on no
mailbox, mail or contact, because it outlives all of them: a mail that its owner removed
stays removed when the mailbox is linked anew.
"""

import contextlib
from collections import defaultdict
from datetime import datetime

from odoo import api, fields, models
from odoo.tools import SQL

from ..engine.keyring import KeyUnusable
from .crm_mail_mirror_credential import keyring

#: Rows written or deleted at once.
BITE = 5000


class CrmMailMirrorSuppression(models.Model):
    _name = "crm.mail.mirror.suppression"
    _description = "Keyed Hash of What Shall Not Come Back"
    _log_access = False

    kind = fields.Selection(
        selection=[
            ("mail", "A mail that its owner removed"),
            ("address", "An address of a person whose data was erased"),
            ("lapsed", "Mail of an address that was kept as long as it may be"),
            ("contact", "An address of a contact that was deleted"),
        ],
        required=True,
    )
    digest = fields.Char(required=True)
    # of a mail: keyed hash of the address of the mailbox that it is kept out of
    account = fields.Char()
    # lapsed: mail received before this moment, in mailboxes of this company
    before = fields.Datetime()
    company_id = fields.Many2one(
        comodel_name="res.company", ondelete="cascade", index="btree_not_null"
    )
    # lapsed: by which of the two settings
    origin = fields.Selection(
        selection=[("mail", "After the last mail"), ("lost", "After the lead was lost")]
    )
    created_at = fields.Datetime(
        required=True, default=lambda self: fields.Datetime.now()
    )

    _account_idx = models.Index("(account) WHERE account IS NOT NULL")
    _digest_uniq = models.UniqueIndex(
        "(digest, kind, COALESCE(account, ''), COALESCE(company_id, 0),"
        " COALESCE(origin, ''))"
    )

    # ---- asked by the sync ----------------------------------------------------------

    @api.model
    def _of_page(self, emails, mailbox_id=None):
        """What holds for these addresses in a mailbox.

        :param mailbox_id: whose company's retention counts; ``None``: any company's
        :return: those of erased persons, and ``{address: moment}`` before which mail
            does not match that address (UTC, without zone)
        """
        digests = self._digests(emails)
        if not digests:
            return frozenset(), {}
        self.env.cr.execute(self._page_query(digests, mailbox_id))
        found = {"erased": [], "floor": []}
        for what, value in self.env.cr.fetchall():
            found[what].append(value)
        return self._page_answer(digests, **found)

    @api.model
    def _erased(self, emails):
        """Of these addresses those of persons whose data was erased."""
        # without a key nothing is mirrored either
        with contextlib.suppress(KeyUnusable):
            return self._of_page(emails)[0]
        return frozenset()

    @api.model
    def _page_query(self, digests, mailbox_id=None):
        """The query of ``_of_page``: two columns of text, to stand in a union.

        :param digests: of ``_digests``
        """
        return SQL(
            """SELECT CASE kind WHEN 'address' THEN 'erased' ELSE 'floor' END,
                      CASE kind WHEN 'address' THEN digest
                                ELSE digest || ' ' || before END
                 FROM crm_mail_mirror_suppression
                WHERE digest = ANY(%(digests)s)
                  AND (kind = 'address' OR kind = 'lapsed' AND %(company)s)""",
            digests=list(digests),
            company=SQL("TRUE")
            if mailbox_id is None
            else SQL(
                """company_id = (SELECT company_id FROM crm_mail_mirror_mailbox
                                  WHERE id = %s)""",
                mailbox_id,
            ),
        )

    @api.model
    def _page_answer(self, digests, erased, floor):
        """What ``_of_page`` gives, from the values of its query by their first column.

        :param digests: of ``_digests``
        """
        floors = {}
        for value in floor:
            digest, _space, before = value.partition(" ")
            email, before = digests[digest], datetime.fromisoformat(before)
            floors[email] = max(before, floors.get(email, before))
        return frozenset(digests[digest] for digest in erased), floors

    @api.model
    def _hidden(self, account, identities):
        """Which of these mails did the owner remove from the mirror of this mailbox?

        :param account: the mailbox's own address, normalised
        :param identities: ``identity.identity`` of the mails
        :return: ``{identity: its digest}`` of those
        """
        digests = self._digests(identities)
        if not digests or not account:
            return {}
        self.env.cr.execute(
            SQL(
                """SELECT digest FROM crm_mail_mirror_suppression
                    WHERE kind = 'mail' AND digest = ANY(%s) AND account = ANY(%s)""",
                list(digests),
                self._accounts(account),
            )
        )
        return {digests[digest]: digest for (digest,) in self.env.cr.fetchall()}

    @api.model
    def _removed_from(self, account):
        """Keyed hashes of all mails that the owner removed from this mailbox: what is
        read meanwhile is not even asked for."""
        self.env.cr.execute(
            SQL(
                """SELECT digest FROM crm_mail_mirror_suppression
                    WHERE kind = 'mail' AND account = ANY(%s)""",
                self._accounts(account or ""),
            )
        )
        return frozenset(digest for (digest,) in self.env.cr.fetchall())

    @api.model
    def _deleted_contacts(self, emails):
        """Which of these addresses had a contact that somebody deleted, or are of a
        person whose data was erased? Nobody is suggested, or made, with one."""
        digests = self._digests(emails)
        if not digests:
            return frozenset()
        self.env.cr.execute(
            SQL(
                """SELECT digest FROM crm_mail_mirror_suppression
                    WHERE kind IN ('contact', 'address') AND digest = ANY(%s)""",
                list(digests),
            )
        )
        return frozenset(digests[digest] for (digest,) in self.env.cr.fetchall())

    # ---- made and lifted ------------------------------------------------------------

    @api.model
    def _add(self, kind, values, account=None, before=None, company=None, origin=None):
        """Keep these out from now on.

        :param values: identities of mails, or normalised addresses
        :param account: of ``mail``: the mailbox's own address, normalised
        :param before, company, origin: of ``lapsed``; the later moment counts
        :raises KeyUnusable: no usable key on this server
        """
        digests = sorted(self._digest(value) for value in set(values) if value)
        for start in range(0, len(digests), BITE):
            self.env.cr.execute(
                SQL(
                    """INSERT INTO crm_mail_mirror_suppression AS s
                              (kind, digest, account, before, company_id, origin,
                               created_at)
                       SELECT %s, d, %s, %s, %s, %s, now() AT TIME ZONE 'UTC'
                         FROM unnest(%s::text[]) AS d
                       ON CONFLICT (digest, kind, COALESCE(account, ''),
                                    COALESCE(company_id, 0), COALESCE(origin, ''))
                       DO UPDATE SET before = GREATEST(s.before, EXCLUDED.before)""",
                    kind,
                    self._accounts(account)[0] if account else None,
                    before,
                    company.id if company else None,
                    origin,
                    digests[start : start + BITE],
                )
            )
        self.invalidate_model()

    @api.model
    def _raise(self, floors, company, origin):
        """Mail received before its floor does not match an address any more.

        :param floors: ``{address: moment}``; of several the latest counts
        :param origin: by which of the company's settings
        """
        by_moment = defaultdict(list)
        for email, before in floors.items():
            by_moment[before].append(email)
        for before, emails in sorted(by_moment.items()):
            self._add("lapsed", emails, None, before, company, origin)

    @api.model
    def _lift(self, kind, values=None, account=None, company=None, origin=None):
        """They may come again.

        :param values: ``None``: all of this kind (and account, company, origin)
        :return: how many were lifted
        """
        where = [SQL("kind = %s", kind)]
        if values is not None:
            where.append(SQL("digest = ANY(%s)", list(self._digests(values))))
        if account:
            where.append(SQL("account = ANY(%s)", self._accounts(account)))
        if company:
            where.append(SQL("company_id = %s", company.id))
        if origin:
            where.append(SQL("origin = %s", origin))
        self.env.cr.execute(
            SQL(
                "DELETE FROM crm_mail_mirror_suppression WHERE %s",
                SQL(" AND ").join(where),
            )
        )
        lifted = self.env.cr.rowcount
        self.invalidate_model()
        return lifted

    @api.model
    def _follow(self, before, after):
        """A mailbox has another address: what was removed from it stays out."""
        if not before or not after:
            return
        with contextlib.suppress(KeyUnusable):
            self.env.cr.execute(
                SQL(
                    """INSERT INTO crm_mail_mirror_suppression
                              (kind, digest, account, created_at)
                       SELECT kind, digest, %s, created_at
                         FROM crm_mail_mirror_suppression
                        WHERE kind = 'mail' AND account = ANY(%s)
                           ON CONFLICT DO NOTHING""",
                    self._accounts(after)[0],
                    self._accounts(before),
                )
            )

    @api.model
    def _lift_digests(self, kind, digests):
        """The same for rows whose value nobody knows any more."""
        self.env.cr.execute(
            "DELETE FROM crm_mail_mirror_suppression WHERE kind = %s"
            " AND digest = ANY(%s)",
            [kind, list(digests)],
        )
        self.invalidate_model()

    @api.model
    def _known_with(self, digests):
        """Addresses of contacts and leads that have one of these digests.

        Half a second for 200,000 of them: for who gives up a suppression, now and then.
        """
        self.env.cr.execute(
            """SELECT email_normalized FROM res_partner
                WHERE email_normalized IS NOT NULL
               UNION SELECT email_normalized FROM crm_lead
                WHERE email_normalized IS NOT NULL
               UNION SELECT email_normalized FROM crm_mail_mirror_address"""
        )
        digests, ring = set(digests), keyring()
        return sorted(
            email
            for (email,) in self.env.cr.fetchall()
            if not digests.isdisjoint(ring.digests("suppression", email))
        )

    @api.model
    def _forget_contacts(self, emails):
        """Contacts with these addresses were deleted: nobody is made, or suggested,
        with one of them, unless somebody else still has it."""
        known = self.env["crm.mail.mirror.directory"]._known(emails)
        # without a key nothing is mirrored either
        with contextlib.suppress(KeyUnusable):
            self._add("contact", set(emails) - known)

    @api.model
    def _welcome_contacts(self, emails):
        """Somebody made contacts with these addresses, knowing what they do."""
        with contextlib.suppress(KeyUnusable):
            if emails:
                self._lift("contact", emails)

    @api.model
    def _digest(self, value):
        return keyring().digest("suppression", value)

    @api.model
    def _digests(self, values):
        """``{digest: value}`` under every key of the server: rows outlive rotations"""
        values = [value for value in values if value]
        if not values:
            return {}
        ring = keyring()
        return {
            digest: value
            for value in values
            for digest in ring.digests("suppression", value)
        }

    @api.model
    def _accounts(self, account):
        # another purpose: whom a mailbox belongs to is not who was erased
        return keyring().digests("suppression account", account)
