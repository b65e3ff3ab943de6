# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does somebody do in Odoo with mouse and keyboard, and what is read there?"""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, TimeoutError, expect

#: Milliseconds: a busy machine compiles views while we wait.
PATIENCE = 60_000
#: A line of the list of conversations, and a mail of the one that is read.
CONVERSATION, MAIL = ".o_crm_mail_mirror_row", ".o_crm_mail_mirror_mail"
#: What Chromium says without network beyond this machine.
NOISE = ("net::ERR_NAME_NOT_RESOLVED", "favicon")
#: Counts the records that are asked for and not drawn yet. Odoo 19 first draws what the
#: browser kept of them, then what the server says: what is clicked, unfolded or opened
#: in between is lost. The second frame comes after the one in which Odoo has drawn.
COUNT_READS = """
(() => {
    const { open, send } = XMLHttpRequest.prototype;
    const asks = /\\/(web_read|web_search_read|web_read_group|onchange)$/;
    const drawn = () => { window.deskReads -= 1; };
    const wait = () => requestAnimationFrame(() => requestAnimationFrame(drawn));
    window.deskReads = 0;
    XMLHttpRequest.prototype.open = function (method, url, ...others) {
        this.deskReads = asks.test(url);
        return open.call(this, method, url, ...others);
    };
    XMLHttpRequest.prototype.send = function (...body) {
        if (this.deskReads) {
            window.deskReads += 1;
            this.addEventListener("loadend", wait);
        }
        return send.apply(this, body);
    };
})();
"""

expect.set_options(timeout=PATIENCE)


