# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Servers and mails that misbehave: each has a code, nothing is lost, nothing hangs."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime

import pytest
from engine.envelope import Envelope
from engine.identity import mail_key
from engine.providers import imap
from engine.providers.base import (
    Budget,
    Cut,
    LoginRequired,
    MessageBroken,
    NotAllowed,
    Query,
    Throttled,
    Unavailable,
)
from engine.providers.imap_wire import Timeouts

from tests.peers import hostile
from tests.peers.hostile import Hostile, answer
from tests.providers.conftest import LOOPBACK
from tests.providers.letters import letter
from tests.providers.store import Store

QUICK = Timeouts(connect=1.0, read=1.0, command=2.0)


def open_(server, **settings):
    settings = {
        "host": "localhost",
        "port": server.port,
        "security": "none",
        "login": "alice@example.com",
        "allowed_hosts": LOOPBACK,
        "timeouts": QUICK,
        **settings,
    }
    return imap.connect(settings.pop("secret", "hush-hush"), **settings)


def mails(count: int) -> dict[int, bytes]:
    return {
        uid: f"From: a@b.example\r\nMessage-ID: <{uid}@x>\r\n\r\n".encode()
        for uid in range(1, count + 1)
    }


# --- to get in -----------------------------------------------------------------------


def test_wrong_host(monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    for host in ("imap.nowhere.example", "", "a b", "x" * 300, "h\u00f6st..example"):
        with pytest.raises(Unavailable) as caught:
            imap.connect("s", host=host, login="a")
        assert caught.value.code == "host_unknown"


def test_name_lookup_that_hangs(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: time.sleep(5) or [])

    with pytest.raises(Unavailable) as caught:
        imap.connect("s", host="imap.slow.example", login="a", timeouts=QUICK)
    assert caught.value.code == "timeout"


def test_wrong_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(Unavailable) as caught:
        imap.connect(
            "s", host="localhost", port=port, login="a", allowed_hosts=LOOPBACK
        )
    assert caught.value.code == "port_closed"


@pytest.mark.parametrize(
    ("script", "error", "code"),
    [
        (answer("* NO [ALERT] x\r\n"), Unavailable, "not_imap"),
        (answer("SSH-2.0-OpenSSH_9.2\r\n"), Unavailable, "not_imap"),
        (answer("220 mail.example ESMTP\r\n"), Unavailable, "not_imap"),
        (answer("HTTP/1.1 400 Bad Request\r\n\r\n"), Unavailable, "not_imap"),
        (answer("* PREAUTH hello\r\n"), Unavailable, "not_imap"),
        (answer("* BYE too many connections\r\n"), Throttled, "throttled"),
        (hostile.garbage, Unavailable, "not_imap"),
        (hostile.flood, Unavailable, "not_imap"),
        (hostile.close, Unavailable, "connection_lost"),
        (hostile.hang, Unavailable, "timeout"),
        (hostile.drip, Unavailable, "timeout"),
    ],
)
def test_greeting(script, error, code):
    with Hostile({"GREETING": script}) as server:
        begun = time.monotonic()
        with pytest.raises(error) as caught:
            open_(server)

    assert caught.value.code == code
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize(
    ("text", "error", "code"),
    [
        ("{tag} NO [AUTHENTICATIONFAILED] no\r\n", LoginRequired, "wrong_password"),
        ("{tag} NO LOGIN failed.\r\n", LoginRequired, "wrong_password"),
        (
            "{tag} NO [ALERT] Application-specific password required: "
            "https://support.google.com/accounts/answer/185833 (Failure)\r\n",
            LoginRequired,
            "app_password_needed",
        ),
        (
            "* BYE [ALERT] Please use an app password\r\n",
            LoginRequired,
            "app_password_needed",
        ),
        ("{tag} NO [UNAVAILABLE] later\r\n", Unavailable, "server_error"),
        ("{tag} NO [LIMIT] Too many connections\r\n", Throttled, "throttled"),
        ("{tag} NO Too many simultaneous connections\r\n", Throttled, "throttled"),
        ("{tag} NO [PRIVACYREQUIRED] tls\r\n", NotAllowed, "login_over_plaintext"),
        ("{tag} BAD what\r\n", Unavailable, "server_error"),
        ("* BYE going down\r\n", Unavailable, "connection_lost"),
    ],
)
def test_login_refused(text, error, code):
    with Hostile({"LOGIN": answer(text)}) as server:
        with pytest.raises(error) as caught:
            open_(server)

    assert caught.value.code == code
    assert "hush" not in repr(caught.value) + str(caught.value.__context__ or "")


def test_login_disabled_sends_no_password():
    with Hostile(capabilities="IMAP4rev1 LOGINDISABLED") as server:
        with pytest.raises(NotAllowed) as caught:
            open_(server)

    assert caught.value.code == "login_over_plaintext"
    assert not any("hush" in line for line in server.lines)


def test_starttls_not_offered_or_refused():
    with Hostile() as server:
        with pytest.raises(Unavailable) as caught:
            open_(server, security="starttls")
    assert caught.value.code == "starttls_refused"

    with Hostile(
        {"STARTTLS": answer("{tag} NO not now\r\n")}, capabilities="IMAP4rev1 STARTTLS"
    ) as server:
        with pytest.raises(Unavailable) as caught:
            open_(server, security="starttls")
    assert caught.value.code == "starttls_refused"
    assert not any("hush" in line for line in server.lines)


def test_words_slipped_in_before_tls_are_not_believed():
    with Hostile(
        {"STARTTLS": answer("{tag} OK go\r\n* CAPABILITY IMAP4rev1 EVIL\r\n")},
        capabilities="IMAP4rev1 STARTTLS",
    ) as server:
        with pytest.raises(Unavailable) as caught:
            open_(server, security="starttls")
    assert caught.value.code == "tls_failed"


def test_plain_server_on_the_tls_port():
    with Hostile() as server:
        with pytest.raises(Unavailable) as caught:
            open_(server, security="tls")
    assert caught.value.code == "tls_failed"


# --- while it runs -------------------------------------------------------------------

EVERY_COMMAND = ["CAPABILITY", "LIST", "STATUS", "EXAMINE", "UID SEARCH", "UID FETCH"]


@pytest.mark.parametrize("verb", EVERY_COMMAND)
@pytest.mark.parametrize(
    ("script", "codes"),
    [
        (hostile.hang, {"timeout"}),
        (hostile.close, {"connection_lost"}),
        (hostile.bye, {"connection_lost", "server_error", "not_imap"}),
        (hostile.garbage, {"garbage", "not_imap", "connection_lost"}),
        (hostile.two_gigabytes, {"garbage", "not_imap", "connection_lost"}),
        (answer("{tag} BAD never\r\n"), {"server_error", "not_imap"}),
        (answer("{tag} NO [LIMIT] too much\r\n"), {"throttled", "not_imap"}),
    ],
    ids=["hang", "close", "bye", "garbage", "2GB", "BAD", "LIMIT"],
)
def test_misbehaviour_at_each_command_moves_no_cursor(verb, script, codes):
    with Hostile() as server:
        store = Store()
        with open_(server) as provider:
            store.sync(provider)
        cursor = store.cursor
        server.mails = mails(3)
        server.scripts[verb] = script

        begun = time.monotonic()
        with pytest.raises((Unavailable, Throttled)) as caught:
            with open_(server) as provider:
                provider.pull(store.cursor, None, Budget())
        assert caught.value.code in codes | {"server_error"}, caught.value
        assert time.monotonic() - begun < 15
        assert store.cursor == cursor

        del server.scripts[verb]
        with open_(server) as provider:
            store.sync(provider)
        assert len(store.places) == 3


@pytest.mark.parametrize("script", [hostile.drip, hostile.chatter, hostile.flood])
def test_endless_answer_ends(script):
    with Hostile({"LIST": script}) as server:
        begun = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            with open_(server) as provider:
                provider.pull(None, None, Budget())

    assert caught.value.code in ("timeout", "garbage")
    assert time.monotonic() - begun < 15


def test_folder_list_without_inbox_deletes_nothing():
    with Hostile() as server:
        store = Store()
        with open_(server) as provider:
            store.sync(provider)
        server.scripts["LIST"] = answer("{tag} OK nothing here\r\n")

        with pytest.raises(Unavailable):
            with open_(server) as provider:
                provider.pull(store.cursor, None, Budget())


def test_answer_that_comes_too_late_is_not_heard():
    def late(client, tag, line):
        if "DELETED" not in line:
            client.server._uid_search(client, tag, line)
            return
        del client.server.scripts["UID SEARCH"]
        time.sleep(QUICK.read + 0.5)
        client.send(f"* SEARCH 1 2 3\r\n{tag} OK done\r\n")

    with Hostile(mails=mails(3)) as server:
        store = Store()
        with open_(server) as provider:
            store.sync(provider)
            server.mails[4] = mails(4)[4]
            server.scripts["UID SEARCH"] = late
            batch = provider.pull(store.cursor, None, Budget())
            assert batch.more and not batch.pass_complete
            store.apply(batch)
            time.sleep(0.6)
            store.sync(provider, passes=2)

    assert len(store.places) == 4
    assert server.connections == 2


def test_partial_list_is_not_taken_for_a_full_one():
    with Hostile(mails=mails(9)) as server:
        store = Store()
        with open_(server) as provider:
            store.sync(provider)
        del server.mails[5]
        server.scripts["UID SEARCH"] = answer("* SEARCH 1 2\r\n{tag} OK done\r\n")

        with pytest.raises(Unavailable) as caught:
            with open_(server) as provider:
                provider.pull(store.cursor, None, Budget())

    assert caught.value.code == "garbage"
    assert len(store.places) == 9


@pytest.mark.parametrize("first", ["LIST", "NAMESPACE"])
def test_folders_of_others_are_none_of_the_mailbox(first):
    """Whichever of the two is answered first (RFC 3501 section 5.5)."""
    held = []

    def list_(client, tag, line):
        told = f'* LIST () "/" INBOX\r\n* LIST () "/" Shared/x\r\n{tag} OK done\r\n'
        held.append(told) if first == "NAMESPACE" else client.send(told)

    def namespace(client, tag, line):
        mine_and_shared = '(("" "/")) NIL (("Shared/" "/"))'
        told = f"* NAMESPACE {mine_and_shared}\r\n{tag} OK done\r\n"
        client.send(told + "".join(held))

    scripts = {"LIST": list_, "NAMESPACE": namespace}
    with Hostile(scripts, capabilities="IMAP4rev1 NAMESPACE") as server:
        with open_(server) as provider:
            batch = provider.pull(None, None, Budget())

    assert [folder.name for folder in batch.folders] == ["INBOX"]


@pytest.mark.parametrize("refused", ["LIST", "NAMESPACE"])
def test_folders_that_are_refused_are_none_that_went(refused):
    scripts = {refused: answer("{tag} NO not now\r\n")}
    with Hostile(scripts, capabilities="IMAP4rev1 NAMESPACE") as server:
        with open_(server) as provider, pytest.raises(Unavailable) as caught:
            provider.pull(None, None, Budget())
    assert caught.value.code == "server_error"


def mute(client, tag, line):
    """Passed over in silence."""


def alone(verb, otherwise):
    """This command is answered where nothing else is under way."""
    seen = []

    def script(client, tag, line):
        seen.append(line)
        if len(seen) > 1:
            told = (
                '* LIST () "/" INBOX' if verb == "LIST" else "* NAMESPACE NIL NIL NIL"
            )
            client.send(f"{told}\r\n{tag} OK done\r\n")
        else:
            otherwise(client, tag, line)

    return {verb: script}


@pytest.mark.parametrize("verb", ["LIST", "NAMESPACE"])
@pytest.mark.parametrize(
    ("otherwise", "connections"),
    [(answer("{tag} BAD one at a time\r\n"), 1), (hostile.close, 2), (mute, 2)],
    ids=["BAD", "close", "mute"],
)
def test_server_that_does_not_bear_two_commands_at_once(verb, otherwise, connections):
    scripts = alone(verb, otherwise)
    with Hostile(scripts, capabilities="IMAP4rev1 NAMESPACE") as server:
        with open_(server) as provider:
            batch = provider.pull(None, None, Budget())

    assert [folder.name for folder in batch.folders] == ["INBOX"]
    assert server.connections == connections


def test_uidnext_going_back_lists_again():
    with Hostile(mails=mails(9)) as server:
        store = Store()
        with open_(server) as provider:
            store.sync(provider)
        server.mails = {2: b"Message-ID: <new@x>\r\n\r\n"}

        with open_(server) as provider:
            store.sync(provider)

    assert store.truth == {("INBOX", "0000000002", "<new@x>")}


@pytest.mark.parametrize("ask", ["envelopes", "facts", "fetch"])
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{tag} NO [LIMIT] too many connections\r\n", Throttled),
        ("{tag} NO Too many simultaneous connections\r\n", Throttled),
        ("{tag} BAD what\r\n", Unavailable),
    ],
)
def test_busy_server_does_not_make_mail_gone(ask, text, error):
    with Hostile() as server:
        with open_(server) as provider:
            (batch,) = Store().sync(provider)
        server.scripts["EXAMINE"] = answer(text)
        place = batch.present[0].place
        asked = [place] if ask == "envelopes" else [(place, Envelope())]

        with open_(server) as provider, pytest.raises(error):
            list(getattr(provider, ask)(asked))


