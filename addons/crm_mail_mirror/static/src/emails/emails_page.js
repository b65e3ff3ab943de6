// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { Emails } from "./emails";

/** The page "Emails" of a form: nothing is asked for before it is opened. */
export class EmailsPage extends Component {
    static template = "crm_mail_mirror.emails.EmailsPage";
    static components = { Emails };
    static props = { ...standardWidgetProps };

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
        this.state = useState({ saved: 0 });
    }

    get record() {
        return this.props.record;
    }

    get scope() {
        return { model: this.record.resModel, id: this.record.resId };
    }

    get isLead() {
        return this.record.resModel === "crm.lead";
    }

    get isCompany() {
        return !this.isLead && Boolean(this.record.data.is_company);
    }

    async saveAddress(address) {
        await this.record.update({ [this.isLead ? "email_from" : "email"]: address });
        await this.record.save();
        // read anew
        this.state.saved += 1;
    }

    async call(method) {
        const { resModel, resId } = this.record;
        this.action.doAction(await this.orm.call(resModel, method, [[resId]]));
    }
}

registry.category("view_widgets").add("crm_mail_mirror_emails", { component: EmailsPage });
