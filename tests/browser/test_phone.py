# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""On a phone every button is within reach: where a row is too wide there are cards."""

from playwright.sync_api import expect

WIDTH = 400


def expect_within_reach(desk, card, button):
    """The card's button, not beyond the window's edge."""
    shown = card.get_by_role("button", name=button)
    expect(shown).to_be_visible()
    box = shown.bounding_box()
    assert 0 <= box["x"] and box["x"] + box["width"] <= WIDTH
    desk.expect_no_sideways_scrolling()


def test_administrators_lists_are_cards(office, desk):
    leaver = office.user("Lou Leaver")
    office.link(leaver, 0)
    office.admin("res.users", "write", [office.uid(leaver)], {"active": False})
    erase = office.admin.create("crm.mail.mirror.erase", addresses="gone@phone.example")
    office.admin("crm.mail.mirror.erase", "action_erase", [erase])
    office.admin.create(
        "crm.mail.mirror.exclusion", kind="domain", value="phone.example"
    )
    admins = desk("admin", width=WIDTH, height=800)
    cards = admins.page.locator(".o_kanban_record:visible")

    admins.go("/odoo/mailboxes-of-leavers")
    card = cards.filter(has_text=office.address(leaver))
    expect_within_reach(admins, card, "Change...")

    admins.go("/odoo/erased-persons")
    expect_within_reach(admins, cards.first, "Certificate")
    erase_one = admins.page.get_by_role("button", name="Erase a person...")
    expect(erase_one).to_be_visible()

    admins.go("/odoo/action-crm_mail_mirror.crm_mail_mirror_change_action")
    card = cards.filter(has_text="phone.example")
    expect_within_reach(admins, card.first, "Undo")


def test_mailbox_shows_undo_reasons_and_all_tabs(office, desk):
    pia = office.user("Pia Phone")
    office.letter(pia, sender="aunt@phonefamily.example", subject="Cake")
    mailbox = office.link(pia, 0)
    office.session(pia).create(
        "crm.mail.mirror.exclusion",
        kind="address",
        value="uncle@phonefamily.example",
        user_id=office.uid(pia),
    )
    hers = desk(pia, width=WIDTH, height=800)
    hers.mailbox(mailbox)
    for tab in hers.page.locator(".o_notebook_headers .nav-link").all():
        box = tab.bounding_box()
        assert 0 <= box["x"] and box["x"] + box["width"] <= WIDTH, tab.inner_text()

    hers.page.get_by_role("tab", name="Kept out").click()
    changed = hers.page.locator("[name=rule_change_ids] .o_kanban_record:visible")
    expect_within_reach(hers, changed.first, "Undo")
    mine = hers.page.locator("[name=my_rule_ids] .o_kanban_record:visible")
    expect_within_reach(hers, mine.first, "Remove")

    hers.page.get_by_role("tab", name="Is all there?").click()
    tally = hers.page.locator("[name=tally_ids]")
    expect(tally).to_contain_text("No contact and no lead has an address that is on it")
    hers.expect_no_sideways_scrolling()
