# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
{
    "name": "Mailbox Mirror: Employees",
    "summary": "The employees' managers say who sees whose mail",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "website": "https://github.com/mail-mirror/crm_mail_mirror",
    "author": "Mail Mirror",
    "license": "AGPL-3",
    "depends": ["crm_mail_mirror", "hr"],
    "data": ["views/res_users_views.xml"],
    "auto_install": True,
}
