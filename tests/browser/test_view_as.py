# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""An owner sees their own mail as a colleague does, and nothing of anybody else's."""

import pytest
from playwright.sync_api import expect

ROW = ".o_crm_mail_mirror_row"


@pytest.fixture(scope="module")
def vera(office):
    """Vera's login; her manager sees who and when of it, a colleague nothing."""
    boss = office.user("Marius Manager", mirror_visibility="1")
    login = office.user("Vera View", mirror_manager_id=office.uid(boss))
    office.user("Nepomuk Nothing")
    office.contact("Petra Peters", "petra@view.example")
    office.contact("Ruben Reich", "ruben@view.example")
    office.letter(login, sender="petra@view.example", subject="Forty filters")
    office.link(login, 1)
    # another mailbox that the manager sees as well
    other = office.user("Ottilie Other", mirror_manager_id=office.uid(boss))
    office.letter(other, sender="ruben@view.example", subject="Not of Vera")
    office.link(other, 1, sharing_in="everything")
    return login


def begin(desk):
    desk.go("/odoo/my-mailboxes")
    card = desk.page.locator(".o_crm_mail_mirror_cards .o_kanban_record").first
    card.get_by_role("button", name="View as a colleague").click()
    shown = desk.page.locator(".o_crm_mail_mirror_view_as")
    expect(shown).to_be_visible()
    return shown


def test_who_sees_something_is_proposed_and_the_others_are_told_why(desk, vera):
    own = desk(vera)
    shown = begin(own)

    seeing = shown.get_by_role("list", name="They see something of yours")
    expect(seeing.locator("li")).to_have_count(1)
    expect(seeing).to_contain_text("Marius Manager")
    expect(seeing).to_contain_text("is your manager")
    shown.get_by_role("searchbox", name="Search a name").fill("nepo")
    others = shown.get_by_role("list", name="They see nothing of yours")
    expect(others.locator("li")).to_have_count(1)
    expect(others).to_contain_text(
        "Nepomuk Nothing sees nothing of yours: their level shows only their own mail."
    )
    expect(seeing.locator("li")).to_have_count(0)
    # who sees nothing cannot be chosen
    expect(others.locator("button")).to_have_count(0)


def test_the_mail_is_shown_as_they_see_it_and_stop_ends_it(office, desk, vera):
    own = desk(vera)
    shown = begin(own)
    shown.get_by_role("button", name="Marius Manager").click()

    banner = shown.get_by_role("status").first
    expect(banner).to_contain_text("You see your mail as Marius Manager does.")
    expect(shown.locator(ROW)).to_have_count(1)
    expect(shown.locator(ROW)).to_contain_text("Petra Peters")
    expect(shown).not_to_contain_text("Forty filters")
    # of other mailboxes nothing, though Marius sees them
    expect(shown).not_to_contain_text("Ruben")
    banner.get_by_role("button", name="Stop").click()
    expect(own.page.locator(".o_crm_mail_mirror_cards")).to_be_visible()
    expect(own.page.locator(".o_crm_mail_mirror_banner")).to_have_count(0)
    # or the way back that every page has
    begin(own)
    crumbs = own.page.locator(".o_breadcrumb")
    expect(crumbs).to_contain_text("View as a Colleague")
    crumbs.get_by_role("link", name="My Mailboxes").click()
    expect(own.page.locator(".o_crm_mail_mirror_cards")).to_be_visible()

    # what is shared from now on is seen
    (mailbox,) = office.mailboxes(vera, "id")
    office.session(vera)(
        "crm.mail.mirror.mailbox", "write", [mailbox["id"]], {"sharing_in": "subject"}
    )
    own.go("/odoo/my-mailboxes")
    card = own.page.locator(".o_crm_mail_mirror_cards .o_kanban_record").first
    # first comes what the browser kept of it, and what is unfolded there is lost
    expect(card).to_contain_text("of what you receive who, when and the subject")
    card.locator("summary").click()
    card.get_by_role("button", name="See it as they do").click()
    expect(shown.locator(ROW)).to_contain_text("Forty filters")
    shown.get_by_role("button", name="Another colleague").click()
    expect(shown).to_contain_text("See your mail as a colleague does")


def test_on_a_phone_banner_and_mail_fit(desk, vera):
    phone = desk(vera, width=400, height=800)
    shown = begin(phone)
    shown.get_by_role("button", name="Marius Manager").click()
    expect(shown.locator(ROW)).to_have_count(1)
    phone.expect_no_sideways_scrolling()
    shown.get_by_role("button", name="Stop").click()
    expect(phone.page.locator(".o_crm_mail_mirror_cards")).to_be_visible()
