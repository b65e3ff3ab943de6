// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { fullDate, shortDate } from "./dates";
import { oneLine } from "./plain_text";

const MAILBOX = "crm.mail.mirror.mailbox";

/** Last mail in and out, whose turn it is, how fresh that is, what is still looked for. */
export class OverviewLine extends Component {
    static template = "crm_mail_mirror.emails.OverviewLine";
    static props = {
        overview: Object,
        readonly: { type: Boolean, optional: true },
        checked: Function,
        // opens the former addresses of a contact
        formerly: { type: Function, optional: true },
        openAll: { type: Function, optional: true },
    };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ checking: [], showsStale: false });
    }

    get last() {
        const { last_in, last_out } = this.props.overview;
        return [
            last_in && { key: "in", icon: "fa-arrow-down", label: _t("Last received"), ...last_in },
            last_out && { key: "out", icon: "fa-arrow-up", label: _t("Last sent"), ...last_out },
        ]
            .filter(Boolean)
            .map((each) => ({
                ...each,
                name: oneLine(each.name) + (each.more ? ` +${each.more}` : ""),
                short: shortDate(each.date),
                full: fullDate(each.date),
            }));
    }

    get total() {
        const { total, total_is_limited: limited } = this.props.overview;
        if (!total) {
            return "";
        }
        if (limited) {
            return _t("more than %s mails", total);
        }
        return total === 1 ? _t("1 mail") : _t("%s mails", total);
    }

    /** Mailboxes that lag behind: one's own, or else the first; the others on demand. */
    get stale() {
        const lines = this.props.overview.stale || [];
        const mine = lines.filter((each) => each.mailbox_id);
        return this.state.showsStale ? lines : mine.length ? mine : lines.slice(0, 1);
    }

    get moreStale() {
        const more = (this.props.overview.stale || []).length - this.stale.length;
        return more === 1 ? _t("and 1 mailbox more") : _t("and %s mailboxes more", more);
    }

    isChecking(line) {
        return this.state.checking.includes(line.mailbox_id);
    }

    async check(line) {
        this.state.checking.push(line.mailbox_id);
        try {
            await this.orm.call(MAILBOX, "action_sync_now", [[line.mailbox_id]]);
            await this.props.checked();
        } finally {
            this.state.checking = this.state.checking.filter((each) => each !== line.mailbox_id);
        }
    }
}
