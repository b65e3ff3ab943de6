// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { onWillUnmount, reactive, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatFloat } from "@web/core/utils/numbers";
import { formatInteger } from "@web/views/fields/formatters";

const TYPE = "crm_mail_mirror.mailbox";

/**
 * How the user's own mailboxes fare, as the server tells it over the bus.
 *
 * `told` is `{mailbox id: {id, state, color, sentence, done, total, rate, seconds_left}}`;
 * it knows nothing of a mailbox before something happens to it.
 */
export const mailboxLiveService = {
    dependencies: ["bus_service"],
    start(env, { bus_service: bus }) {
        const told = reactive({});
        const listeners = new Set();
        bus.subscribe(TYPE, (payload) => {
            const before = told[payload.id];
            if (payload.rate === null && payload.total && before?.total) {
                // the next job begins to count anew: as fast as before, until it knows
                payload.rate = before.rate;
                payload.seconds_left =
                    payload.rate && Math.round((payload.total - payload.done) / payload.rate);
            }
            told[payload.id] = payload;
            for (const listener of [...listeners]) {
                listener(payload, before);
            }
        });
        return { told, listeners, listen: () => bus.start() };
    },
};

registry.category("services").add("crm_mail_mirror.live", mailboxLiveService);

/**
 * What is told of the user's mailboxes from now on; the component follows it.
 *
 * @param {Function} [listener] called with each message, and the one before it
 * @returns {Object} by mailbox id, see the service
 *
 * @example
 *     this.live = useMailboxLive();          // setup()
 *     this.live[mailboxId]?.done             // in the template
 */
export function useMailboxLive(listener) {
    const service = useService("crm_mail_mirror.live");
    service.listen();
    if (listener) {
        service.listeners.add(listener);
        onWillUnmount(() => service.listeners.delete(listener));
    }
    return useState(service.told);
}

/** Of a first import, in words: how many mails, how fast, how long still. */
export function progressWords({ done, total, rate, seconds_left: seconds }) {
    const words = [
        _t("%(done)s of %(total)s mails looked at", {
            done: formatInteger(done),
            total: formatInteger(total),
        }),
    ];
    if (rate) {
        const digits = [16, rate < 10 ? 1 : 0];
        words.push(_t("%s a second", formatFloat(rate, { digits, trailingZeros: false })));
    }
    if (seconds || seconds === 0) {
        words.push(timeLeft(seconds));
    }
    return words.join(" · ");
}

export function timeLeft(seconds) {
    if (seconds < 60) {
        return _t("less than a minute left");
    }
    const minutes = Math.round(seconds / 60);
    if (minutes < 90) {
        return minutes === 1
            ? _t("about a minute left")
            : _t("about %s minutes left", minutes);
    }
    return _t("about %s hours left", Math.round(minutes / 60));
}

/** Percent for a bar; 100 only when nothing is left. */
export function percent({ done, total }) {
    return total ? Math.min(99, Math.floor((100 * done) / total)) : 100;
}
