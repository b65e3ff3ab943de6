// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, onWillStart, onWillUpdateProps, useEffect, useRef, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { failureOf } from "./failure";
import { Mail } from "./mail";
import { oneLine } from "./plain_text";

/** The mails of a conversation in order; what was read stays when the connection does not. */
export class ReadingPane extends Component {
    static template = "crm_mail_mirror.emails.ReadingPane";
    static components = { Mail };
    static props = {
        conversation: Object,
        // goes up when the same is opened again
        turn: Number,
        correspondence: Object,
        readonly: { type: Boolean, optional: true },
        showsBack: Boolean,
        close: Function,
        gone: Function,
        changed: Function,
        signIn: Function,
        ask: { type: Function, optional: true },
    };

    setup() {
        this.root = useRef("root");
        this.heading = useRef("heading");
        this.state = useState({
            mails: [],
            count: 0,
            next: null,
            loading: "first",
            failure: null,
            isGone: false,
        });
        this.asked = 0;
        onWillStart(() => {
            this.load(this.props.conversation);
        });
        onWillUpdateProps((next) => {
            if (next.conversation.key !== this.props.conversation.key) {
                this.load(next.conversation);
            } else if (next.turn !== this.props.turn) {
                this.page(next.conversation, null);
            }
        });
        useEffect(
            () => this.showNewest(),
            () => [this.shownFor]
        );
    }

    get subject() {
        // of the newest mail whose subject is shared
        const told = [...this.state.mails].reverse().find((each) => each.subject);
        return oneLine(told?.subject ?? this.props.conversation.subject);
    }

    get isHidden() {
        return !this.subject;
    }

    get count() {
        const { count } = this.state;
        if (count === 1) {
            return _t("1 mail");
        }
        return count >= 1000 ? _t("more than 1000 mails") : _t("%s mails", count);
    }

    async load(conversation) {
        Object.assign(this.state, {
            mails: [],
            count: conversation.count,
            next: null,
            loading: "first",
            failure: null,
            isGone: false,
        });
        await this.page(conversation, null);
        this.shownFor = conversation.key;
        this.render();
    }

    get ask() {
        return this.props.ask && ((told) => this.props.ask(told, () => this.reload()));
    }

    /** What is on the screen once more: something about it changed. */
    async reload() {
        await this.page(this.props.conversation, null);
        this.props.changed();
    }

    async older() {
        const height = this.root.el.scrollHeight;
        this.state.loading = "older";
        await this.page(this.props.conversation, this.state.next);
        // what was being read stays where it is
        requestAnimationFrame(() => {
            if (this.root.el) {
                this.root.el.scrollTop += this.root.el.scrollHeight - height;
            }
        });
    }

    async page(conversation, before) {
        const asked = ++this.asked;
        this.state.failure = null;
        try {
            const { correspondence } = this.props;
            let told = await correspondence.read(conversation, before);
            const other = this.state.mails.find((each) => each.id !== conversation.id);
            if (told.gone && other) {
                // the mail that stood for it went; the others may be there
                told = await correspondence.read({ ...conversation, id: other.id }, null);
            }
            if (asked !== this.asked) {
                return;
            }
            if (told.gone) {
                // nothing of it is visible any more: what was shown is not kept either
                this.state.mails = [];
                this.state.isGone = true;
                this.props.gone(this.props.conversation.key);
            } else {
                this.state.mails = before ? [...told.mails, ...this.state.mails] : told.mails;
                this.state.count = told.count;
                this.state.next = told.next;
            }
        } catch (error) {
            if (asked === this.asked) {
                this.state.failure = failureOf(error);
                this.failedAt = { conversation, before };
            }
        }
        if (asked === this.asked) {
            this.state.loading = null;
        }
    }

    failed(error) {
        this.state.failure = failureOf(error);
        this.failedAt = null;
    }

    async again() {
        if (this.state.failure.remedy === "login") {
            return this.props.signIn();
        }
        const { failedAt } = this;
        this.state.failure = null;
        if (failedAt) {
            this.state.loading = failedAt.before ? "older" : "first";
            await this.page(failedAt.conversation, failedAt.before);
        }
    }

    get closing() {
        return this.props.showsBack ? _t("Back to the list") : _t("Close");
    }

    leave() {
        this.props.close();
    }

    onKeydown(event) {
        // a menu that stands open is closed first, and nothing with it
        const inMenu = event.target.closest(".dropdown-menu, .o-dropdown.show");
        if (event.key === "Escape" && !inMenu) {
            event.preventDefault();
            event.stopPropagation();
            this.leave();
        }
    }

    /** The newest mail at the top, as far as there is text below it. */
    showNewest() {
        const mails = this.root.el?.querySelectorAll(".o_crm_mail_mirror_mail") || [];
        const newest = [...mails].at(-1);
        if (!newest || mails.length < 2) {
            return;
        }
        if (this.props.showsBack) {
            newest.scrollIntoView({ block: "start" });
        } else {
            this.root.el.scrollTop = newest.offsetTop - this.root.el.firstElementChild.offsetHeight;
        }
    }
}
