// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, onWillUpdateProps, useRef, useState } from "@odoo/owl";
import { DateTimeInput } from "@web/core/datetime/datetime_input";
import { Dropdown } from "@web/core/dropdown/dropdown";
import { useDropdownState } from "@web/core/dropdown/dropdown_hooks";
import { deserializeDate, formatDate, serializeDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { RecordSelector } from "@web/core/record_selectors/record_selector";
import { user } from "@web/core/user";
import { useDebounced } from "@web/core/utils/timing";
import { NO_FILTERS } from "./correspondence";
import { Panel } from "./panel";
import { oneLine } from "./plain_text";

// milliseconds without a key before what was typed is looked for
const TYPING = 350;

/** What of the mail is shown: words, direction, person, mailbox, attachment, period. */
export class Filters extends Component {
    static template = "crm_mail_mirror.emails.Filters";
    static components = { DateTimeInput, Dropdown, Panel, RecordSelector };
    static props = {
        filters: Object,
        // people and owners seen so far, to choose from: [{name, email}], [{id, name}]
        people: Array,
        owners: Array,
        change: Function,
        toList: Function,
    };

    setup() {
        this.input = useRef("search");
        this.state = useState({ text: this.props.filters.text, person: "", owner: "" });
        this.personMenu = useDropdownState();
        this.ownerMenu = useDropdownState();
        this.periodMenu = useDropdownState();
        this.look = useDebounced(() => this.lookNow(), TYPING);
        // the words that were last looked for from here
        this.asked = this.props.filters.text;
        onWillUpdateProps(({ filters }) => {
            if (filters.text !== this.asked) {
                // they are looked for no longer: nor are those still being typed
                this.look.cancel();
                this.state.text = this.asked = filters.text;
            }
        });
    }

    focus() {
        this.input.el.focus();
        this.input.el.select();
    }

    lookNow() {
        const text = this.state.text.trim();
        if (text !== this.props.filters.text) {
            this.asked = text;
            this.props.change({ text });
        }
    }

    onSearchKeydown(event) {
        if (event.key === "Enter" || event.key === "ArrowDown") {
            event.preventDefault();
            this.lookNow();
            if (event.key === "ArrowDown") {
                this.props.toList();
            }
        } else if (event.key === "Escape") {
            event.preventDefault();
            event.stopPropagation();
            if (this.state.text) {
                this.state.text = "";
                this.lookNow();
            } else {
                this.props.toList();
            }
        }
    }

    toggleDirection(direction) {
        const { filters } = this.props;
        this.props.change({ direction: filters.direction === direction ? null : direction });
    }

    toggleAttachments() {
        this.props.change({ attachments: !this.props.filters.attachments });
    }

    get isFiltered() {
        return Object.entries(NO_FILTERS).some(
            ([name, none]) => this.props.filters[name] !== none
        );
    }

    clear() {
        this.state.text = "";
        this.state.owner = "";
        this.props.change({ ...NO_FILTERS });
        this.focus();
    }

    // --- person ---------------------------------------------------------------------

    get personLabel() {
        return this.props.filters.person ? oneLine(this.props.filters.person) : _t("Person");
    }

    get lookForLabel() {
        // isolated: a name may run from right to left
        const isolated = `\u2068${oneLine(this.state.person)}\u2069`;
        return _t("Look for “%s”", isolated);
    }

    get suggestedPeople() {
        const words = this.state.person.toLowerCase();
        return this.props.people
            .map((each) => ({ ...each, name: oneLine(each.name) || each.email }))
            .filter((each) => `${each.name} ${each.email}`.toLowerCase().includes(words))
            .slice(0, 6);
    }

    choosePerson(person) {
        this.personMenu.close();
        this.state.person = "";
        this.props.change({ person: person || null });
    }

    onPersonKeydown(event) {
        if (event.key === "Enter") {
            event.preventDefault();
            this.choosePerson(this.state.person.trim());
        }
    }

    // --- whose mailbox ----------------------------------------------------------------

    get suggestedOwners() {
        const mine = { id: user.userId, name: _t("My mailboxes") };
        return [mine, ...this.props.owners.filter((each) => each.id !== user.userId)].slice(0, 8);
    }

    get ownerLabel() {
        const { owner } = this.props.filters;
        if (!owner) {
            return _t("Mailbox of");
        }
        if (owner === user.userId) {
            return _t("My mailboxes");
        }
        const known = this.props.owners.find((each) => each.id === owner);
        return oneLine(known?.name) || this.state.owner || _t("Mailbox of a colleague");
    }

    chooseOwner(owner) {
        this.ownerMenu.close();
        this.props.change({ owner: owner || null });
    }

    // --- period -----------------------------------------------------------------------

    get periods() {
        const now = luxon.DateTime.local();
        return [
            { label: _t("Last 7 days"), since: now.minus({ days: 7 }) },
            { label: _t("Last 30 days"), since: now.minus({ days: 30 }) },
            { label: _t("Last 12 months"), since: now.minus({ months: 12 }) },
            { label: _t("This year"), since: now.startOf("year") },
        ];
    }

    get since() {
        return this.props.filters.since ? deserializeDate(this.props.filters.since) : false;
    }

    get until() {
        return this.props.filters.until ? deserializeDate(this.props.filters.until) : false;
    }

    get periodLabel() {
        const { since, until } = this;
        if (since && until) {
            return _t("%(since)s to %(until)s", {
                since: formatDate(since),
                until: formatDate(until),
            });
        }
        if (since) {
            return _t("since %s", formatDate(since));
        }
        return until ? _t("until %s", formatDate(until)) : _t("Period");
    }

    choosePeriod({ since }) {
        this.periodMenu.close();
        this.props.change({ since: serializeDate(since), until: null });
    }

    setDate(name, value) {
        this.props.change({ [name]: value ? serializeDate(value) : null });
    }
}
