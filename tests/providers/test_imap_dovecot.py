# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""IMAP on Dovecot: getting in, UIDVALIDITY, bytes on the wire, and mutants."""

from __future__ import annotations

import logging

import pytest
from engine.providers import (
    imap,
    imap_address,
    imap_cursor,
    imap_departures,
    imap_fill,
    imap_sync,
)
from engine.providers.base import (
    Budget,
    LoginRequired,
    NotAllowed,
    Place,
    Query,
    Unavailable,
)

from tests.peers.dovecot import Dovecot
from tests.providers.conftest import LOGINS, LOOPBACK
from tests.providers.letters import START, letter, realistic
from tests.providers.store import Store


@pytest.fixture
def mailbox(mailbox_on_dovecot):
    return mailbox_on_dovecot


# --- getting in ----------------------------------------------------------------------


@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
def test_login_with_each_security(mailbox, security):
    tls = security == "tls"
    port = mailbox.server.tls_port if tls else mailbox.server.port

    with mailbox.open(port=port, security=security) as provider:
        assert provider.identify().email == mailbox.login


def test_login_is_not_the_address(mailbox):
    with mailbox.open(address="Other@Example.com") as provider:
        identity = provider.identify()

    assert identity.email == "other@example.com"
    assert identity.account_id == f"{mailbox.login}@localhost"


def test_wrong_password(mailbox, caplog):
    caplog.set_level(logging.DEBUG)

    with pytest.raises(LoginRequired) as caught:
        mailbox.open(secret="pass-phrase")

    assert caught.value.code == "wrong_password"
    assert "pass-phrase" not in repr(caught.value) + caplog.text


def test_password_beyond_ascii(mailbox):
    with pytest.raises(LoginRequired):
        mailbox.open(secret='p\u00e4ss"w\u00f6rd\\')


def test_access_token(dovecot):
    settings = {
        "host": "localhost",
        "port": dovecot.port,
        "security": "none",
        "login": "user1@example.com",
        "auth": "xoauth2",
        "allowed_hosts": LOOPBACK,
    }

    with imap.connect("token-1", **settings) as provider:
        assert provider.folders()
    with pytest.raises(LoginRequired) as caught:
        imap.connect("expired", **settings)
    assert caught.value.code == "access_revoked"


def test_certificate_is_verified(mailbox):
    for security, port in (
        ("tls", mailbox.server.tls_port),
        ("starttls", mailbox.server.port),
    ):
        with pytest.raises(Unavailable) as caught:
            mailbox.open(port=port, security=security, ca_file="")
        assert caught.value.code == "certificate_untrusted"


def test_certificate_of_another_host():
    with Dovecot(LOGINS, names=("mail.elsewhere.example",)) as server:
        with pytest.raises(Unavailable) as caught:
            imap.connect(
                "secret",
                host="localhost",
                port=server.tls_port,
                login="user1@example.com",
                allowed_hosts=LOOPBACK,
                ca_file=server.ca_file,
            )

    assert caught.value.code == "certificate_other_host"


def test_tls_client_on_a_plain_port(mailbox):
    with pytest.raises(Unavailable) as caught:
        mailbox.open(security="tls")
    assert caught.value.code == "tls_failed"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "fe80::1",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::127.0.0.1",
    ],
)
def test_private_addresses_are_refused(address, monkeypatch):
    entry = (2, 1, 6, "", (address, 993))
    public = (2, 1, 6, "", ("93.184.216.34", 993))
    for answers in ([entry], [public, entry]):
        monkeypatch.setattr("socket.getaddrinfo", lambda *a, _r=answers, **k: _r)
        with pytest.raises(NotAllowed) as caught:
            imap.connect("s", host="imap.rebind.example", login="a")
        assert caught.value.code == "host_forbidden"


@pytest.mark.parametrize("address", ["93.184.216.34", "2a00:1450:4001:81b::200e"])
def test_public_addresses_are_not_refused(address):
    from ipaddress import ip_address

    assert imap_address.is_public(ip_address(address))


def test_no_encryption_only_where_the_administrator_allows(mailbox, monkeypatch):
    public = (2, 1, 6, "", ("93.184.216.34", 143))
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: [public])

    with pytest.raises(NotAllowed) as caught:
        imap.connect("s", host="imap.public.example", login="a", security="none")

    assert caught.value.code == "login_over_plaintext"


def test_a_name_can_be_allowed(mailbox):
    with mailbox.open(allowed_hosts=("LOCALHOST",)) as provider:
        assert provider.folders()
    with pytest.raises(NotAllowed):
        mailbox.open(allowed_hosts=("otherhost", "10.0.0.0/8", "not an address"))


