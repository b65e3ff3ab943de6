# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""HTTP as the providers use it: trust, bounds, and servers that misbehave."""

import base64
import contextlib
import gzip
import http.server
import os
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
from engine.providers import consent, open_mailbox
from engine.providers.base import Budget, NotAllowed, Unavailable
from engine.providers.web import TooBig, Web

from tests.peers.certificates import issue
from tests.providers.letters import letter


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.server.answer(self)

    do_POST = do_GET

    def log_message(self, *args):
        pass

    def reply(self, content=b"{}", status=200, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)


@contextlib.contextmanager
def serving(answer, certificates=None):
    """A server on this machine. :param answer: called with each request"""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answer, server.daemon_threads = answer, True
    if certificates:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    scheme = "https" if certificates else "http"
    try:
        yield f"{scheme}://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def web():
    opened = Web()
    yield opened
    opened.close()


def code_of(web, url) -> str:
    with pytest.raises(Unavailable) as said:
        web.send("GET", url)
    return said.value.code


# --- trust ---------------------------------------------------------------------------


def test_further_authority_is_trusted(tmp_path):
    mine = issue(tmp_path)

    with serving(lambda request: request.reply(b"hello"), mine) as url:
        assert Web(str(mine.ca)).send("GET", url).content == b"hello"
        assert code_of(Web(), url) == "certificate_untrusted"


def test_certificate_of_another_host(tmp_path):
    other = issue(tmp_path, ["elsewhere.example"])

    with serving(lambda request: request.reply(), other) as url:
        assert code_of(Web(str(other.ca)), url) == "certificate_other_host"


def test_no_tls_where_there_should_be(web):
    with serving(lambda request: request.reply()) as url:
        assert code_of(web, url.replace("http:", "https:")) == "tls_failed"


def test_authorities_that_cannot_be_read(tmp_path):
    (tmp_path / "empty.pem").write_text("nothing")

    for path in (tmp_path / "empty.pem", tmp_path / "missing.pem"):
        with pytest.raises(Unavailable) as said:
            Web(str(path))
        assert said.value.code == "certificate_untrusted"


def test_tokens_and_mail_trust_the_same(tmp_path):
    """Both go to the configured hosts over TLS, and to nobody else."""
    mine = issue(tmp_path)
    asked = []

    def answer(request):
        asked.append(request.path.partition("?")[0])
        if "token" in request.path:
            request.reply(b'{"access_token": "new", "expires_in": 3599}')
        elif "labels" in request.path:
            request.reply(b'{"labels": [{"id": "INBOX", "type": "system"}]}')
        else:
            assert request.headers["Authorization"] == "Bearer new"
            request.reply(b'{"emailAddress": "a@b.example", "historyId": "7"}')

    with serving(answer, mine) as url:
        settings = {
            "client_id": "id",
            "client_secret": "secret",
            "endpoint": url,
            "token_uri": f"{url}/token",
            "ca_file": str(mine.ca),
        }
        with open_mailbox("gmail", settings, '{"refresh_token": "r"}') as provider:
            batch = provider.pull(None, None, Budget())

    assert batch.cursor["history"] == "7"
    assert asked == [
        "/token",
        "/gmail/v1/users/me/profile",
        "/gmail/v1/users/me/labels",
        "/gmail/v1/users/me/messages",
    ]


# --- bounds --------------------------------------------------------------------------


def test_endless_answer_is_broken_off(web, monkeypatch):
    monkeypatch.setattr("engine.providers.web.MAX_ANSWER", 300_000)

    def answer(request):
        with contextlib.suppress(OSError):
            request.reply(b"x" * 5_000_000)

    with serving(answer) as url, pytest.raises(TooBig):
        web.send("GET", url)
    assert web.traffic.received < 2_000_000


def test_small_answer_that_unfolds_is_broken_off(web, monkeypatch):
    monkeypatch.setattr("engine.providers.web.MAX_ANSWER", 1_000_000)
    bomb = gzip.compress(b"x" * 50_000_000)

    def answer(request):
        with contextlib.suppress(OSError):
            request.reply(bomb, Content_Encoding="gzip")

    with serving(answer) as url, pytest.raises(TooBig):
        web.send("GET", url)


