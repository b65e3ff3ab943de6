// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, useState } from "@odoo/owl";
import { useService } from "@web/core/utils/hooks";
import { progressWords } from "../mailboxes/mailbox_live";
import { failureOf } from "./failure";
import { oneLine } from "./plain_text";

const ICONS = {
    no_mailbox: "fa-plug",
    importing: "fa-cloud-download",
    no_address: "fa-at",
    nothing_shared: "fa-lock",
    nothing: "fa-envelope-open-o",
    filtered: "fa-search",
};

/** Nothing to show: why, and what can be done about it. */
export class Empty extends Component {
    static template = "crm_mail_mirror.emails.Empty";
    static props = {
        empty: Object,
        readonly: { type: Boolean, optional: true },
        saveAddress: { type: Function, optional: true },
        clear: { type: Function, optional: true },
    };

    setup() {
        this.action = useService("action");
        this.state = useState({ address: "", saving: false, failure: "" });
    }

    get icon() {
        return ICONS[this.props.empty.reason] || ICONS.nothing;
    }

    get who() {
        return (this.props.empty.who || []).map(oneLine);
    }

    /** How far the first imports are together; null while nothing is counted. */
    get progress() {
        const told = { done: 0, total: 0 };
        for (const { done, total } of this.props.empty.importing || []) {
            told.done += Math.min(done, total);
            told.total += total;
        }
        return told.total ? told : null;
    }

    get percent() {
        const { done, total } = this.progress;
        return Math.round((100 * done) / total);
    }

    get progressWords() {
        return progressWords(this.progress);
    }

    open(name) {
        return this.action.doAction(`crm_mail_mirror.${name}`);
    }

    async saveAddress() {
        if (!this.state.address.includes("@")) {
            return;
        }
        this.state.saving = true;
        this.state.failure = "";
        try {
            await this.props.saveAddress(this.state.address.trim());
        } catch (error) {
            this.state.failure = failureOf(error).sentence;
        } finally {
            this.state.saving = false;
        }
    }

    onKeydown(event) {
        if (event.key === "Enter") {
            event.preventDefault();
            event.stopPropagation();
            this.saveAddress();
        }
    }
}