def test_nothing_secret_in_repr_or_log(mailbox, caplog):
    caplog.set_level(logging.DEBUG)
    mailbox.owner.append("INBOX", letter(1, "the secret text"))

    with mailbox.open() as provider:
        (batch,) = Store().sync(provider)
        list(provider.fetch([(p.place, p.envelope) for p in batch.present]))
        shown = repr(provider) + repr(vars(provider))

    assert "secret" not in shown
    assert "secret" not in caplog.text and "letter 1" not in caplog.text


# --- UIDVALIDITY ---------------------------------------------------------------------


def test_uidvalidity_change_loses_nothing_doubles_nothing(mailbox):
    store = Store()
    with mailbox.open() as provider:
        for number in range(30):
            mailbox.owner.append("INBOX", letter(number))
        mailbox.owner.append("Sent", letter("sent"))
        store.sync(provider)
        keys = set(store.copies)
        mailbox.server.set_uidvalidity(mailbox.login, "INBOX", 77)

    with mailbox.open() as provider:
        batches = store.sync(provider, Budget(mails=8), passes=3)

    assert [batch.reset for batch in batches if batch.reset] == [(("INBOX", "77"),)]
    assert all(batch.relisted for batch in batches if batch.present)
    assert store.truth == mailbox.owner.truth(ignore=("Drafts", "Trash", "Junk"))
    assert store.copies == keys and store.deleted == []


def test_mail_new_after_the_reset_is_not_relisted(mailbox):
    store = Store()
    with mailbox.open() as provider:
        mailbox.owner.append("INBOX", letter(1))
        mailbox.owner.append("Sent", letter(2))
        store.sync(provider)
        mailbox.server.set_uidvalidity(mailbox.login, "INBOX", 99)
        mailbox.owner.append("Sent", letter(3))
        batches = store.sync(provider)

    told = {p.envelope.message_id: b.relisted for b in batches for p in b.present}
    assert told == {"<1@letters.example>": True, "<3@letters.example>": False}


def test_folders_swap_their_names(mailbox):
    store = Store()
    with mailbox.open() as provider:
        for folder in ("One", "Two"):
            mailbox.owner.create(folder)
            mailbox.owner.append(folder, letter(folder))
        store.sync(provider)
        for old, new in (("One", "X"), ("Two", "One"), ("X", "Two")):
            mailbox.owner.rename(old, new)
        store.sync(provider, passes=3)

    assert store.truth == mailbox.owner.truth(ignore=("Drafts", "Trash", "Junk"))
    assert store.deleted == []


def test_renamed_parent_takes_its_children_along(mailbox):
    store = Store()
    with mailbox.open() as provider:
        for folder in ("Top", "Top/Sub"):
            mailbox.owner.create(folder)
            mailbox.owner.append(folder, letter(folder.replace("/", "-")))
        store.sync(provider)
        mailbox.owner.rename("Top", "Head")
        batches = store.sync(provider)

    assert set(batches[0].renamed) == {("Top", "Head"), ("Top/Sub", "Head/Sub")}
    assert not any(batch.present or batch.absent for batch in batches)


def test_folder_thrown_into_the_trash_is_gone(mailbox):
    store = Store()
    with mailbox.open() as provider:
        mailbox.owner.create("Project")
        mailbox.owner.append("Project", letter(1))
        store.sync(provider)
        mailbox.owner.rename("Project", "Trash/Project")
        store.sync(provider, passes=2)

    assert store.places == {}


def test_folder_deleted_while_read(mailbox):
    store = Store()
    with mailbox.open() as provider:
        mailbox.owner.create("Work")
        for number in range(30):
            mailbox.owner.append("Work", letter(number))
        store.apply(provider.pull(None, None, Budget(mails=5)))
        mailbox.owner.remove("Work")

        store.sync(provider, Budget(mails=5), passes=2)

    assert store.truth == set()


# --- bytes and time ------------------------------------------------------------------


def test_full_import_costs_two_percent_of_the_mail(mailbox, tap):
    size = 0
    for raw, received in realistic(600):
        size += len(raw)
        mailbox.owner.append("INBOX", raw, received=received)
    store = Store()

    with mailbox.open(port=tap.port) as provider:
        batches = store.sync(provider)
        for batch in batches:
            mails = [(p.place, p.envelope) for p in batch.present]
            answers = list(provider.fetch(mails))
            assert all(body.text for _place, body in answers)

    assert len(store.places) == 600
    assert len(tap.heard) <= 0.02 * size
    assert abs(provider.traffic.received - len(tap.heard)) < 300  # but for LOGOUT


