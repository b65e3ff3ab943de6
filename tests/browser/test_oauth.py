# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Google and Microsoft set up by an administrator, and linked by who has mail there."""

import pytest
from playwright.sync_api import expect

from tests.browser.office import wait


@pytest.fixture
def consenting(office):
    """Registrations at both providers, whatever a test before this changed."""
    office.set_up_clouds()


def choose(desk, email):
    """On the provider's own page: this account."""
    form = desk.page.locator("form").filter(
        has=desk.page.locator(f"input[name=email][value='{email}']")
    )
    form.locator("button").first.click()


def sign_in(desk, email, start=True):
    """Press the form's button, choose the account, and come back.

    :param start: and start the mirror
    """
    desk.press("action_connect")
    choose(desk, email)
    expect(desk.page.locator(".o_form_view [name=email]").first).to_be_visible()
    if start:
        desk.start_mirroring()


def open_settings(desk):
    desk.go("/odoo/settings#crm_mail_mirror")
    desk.page.locator(".settings_tab .tab[data-key=crm_mail_mirror]").click()
    expect(desk.field("mirror_google_enabled")).to_be_visible()


def save_settings(desk):
    with desk.page.expect_response("**/execute*"):
        desk.page.locator(".o_form_button_save").click()
    # the whole client is loaded anew
    expect(desk.page.locator(".o_form_button_save:visible")).to_have_count(0)


def test_administrator_sets_up_google_and_tests_it(office, desk):
    google = office.clouds.google
    office.set_up_clouds(mirror_google_enabled=False, mirror_google_secret="wrong")
    login = office.user("Bea Berger")
    bea = desk(login)
    bea.go("/odoo/contacts")
    bea.preferences()
    expect(bea.cards().filter(has_text="Gmail")).to_have_count(0)
    admin = desk("admin")
    open_settings(admin)

    admin.page.locator("summary:visible").first.click()
    expect(admin.page.get_by_text("gmail.readonly")).to_be_visible()
    expect(admin.page.get_by_text("CASA")).to_be_visible()
    admin.field("mirror_google_enabled").locator("input").check()
    admin.fill("mirror_google_client_id", google.client_id)
    shown = admin.field("mirror_google_redirect_uri").inner_text().strip()
    assert shown == f"{office.server.url}/crm_mail_mirror/google/callback"
    save_settings(admin)
    open_settings(admin)
    secret = admin.page.locator("[name=mirror_google_secret]:visible input")
    expect(secret).to_have_attribute("placeholder", "is kept; fill in to change it")
    assert secret.input_value() == ""
    admin.press("action_mirror_test_google")
    assert "client ID or client secret" in admin.notice()

    secret.fill(google.client_secret)
    save_settings(admin)
    open_settings(admin)
    admin.press("action_mirror_test_google")
    expect(admin.page.locator(".o_notification")).to_contain_text("Nothing wrong found")
    bea.go("/odoo/contacts")
    bea.preferences()
    expect(bea.cards().filter(has_text="Gmail")).to_be_visible()


@pytest.mark.parametrize(
    "audience, cards",
    [
        ("common", ["Microsoft 365", "Outlook.com"]),
        ("organizations", ["Microsoft 365"]),
        ("consumers", ["Outlook.com"]),
        ("tenant", ["Microsoft 365"]),
    ],
)
def test_cards_are_what_the_registration_allows(
    office, consenting, desk, audience, cards
):
    login = office.user(f"{audience.title()} User")
    office.set_up_clouds(
        mirror_google_enabled=False,
        mirror_microsoft_audience=audience,
        mirror_microsoft_tenant="ours.example",
    )
    user = desk(login)
    user.go("/odoo/contacts")
    user.preferences()

    names = user.cards().locator(".fw-bold")
    expect(names).to_have_text([*cards, "Other (IMAP)"])


def test_without_registrations_administrators_are_told_where(office, desk):
    office.set_up_clouds(mirror_google_enabled=False, mirror_microsoft_enabled=False)
    login = office.user("Cora Cole")
    for who, told in ((desk(login), 0), (desk("admin"), 1)):
        who.go("/odoo/contacts")
        shown = who.preferences()
        expect(who.cards()).to_have_count(1)
        expect(shown.get_by_text("once you have set them up")).to_have_count(told)


