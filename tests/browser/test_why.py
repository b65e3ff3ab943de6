# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Why is it (not) here? An owner asks, understands, and mends it, with few clicks."""

import pytest
from playwright.sync_api import expect

PHONE = {"width": 400, "height": 800}


@pytest.fixture(scope="module")
def owner(office):
    """A mailbox with a contact's mail, a stranger's, and a newsletter."""
    login = office.user("Ursa Why")
    office.contact("Rosa Reed", "rosa@reed.example")
    office.letter(login, sender="rosa@reed.example", subject="Twenty pumps")
    office.letter(login, sender="sam@stranger.example", subject="Hello again")
    office.letter(login, sender="rosa@reed.example", subject="Perso: our cat")
    return login, office.link(login, 1)


def ask(wanda, words):
    # the answer is a dialog of its own: for a moment the one before is there as well
    dialog = wanda.page.locator(".modal:visible").last
    dialog.locator("[name=pasted] input").fill(words)
    dialog.locator("button[name=action_ask]").click()
    expect(
        dialog.locator(".o_kanban_record:not(.o_kanban_ghost)").first
    ).to_be_visible()
    return dialog


def test_why_is_it_not_here(office, owner, desk):
    login, mailbox = owner
    wanda = desk(login)
    wanda.mailbox(mailbox)
    wanda.page.locator("a[name=proof]").click()
    wanda.press("action_why")

    # by an address, from what is remembered
    dialog = ask(wanda, "sam@stranger.example")
    expect(dialog).to_contain_text("No contact and no lead has an address")

    # by a subject, from the mailbox itself, rule by rule
    dialog = ask(wanda, "our cat")
    expect(dialog).to_contain_text("One of the private words stands in its subject")
    dialog.locator("summary").click()
    expect(dialog).to_contain_text("(perso)")

    # and mend it
    dialog = ask(wanda, "sam@stranger.example")
    # not the answer of before, which is still there for a moment
    expect(dialog).to_contain_text("No contact and no lead has an address")
    dialog.get_by_role("button", name="Add a contact").click()
    expect(wanda.field("email").locator("input")).to_have_value("sam@stranger.example")


def test_why_is_this_here_on_a_phone(office, owner, desk):
    login, _mailbox = owner
    wanda = desk(login, **PHONE)
    (mail,) = office.session(login)("crm.mail.mirror.message", "search", [])
    wanda.record("crm.mail.mirror.message", mail)
    wanda.page.locator("button[name=action_why]").first.click()

    dialog = wanda.page.locator(".modal:visible")
    expect(dialog).to_contain_text("A contact or lead has an address")
    dialog.locator("summary").click()
    expect(dialog).to_contain_text("Rosa Reed")
    wanda.expect_no_sideways_scrolling()