@pytest.mark.parametrize("kind", ["dovecot", "dovecot_condstore", "dovecot_plain"])
def test_idle_pass_costs_three_kilobytes(kind, request, new_login):
    server = request.getfixturevalue(kind)
    store = Store()
    settings = {
        "host": "localhost",
        "port": server.port,
        "security": "none",
        "login": new_login,
        "allowed_hosts": LOOPBACK,
    }
    with server.user(new_login) as owner:
        for name in ("Work", "Clients", "Invoices", "Travel"):
            owner.create(name)
        for folder in ("INBOX", "Sent", "Work", "Clients"):
            for number in range(10):
                owner.append(folder, letter(f"{folder}-{number}"))
        assert len(owner.folders()) == 10
    with imap.connect("secret", **settings) as provider:
        store.sync(provider, passes=2)

    with imap.connect("secret", **settings) as provider:
        (batch,) = store.sync(provider)
    assert not batch.present and not batch.absent
    assert provider.traffic.received <= 3_000


def test_cursor_does_not_grow_with_the_mailbox(mailbox):
    store, sizes = Store(), []
    with mailbox.open() as provider:
        for _ in range(2):
            for number in range(150):
                mailbox.owner.append("INBOX", letter(number))
            mailbox.owner.expunge("INBOX", *list(mailbox.owner.listing("INBOX"))[::7])
            store.sync(provider)
            sizes.append(len(str(store.cursor)))

    assert sizes[1] - sizes[0] < 20
    assert sizes[1] < 1_500


def test_search_folds_the_case_of_letters_beyond_ascii(mailbox):
    mailbox.owner.append("INBOX", letter(1, subject="\u00c9t\u00e9 \u00e0 Paris"))
    mailbox.owner.append("INBOX", letter(2))

    with mailbox.open() as provider:
        found = list(provider.search(Query(subject_words=("\u00e9t\u00e9",))))

    assert [int(place.ref) for place in found] == [1]


def test_search_since(mailbox):
    for number in range(3):
        day = START.replace(month=1 + 3 * number)
        mailbox.owner.append("INBOX", letter(number), received=day)

    with mailbox.open() as provider:
        query = Query(addresses=("ann@customer.example",))
        found = list(provider.search(query, START.replace(month=3)))

    assert sorted(int(place.ref) for place in found) == [2, 3]


def test_text_of_signed_nested_and_html_only_mail(mailbox):
    signed = (
        b'Content-Type: multipart/signed; boundary="s"\r\n\r\n--s\r\n'
        b"Content-Type: text/plain\r\n\r\nsigned text\r\n--s\r\n"
        b"Content-Type: application/pgp-signature\r\n\r\nsig\r\n--s--\r\n"
    )
    nested = (
        b'Content-Type: multipart/mixed; boundary="n"\r\n\r\n--n\r\n'
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n"
        b"Content-Type: text/plain\r\n\r\ninner text\r\n--n--\r\n"
    )
    html = b"Content-Type: text/html\r\n\r\n<p>html text</p>\r\n"
    footer = (
        b'Content-Type: multipart/mixed; boundary="f"\r\n\r\n--f\r\n\r\nlist text\r\n'
        b"--f\r\n\r\nlist footer\r\n--f--\r\n"
    )
    for raw in (signed, nested, html, footer):
        mailbox.owner.append("INBOX", raw)

    with mailbox.open() as provider:
        (batch,) = Store().sync(provider)
        answers = dict(provider.fetch([(p.place, p.envelope) for p in batch.present]))

    texts = {int(place.ref): body.text for place, body in answers.items()}
    assert texts[1] == "signed text"
    assert texts[2] == "inner text"
    assert texts[3] == "html text"
    assert "list text" in texts[4] and "list footer" in texts[4]


def test_unknown_place_is_no_error(mailbox):
    with mailbox.open() as provider:
        places = [
            Place("Nowhere", "1", "0000000001"),
            Place("INBOX", "5", "0000000001"),
        ]
        answers = dict(provider.envelopes(places))

    assert [type(a).__name__ for a in answers.values()] == [
        "MessageGone",
        "MessageBroken",  # it may have been renamed: the next pull tells
    ]


# --- mutants: what must not be done, and that these tests would see it ---------------


