# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What an owner is shown between connecting a mailbox and mirroring it, and after."""

import pytest
from playwright.sync_api import expect

from tests.browser.office import PASSWORD

PHONE = {"width": 400, "height": 800}


@pytest.fixture(scope="module")
def boss(office):
    """Somebody who may see everybody's mail."""
    login = office.user("Bo Boss")
    office.admin("res.users", "write", [office.uid(login)], {"mirror_visibility": "4"})
    for name, email in (
        ("Nils Norden", "nils@norden.example"),
        ("Olaf Olsen", "olaf@olsen.example"),
        ("Frieda Friend", "frieda@friends.example"),
    ):
        office.contact(name, email)
    yield
    office.admin("res.users", "write", [office.uid(login)], {"active": False})


def crate(office, name):
    """A mailbox: mail with two contacts and a friend, and some that stays out."""
    login = office.user(name)
    for number in range(4):
        office.letter(login, sender="nils@norden.example", subject=f"Order {number}")
    office.letter(login, to="olaf@olsen.example", subject="Our offer")
    office.letter(login, sender="frieda@friends.example", subject="Saturday?")
    office.letter(login, sender="nils@norden.example", subject="Perso: the party")
    office.letter(login, sender="aunt@family.example", subject="Cake")
    return login


@pytest.mark.parametrize(
    "name, window", [("Ida Iversen", {}), ("Jo Jensen", PHONE)], ids=["desk", "phone"]
)
def test_see_before_untick_start_and_choose_folders(office, boss, desk, name, window):
    login = crate(office, name)
    ida = desk(login, **window)
    ida.go(f"/odoo/my-preferences/{office.uid(login)}")
    ida.page.locator("a[name=mirror_mailboxes]").click()
    ida.cards().filter(has_text="(IMAP)").click()
    ida.fill("imap_host", "localhost")
    ida.fill("imap_port", str(office.dovecot.tls_port))
    ida.fill("password", PASSWORD)
    ida.press("action_connect")

    result = ida.page.locator("[name=result]")
    expect(result).to_contain_text("6 mails with 3 contacts would be visible to")
    expect(result).to_contain_text("1 kept out by private words")
    ida.expect_no_sideways_scrolling()
    assert office.mailboxes(login, "seen_count")[0]["seen_count"] == 0

    row = ida.page.locator("tr.o_data_row").filter(has_text="Frieda Friend")
    row.locator("input[type=checkbox]").click()
    expect(ida.page.locator("[name=unticked]").first).to_contain_text(
        "Kept out, now and later: Frieda Friend."
    )
    ida.start_mirroring()
    office.wait_mirrored(login, 5)
    (mailbox,) = office.mailboxes(login, "mirrored_count", "seen_count")
    assert mailbox["mirrored_count"] == 5
    excluded = office.session(login)("crm.mail.mirror.exclusion", "search_read", [])
    assert "frieda@friends.example" in [rule["value"] for rule in excluded]

    # the folders
    ida.mailbox(mailbox["id"])
    ida.page.locator("a[name=scope]").click()
    sent = ida.page.locator(".o_crm_mail_mirror_folder").filter(has_text="Sent")
    expect(sent).to_contain_text("1")
    sent.locator("input").focus()
    ida.page.keyboard.press("Space")
    bar = ida.page.locator(".o_crm_mail_mirror_apply")
    expect(bar).to_contain_text("removes one mail from Odoo, with Olaf Olsen")
    ida.expect_no_sideways_scrolling()
    bar.get_by_role("button", name="Apply").click()
    expect(bar).to_have_count(0)
    (mailbox,) = office.mailboxes(login, "mirrored_count")
    assert mailbox["mirrored_count"] == 4
    sent.locator("input").click()
    bar.get_by_role("button", name="Apply").click()
    expect(bar).to_have_count(0)
    office.wait_mirrored(login, 5)

    # how far back
    ida.press("action_change_look_back")
    dialog = ida.page.locator(".modal")
    dialog.get_by_label("Everything").check()
    expect(dialog).to_contain_text("comes no second time")
    dialog.locator("button[name=action_apply]:visible").click()
    expect(dialog).to_have_count(0)
    expect(ida.field("since_sentence")).to_have_text("all mail there is")
