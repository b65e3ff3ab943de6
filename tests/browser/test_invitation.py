# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Once an administrator switched a provider on, who has no mailbox is asked; once."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def on(office):
    """Google and Microsoft are switched on."""
    office.set_up_clouds()


def invitation(desk):
    return desk.page.get_by_role("region", name="Link your mailbox")


def test_a_no_is_for_good_and_preferences_still_link(office, on, desk):
    login = office.user("Inga Invited")
    inga = desk(login)
    inga.go("/odoo/contacts")
    asked = invitation(inga)
    expect(asked).to_contain_text("You decide what colleagues see of it")
    # nothing stands over the page
    expect(inga.page.locator(".modal")).to_have_count(0)
    # until it is answered, it is there
    inga.go("/odoo/contacts")
    expect(asked).to_be_visible()

    with inga.page.expect_response("**/action_mirror_decline"):
        asked.get_by_role("button", name="No, thanks").click()
    expect(asked).to_have_count(0)
    notice = inga.page.locator(".o_notification")
    expect(notice).to_contain_text("You are not asked again")

    inga.go("/odoo/contacts")
    expect(inga.page.locator(".o_list_view, .o_kanban_view").first).to_be_visible()
    expect(asked).to_have_count(0)
    inga.preferences()
    expect(inga.cards().filter(has_text="Gmail")).to_be_visible()


def test_a_yes_leads_to_the_providers_at_once(office, on, desk):
    # the web client's own chat covers a phone when somebody comes in for the first time
    login = office.user("Jutta Joins", odoobot_state="disabled")
    jutta = desk(login, width=400, height=800)
    jutta.go("/odoo/contacts")
    asked = invitation(jutta)
    expect(asked).to_be_visible()
    jutta.expect_no_sideways_scrolling()

    asked.get_by_role("button", name="Link my mailbox").click()
    dialog = jutta.page.locator(".modal")
    expect(dialog.locator("button[name=action_mirror_link]")).to_have_count(4)
    dialog.locator("button", has_text="Gmail").click()
    expect(jutta.page.locator("[name=sign_in]")).to_be_visible()
    expect(asked).to_have_count(0)


def test_closing_the_choice_is_no_answer(office, on, desk):
    login = office.user("Kuno Keeps")
    kuno = desk(login)
    kuno.go("/odoo/contacts")
    invitation(kuno).get_by_role("button", name="Link my mailbox").click()
    kuno.page.locator(".modal").get_by_role("button", name="Cancel").click()
    expect(kuno.page.locator(".modal")).to_have_count(0)
    expect(invitation(kuno)).to_be_visible()

    # it goes as soon as a mailbox is being linked, wherever that was begun
    kuno.go("/odoo/my-mailboxes")
    expect(invitation(kuno)).to_be_visible()
    kuno.page.locator(".o_nocontent_help").get_by_text("Link a mailbox").click()
    kuno.page.locator(".modal button", has_text="Other (IMAP)").click()
    expect(kuno.field("imap_host")).to_be_visible()
    expect(invitation(kuno)).to_have_count(0)


def test_who_has_a_mailbox_and_whom_nothing_is_offered_are_not_asked(office, on, desk):
    login = office.user("Hugo Has")
    office.link(login, 0)
    hugo = desk(login)
    hugo.go("/odoo/contacts")
    expect(hugo.page.locator(".o_list_view, .o_kanban_view").first).to_be_visible()
    expect(invitation(hugo)).to_have_count(0)

    office.set_up_clouds(mirror_google_enabled=False, mirror_microsoft_enabled=False)
    none = desk(office.user("Nico Nothing"))
    none.go("/odoo/contacts")
    expect(none.page.locator(".o_list_view, .o_kanban_view").first).to_be_visible()
    expect(invitation(none)).to_have_count(0)
