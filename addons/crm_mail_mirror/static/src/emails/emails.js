// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import {
    Component,
    onMounted,
    onWillStart,
    onWillUnmount,
    onWillUpdateProps,
    useEffect,
    useExternalListener,
    useRef,
    useState,
} from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { ConversationList } from "./conversation_list";
import { Correspondence, NO_FILTERS } from "./correspondence";
import { shortDate } from "./dates";
import { Empty } from "./empty";
import { Filters } from "./filters";
import { OverviewLine } from "./overview_line";
import { oneLine } from "./plain_text";
import { ReadingPane } from "./reading_pane";

// pixels of width from which the pane stands beside the list, and below which it
// takes the list's place
const BESIDE = 700;
const INSTEAD = 520;
const REMEMBERED = "crm_mail_mirror.company_by";
const PROGRESS = "crm_mail_mirror.mailbox";

/**
 * The mail of a contact, company or lead, or all of it: conversations to choose from, and
 * the one that is being read.
 *
 * Others may mount it: `scope` says of what, `viewer` as whom (own mailboxes only).
 */
export class Emails extends Component {
    static template = "crm_mail_mirror.emails.Emails";
    static components = { ConversationList, Empty, Filters, OverviewLine, ReadingPane };
    static props = {
        // {model: "res.partner" | "crm.lead" | null, id: number | null}
        scope: Object,
        isCompany: { type: Boolean, optional: true },
        domain: { type: Array, optional: true },
        viewer: { type: Number, optional: true },
        // a search bar of somebody else's stands over it
        searchedAbove: { type: Boolean, optional: true },
        saveAddress: { type: Function, optional: true },
        openAll: { type: Function, optional: true },
        formerly: { type: Function, optional: true },
    };

    setup() {
        this.dialog = useService("dialog");
        this.ui = useService("ui");
        this.root = useRef("root");
        this.correspondence = useState(new Correspondence(useService("orm")));
        this.state = useState({
            reading: null,
            // how often something was opened
            turn: 0,
            width: BESIDE,
            group: null,
            by: browser.localStorage.getItem(REMEMBERED) === "contact" ? "contact" : "time",
        });
        // asking for access comes from a component of its own
        this.AskDialog = registry.category("crm_mail_mirror_emails").get("ask", null);
        onWillStart(() => {
            // not awaited: a skeleton shows at once
            this.begin(this.props);
        });
        onWillUpdateProps((next) => {
            const told = ({ scope, domain, viewer, isCompany }) =>
                JSON.stringify([scope, domain, viewer, isCompany]);
            if (told(next) !== told(this.props)) {
                this.state.reading = null;
                this.state.group = null;
                this.begin(next, { filters: { ...NO_FILTERS } });
            }
        });
        onMounted(() => {
            this.observer = new ResizeObserver(([entry]) => {
                this.state.width = entry.contentRect.width;
            });
            this.observer.observe(this.root.el);
        });
        onWillUnmount(() => this.observer.disconnect());
        useEffect(
            () => this.bringIntoSight(),
            () => [this.state.reading?.key, this.layout]
        );
        // of the whole page: who has just opened it is in no row yet
        useExternalListener(document, "keydown", (event) => this.onKeydown(event));
        this.listenToProgress();
    }

    begin(props, change = {}) {
        return this.correspondence.begin({
            scope: this.scopeOf(props),
            domain: props.domain || null,
            viewer: props.viewer || null,
            ...change,
        });
    }

    scopeOf({ scope, isCompany }) {
        if (!isCompany) {
            return { ...scope };
        }
        const told = { ...scope, by: this.state.by };
        if (this.state.by === "contact" && this.state.group) {
            // 0: people at the company's domain who are no contacts
            told.partner_id = this.state.group.partner_id || 0;
        }
        return told;
    }

    // --- layout -----------------------------------------------------------------------

    get layout() {
        if (this.state.width >= BESIDE) {
            return "beside";
        }
        return this.state.width < INSTEAD ? "instead" : "below";
    }

    get showsList() {
        return !(this.layout === "instead" && this.state.reading);
    }

    // --- what is shown ------------------------------------------------------------------

    get groups() {
        const { showsContacts, loading, overview } = this.correspondence;
        return showsContacts && !loading && overview?.groups?.length ? overview.groups : null;
    }

    groupLine(group) {
        return {
            name: oneLine(group.name),
            count: group.count === 1 ? _t("1 mail") : _t("%s mails", group.count),
            last: group.last ? shortDate(group.last) : "",
        };
    }

    get showsFilters() {
        return !this.props.searchedAbove && (!this.isWhollyEmpty || this.correspondence.isFiltered);
    }

    get isWhollyEmpty() {
        const { overview, isEmpty, isFiltered } = this.correspondence;
        return Boolean(overview && isEmpty && !isFiltered && !this.groups?.length);
    }

    /** Why nothing is shown. */
    get empty() {
        const { correspondence } = this;
        if (!correspondence.isEmpty || correspondence.hasEarlier) {
            return null;
        }
        if (correspondence.isFiltered || this.props.domain?.length) {
            return {
                reason: "filtered",
                sentence: _t("No email matches"),
                help: _t("Words are looked for only in what is shared with you."),
            };
        }
        return (
            correspondence.overview?.empty || {
                reason: "nothing",
                sentence: _t("No email to show here"),
            }
        );
    }