def _deletes_are_seen(mailbox) -> bool:
    """Mail is deleted between EXAMINE and the question: is it seen in the end?"""
    store = Store()
    with mailbox.open() as provider:
        for number in range(6):
            mailbox.owner.append("INBOX", letter(number))
        store.sync(provider)
        mailbox.owner.flag("INBOX", 1, "\\Seen")
        mailbox.owner.expunge("INBOX", 3)
        store.sync(provider, passes=2)
    return store.truth == mailbox.owner.truth(ignore=("Drafts", "Trash", "Junk"))


def test_mutant_modseq_from_status_is_caught(mailbox, monkeypatch):
    """The watermark taken from an answer that ran ahead of what was shown."""

    def ahead(seen, status):
        return status.modseq + 3

    assert _deletes_are_seen(mailbox)
    mailbox.owner.expunge("INBOX", *mailbox.owner.listing("INBOX"))
    monkeypatch.setattr(imap_sync, "watermark", ahead)
    for module in (imap_sync, imap_fill):
        monkeypatch.setattr(
            module, "pin", lambda state, seen: state.update(modseq=99, count=None)
        )
    # and a number that is to come is not noticed
    monkeypatch.setattr(imap_departures, "_tells_changes", lambda *_args: True)
    store = Store()
    with mailbox.open() as provider:
        mailbox.owner.append("INBOX", letter("x"))
        store.sync(provider)
        mailbox.owner.expunge("INBOX", *mailbox.owner.listing("INBOX"))
        store.sync(provider, passes=2)
    assert store.places  # the deletion is lost for ever: the mutant shows


def test_mutant_open_range_is_caught(mailbox, monkeypatch):
    """``n:*`` always returns the newest mail: told again and again."""
    monkeypatch.setattr(imap_sync, "new_uids", lambda state, seen: f"{state['next']}:*")
    monkeypatch.setattr(imap_sync.imap_uids, "clip", lambda ranges, low, high: ranges)
    mailbox.owner.append("INBOX", letter(1))
    store = Store()
    with mailbox.open() as provider:
        store.sync(provider)
        mailbox.owner.append("INBOX", letter(2))
        mailbox.owner.expunge("INBOX", 2)  # UIDNEXT moved, nothing is there
        batches = store.sync(provider)

    assert [int(p.place.ref) for b in batches for p in b.present] == [1]


def test_mutant_departures_first_is_caught(mailbox, monkeypatch):
    mailbox.owner.create("Work")
    mailbox.owner.append("INBOX", letter(1))
    store = Store()
    arrivals, departures = imap_sync.Pull.arrivals, imap_sync.Pull.departures
    with mailbox.open() as provider:
        store.sync(provider)
        monkeypatch.setattr(imap_sync.Pull, "arrivals", departures)
        monkeypatch.setattr(imap_sync.Pull, "departures", lambda self: True)
        mailbox.owner.move("INBOX", 1, "Work")
        store.sync(provider, passes=2)

    assert store.deleted  # a move was read as a delete: the mutant shows
    assert arrivals is not departures


def test_mutant_ignored_bad_is_caught(mailbox, monkeypatch):
    """Without ENABLE QRESYNC the question for VANISHED is answered BAD."""
    from engine.providers import imap_wire

    command = imap_wire.Wire.command

    def careless(self, name, *args, **kwargs):
        if name == "ENABLE":
            self.enabled = frozenset({"QRESYNC"})
            return {"ENABLED": [b"QRESYNC"]}
        try:
            return command(self, name, *args, **kwargs)
        except imap_wire.Refused:
            return {}

    with monkeypatch.context() as mutant:
        mutant.setattr(imap_wire.Wire, "command", careless)
        assert not _deletes_are_seen(mailbox)


def test_bad_answer_moves_no_cursor(mailbox, monkeypatch):
    from engine.providers import imap_wire

    command = imap_wire.Wire.command

    def never_enabled(self, name, *args, **kwargs):
        if name == "ENABLE":
            return {"ENABLED": [b"QRESYNC"]}
        return command(self, name, *args, **kwargs)

    monkeypatch.setattr(imap_wire.Wire, "command", never_enabled)
    with pytest.raises(Unavailable) as caught:
        _deletes_are_seen(mailbox)
    assert caught.value.code == "server_error"


def test_watermark_is_that_of_examine():
    from engine.providers.imap_folders import Listed
    from engine.providers.imap_wire import Examined

    seen, status = Examined(1, 5, 4, 10), Listed(None, b"x", 1, 5, 4, 12)

    assert imap_cursor.watermark(seen, status) == 10
