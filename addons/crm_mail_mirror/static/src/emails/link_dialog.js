// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { Dialog } from "@web/core/dialog/dialog";
import { useService } from "@web/core/utils/hooks";
import { anatomy } from "./plain_text";

/** Where a link in a mail really leads; it is followed only from here. */
export class LinkDialog extends Component {
    static template = "crm_mail_mirror.emails.LinkDialog";
    static components = { Dialog };
    static props = { link: String, close: Function };

    setup() {
        this.notification = useService("notification");
        this.parts = anatomy(this.props.link);
        this.isMail = this.props.link.startsWith("mailto:");
        this.isPlain = this.props.link.startsWith("http:");
        this.title = this.isMail ? _t("Write to this address?") : _t("Where this link leads");
    }

    async copy() {
        try {
            await browser.navigator.clipboard.writeText(this.props.link);
            this.notification.add(_t("Address copied"), { type: "success" });
        } catch {
            // a browser allows it on encrypted pages only
            this.notification.add(_t("The browser does not let it be copied."), {
                type: "warning",
            });
        }
    }
}
