// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { useService } from "@web/core/utils/hooks";
import { LEVELS } from "./conversation_list";
import { MODEL } from "./correspondence";
import { fullDate, usualDate } from "./dates";
import { Faces } from "./faces";
import { LinkDialog } from "./link_dialog";
import { moreWords } from "./more";
import { firstOf, humanSize, oneLine, parts } from "./plain_text";

// of a mail of one's own that is private; the menu below says what colleagues see
const PRIVATE = { icon: "fa-lock", label: _t("You see everything; your copy is private") };
// characters of a text that are shown at once; the rest when it is asked for
const AT_ONCE = 6000;

/** One mail of the conversation that is being read. */
export class Mail extends Component {
    static template = "crm_mail_mirror.emails.Mail";
    static components = { Faces };
    static props = {
        mail: Object,
        subject: { type: String, optional: true },
        // view as a colleague: nothing can be done
        readonly: { type: Boolean, optional: true },
        text: Function,
        ask: { type: Function, optional: true },
        changed: Function,
        failed: Function,
    };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.dialog = useService("dialog");
        this.state = useState({
            details: false,
            mayCreate: false,
            quoted: false,
            all: false,
            text: null,
            quoteAt: null,
        });
        this.roles = [
            ["to", _t("To")],
            ["cc", _t("Cc")],
            ["bcc", _t("Bcc")],
        ];
        // how a mail is shared is chosen in a component of its own
        this.Sharing = registry.category("crm_mail_mirror_emails").get("sharing", null);
    }

    get mail() {
        return this.props.mail;
    }

    // --- who ----------------------------------------------------------------------

    name(person) {
        return oneLine(person.name) || oneLine(person.partner_name) || person.email;
    }

    /** A head may name nobody. */
    get sender() {
        return this.mail.sender || { name: _t("No sender"), email: "" };
    }

    get senderName() {
        return this.name(this.sender);
    }

    get face() {
        const { sender } = this;
        return [{ ...sender, avatar: sender.avatar ?? Boolean(sender.partner_id) }];
    }

    get toLine() {
        const names = [...this.mail.to, ...this.mail.cc].map((each) => this.name(each));
        const { to = 0, cc = 0 } = this.mail.more || {};
        const rest = names.length - 3 + to + cc;
        return _t("to %s", names.slice(0, 3).join(", ")) + (rest > 0 ? ` +${rest}` : "");
    }

    /** Everybody on it, by role. */
    get people() {
        return [
            { role: "from", label: _t("From"), people: [this.sender] },
            ...this.roles.map(([role, label]) => ({
                role,
                label,
                people: this.mail[role] || [],
                more: this.mail.more?.[role] || 0,
                moreWords: moreWords(this.mail.more?.[role] || 0),
            })),
        ].filter((each) => each.people.length);
    }

    get owners() {
        const names = this.mail.owners.map((each) => oneLine(each.name));
        return names.length ? _t("In the mailbox of %s", names.join(", ")) : "";
    }

    contactLabel(person) {
        return _t("Open contact %s", oneLine(person.partner_name));
    }

    openContact(person) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "res.partner",
            res_id: person.partner_id,
            views: [[false, "form"]],
        });
    }

    async toggleDetails() {
        this.state.details = !this.state.details;
        if (this.state.details && !this.props.readonly) {
            try {
                this.state.mayCreate = await user.checkAccessRight("res.partner", "create");
            } catch (error) {
                this.props.failed(error);
            }
        }
    }

    createContact(person) {
        return this.action.doAction(
            {
                type: "ir.actions.act_window",
                name: _t("Create contact"),
                res_model: "res.partner",
                views: [[false, "form"]],
                target: "new",
                context: {
                    default_name: oneLine(person.name) || person.email,
                    default_email: person.email,
                },
            },
            { onClose: () => this.props.changed() }
        );
    }

    // --- when, how much -------------------------------------------------------------

    get date() {
        return usualDate(this.mail.date);
    }

    get fullDate() {
        return fullDate(this.mail.date);
    }

    get level() {
        const { access, sharing } = this.mail;
        return sharing === "private" ? PRIVATE : LEVELS[access] || LEVELS.metadata;
    }

    get ownSubject() {
        const subject = oneLine(this.mail.subject);
        const bare = (words) => words.replace(/^((re|fw|fwd|aw|wg|tr|rv)\s*:\s*)+/i, "");
        return bare(subject) === bare(oneLine(this.props.subject)) ? "" : subject;
    }

    // --- what it says ---------------------------------------------------------------

    get text() {
        return this.state.text ?? this.mail.text ?? "";
    }

    get fresh() {
        const at = this.state.text === null ? this.mail.quote_at : this.state.quoteAt;
        return Number.isInteger(at) ? this.text.slice(0, at) : this.text;
    }

    get quoted() {
        return this.text.slice(this.fresh.length).trim();
    }

    /** The server sent the beginning of the text alone. */
    get isCut() {
        return Boolean(this.mail.cut) && this.state.text === null;
    }

    /** What of the text is shown, and whether there is more: here, or at the server. */
    get shown() {
        const most = this.state.all ? Infinity : AT_ONCE;
        const { quoted, isCut } = this;
        const pieces = (text, ends) => {
            const all = parts(text, { isCut: isCut && ends });
            return { all, first: firstOf(all, most) };
        };
        const fresh = pieces(this.fresh.trim(), !quoted);
        // of what is folded nothing is missing
        const folded = pieces(this.state.quoted ? quoted : "", true);
        return {
            fresh: fresh.first,
            quoted: folded.first,
            hasMore: isCut || [fresh, folded].some(({ all, first }) => all !== first),
        };
    }

    async showAll() {
        if (this.isCut) {
            try {
                const told = await this.props.text(this.mail.id);
                if (told.gone) {
                    return this.props.changed();
                }
                Object.assign(this.state, { text: told.text, quoteAt: told.quote_at });
            } catch (error) {
                return this.props.failed(error);
            }
        }
        this.state.all = true;
    }

    follow(link) {
        this.dialog.add(LinkDialog, { link });
    }

    onLinkKeydown(event, link) {
        if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            event.stopPropagation();
            this.follow(link);
        }
    }

    get attachments() {
        return (this.mail.attachments || []).map((each) => ({
            name: oneLine(each.name) || each.type || _t("without a name"),
            size: humanSize(each.size || 0),
        }));
    }

    // --- what its owner can do --------------------------------------------------------

    async why() {
        this.action.doAction(await this.orm.call(MODEL, "action_why", [[this.mail.id]]));
    }

    async remove() {
        const done = await this.orm.call(MODEL, "action_remove", [[this.mail.id]]);
        // the page stays as it is, but for this mail
        done.params.stays = true;
        await this.action.doAction(done);
        this.props.changed();
    }
}
