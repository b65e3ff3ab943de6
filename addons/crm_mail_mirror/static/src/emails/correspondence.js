// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { failureOf } from "./failure";

export const MODEL = "crm.mail.mirror.message";
export const PAGE = 30;

export const NO_FILTERS = Object.freeze({
    text: "",
    direction: null,
    person: null,
    owner: null,
    attachments: false,
    since: null,
    until: null,
});

function keyed(conversation, scope) {
    return { ...conversation, scope, key: `${conversation.id}${scope.earlier ? "e" : ""}` };
}

/**
 * The conversations of a record, or of all mail: read page by page, newest first.
 *
 * An answer that comes after another question was asked is dropped.
 */
export class Correspondence {
    constructor(orm) {
        this.orm = orm;
        this.asked = 0;
        this.scope = { model: null, id: null };
        this.domain = null;
        this.viewer = null;
        this.filters = { ...NO_FILTERS };
        this.conversations = [];
        this.overview = null;
        this.next = null;
        this.inEarlier = false;
        /** @type {null | "first" | "more"} */
        this.loading = "first";
        this.failure = null;
    }

    get isFiltered() {
        return Object.entries(NO_FILTERS).some(([name, none]) => this.filters[name] !== none);
    }

    get isEmpty() {
        return !this.loading && !this.failure && !this.conversations.length && !this.next;
    }

    /** Mail from before a lead is there, not yet asked for, and may be. */
    get hasEarlier() {
        const { model } = this.scope;
        return Boolean(
            model === "crm.lead" &&
                !this.inEarlier &&
                !this.next &&
                !this.loading &&
                this.overview?.earlier_count
        );
    }

    _arguments() {
        const told = {};
        if (this.viewer) {
            told.viewer = this.viewer;
        }
        return told;
    }

    _call(method, args, kwargs = {}) {
        return this.orm.silent.call(MODEL, method, args, { ...this._arguments(), ...kwargs });
    }

    /** Ask from the beginning, for what `change` says. */
    async begin(change = {}) {
        Object.assign(this, change);
        this.inEarlier = false;
        this.next = null;
        this.loading = "first";
        this.failure = null;
        const asked = ++this.asked;
        if (this.showsContacts) {
            this.conversations = [];
            await this._overview(asked);
            if (asked === this.asked) {
                this.loading = null;
            }
            return;
        }
        await Promise.all([this._page(asked, null), this._overview(asked)]);
    }

    /** Contacts of a company to choose from, no conversations yet. */
    get showsContacts() {
        return this.scope.by === "contact" && this.scope.partner_id === undefined;
    }

    /** Quietly once more, with what may have changed: rows and their places stay. */
    async refresh() {
        const asked = this.asked;
        const overview = this._overview(asked);
        if (this.showsContacts) {
            return overview;
        }
        try {
            const scope = { ...this.scope };
            const told = await this._told(asked, scope, null);
            if (asked === this.asked && !this.loading) {
                const fresh = told.conversations.map((each) => keyed(each, scope));
                const keys = new Set(fresh.map((each) => each.key));
                const end = told.next ? fresh.at(-1)?.date || "" : "";
                const older = this.conversations.filter(
                    (each) =>
                        !keys.has(each.key) && (each.scope.earlier || (end && each.date < end))
                );
                this.conversations = [...fresh, ...older];
                if (!older.length) {
                    this.next = told.next;
                }
            }
        } catch (error) {
            if (asked === this.asked) {
                this.failure = failureOf(error);
            }
        }
        await overview;
    }

    async more() {
        if (this.loading || !this.next) {
            return;
        }
        this.loading = "more";
        this.failure = null;
        await this._page(this.asked, this.next);
    }

    /** Go on with the mail from before the lead. */
    async earlier() {
        this.inEarlier = true;
        this.loading = "more";
        await this._page(this.asked, null);
    }

    async again() {
        this.failure = null;
        if (this.conversations.length && (this.next || this.inEarlier)) {
            this.loading = "more";
            await this._page(this.asked, this.next);
        } else {
            await this.begin();
        }
    }

    /** The next conversations: a page may be empty while the search is not at the end. */
    async _told(asked, scope, before) {
        const kwargs = { filters: { ...this.filters }, limit: PAGE };
        if (this.domain) {
            kwargs.domain = this.domain;
        }
        let told;
        do {
            told = await this._call("get_conversations", [scope], { ...kwargs, before });
            before = told.next;
        } while (asked === this.asked && before && !told.conversations.length);
        return told;
    }

    async _page(asked, before) {
        const scope = this.inEarlier ? { ...this.scope, earlier: true } : { ...this.scope };
        const goesOn = Boolean(before || scope.earlier);
        try {
            const told = await this._told(asked, scope, before);
            if (asked !== this.asked) {
                return;
            }
            const page = told.conversations.map((each) => keyed(each, scope));
            const known = new Set(goesOn ? this.keys : []);
            const fresh = page.filter((each) => !known.has(each.key));
            this.conversations = goesOn ? [...this.conversations, ...fresh] : fresh;
            this.next = told.next;
            this.failure = null;
        } catch (error) {
            if (asked === this.asked) {
                this.failure = failureOf(error);
            }
        }
        if (asked === this.asked) {
            this.loading = null;
        }
    }

    get keys() {
        return this.conversations.map((each) => each.key);
    }

    async _overview(asked) {
        try {
            const told = await this._call("get_overview", [{ ...this.scope }]);
            if (asked === this.asked) {
                this.overview = told;
            }
        } catch (error) {
            if (asked === this.asked) {
                this.failure = failureOf(error);
            }
        }
    }

    /** The line over the list once more, and what it says of an empty page. */
    refreshOverview() {
        return this._overview(this.asked);
    }

    /** It is no more, or not for this reader. */
    drop(key) {
        this.conversations = this.conversations.filter((each) => each.key !== key);
    }

    read(conversation, before) {
        return this._call("get_conversation", [conversation.id, conversation.scope], {
            before,
        });
    }

    text(message) {
        return this._call("get_text", [message]);
    }
}
