# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""My mailboxes as cards: how each fares, who sees it, what can be done; live."""

import re

from playwright.sync_api import expect

PHONE = {"width": 400, "height": 800}
#: Keeps what stands under the bar, as often as it changes.
WATCH = """() => {
    window.seen = [];
    const look = () => {
        const text = document.querySelector(".o_crm_mail_mirror_pace")?.textContent;
        if (text && window.seen.at(-1) !== text) {
            window.seen.push(text);
        }
    };
    new MutationObserver(look).observe(document.body, {
        subtree: true, childList: true, characterData: true,
    });
}"""


def card(desk, address):
    cards = desk.page.locator(".o_crm_mail_mirror_cards .o_kanban_record")
    return cards.filter(has_text=address)


def state(shown, color):
    return shown.locator(f".o_crm_mail_mirror_state[data-color={color}]")


def linked(office, name, mails=1, **values):
    """Login and mailbox of somebody with a manager who sees it, and a contact."""
    boss = f"Melinda{name.split()[0]} Meier"
    boss = office.user(boss, mirror_visibility="1")
    login = office.user(name, mirror_manager_id=office.uid(boss))
    customer = f"kunde-{login}@customer.example"
    office.contact(f"Kunde of {login}", customer)
    for number in range(mails):
        office.letter(login, sender=customer, subject=f"Offer {number}")
    office.letter(login, sender="aunt@family.example", subject="Cake")
    return login, office.link(login, mails, **values)


def test_a_card_tells_how_it_fares_and_who_sees_it(office, desk):
    login, _mailbox = linked(office, "Cleo Card")
    cleo = desk(login)
    cleo.go("/odoo/contacts")
    shown = cleo.preferences()

    one = card(cleo, office.address(login))
    expect(one.locator("img[alt=IMAP]")).to_be_visible()
    expect(state(one, "success")).to_contain_text("Up to date")
    expect(one).to_contain_text("Last check")
    expect(one).to_contain_text("Next check")
    expect(one).to_contain_text("2 seen = 1 mirrored + 1 no contact")
    expect(one).to_contain_text("all mail there is, all folders")
    expect(one.get_by_text("no rules of my own")).to_be_visible()
    expect(one).to_contain_text("MelindaCleo Meier can see: who and when.")
    one.locator("summary").click()
    expect(one.locator("details li")).to_contain_text("is your manager")
    # what is mine to link stands below
    expect(shown.locator("button[name=action_mirror_link]").last).to_be_visible()

    # who is raised, and stands beside me, is named at once
    lena = office.user("Lena Lange", mirror_manager_id=office.uid("melindacleo"))
    office.admin("res.users", "write", [office.uid(lena)], {"mirror_visibility": "2"})
    cleo.go("/odoo/my-mailboxes")
    expect(one).to_contain_text("Lena Lange, MelindaCleo Meier can see")


def test_buttons_of_a_card(office, desk):
    login, _mailbox = linked(office, "Britt Button")
    britt = desk(login)
    britt.go("/odoo/my-mailboxes")
    one = card(britt, office.address(login))

    one.get_by_role("button", name="Pause").click()
    expect(state(one, "muted")).to_contain_text("Paused")
    expect(one.get_by_role("button", name="Check now")).to_have_count(0)
    one.get_by_role("button", name="Resume").click()
    expect(state(one, "success")).to_be_visible()
    one.get_by_role("button", name="Check now").click()
    expect(britt.page.locator(".o_notification").last).to_contain_text("On its way")
    one.get_by_role("button", name="Disconnect").click()
    dialog = britt.page.locator(".modal")
    expect(dialog).to_contain_text("Keep the mail")
    dialog.get_by_role("button", name=re.compile("Cancel|Discard|Close")).last.click()
    expect(dialog).to_have_count(0)
    one.get_by_text("no rules of my own").click()
    expect(britt.page.locator(".o_breadcrumb")).to_contain_text("My Rules")
    britt.go("/odoo/my-mailboxes")
    one.get_by_role("button", name="Open", exact=True).click()
    expect(britt.field("sharing_in")).to_be_visible()


def test_a_mailbox_that_waits_for_me_says_so_by_itself(office, desk):
    login, mailbox = linked(office, "Wendel Waits")
    wendel = desk(login)
    wendel.go("/odoo/my-mailboxes")
    one = card(wendel, office.address(login))
    expect(state(one, "success")).to_be_visible()
    office.wait_until_there(login)

    office.change_mail_password(login, "another")
    office.session(login)("crm.mail.mirror.mailbox", "action_sync_now", [mailbox])

    # nobody loads the page again
    expect(state(one, "danger")).to_contain_text("Needs you to sign in again.")
    expect(one).not_to_contain_text("invalid")
    one.get_by_role("button", name="Sign in again").click()
    expect(wendel.field("password")).to_be_visible()


