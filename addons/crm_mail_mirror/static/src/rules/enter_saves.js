/** @odoo-module **/

import {FormController} from "@web/views/form/form_controller";
import {formView} from "@web/views/form/form_view";
import {registry} from "@web/core/registry";
import {useExternalListener} from "@odoo/owl";

/** A small dialog: Enter in one of its fields presses the button that is meant. */
export class EnterSavesController extends FormController {
    setup() {
        super.setup();
        useExternalListener(window, "keydown", (event) => this.onKeydown(event));
    }

    // Odoo saves what is typed when its page is left or closed. Here that would remove
    // mail though nobody pressed the button.
    beforeLeave() {
        return true;
    }

    beforeUnload() {
        return true;
    }

    async onKeydown(event) {
        const input = event.target.closest?.(".o_dialog input");
        if (event.key !== "Enter" || !input || event.isComposing) {
            return;
        }
        event.preventDefault();
        // what is typed is taken over, and what it does is told, before it is saved
        input.dispatchEvent(new Event("change", {bubbles: true}));
        await this.model.root.isDirty();
        await this.model.mutex.getUnlockedDef();
        const dialog = input.closest(".o_dialog");
        dialog.querySelector("footer button.btn-primary:not([disabled])")?.click();
    }
}

registry.category("views").add("crm_mail_mirror_enter_saves", {
    ...formView,
    Controller: EnterSavesController,
});
