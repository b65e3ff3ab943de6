# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A salesperson links a mailbox and finds its mail on contacts, companies and leads."""

import pytest
from playwright.sync_api import expect

from setup.ports import free_port
from tests.browser.desk import CONVERSATION
from tests.browser.office import PASSWORD, wait
from tests.peers.dovecot import Dovecot

TEXT = """\
Dear Nora,

please send us an offer:

  * 20 filters <b>S</b>
  * 20 filters M

Carla
"""


@pytest.fixture
def lumen(office):
    """A company, its employee who writes, and a lead of hers."""
    nora = office.user("Nora Novak")
    company = office.contact("Lumen SA", "info@lumen.example", is_company=True)
    carla = office.contact("Carla Chen", "carla@lumen.example", parent_id=company)
    lead = office.admin.create(
        "crm.lead",
        name="Lumen: 40 filters",
        type="opportunity",
        email_from="carla@lumen.example",
        user_id=office.uid(nora),
    )
    office.letter(
        nora,
        sender="Carla Chen <carla@lumen.example>",
        subject="Forty filters",
        text=TEXT,
        attachment="drawing.pdf",
    )
    office.letter(
        nora, to="carla@lumen.example", subject="Our offer", text="Here it is."
    )
    office.letter(nora, sender="aunt@family.example", subject="Sunday", text="Cake?")
    return {"res.partner": company, "contact": carla, "crm.lead": lead}


def test_link_a_mailbox_and_see_its_mail_on_contact_company_and_lead(
    office, lumen, desk
):
    nora = desk("nora")
    nora.go("/odoo/contacts")
    nora.new_mailbox()
    assert nora.value("email") == office.address("nora")

    # each mistake has its sentence, and nothing that was typed is lost
    with Dovecot({office.address("nora"): PASSWORD}) as stranger:
        for host, port, password, sentence in (
            ("imap.nowhere.invalid", 993, PASSWORD, "no server of this name"),
            ("10.0.0.1", 993, PASSWORD, "private network"),
            ("localhost", free_port(), PASSWORD, "does not answer on this port"),
            ("localhost", stranger.tls_port, PASSWORD, "certificate is not trusted"),
            ("localhost", office.dovecot.tls_port, "wrong", "login and password"),
        ):
            nora.fill("imap_host", host)
            nora.fill("imap_port", str(port))
            nora.fill("password", password)
            nora.press("action_connect")
            assert sentence in nora.notice()
            assert nora.value("imap_host") == host
            assert nora.value("imap_port") == str(port)
            expect(nora.state()).to_have_text("Not connected")

    nora.fill("password", PASSWORD)
    nora.press("action_connect")
    nora.start_mirroring()
    expect(nora.state()).to_have_text("Mirrored")
    office.wait_mirrored("nora", 2)

    for model, record in (
        ("res.partner", lumen["contact"]),
        ("res.partner", lumen["res.partner"]),
        ("crm.lead", lumen["crm.lead"]),
    ):
        shown = nora.emails(model, record)
        if model == "crm.lead":
            shown.get_by_role("button", name="Earlier mail (2)").click()
        expect(shown.locator(CONVERSATION)).to_have_count(2)
        rows = nora.conversations(shown)
        assert "Received" in rows[0] and "Forty filters" in rows[0]
        assert "Carla Chen" in rows[0] and "Dear Nora, please send" in rows[0]
        assert "Sent" in rows[1] and "Here it is." in rows[1]

    (mail,) = nora.read(shown, "Forty filters").all()
    text = mail.locator(".o_crm_mail_mirror_fresh")
    # its lines and its angle brackets are those of the mail: text, not HTML
    assert text.inner_text().strip() == TEXT.strip()
    assert text.locator("b").count() == 0
    expect(mail).to_contain_text("drawing.pdf")
    expect(shown.locator(CONVERSATION).first).to_contain_text("in your mailbox")


