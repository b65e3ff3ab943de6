// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useBus, useService } from "@web/core/utils/hooks";
import { session } from "@web/session";
import { LINKING, LinkDialog } from "./link_cards";

/**
 * Once, for who has no mailbox: shall it be linked? A "no" is for good.
 *
 * A line below the page, not a window over it: nobody is kept from working.
 */
export class Invitation extends Component {
    static template = "crm_mail_mirror.Invitation";
    static props = {};

    setup() {
        this.orm = useService("orm");
        this.dialog = useService("dialog");
        this.notification = useService("notification");
        this.state = useState({ offers: session.crm_mail_mirror_invitation || "" });
        useBus(this.env.bus, LINKING, () => (this.state.offers = ""));
    }

    link() {
        this.dialog.add(LinkDialog, { offers: this.state.offers });
    }

    async decline() {
        this.state.offers = "";
        await this.orm.call("res.users", "action_mirror_decline", []);
        this.notification.add(
            _t(
                "You are not asked again. You can link it at any time: your picture, My Preferences, Mailboxes."
            ),
            { type: "info" }
        );
    }
}

registry
    .category("main_components")
    .add("crm_mail_mirror.invitation", { Component: Invitation, props: {} });
