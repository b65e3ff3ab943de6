# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""An owner removes a mail from Odoo and takes it back, with mouse and keyboard."""

import pytest
from playwright.sync_api import expect

SENDER = "Pia Private <pia@removal.example>"


@pytest.fixture(scope="module")
def pia(office) -> int:
    """A contact who wrote three mails to Xenia."""
    xenia = office.user("Xenia Removal")
    contact = office.contact("Pia Private", "pia@removal.example")
    for subject in ("Alpha", "Beta", "Gamma"):
        office.letter(xenia, sender=SENDER, subject=subject, text="Hello Xenia")
    office.link(xenia, 3)
    return contact


def test_a_mail_is_removed_and_taken_back_at_once(pia, office, desk):
    xenia = desk("xenia")
    shown = xenia.emails("res.partner", pia)
    mail = xenia.read(shown, "Alpha").first
    mail.locator("button[name=action_remove]").click()

    notice = xenia.page.locator(".o_notification")
    expect(notice).to_contain_text("Your mailbox keeps it")
    # the page stays as it is, but for this mail
    expect(shown.locator(".o_crm_mail_mirror_gone")).to_be_visible()
    shown.get_by_role("button", name="Close").first.click()
    subjects = shown.locator(".o_crm_mail_mirror_subject")
    expect(subjects).to_have_text(["Beta", "Gamma"])

    notice.get_by_role("button", name="Undo").click()
    expect(xenia.page.locator(".o_notification")).to_contain_text("Taken back")
    office.wait_mirrored("xenia", 3)
    xenia.emails("res.partner", pia)
    expect(subjects).to_have_text(["Alpha", "Beta", "Gamma"])


def test_several_are_removed_from_the_list_and_taken_back_later(pia, office, desk):
    xenia = desk("xenia")
    xenia.all_emails()
    xenia.as_list()
    for subject in ("Alpha", "Beta"):
        row = xenia.page.locator("tr.o_data_row", has_text=subject)
        row.locator("input[type=checkbox]").check()
    xenia.page.locator("button[name=action_remove]").click()
    expect(xenia.page.locator(".o_notification")).to_contain_text("2 mails")
    xenia.expect_subjects(["Gamma"])

    xenia.go("/odoo/removed-emails")
    xenia.expect_subjects(["Alpha", "Beta"])
    row = xenia.page.locator("tr.o_data_row", has_text="Beta")
    row.locator("button[name=action_undo]").click()
    expect(row.locator("td[name=outcome]")).not_to_have_text("Removed from Odoo")
    office.wait_mirrored("xenia", 2)
    xenia.go("/odoo/removed-emails")
    expect(row.locator("td[name=outcome]")).to_have_text("Back in Odoo")
    xenia.all_emails()
    xenia.as_list()
    xenia.expect_subjects(["Beta", "Gamma"])

    # opened from the list: what was removed is left behind
    xenia.page.get_by_role("cell", name="Gamma").click()
    xenia.press("action_remove")
    xenia.expect_subjects(["Beta"])
