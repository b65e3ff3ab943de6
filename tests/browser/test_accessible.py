# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Every screen can be used by everybody: axe finds nothing serious in what is ours."""

import pytest
from playwright.sync_api import expect

from tests.browser.axe import Eye, go_dark
from tests.browser.office import PASSWORD, wait

RUNA = "Runa Rask <runa@rask.example>"
LINK = "https://shop.rask.example/pump?id=7"
#: The page Emails in a form of Odoo.
PAGE = ".o_notebook .tab-pane.active"
QUOTED = "On Monday Runa Rask wrote:\n> The pump is loud."


@pytest.fixture(scope="module")
def rask(office) -> dict[str, int]:
    """Amrei has what every screen shows; Bertil shares who and when with her."""
    go_dark(office)
    amrei = office.user("Amrei Access", mirror_visibility="4")
    bertil = office.user("Bertil Barrier", mirror_visibility="4")
    delphine = office.user("Delphine Doorless")
    company = office.contact("Rask AS", "info@rask.example", is_company=True)
    runa = office.contact("Runa Rask", "runa@rask.example", parent_id=company)
    office.contact("Nadir Nowhere", False)
    former = office.contact("Freya Former", "freya@before.example")
    leaver = office.user("Lothar Left")
    first = office.letter(
        amrei, sender=RUNA, subject="The pump", text="It is loud.", days_ago=40
    )
    office.letter(
        amrei,
        to=RUNA,
        cc="Stranger <new@tide.example>",
        subject="Re: The pump",
        text=f"Did you oil it? See {LINK}\n\n{QUOTED}",
        answers=first,
        attachment="noise.pdf",
    )
    office.letter(amrei, sender=RUNA, subject="To be removed")
    office.letter(amrei, sender="freya@before.example", subject="I move")
    office.letter(amrei, sender="Odd Oslo <odd@tide.example>", subject="A question")
    office.letter(delphine, sender=RUNA, subject="Would be mirrored")
    office.letter(bertil, sender=RUNA, subject="Not for Amrei", text="Secret")
    mailbox = office.link(amrei, 4, contact_mode="all")
    office.link(bertil, 1)
    office.link(leaver, 0)
    office.admin("res.users", "write", [office.uid(leaver)], {"active": False})
    office.admin("res.partner", "write", [former], {"email": "freya@after.example"})
    session = office.session(amrei)
    session.create(
        "crm.mail.mirror.exclusion",
        kind="address",
        value="friend@home.example",
        user_id=session.uid,
    )
    mail = "crm.mail.mirror.message"
    (gone,) = session(mail, "search", [("subject", "=", "To be removed")])
    session(mail, "action_remove", [gone])
    pump = session(mail, "search", [("subject", "ilike", "The pump")])
    other = office.session(bertil)
    for message in pump:
        other(mail, "ask_access", message, "mail", 30, "I visit them")
    (asked, _other) = session("crm.mail.mirror.grant", "search", [])
    session("crm.mail.mirror.grant", "action_yes", [asked])
    (hidden,) = session(mail, "search", [("owner_ids.login", "=", bertil)])
    session(mail, "ask_access", hidden, "mail", 30, "")
    lead = office.admin.create(
        "crm.lead",
        name="Pumps",
        type="opportunity",
        partner_id=runa,
        user_id=session.uid,
    )
    wait(lambda: session("crm.mail.mirror.suggestion", "search_count", []))
    return {
        "company": company,
        "runa": runa,
        "former": former,
        "lead": lead,
        "mailbox": mailbox,
    }


# --- what is walked through -----------------------------------------------------------


