// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, onWillStart, useState } from "@odoo/owl";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { formatList } from "@web/core/l10n/utils";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";

const MODEL = "crm.mail.mirror.message";
const WEEK = 7;

/**
 * The form in which a colleague asks the owners of a mail for what they do not share.
 *
 * To open it, with a conversation or a mail as the server tells them; `done` is called
 * once the question was put:
 *
 *     this.dialog.add(AskDialog, { told, done: () => this.reload() });
 *
 * The page "Emails" finds it in the registry, as `ask` of "crm_mail_mirror_emails".
 */
export class AskDialog extends Component {
    static template = "crm_mail_mirror.access.AskDialog";
    static components = { Dialog };
    static props = {
        told: { type: Object, shape: { id: Number, "*": true } },
        done: { type: Function, optional: true },
        close: Function,
    };

    setup() {
        this.orm = useService("orm");
        this.notification = useService("notification");
        this.title = _t("Ask for access");
        this.state = useState({ choice: "", days: WEEK, note: "", busy: false });
        this.choices = [];
        this.periods = [];
        onWillStart(() => this.load());
    }

    async load() {
        const told = await this.orm.call(MODEL, "get_ask_options", [this.props.told.id]);
        this.periods = told.periods;
        this.choices = [
            { key: "mail", what: "mail", label: _t("This mail"), owners: told.mail },
            {
                key: "conversation",
                what: "conversation",
                label: _t("This conversation, and what comes later to it"),
                owners: told.conversation,
            },
            ...told.contacts.map((each) => ({
                key: `contact_${each.id}`,
                what: "contact",
                partner: each.id,
                label: _t("All mail with %s", each.name),
                owners: each.owners,
            })),
        ].filter((each) => each.owners.length);
        // the list tells conversations, the reading pane single mails
        const wanted = "people" in this.props.told ? "conversation" : "mail";
        const chosen = this.choices.find((each) => each.what === wanted) || this.choices[0];
        this.state.choice = chosen?.key || "";
    }

    get chosen() {
        return this.choices.find((each) => each.key === this.state.choice);
    }

    get whoIsAsked() {
        const { owners } = this.chosen;
        return owners.length > 1
            ? _t("%s will be asked, each for their own mail.", formatList(owners))
            : _t("%s will be asked.", owners[0]);
    }

    async ask() {
        this.state.busy = true;
        try {
            const told = await this.orm.call(MODEL, "ask_access", [
                this.props.told.id,
                this.chosen.what,
                this.state.days,
                this.state.note,
                this.chosen.partner || null,
            ]);
            this.notification.add(told.sentence, { type: "success" });
            this.props.close();
            this.props.done?.();
        } finally {
            this.state.busy = false;
        }
    }
}

registry.category("crm_mail_mirror_emails").add("ask", AskDialog);
