# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A colleague asks to read a mail, its owner says yes, and takes it back."""

import pytest
from playwright.sync_api import expect

PHONE = {"width": 400, "height": 800, "is_mobile": True, "has_touch": True}
MAIL = ".o_crm_mail_mirror_mail"


@pytest.fixture(scope="module")
def kim(office) -> int:
    """A contact who wrote to Greta; Aron may see everybody's mail."""
    greta, aron = office.user("Greta Giver"), office.user("Aron Asker")
    office.admin("res.users", "write", [office.uid(aron)], {"mirror_visibility": "4"})
    contact = office.contact("Kim Kunde", "kim@access.example")
    office.letter(
        greta,
        sender="Kim Kunde <kim@access.example>",
        subject="Twelve pumps",
        text="Please send an offer.",
    )
    lou = "Lou Partly <lou@partly.example>"
    office.contact("Lou Partly", "lou@partly.example")
    first = office.letter(greta, sender=lou, subject="Six valves", days_ago=2)
    office.letter(
        greta, sender=lou, subject="Re: Six valves", answers=first, days_ago=1
    )
    office.letter(
        greta,
        to=f"{lou}, one@partly.example",
        cc="two@partly.example",
        subject="Our catalogue",
    )
    office.link(greta, 4)
    return contact


def read(reader, contact):
    """The only mail of the contact, opened."""
    shown = reader.emails("res.partner", contact)
    row = shown.locator(".o_crm_mail_mirror_row").first
    expect(row).to_be_visible()
    row.click()
    mail = shown.locator(MAIL)
    expect(mail).to_have_count(1)
    return mail


def ask(mail, reader, *labels, note=""):
    """Fill in the form and send it."""
    mail.get_by_role("button", name="Ask for access").click()
    form = reader.page.locator(".o_crm_mail_mirror_ask_dialog")
    for label in labels:
        form.get_by_label(label).check()
    form.locator("textarea").fill(note)
    form.get_by_role("button", name="Ask", exact=True).click()
    expect(form).to_have_count(0)


def test_a_yes_opens_the_mail_until_it_is_taken_back(kim, office, desk):
    aron, greta = desk("aron"), desk("greta")
    mail = read(aron, kim)
    expect(mail).not_to_contain_text("Please send an offer")
    ask(mail, aron, "This mail", "1 month", note="I visit them tomorrow")
    expect(aron.page.locator(".o_notification")).to_contain_text("Asked: Greta Giver")
    expect(read(aron, kim)).to_contain_text("You asked for access")

    greta.go("/odoo/asked-of-me")
    question = greta.page.locator("tr.o_data_row")
    expect(question).to_contain_text("Aron Asker")
    expect(question).to_contain_text("Twelve pumps")
    expect(question).to_contain_text("I visit them tomorrow")
    question.locator("button[name=action_yes_day]").click()
    expect(greta.page.locator(".o_nocontent_help")).to_contain_text("Nobody waits")

    expect(read(aron, kim)).to_contain_text("Please send an offer")
    aron.go("/odoo/my-questions")
    expect(aron.page.locator("td[name=standing]")).to_contain_text("Given until")

    greta.go("/odoo/given-by-me")
    greta.page.locator("button[name=action_take_back]").click()
    expect(greta.page.locator(".o_nocontent_help")).to_contain_text("Nobody reads more")
    mail = read(aron, kim)
    expect(mail.get_by_role("button", name="Ask for access")).to_be_visible()
    expect(mail).not_to_contain_text("Please send an offer")


def test_a_no_is_told_and_a_phone_is_enough(kim, office, desk):
    aron, greta = desk("aron", **PHONE), desk("greta", **PHONE)
    mail = read(aron, kim)
    ask(mail, aron, "All mail with Kim Kunde", "Until withdrawn")

    greta.go("/odoo/asked-of-me")
    card = greta.page.locator(".o_kanban_record:visible")
    expect(card).to_contain_text("kim@access.example")
    greta.expect_no_sideways_scrolling()
    card.locator("button[name=action_no]").click()
    expect(card).to_have_count(0)

    aron.go("/odoo/my-questions")
    card = aron.page.locator(".o_kanban_record:visible", has_text="Refused")
    expect(card).to_contain_text("You may ask again on")
    aron.expect_no_sideways_scrolling()
    expect(read(aron, kim)).to_contain_text("Access was not given")


def test_the_owner_shares_one_mail_and_takes_a_choice_back(kim, office, desk):
    greta, aron = desk("greta"), desk("aron")
    mail = read(greta, kim)
    button = mail.locator("button[name=set_sharing]")
    menu = greta.page.locator(".o_crm_mail_mirror_sharing_menu")
    notice = greta.page.locator(".o_notification")
    button.click()
    menu.locator("[data-sharing=everything]").click()
    expect(notice).to_contain_text("Colleagues see all of this mail")
    expect(button).to_contain_text("Everything")
    expect(read(aron, kim)).to_contain_text("Please send an offer")

    button.click()
    menu.locator("[data-sharing=private]").click()
    private = notice.filter(has_text="This mail is private")
    # words and pictures say the same
    expect(button).to_have_text("Private: colleagues see who and when")
    expect(button.locator("i.fa-lock")).to_be_visible()
    expect(mail.locator(".o_crm_mail_mirror_level.fa-lock")).to_be_visible()
    private.get_by_role("button", name="Undo").click()
    expect(button).to_contain_text("Everything")
    button.click()
    menu.locator("[data-sharing=mailbox]").click()
    expect(button).to_have_text("What colleagues see")
    expect(read(aron, kim)).not_to_contain_text("Please send an offer")


def test_a_conversation_of_which_one_mail_is_shared_says_so(kim, office, desk):
    contact = office.admin("res.partner", "search", [("name", "=", "Lou Partly")])[0]
    greta, aron = desk("greta"), desk("aron")
    shown = greta.emails("res.partner", contact)
    # who else it went to is counted
    expect(shown.locator("[data-last=out]")).to_contain_text("Lou Partly +2")
    older = greta.read(shown, "Six valves").first
    office.session("greta")(
        "crm.mail.mirror.message",
        "set_sharing",
        [int(older.get_attribute("data-message"))],
        "everything",
        False,
    )

    shown = aron.emails("res.partner", contact)
    row = shown.locator(".o_crm_mail_mirror_row").filter(has_text="partly shared")
    expect(row).to_contain_text("of the newest mail are not shared with you")
    expect(row.locator("[data-level=partly]")).to_be_visible()
    mails = aron.read(shown, "partly shared")
    expect(shown.locator(".o_crm_mail_mirror_heading")).to_have_text("Six valves")
    expect(mails).to_have_count(2)
    for place, level in enumerate(("everything", "metadata")):
        expect(mails.nth(place).locator(f"[data-level={level}]")).to_be_visible()


def test_preferences_lead_to_the_questions(kim, office, desk):
    greta = desk("greta")
    greta.go("/odoo/contacts")
    shown = greta.preferences()
    shown.locator("[name=mirror_access] button").first.click()

    expect(greta.page.locator(".o_breadcrumb")).to_contain_text("Asked of Me")