class Desk:
    """One user's browser.

    :ivar errors: what the browser's console called an error
    """

    def __init__(self, page: Page, url: str, session_id: str):
        self.page = page
        self.url = url
        self.errors: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.add_init_script(COUNT_READS)
        page.context.add_cookies(
            [{"name": "session_id", "value": session_id, "url": url}]
        )

    def _listen(self, message) -> None:
        # pages of Google and Microsoft are not ours to answer for
        elsewhere = not message.location.get("url", self.url).startswith(self.url)
        if message.type != "error" or elsewhere:
            return
        if not any(noise in message.text for noise in NOISE):
            self.errors.append(message.text)

    # --- ways -----------------------------------------------------------------------

    def go(self, path: str) -> None:
        """Open an address such as ``/odoo/contacts`` and wait until it is drawn."""
        self.page.goto(f"{self.url}{path}")
        self.settle(self.page.locator(".o_action_manager > *").first)

    def settle(self, shown: Locator) -> None:
        """Until this is there and drawn as the server says, not as the browser kept it.

        ``go`` and ``press`` do it; what else is clicked after another view was opened,
        without a word being awaited that only the server knows, needs it.
        """
        expect(shown).to_be_visible()
        self.page.wait_for_function("!window.deskReads")

    def record(self, model: str, record: int) -> None:
        self.go(f"/odoo/{model}/{record}")
        expect(self.page.locator(".o_form_view").first).to_be_visible()

    def emails(self, model: str, record: int) -> Locator:
        """The page Emails of a contact, company or lead."""
        self.record(model, record)
        self.page.locator("a[name=mirror_emails]").click()
        expect(self.page.locator("a.active[name=mirror_emails]")).to_be_visible()
        shown = self.page.locator(".o_notebook .tab-pane.active")
        self.wait_for_emails(shown)
        return shown

    def wait_for_emails(self, shown: Locator) -> None:
        """Until conversations are there, or why there are none."""
        there = "_row", "_empty", "_earlier", "_group", "_failure"
        either = ", ".join(f".o_crm_mail_mirror{each}" for each in there)
        expect(shown.locator(either).first).to_be_visible()

    def all_emails(self) -> Locator:
        """The menu Emails."""
        self.go("/odoo/mirrored-emails")
        shown = self.page.locator(".o_crm_mail_mirror_emails_view")
        self.wait_for_emails(shown)
        return shown

    def as_list(self) -> None:
        """The menu Emails, as Odoo's own list."""
        self.page.locator(".o_switch_view.o_list").click()
        expect(self.page.locator(".o_list_view")).to_be_visible()

    def read(self, shown: Locator, words: str) -> Locator:
        """Open the conversation with these words; its mails, the oldest first."""
        shown.locator(CONVERSATION, has_text=words).first.click()
        mails = shown.locator(MAIL)
        expect(mails.first).to_be_visible()
        return mails

    def preferences(self) -> Locator:
        """My Preferences, page Mailboxes, by the menu of the user."""
        shown = self.page.locator(".o_notebook .tab-pane.active")
        tab = self.page.locator("a[name=mirror_mailboxes]")
        # what is opened while the page below is still being drawn is closed by that
        for _attempt in range(3):
            try:
                if not tab.is_visible():
                    self.page.locator(".o_user_menu > button").click(timeout=20_000)
                    self.page.locator("[data-menu=preferences]").click(timeout=20_000)
                tab.click(timeout=20_000)
                expect(self.cards().last).to_be_visible(timeout=20_000)
                return shown
            except (AssertionError, TimeoutError):
                continue
        expect(self.cards().last).to_be_visible()
        return shown

    def cards(self) -> Locator:
        """What may be linked, in My Preferences."""
        return self.page.locator("button[name=action_mirror_link]:visible")

    def new_mailbox(self, card: str = "(IMAP)") -> None:
        """The empty form, from My Preferences."""
        self.preferences()
        self.cards().filter(has_text=card).click()
        expect(self.field("email").locator("input")).to_be_visible()
        expect(self.page.locator(".modal")).to_have_count(0)

    def mailbox(self, mailbox: int) -> None:
        self.record("crm.mail.mirror.mailbox", mailbox)

    def start_mirroring(self) -> None:
        """On the page that shows what would be mirrored, once it does."""
        self.press("action_start")
        expect(self.page.locator(".o_field_widget[name=look_back]")).to_be_visible()

    # --- hands ----------------------------------------------------------------------

    def field(self, name: str) -> Locator:
        return self.page.locator(f".o_field_widget[name={name}]").first

    def fill(self, name: str, value: str) -> None:
        self.field(name).locator("input").fill(value)

    def value(self, name: str) -> str:
        return self.field(name).locator("input").input_value()

    def press(self, name: str) -> None:
        """A button of the form, named by its method."""
        button = self.page.locator(f".o_form_view button[name={name}]:visible").first
        self.settle(button)
        button.click()

    def press_and_see(self, name: str, shown: Locator) -> None:
        """Press a button that may be pressed twice, until ``shown`` is.

        A click that meets a form which is just being drawn anew is lost.
        """
        for _attempt in range(5):
            self.press(name)
            try:
                expect(shown).to_be_visible(timeout=10_000)
                return
            except AssertionError:
                continue
        expect(shown).to_be_visible()

    def choose(self, name: str, label: str) -> None:
        """One of a field's radio buttons."""
        self.tick(self.field(name).get_by_label(label, exact=True))

    def tick(self, button: Locator) -> None:
        """A radio button. A click that meets a form just being drawn anew is lost."""
        self.settle(button)
        for _attempt in range(5):
            button.click()
            try:
                expect(button).to_be_checked(timeout=3000)
                return
            except AssertionError:
                continue
        raise AssertionError("the button does not let itself be ticked")

    def edit(self, cell: Locator) -> None:
        """Click into a list's cell until its row can be written in.

        A click that meets a list which is just being drawn anew is lost.
        """
        self.settle(cell)
        for _attempt in range(5):
            cell.click()
            try:
                expect(self.page.locator(".o_selected_row")).to_be_visible(timeout=5000)
                return
            except AssertionError:
                continue
        raise AssertionError("the row does not let itself be edited")

    def save_row(self) -> None:
        self.page.locator(".o_list_button_save:visible").first.click()
        expect(self.page.locator(".o_selected_row")).to_have_count(0)

    def search(self, kind: str, words: str) -> None:
        """Search a list: "Search <kind> for: <words>"."""
        self.page.locator(".o_searchview_input").fill(words)
        menu = self.page.locator(".o_searchview_autocomplete")
        menu.get_by_text(f"Search {kind} for: {words}").click()

    def filter(self, *names: str) -> None:
        """One of a list's filters, such as "Sent", or "Date" and then "2025"."""
        self.page.locator(".o_searchview_dropdown_toggler").click()
        menu = self.page.locator(".o_search_bar_menu")
        items = menu.locator(".o_menu_item, .o_item_option")
        for name in names:
            items.filter(has_text=re.compile(f"^{name}$")).first.click()
        self.page.keyboard.press("Escape")

    def search_nothing(self) -> None:
        for facet in self.page.locator(".o_facet_remove").all():
            facet.click()
        expect(self.page.locator(".o_searchview_facet")).to_have_count(0)

    # --- eyes -----------------------------------------------------------------------

    def state(self) -> Locator:
        """The mailbox's, as its form shows it."""
        return self.page.locator(".o_statusbar_status .o_arrow_button_current")

    def notice(self) -> str:
        """The sentence in Odoo's dialog, which is closed then."""
        dialog = self.page.locator(".modal:visible")
        said = dialog.locator(".modal-body").inner_text()
        dialog.locator(".modal-footer button").first.click()
        expect(dialog).to_have_count(0)
        return said

    def rows(self, inside: Locator) -> list[str]:
        """The rows of a list, each as what stands in it."""
        return [
            " | ".join(cell for cell in row.inner_text().split("\t") if cell.strip())
            for row in inside.locator("tr.o_data_row").all()
        ]

    def conversations(self, inside: Locator) -> list[str]:
        """The conversations of a page Emails, each as what stands in it."""
        return [
            " | ".join(part for part in row.inner_text().split("\n") if part.strip())
            for row in inside.locator(CONVERSATION).all()
        ]

    def expect_subjects(self, subjects: list[str]) -> None:
        """The list of mail shows exactly these, in this order."""
        cells = self.page.locator(".o_list_view td[name=subject]")
        expect(cells).to_have_text(subjects)

    def expect_no_sideways_scrolling(self) -> None:
        """The page is no wider than its window."""
        width = "document.documentElement.scrollWidth - window.innerWidth"
        assert self.page.evaluate(width) <= 0