@pytest.mark.parametrize(
    "refusal",
    [
        "{tag} NO [BADCHARSET (US-ASCII)] what\r\n",
        "{tag} NO Unknown character set\r\n",
        "{tag} NO unsupported charset\r\n",
        "{tag} BAD invalid argument\r\n",
    ],
)
def test_words_that_a_server_cannot_search_for_are_not_taken_for_searched(refusal):
    def ascii_only(client, tag, line):
        if "CHARSET" in line.upper():
            client.send(refusal.replace("{tag}", tag))
        else:
            client.server._uid_search(client, tag, line)

    with Hostile({"UID SEARCH": ascii_only}) as server, open_(server) as provider:
        unsure = provider.search(Query(subject_words=("priv\u00e9", "prive")))
        sure = provider.search(Query(subject_words=("prive",)))

    assert isinstance(unsure, Cut) and unsure.for_good
    assert len(unsure) == len(sure) == 1, "what it can search for is found"
    assert not isinstance(sure, Cut)


def test_server_that_is_busy_while_it_searches_for_a_word_is_asked_again():
    busy = answer("{tag} NO [LIMIT] too many\r\n")
    with Hostile({"UID SEARCH": busy}) as server, open_(server) as provider:
        with pytest.raises(Throttled):
            provider.search(Query(subject_words=("priv\u00e9",)))


