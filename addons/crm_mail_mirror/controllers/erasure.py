# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The certificate of an erasure, as a page to print.

It tells the address only to who types it: here is nothing but its hash, and what is
typed is compared, put onto the page, and forgotten.
"""

from odoo import http
from odoo.exceptions import UserError
from odoo.http import request


class Erasure(http.Controller):
    @http.route(
        "/crm_mail_mirror/erasure/<int:number>",
        type="http",
        auth="user",
        methods=["GET", "POST"],
        sitemap=False,
    )
    def certificate(self, number, **_other):
        # of a link it would stand in the log of each server on the way
        addresses = request.httprequest.form.get("addresses", "")
        erasures = request.env["crm.mail.mirror.erasure"]
        erasures._check_administrator()
        erasure = erasures.browse(number).exists()
        if not erasure or erasure.state == "found":
            raise request.not_found()
        typed = []
        if addresses:
            try:
                typed = erasures._addresses_of(addresses)
            except UserError:
                typed = []
        matches = erasure._is_of(typed)
        page = request.render(
            "crm_mail_mirror.erasure_certificate",
            {
                "erasure": erasure,
                "removed": erasure._removed(),
                "addresses": typed if matches else [],
                "is_other": bool(addresses) and not matches,
                "company": request.env.company,
            },
        )
        # what was typed belongs to no cache, here or on the way
        page.headers["Cache-Control"] = "no-store"
        return page
