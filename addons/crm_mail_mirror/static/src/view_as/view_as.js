// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, onWillStart, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Emails } from "../emails/emails";

// all mail of one's own mailboxes
const SCOPE = { model: null, id: null };

/** My own mail as a colleague sees it: whom I choose, and then what they see. */
export class ViewAs extends Component {
    static template = "crm_mail_mirror.ViewAs";
    static components = { Emails, Layout };
    static props = {
        ...standardActionServiceProps,
        // id of the colleague to begin with
        viewer: { type: Number, optional: true },
    };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.scope = SCOPE;
        // where one is, and the way back
        this.display = { controlPanel: {} };
        this.state = useState({ text: "", told: null, viewer: null });
        onWillStart(async () => {
            await this.ask();
            const begin = this.props.viewer || this.props.action.params?.viewer;
            this.state.viewer =
                this.state.told.seeing.find((person) => person.id === begin) || null;
        });
    }

    async ask() {
        const text = this.state.text;
        const told = await this.orm.call("res.users", "get_mirror_colleagues", [text]);
        if (text === this.state.text) {
            this.state.told = told;
        }
    }

    get asViewer() {
        return _t("You see your mail as %s does.", this.state.viewer.name);
    }

    get whySeen() {
        const { name, words } = this.state.viewer;
        return `${name} ${words}.`;
    }

    whyNot({ name, words }) {
        return _t("%(name)s sees nothing of yours: %(why)s.", { name, why: words });
    }

    get moreWords() {
        const { more } = this.state.told;
        return more === 1
            ? _t("and one more: type a name to find them.")
            : _t("and %s more: type a name to find them.", more);
    }

    search(ev) {
        this.state.text = ev.target.value;
        return this.ask();
    }

    choose(person) {
        this.state.viewer = person;
    }

    another() {
        this.state.viewer = null;
    }

    stop() {
        if (this.env.config.breadcrumbs.length > 1) {
            this.action.restore();
        } else {
            this.action.doAction("crm_mail_mirror.crm_mail_mirror_mailbox_action_mine", {
                clearBreadcrumbs: true,
            });
        }
    }
}

registry.category("actions").add("crm_mail_mirror_view_as", ViewAs);
