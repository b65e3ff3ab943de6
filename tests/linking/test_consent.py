# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""An owner consents at Google or Microsoft: what is linked, and what is refused?"""

import base64
import json
import time

import pytest
from engine.keyring import Keyring

from tests.linking.visitor import Refused, query
from tests.peers.mail_user import PeerError


def linked(person, peer, provider, domain="ours.example"):
    """A new user whose mailbox is mirrored. :return: visitor, address, mailbox"""
    visitor, email = person(domain)
    mailbox = visitor.draft(provider, email)
    brought = peer.answer(visitor.begin(mailbox), email)
    visitor.come_back(provider, brought)
    assert visitor.mailbox(mailbox, "state")["state"] == "ready", visitor.told(mailbox)
    visitor("crm.mail.mirror.mailbox", "action_start", [mailbox])
    return visitor, email, mailbox


def credential(desk, postgres, mailbox):
    return postgres.sql(
        f"SELECT secret FROM crm_mail_mirror_credential WHERE mailbox_id = {mailbox}",
        desk.server.dbname,
    )


def test_consent_links_the_mailbox(desk, person, provider, peer, postgres):
    visitor, email = person()
    mailbox = visitor.draft(provider, email.upper())

    url = visitor.begin(mailbox)
    answer = visitor.come_back(provider, peer.answer(url, email))

    assert query(url)["login_hint"] == email
    assert query(url)["code_challenge_method"] == "S256"
    assert answer.status_code == 303
    # first of all to what would be mirrored
    run = visitor("crm.mail.mirror.dry.run", "search", [("mailbox_id", "=", mailbox)])
    assert answer.headers["Location"] == (
        f"/odoo/mirrored-mailboxes/{mailbox}/crm.mail.mirror.dry.run/{run[0]}"
    )
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    row = visitor.mailbox(mailbox, "state", "is_just_linked", "last_error")
    assert row == {
        "id": mailbox,
        "state": "ready",
        "is_just_linked": True,
        "last_error": False,
    }
    assert "Connected" in visitor.told(mailbox)
    assert len(credential(desk, postgres, mailbox)) == 1


def test_microsoft_links_personal_accounts_too(desk, person):
    linked(person, desk.clouds.entra, "microsoft", "outlook.com")


# --- what the browser brings is not what was begun -----------------------------------


def test_answer_brought_twice_is_used_once(person, provider, peer, desk, postgres):
    visitor, email = person()
    mailbox = visitor.draft(provider, email)
    brought = peer.answer(visitor.begin(mailbox), email)
    visitor.come_back(provider, brought)
    kept = credential(desk, postgres, mailbox)

    visitor.come_back(provider, brought)

    assert "used already" in visitor.told(mailbox)
    assert visitor.mailbox(mailbox, "state", "last_error") == {
        "id": mailbox,
        "state": "ready",
        "last_error": False,
    }
    assert credential(desk, postgres, mailbox) == kept


def test_answer_after_ten_minutes_is_not_used(person, provider, peer, desk, postgres):
    visitor, email = person()
    mailbox = visitor.draft(provider, email)
    brought = peer.answer(visitor.begin(mailbox), email)
    facts = json.loads(base64.urlsafe_b64decode(brought["state"].partition(".")[0]))
    assert abs(facts[-1] - time.time()) < 120
    facts[-1] -= 601
    text = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode()
    ring = Keyring.parse(desk.key)

    old = f"{text}.{ring.digest('consent_state', text)}"
    visitor.come_back(provider, {**brought, "state": old})

    assert "ten minutes" in visitor.told(mailbox)
    assert visitor.mailbox(mailbox, "state", "last_error") == {
        "id": mailbox,
        "state": "draft",
        "last_error": "consent_expired",
    }
    assert not credential(desk, postgres, mailbox)
    # and it is not kept for a second try either
    visitor.come_back(provider, brought)
    assert not credential(desk, postgres, mailbox)


def test_answer_in_another_browser_is_not_used(person, provider, peer, desk, postgres):
    visitor, email = person()
    mailbox = visitor.draft(provider, email)
    brought = peer.answer(visitor.begin(mailbox), email)

    elsewhere = desk.visitor(email.partition("@")[0])
    answer = elsewhere.come_back(provider, brought)

    assert answer.headers["Location"] == f"/odoo/mirrored-mailboxes/{mailbox}"
    assert "another browser" in elsewhere.told(mailbox)
    assert not credential(desk, postgres, mailbox)
    # the browser that began can still end it
    visitor.come_back(provider, brought)
    assert visitor.mailbox(mailbox, "state")["state"] == "ready"