def emails(eye, rask, office):
    """The page Emails, its menus and dialogs."""
    desk, page = eye.desk, eye.page
    shown = desk.emails("res.partner", rask["runa"])
    eye.look("list of conversations", PAGE)
    mails = desk.read(shown, "Re: The pump")
    mails.last.get_by_role("button", name="Show quoted text").click()
    mails.last.locator(".o_crm_mail_mirror_to").click()
    expect(mails.last.locator(".o_crm_mail_mirror_person").first).to_be_visible()
    eye.look("reading pane", PAGE)
    for menu in ("person", "owner", "period"):
        shown.locator(f"button[name={menu}]").click()
        expect(page.locator(".o-dropdown--menu")).to_be_visible()
        eye.look(f"menu {menu}", phone=False)
        page.keyboard.press("Escape")
        expect(page.locator(".o-dropdown--menu")).to_have_count(0)
    mails.last.locator("button[name=set_sharing]").click()
    expect(page.locator(".o_crm_mail_mirror_sharing_menu")).to_be_visible()
    eye.look("menu of sharing", phone=False)
    page.keyboard.press("Escape")
    mails.last.locator(".o_crm_mail_mirror_link").click()
    expect(page.locator(".o_crm_mail_mirror_link_dialog")).to_be_visible()
    eye.look("a link's address")
    page.get_by_role("button", name="Stay here").click()


def other_emails(eye, rask, office):
    """A company by contact, a lead, all emails, and asking for what is not shared."""
    desk, page = eye.desk, eye.page
    shown = desk.emails("res.partner", rask["company"])
    shown.get_by_role("button", name="By contact").click()
    expect(shown.locator(".o_crm_mail_mirror_group").first).to_be_visible()
    eye.look("company by contact", PAGE)
    shown = desk.emails("crm.lead", rask["lead"])
    eye.look("lead", PAGE)
    shown = desk.all_emails()
    eye.look("menu Emails")
    desk.read(shown, "in Bertil Barrier’s mailbox")
    eye.look("a mail that is not shared")
    shown = desk.emails("res.partner", rask["runa"])
    shown.get_by_label("Search subject and text").fill("no such word")
    expect(shown.locator("[data-reason=filtered]")).to_be_visible()
    eye.look("nothing found", PAGE)
    desk.all_emails()
    desk.as_list()
    eye.look("all emails as a list", phone=False)
    page.get_by_role("cell", name="It is loud.").click()
    expect(page.locator(".o_form_view")).to_be_visible()
    eye.look("a mail's form")
    desk.go("/odoo/mirrored-emails-in-numbers")
    expect(page.locator(".o_graph_renderer canvas")).to_be_visible()
    eye.look("emails in numbers")


def asking(eye, rask, office):
    """Bertil asks Amrei, in the dialog."""
    desk, page = eye.desk, eye.page
    shown = desk.emails("res.partner", rask["runa"])
    shown.get_by_role("button", name="Ask for access").first.click()
    expect(page.locator(".o_crm_mail_mirror_ask_dialog textarea")).to_be_visible()
    eye.look("dialog to ask")
    for path in ("my-questions", "asked-of-me"):
        desk.go(f"/odoo/{path}")
        expect(page.locator("tr.o_data_row").first).to_be_visible()
        eye.look(path, phone=False)


def mailboxes(eye, rask, office):
    """My mailboxes, in the menu and in the preferences."""
    desk, page = eye.desk, eye.page
    desk.go("/odoo/my-mailboxes")
    cards = page.locator(".o_crm_mail_mirror_cards .o_kanban_record")
    cards.locator("summary").click()
    expect(cards.locator("details li").first).to_be_visible()
    eye.look("my mailboxes")
    page.get_by_role("button", name="Link a mailbox").click()
    expect(page.locator(".modal button[name=action_mirror_link]").first).to_be_visible()
    eye.look("choice of provider")
    page.keyboard.press("Escape")
    desk.go(f"/odoo/my-preferences/{office.uid('amrei')}")
    page.locator("a[name=mirror_mailboxes]").click()
    expect(desk.cards().first).to_be_visible()
    eye.look("preferences", PAGE)
    desk.go("/odoo/mirror-view-as")
    chosen = page.get_by_role("button", name="Bertil Barrier")
    expect(chosen).to_be_visible()
    eye.look("whom to view as")
    chosen.click()
    expect(page.locator(".o_crm_mail_mirror_banner")).to_be_visible()
    expect(page.locator(".o_crm_mail_mirror_row").first).to_be_visible()
    eye.look("view as a colleague")