    /** For those who do not see what happens. */
    get said() {
        const { loading, conversations, failure } = this.correspondence;
        if (failure) {
            return "";
        }
        if (loading) {
            return loading === "first" ? _t("Reading emails") : _t("Reading more emails");
        }
        return conversations.length === 1
            ? _t("1 conversation")
            : _t("%s conversations", conversations.length);
    }

    get people() {
        const seen = new Map();
        for (const { people } of this.correspondence.conversations) {
            for (const each of people) {
                if (each.email && !seen.has(each.email)) {
                    seen.set(each.email, each);
                }
            }
        }
        return [...seen.values()];
    }

    get owners() {
        const seen = new Map();
        for (const { owners } of this.correspondence.conversations) {
            owners.forEach((each) => seen.set(each.id, each));
        }
        return [...seen.values()];
    }

    // --- what can be done ---------------------------------------------------------------

    async filter(change) {
        this.state.reading = null;
        await this.begin(this.props, {
            filters: { ...this.correspondence.filters, ...change },
        });
    }

    async chooseBy(by) {
        browser.localStorage.setItem(REMEMBERED, by);
        Object.assign(this.state, { by, group: null, reading: null });
        await this.begin(this.props);
    }

    async chooseGroup(group) {
        Object.assign(this.state, { group, reading: null });
        await this.begin(this.props);
    }

    open(conversation) {
        // opened again: read again
        this.state.turn += 1;
        this.state.reading = conversation;
    }

    /** What was opened is in sight; what was left has the focus in the list again. */
    bringIntoSight() {
        if (!this.state.reading) {
            if (this.left) {
                this.focusList(this.left);
                this.left = null;
            }
            return;
        }
        const instead = this.layout === "instead";
        const place = this.layout === "beside" ? "panes" : "pane";
        const pane = this.root.el.querySelector(`.o_crm_mail_mirror_${place}`);
        pane.scrollIntoView({ block: instead ? "start" : "nearest" });
        if (instead) {
            pane.focus({ preventScroll: true });
        }
    }

    close() {
        this.left = this.state.reading?.key;
        this.state.reading = null;
    }

    focusList(key) {
        const rows = [...(this.root.el?.querySelectorAll(".o_crm_mail_mirror_row") || [])];
        const place = Math.max(this.correspondence.keys.indexOf(key), 0);
        (key ? rows[place] : rows.find((row) => row.tabIndex === 0))?.focus();
    }

    gone(key) {
        this.correspondence.drop(key);
        this.correspondence.refreshOverview();
    }

    async again(failure) {
        if (failure.remedy === "login") {
            this.signIn();
        } else {
            await this.correspondence.again();
        }
    }

    signIn() {
        browser.location.reload();
    }

    get ask() {
        if (!this.AskDialog || this.props.viewer) {
            return undefined;
        }
        // a conversation and a mail have the same handle: a message
        return (told, asked = () => this.correspondence.refresh()) =>
            this.dialog.add(this.AskDialog, { told, done: asked });
    }

    // --- keyboard -----------------------------------------------------------------------

    onKeydown(event) {
        const { key, target, ctrlKey, metaKey, altKey } = event;
        if (event.defaultPrevented || ctrlKey || metaKey || altKey || !this.hears(target)) {
            return;
        }
        if (key === "/") {
            this.focusSearch(event);
        } else if (["ArrowDown", "ArrowUp"].includes(key) && this.isBeside(target)) {
            if (this.correspondence.conversations.length && this.showsList) {
                event.preventDefault();
                this.focusList();
            }
        }
    }

    /** Nothing is written there, and no window, menu or other page lies over this one. */
    hears(target) {
        const isTyping = target.closest("input, textarea, select, [contenteditable]");
        const { el } = this.root;
        return !isTyping && el.getClientRects().length && this.ui.activeElement.contains(el);
    }

    /** Where arrows would do nothing else: on the page's tab, on nothing, by the list. */
    isBeside(target) {
        return (
            target === document.body ||
            target.matches(".o_crm_mail_mirror_nothing_open") ||
            target.closest(".o_notebook_headers")?.parentElement.contains(this.root.el)
        );
    }

    focusSearch(event) {
        const search =
            this.root.el.querySelector(".o_crm_mail_mirror_search input") ||
            document.querySelector(".o_searchview_input");
        if (search) {
            event.preventDefault();
            search.focus();
            search.select();
        }
    }

    // --- first import ---------------------------------------------------------------------

    /** While the first mails come, the bar moves by itself; what was late gets fresh. */
    listenToProgress() {
        const bus = this.env.services.bus_service;
        const listen = ({ id, done, total }) => {
            const { empty, stale } = this.correspondence.overview || {};
            if (empty?.reason === "importing") {
                this.followImport(empty, id, { done, total });
            } else if (empty?.reason === "no_mailbox") {
                // it was linked just now
                this.begin(this.props);
            } else if (stale?.some((each) => each.mailbox_id === id)) {
                // it was late, and was looked at just now
                this.correspondence.refresh();
            }
        };
        bus.subscribe(PROGRESS, listen);
        onWillUnmount(() => bus.unsubscribe(PROGRESS, listen));
    }

    /** Of several mailboxes each is counted by itself, until the last one is read. */
    followImport(empty, id, news) {
        const known = empty.importing.find((each) => each.mailbox_id === id);
        if (known && news.total) {
            Object.assign(known, news);
        } else if (known && empty.importing.length === 1) {
            this.begin(this.props);
        } else {
            // mail of this record may have come with it
            this.correspondence.refresh();
        }
    }
}
