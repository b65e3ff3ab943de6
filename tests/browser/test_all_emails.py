# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The list of all emails: found by person, text, direction, mailbox and date."""

from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

PEOPLE = {
    "Lea Laurent": "lea@search.example",
    "Max Meyer": "max@search.example",
}


@pytest.fixture(scope="module")
def company(office) -> int:
    """A company with two people, who wrote with two of us."""
    hana, jon = office.user("Hana Search"), office.user("Jon Search")
    company = office.contact("Search AG", "info@search.example", is_company=True)
    for name, email in PEOPLE.items():
        office.contact(name, email, parent_id=company)
    lea, max_ = (f"{name} <{email}>" for name, email in PEOPLE.items())
    office.letter(hana, sender=lea, subject="Alpha", text="a word: xylophone")
    office.letter(hana, to=lea, subject="Beta", text="nothing")
    office.letter(hana, sender=max_, subject="Gamma", days_ago=400)
    office.letter(jon, sender=max_, subject="Delta", text="nothing")
    office.link(hana, 3)
    office.link(jon, 1, sharing_in="everything")
    office.admin("res.users", "write", [office.uid(hana)], {"mirror_visibility": "4"})
    return company


@pytest.fixture
def hana(company, desk):
    """Hana, before the list of all emails of the company."""
    hana = desk("hana")
    shown = hana.emails("res.partner", company)
    shown.locator("button[name=all_emails]").click()
    title = hana.page.locator(".o_last_breadcrumb_item")
    expect(title).to_contain_text("Emails of Search AG")
    return hana


def test_conversations_follow_the_search_bar(hana):
    shown = hana.page.locator(".o_crm_mail_mirror_emails_view")
    rows = shown.locator(".o_crm_mail_mirror_subject")
    expect(rows).to_have_text(["Alpha", "Beta", "Delta", "Gamma"])
    hana.search("Person or address", "max@")
    expect(rows).to_have_text(["Delta", "Gamma"])
    hana.search_nothing()
    hana.filter("Sent")
    expect(rows).to_have_text(["Beta"])
    (mail,) = hana.read(shown, "Beta").all()
    expect(mail).to_contain_text("nothing")
    # what is typed after / is looked for
    hana.search_nothing()
    shown.locator(".o_crm_mail_mirror_row").first.press("/")
    expect(hana.page.locator(".o_searchview_input")).to_be_focused()


def test_a_search_becomes_a_favourite(hana):
    hana.filter("Received")
    hana.page.locator(".o_searchview_dropdown_toggler").click()
    menu = hana.page.locator(".o_search_bar_menu")
    menu.get_by_text("Save current search").click()
    menu.locator("input[type=text]").first.fill("To me")
    with hana.page.expect_response("**/ir.filters/**"):
        menu.get_by_role("button", name="Save", exact=True).click()
    hana.all_emails()
    hana.filter("To me")
    rows = hana.page.locator(".o_crm_mail_mirror_subject")
    expect(rows).to_have_text(["Alpha", "Delta", "Gamma"])


def test_search_by_person_text_direction_mailbox_and_date(hana):
    hana.as_list()
    year = (date.today() - timedelta(days=400)).year
    for search, found in (
        (lambda: None, ["Alpha", "Beta", "Delta", "Gamma"]),
        (lambda: hana.search("Person or address", "lea lau"), ["Alpha", "Beta"]),
        (lambda: hana.search("Person or address", "max@"), ["Delta", "Gamma"]),
        (lambda: hana.search("Subject or text", "xylophone"), ["Alpha"]),
        (lambda: hana.search("Subject or text", "delt"), ["Delta"]),
        (lambda: hana.search("Mailbox of", "Jon"), ["Delta"]),
        (lambda: hana.search("Contact or company", "Max"), ["Delta", "Gamma"]),
        (lambda: hana.filter("Sent"), ["Beta"]),
        (lambda: hana.filter("Received"), ["Alpha", "Delta", "Gamma"]),
        (lambda: hana.filter("In my mailboxes"), ["Alpha", "Beta", "Gamma"]),
        (lambda: hana.filter("Date", str(year)), ["Gamma"]),
    ):
        search()
        hana.expect_subjects(found)
        hana.search_nothing()


def test_what_is_not_content_is_counted_and_grouped(hana):
    """Each mail once, however many have it, by mailbox and direction."""
    page = hana.page
    hana.go("/odoo/mirrored-emails-in-numbers")
    expect(page.locator(".o_graph_renderer canvas")).to_be_visible()
    expect(page.locator(".o_view_sample_data")).to_have_count(0)

    page.locator(".o_switch_view.o_pivot").click()
    lines = page.locator(".o_pivot tbody tr")
    expect(lines).to_have_text(["Total314", "Hana Search213", "Jon Search11"])

    page.locator(".o_switch_view.o_list").click()
    hana.filter("Mailbox of")
    groups = page.locator(".o_group_header")
    expect(groups).to_have_text(["Hana Search (3)", "Jon Search (1)"])
    for words in (*PEOPLE, "Alpha", "xylophone"):
        expect(page.locator(".o_action_manager")).not_to_contain_text(words)


def test_a_panel_beside_the_numbers_counts_what_is_seen(hana):
    hana.go("/odoo/mirrored-emails-in-numbers")
    panel = hana.page.locator(".o_search_panel")
    owners = panel.locator(".o_search_panel_filter_value")
    for owner, count in (("Hana Search", "3"), ("Jon Search", "1")):
        value = owners.filter(has_text=owner)
        expect(value.locator(".o_search_panel_counter")).to_have_text(count)
    hana.as_list()
    rows = hana.page.locator("tr.o_data_row")
    expect(rows).to_have_count(4)
    panel.get_by_text("Sent", exact=True).click()
    expect(rows).to_have_count(1)
    panel.get_by_text("All", exact=True).click()
    owners.filter(has_text="Jon Search").click()
    expect(rows).to_have_count(1)


def test_the_whole_list_opens_a_mail_and_pages_on(hana):
    hana.as_list()
    hana.page.get_by_role("cell", name="Alpha").click()
    mail = hana.page.locator(".o_form_view")
    expect(mail.locator("[name=body]")).to_have_text("a word: xylophone")
    expect(hana.page.locator(".o_pager_counter")).to_have_text("1 / 4")
    hana.page.locator(".o_pager_next").click()
    expect(mail.locator("[name=subject]")).to_have_text("Beta")