def test_answer_brought_by_another_user_is_not_used(
    person, provider, peer, desk, postgres
):
    (visitor, email), (stranger, _email) = person(), person()
    mailbox = visitor.draft(provider, email)
    brought = peer.answer(visitor.begin(mailbox), email)

    answer = stranger.come_back(provider, brought)

    assert answer.headers["Location"] == "/crm_mail_mirror/not_linked/other_user"
    said = stranger.read(answer.headers["Location"])
    assert "another user" in said and "My mailboxes" in said
    assert email not in said
    assert not credential(desk, postgres, mailbox)


def test_answer_after_logging_out_is_not_used(person, provider, peer, desk, postgres):
    visitor, email = person()
    mailbox = visitor.draft(provider, email)
    brought = peer.answer(visitor.begin(mailbox), email)

    nobody = desk.visitor(None)
    answer = nobody.come_back(provider, brought)

    # neither code nor state goes along to the page for logging in
    assert answer.headers["Location"] == "/crm_mail_mirror/not_linked/logged_out"
    login = nobody.get(answer.headers["Location"])
    assert query(login.headers["Location"]).keys() == {"redirect"}
    assert brought["code"] not in login.headers["Location"]
    assert "logged out" in visitor.read(answer.headers["Location"])
    assert not credential(desk, postgres, mailbox)


def _another_mailbox(facts):
    facts[3] += 1


def _another_user(facts):
    facts[2] += 1


def _later(facts):
    facts[4] += 60


@pytest.mark.parametrize("change", [_another_mailbox, _another_user, _later])
def test_state_that_was_changed_is_refused(person, peer, provider, change):
    visitor, email = person()
    mailbox = visitor.draft(provider, email)
    brought = peer.answer(visitor.begin(mailbox), email)
    text, _dot, signature = brought["state"].partition(".")
    facts = json.loads(base64.urlsafe_b64decode(text))
    change(facts)
    text = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode()

    answer = visitor.come_back(provider, {**brought, "state": f"{text}.{signature}"})

    assert answer.headers["Location"] == "/crm_mail_mirror/not_linked/state_forged"
    assert "does not belong to a sign-in" in visitor.read(answer.headers["Location"])
    assert visitor.mailbox(mailbox, "state")["state"] == "draft"


@pytest.mark.parametrize("state", ["", "x", ".", "a.b", "é.ü", "\0.\0", "=" * 9000])
def test_nonsense_as_state_is_refused(person, provider, state):
    visitor, _email = person()

    answer = visitor.come_back(provider, {"code": "4/x", "state": state})

    assert answer.headers["Location"] == "/crm_mail_mirror/not_linked/state_forged"


def test_state_of_one_provider_is_refused_at_the_other(person, desk):
    visitor, email = person()
    mailbox = visitor.draft("gmail", email)
    brought = desk.clouds.google.answer(visitor.begin(mailbox), email)

    answer = visitor.come_back("microsoft", brought)

    assert answer.headers["Location"] == "/crm_mail_mirror/not_linked/mailbox_gone"
    assert visitor.mailbox(mailbox, "state")["state"] == "draft"


def test_mailbox_that_was_removed_meanwhile(person, provider, peer):
    visitor, email = person()
    mailbox = visitor.draft(provider, email)
    brought = peer.answer(visitor.begin(mailbox), email)
    visitor("crm.mail.mirror.mailbox", "unlink", [mailbox])

    answer = visitor.come_back(provider, brought)

    assert "not among yours" in visitor.read(answer.headers["Location"])


def test_only_the_owner_begins(person, provider, peer, desk):
    (visitor, email), (stranger, _email) = person(), person()
    mailbox = visitor.draft(provider, email)
    route = {"gmail": "google"}.get(provider, provider)
    start = f"/crm_mail_mirror/{route}/start"

    for other in (stranger, desk.admin):
        answer = other.get(start, mailbox=str(mailbox))
        assert answer.headers["Location"] == "/crm_mail_mirror/not_linked/mailbox_gone"
    for nonsense in ("", "x", "-1", "999999999", "99999999999999999999"):
        answer = visitor.get(start, mailbox=nonsense)
        assert answer.headers["Location"] == "/crm_mail_mirror/not_linked/mailbox_gone"
    login = desk.visitor(None).get(start, mailbox=str(mailbox))
    assert "/web/login" in login.headers["Location"]


# --- the wrong account ----------------------------------------------------------------


