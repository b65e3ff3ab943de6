# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""All mail is listed once more: what was told of it so far?

What is there already is not written again: each page leaves one row that says which
places it found, and which mail without row it counted. When all was told, places that
no page found are gone.
"""

from odoo import api, fields, models
from odoo.tools import SQL

from .crm_mail_mirror_credential import keyring
from .lease import Lease

#: Hexadecimal digits that tell one mail of a mailbox from another, for some hours.
SHORT = 16


class CrmMailMirrorListing(models.Model):
    _name = "crm.mail.mirror.listing"
    _description = "Page of Mail That Was Listed Again"
    _log_access = False

    mailbox_id = fields.Many2one(
        comodel_name="crm.mail.mirror.mailbox",
        required=True,
        ondelete="cascade",
        index=True,
    )
    # ids of places that were known before, and were told
    places = fields.Json()
    # short keyed hashes of mail that is counted and has no row
    counted = fields.Json()

    @api.model
    def _begin(self, mailbox, recounts=False):
        """From here on all of a mailbox is told anew; the log begins anew with it.

        :param recounts: from the rows there are, lest somebody took some away
        """
        mailbox.flush_recordset()
        cr = self.env.cr
        cr.execute(
            "DELETE FROM crm_mail_mirror_listing WHERE mailbox_id = %s", [mailbox.id]
        )
        cr.execute(
            """UPDATE crm_mail_mirror_mailbox
                  SET listing = coalesce(listing, 'again'), listing_mark = (
                      SELECT coalesce(max(id), 0) FROM crm_mail_mirror_location)
                WHERE id = %s""",
            [mailbox.id],
        )
        mailbox.invalidate_recordset(["listing", "listing_mark"])
        days = self.env["crm.mail.mirror.day"]
        if recounts:
            days._recount(mailbox)
        else:
            days._begin_anew(mailbox)

    @api.model
    def _counted(self, mailbox_id):
        """Short digests of all mail that was counted so far without a row."""
        self.env.cr.execute(
            """SELECT jsonb_array_elements_text(counted) FROM crm_mail_mirror_listing
                WHERE mailbox_id = %s AND counted IS NOT NULL""",
            [mailbox_id],
        )
        return {digest for (digest,) in self.env.cr.fetchall()}

    @api.model
    def _note(self, lease: Lease, places, counted):
        """What a page found of what was there before."""
        if places or counted:
            self.env.cr.execute(
                SQL(
                    """INSERT INTO crm_mail_mirror_listing (mailbox_id, places, counted)
                       SELECT %s, to_jsonb(%s::int[]), to_jsonb(%s::text[])""",
                    lease.mailbox_id,
                    sorted(places),
                    sorted(counted),
                )
            )

    @api.model
    def _untold(self, lease: Lease):
        """Places that were there when this began and that no page found: their ids."""
        cr, old = self.env.cr, SQL("FALSE")
        mailbox = self.env["crm.mail.mirror.mailbox"].browse(lease.mailbox_id)
        if mailbox._has_old():
            # not listed any more, and on its way out (``_forget_old``): it is not gone
            old = SQL(
                """EXISTS (SELECT 1 FROM crm_mail_mirror_copy c
                            WHERE c.id = l.copy_id AND c.received_at < m.sync_from)"""
            )
        cr.execute(
            SQL(
                """WITH told AS MATERIALIZED (
                       SELECT jsonb_array_elements_text(places)::int AS id
                         FROM crm_mail_mirror_listing WHERE mailbox_id = %(mailbox)s)
                   SELECT l.id
                     FROM crm_mail_mirror_mailbox m
                     JOIN crm_mail_mirror_folder f ON f.mailbox_id = m.id
                     JOIN crm_mail_mirror_location l ON l.folder_id = f.id
                    WHERE m.id = %(mailbox)s AND l.id <= m.listing_mark
                      AND NOT EXISTS (SELECT 1 FROM told t WHERE t.id = l.id)
                      AND NOT %(old)s""",
                mailbox=lease.mailbox_id,
                old=old,
            )
        )
        return [place for (place,) in cr.fetchall()]

    @api.model
    def _end(self, lease: Lease):
        """All was told, and what no page found is gone."""
        self.env.cr.execute(
            "DELETE FROM crm_mail_mirror_listing WHERE mailbox_id = %s",
            [lease.mailbox_id],
        )
        self.env.cr.execute(
            """UPDATE crm_mail_mirror_mailbox
                  SET listing = NULL, listing_mark = 0, imported_at =
                      coalesce(imported_at, now() AT TIME ZONE 'UTC')
                WHERE id = %s""",
            [lease.mailbox_id],
        )


def ends_listing(lease: Lease, batch):
    """Is all told with this batch?"""
    is_last = batch.pass_complete and not batch.more and batch.done >= batch.total
    return bool(lease.listing) and is_last


def short_digest(key):
    """Of a mail's key (in clear), for ``counted``."""
    return keyring().digest("key", key)[:SHORT]


def is_counted(lease: Lease, key):
    """Was this mail, which has no row, counted since all is listed again?"""
    return bool(lease.counted) and any(
        digest[:SHORT] in lease.counted for digest in keyring().digests("key", key)
    )
