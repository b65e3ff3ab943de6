// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, onMounted, status } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { percent, progressWords, useMailboxLive } from "./mailbox_live";

/** How a mailbox fares: a colour, a sentence, and while it is imported a bar that moves. */
export class MailboxState extends Component {
    static template = "crm_mail_mirror.MailboxState";
    static props = { ...standardWidgetProps };

    setup() {
        this.live = useMailboxLive((told, before) => this.onTold(told, before));
        this.progressWords = progressWords;
        this.percent = percent;
        onMounted(() => this.catchUp());
    }

    /** What the record says, or what was told since. */
    get told() {
        const { data, resId } = this.props.record;
        const live = this.live[resId];
        const left = data.progress_total > data.progress_done;
        const recorded = {
            state: data.state,
            color: data.state_color || "muted",
            sentence: data.state_sentence,
            done: data.progress_done,
            total: left ? data.progress_total : 0,
            rate: null,
            seconds_left: null,
        };
        // told of an import that goes on, and newer than what was read; all else is read
        // again, so that sentence, times and counts are of one moment
        const isNews =
            live?.total && live.state === data.state && live.done >= data.progress_done;
        return isNews ? live : recorded;
    }

    get isImporting() {
        return this.told.state === "active" && this.told.total > 0 && this.told.color === "info";
    }

    get colorName() {
        return {
            success: _t("fine"),
            info: _t("under way"),
            warning: _t("in trouble"),
            danger: _t("needs you"),
            muted: _t("at rest"),
        }[this.told.color];
    }

    /** The end of a run may be told while the record is on its way. */
    async catchUp() {
        const { record } = this.props;
        const live = this.live[record.resId];
        if (live && !live.total && live.sentence !== record.data.state_sentence) {
            await this.load();
        }
    }

    /** Times, counts and buttons follow when a run ends or the state changes. */
    async onTold(told, before) {
        const { record } = this.props;
        const goesOn = told.total && before?.total && told.state === record.data.state;
        if (told.id !== record.resId || goesOn) {
            return;
        }
        await this.load();
    }

    async load() {
        const { record } = this.props;
        // what is being typed is not overwritten
        if (!(await record.model.root.isDirty?.()) && status(this) === "mounted") {
            await record.load();
        }
    }
}

registry.category("view_widgets").add("crm_mail_mirror_state", {
    component: MailboxState,
    fieldDependencies: [
        { name: "state", type: "selection" },
        { name: "state_color", type: "char" },
        { name: "state_sentence", type: "char" },
        { name: "progress_done", type: "integer" },
        { name: "progress_total", type: "integer" },
    ],
});