@pytest.mark.parametrize(
    "name, card, button",
    [
        ("Gina Gold", "Gmail", "Sign in with Google"),
        ("Mila Moor", "Microsoft 365", "Sign in with Microsoft"),
    ],
)
def test_link_by_consent_and_see_the_mail(office, consenting, desk, name, card, button):
    login = office.user(name)
    email = office.address(login)
    office.clouds.add_user(email)
    at = office.clouds.google if card == "Gmail" else office.clouds.graph
    customer = f"carl-{login}@customer.example"
    contact = office.contact(f"Carl for {login}", customer)
    office.letter(login, sender=customer, subject="Forty filters", at=at)
    office.letter(login, to=customer, subject="Our offer", at=at)
    office.letter(login, sender="aunt@family.example", subject="Cake", at=at)
    owner = desk(login)
    owner.go("/odoo/contacts")

    owner.new_mailbox(card)
    assert owner.value("email") == email
    assert owner.page.locator("input[type=password]").count() == 0
    expect(owner.page.get_by_role("button", name=button)).to_be_visible()
    owner.choose("sharing_in", "Everything")
    sign_in(owner, email)

    # one sentence that is true, whenever it is read
    expect(owner.page.locator("[name=told_well]")).to_have_text("Connected.")
    expect(owner.state()).to_have_text("Mirrored")
    office.wait_mirrored(login, 2)
    expect(owner.page.locator(".o_crm_mail_mirror_state")).to_contain_text("Up to date")
    expect(owner.field("last_sync_at")).not_to_be_empty()
    rows = owner.conversations(owner.emails("res.partner", contact))
    assert len(rows) == 2
    assert "Forty filters" in rows[0] and "Our offer" in rows[1]
    (row,) = office.mailboxes(login, "sharing_in", "provider", "seen_count")
    assert (row["sharing_in"], row["seen_count"]) == ("everything", 3)


@pytest.mark.parametrize("provider", ["gmail", "microsoft"])
def test_revoked_consent_one_button_and_all_is_caught_up(
    office, consenting, desk, provider
):
    gmail = provider == "gmail"
    login = office.user("Raja Rudd" if gmail else "Rolf Reed")
    email = office.address(login)
    office.clouds.add_user(email)
    peer = office.clouds.google if gmail else office.clouds.entra
    at = office.clouds.google if gmail else office.clouds.graph
    customer = f"carl-{login}@customer.example"
    office.contact(f"Carl for {login}", customer)
    office.letter(login, sender=customer, subject="Before", at=at)
    owner = desk(login)
    owner.go("/odoo/contacts")
    owner.new_mailbox("Gmail" if gmail else "Microsoft 365")
    sign_in(owner, email)
    office.wait_mirrored(login, 1)

    peer.revoke(email)
    office.letter(login, sender=customer, subject="Meanwhile, one", at=at)
    office.letter(login, sender=customer, subject="Meanwhile, two", at=at)
    owner.press("action_sync_now")
    wait(lambda: office.mailboxes(login, "state")[0]["state"] == "needs_login")

    # on the form
    (mailbox,) = office.mailboxes(login, "activity_ids")
    assert len(mailbox["activity_ids"]) == 1
    owner.mailbox(mailbox["id"])
    expect(owner.page.locator("[name=trouble]")).to_contain_text("sign in again")
    again = owner.page.locator("button[name=action_connect]:visible")
    expect(again).to_have_count(1)
    expect(again).to_have_text("Sign in again")
    # in preferences
    owner.preferences()
    banner = owner.page.locator("[name=mirror_waits]")
    expect(banner).to_contain_text(email)
    banner.get_by_role("button", name="Sign in again").click()
    choose(owner, email)

    expect(owner.state()).to_have_text("Mirrored")
    expect(owner.page.locator("[name=told_well]")).to_be_visible()
    office.wait_mirrored(login, 3)
    (mailbox,) = office.mailboxes(login, "activity_ids", "last_error", "seen_count")
    assert (mailbox["activity_ids"], mailbox["last_error"]) == ([], False)
    assert mailbox["seen_count"] == 3


