# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Can everybody use this screen? What axe-core and a narrow window find there.

Odoo Community has a bundle of dark styles and no dark colours: ``go_dark`` adds some.

Each screen is looked at as it is drawn: light, dark, and 400 pixels wide where a phone
shows the same.
"""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from playwright.sync_api import TimeoutError, expect

from setup import node
from tests.browser.desk import Desk
from tests.browser.office import Office

#: In the bundle of dark styles: file, its place there.
DARK = {
    "dark_colours.scss": ("before", "web/static/src/scss/primary_variables.scss"),
    "dark_tints.scss": ("after", "web/static/lib/bootstrap/scss/_functions.scss"),
}
LIGHT_TEXT = "rgb(230, 231, 235)"  # $o-gray-900 of these colours
AXE = node.FOLDER / "node_modules/axe-core/axe.min.js"
#: Where a page shows what is ours.
OURS = (
    ".o_action_manager",
    ".modal",
    ".o-dropdown--menu",
    ".o_crm_mail_mirror_invitation",
)
#: Odoo's own in there: parts that are left out whole, each with the reason ...
NOT_OURS = {
    ".o_control_panel": "bread crumbs, search bar and pager of every page",
    ".o-mail-Form-chatter": "the chatter beside a form",
    ".o_notebook_headers": "tabs of a form, which Odoo puts into no tablist",
    ".o_search_panel": "what stands beside a list or chart to choose from",
}
#: ... and elements around or between ours: what Odoo leaves out, and where.
LEFT_OUT = {
    # aria-selected and aria-expanded on what has no such state
    "aria-allowed-attr": ".o-autocomplete--input, .o-dropdown-item,"
    " .o_field_widget .o-dropdown, .o_progress, .o_tag",
    "aria-dialog-name": ".modal[role=dialog]",  # its heading has no id to point to
    "autocomplete-valid": ".o_select_menu_input",
    "button-name": ".dropdown-toggle:has(> .o_optional_columns_dropdown_toggle),"
    " .o_clipboard_button",
    "image-alt": ".o_m2o_avatar img, img.o_m2m_avatar,"
    " .o_field_many2one_avatar_user img",
    "label": ".o_list_record_selector input",
}
_LOOK = """async ([ours, others, leftOut, rules]) => {
    const there = (selector) => document.querySelector(selector);
    const run = await axe.run(
        {include: ours.filter(there), exclude: others.filter(there)},
        {resultTypes: ["violations"], ...(rules && {runOnly: rules})},
    );
    const isOurs = (id, {target}) =>
        !leftOut[id] || !document.querySelector(target[0]).matches(leftOut[id]);
    return run.violations.flatMap(({id, impact, help, nodes}) =>
        nodes.filter((node) => isOurs(id, node)).map((node) => ({
            id, help, impact: node.impact || impact,
            html: node.html, why: node.failureSummary,
        })));
}"""
# Odoo Community has the dark styles and no switch: the page is given them instead
_DRESS = """(name) => {
    const styles = document.querySelectorAll("link[rel=stylesheet][media=screen]");
    const bundle = /web\\.assets_web(_dark)?\\./;
    const old = [...styles].find((each) => bundle.test(each.href));
    const put = old.cloneNode();
    put.href = old.href.replace(bundle, name);
    return new Promise((done, failed) => {
        put.addEventListener("load", () => { old.remove(); done(); });
        put.addEventListener("error", failed);
        old.after(put);
    });
}"""
_FITS = "() => document.documentElement.scrollWidth <= innerWidth"
# what moves has no colour yet
_STILL = """addEventListener("DOMContentLoaded", () => {
    const still = document.createElement("style");
    still.textContent = "* {transition: none !important; animation: none !important}";
    document.head.append(still);
})"""


def go_dark(office: Office) -> None:
    """Give the pages' dark styles dark colours; who asks for none sees no change."""
    for name, (directive, target) in DARK.items():
        url = f"/tests/{name}"
        office.admin.create(
            "ir.attachment",
            name=name,
            url=url,
            mimetype="text/scss",
            public=True,
            datas=b64encode((Path(__file__).parent / name).read_bytes()).decode(),
        )
        office.admin.create(
            "ir.asset",
            name=name,
            bundle="web.assets_web_dark",
            directive=directive,
            target=target,
            path=url,
            sequence=20,  # once the modules' own are there
        )


class Eye:
    """Looks at the screens of one desk; made before the first of them is opened.

    :param dark: whether at dark ones as well; ``go_dark`` made them
    :ivar found: a line for each thing that is wrong
    """

    def __init__(self, desk: Desk, dark: bool = True):
        self.desk = desk
        self.page = desk.page
        self.dark = dark
        self.found: list[str] = []
        self.page.context.add_init_script(path=AXE)
        self.page.context.add_init_script(_STILL)

    def look(self, screen: str, within: str = OURS[0], phone: bool = True) -> None:
        """Keep what is wrong with what is shown now.

        :param within: what is ours of a page that is Odoo's
        :param phone: whether a narrow window shows the same
        """
        expect(self.page.locator(".o_loading_indicator")).to_have_count(0)
        self._within = [within, *OURS[1:]]
        self._run(screen)
        if self.dark:
            self.page.evaluate(_DRESS, "web.assets_web_dark.")
            expect(self.page.locator("body")).to_have_css("color", LIGHT_TEXT)
            self._run(f"{screen}, dark", ["color-contrast", "link-in-text-block"])
            self.page.evaluate(_DRESS, "web.assets_web.")
        if phone:
            size = self.page.viewport_size
            self.page.set_viewport_size({"width": 400, "height": 800})
            self.narrow(f"{screen}, narrow")
            self.page.set_viewport_size(size)

    def narrow(self, screen: str) -> None:
        """The same in a window that is narrow already, once it has been drawn anew."""
        try:
            self.page.wait_for_function(_FITS, timeout=10_000)
        except TimeoutError:
            self.found.append(f"{screen}: wider than the window")
        self._run(screen)

    def _run(self, screen: str, rules: list[str] | None = None) -> None:
        told = self.page.evaluate(
            _LOOK, [self._within, list(NOT_OURS), LEFT_OUT, rules]
        )
        self.found += [
            f"{screen}: {each['help']} ({each['id']}): {each['html'][:300]}"
            f"\n    {each['why']}"
            for each in told
            if each["impact"] in ("serious", "critical")
        ]
