# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which view shows mail as conversations? One of its own, beside list and kanban."""

from lxml import etree

from odoo import api, fields, models

TYPE = "mirror_emails"


class IrUiView(models.Model):
    _inherit = "ir.ui.view"

    type = fields.Selection(selection_add=[(TYPE, "Conversations")])

    def _get_view_info(self):
        info = {TYPE: {"icon": "fa fa-comments-o", "multi_record": True}}
        return info | super()._get_view_info()

    def _validate_tag_mirror_emails(self, node, name_manager, node_info):
        """It has no content: what it shows is its own matter."""
        for child in node.iterchildren(tag=etree.Element):
            self._raise_view_error(
                self.env._("A view of type conversations must be empty."), child
            )

    @api.model
    def _get_default_mirror_emails_view(self):
        return etree.Element(TYPE)
