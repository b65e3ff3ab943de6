# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Nothing secret and nothing of a mail gets into the log, whoever writes it."""

import json
import logging
import threading

import pytest
import requests
from engine.providers import consent, open_mailbox
from engine.providers.base import Budget, Lookup, ProviderError, Query
from engine.providers.silence import silence

from tests.providers.gmail_mailbox import gmail_mailbox
from tests.providers.letters import letter
from tests.providers.store import Store

CALLBACK = "http://localhost:8069/crm_mail_mirror/google"


@pytest.fixture
def mailbox(google, new_login):
    with gmail_mailbox(google, new_login) as mailbox:
        yield mailbox
        google.clear_faults()


@pytest.fixture
def everything(caplog, monkeypatch):
    """The whole log at DEBUG, as text, of whoever was told to be quiet as well."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(logging.root.manager, "disable", logging.NOTSET)
    for name in list(logging.getLogger().manager.loggerDict):
        if name.startswith(("urllib3", "google", "requests", "httplib2")):
            caplog.set_level(logging.DEBUG, name)
            # what an earlier test configured may have cut them off
            monkeypatch.setattr(logging.getLogger(name), "disabled", False)
            monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    return lambda: "\n".join(
        f"{one.name} {one.getMessage()} {one.exc_text} {one.args!r}"
        for one in caplog.records
    )


def test_sync_and_renewal_at_debug_level(mailbox, google, everything, caplog):
    log = logging.getLogger("a.job")
    google.add_redirect(CALLBACK)
    state, subject = "state-of-a-session", "secret subject"
    for number in range(4):
        raw = letter(
            number,
            "secret text",
            sender="ann@secret-customer.example",
            subject=f"{subject} {number}",
            attachment=b"secret file" * 9,
        )
        mailbox.owner.append("INBOX", raw)

    caplog.clear()
    beginning = consent.begin("gmail", mailbox.settings, CALLBACK, state, mailbox.login)
    assert not everything()
    answer = google.answer(beginning.url, mailbox.login)
    caplog.clear()  # of what the browser did
    secret = consent.finish("gmail", mailbox.settings, beginning.flow, answer)
    consent.test("gmail", mailbox.settings, CALLBACK)
    secrets = [secret]
    google.expire_tokens(mailbox.login)
    store = Store()
    with open_mailbox("gmail", mailbox.settings, secret, secrets.append) as provider:
        provider.identify()
        batches = store.sync(provider, addresses=["ann@secret-customer.example"])
        mails = [(p.place, p.envelope) for b in batches for p in b.present]
        assert len(dict(provider.fetch(mails))) == 4
        provider.search(
            Query(
                addresses=("bob@secret-customer.example",),
                message_ids=("<1@letters.example>",),
                subject_words=("secretword",),
            )
        )
        provider.confirm([Lookup(mails[0][0], "", "<1@letters.example>")])
        list(provider.attachment(mails[0][0], mails[0][1].parts[-1].ref))
        provider.audit(refs=True)
        for status in (400, 401, 403, 404, 429, 500):
            body = '{"error": {"message": "of ann@secret-customer.example"}}'
            google.fault("/profile", status, body=body, times=2)
            try:
                provider.identify()
            except ProviderError as error:
                log.exception("it failed: %r", error)
    consent.revoke("gmail", mailbox.settings, secret)
    for bad in (secret, json.dumps({**json.loads(secret), "expires_at": 1})):
        with open_mailbox("gmail", mailbox.settings, bad) as provider:
            try:
                provider.pull(None, None, Budget())
            except ProviderError as error:
                log.exception("it failed: %r", error)

    said = everything()
    assert "a.job it failed" in said
    hidden = [mailbox.login, mailbox.login.partition("@")[0], "secret", "bob"]
    hidden += ["letters.example", state, answer["code"], beginning.flow["verifier"]]
    hidden += [mailbox.settings["client_secret"], "Bearer", "made-up"]
    for one in secrets:
        told = json.loads(one)
        hidden += [told["access_token"], told["refresh_token"], told.get("sub")]
    assert len(secrets) > 1
    for word in filter(None, hidden):
        assert word not in said.replace("it failed", ""), word


def test_what_others_log_is_still_logged(google, everything):
    """Silence is for our questions, in our thread, and as long as they take."""
    done = threading.Event()

    def other():
        requests.get(f"{google.url}/of-another-thread", timeout=9)
        done.set()

    with silence():
        requests.get(f"{google.url}/of-ours", timeout=9)
        threading.Thread(target=other).start()
        assert done.wait(9)
    requests.get(f"{google.url}/after-ours", timeout=9)

    said = everything()
    assert "of-another-thread" in said and "after-ours" in said
    assert "of-ours" not in said


def test_objects_do_not_show_what_they_hold(mailbox, provider):
    told = json.loads(mailbox.secret)

    shown = repr([provider, provider._tokens, provider._tokens.grant, provider._api])

    assert told["access_token"] not in shown
    assert told["refresh_token"] not in shown
