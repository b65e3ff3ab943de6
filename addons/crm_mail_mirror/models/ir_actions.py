# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""May an action show conversations? Yes: see ``ir_ui_view``."""

from odoo import fields, models

from .ir_ui_view import TYPE


class IrActionsActWindowView(models.Model):
    _inherit = "ir.actions.act_window.view"

    view_mode = fields.Selection(
        selection_add=[(TYPE, "Conversations")], ondelete={TYPE: "cascade"}
    )