def test_the_same_mailbox_cannot_be_linked_twice(office, desk):
    login, other = office.user("Olga Orlova"), office.user("Pavel Petrov")
    office.link(login, 0)
    pavel = desk(other)
    pavel.go("/odoo/contacts")
    pavel.new_mailbox()

    pavel.fill("email", office.address(login).upper())
    pavel.fill("imap_host", "localhost")
    pavel.fill("password", PASSWORD)
    pavel.press("action_connect")

    assert "linked already" in pavel.notice()
    assert pavel.value("imap_host") == "localhost"
    assert office.mailboxes(other, "id") == []


def test_pause_resume_check_now_new_password(office, desk):
    login = office.user("Quinn Quirke")
    office.contact("Xaver", "xaver@customer.example")
    office.letter(login, sender="xaver@customer.example", subject="First")
    mailbox = office.link(login, 1)
    quinn = desk(login)
    quinn.mailbox(mailbox)

    quinn.press("action_pause")
    expect(quinn.state()).to_have_text("Paused")
    office.letter(login, sender="xaver@customer.example", subject="Second")
    quinn.press("action_resume")
    expect(quinn.state()).to_have_text("Mirrored")
    office.wait_mirrored(login, 2)

    office.letter(login, sender="xaver@customer.example", subject="Third")
    quinn.press("action_sync_now")
    expect(quinn.page.locator(".o_notification").last).to_contain_text("On its way")
    office.wait_mirrored(login, 3)

    # the password changes at the provider: the state says so, and a new one mends it
    office.change_mail_password(login, "new password")
    quinn.press("action_sync_now")
    wait(lambda: office.mailboxes(login, "state")[0]["state"] == "needs_login")
    quinn.mailbox(mailbox)
    expect(quinn.page.locator(".alert-warning")).to_contain_text("login and password")
    quinn.fill("password", "new password")
    quinn.press("action_connect")
    expect(quinn.state()).to_have_text("Mirrored")
    expect(quinn.page.locator(".alert-warning")).to_have_count(0)


@pytest.mark.parametrize("kept", [True, False], ids=["keep", "purge"])
def test_disconnecting_keeps_or_purges_the_mail(office, desk, kept):
    login = office.user("Rosa Ruiz" if kept else "Sven Svensson")
    contact = office.contact(f"Yves for {login}", f"yves-{login}@customer.example")
    office.letter(login, sender=f"yves-{login}@customer.example", subject="Stay or go")
    mailbox = office.link(login, 1)
    owner = desk(login)
    owner.mailbox(mailbox)

    owner.press("action_disconnect")
    dialog = owner.page.locator(".modal")
    choice = "Keep the mail" if kept else "Remove all mail"
    dialog.locator(".form-check").filter(has_text=choice).locator("input").check()
    dialog.locator("button[name=action_disconnect]").click()
    expect(dialog).to_have_count(0)

    if not kept:
        expect(owner.page.locator(".o_nocontent_help")).to_contain_text("No mailbox")
    left = office.mailboxes(login, "state")
    assert left == ([{"id": mailbox, "state": "draft"}] if kept else [])
    shown = owner.emails("res.partner", contact)
    if kept:
        assert "Stay or go" in "".join(owner.conversations(shown))
        stale = shown.locator(".o_crm_mail_mirror_stale")
        expect(stale).to_contain_text("It was disconnected; its mail was kept.")
        # who sees it is still told, and it can still be removed
        owner.go("/odoo/my-mailboxes")
        card = owner.page.locator(".o_crm_mail_mirror_cards .o_kanban_record")
        expect(card.locator(".o_crm_mail_mirror_viewers")).to_contain_text("Only you")
        for button in ("Connect again", "Open", "View as a colleague"):
            expect(card.get_by_role("button", name=button)).to_be_visible()
        card.get_by_role("button", name="Remove its mail").click()
        expect(dialog.get_by_label("Remove all mail")).to_be_checked()
    else:
        expect(shown).to_contain_text("No mailbox of yours is linked.")