def test_silent_server_is_not_waited_for_long(web, monkeypatch):
    monkeypatch.setattr("engine.providers.web.READ", 0.3)
    monkeypatch.setattr("engine.providers.web.CONNECT", 0.3)
    listener = socket.create_server(("127.0.0.1", 0))
    began = time.monotonic()

    assert code_of(web, f"http://localhost:{listener.getsockname()[1]}") == "timeout"

    listener.close()
    assert time.monotonic() - began < 3


def test_answer_that_drips_is_not_waited_for_for_ever(web, monkeypatch):
    monkeypatch.setattr("engine.providers.web.WHOLE", 0.5)
    over = threading.Event()

    def answer(request):
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        with contextlib.suppress(OSError):
            while not over.wait(0.02):
                request.wfile.write(b"x")

    began = time.monotonic()
    with serving(answer) as url:
        assert code_of(web, url) == "timeout"
        over.set()

    assert time.monotonic() - began < 5


def test_redirects_are_not_followed(web):
    """Nor is the token sent to where one points."""
    asked = []

    def answer(request):
        asked.append(request.path)
        request.reply(b"", 302, Location="/login")

    with serving(answer) as url:
        assert web.send("GET", url + "/mail").status == 302

    assert asked == ["/mail"]


def test_passwords_of_netrc_are_not_sent(web, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login me password mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    seen = []

    def answer(request):
        seen.append(request.headers["Authorization"])
        request.reply()

    with serving(answer) as url:
        web.send("GET", url, headers={"authorization": "Bearer token"})

    assert seen == ["Bearer token"]


def test_hung_up_without_a_word_is_asked_once_more(web):
    asked = []

    def answer(request):
        asked.append(request.path)
        if len(asked) == 1:
            request.close_connection = True
        else:
            request.reply(b"hello")

    with serving(answer) as url:
        assert web.send("GET", url).content == b"hello"
    assert len(asked) == 2


def test_hung_up_always_is_told(web):
    def answer(request):
        request.close_connection = True

    with serving(answer) as url:
        assert code_of(web, url) == "connection_lost"


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 1_000_003])
@pytest.mark.parametrize("piece", [1_000, 65_536, 10**9])
def test_compressed_answers_of_any_size(web, size, piece):
    content = (b"some text that is compressed well %d" % size * size)[:size]
    packed = gzip.compress(content)

    def answer(request):
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for start in range(0, len(packed), piece):
            chunk = packed[start : start + piece]
            request.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        request.wfile.write(b"0\r\n\r\n")

    with serving(answer) as url:
        assert web.send("GET", url).content == content
        with web.open("GET", url) as incoming:
            assert all(incoming.pieces(10**9, 9.0))  # an empty piece would be an end


def test_compression_that_breaks_off_is_no_answer(web):
    packed = gzip.compress(bytes(range(256)) * 100)[:-9]

    with serving(lambda request: request.reply(packed, Content_Encoding="gzip")) as url:
        assert code_of(web, url) == "connection_lost"


def test_garbled_compression_is_garbage(web):
    def answer(request):
        request.reply(b"this is no gzip", Content_Encoding="gzip")

    with serving(answer) as url:
        assert code_of(web, url) == "garbage"


def test_answer_in_chunks_of_any_size(web):
    """RFC 9112 section 7.1"""
    content = bytes(range(256)) * 700

    def answer(request):
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for start in range(0, len(content), 999):
            chunk = content[start : start + 999]
            request.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        request.wfile.write(b"0\r\n\r\n")

    with serving(answer) as url:
        assert web.send("GET", url).content == content
        assert web.send("GET", url).content == content


@pytest.mark.parametrize("chunked", [True, False])
def test_answer_that_breaks_off_is_no_answer(web, chunked):
    def answer(request):
        request.send_response(200)
        if chunked:
            request.send_header("Transfer-Encoding", "chunked")
        else:
            request.send_header("Content-Length", "5000")
        request.end_headers()
        request.wfile.write(b"1000\r\n" if chunked else b"")
        request.wfile.write(b"x" * 100)
        request.close_connection = True

    with serving(answer) as url:
        assert code_of(web, url) == "connection_lost"


