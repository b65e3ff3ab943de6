// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component } from "@odoo/owl";
import { oneLine } from "./plain_text";

const COLOURS = 8;

/** Up to three people as pictures or initials, then how many more. */
export class Faces extends Component {
    static template = "crm_mail_mirror.emails.Faces";
    static props = {
        people: Array,
        more: { type: Number, optional: true },
    };

    get faces() {
        return this.props.people.slice(0, 3).map((person, index) => {
            const name = oneLine(person.name) || person.email || "?";
            return {
                key: index,
                picture:
                    person.avatar && person.partner_id
                        ? `/web/image/res.partner/${person.partner_id}/avatar_128`
                        : null,
                initials: initials(name),
                colour: colour(person.email || name),
            };
        });
    }
}

function initials(name) {
    const words = name.replace(/["'(<].*$/, "").split(/[\s.@_-]+/).filter(Boolean);
    return [words[0], words.length > 1 ? words.at(-1) : ""]
        .map((word) => [...(word || "")][0] || "")
        .join("")
        .toUpperCase();
}

function colour(text) {
    let sum = 0;
    for (const letter of text) {
        sum = (sum * 31 + letter.codePointAt(0)) % 9973;
    }
    return sum % COLOURS;
}
