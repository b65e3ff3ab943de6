# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Graph that throttles, breaks, lies or is not there: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import logging
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from engine.providers import open_mailbox, web
from engine.providers.base import (
    Budget,
    LoginRequired,
    MessageBroken,
    MessageGone,
    NotAllowed,
    Place,
    ProviderError,
    Query,
    Throttled,
    Unavailable,
)

from tests.peers import certificates
from tests.peers.graph import Graph
from tests.providers.letters import letter
from tests.providers.microsoft import CLIENT_ID, graph_mailbox, secret_of, whoami
from tests.providers.store import Store


@pytest.fixture(scope="module")
def server():
    with Graph(whoami) as server:
        yield server


@pytest.fixture
def graph(server):
    server.rounds.empty_pages = False
    yield server
    server.clear_faults()
    server.throttle.at_once, server.throttle.retry_after = 4, 1


@pytest.fixture
def mailbox(graph, new_login):
    with graph.user(new_login) as owner:
        yield graph_mailbox(graph, new_login, owner)


@pytest.fixture
def store():
    return Store()


# --- throttling -----------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_wait_that_graph_asks_for_is_told(mailbox, graph, provider, status):
    graph.fault("batch", status, "ApplicationThrottled", retry_after=3_600)

    with pytest.raises(Throttled) as throttled:
        provider.pull(None, None, Budget())

    assert throttled.value.retry_after == 3_600


def test_throttled_for_an_hour_and_then_nothing_is_missing(mailbox, graph, store):
    for number in range(12):
        mailbox.owner.append("INBOX", letter(number))
    with mailbox.open() as provider:
        store.apply(store.pull(provider, Budget(mails=4)))
        graph.fault("delta", 429, "ApplicationThrottled", times=None, retry_after=3600)
        asked = 0
        for _ in range(3):
            with pytest.raises(Throttled):
                provider.pull(store.cursor, None, Budget(mails=4))
            asked = asked or len(graph.requests())
        assert len(graph.requests()) == asked, "Graph said when to come back"
    graph.clear_faults()

    with mailbox.open() as another:  # an hour later
        store.sync(another, Budget(mails=4))
    assert len(store.places) == 12


def test_throttled_members_of_a_batch_alone_are_asked_again(
    mailbox, graph, provider, store
):
    mails = _listed(mailbox, provider, store, 12)
    refs = [place.ref for place, _envelope in mails]
    for ref, wait in zip(refs[:3], (0, 1, 0), strict=True):
        graph.fault(f"messages/{ref}", 429, "ApplicationThrottled", retry_after=wait)
    graph.clear_requests()
    started = time.monotonic()

    answers = dict(provider.facts(mails))

    assert time.monotonic() - started >= 1  # the longest of them
    assert not any(isinstance(a, ProviderError) for a in answers.values())
    asked = [r for r in graph.requests(inner=True)]
    assert len(asked) == 12 + 3


def test_members_beyond_four_at_a_time_come_later(mailbox, graph, provider, store):
    """Somebody else reads the mailbox too: only some places are free."""
    mails = _listed(mailbox, provider, store, 12)
    graph.throttle.at_once, graph.throttle.retry_after = 3, 0

    answers = dict(provider.facts(mails))

    assert not any(isinstance(a, ProviderError) for a in answers.values())


def test_a_wait_is_no_longer_than_the_time_that_is_left(
    mailbox, graph, provider, store
):
    mailbox.owner.append("INBOX", letter(1))
    store.sync(provider)
    graph.fault("messages/delta", 429, times=None, retry_after=5)
    started = time.monotonic()

    with pytest.raises(Throttled) as throttled:
        provider.pull(store.cursor, None, Budget(seconds=1))

    assert time.monotonic() - started < 3
    assert throttled.value.retry_after == 5


