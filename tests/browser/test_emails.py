# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The page Emails: conversations to choose from, and the one that is read."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.desk import CONVERSATION, MAIL

UNA = "Una Ufer <una@ufer.example>"
QUOTED = "On Monday Una Ufer wrote:\n> The pump is loud."
LINK = "https://shop.ufer.example/pump?id=7"
#: Nothing of the forwarder's own stands over it.
FORWARDED = (
    "---------- Forwarded message ---------\nFrom: Xaver <xaver@elsewhere.example>\n"
    "Date: Mon, 3 Nov 2025 at 10:00\nSubject: Seals\nTo: Ella\n\nTwelve seals."
)
#: Conversations of one mail each, more than a page holds.
MANY = 45


@pytest.fixture(scope="module")
def ufer(office) -> dict[str, int]:
    """A company with two people; they wrote with Ella, and with Emil, who shares
    subjects. Each mail is a minute older than the one before it here."""
    ella, emil = office.user("Ella Emails"), office.user("Emil Elsewhere")
    office.admin("res.users", "write", [office.uid(ella)], {"mirror_visibility": "4"})
    company = office.contact("Ufer GmbH", "info@ufer.example", is_company=True)
    una = office.contact("Una Ufer", "una@ufer.example", parent_id=company)
    olaf = office.contact("Olaf Ohm", "olaf@ufer.example", parent_id=company)

    office.letter(emil, sender=UNA, subject="For Emil alone", text="secret ibex")
    first = office.letter(
        ella, sender=UNA, subject="The pump", text="The pump is loud.", days_ago=3
    )
    office.letter(
        ella,
        to=UNA,
        cc="Stranger <new@elsewhere.example>",
        subject="Re: The pump",
        text=f"Did you oil it?\n\n{QUOTED}",
        days_ago=2,
        answers=first,
    )
    office.letter(
        ella,
        sender=UNA,
        subject="Re: The pump",
        text=f"Yes. Look: {LINK}.",
        days_ago=1,
        answers=first,
        attachment="noise.pdf",
    )
    office.letter(ella, to=UNA, subject="Our offer", text="wolverine", days_ago=20)
    for number in range(MANY):
        office.letter(
            ella,
            sender="Olaf Ohm <olaf@ufer.example>",
            subject=f"Report {number}",
            days_ago=30,
        )
    otto = office.contact("Otto Ofen", "otto@ofen.example")
    office.letter(
        ella,
        to="Otto Ofen <otto@ofen.example>, "
        + ", ".join(f"guest{number}@ofen.example" for number in range(5)),
        cc=office.address(emil),
        subject="Fwd: Seals",
        text=FORWARDED,
        also=(emil,),
    )
    office.link(ella, MANY + 5)
    office.link(emil, 2, sharing_in="subject")
    return {"company": company, "una": una, "olaf": olaf, "otto": otto}


@pytest.fixture
def ella(ufer, desk):
    return desk("ella")


def test_conversations_are_told_newest_first(ella, ufer):
    shown = ella.emails("res.partner", ufer["una"])
    subjects = shown.locator(".o_crm_mail_mirror_subject")
    expect(subjects).to_have_text(["For Emil alone", "Re: The pump", "Our offer"])
    emils, pump, offer = shown.locator(CONVERSATION).all()

    expect(pump).to_contain_text("Una Ufer")
    expect(pump).to_contain_text("Yes. Look:")
    expect(pump.locator(".o_crm_mail_mirror_count_mails")).to_have_text("3 mails")
    expect(pump).to_contain_text("Received")
    expect(pump).to_contain_text("With attachment")
    expect(pump).to_contain_text("in your mailbox")
    expect(pump.get_by_label("You see everything")).to_be_visible()
    # the day of the week stands in the title alone
    title = pump.locator("time").get_attribute("title")
    assert re.search(r"\w+day, .*20\d\d", title)
    faces = pump.locator(".o_crm_mail_mirror_face")
    assert 2 <= faces.count() <= 4
    expect(offer).to_contain_text("Sent")

    expect(emils).to_contain_text("The text is not shared with you.")
    expect(emils).to_contain_text("in Emil Elsewhere’s mailbox")
    expect(emils.get_by_label("You see the subject, not the text")).to_be_visible()
    expect(emils.get_by_role("button", name="Ask for access")).to_be_visible()


