# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Whoever reads on a phone, in French or with the keyboard alone."""

from pathlib import Path

import polib
import pytest
from playwright.sync_api import expect

from tests.browser.office import PASSWORD

FRENCH = Path(__file__).parents[2] / "addons/crm_mail_mirror/i18n/fr.po"
#: What somebody reads of an element, or hears.
SAID = """(shown) => [
    ...shown.innerText.split("\\n"),
    ...[...shown.querySelectorAll("[title], [aria-label], [placeholder]")].flatMap(
        (each) => [each.title, each.ariaLabel, each.placeholder]
    ),
]"""
PHONE = {"width": 400, "height": 800, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def contact(office) -> int:
    """A contact who wrote to Mona."""
    mona = office.user("Mona Mobile")
    contact = office.contact("Kim Kunde", "kim@phone.example")
    office.letter(
        mona,
        sender="Kim Kunde <kim@phone.example>",
        subject="Small screen",
        text="Is it\nreadable?",
    )
    office.link(mona, 1)
    return contact


def test_a_phone_shows_cards_that_fit_and_open(office, contact, desk):
    mona = desk("mona", **PHONE)

    shown = mona.emails("res.partner", contact)
    row = shown.locator(".o_crm_mail_mirror_row", has_text="Small screen")
    expect(row).to_contain_text("Kim Kunde")
    expect(row).to_contain_text("Is it readable?")
    mona.expect_no_sideways_scrolling()
    (mail,) = mona.read(shown, "Small screen").all()
    expect(mail.locator(".o_crm_mail_mirror_text")).to_have_text("Is it readable?")
    # the mail has the whole width; Back leads to the list
    expect(row).to_have_count(0)
    mona.expect_no_sideways_scrolling()
    shown.get_by_role("button", name="Back").click()
    expect(row).to_be_focused()

    everything = mona.all_emails()
    expect(everything.locator(".o_crm_mail_mirror_row")).to_have_count(1)
    mona.expect_no_sideways_scrolling()

    mona.go(f"/odoo/my-preferences/{office.session('mona').uid}")
    mona.page.locator("a[name=mirror_mailboxes]").click()
    box = mona.page.locator(".o_kanban_record", has_text=office.address("mona"))
    expect(box).to_contain_text("Up to date.")
    mona.expect_no_sideways_scrolling()
    box.get_by_role("button", name="Open").click()
    expect(mona.page.locator("button[name=action_sync_now]")).to_be_visible()
    mona.expect_no_sideways_scrolling()


def test_linking_by_keyboard_alone(office, desk):
    login = office.user("Theo Tastatur")
    theo = desk(login)
    theo.go("/odoo/contacts")
    theo.new_mailbox()

    keyboard = theo.page.keyboard
    theo.field("email").locator("input").focus()
    keyboard.press("Tab")  # past the well-known providers
    for typed in ("localhost", str(office.dovecot.tls_port)):
        keyboard.press("Tab")
        keyboard.type(typed)
    for _field in ("imap_security", "imap_login", "password"):
        keyboard.press("Tab")
    keyboard.type(PASSWORD)
    keyboard.press("Alt+q")
    start = theo.page.locator("button[name=action_start]:visible")
    expect(start).to_be_visible()
    keyboard.press("Alt+q")

    expect(theo.state()).to_have_text("Mirrored")


def test_a_french_user_reads_french(office, contact, desk):
    office.speak_french()
    login = office.user("Luc Lecteur", lang="fr_FR")
    luc = desk(login, locale="fr-FR")

    luc.go("/odoo/contacts")
    expect(luc.preferences()).to_contain_text("Relier une boîte aux lettres")
    luc.page.locator(".modal .btn-close").click()
    expect(luc.page.locator(".modal")).to_have_count(0)
    luc.new_mailbox("Autre (IMAP)")
    expect(luc.state()).to_have_text("Non connectée")
    luc.fill("imap_host", "imap.nowhere.invalid")
    luc.fill("password", PASSWORD)
    luc.press("action_connect")
    assert "Aucun serveur ne porte ce nom" in luc.notice()

    luc.record("res.partner", contact)
    luc.page.get_by_role("tab", name="Échanges").click()
    expect(luc.page.locator("[data-reason=no_mailbox]")).to_be_visible()
    shown = luc.all_emails()
    expect(luc.page.locator(".o_menu_sections")).to_contain_text("Boîtes aux lettres")
    expect(shown.locator("[data-reason=no_mailbox]")).to_be_visible()


@pytest.fixture
def french_mona(office, contact, desk):
    """Mona reads French for one test."""
    office.speak_french()
    uid = office.uid("mona")
    office.admin("res.users", "write", [uid], {"lang": "fr_FR"})
    yield desk("mona", locale="fr-FR")
    office.admin("res.users", "write", [uid], {"lang": "en_US"})


def english(shown) -> set[str]:
    """What there is in English though there is French for it."""
    entries = polib.pofile(str(FRENCH))
    translated = {each.msgid for each in entries if each.msgid != each.msgstr}
    return translated & {(each or "").strip() for each in shown.evaluate(SAID)}


def test_mail_is_read_in_french(contact, french_mona):
    shown = french_mona.emails("res.partner", contact)
    line = shown.locator(".o_crm_mail_mirror_overview")
    expect(line).to_contain_text("Dernier reçu")
    expect(line.locator("[data-turn=us]")).to_have_text("À vous de répondre")
    row = shown.locator(".o_crm_mail_mirror_row")
    expect(row).to_contain_text("dans votre boîte aux lettres")
    mail = french_mona.read(shown, "Small screen").first
    expect(mail.locator("button[name=action_why]")).to_have_text(
        "Pourquoi est-ce ici ?"
    )
    mail.locator(".o_crm_mail_mirror_to").click()
    expect(mail.locator("[data-role=from]")).to_contain_text("De")
    assert english(shown) == set()

    french_mona.go("/odoo/my-mailboxes")
    card = french_mona.page.locator(".o_crm_mail_mirror_cards .o_kanban_record").first
    expect(card).to_contain_text("Prochaine relève")
    assert english(card) == set()