def test_search_of_a_busy_server_is_not_empty():
    with Hostile({"EXAMINE": answer("{tag} NO [LIMIT] too many\r\n")}) as server:
        with open_(server) as provider, pytest.raises(Throttled):
            provider.search(Query(addresses=("a@b.example",)))


@pytest.mark.parametrize("code", ["[UNAVAILABLE]", "[NOPERM]", "[NONEXISTENT]", ""])
def test_folder_that_does_not_open_makes_no_mail_gone(code):
    with Hostile() as server:
        with open_(server) as provider:
            (batch,) = Store().sync(provider)
        server.scripts["EXAMINE"] = answer(f"{{tag}} NO {code} not now\r\n")
        place = batch.present[0].place

        with open_(server) as provider:
            (queued,) = dict(provider.envelopes([place])).values()
        for ask in ("facts", "fetch"):
            with open_(server) as provider, pytest.raises(Unavailable):
                list(getattr(provider, ask)([(place, Envelope())]))

    assert isinstance(queued, MessageBroken)


# --- one bad mail among good ones ----------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        answer("{tag} NO [UNAVAILABLE] cannot read it\r\n"),
        hostile.garbage,
        hostile.close,
        hostile.two_gigabytes,
        answer(
            "* 4 FETCH (UID 4 FLAGS () BODY[HEADER] {3}\r\nabc oops\r\n{tag} OK x\r\n"
        ),
        answer("{tag} OK and not a word about it\r\n"),
    ],
    ids=["UNAVAILABLE", "garbage", "close", "2GB", "unparsable", "silent"],
)
def test_bad_mail_is_set_aside_alone(script):
    with Hostile(mails=mails(12), poison={4: script}) as server:
        store = Store()
        with open_(server) as provider:
            (batch,) = store.sync(provider)
            bad = next(p for p in batch.present if int(p.place.ref) == 4)
            good = [p for p in batch.present if p is not bad]
            ((_place, fact),) = provider.facts([(bad.place, bad.envelope)])
            texts = [
                b for _p, b in provider.fetch([(p.place, p.envelope) for p in good])
            ]

    assert len(good) == 11
    assert all(p.envelope.message_id for p in good)
    assert bad.envelope.headers is None and bad.envelope.parts is None
    assert isinstance(fact, MessageBroken)
    assert [body.text for body in texts] == ["hello"] * 11