def test_what_was_told_before_a_failure_is_kept(mailbox, graph, provider, store):
    for number in range(12):
        mailbox.owner.append("INBOX", letter(number))
    graph.fault("skiptoken", 429, times=None, retry_after=99)

    batch = store.pull(provider, Budget(mails=8))
    assert 0 < len(batch.present) < 8 and batch.more
    store.apply(batch)
    with pytest.raises(Throttled):
        provider.pull(store.cursor, None, Budget(mails=8))

    graph.clear_faults()
    with mailbox.open() as another:
        store.sync(another)
    assert len(store.places) == 12


# --- answers that are none ------------------------------------------------------------


@pytest.mark.parametrize(
    "fault, code",
    [
        ({"status": 500, "code": "InternalServerError"}, "server_error"),
        ({"status": 502, "body": "<html>Bad gateway</html>"}, "server_error"),
        ({"status": 503}, "server_error"),
        ({"status": 200, "body": '{"responses": [{"id": "1", "sta'}, "garbage"),
        ({"status": 200, "body": "[]"}, "garbage"),
        ({"status": 200, "body": "{}"}, "garbage"),
        ({"status": 200, "body": '{"responses": []}'}, "garbage"),
        ({"status": 200, "body": '{"responses": [3]}'}, "garbage"),
        ({"status": 200, "body": "\x00\xff"}, "garbage"),
        ({"status": 302, "body": ""}, "garbage"),
        ({"status": 400, "code": "BadRequest"}, "garbage"),
        ({"close": True, "times": 2}, "connection_lost"),
        ({"truncate": True, "times": 2}, "connection_lost"),
    ],
)
def test_pull_that_gets_no_answer(mailbox, graph, store, fault, code):
    for number in range(5):
        mailbox.owner.append("INBOX", letter(number))
    for cursor in (None, "a cursor"):
        with mailbox.open() as provider:
            if cursor:
                store.sync(provider, Budget(mails=2))
                cursor = store.cursor
            graph.fault("POST .*batch", **{"times": 1, **fault})
            with pytest.raises(Unavailable) as failed:
                provider.pull(cursor, None, Budget())
            assert failed.value.code == code

    with mailbox.open() as provider:
        store.sync(provider, passes=2)
    assert len(store.places) == 5


def test_connection_that_was_closed_while_it_was_idle(mailbox, graph, provider, store):
    mailbox.owner.append("INBOX", letter(1))
    store.sync(provider)
    graph.fault("batch", close=True)

    store.sync(provider)

    assert len(store.places) == 1


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"value": 3, "@odata.deltaLink": "x"}',
        '{"value": []}',
        '{"value": [], "@odata.deltaLink": 3}',
        '{"value": [], "@odata.deltaLink": "https://evil.example/v1.0/me"}',
        '{"value": [], "@odata.nextLink": "http://localhost.evil.example/v1.0/x"}',
    ],
)
def test_page_that_is_none_moves_no_cursor(mailbox, graph, provider, store, body):
    for number in range(12):
        mailbox.owner.append("INBOX", letter(number))
    store.apply(store.pull(provider, Budget(mails=4)))
    graph.fault("skiptoken", 200, body=body)  # the next page of the walk

    with pytest.raises(Unavailable) as failed:
        provider.pull(store.cursor, None, Budget(mails=4))

    assert failed.value.code == "garbage"
    with mailbox.open() as another:
        store.sync(another, Budget(mails=4))
    assert len(store.places) == 12


def test_unknown_fields_and_strange_items_are_passed_over(
    mailbox, graph, provider, store
):
    for number in range(12):
        mailbox.owner.append("INBOX", letter(number))
    store.apply(store.pull(provider, Budget(mails=4)))
    inbox = mailbox.owner.folder_ref("INBOX")
    link = f"{graph.url}/v1.0/me/mailFolders('{inbox}')/messages/delta?$deltatoken=x"
    strange = [
        *(3, None, {}, {"id": 7}, {"id": ""}),
        {"id": "AAkALgNew", "aFieldOfNextYear": {"x": [1]}, "isDraft": None},
        {"id": "AAkALgOdd", "receivedDateTime": 7, "parentFolderId": inbox},
    ]
    body = {"value": strange, "@odata.deltaLink": link, "@odata.other": 1}
    graph.fault("skiptoken", 200, body=json.dumps(body))

    batch = provider.pull(store.cursor, None, Budget(mails=4))

    assert {p.key for p in batch.present} == {"AAkALgNew", "AAkALgOdd"}
    assert {p.envelope for p in batch.present} == {None}
    assert batch.cursor["folders"][inbox]["link"].startswith("/me/mailFolders(")


