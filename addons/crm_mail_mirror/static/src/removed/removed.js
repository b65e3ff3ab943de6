/* Copyright 2026 Mail Mirror
 * License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl). */

import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

const MODEL = "crm.mail.mirror.message";
// milliseconds in which a hand that slipped is noticed
const UNDO_DELAY = 15000;

/** A mail was removed: say so, with a button to take it back. */
async function removed(env, { params }) {
    const { action, dialog, notification, orm } = env.services;
    const close = notification.add(params.message, {
        title: params.title,
        type: "success",
        autocloseDelay: UNDO_DELAY,
        buttons: [
            {
                name: _t("Undo"),
                primary: true,
                onClick: async () => {
                    close();
                    action.doAction(
                        await orm.call("crm.mail.mirror.removal", "action_undo", [params.removals])
                    );
                },
            },
        ],
    });
    if (params.stays) {
        // the page "Emails" shows by itself that it is gone
        return;
    }
    dialog.closeAll();
    const { view, action: shown } = action.currentController || {};
    if (view?.type !== "form" || shown?.res_model !== MODEL) {
        return { type: "ir.actions.client", tag: "soft_reload" };
    }
    // what is on the screen is no more
    try {
        await action.restore();
    } catch {
        return "crm_mail_mirror.crm_mail_mirror_message_action";
    }
}

registry.category("actions").add("crm_mail_mirror_removed", removed);