UNDATED = (
    '* {n} FETCH (UID {n} FLAGS () INTERNALDATE "never" RFC822.SIZE 9 '
    'BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 7 1) '
    "BODY[HEADER.FIELDS (DATE)]<0> {{{size}}}\r\n{header})\r\n"
)


def undated(*headers: str):
    """Answers with mail without an INTERNALDATE that can be read."""
    told = "".join(
        UNDATED.format(n=number, size=len(header), header=header)
        for number, header in enumerate(headers, 1)
    )
    return answer(f"{told}{{tag}} OK done\r\n")


def test_mail_without_internaldate_is_the_same_when_listed_again():
    headers = (
        "Date: Thu, 01 Jan 2026 10:00:00 +0200\r\nMessage-ID: <1@x>\r\n\r\n",
        "Message-ID: <2@x>\r\n\r\n",
        "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nMessage-ID: <3@x>\r\n\r\n",
    )
    with Hostile({"UID FETCH": undated(*headers)}, mails=mails(3)) as server:
        listings = []
        for _ in range(2):
            with open_(server) as provider:
                (batch,) = Store().sync(provider)
            listings.append({mail_key(p): p.received_at for p in batch.present})
            time.sleep(1.1)

    assert listings[0] == listings[1]
    first, *others = sorted(listings[0].values())
    assert first == datetime(2026, 1, 1, 8, tzinfo=UTC)
    # before no start of a mirror: else it would leave no row
    assert all(moment > datetime.now(UTC) for moment in others)