def mailbox(eye, rask, office):
    """A mailbox's form, page by page, with the dialogs that it opens."""
    desk, page = eye.desk, eye.page
    desk.mailbox(rask["mailbox"])
    expect(page.locator(".o_crm_mail_mirror_folder").first).to_be_visible()
    eye.look("mailbox, folders")
    for tab in ("rules", "proof", "contacts", "connection"):
        page.locator(f"a[name={tab}]").click()
        expect(page.locator(f"a.active[name={tab}]")).to_be_visible()
        eye.look(f"mailbox, {tab}")
    page.locator("a[name=rules]").click()
    desk.press("action_add_rule")
    dialog = page.locator(".modal:visible")
    value = dialog.locator(".o_field_widget[name=value] input")
    value.fill("runa@rask.example")
    value.press("Tab")
    expect(dialog.locator("[name=preview]")).to_contain_text("This removes")
    eye.look("dialog for a rule")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    page.locator("a[name=proof]").click()
    desk.press("action_why")
    dialog.locator("[name=pasted] input").fill("odd@tide.example")
    dialog.locator("button[name=action_ask]").click()
    dialog.locator("summary").first.click()
    expect(dialog.locator("details[open]").first).to_be_visible()
    eye.look("why is it not here")


def dialogs(eye, rask, office):
    """What an owner is asked before something goes."""
    desk, page = eye.desk, eye.page
    dialog = page.locator(".modal:visible")

    def look(name):
        eye.look(f"dialog: {name}", ".modal")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)

    desk.mailbox(rask["mailbox"])
    for button, words in (
        ("action_disconnect", "Keep the mail"),
        ("action_change_look_back", "How far back?"),
    ):
        desk.press(button)
        expect(dialog).to_contain_text(words)
        look(button)
    desk.go("/odoo/action-crm_mail_mirror.crm_mail_mirror_exclusion_action_mine")
    page.locator("tr.o_data_row .o_list_record_selector input").first.click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(dialog.locator("button[name=action_remove]")).to_be_visible()
    look("remove a rule")
    shown = desk.emails("res.partner", rask["former"])
    line = shown.locator(".o_crm_mail_mirror_former")
    expect(line).to_contain_text("freya@before.example")
    line.get_by_role("button", name="Change").click()
    expect(dialog).to_contain_text("freya@before.example")
    look("former addresses")


def administrators_dialogs(eye, rask, office):
    """What an administrator is asked before something goes."""
    desk, page = eye.desk, eye.page
    dialog = page.locator(".modal:visible")

    def look(button):
        button.click()
        expect(dialog.locator(".o_form_view")).to_be_visible()
        eye.look(f"dialog: {page.url}", ".modal")
        dialog.get_by_role("button", name="Cancel").first.click()
        expect(dialog).to_have_count(0)

    desk.go("/odoo/mailboxes-of-leavers")
    look(page.get_by_role("button", name="Change...").first)
    desk.go("/odoo/erased-persons")
    look(page.get_by_role("button", name="Erase a person...").first)
    desk.go("/odoo/settings")
    page.locator(".settings_tab .tab[data-key=crm_mail_mirror]").click()
    look(page.locator("#mirror_retention button"))


def lists(eye, rask, office):
    """What an owner goes through as lists."""
    for path in (
        "removed-emails",
        "suggested-contacts",
        "asked-of-me",
        "given-by-me",
        "action-crm_mail_mirror.crm_mail_mirror_exclusion_action_mine",
    ):
        eye.desk.go(f"/odoo/{path}")
        expect(eye.page.locator("tr.o_data_row").first).to_be_visible()
        eye.look(path, phone=False)


