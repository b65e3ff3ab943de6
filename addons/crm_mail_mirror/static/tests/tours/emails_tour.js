// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { registry } from "@web/core/registry";

const ROW = ".o_crm_mail_mirror_row";

/** On a contact: its page Emails is opened, a mail is read, another one searched for. */
registry.category("web_tour.tours").add("crm_mail_mirror_emails", {
    steps: () => [
        {
            content: "nothing is asked before the page is opened",
            trigger: "body:not(:has(.o_crm_mail_mirror_emails)) a[name=mirror_emails]",
            run: "click",
        },
        {
            content: "read a conversation",
            trigger: `${ROW}:contains(Your pump)`,
            run: "click",
        },
        {
            trigger: ".o_crm_mail_mirror_mail .o_crm_mail_mirror_text:contains(Text of Your pump)",
        },
        {
            content: "look for another one",
            trigger: ".o_crm_mail_mirror_search input",
            run: "edit invoice",
        },
        {
            trigger: `.o_crm_mail_mirror_list:has(${ROW}):not(:has(${ROW}:contains(pump)))`,
        },
        {
            trigger: `${ROW}:contains(Our invoice)`,
        },
    ],
});
