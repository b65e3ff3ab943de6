# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""An owner asks whether all of the mailbox is there, and is told what came of it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.office import wait

PHONE = {"width": 400, "height": 800, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def paula(office) -> tuple[str, int]:
    """Login and mailbox: five mails of a contact, three of nobody, a newsletter."""
    login = office.user("Paula Probe")
    office.contact("Kim Kunde", "kim@proof.example")
    for number in range(5):
        office.letter(login, sender="kim@proof.example", subject=f"Offer {number}")
    for number in range(3):
        office.letter(login, sender=f"x{number}@nobody.example", subject="Hello")
    office.letter(login, sender="kim@proof.example", subject="perso: lunch")
    return login, office.link(login, 5)


def test_owner_compares_and_reads_what_became_of_each_mail(office, desk, paula):
    login, mailbox = paula
    own = desk(login)
    own.mailbox(mailbox)
    own.page.locator("a[name=proof]").click()
    shown = own.page.locator(".o_notebook .tab-pane.active")
    line = shown.locator("p[name=proof]")
    expect(line).to_contain_text("9 seen = 5 mirrored + 3 no contact + 1 excluded")
    expect(shown).to_contain_text("Each night the last seven days are compared")
    expect(shown).to_contain_text("No contact and no lead has an address")
    expect(shown).to_contain_text("private word")

    for button in ("action_audit_week", "action_audit_all"):
        own.press_and_see(button, own.page.locator(".o_notification").first)

    def done():
        rows = office.session(login)(
            "crm.mail.mirror.audit", "search_read", [], ["kind", "state"]
        )
        return {row["kind"] for row in rows if row["state"] == "done"}

    wait(lambda: done() == {"week", "all"}, done)
    own.mailbox(mailbox)
    own.page.locator("a[name=proof]").click()
    expect(line).to_contain_text(
        re.compile("last 7 days compared with the mailbox today at .*: 0 missing")
    )
    results = shown.locator("[name=audit_ids] td[name=result]")
    expect(results).to_have_count(2)
    expect(results.first).to_have_text(
        "9 mails compared: nothing is missing, and nothing is here that should not be."
    )

    own.press("action_ledger_by_day")
    days = own.page.locator(".o_list_view tr.o_group_header")
    expect(days.first).to_be_visible()
    for place in range(days.count()):  # two, if one of the mails was of yesterday
        days.nth(place).click()
    lines = own.page.locator(".o_list_view tr.o_data_row")
    expect(lines.nth(2)).to_be_visible()


def test_on_a_phone_it_fits(desk, paula):
    login, mailbox = paula
    own = desk(login, **PHONE)
    own.mailbox(mailbox)
    own.page.locator("a[name=proof]").click()
    expect(own.page.locator("p[name=proof]")).to_be_visible()
    own.expect_no_sideways_scrolling()