def test_cancel_and_the_wrong_account_are_told_on_the_form(office, consenting, desk):
    login = office.user("Wibke Wells")
    email, other = office.address(login), "somebody@else.example"
    office.clouds.add_user(email)
    office.clouds.add_user(other)
    wibke = desk(login, width=390, height=800)
    uid = office.uid(login)
    wibke.go(f"/odoo/my-preferences/{uid}")
    wibke.page.locator("a[name=mirror_mailboxes]").click()
    wibke.cards().filter(has_text="Gmail").click()
    wibke.expect_no_sideways_scrolling()
    expect(wibke.page.locator("[name=sign_in]")).to_be_visible()

    wibke.press("action_connect")
    wibke.page.locator("#cancel").click()
    told = wibke.page.locator("[name=told]")
    expect(told).to_contain_text("You pressed Cancel")
    expect(wibke.page.locator("[name=trouble]")).to_have_count(0)

    sign_in(wibke, other, start=False)
    expect(told).to_contain_text(f"You signed in as {other}")
    wibke.expect_no_sideways_scrolling()
    assert office.mailboxes(login, "state")[0]["state"] == "draft"

    # what was begun and left is taken up again, also with another provider
    wibke.go(f"/odoo/my-preferences/{uid}")
    wibke.page.locator("a[name=mirror_mailboxes]").click()
    wibke.cards().filter(has_text="Other (IMAP)").click()
    expect(wibke.field("imap_host")).to_be_visible()
    assert wibke.value("email") == email
    assert len(office.mailboxes(login, "id")) == 1


def test_disconnecting_tells_that_the_consent_is_given_back(office, consenting, desk):
    login = office.user("Dora Dahl")
    email = office.address(login)
    office.clouds.add_user(email)
    dora = desk(login)
    dora.go("/odoo/contacts")
    dora.new_mailbox("Gmail")
    sign_in(dora, email)
    office.clouds.google.clear_requests()

    dora.press("action_disconnect")
    dialog = dora.page.locator(".modal")
    expect(dialog).to_contain_text("given back to Google")
    dialog.locator("button[name=action_disconnect]").click()

    notice = dora.page.locator(".o_notification").filter(has_text="given back")
    expect(notice).to_be_visible()
    expect(dora.state()).to_have_text("Not connected")
    assert any("revoke" in line for line in office.clouds.google.requests())


def test_disabled_provider_stops_its_mailboxes_and_enabled_resumes_them(
    office, consenting, desk
):
    login = office.user("Edda Egan")
    email = office.address(login)
    office.clouds.add_user(email)
    edda = desk(login)
    edda.go("/odoo/contacts")
    edda.new_mailbox("Gmail")
    sign_in(edda, email)
    office.wait_mirrored(login, 0)

    office.set_up_clouds(mirror_google_enabled=False)
    edda.press("action_sync_now")
    wait(lambda: office.mailboxes(login, "state")[0]["state"] == "error")
    edda.mailbox(office.mailboxes(login, "id")[0]["id"])
    expect(edda.page.locator("[name=trouble]")).to_contain_text("switched it off")

    office.set_up_clouds()
    wait(lambda: office.mailboxes(login, "state")[0]["state"] == "active")
    office.wait_mirrored(login, 0)


def test_presets_fill_in_the_server_and_say_which_password(office, desk):
    login = office.user("Peer Pohl")
    peer = desk(login)
    peer.go("/odoo/contacts")
    peer.new_mailbox()

    # an address that tells its provider by itself
    peer.fill("email", "peer.pohl@icloud.com")
    peer.page.keyboard.press("Tab")
    expect(peer.field("imap_host").locator("input")).to_have_value("imap.mail.me.com")
    assert peer.value("imap_login") == "peer.pohl"
    expect(peer.page.locator("div[name=password_help]").first).to_contain_text(
        "app-specific password"
    )
    # one chosen by hand
    field = peer.field("imap_preset")
    field.locator("input").click()
    peer.page.get_by_role("menuitem", name="OVHcloud").or_(
        peer.page.locator(".o_select_menu_item").filter(has_text="OVHcloud")
    ).first.click()
    expect(peer.field("imap_host").locator("input")).to_have_value("imap.mail.ovh.net")
    assert peer.value("imap_port") == "993"
    assert peer.value("imap_login") == ""
    link = peer.page.get_by_role("link", name="Open the provider's page")
    expect(link).to_have_attribute("href", "https://www.ovh.com/manager/")
    # the help goes when the server is another one
    peer.fill("imap_host", "imap.own.example")
    peer.page.keyboard.press("Tab")
    expect(link).to_have_count(0)