def test_a_conversation_is_read_in_order_quotes_folded(ella, ufer):
    shown = ella.emails("res.partner", ufer["una"])
    mails = ella.read(shown, "Re: The pump")
    expect(mails).to_have_count(3)
    first, second, third = mails.all()
    expect(first).to_contain_text("The pump is loud.")
    expect(second).to_contain_text("Did you oil it?")
    expect(second).not_to_contain_text("The pump is loud.")
    # all of it is there
    expect(shown.get_by_role("button", name="Show the whole text")).to_have_count(0)
    expect(third).to_contain_text("noise.pdf")
    expect(third.locator(".o_crm_mail_mirror_attachment")).to_contain_text(" B")

    second.get_by_role("button", name="Show quoted text").click()
    expect(second).to_contain_text("The pump is loud.")
    second.get_by_role("button", name="Hide quoted text").click()
    expect(second).not_to_contain_text("The pump is loud.")

    second.locator(".o_crm_mail_mirror_to").click()
    people = second.locator(".o_crm_mail_mirror_person")
    stranger = people.filter(has_text="new@elsewhere.example")
    expect(people.filter(has_text="una@ufer.example")).to_contain_text("Una Ufer")
    stranger.get_by_role("button", name="Create contact").click()
    form = ella.page.locator(".modal .o_form_view")
    expect(form.locator("[name=email] input")).to_have_value("new@elsewhere.example")
    ella.page.keyboard.press("Escape")
    expect(form).to_have_count(0)
    people.filter(has_text="una@ufer.example").get_by_role("button").click()
    expect(ella.page.locator(".o_last_breadcrumb_item")).to_contain_text("Una Ufer")


def test_a_link_is_followed_only_after_a_look_at_its_address(ella, ufer):
    shown = ella.emails("res.partner", ufer["una"])
    mail = ella.read(shown, "Re: The pump").last
    link = mail.locator(".o_crm_mail_mirror_link")
    expect(link).to_have_text(LINK)
    assert link.get_attribute("href") is None
    link.click()
    dialog = ella.page.locator(".o_crm_mail_mirror_link_dialog")
    expect(dialog.locator("strong").first).to_have_text("shop.ufer.example")
    follow = dialog.locator("a.btn-primary")
    assert follow.get_attribute("href") == LINK
    assert follow.get_attribute("rel") == "noopener noreferrer"
    assert follow.get_attribute("target") == "_blank"
    dialog.get_by_role("button", name="Stay here").click()
    expect(dialog).to_have_count(0)


def test_the_keyboard_alone_finds_reads_and_closes(ella, ufer):
    shown = ella.emails("res.partner", ufer["una"])
    rows = shown.locator(CONVERSATION)
    press = ella.page.keyboard.press
    # the focus is on the page's tab, which was clicked
    press("/")
    search = shown.get_by_label("Search subject and text")
    expect(search).to_be_focused()
    ella.page.locator("a[name=mirror_emails]").click()
    press("ArrowDown")
    expect(rows.first).to_be_focused()
    press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    press("End")
    expect(rows.nth(2)).to_be_focused()
    press("Home")
    expect(rows.nth(0)).to_be_focused()
    press("ArrowDown")
    press("Enter")
    expect(shown.locator(MAIL)).to_have_count(3)
    expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
    expect(rows.nth(1)).to_be_focused()
    press("Escape")
    expect(shown.locator(MAIL)).to_have_count(0)
    expect(rows.nth(1)).to_be_focused()
    # one stop of the tabulator for the whole list
    expect(shown.locator(f"{CONVERSATION}[tabindex='0']")).to_have_count(1)

    press("/")
    expect(search).to_be_focused()
    ella.page.keyboard.type("wolverine")
    expect(rows).to_have_count(1)
    press("ArrowDown")
    expect(rows.first).to_be_focused()
    # a slash in the search is a slash
    press("/")
    press("/")
    expect(search).to_have_value("/")


