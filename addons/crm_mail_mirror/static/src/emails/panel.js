// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, onMounted, useRef, xml } from "@odoo/owl";

/**
 * What a dropdown holds when there are fields in it: told to who hears the page as a
 * dialog with a name, since a menu may have nothing but commands.
 */
export class Panel extends Component {
    static template = xml`<div t-ref="root"><t t-slot="default" /></div>`;
    static props = { label: String, slots: Object };

    setup() {
        const root = useRef("root");
        onMounted(() => {
            const menu = root.el.closest(".o-dropdown--menu");
            menu.setAttribute("role", "dialog");
            menu.setAttribute("aria-label", this.props.label);
        });
    }
}
