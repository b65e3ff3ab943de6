# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Servers that lie: about UIDs, folders, ids, pages. One mail or one mailbox is hit.

Without a network: what a server says is written down, see ``tests.fuzz.talk``. Silence,
floods and broken TLS are tried out over sockets in ``test_imap_bad_input``, bombs in
HTTP in ``test_web``.
"""

from __future__ import annotations

import re
import time
import tracemalloc

import pytest
from engine.providers import imap_parse
from engine.providers.base import (
    Budget,
    MessageBroken,
    Place,
    ProviderError,
    Query,
    Unavailable,
)

from tests.fuzz import api_says, apis, talk
from tests.fuzz.imap import MAILS, _listening


def pulled(*pairs):
    with talk.no_waiting(), _listening(talk.written(*pairs)) as connect:
        with connect() as provider:
            return provider.pull(None, None, Budget())


def uids(batch) -> list[int]:
    return [int(presence.place.ref) for presence in batch.present]


# --- IMAP: UIDs -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        "* SEARCH 1 2 3\r\n",
        "* SEARCH 3 2 1 1 2 3\r\n",
        "* SEARCH -1 0 1 2 3 4294967296 99999999999999999999\r\n",
        "* SEARCH 3\r\n* SEARCH 1 2 9 77 4294967295\r\n",
    ],
    ids=["well", "descending, twice", "none", "not asked for"],
)
def test_uids_that_are_odd_are_each_told_once(told):
    batch = pulled(("UID SEARCH", told + "{tag} OK done\r\n"))

    assert uids(batch) == [3, 2, 1]


def test_mail_that_nobody_asked_for_is_not_heard():
    """Of another UID, of none, and the right one told twice."""

    def fetch(uid, sender):
        return (
            f"* 1 FETCH (UID {uid} FLAGS () RFC822.SIZE 9 INTERNALDATE "
            '"01-Jan-2026 10:00:00 +0000" BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL '
            f'"7BIT" 7 1) BODY[HEADER]<0> "From: {sender}")\r\n'
        )

    lies = fetch(9, "x@evil.example") + fetch(0, "x@evil.example")
    batch = pulled(
        ("UID FETCH", lies + fetch(1, "a@b.example") + lies + "{tag} OK done\r\n"),
    )

    assert 9 not in uids(batch) and 0 not in uids(batch)
    for presence in batch.present:
        assert "x@evil.example" not in presence.envelope.emails


def test_uidvalidity_that_changes_under_way_voids_the_page():
    numbers = "* 3 EXISTS\r\n* OK [UIDVALIDITY {}] x\r\n* OK [UIDNEXT 4] x\r\n"
    ok = "{tag} OK done\r\n"
    data = talk.written(
        ("EXAMINE", numbers.format(7) + ok), ("EXAMINE", numbers.format(8) + ok)
    )
    with talk.no_waiting(), _listening(data) as connect:
        provider = connect()
        place = Place("INBOX", "7", f"{1:010d}")
        ((_place, one),) = provider.envelopes([place])
        provider.close()
        again = connect()
        ((_place, other),) = again.envelopes([place])
        again.close()

    assert one.place == place
    assert other.code == "message_gone"


@pytest.mark.parametrize("size", [10 * 2**30, 2**63, 10**30])
def test_literal_of_ten_gigabytes_is_not_waited_for(size):
    header = f"* 1 FETCH (UID 1 BODY[HEADER]<0> {{{size}}}\r\n"
    tracemalloc.start()
    try:
        with pytest.raises(Unavailable) as caught:
            pulled(("UID FETCH", header + "x" * 100_000))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert caught.value.code in ("garbage", "server_error", "connection_lost")
    assert peak < 50_000_000


# --- IMAP: lines ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        b" " * 800_000,
        b'"' + b"a" * 800_000,
        b'"\\' * 400_000,
        b"(" * 200_000,
        b"BODY[ " * 100_000,
        b"{9} " * 100_000,
    ],
    ids=lambda line: line[:6].decode(),
)
def test_lines_of_megabytes_are_read_or_refused_at_once(line):
    """Spaces and open quotes took the square of their length, and the whole process."""
    began = time.process_time()
    try:
        imap_parse.tokens([line])
    except ValueError:
        pass

    assert time.process_time() - began < 2


def test_refusals_of_megabytes_are_not_read_to_the_end():
    with pytest.raises(Unavailable):
        began = time.process_time()
        pulled(("LIST", "{tag} NO " + "exceeded " * 200_000 + "\r\n"))
    assert time.process_time() - began < 2


# --- IMAP: folders --------------------------------------------------------------------

NAMES = {
    "../../etc/passwd": "../../etc/passwd",
    "crm_mail_mirror": "crm_mail_mirror",
    "C:\\\\con": "C:\\con",
    "&IC4-gpj.exe": "\u202egpj.exe",  # shown by ``legible.line``, without what turns
    "a&AAA-b": "a&AAA-b",  # NUL: as it is on the wire
    "&2D0-": "&2D0-",  # half a character
    "%(x)s{tag2}": "%(x)s{tag2}",
}


@pytest.mark.parametrize("name", NAMES)
def test_folder_of_any_name_is_a_folder(name):
    listed = f'* LIST () "/" INBOX\r\n* LIST () "/" "{name}"\r\n{{tag}} OK done\r\n'

    batch = pulled(("LIST", listed))

    (folder,) = [each for each in batch.folders if each.ref != "INBOX"]
    assert (folder.name, folder.role) == (NAMES[name], "other")
    assert uids(batch), "the others are not hit"


@pytest.mark.parametrize("name", [b"a\r\nx LOGOUT", b"a\x00b", b"a\nb"])
def test_name_that_would_be_a_command_is_passed_over(name):
    listed = b'* LIST () "/" INBOX\r\n* LIST () "/" {%d}\r\n%s\r\n{tag} OK done\r\n'

    batch = pulled(("LIST", listed % (len(name), name)))

    assert [folder.ref for folder in batch.folders] == ["INBOX"]
    assert uids(batch) == sorted(MAILS, reverse=True)


def test_long_names_stay_apart():
    """An index takes 2,700 bytes."""
    names = ["&" + "AOk" * 2_000 + "-" + end for end in ("a", "b")]
    lines = "".join(f'* LIST () "/" "{name}"\r\n' for name in ("INBOX", *names))

    folders = pulled(("LIST", lines + "{tag} OK done\r\n")).folders

    assert len({folder.ref for folder in folders}) == 3
    assert all(len(folder.ref.encode()) < 2_700 for folder in folders)


# --- Gmail and Graph ------------------------------------------------------------------


M1, M2 = Place("all", "", "m1"), Place("all", "", "m2")


def test_answer_about_another_mail_is_no_answer():
    other = apis._said(("/messages/m1", {**api_says.MESSAGE, "id": "m2"}))
    with apis._answering(other, api_says.google):
        ((_place, answer),) = apis.at_gmail().envelopes([M1])

    assert isinstance(answer, MessageBroken)


def test_answer_that_is_hardly_a_mail_is_one_broken_mail():
    bare = apis._said(("/messages/AA1=", {"id": "AA1=", "parentFolderId": "in"}))
    with apis._answering(bare, api_says.microsoft):
        ((_place, answer),) = apis.at_graph().envelopes([Place("in", "", "AA1=")])

    assert isinstance(answer, MessageBroken)


@pytest.mark.parametrize(
    ("connect", "default", "told"),
    [
        (
            *(apis.at_gmail, api_says.google),
            ("/messages?", {"messages": [{"id": "m1"}], "nextPageToken": "n"}),
        ),
        (
            *(apis.at_graph, api_says.microsoft),
            (
                "/messages?",
                {
                    "value": [],
                    "@odata.nextLink": f"{api_says.ROOT}/me/messages?$skip=1",
                },
            ),
        ),
    ],
    ids=["gmail", "graph"],
)
@pytest.mark.parametrize("ask", ["search", "audit"])
def test_list_that_leads_to_itself_ends(connect, default, told, ask):
    with apis._answering(apis._said(told), default), pytest.raises(Unavailable) as one:
        provider = connect()
        if ask == "search":
            list(provider.search(Query(("a@b.example",)), apis.SINCE))
        else:
            provider.audit(apis.SINCE, refs=True)

    assert one.value.code == "garbage"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.test/v1.0/me",
        "https://graph.test.evil.test/v1.0/me",
        "https://graph.test@evil.test/v1.0/me",
        "//evil.test/v1.0/me",
        "http://169.254.169.254/latest/meta-data",
        "https://graph.test/v1.0/me\r\nX: y",
        "https://graph.test/v1.0/\0",
    ],
)
def test_link_to_anywhere_else_is_not_followed(link):
    """Whoever is asked gets the token. ``Api.send`` fails for any other host."""
    asked = ("/messages/delta", "/mailFolders/delta")
    for which in asked:
        data = apis._said((which, {"value": [], "@odata.nextLink": link}))
        with (
            apis._answering(data, api_says.microsoft),
            pytest.raises(Unavailable) as one,
        ):
            apis.at_graph().pull(None, None, Budget(seconds=2))
        assert one.value.code == "garbage"


def test_token_and_mail_are_in_no_error():
    error = {"error": {"code": 403, "message": "token t of a@b.example"}}
    said = apis._said(("/messages/", error), status=403)
    with apis._answering(said, api_says.google):
        try:
            told = [answer for _place, answer in apis.at_gmail().envelopes([M1, M2])]
        except ProviderError as problem:
            told = [problem]

    assert told
    for problem in told:
        assert isinstance(problem, ProviderError)
        assert not re.search(r"a@b|token t", f"{problem} {problem.detail}")