def test_server_that_tells_of_a_time_before_there_was_mail_tells_of_old_mail():
    """As its SEARCH SINCE does, by which the mail is listed."""
    old = UNDATED.replace("never", "01-Jan-0623 00:00:00 +0000")
    header = "Date: Thu, 01 Jan 2026 10:00:00 +0200\r\nMessage-ID: <1@x>\r\n\r\n"
    told = old.format(n=1, size=len(header), header=header)
    script = {"UID FETCH": answer(f"{told}{{tag}} OK done\r\n")}
    with Hostile(script, mails=mails(1)) as server, open_(server) as provider:
        (batch,) = Store().sync(provider)

    (presence,) = batch.present
    assert presence.received_at == datetime(1980, 1, 1, tzinfo=UTC)


def hang_on(what: str):
    """Say nothing more when this is asked for, else just the flags and the like."""

    def script(client, tag, line):
        if what in line:
            hostile.hang(client, tag, line)
        else:
            date = 'INTERNALDATE "01-Jan-2026 10:00:00 +0000"'
            client.send(f"* 4 FETCH (UID 4 FLAGS () {date} RFC822.SIZE 9)\r\n")
            client.send(f"{tag} OK done\r\n")

    return script


def test_mail_that_hangs_is_set_aside_when_it_is_asked_for_alone():
    with Hostile(mails=mails(5), poison={4: hang_on("HEADER")}) as server:
        with open_(server) as provider, pytest.raises(Unavailable) as caught:
            provider.pull(None, None, Budget())
        assert caught.value.code == "timeout"
        store = Store()
        with open_(server) as provider:
            batches = store.sync(provider, Budget(mails=1))

    told = {int(p.place.ref): p.envelope for b in batches for p in b.present}
    assert sorted(told) == [1, 2, 3, 4, 5]
    assert [uid for uid in told if told[uid].headers is None] == [4]


def test_text_that_hangs_is_set_aside_when_it_is_asked_for_alone():
    with Hostile(mails=mails(3)) as server:
        with open_(server) as provider:
            (batch,) = Store().sync(provider)
        server.poison = {2: hostile.hang, 1: hostile.hang}
        asked = {int(p.place.ref): [(p.place, p.envelope)] for p in batch.present}

        with open_(server) as provider:
            (alone,) = dict(provider.fetch(asked[2])).values()
        with open_(server) as provider, pytest.raises(Unavailable) as caught:
            list(provider.fetch(asked[2] + asked[1]))

    assert isinstance(alone, MessageBroken)
    assert caught.value.code == "timeout"


