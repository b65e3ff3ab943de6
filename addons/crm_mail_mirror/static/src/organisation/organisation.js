// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { Dialog } from "@web/core/dialog/dialog";
import { registry } from "@web/core/registry";
import { HierarchyModel } from "@web_hierarchy/hierarchy_model";
import { hierarchyView } from "@web_hierarchy/hierarchy_view";

/** Says who would see what, before somebody gets another manager. */
export class MoveDialog extends Component {
    static template = "crm_mail_mirror.MoveDialog";
    static components = { Dialog };
    static props = {
        title: String,
        sentences: Array,
        confirm: { type: Function, optional: true },
        close: Function,
    };

    async move() {
        this.props.confirm();
        this.props.close();
    }
}

/** The chart, in which nothing is moved before it was said what comes of it. */
export class OrganisationModel extends HierarchyModel {
    static services = [...HierarchyModel.services, "dialog"];

    setup(params, services) {
        super.setup(params, services);
        this.dialog = services.dialog;
    }

    async updateParentNode(nodeId, target) {
        const node = this.root.nodePerNodeId[nodeId];
        const parent = this.root.nodePerNodeId[target.parentNodeId];
        const managerId = parent?.resId || target.parentResId || false;
        if (!node || node.parentResId === managerId || (!node.parentResId && !managerId)) {
            return;
        }
        const told = await this.orm.call(this.resModel, "get_mirror_move", [
            [node.resId],
            managerId,
        ]);
        const name = node.data.name;
        if (told.refused) {
            return this.ask(_t("%s stays where they are", name), [told.refused], false);
        }
        const title = parent
            ? _t("Let %(user)s report to %(manager)s?", { user: name, manager: parent.data.name })
            : _t("Should %s have no manager?", name);
        if (await this.ask(title, told.changes, true)) {
            return super.updateParentNode(nodeId, target);
        }
    }

    /** @returns {Promise<boolean>} whether it is to be done */
    ask(title, sentences, isQuestion) {
        return new Promise((resolve) => {
            const confirm = isQuestion ? () => resolve(true) : undefined;
            this.dialog.add(
                MoveDialog,
                { title, sentences, confirm },
                { onClose: () => resolve(false) }
            );
        });
    }
}

registry.category("views").add("mirror_organisation", {
    ...hierarchyView,
    Model: OrganisationModel,
});
