// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component } from "@odoo/owl";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

/** On the page's own bus: a mailbox is being linked. */
export const LINKING = "CRM_MAIL_MIRROR:LINKING";
const IMAGES = "/crm_mail_mirror/static/src/img";

/** Where does your mail lie? One card for each provider that can be linked here. */
export class LinkCards extends Component {
    static template = "crm_mail_mirror.LinkCards";
    static props = {
        // "gmail,work,personal" or fewer
        offers: String,
        onChosen: { type: Function, optional: true },
    };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
    }

    get cards() {
        const offers = this.props.offers.split(",");
        return [
            {
                key: "gmail",
                provider: "gmail",
                name: "Gmail",
                help: _t("Your company's Google Workspace, or your own gmail.com"),
            },
            {
                key: "work",
                provider: "microsoft",
                name: "Microsoft 365",
                help: _t("Your company's or school's account"),
            },
            {
                key: "personal",
                provider: "microsoft",
                name: "Outlook.com",
                help: _t("Your personal account: outlook.com, hotmail, live, msn"),
            },
            {
                key: "imap",
                provider: "imap",
                name: _t("Other (IMAP)"),
                help: _t(
                    "Any other provider, with server and password: Yahoo, iCloud, GMX, OVH, IONOS, Zoho ..."
                ),
            },
        ]
            .filter((card) => card.key === "imap" || offers.includes(card.key))
            .map((card) => ({ ...card, image: `${IMAGES}/${card.key}.svg` }));
    }

    async choose(card) {
        const action = await this.orm.call("res.users", "action_mirror_link", [[]], {
            context: { ...user.context, mirror_provider: card.provider },
        });
        this.props.onChosen?.();
        // who links it need not be asked to
        this.env.bus.trigger(LINKING);
        await this.action.doAction(action);
    }
}

/** In a form of `res.users`. */
class LinkCardsWidget extends Component {
    static template = "crm_mail_mirror.LinkCardsWidget";
    static components = { LinkCards };
    static props = { ...standardWidgetProps };

    get offers() {
        return this.props.record.data.mirror_offers || "";
    }
}

registry.category("view_widgets").add("crm_mail_mirror_link_cards", {
    component: LinkCardsWidget,
    fieldDependencies: [{ name: "mirror_offers", type: "char" }],
});

export class LinkDialog extends Component {
    static template = "crm_mail_mirror.LinkDialog";
    static components = { Dialog, LinkCards };
    static props = { close: Function, offers: String, onChosen: { type: Function, optional: true } };

    chosen() {
        this.props.close();
        this.props.onChosen?.();
    }
}

/** Client action: the cards in a dialog. */
registry.category("actions").add("crm_mail_mirror_link", async (env) => {
    const [row] = await env.services.orm.read("res.users", [user.userId], ["mirror_offers"]);
    env.services.dialog.add(LinkDialog, { offers: row.mirror_offers || "" });
});