def test_text_the_server_refuses_is_one_broken_mail():
    with Hostile(mails=mails(8)) as server:
        store = Store()
        with open_(server) as provider:
            (batch,) = store.sync(provider)
            server.poison[3] = answer("{tag} NO [UNAVAILABLE] not now\r\n")
            answers = dict(
                provider.fetch([(p.place, p.envelope) for p in batch.present])
            )

    broken = [
        place for place, body in answers.items() if isinstance(body, MessageBroken)
    ]
    assert [int(place.ref) for place in broken] == [3]
    assert len(answers) == 8


def test_server_that_refuses_every_mail_is_ill_not_the_mails():
    with Hostile(
        {"UID FETCH": answer("{tag} NO [SERVERBUG] oops\r\n")}, mails=mails(60)
    ) as server:
        with pytest.raises(Unavailable) as caught:
            with open_(server) as provider:
                provider.pull(None, None, Budget())

    assert caught.value.code == "server_error"


def test_headers_without_end_are_read_as_far_as_they_matter():
    """Of a server that sends them all: Dovecot itself cuts a field that is so long."""
    header = (
        b"From: a@b.example\r\nMessage-ID: <1@x>\r\nTo: " + b"p@x.example, " * 10**6
    )
    with Hostile(mails={**mails(2), 1: header}) as server:
        with open_(server) as provider:
            (batch,) = Store().sync(provider)

    assert [p.envelope.message_id for p in batch.present] == ["<2@x>", "<1@x>"]
    assert provider.traffic.received < 400_000


def test_forty_megabytes_of_headers(mailbox_on_dovecot):
    mailbox = mailbox_on_dovecot
    lines = b"".join(b"X-Filler-%d: %s\r\n" % (n, b"y" * 900) for n in range(20_000))
    to = b"To: " + b",\r\n ".join(b"p%d@x.example" % n for n in range(1_200_000))
    mailbox.owner.append("INBOX", b"From: a@b.example\r\n" + lines + to + b"\r\n\r\nhi")
    mailbox.owner.append("INBOX", letter(2))
    store = Store()

    with mailbox.open() as provider:
        (batch,) = store.sync(provider)
        texts = dict(provider.fetch([(p.place, p.envelope) for p in batch.present]))

    assert len(batch.present) == 2
    assert provider.traffic.received < 400_000
    assert sorted(body.text for body in texts.values()) == ["hello", "hi"]


def test_five_thousand_recipients_are_kept(mailbox_on_dovecot):
    to = b",\r\n ".join(b"Person %d <p%d@many.example>" % (n, n) for n in range(5_000))
    raw = b"From: a@b.example\r\nTo: " + to + b"\r\nSubject: all\r\n\r\nhi\r\n"
    mailbox_on_dovecot.owner.append("INBOX", raw)

    with mailbox_on_dovecot.open() as provider:
        (batch,) = Store().sync(provider)

    assert len(batch.present[0].envelope.to) == 5_000


def test_broken_mime_and_unknown_charset(mailbox_on_dovecot):
    for raw in (
        b"Subject: =?nope?B?/w==?=\r\n"
        b"Content-Type: text/plain; charset=nope\r\n\r\n\xff",
        b'Content-Type: multipart/mixed; boundary="x"\r\n\r\nno parts at all',
        b"Content-Type: multipart/mixed\r\n\r\n--\r\n\r\nno boundary",
        b"Content-Type: text/plain; name*0*=\r\n\r\nodd",
        b"Content-Type: ;;;\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
        b"Date: never\r\nFrom: \r\nTo: <@>\r\nMessage-ID: <>\r\n\r\n\0\0",
    ):
        mailbox_on_dovecot.owner.append("INBOX", raw)

    with mailbox_on_dovecot.open() as provider:
        (batch,) = Store().sync(provider)
        answers = dict(provider.fetch([(p.place, p.envelope) for p in batch.present]))

    assert len(answers) == 6
    assert not any(isinstance(body, Exception) for body in answers.values())
