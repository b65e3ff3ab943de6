// Copyright 2026 Mail Mirror
// License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).

import { Component, onWillStart, onWillUpdateProps, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

const MODEL = "crm.mail.mirror.mailbox";

/** The folders of a mailbox as a tree, each with its switch; nothing acts before "Apply". */
export class Folders extends Component {
    static template = "crm_mail_mirror.Folders";
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.state = useState({
            folders: [],
            sentence: "",
            note: "",
            preview: "",
            removes: 0,
            busy: false,
            asking: false,
        });
        this.asked = 0;
        onWillStart(() => this.load(this.props.record.resId));
        onWillUpdateProps((next) => {
            if (next.record.resId !== this.loaded) {
                return this.load(next.record.resId);
            }
        });
    }

    async load(mailbox) {
        this.loaded = mailbox;
        if (mailbox && this.props.record.data.is_mine) {
            this.show(await this.orm.call(MODEL, "get_folder_tree", [mailbox]));
        }
    }

    show(told) {
        this.state.sentence = told.sentence;
        this.state.note = told.note;
        this.state.folders = told.folders.map((each) => ({ ...each, wanted: each.selected }));
        this.state.removes = 0;
    }

    /** The folders inside the one at this index. */
    below(index) {
        const inside = [];
        for (const each of this.state.folders.slice(index + 1)) {
            if (each.depth <= this.state.folders[index].depth) {
                break;
            }
            inside.push(each);
        }
        return inside;
    }

    get off() {
        return this.state.folders.filter((each) => each.selected && !each.wanted);
    }

    get on() {
        return this.state.folders.filter((each) => !each.selected && each.wanted);
    }

    get isChanged() {
        return Boolean(this.off.length || this.on.length);
    }

    async choose(folders, wanted) {
        for (const each of folders) {
            if (!each.fixed) {
                each.wanted = wanted;
            }
        }
        await this.preview();
    }

    toggle(index) {
        const folder = this.state.folders[index];
        return this.choose([folder], !folder.wanted);
    }

    toggleAll(index) {
        const folder = this.state.folders[index];
        return this.choose([folder, ...this.below(index)], !folder.wanted);
    }

    async preview() {
        const ids = (folders) => folders.map((each) => each.id);
        const number = ++this.asked;
        let told = { removes: 0, sentence: "" };
        try {
            if (this.isChanged) {
                this.state.asking = true;
                told = await this.orm.call(MODEL, "preview_folders", [
                    this.loaded,
                    ids(this.off),
                    ids(this.on),
                ]);
            }
        } finally {
            // the mailbox may have to be asked: what was chosen last is what counts
            if (number === this.asked) {
                this.state.asking = false;
                this.state.removes = told.removes ?? 1;
                this.state.preview = told.sentence;
            }
        }
    }

    async cancel() {
        for (const each of this.state.folders) {
            each.wanted = each.selected;
        }
        this.asked++;
        this.state.asking = false;
        this.state.removes = 0;
    }

    async apply() {
        this.state.busy = true;
        try {
            const ids = (folders) => folders.map((each) => each.id);
            this.show(
                await this.orm.call(MODEL, "choose_folders", [
                    this.loaded,
                    ids(this.off),
                    ids(this.on),
                ])
            );
            await this.props.record.load();
        } finally {
            this.state.busy = false;
        }
    }
}

registry.category("view_widgets").add("crm_mail_mirror_folders", {
    component: Folders,
    fieldDependencies: [{ name: "is_mine", type: "boolean" }],
});
