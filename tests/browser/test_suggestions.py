# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A salesperson takes suggested contacts out of the tray, and leaves others."""

import os

import pytest
from playwright.sync_api import expect

from tests.browser.office import wait


@pytest.fixture(scope="module")
def tara(office) -> str:
    """Her mailbox suggests four people, one of them at a company that is known."""
    tara = office.user("Zita Tray")
    office.contact("Acme Tray", "", is_company=True, website="www.tray.example")
    for sender in (
        '"Doe, John" <jd@tray.example>',
        "Jane Roe (Zeta) <jane@zeta.example>",
        "Nina <nina@nuisance.example>",
    ):
        office.letter(tara, sender=sender, subject="A question")
    office.letter(tara, to="walter.wanted@prospect.example", subject="Our offer")
    office.letter(tara, sender="info@function.example", subject="From nobody")
    office.link(tara, 0, contact_mode="all")
    session = office.session(tara)
    wait(lambda: session("crm.mail.mirror.suggestion", "search_count", []) == 4)
    return tara


def screenshot(desk, name):
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        desk.page.screenshot(path=f"{folder}/{name}.png")


def test_suggested_contacts_are_created_and_dismissed(office, tara, desk):
    (mailbox,) = office.mailboxes(tara, "id")
    her = desk(tara)
    her.mailbox(mailbox["id"])
    her.page.locator("a[name=contacts]").click()
    button = her.page.locator("button[name=action_open_suggestions]")
    expect(button).to_contain_text("4")
    screenshot(her, "mailbox")
    button.click()

    rows = her.page.locator("tr.o_data_row")
    expect(rows).to_have_count(4)
    john = rows.filter(has_text="jd@tray.example")
    expect(john).to_contain_text("John Doe")
    expect(john).to_contain_text("Acme Tray")
    screenshot(her, "tray")
    # a name is corrected before the contact is made
    her.edit(rows.filter(has_text="walter").locator("td[name=name]"))
    cell = her.page.locator(".o_selected_row [name=name] input")
    cell.fill("Walter W. Wanted")
    her.save_row()
    rows.filter(has_text="walter").locator("button[name=action_create]").click()
    expect(rows).to_have_count(3)
    # several at once
    for name in ("jd@tray", "jane@zeta"):
        rows.filter(has_text=name).locator(".o_list_record_selector input").check()
    screenshot(her, "chosen")
    buttons = her.page.locator(".o_control_panel, .o_list_renderer, .o_list_view")
    buttons.locator("button[name=action_create]:visible").first.click()
    expect(rows).to_have_count(1)
    rows.locator("button[name=action_dismiss]").click()
    expect(her.page.locator(".o_view_nocontent")).to_contain_text("Nobody to suggest")
    screenshot(her, "empty")

    found = office.admin(
        "res.partner",
        "search_read",
        [("email", "ilike", ".example"), ("user_id", "=", office.uid(tara))],
        ["name", "parent_id"],
    )
    assert {(p["name"], p["parent_id"] and p["parent_id"][1]) for p in found} == {
        ("John Doe", "Acme Tray"),
        ("Jane Roe", False),
        ("Walter W. Wanted", False),
    }
    office.wait_mirrored(tara, 3)
