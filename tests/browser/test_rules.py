# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A rule says what it does before it is saved, and is undone with one press."""

from playwright.sync_api import expect


def test_owner_keeps_somebody_out_and_takes_it_back(office, desk):
    nora = office.user("Yara Never")
    office.contact("Frida Friend", "frida@home.example")
    office.contact("Carl Client", "carl@client.example")
    office.letter(nora, sender="frida@home.example", subject="See you tonight")
    office.letter(nora, sender="carl@client.example", subject="Your offer")
    mailbox = office.link(nora, 2)
    her = desk(nora)

    her.mailbox(mailbox)
    her.page.get_by_role("tab", name="Kept out").click()
    her.press("action_add_rule")
    dialog = her.page.locator(".modal:visible")
    value = dialog.locator(".o_field_widget[name=value] input")
    value.fill("frida@home.example")
    value.press("Tab")
    expect(dialog.locator("[name=preview]")).to_contain_text(
        "This removes one mail from Odoo, with Frida Friend"
    )
    value.press("Enter")
    expect(dialog).to_have_count(0)
    page = her.page.locator(".o_notebook .tab-pane.active")
    expect(page.locator("[name=my_rule_ids]")).to_contain_text("frida@home.example")
    office.wait_mirrored(nora, 1)

    her.mailbox(mailbox)
    her.page.get_by_role("tab", name="Kept out").click()
    changes = page.locator("[name=rule_change_ids]")
    expect(changes).to_contain_text("Never mirror: “frida@home.example”")
    changes.get_by_role("button", name="Undo").first.click()
    expect(page.locator("[name=my_rule_ids] tr.o_data_row")).to_have_count(0)
    office.wait_mirrored(nora, 2)


def test_rule_for_ones_own_domain_is_refused_before_it_is_saved(office, desk):
    otto = office.user("Otto Own")
    mailbox = office.link(otto, 0)
    his = desk(otto, width=375, height=700)

    his.mailbox(mailbox)
    his.page.get_by_role("tab", name="Kept out").click()
    his.press("action_add_rule")
    dialog = his.page.locator(".modal:visible")
    value = dialog.locator(".o_field_widget[name=value] input")
    value.fill(office.address(otto).partition("@")[2])
    value.press("Tab")

    expect(dialog.locator("[name=refusal]")).to_contain_text("your own")
    expect(dialog.get_by_role("button", name="Add this rule")).to_have_count(0)
    his.expect_no_sideways_scrolling()


def test_what_is_typed_is_saved_by_the_button_alone(office, desk):
    hal = office.user("Hal Hesitant")
    mailbox = office.link(hal, 0)
    his = desk(hal)

    def rules():
        mine = [("user_id", "=", office.uid(hal))]
        return office.session(hal)(
            "crm.mail.mirror.exclusion", "search_read", mine, ["value", "kind"]
        )

    def type_and_leave():
        dialog = his.page.locator(".modal:visible")
        value = dialog.locator(".o_field_widget[name=value] input")
        value.fill("bank.example")
        value.press("Tab")
        expect(dialog.locator("[name=preview]")).to_contain_text("No mail")
        his.page.reload()
        expect(his.page.locator(".o_action_manager > *").first).to_be_visible()

    his.mailbox(mailbox)
    his.page.get_by_role("tab", name="Kept out").click()
    his.press("action_add_rule")
    type_and_leave()
    his.go("/odoo/action-crm_mail_mirror.crm_mail_mirror_exclusion_action_mine")
    new = his.page.get_by_role("button", name="New", exact=True)
    new.click()
    type_and_leave()
    expect(new).to_be_visible()
    assert rules() == []

    new.click()
    dialog = his.page.locator(".modal:visible")
    dialog.locator(".o_field_widget[name=value] input").fill("bank.example")
    dialog.get_by_role("button", name="Add this rule").click()
    expect(his.page.locator("tr.o_data_row")).to_contain_text("bank.example")
    assert [rule["kind"] for rule in rules()] == ["domain"]


def test_rules_for_everybody_are_added_in_the_dialog_on_a_phone(desk):
    admins = desk("admin", width=400, height=800)
    for action, effect, kind in (
        ("exclusion_action", "Never mirror", "Address"),
        ("exclusion_action_always", "Always mirror", "Address"),
        ("exclusion_action_words", "Never mirror", "Word in the subject"),
    ):
        admins.go(f"/odoo/action-crm_mail_mirror.crm_mail_mirror_{action}")
        admins.page.get_by_role("button", name="New", exact=True).click()
        dialog = admins.page.locator(".modal:visible")
        expect(dialog.get_by_label(effect)).to_be_checked()
        expect(dialog.get_by_label(kind, exact=True)).to_be_checked()
        admins.expect_no_sideways_scrolling()
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_have_count(0)