def test_cancel_links_nothing(person, provider, peer, desk, postgres):
    visitor, email = person()
    mailbox = visitor.draft(provider, email)

    brought = peer.answer(visitor.begin(mailbox), email, cancel=True)
    visitor.come_back(provider, brought)

    assert "error" in brought
    assert "Cancel" in visitor.told(mailbox)
    assert visitor.mailbox(mailbox, "last_error") == {
        "id": mailbox,
        "last_error": "consent_denied",
    }
    assert not credential(desk, postgres, mailbox)


def test_another_account_is_refused_and_both_are_named(
    person, provider, peer, desk, postgres
):
    (visitor, email), (_other, given) = person(), person()
    mailbox = visitor.draft(provider, email)
    peer.clear_requests()

    visitor.come_back(provider, peer.answer(visitor.begin(mailbox), given))

    assert f"signed in as {given}" in visitor.told(mailbox)
    assert email in visitor.told(mailbox)
    assert not credential(desk, postgres, mailbox)
    # administrators read that it happened, not with which account
    seen = desk.admin("crm.mail.mirror.mailbox", "read", [mailbox])[0]
    assert seen["last_error"] == "other_account"
    assert given not in str(seen)
    if provider == "gmail":
        assert "POST /oauth2/revoke" in " ".join(peer.requests())


def test_another_account_that_is_linked_keeps_its_consent(
    person, provider, peer, desk, postgres
):
    _owner, given, theirs = linked(person, peer, provider)
    kept = credential(desk, postgres, theirs)
    visitor, email = person()
    mailbox = visitor.draft(provider, email)
    peer.clear_requests()

    visitor.come_back(provider, peer.answer(visitor.begin(mailbox), given))

    assert f"signed in as {given}" in visitor.told(mailbox)
    assert "revoke" not in " ".join(peer.requests())
    assert credential(desk, postgres, theirs) == kept


def test_mailbox_that_worked_goes_on_after_another_account(
    person, provider, peer, desk, postgres
):
    visitor, _email, mailbox = linked(person, peer, provider)
    kept = credential(desk, postgres, mailbox)
    _other, given = person()

    visitor.come_back(provider, peer.answer(visitor.begin(mailbox), given))

    assert given in visitor.told(mailbox)
    row = visitor.mailbox(mailbox, "state", "last_error")
    assert (row["state"], row["last_error"]) == ("active", False)
    assert credential(desk, postgres, mailbox) == kept


def test_alias_is_refused_and_the_main_address_named(person, desk):
    visitor, email = person()
    alias = f"sales-{email}"
    desk.clouds.google.aliases(email, email, alias)
    mailbox = visitor.draft("gmail", alias)

    brought = desk.clouds.google.answer(visitor.begin(mailbox), email)
    visitor.come_back("gmail", brought)

    said = visitor.told(mailbox)
    assert f"{alias} is only another address of the account {email}" in said


def test_dots_and_plus_signs_are_no_other_account_at_gmail(person, desk):
    visitor, email = person("gmail.com")
    spelt = email.replace("person", "per.son").replace("@", "+crm@")
    mailbox = visitor.draft("gmail", spelt)

    brought = desk.clouds.google.answer(visitor.begin(mailbox), email)
    visitor.come_back("gmail", brought)

    assert f"only another address of the account {email}" in visitor.told(mailbox)


def test_account_that_is_linked_already_is_refused(
    person, provider, peer, desk, postgres
):
    owner, email, theirs = linked(person, peer, provider)
    # its owner has it under another address by now
    owner("crm.mail.mirror.mailbox", "action_pause", [theirs])
    postgres.sql(
        "UPDATE crm_mail_mirror_mailbox SET email = 'renamed@ours.example',"
        f" email_normalized = 'renamed-{theirs}@ours.example' WHERE id = {theirs}",
        desk.server.dbname,
    )
    kept = credential(desk, postgres, theirs)
    visitor, _email = person()
    mailbox = visitor.draft(provider, email)
    peer.clear_requests()

    visitor.come_back(provider, peer.answer(visitor.begin(mailbox), email))

    said = visitor.told(mailbox)
    assert "linked already by somebody" in said
    assert "renamed" not in said and owner.mailbox(theirs, "email")["email"] not in said
    assert not credential(desk, postgres, mailbox)
    assert credential(desk, postgres, theirs) == kept
    assert "revoke" not in " ".join(peer.requests())


def test_own_account_that_is_linked_already_is_named(person, provider, peer, desk):
    visitor, email, first = linked(person, peer, provider)
    desk.admin("res.users", "write", [visitor.uid], {"email": email})
    wizard = visitor("crm.mail.mirror.disconnect", "create", {"mailbox_id": first})
    visitor("crm.mail.mirror.disconnect", "action_disconnect", [wizard])
    former = f"former-{email}"
    visitor("crm.mail.mirror.mailbox", "write", [first], {"email": former})
    mailbox = visitor.draft(provider, email)

    visitor.come_back(provider, peer.answer(visitor.begin(mailbox), email))

    assert f"already, as {former}" in visitor.told(mailbox)


