// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { CogMenu } from "@web/search/cog_menu/cog_menu";
import { Layout } from "@web/search/layout";
import { SearchBar } from "@web/search/search_bar/search_bar";
import { useSearchBarToggler } from "@web/search/search_bar/search_bar_toggler";
import { standardViewProps } from "@web/views/standard_view_props";
import { Emails } from "./emails";

/** All mail as conversations, under Odoo's own search bar with its favourites. */
export class EmailsController extends Component {
    static template = "crm_mail_mirror.emails.EmailsView";
    static components = { CogMenu, Emails, Layout, SearchBar };
    static props = { ...standardViewProps };

    setup() {
        this.searchBarToggler = useSearchBarToggler();
        this.scope = { model: null, id: null };
    }
}

registry.category("views").add("mirror_emails", {
    type: "mirror_emails",
    display_name: _t("Conversations"),
    multiRecord: true,
    searchMenuTypes: ["filter", "favorite"],
    Controller: EmailsController,
});
