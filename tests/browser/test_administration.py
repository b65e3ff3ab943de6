# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""An administrator sees how all mailboxes fare, and no mail."""

from playwright.sync_api import expect

from tests.browser.office import PASSWORD, wait


def test_the_list_of_mailboxes_shows_health_and_no_content(office, desk):
    well, ill = office.user("Wanda Well"), office.user("Igor Ill")
    office.contact("Hugo", "hugo@customer.example")
    office.letter(well, sender="hugo@customer.example", subject="Secret plan")
    office.letter(well, sender="x@unknown.example", subject="Private matter")
    office.link(well, 1, sharing_in="everything", sharing_out="everything")
    mailbox = office.link(ill, 0)
    office.change_mail_password(ill, "changed")
    office.session(ill)("crm.mail.mirror.mailbox", "action_sync_now", [mailbox])
    wait(lambda: office.mailboxes(ill, "state")[0]["state"] == "needs_login")
    admin = desk("admin")

    admin.go("/odoo/mirrored-mailboxes")
    rows = admin.page.locator("tr.o_data_row")
    healthy = rows.filter(has_text=office.address(well))
    expect(healthy).to_contain_text("Wanda Well")
    expect(healthy.locator("td[name=state]")).to_have_text("Mirrored")
    for name in ("seen_told", "mirrored_told"):
        expect(healthy.locator(f"td[name={name}]")).to_have_text("fewer than 10")
    expect(healthy.locator("td[name=last_sync_at]")).not_to_be_empty()
    failing = rows.filter(has_text=office.address(ill))
    expect(failing).to_contain_text("does not accept this login and password")

    # the troubled ones alone
    admin.filter("In trouble")
    expect(healthy).to_have_count(0)
    expect(failing).to_have_count(1)

    # neither the mailbox nor the list of mail opens any
    healthy_id = office.mailboxes(well, "id")[0]["id"]
    admin.mailbox(healthy_id)
    card = admin.page.locator(".o_form_view")
    expect(card).to_contain_text("fewer than 10 seen")
    expect(card).not_to_contain_text("Secret plan")
    buttons = card.locator(".o_statusbar_buttons button")
    expect(buttons).to_have_text(["Pause", "Disconnect"])  # for users who left
    expect(card.locator("[name=imap_login]")).to_have_count(0)
    shown = admin.all_emails()
    expect(shown.locator(".o_crm_mail_mirror_empty")).to_be_visible()
    expect(shown).not_to_contain_text("Secret plan")


def test_administrators_have_mailboxes_of_their_own_like_everybody(office, desk):
    office.change_mail_password("admin", PASSWORD)
    office.link("admin", 0)
    admin = desk("admin")

    admin.go("/odoo/my-mailboxes")

    card = admin.page.locator(".o_crm_mail_mirror_cards .o_kanban_record").first
    expect(card).to_contain_text(office.address("admin"))
    expect(card).to_contain_text("all mail there is, all folders")


def test_users_find_neither_others_mailboxes_nor_the_configuration(office, desk):
    owner, other = office.user("Tara Tally"), office.user("Ulf Usual")
    office.link(owner, 0)
    ulf = desk(other)

    ulf.go("/odoo/mirrored-mailboxes")

    expect(ulf.page.locator(".o_nocontent_help")).to_contain_text("No mailbox")
    ulf.go("/odoo/mirrored-emails")
    expect(ulf.page.locator(".o_menu_sections")).to_contain_text("Emails")
    expect(ulf.page.locator(".o_menu_sections")).not_to_contain_text("Configuration")