#: A page of an import takes more than a second, as it does when mails are long.
SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.progress_done BETWEEN 1 AND NEW.progress_total - 1 THEN
        PERFORM pg_sleep(1.1);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER slow BEFORE UPDATE OF progress_done ON crm_mail_mirror_mailbox
    FOR EACH ROW EXECUTE FUNCTION slow()"""


def test_a_first_import_moves_by_itself(office, desk, postgres):
    login = office.user("Ines Import")
    office.contact("Ivo", "ivo@import.example")
    for number in range(510):
        office.letter(login, sender="ivo@import.example", subject=f"Order {number}")
    mailbox = office.connect(login)
    ines = desk(login)
    ines.go("/odoo/my-mailboxes")
    one = card(ines, office.address(login))
    expect(state(one, "info")).to_contain_text("Nothing of it is in Odoo")
    office.wait_until_there(login)
    ines.page.evaluate(WATCH)
    asked = []
    ines.page.on("request", lambda request: asked.append(request.url))
    postgres.sql(SLOW, office.server.dbname)

    office.session(login)("crm.mail.mirror.mailbox", "action_start", [mailbox])

    expect(state(one, "success")).to_contain_text("Up to date")
    postgres.sql("DROP FUNCTION slow CASCADE", office.server.dbname)
    expect(one).to_contain_text("510 seen = 510 mirrored")
    seen = ines.page.evaluate("window.seen")
    assert seen and re.match(r"\d+ of 510 mails looked at", seen[0]), seen
    # once two pages are here: how fast, and how long still
    pace = r"\d+ of 510 mails looked at · [\d.,]+ a second · less than a minute left"
    assert any(re.fullmatch(pace, each) for each in seen), seen
    calls = [url for url in asked if "/call_kw/" in url]
    # the record is read when something changed, never to look whether it did
    assert len(calls) <= 6, calls


def test_without_mailbox_there_is_a_button_to_link_one(office, desk):
    login = office.user("Nelly Noone")
    nelly = desk(login)
    nelly.go("/odoo/my-mailboxes")
    help_ = nelly.page.locator(".o_nocontent_help")
    expect(help_).to_contain_text("You have linked no mailbox yet")

    help_.get_by_text("Link a mailbox").click()
    dialog = nelly.page.locator(".modal")
    expect(dialog).to_contain_text("Where does your mail lie?")
    dialog.locator("button", has_text="Other (IMAP)").click()
    expect(nelly.field("imap_host")).to_be_visible()
    assert nelly.value("email") == office.address(login)


def test_sharing_is_chosen_by_keyboard_and_who_sees_it_follows(office, desk):
    login, _mailbox = linked(office, "Rada Radio")
    rada = desk(login)
    rada.go("/odoo/my-mailboxes")
    card(rada, office.address(login)).get_by_role("button", name="Open").first.click()
    field = rada.field("sharing_in")
    expect(field.get_by_role("radiogroup")).to_have_count(1)
    expect(field.get_by_role("radio")).to_have_count(3)
    expect(field.locator("svg")).to_have_count(3)
    names = rada.page.locator("[name=viewers]")
    expect(names).to_contain_text("MelindaRada Meier can see: who and when.")

    first = field.get_by_role("radio", name="Who and when", exact=True)
    expect(first).to_be_checked()
    first.focus()
    rada.page.keyboard.press("ArrowDown")
    expect(field.get_by_role("radio", name="Subject", exact=True)).to_be_checked()
    expect(names).to_contain_text("of what you receive who, when and the subject")
    rada.page.keyboard.press("ArrowDown")
    expect(names).to_contain_text("of what you receive everything")
    # nothing is saved yet
    (row,) = office.mailboxes(login, "sharing_in")
    assert row["sharing_in"] == "metadata"
    # the card itself can be clicked
    sent = rada.field("sharing_out")
    sent.locator("label", has_text="Subject, text").click()
    expect(names).to_contain_text("MelindaRada Meier can see: everything.")
    rada.page.locator(".o_form_button_save").click()
    expect(rada.page.locator(".o_form_button_save:visible")).to_have_count(0)
    (row,) = office.mailboxes(login, "sharing_in", "sharing_out")
    assert (row["sharing_in"], row["sharing_out"]) == ("everything", "everything")


def test_the_server_of_an_active_mailbox_stands_on_a_page_of_its_own(office, desk):
    login, mailbox = linked(office, "Conny Connect")
    conny = desk(login)
    conny.mailbox(mailbox)
    expect(conny.page.locator(".o_crm_mail_mirror_state")).to_be_visible()
    expect(conny.page.locator("[name=imap_host]:visible")).to_have_count(0)

    conny.page.locator("a[name=connection]").click()
    expect(conny.field("imap_host").locator("input")).to_have_value("localhost")
    office.change_mail_password(login, "anew")
    conny.fill("password", "anew")
    conny.press("action_connect")
    expect(conny.page.locator(".o_notification").last).to_contain_text("Connected")
    expect(conny.state()).to_have_text("Mirrored")


def test_on_a_phone_nothing_is_cut_off(office, desk):
    login, mailbox = linked(office, "Liv Light")
    phone = desk(login, **PHONE)
    for path in ("/odoo/my-mailboxes", f"/odoo/crm.mail.mirror.mailbox/{mailbox}"):
        phone.go(path)
        expect(phone.page.locator(".o_crm_mail_mirror_state")).to_be_visible()
        phone.expect_no_sideways_scrolling()
    wide = phone.page.locator(".o_crm_mail_mirror_sharing label").first.bounding_box()
    assert wide["width"] < 400
