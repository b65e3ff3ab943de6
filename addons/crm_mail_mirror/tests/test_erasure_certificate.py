# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The certificate tells an address only to who types it into the page."""

from odoo import http
from odoo.tests import HttpCase, tagged


@tagged("post_install", "-at_install")
class TestErasureCertificate(HttpCase):
    def test_an_address_in_a_link_is_not_read(self):
        """It would stand in the log of each server on the way."""
        address = "jane.doe@acme.test"
        made = self.env["crm.mail.mirror.erasure"]._make([address])
        url = f"/crm_mail_mirror/erasure/{made.id}"
        self.authenticate("admin", "admin")

        linked = self.url_open(f"{url}?addresses={address}").text
        typed = self.url_open(
            url,
            data={"addresses": address, "csrf_token": http.Request.csrf_token(self)},
        ).text

        self.assertIn("j***@a***.test", linked)
        self.assertNotIn(address, linked)
        self.assertNotIn("of another address", linked)
        self.assertIn(address, typed)