def test_connection_is_used_again_and_no_answer_is_taken_for_the_next(web, monkeypatch):
    monkeypatch.setattr("engine.providers.web.MAX_ANSWER", 100_000)
    ports = []

    def answer(request):
        ports.append(request.client_address[1])
        with contextlib.suppress(OSError):
            size = 5_000_000 if "big" in request.path else 10
            request.reply(request.path[-1:].encode() * size)

    with serving(answer) as url:
        for number in range(3):
            assert web.send("GET", f"{url}/{number}").content == b"%d" % number * 10
        with pytest.raises(TooBig):
            web.send("GET", f"{url}/big")
        assert web.send("GET", f"{url}/7").content == b"7" * 10

    assert len(set(ports[:4])) == 1 and ports[4] != ports[3]


def test_answer_without_content(web):
    with serving(lambda request: request.reply(b"", 204)) as url:
        assert web.send("GET", url).content == b""
        assert web.send("GET", url).status == 204


def test_bytes_are_counted_as_they_come_over_the_wire(web):
    packed = gzip.compress(b"x" * 100_000)

    with serving(lambda request: request.reply(packed, Content_Encoding="gzip")) as url:
        assert len(web.send("GET", url).content) == 100_000

    assert web.traffic.received == len(packed)
    assert web.traffic.commands == 1


@pytest.mark.parametrize("url", ["http://", "gopher://x", "nonsense", "http://[::1"])
def test_addresses_that_are_none(web, url):
    assert code_of(web, url) in ("host_unknown", "connection_lost")


# --- what connections share ----------------------------------------------------------


def test_mailboxes_are_read_at_once_in_threads(google):
    """What Google's library made once serves all, each over its own connection."""
    logins = [f"thread{number}@example.com" for number in range(4)]
    found = {}

    def read(login: str, settings: dict, secret: str):
        with open_mailbox("gmail", settings, secret) as provider:
            for _ in range(5):
                batch = provider.pull(None, None, Budget())
                places = [presence.place for presence in batch.present]
                found[login] = {
                    answer.envelope.subject for _p, answer in provider.envelopes(places)
                }

    threads = []
    for login in logins:
        google.add_user(login)
        with google.user(login) as owner:
            for number in range(12):
                owner.append("INBOX", letter(number, subject=f"{login} {number}"))
        settings = {**google.settings(login), "units_per_minute": 10**8}
        arguments = (login, settings, google.secret(login))
        threads.append(threading.Thread(target=read, args=arguments))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert found == {
        login: {f"{login} {number}" for number in range(12)} for login in logins
    }


def test_libraries_are_loaded_only_where_a_mailbox_is_opened():
    heavy = "{'googleapiclient', 'google.auth', 'httplib2', 'requests'}"
    looked = f"import sys; assert not {heavy} & set(sys.modules), sys.modules"

    subprocess.run(
        [
            sys.executable,
            "-c",
            f"import engine.providers.consent, engine.reader; {looked}",
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    )


# --- Google's page with an error -----------------------------------------------------


@pytest.mark.parametrize(
    "error, code",
    [
        ("redirect_uri_mismatch", "redirect_refused"),
        ("deleted_client", "client_refused"),
        ("", None),
    ],
)
def test_error_that_google_redirects_to(error, code):
    """accounts.google.com sends browsers to a page whose address holds the error."""
    packed = base64.urlsafe_b64encode(f"\n\x15{error}\x12\xb0".encode("latin-1"))

    def answer(request):
        if request.command == "POST":
            request.reply(b'{"error": "invalid_grant"}', 400)
        elif error:
            place = f"/signin/oauth/error?authError={packed.decode().rstrip('=')}"
            request.reply(b"", 302, Location=place)
        else:
            request.reply(b"", 302, Location="/v3/signin/identifier?continue=x")

    with serving(answer) as url:
        settings = {
            "client_id": "id",
            "client_secret": "secret",
            "auth_uri": f"{url}/auth",
            "token_uri": f"{url}/token",
        }
        if code is None:
            consent.test("gmail", settings, "http://localhost/callback")
            return
        with pytest.raises(NotAllowed) as said:
            consent.test("gmail", settings, "http://localhost/callback")

    assert said.value.code == code
