// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { deserializeDateTime } from "@web/core/l10n/dates";

const { DateTime } = luxon;

/**
 * When a mail was sent, as short as it can be told apart: a time today, a day this year,
 * else a date; in the user's language and time zone.
 *
 * @param {string} date as the server sends it, in UTC
 */
export function shortDate(date) {
    const when = deserializeDateTime(date);
    const now = DateTime.local();
    if (when.hasSame(now, "day")) {
        return when.toLocaleString(DateTime.TIME_SIMPLE);
    }
    return when.toLocaleString(
        when.hasSame(now, "year")
            ? { day: "numeric", month: "short" }
            : { day: "numeric", month: "short", year: "numeric" }
    );
}

/** Day and time in full, with the day of the week. */
export function fullDate(date) {
    return deserializeDateTime(date).toLocaleString(DateTime.DATETIME_HUGE);
}

/** Day and time, without the year where it is this one. */
export function usualDate(date) {
    const when = deserializeDateTime(date);
    const format = { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" };
    return when.toLocaleString(
        when.hasSame(DateTime.local(), "year") ? format : { ...format, year: "numeric" }
    );
}