# --- an account belongs to one mailbox ------------------------------------------------


def test_linked_mailbox_cannot_become_another_ones(person, provider, peer):
    visitor, email, mailbox = linked(person, peer, provider)

    for values in (
        {"email": f"other-{email}"},
        {"provider": "imap", "imap_host": "imap.evil.example"},
        {"password": "x"},
        {"account_id": "x"},
        {"link_outcome": {"code": "connected"}},
    ):
        with pytest.raises(Refused):
            visitor("crm.mail.mirror.mailbox", "write", [mailbox], values)
    # in another spelling it is the same
    visitor("crm.mail.mirror.mailbox", "write", [mailbox], {"email": email.upper()})


def test_another_provider_gets_no_secret_of_the_former(person, desk, postgres):
    visitor, email = person()
    mailbox = visitor.draft("imap", email, imap_host="127.0.0.1", password="secret")
    assert credential(desk, postgres, mailbox)

    visitor("crm.mail.mirror.mailbox", "write", [mailbox], {"provider": "gmail"})

    assert not credential(desk, postgres, mailbox)


# --- disconnecting --------------------------------------------------------------------


@pytest.mark.parametrize("mirror", ["keep", "purge"])
def test_disconnecting_gives_the_consent_back(
    person, provider, peer, desk, postgres, mirror
):
    visitor, email, mailbox = linked(person, peer, provider)
    peer.clear_requests()

    wizard = visitor(
        "crm.mail.mirror.disconnect",
        "create",
        {"mailbox_id": mailbox, "mirror": mirror},
    )
    told = visitor("crm.mail.mirror.disconnect", "action_disconnect", [wizard])

    assert not credential(desk, postgres, mailbox)
    if provider == "gmail":
        assert "given back" in told["params"]["message"]
        assert "POST /oauth2/revoke" in " ".join(peer.requests())
    else:
        assert "myapps.microsoft.com" in told["params"]["message"]
    left = visitor("crm.mail.mirror.mailbox", "search_read", [], ["state"])
    assert left == ([{"id": mailbox, "state": "draft"}] if mirror == "keep" else [])


def test_disconnecting_does_not_need_google(person, desk, postgres):
    google = desk.clouds.google
    visitor, _email, mailbox = linked(person, google, "gmail")
    google.fault("POST /oauth2/revoke", status=503, times=9)

    wizard = visitor("crm.mail.mirror.disconnect", "create", {"mailbox_id": mailbox})
    told = visitor("crm.mail.mirror.disconnect", "action_disconnect", [wizard])
    google.clear_faults()

    assert "could not be asked" in told["params"]["message"]
    assert not credential(desk, postgres, mailbox)


def test_reconnecting_after_disconnecting(person, provider, peer):
    visitor, email, mailbox = linked(person, peer, provider)
    wizard = visitor("crm.mail.mirror.disconnect", "create", {"mailbox_id": mailbox})
    visitor("crm.mail.mirror.disconnect", "action_disconnect", [wizard])

    visitor.come_back(provider, peer.answer(visitor.begin(mailbox), email))

    # nothing of it was ever mirrored
    assert visitor.mailbox(mailbox, "state")["state"] == "ready"


@pytest.mark.parametrize("how", ["owner archived", "mailbox removed"])
def test_who_leaves_takes_the_consent_along(person, desk, postgres, how):
    google = desk.clouds.google
    visitor, _email, mailbox = linked(person, google, "gmail")
    google.clear_requests()

    if how == "owner archived":
        desk.admin("res.users", "write", [visitor.uid], {"active": False})
    else:
        visitor("crm.mail.mirror.mailbox", "unlink", [mailbox])

    assert not credential(desk, postgres, mailbox)
    deadline = time.monotonic() + 30
    while not any("revoke" in line for line in google.requests()):
        assert time.monotonic() < deadline
        time.sleep(0.1)


# --- what the provider refuses --------------------------------------------------------


def test_box_for_reading_mail_not_ticked(person, desk, postgres):
    visitor, email = person()
    mailbox = visitor.draft("gmail", email)
    url = visitor.begin(mailbox)

    brought = desk.clouds.google.answer(
        url, email, without=["https://www.googleapis.com/auth/gmail.readonly"]
    )
    visitor.come_back("gmail", brought)

    assert "box for reading mail" in visitor.told(mailbox)
    assert not credential(desk, postgres, mailbox)