def test_answer_that_is_too_long(mailbox, graph, store, monkeypatch):
    for number in range(5):
        mailbox.owner.append("INBOX", letter(number))
    monkeypatch.setattr(web, "MAX_ANSWER", 1_500)

    with mailbox.open() as provider, pytest.raises(ProviderError) as failed:
        provider.pull(None, None, Budget())

    assert failed.value.code in ("garbage", "server_error")


def test_mail_that_is_too_big_fails_alone(mailbox, graph, provider, store, monkeypatch):
    mails = _listed(mailbox, provider, store, 5)
    big = mailbox.owner.append("INBOX", letter("big", "word " * 20_000))
    mails += [(p.place, p.envelope) for b in store.sync(provider) for p in b.present]
    monkeypatch.setattr(web, "MAX_ANSWER", 30_000)

    bodies = dict(provider.fetch(mails))

    broken = {p.ref: b for p, b in bodies.items() if isinstance(b, ProviderError)}
    assert {ref: (type(b), b.code) for ref, b in broken.items()} == {
        big: (MessageBroken, "message_too_big")
    }
    assert len(bodies) == 6


# --- refusals -------------------------------------------------------------------------


def test_consent_that_lacks_reading_mail(mailbox, graph, provider):
    graph.account(mailbox.login, scopes=("User.Read",))

    assert provider.identify().email == mailbox.login
    with pytest.raises(LoginRequired) as refused:
        provider.pull(None, None, Budget())

    assert refused.value.code == "consent_missing"


def test_consent_that_lacks_who_it_is(mailbox, graph, provider):
    graph.account(mailbox.login, scopes=("Mail.Read",))

    with pytest.raises(LoginRequired) as refused:
        provider.identify()

    assert refused.value.code == "consent_missing"


def test_account_without_a_mailbox(mailbox, graph, provider):
    graph.account(mailbox.login, has_mailbox=False)

    for ask in (provider.folders, lambda: provider.pull(None, None, Budget())):
        with pytest.raises(NotAllowed) as refused:
            ask()
        assert refused.value.code == "no_mailbox"
    assert provider.identify().email == mailbox.login


def test_mailbox_that_is_lost_between_two_pulls(mailbox, graph, provider, store):
    mailbox.owner.append("INBOX", letter(1))
    store.sync(provider)
    graph.account(mailbox.login, has_mailbox=False)

    with pytest.raises(NotAllowed):
        provider.pull(store.cursor, None, Budget())

    graph.account(mailbox.login, has_mailbox=True)
    store.sync(provider)
    assert len(store.places) == 1


def test_token_of_nobody(mailbox):
    with mailbox.open(secret=secret_of("x", token="a token of nobody")) as provider:
        # it cannot be renewed either: nobody answers at the authority
        with pytest.raises(Unavailable) as failed:
            provider.pull(None, None, Budget())

    assert failed.value.code == "port_closed"


def test_names_of_the_owner(mailbox, graph, provider):
    graph.account(
        mailbox.login,
        aliases=("sales@example.com", "Zoe@Example.org"),
        principal="zoe@tenant.onmicrosoft.example",
    )

    identity = provider.identify()

    assert identity.email == mailbox.login
    assert set(identity.aliases) == {
        *("sales@example.com", "zoe@example.org", "zoe@tenant.onmicrosoft.example"),
    }
    assert identity.account_id == f"{mailbox.login}.tenant"


def test_personal_account_tells_fewer_names(mailbox, graph, provider):
    graph.account(mailbox.login, personal=True, aliases=("other@example.com",))

    identity = provider.identify()

    assert (identity.email, identity.aliases) == (mailbox.login, ())


