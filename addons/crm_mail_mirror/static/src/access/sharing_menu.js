// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, useState } from "@odoo/owl";
import { Dropdown } from "@web/core/dropdown/dropdown";
import { DropdownItem } from "@web/core/dropdown/dropdown_item";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";

const MODEL = "crm.mail.mirror.message";
// milliseconds in which a hand that slipped is noticed
const UNDO_DELAY = 15000;

/**
 * The owner's menu on a mail: what colleagues see of it, or of its whole conversation.
 *
 *     <SharingMenu mail="mail" changed="() => this.reload()" />
 *
 * `mail` as the server tells it: `id`, and `sharing`, which is empty where the mailbox
 * decides. The page "Emails" finds it in the registry, as `sharing` of
 * "crm_mail_mirror_emails".
 */
export class SharingMenu extends Component {
    static template = "crm_mail_mirror.access.SharingMenu";
    static components = { Dropdown, DropdownItem };
    static props = {
        mail: { type: Object, shape: { id: Number, "*": true } },
        changed: { type: Function, optional: true },
    };

    setup() {
        this.orm = useService("orm");
        this.notification = useService("notification");
        this.state = useState({ whole: false });
        this.choices = [
            { value: "", label: _t("As my mailbox is shared"), icon: "fa-inbox" },
            { value: "metadata", label: _t("Who and when"), icon: "fa-users" },
            { value: "subject", label: _t("Who, when and the subject"), icon: "fa-header" },
            { value: "everything", label: _t("Everything"), icon: "fa-eye" },
            {
                value: "private",
                label: _t("Private"),
                help: _t(
                    "Who and when, and nobody can be let in. An answer that is shared may quote it."
                ),
                icon: "fa-lock",
            },
        ];
    }

    get current() {
        return this.props.mail.sharing || "";
    }

    get chosen() {
        return this.choices.find((each) => each.value === this.current);
    }

    get icon() {
        return this.current ? this.chosen.icon : "fa-share-alt";
    }

    get label() {
        if (this.current === "private") {
            return _t("Private: colleagues see who and when");
        }
        return this.current
            ? _t("Colleagues see: %s", this.chosen.label)
            : _t("What colleagues see");
    }

    isChosen(choice) {
        return !this.state.whole && choice.value === this.current;
    }

    async choose(choice) {
        await this.share([[[this.props.mail.id], choice.value || false, this.state.whole]], true);
    }

    /** @param calls arguments of `set_sharing`, in their order */
    async share(calls, canUndo) {
        let told = null;
        for (const call of calls) {
            told = await this.orm.call(MODEL, "set_sharing", call);
        }
        if (canUndo) {
            this.tell(told);
        }
        this.props.changed?.();
    }

    tell(told) {
        const close = this.notification.add(told.sentence, {
            type: "success",
            autocloseDelay: UNDO_DELAY,
            buttons: told.undo.length
                ? [
                      {
                          name: _t("Undo"),
                          primary: true,
                          onClick: async () => {
                              close();
                              await this.share(told.undo, false);
                          },
                      },
                  ]
                : [],
        });
    }
}

registry.category("crm_mail_mirror_emails").add("sharing", SharingMenu);