def test_search_and_chips_narrow_the_list(ella, ufer, office):
    shown = ella.emails("res.partner", ufer["una"])
    subjects = shown.locator(".o_crm_mail_mirror_subject")
    clear = shown.get_by_role("button", name="Clear")

    search = shown.get_by_label("Search subject and text")

    def found(*expected):
        expect(subjects).to_have_text(list(expected))
        clear.click()
        expect(subjects).to_have_count(3)
        expect(search).to_have_value("")

    search.fill("wolverine")
    found("Our offer")
    # the text of Emil's mail is not shared: it is not found by it, but by its subject
    search.fill("ibex")
    empty = shown.locator("[data-reason=filtered]")
    expect(empty).to_contain_text("No email matches")
    empty.get_by_role("button", name="Show all").click()
    expect(subjects).to_have_count(3)
    expect(search).to_have_value("")
    search.fill("Emil alone")
    found("For Emil alone")
    shown.get_by_role("button", name="Sent", exact=True).click()
    expect(subjects.last).to_have_text("Our offer")
    clear.click()
    shown.get_by_role("button", name="Received", exact=True).click()
    found("For Emil alone", "Re: The pump")
    shown.get_by_role("button", name="Attachment", exact=True).click()
    found("Re: The pump")
    shown.locator("button[name=owner]").click()
    ella.page.get_by_role("button", name="Emil Elsewhere").click()
    found("For Emil alone")
    shown.locator("button[name=person]").click()
    ella.page.get_by_label("Name or address").fill("elsewhere.example")
    ella.page.keyboard.press("Enter")
    expect(subjects).to_have_text(["Re: The pump"])
    clear.click()
    shown.locator("button[name=period]").click()
    ella.page.get_by_role("button", name="Last 7 days").click()
    found("For Emil alone", "Re: The pump")


def test_a_mail_to_many_that_colleagues_have_too(ella, ufer):
    shown = ella.emails("res.partner", ufer["otto"])
    line = shown.locator(".o_crm_mail_mirror_overview")
    expect(line.locator("[data-turn=them]")).to_have_text("Waiting for their answer")
    (row,) = shown.locator(CONVERSATION).all()
    expect(row.locator(".o_crm_mail_mirror_whose")).to_have_text("in your mailbox +1")
    # Otto, five guests, Ella and Emil
    expect(row.locator(".o_crm_mail_mirror_face")).to_have_count(4)
    expect(row.locator(".o_crm_mail_mirror_face_more")).to_have_text("+5")
    expect(row.locator(".o_crm_mail_mirror_names")).to_contain_text("Otto Ofen")

    (mail,) = ella.read(shown, "Seals").all()
    # without a word before it there is nothing new over what is forwarded: it stays
    expect(mail.locator(".o_crm_mail_mirror_fresh")).to_contain_text("Twelve seals.")
    expect(mail.get_by_role("button", name="Show quoted text")).to_have_count(0)


def test_further_pages_come_by_scrolling(ella, ufer):
    asked = []
    ella.page.on(
        "request",
        lambda request: (
            "get_conversations" in request.url and asked.append(request.post_data_json)
        ),
    )
    shown = ella.emails("res.partner", ufer["olaf"])
    rows = shown.locator(CONVERSATION)
    expect(rows).not_to_have_count(MANY)
    assert rows.count() == 30
    rows.last.scroll_into_view_if_needed()
    expect(rows).to_have_count(MANY)
    subjects = shown.locator(".o_crm_mail_mirror_subject").all_inner_texts()
    assert subjects == [f"Report {number}" for number in range(MANY)]
    before = [each["params"]["kwargs"]["before"] for each in asked]
    assert before[0] is None and before[1] and len(before) == 2


