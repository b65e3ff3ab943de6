// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { RadioField, radioField } from "@web/views/fields/radio/radio_field";

/** How much of a mail colleagues see: radio buttons as cards, each with a small picture. */
export class Sharing extends RadioField {
    static template = "crm_mail_mirror.Sharing";

    help(value) {
        return {
            metadata: _t("With whom you wrote, and when. Neither subject nor text."),
            subject: _t("The subject as well, but not the text."),
            everything: _t("Subject, text with what it quotes, and which files were attached."),
        }[value];
    }
}

registry.category("fields").add("crm_mail_mirror_sharing", {
    ...radioField,
    component: Sharing,
    supportedTypes: ["selection"],
});
