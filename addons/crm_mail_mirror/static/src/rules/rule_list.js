/** @odoo-module **/

import {ListController} from "@web/views/list/list_controller";
import {listView} from "@web/views/list/list_view";
import {registry} from "@web/core/registry";

const ADD = "crm_mail_mirror.crm_mail_mirror_exclusion_action_add";

/** "New" asks in a dialog, which says what the rule does before it is saved.
 *
 * A page would save what is typed by being left. Kanban views have `on_create` for it.
 */
export class RuleListController extends ListController {
    async createRecord() {
        const {root} = this.model;
        await this.actionService.doAction(ADD, {
            additionalContext: root.context,
            onClose: () => root.load(),
        });
    }
}

registry.category("views").add("crm_mail_mirror_rule_list", {
    ...listView,
    Controller: RuleListController,
});