def test_address_of_the_settings_is_no_name_of_the_account(mailbox):
    with mailbox.open(address="chef@example.com") as provider:
        identity = provider.identify()

    assert identity.email == mailbox.login and identity.aliases == ()


# --- one mail's own trouble -----------------------------------------------------------


@pytest.mark.parametrize(
    "status, code, kind",
    [
        (404, "ErrorItemNotFound", MessageGone),
        (400, "ErrorInvalidIdMalformed", MessageGone),
        (500, "ErrorInternalServerError", MessageBroken),
        (400, "ErrorInvalidProperty", MessageBroken),
    ],
)
def test_mail_that_cannot_be_had_fails_alone(
    mailbox, graph, provider, store, status, code, kind
):
    mails = _listed(mailbox, provider, store, 25)
    bad = mails[7][0]
    graph.fault(f"messages/{bad.ref}", status, code, times=None)

    for ask in (provider.facts, provider.fetch):
        answers = dict(ask(mails))
        assert len(answers) == 25
        failed = {p for p, a in answers.items() if isinstance(a, ProviderError)}
        assert failed == {bad} and isinstance(answers[bad], kind)
    answers = dict(provider.envelopes([place for place, _envelope in mails]))
    assert isinstance(answers[bad], kind)


def test_mail_that_failed_once_is_asked_for_by_itself(mailbox, graph, provider, store):
    mails = _listed(mailbox, provider, store, 3)
    graph.fault(f"messages/{mails[0][0].ref}", 500, "ErrorInternalServerError")
    graph.clear_requests()

    answers = dict(provider.facts(mails))

    assert not any(isinstance(a, ProviderError) for a in answers.values())
    assert len(graph.requests(inner=False)) == 2


def test_server_that_fails_for_all_is_no_mails_own_trouble(
    mailbox, graph, provider, store
):
    mails = _listed(mailbox, provider, store, 3)
    graph.fault("messages/AAk", 503, times=None)

    with pytest.raises(Unavailable):
        list(provider.facts(mails))


def test_mail_that_moved_is_not_at_its_place(mailbox, provider, store):
    mails = _listed(mailbox, provider, store, 2)
    mailbox.owner.move("INBOX", mails[0][0].ref, "Archive")

    answers = dict(provider.envelopes([place for place, _envelope in mails]))

    assert isinstance(answers[mails[0][0]], MessageGone)
    assert not isinstance(answers[mails[1][0]], ProviderError)


def test_attachment_that_is_gone(mailbox, provider, store):
    ((place, _envelope),) = _listed(mailbox, provider, store, 1)

    with pytest.raises(MessageGone):
        list(provider.attachment(place, "AAkALgNoSuchThing"))
    with pytest.raises(MessageGone):
        list(provider.attachment(Place("x", "", "AAkALgNoSuch"), "AAkALg"))


def test_id_that_leads_out_of_its_place(mailbox, graph, provider):
    """Refs come from the database; quoted, they stay one step of a path."""
    graph.clear_requests()
    for ref in ("../../me", "a?$select=body", "x#y", "a/b"):
        with pytest.raises(ProviderError):
            list(provider.attachment(Place("x", "", ref), ref))

    for line in graph.requests():
        assert line.startswith("GET /v1.0/me/messages/") and line.endswith("/$value")
        assert len(line.split("/")) == 8


def test_search_for_odd_words(mailbox, graph, provider, store):
    mailbox.owner.append("INBOX", letter(1, subject="O'Neil said: yes"))
    store.sync(provider)

    for word in ('"', "'", '") OR (subject:"a', "\\", "", "a" * 5_000, "()", "\u65e5"):
        list(provider.search(Query(subject_words=(word,))))
        list(provider.search(Query(message_ids=(word,))))
    (found,) = provider.search(Query(subject_words=("said",)))
    assert found in store.places
    (found,) = provider.search(Query(message_ids=("<1@letters.example>",)))
    assert found in store.places


# --- the network ----------------------------------------------------------------------


