// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { moreWords } from "../emails/more";

/** Who sees how much of a mailbox: a sentence, the names behind it, and a look as one of them. */
export class Viewers extends Component {
    static template = "crm_mail_mirror.Viewers";
    static props = { ...standardFieldProps };

    setup() {
        this.action = useService("action");
    }

    get told() {
        return this.props.record.data[this.props.name] || null;
    }

    get moreWords() {
        return moreWords(this.told.more);
    }

    lookAs(viewer) {
        return this.action.doAction("crm_mail_mirror.crm_mail_mirror_view_as_action", {
            props: { viewer },
        });
    }
}

registry.category("fields").add("crm_mail_mirror_viewers", {
    component: Viewers,
    supportedTypes: ["json"],
});
