// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { _t } from "@web/core/l10n/translation";
import { formatFloat } from "@web/core/utils/numbers";

/**
 * Text of a mail is hostile. It is only ever shown as text; here it is cut into what is
 * a link and what is not, and freed of characters that turn the order of letters round.
 */

// Overrides and embeddings make "gpj.exe" look like "exe.jpg"; they end with U+202C
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;
const OVERRIDES = /[\u202d\u202e]/g;
const LINK = /(?:https?:\/\/|mailto:)[^\s<>"\u00a0\u2028\u2029]+/gi;
const TRAILING = new Set(".,;:!?'\u2019\u201d\u00bb*_~");
const BRACKETS = { ")": "(", "]": "[", "}": "{" };
const PROTOCOLS = new Set(["http:", "https:", "mailto:"]);
// characters of a link that are shown in the text; all of it stands in the dialog
const SHOWN = 80;
// links in a text; a text with more is no letter, and stays text from there on
const MOST_LINKS = 500;

/** One line, such as a subject or a name, whose letters stand in their true order. */
export function oneLine(text) {
    return (text || "").replace(TURNING, "").replace(/\s+/g, " ").trim();
}

/**
 * The text of a mail in parts.
 *
 * @param {boolean} [isCut] it goes on elsewhere: a link that reaches its end may be longer
 * @returns {{ text: string, link?: string }[]} `link` is the real address
 */
export function parts(text, { isCut = false } = {}) {
    const clean = (text || "").replace(OVERRIDES, "");
    const found = [];
    let end = 0;
    let links = 0;
    for (const match of clean.matchAll(LINK)) {
        const written = withoutTrailing(match[0]);
        const reachesEnd = match.index + match[0].length === clean.length;
        const link = isCut && reachesEnd ? null : realAddress(written);
        if (!link) {
            continue;
        }
        if (++links > MOST_LINKS) {
            break;
        }
        if (match.index > end) {
            found.push({ text: clean.slice(end, match.index) });
        }
        end = match.index + written.length;
        found.push({
            text: written.length > SHOWN ? `${firstCharacters(written, SHOWN)}…` : written,
            link,
        });
    }
    if (end < clean.length) {
        found.push({ text: clean.slice(end) });
    }
    return found;
}

/**
 * Parts with about so many characters, from the beginning; the same array if that is all.
 *
 * A link is there as a whole or not at all, since half of it leads elsewhere.
 */
export function firstOf(pieces, most) {
    const first = [];
    for (const piece of pieces) {
        if (piece.text.length <= most || (piece.link && most > 0)) {
            first.push(piece);
            most -= piece.text.length;
            continue;
        }
        if (!piece.link && most > 0) {
            first.push({ text: firstCharacters(piece.text, most) });
        }
        return first;
    }
    return pieces;
}

/** Never half of a character that takes two places. */
function firstCharacters(text, most) {
    const last = text.charCodeAt(most - 1);
    return text.slice(0, last >= 0xd800 && last <= 0xdbff ? most - 1 : most);
}

/** What follows a link in a sentence does not belong to it; nor does a bracket around it. */
function withoutTrailing(written) {
    const unmatched = {};
    for (const [close, open] of Object.entries(BRACKETS)) {
        unmatched[close] = written.split(close).length - written.split(open).length;
    }
    let end = written.length;
    while (end) {
        const last = written[end - 1];
        if (unmatched[last] > 0) {
            unmatched[last] -= 1;
        } else if (!TRAILING.has(last)) {
            break;
        }
        end -= 1;
    }
    return written.slice(0, end);
}

/** The address a browser would really go to, in ASCII; null if it is none we follow. */
export function realAddress(written) {
    try {
        const url = new URL(written);
        return PROTOCOLS.has(url.protocol) ? url.href : null;
    } catch {
        return null;
    }
}

/**
 * A real address taken apart, so that its host can be told from what imitates one.
 *
 * @returns {{ before: string, host: string, after: string, isForeign: boolean,
 *      hasUser: boolean }} `isForeign`: the host has letters beyond ASCII
 */
export function anatomy(link) {
    const url = new URL(link);
    if (url.protocol === "mailto:") {
        const [address, ...rest] = url.href.slice("mailto:".length).split("?");
        const after = rest.length ? `?${rest.join("?")}` : "";
        return { before: "mailto:", host: address, after, isForeign: false, hasUser: false };
    }
    const user = url.username || url.password;
    const secret = url.password && `:${url.password}`;
    const before = `${url.protocol}//${user ? `${url.username}${secret}@` : ""}`;
    return {
        before,
        host: url.host,
        after: url.href.slice(`${url.protocol}//`.length).replace(/^[^/?#]*/, ""),
        isForeign: /(^|\.)xn--/.test(url.host),
        hasUser: Boolean(user),
    };
}

/** Bytes in words, in the user's language. */
export function humanSize(size) {
    const units = [
        (count) => _t("%s B", count),
        (count) => _t("%s KB", count),
        (count) => _t("%s MB", count),
        (count) => _t("%s GB", count),
    ];
    let place = 0;
    while (size >= 1024 && place < units.length - 1) {
        size /= 1024;
        place += 1;
    }
    const decimals = size >= 10 || !place ? 0 : 1;
    return units[place](formatFloat(size, { digits: [16, decimals] }));
}