def _open(endpoint: str, ca_file: str = ""):
    settings = {
        **{"client_id": CLIENT_ID, "client_secret": "x", "endpoint": endpoint},
        **{"authority": "https://localhost:9/common", "ca_file": ca_file},
    }
    return open_mailbox("microsoft", settings, secret_of("a@example.com"))


def test_nobody_answers():
    with _open("https://localhost:9") as provider, pytest.raises(Unavailable) as failed:
        provider.folders()

    assert failed.value.code == "port_closed"


def test_endpoint_without_encryption_is_for_this_machine_alone():
    for endpoint in ("http://graph.example", "graph.microsoft.com", "", "ftp://x"):
        with pytest.raises(NotAllowed) as refused:
            _open(endpoint)
        assert refused.value.code == "login_over_plaintext"


def test_certificate_is_checked(tmp_path):
    with Graph(whoami, certificate_directory=tmp_path) as graph:
        with _open(graph.url) as provider, pytest.raises(Unavailable) as failed:
            provider.folders()
        assert failed.value.code == "certificate_untrusted"
        with _open(graph.url, graph.ca_file) as provider:
            assert provider.folders()
        other = graph.url.replace("localhost", "localhost.localdomain")
        with _open(other, graph.ca_file) as provider:
            with pytest.raises(Unavailable) as failed:
                provider.folders()
        assert failed.value.code in ("certificate_other_host", "host_unknown")


class _Slow(BaseHTTPRequestHandler):
    """Drips, a byte in a while, or says nothing at all."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.drips:
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            for _ in range(100_000):
                if self.server.over.wait(0.0005):
                    return
                self.wfile.write(b" ")
        self.server.over.wait(30)

    def log_message(self, *_args):
        """Nothing."""


@pytest.mark.parametrize("drips", [True, False])
def test_server_that_takes_its_time(drips, monkeypatch, tmp_path):
    monkeypatch.setattr(web, "READ", 0.4)
    monkeypatch.setattr(web, "WHOLE", 0.6)
    made = certificates.issue(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads, server.drips = True, drips
    server.over = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"https://localhost:{server.server_address[1]}"
        with _open(url, str(made.ca)) as provider:
            with pytest.raises(Unavailable) as failed:
                provider.folders()
        assert failed.value.code == "timeout"
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()


def test_password_of_a_netrc_goes_nowhere(mailbox, graph, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    with mailbox.open() as provider:
        provider.folders()

    assert {
        e.headers["authorization"]
        for e in graph.log
        if e.email == mailbox.login and not e.inner
    } == {f"Bearer token of {mailbox.login}"}


# --- discretion -----------------------------------------------------------------------


def test_no_mail_and_no_token_is_logged_or_said(
    mailbox, graph, provider, store, caplog
):
    caplog.set_level(logging.DEBUG)
    logging.getLogger().debug("the log listens")
    mailbox.owner.append(
        "INBOX", letter(1, "marker-body", subject="marker-subject", attachment=b"x")
    )
    said = []
    mails = [(p.place, p.envelope) for b in store.sync(provider) for p in b.present]
    mails = list(provider.facts(mails))
    list(provider.fetch(mails))
    list(provider.search(Query(addresses=("ann@customer.example",))))
    for status in (400, 403, 404, 429, 500, 503):
        text = f"marker-error {mailbox.login} token of {mailbox.login}"
        body = json.dumps({"error": {"code": "E", "message": text}})
        graph.fault("batch", status, body=body, retry_after=9)
        with mailbox.open() as failing, pytest.raises(ProviderError) as failed:
            failing.pull(store.cursor, None, Budget())
        said.append(f"{failed.value!r} {failed.value} {failed.value.detail}")

    said = caplog.text + repr([r.args for r in caplog.records]) + "".join(said)
    assert "the log listens" in said
    for secret in ("marker", "token of", "customer.example", mails[0][0].ref):
        assert secret not in said
    assert not [r for r in caplog.records if r.name.startswith(("urllib3", "msal"))]


def _listed(mailbox, provider, store, count) -> list:
    for number in range(count):
        mailbox.owner.append("INBOX", letter(number))
    return [(p.place, p.envelope) for b in store.sync(provider) for p in b.present]
