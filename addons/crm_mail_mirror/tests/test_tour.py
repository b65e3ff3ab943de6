# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The page Emails in Odoo's own browser test; all other screens: tests/browser."""

from odoo.tests import HttpCase, tagged

from .common import MirrorCase


@tagged("post_install", "-at_install")
class TestTour(MirrorCase, HttpCase):
    def test_a_contacts_mail_is_read_and_searched(self):
        tess = self.user("tess", password="tess")
        contact = self.env["res.partner"].create(
            {"name": "Pia Post", "email": "pia@post.test"}
        )
        mailbox = self.mailbox(tess)
        for subject in ("Your pump", "Our invoice"):
            self.mail(mailbox, "pia@post.test", tess.email, subject=subject)

        self.start_tour(
            f"/odoo/res.partner/{contact.id}", "crm_mail_mirror_emails", login="tess"
        )