def test_a_contact_whose_page_is_not_opened_asks_nothing(ella, ufer):
    asked = []
    ella.page.on(
        "request", lambda request: asked.append(f"{request.url} {request.post_data}")
    )
    ella.record("res.partner", ufer["una"])
    expect(ella.page.locator("a[name=mirror_emails]")).to_be_visible()
    assert any("web_read" in each for each in asked)
    ours = [each for each in asked if "/call_kw/crm.mail.mirror" in each]
    assert ours == []
    (read,) = [each for each in asked if "/call_kw/res.partner/web_read" in each]
    assert "mirror_" not in json.dumps(read)

    ella.page.locator("a[name=mirror_emails]").click()
    ella.wait_for_emails(ella.page.locator(".o_notebook"))
    methods = re.findall(r"call_kw/crm.mail.mirror.message/(\w+)", " ".join(asked))
    assert sorted(methods) == ["get_conversations", "get_overview"]


def test_a_company_by_time_or_by_contact_as_chosen_before(ella, ufer):
    shown = ella.emails("res.partner", ufer["company"])
    expect(shown.locator(CONVERSATION).first).to_contain_text("For Emil alone")
    shown.get_by_role("button", name="By contact").click()
    groups = shown.locator(".o_crm_mail_mirror_group")
    expect(groups).to_have_count(2)
    expect(groups.first).to_contain_text("Una Ufer")
    expect(groups.last).to_contain_text(f"{MANY} mails")

    ella.emails("res.partner", ufer["company"])
    groups.first.click()
    subjects = shown.locator(".o_crm_mail_mirror_subject")
    expect(subjects).to_have_text(["For Emil alone", "Re: The pump", "Our offer"])
    shown.get_by_role("button", name="All contacts").click()
    expect(groups).to_have_count(2)
    shown.get_by_role("button", name="By time").click()
    expect(subjects.first).to_have_text("For Emil alone")


def test_a_lead_keeps_earlier_mail_behind_a_button(ella, ufer, office):
    lead = office.admin.create(
        "crm.lead",
        name="Pumps",
        type="opportunity",
        partner_id=ufer["una"],
        user_id=office.uid("ella"),
    )
    shown = ella.emails("crm.lead", lead)
    expect(shown).to_contain_text("Nothing was exchanged since this lead was created.")
    expect(shown.locator(CONVERSATION)).to_have_count(0)
    shown.get_by_role("button", name="Earlier mail (5)").click()
    expect(shown.locator(CONVERSATION)).to_have_count(3)
    expect(shown).to_contain_text("Before this lead was created")

    # neither what was exchanged nor how much is told of a search
    shown.get_by_label("Search subject and text").fill("wolverine")
    nothing = "No email since this lead was created matches."
    expect(shown.locator(".o_crm_mail_mirror_nothing_since")).to_have_text(nothing)
    shown.get_by_role("button", name="Earlier mail", exact=True).click()
    subjects = shown.locator(".o_crm_mail_mirror_subject")
    expect(subjects).to_have_text(["Our offer"])


def test_the_line_over_the_list_says_whose_turn_it_is(ella, ufer, office):
    shown = ella.emails("res.partner", ufer["una"])
    line = shown.locator(".o_crm_mail_mirror_overview")
    expect(line.locator("[data-last=in]")).to_contain_text("Una Ufer")
    expect(line.locator("[data-last=out]")).to_contain_text("Last sent")
    expect(line.locator("[data-turn=us]")).to_have_text("Your turn to answer")
    expect(line).to_contain_text("5 mails")
