// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError } from "@web/core/network/rpc";

const SESSION = "odoo.http.SessionExpiredException";
const DENIED = "odoo.exceptions.AccessError";

/**
 * What went wrong, in words, and what can be done about it.
 *
 * @returns {{ sentence: string, remedy: "again" | "login" | null }}
 */
export function failureOf(error) {
    if (error instanceof ConnectionLostError) {
        return {
            sentence: _t("There is no connection to the server. What was read stays here."),
            remedy: "again",
        };
    }
    if (error instanceof RPCError) {
        if (error.exceptionName === SESSION) {
            return {
                sentence: _t("Your session has ended. Sign in again to read on."),
                remedy: "login",
            };
        }
        if (error.exceptionName === DENIED) {
            return { sentence: _t("You may not see the emails of this record."), remedy: null };
        }
        return { sentence: _t("The emails could not be read."), remedy: "again" };
    }
    throw error;
}