def test_wrong_client_secret_is_told_and_mended(person, provider, peer, desk):
    visitor, email = person()
    mailbox = visitor.draft(provider, email)
    route = {"gmail": "google"}.get(provider, provider)
    desk.register(**{f"mirror_{route}_secret": "wrong"})
    try:
        page = desk.admin("res.config.settings", "create", {})
        with pytest.raises(Refused, match="client ID or client secret"):
            desk.admin("res.config.settings", f"action_mirror_test_{route}", [page])
        visitor.come_back(provider, peer.answer(visitor.begin(mailbox), email))
        assert "client ID or client secret" in visitor.told(mailbox)
        assert visitor.mailbox(mailbox, "last_error")["last_error"] == "client_refused"
    finally:
        desk.register()

    told = desk.admin("res.config.settings", f"action_mirror_test_{route}", [page])
    assert told["params"]["type"] == "success"
    visitor.come_back(provider, peer.answer(visitor.begin(mailbox), email))
    assert visitor.mailbox(mailbox, "state")["state"] == "ready"


def test_redirect_uri_that_is_not_registered(person, provider, peer, desk):
    base = desk.admin("ir.config_parameter", "get_param", "web.base.url")
    visitor, email = person()
    mailbox = visitor.draft(provider, email)
    route = {"gmail": "google"}.get(provider, provider)
    page = desk.admin("res.config.settings", "create", {})
    desk.admin(
        "ir.config_parameter", "set_param", "web.base.url", "https://other.example/"
    )
    try:
        page = desk.admin("res.config.settings", "create", {})
        field = f"mirror_{route}_redirect_uri"
        shown = desk.admin("res.config.settings", "read", [page], [field])[0][field]
        assert shown == f"https://other.example/crm_mail_mirror/{route}/callback"
        if provider == "gmail":  # Microsoft tells it to people alone
            with pytest.raises(Refused, match="redirect URI"):
                desk.admin("res.config.settings", f"action_mirror_test_{route}", [page])
        with pytest.raises(PeerError):
            peer.answer(visitor.begin(mailbox), email)
    finally:
        desk.admin("ir.config_parameter", "set_param", "web.base.url", base)


def test_provider_that_is_down(person, provider, peer, desk, postgres):
    visitor, email = person()
    mailbox = visitor.draft(provider, email)
    brought = peer.answer(visitor.begin(mailbox), email)
    peer.fault("POST .*token", status=503, times=9)

    visitor.come_back(provider, brought)
    peer.clear_faults()

    assert visitor.mailbox(mailbox, "state")["state"] == "draft"
    assert visitor.told(mailbox)
    assert not credential(desk, postgres, mailbox)


def test_provider_that_is_switched_off(person, provider, peer, desk):
    visitor, email = person()
    mailbox = visitor.draft(provider, email)
    route = {"gmail": "google"}.get(provider, provider)
    brought = peer.answer(visitor.begin(mailbox), email)
    desk.register(**{f"mirror_{route}_enabled": False})
    try:
        visitor.come_back(provider, brought)
        assert "switched it off" in visitor.told(mailbox)
        with pytest.raises(Refused, match="switched it off"):
            visitor.begin(mailbox)
        answer = visitor.get(f"/crm_mail_mirror/{route}/start", mailbox=str(mailbox))
        assert answer.headers["Location"].endswith(f"/{mailbox}")
        offers = visitor("res.users", "read", [visitor.uid], ["mirror_offers"])
        gone = {"gmail": {"gmail"}, "microsoft": {"work", "personal"}}[provider]
        assert not gone & set(offers[0]["mirror_offers"].split(","))
    finally:
        desk.register()


def test_another_client_id_means_signing_in_again(person, provider, peer, desk):
    visitor, _email, mailbox = linked(person, peer, provider)
    route = {"gmail": "google"}.get(provider, provider)

    desk.register(**{f"mirror_{route}_client_id": "another"})
    desk.register()

    row = visitor.mailbox(mailbox, "state", "last_error", "activity_ids")
    assert (row["state"], row["last_error"]) == ("needs_login", "client_changed")
    assert row["activity_ids"]
    me = visitor("res.users", "read", [visitor.uid], ["mirror_waits_for_me"])[0]
    assert me["mirror_waits_for_me"] == visitor.mailbox(mailbox, "email")["email"]
    seen = desk.admin("res.users", "read", [visitor.uid], ["mirror_waits_for_me"])[0]
    assert not seen["mirror_waits_for_me"]