def cards(eye, rask, office):
    """The same on a phone, where rows are cards."""
    eye.page.set_viewport_size({"width": 400, "height": 800})
    for path in ("removed-emails", "suggested-contacts", "asked-of-me", "given-by-me"):
        eye.desk.go(f"/odoo/{path}")
        card = eye.page.locator(".o_kanban_record:not(.o_kanban_ghost)")
        expect(card.first).to_be_visible()
        eye.look(f"{path}, cards", phone=False)
        eye.desk.expect_no_sideways_scrolling()


def beginning(eye, rask, office):
    """Who has no mailbox: invitation, empty pages, the first steps."""
    desk, page = eye.desk, eye.page
    office.set_up_clouds()
    shown = desk.emails("res.partner", rask["runa"])
    expect(shown.locator("[data-reason=no_mailbox]")).to_be_visible()
    expect(page.locator(".o_crm_mail_mirror_invitation")).to_be_visible()
    eye.look("invitation, no mailbox", PAGE)
    contact = office.admin("res.partner", "search", [("name", "=", "Nadir Nowhere")])
    shown = desk.emails("res.partner", contact[0])
    expect(shown.locator("[data-reason=no_address]")).to_be_visible()
    eye.look("no address", PAGE)
    desk.go("/odoo/my-mailboxes")
    expect(page.locator(".o_nocontent_help")).to_be_visible()
    eye.look("no mailbox of mine")
    desk.new_mailbox()
    eye.look("a new mailbox")
    desk.fill("imap_host", "localhost")
    desk.fill("imap_port", str(office.dovecot.tls_port))
    desk.fill("password", PASSWORD)
    desk.press("action_connect")
    expect(page.locator("[name=result]")).to_contain_text("would be visible")
    eye.look("what would be mirrored")


def administration(eye, rask, office):
    """What administrators see."""
    desk, page = eye.desk, eye.page
    for path, ready in (
        ("mirror-users", "tr.o_data_row"),
        ("mirror-users?view_type=kanban", ".o_kanban_record"),
        ("mirror-health", "[data-chart=states] canvas"),
        ("mirror-organisation", ".o_hierarchy_node"),
        (f"mirror-organisation/{office.uid('amrei')}", "[name=mirror_sight]"),
        ("mirror-organisation?view_type=list", "tr.o_data_row"),
        ("mirrored-mailboxes", "tr.o_data_row"),
        ("mailboxes-of-leavers", ".o_action_manager > *"),
        ("erased-persons", ".o_action_manager > *"),
        (
            "action-crm_mail_mirror.crm_mail_mirror_exclusion_action_words",
            "tr.o_data_row",
        ),
        (
            "action-crm_mail_mirror.crm_mail_mirror_change_action",
            ".o_action_manager > *",
        ),
    ):
        desk.go(f"/odoo/{path}")
        expect(page.locator(ready).first).to_be_visible()
        eye.look(path, phone=ready != "tr.o_data_row")
    office.set_up_clouds()
    desk.go("/odoo/settings")
    page.locator(".settings_tab .tab[data-key=crm_mail_mirror]").click()
    page.locator("[name=mirror_google_guide] summary").click()
    settings = ".app_settings_block[data-key=crm_mail_mirror]"
    expect(page.locator(f"{settings} details[open] li").first).to_be_visible()
    eye.look("settings", settings)


JOURNEYS = {
    "emails": ("amrei", emails),
    "other emails": ("amrei", other_emails),
    "asking": ("bertil", asking),
    "mailboxes": ("amrei", mailboxes),
    "mailbox": ("amrei", mailbox),
    "dialogs": ("amrei", dialogs),
    "lists": ("amrei", lists),
    "cards": ("amrei", cards),
    "beginning": ("delphine", beginning),
    "administration": ("admin", administration),
    "administrators' dialogs": ("admin", administrators_dialogs),
}


@pytest.mark.parametrize("journey", JOURNEYS)
def test_axe_finds_nothing_serious(journey, rask, office, desk):
    login, walk = JOURNEYS[journey]
    eye = Eye(desk(login, width=1400, height=900))
    walk(eye, rask, office)
    assert not eye.found, "\n".join(eye.found)
