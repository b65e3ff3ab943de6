// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, onMounted, onPatched, onWillUnmount, useRef } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { fullDate, shortDate } from "./dates";
import { Faces } from "./faces";
import { oneLine } from "./plain_text";

// pixels before the end at which the next page is asked for
const AHEAD = 400;

export const LEVELS = {
    everything: { icon: "fa-eye", label: _t("You see everything") },
    subject: { icon: "fa-low-vision", label: _t("You see the subject, not the text") },
    metadata: { icon: "fa-eye-slash", label: _t("You see who and when only") },
};

const PARTLY = {
    icon: "fa-low-vision",
    label: _t("Of some of these mails you see more than of others"),
};

/** Conversations, newest first; the next page comes when the end is near. */
export class ConversationList extends Component {
    static template = "crm_mail_mirror.emails.ConversationList";
    static components = { Faces };
    static props = {
        correspondence: Object,
        // key of the conversation that is being read
        reading: { type: [String, { value: null }], optional: true },
        open: Function,
        again: Function,
        more: Function,
        earlier: Function,
        // opens the form in which access is asked for; absent: it cannot be
        ask: { type: Function, optional: true },
        leave: { type: Function, optional: true },
        scrollsItself: Boolean,
    };

    setup() {
        this.root = useRef("root");
        this.end = useRef("end");
        this.active = 0;
        onMounted(() => {
            this.observer = new IntersectionObserver(
                (entries) => entries.some((each) => each.isIntersecting) && this.props.more(),
                {
                    root: this.props.scrollsItself ? this.root.el : null,
                    rootMargin: `0px 0px ${AHEAD}px 0px`,
                }
            );
            this.observe();
        });
        // observed anew after each page: an end that stays in sight is told again
        onPatched(() => this.observe());
        onWillUnmount(() => this.observer.disconnect());
    }

    observe() {
        this.observer.disconnect();
        if (this.end.el && this.props.correspondence.next) {
            this.observer.observe(this.end.el);
        }
    }

    get rows() {
        const { conversations } = this.props.correspondence;
        const active = Math.min(this.active, conversations.length - 1);
        return conversations.map((each, index) => ({
            ...each,
            told: each,
            isActive: index === active,
            isReading: each.key === this.props.reading,
            beginsEarlier: each.scope.earlier && !conversations[index - 1]?.scope.earlier,
            names: this.names(each),
            subjectLine: oneLine(each.subject),
            words: oneLine(each.preview),
            isSuspicious: each.people.some((person) => person.suspicious),
            level: each.partly ? PARTLY : LEVELS[each.access] || LEVELS.metadata,
            short: shortDate(each.date),
            full: fullDate(each.date),
            whose: this.whose(each),
        }));
    }

    names(conversation) {
        const names = conversation.people.map((each) => oneLine(each.name) || each.email);
        if (conversation.more_people) {
            names.push(`+${conversation.more_people}`);
        }
        return names.join(", ");
    }

    /** In whose mailbox it lies, in a few words. */
    whose(conversation) {
        const { owners, more_owners: more } = conversation;
        if (!owners.length) {
            return "";
        }
        const place = conversation.is_mine
            ? _t("in your mailbox")
            : _t("in %s’s mailbox", oneLine(owners[0].name));
        return more ? `${place} +${more}` : place;
    }

    get earlierLabel() {
        const { isFiltered, overview } = this.props.correspondence;
        // the number is that of all mail, not of what is looked for
        return isFiltered ? _t("Earlier mail") : _t("Earlier mail (%s)", overview.earlier_count);
    }

    get nothingSince() {
        return this.props.correspondence.isFiltered
            ? _t("No email since this lead was created matches.")
            : _t("Nothing was exchanged since this lead was created.");
    }

    count(conversation) {
        return conversation.count > 1 ? _t("%s mails", conversation.count) : "";
    }

    // --- keyboard -----------------------------------------------------------------

    onKeydown(event) {
        const inButton = event.target.closest("button");
        const steps = { ArrowDown: 1, ArrowUp: -1 };
        const last = this.props.correspondence.conversations.length - 1;
        let wanted = null;
        if (event.key in steps) {
            wanted = Math.min(Math.max(this.active + steps[event.key], 0), last);
        } else if (event.key === "Home") {
            wanted = 0;
        } else if (event.key === "End") {
            wanted = last;
        } else if (event.key === "Escape" && this.props.leave) {
            this.props.leave();
        } else if ((event.key === "Enter" || event.key === " ") && !inButton) {
            this.props.open(this.props.correspondence.conversations[this.active]);
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
        if (wanted !== null) {
            this.focus(wanted);
        }
    }

    focus(index) {
        this.active = index;
        const rows = this.root.el.querySelectorAll(".o_crm_mail_mirror_row");
        rows.forEach((row, place) => (row.tabIndex = place === index ? 0 : -1));
        rows[index]?.focus();
    }

    /** Focus on the conversation that was left, or on the first. */
    focusActive(key) {
        const place = this.props.correspondence.keys.indexOf(key);
        this.focus(place >= 0 ? place : Math.max(this.active, 0));
    }

    onFocus(index) {
        this.active = index;
    }

    onClick(row, index) {
        this.active = index;
        this.props.open(row.told);
    }
}
