// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, onMounted, onWillUnmount, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

const MODEL = "crm.mail.mirror.dry.run";

/** Looks on, step by step, as long as the page is open; shows how far it is. */
export class DryRun extends Component {
    static template = "crm_mail_mirror.DryRun";
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.told = useState({ progress: 0, seen: 0, mirrored: 0, stopping: false });
        this.gone = false;
        onMounted(() => this.lookOn());
        onWillUnmount(() => {
            this.gone = true;
            clearTimeout(this.timer);
        });
    }

    get record() {
        return this.props.record;
    }

    async lookOn() {
        while (!this.gone && !this.told.stopping) {
            if (this.record.data.state !== "looking" || !this.record.resId) {
                return;
            }
            const told = await this.orm.silent.call(MODEL, "step", [this.record.resId]);
            if (this.gone) {
                return;
            }
            if (told.state === "gone") {
                this.action.doAction("crm_mail_mirror.crm_mail_mirror_mailbox_action");
                return;
            }
            Object.assign(this.told, told);
            if (told.state !== "looking") {
                await this.record.load();
                return;
            }
            await this.wait(told.wait);
        }
    }

    wait(seconds) {
        return new Promise((resolve) => {
            this.wake = resolve;
            this.timer = setTimeout(resolve, 1000 * seconds);
        });
    }

    async stop() {
        this.told.stopping = true;
        await this.orm.call(MODEL, "action_stop", [this.record.resId]);
        if (!this.gone) {
            await this.record.load();
        }
    }
}

registry.category("view_widgets").add("crm_mail_mirror_dry_run", { component: DryRun });
