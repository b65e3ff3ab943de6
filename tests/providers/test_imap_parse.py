# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""IMAP's answers and UID sets, as RFC 3501 and real servers write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from engine.providers import imap_folders, imap_parse, imap_uids
from engine.providers.base import Folder
from engine.providers.imap_folders import Listed
from hypothesis import given
from hypothesis import strategies as st


def structure(text: bytes):
    return imap_parse.parts(imap_parse.tokens([text])[0])


def test_structure_of_rfc_3501_section_7_4_2():
    parts = structure(
        b'(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)'
        b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" "cc.diff")'
        b'"<960723163407.20117h@cac.washington.edu>" "Compiler diff" "BASE64" 4554 73)'
        b'"MIXED")'
    )

    assert [(p.ref, p.content_type, p.size, p.filename) for p in parts] == [
        ("1", "text/plain", 1152, ""),
        ("2", "text/plain", 4554, "cc.diff"),
    ]
    assert parts[1].encoding == "base64"
    assert parts[0].params["multipart"] == "mixed"


def test_part_numbers_of_rfc_3501_section_6_4_5():
    """1, 2, 3 message/rfc822 (3.1, 3.2), 4 multipart (4.1 image, 4.2 message ...)."""
    leaf = b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 3 1)'
    octets = b'("APPLICATION" "OCTET-STREAM" NIL NIL NIL "BASE64" 4)'
    message = (
        b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 90 (NIL NIL NIL NIL NIL NIL NIL NIL'
        b" NIL NIL) %s 9)"
    )
    inner = message % (b"(" + leaf + octets + b'"MIXED")')
    alternative = b"(" + leaf + leaf + b'"ALTERNATIVE")'
    deep = message % (b"(" + leaf + alternative + b'"MIXED")')
    image = b'("IMAGE" "GIF" NIL NIL NIL "BASE64" 4)'
    parts = structure(
        b"(" + leaf + octets + inner + b"(" + image + deep + b'"MIXED")"MIXED")'
    )

    assert [part.ref for part in parts] == [
        *("1", "2", "3", "3.1", "3.2"),
        *("4.1", "4.2", "4.2.1", "4.2.2.1", "4.2.2.2"),
    ]
    assert parts[-1].params["multipart"] == "mixed/mixed/rfc822/mixed/alternative"


def test_message_of_one_part_inside_a_message():
    envelope = b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
    leaf = b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 3 1)'
    parts = structure(
        b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 90 ' + envelope + leaf + b" 9)"
    )

    assert [part.ref for part in parts] == ["1", "1.1"]


@pytest.mark.parametrize(
    ("pairs", "name"),
    [
        (b'"FILENAME" "a.pdf"', "a.pdf"),
        (b'"FILENAME*" "utf-8\'\'%e2%82%ac.pdf"', "\u20ac.pdf"),
        (b'"FILENAME*0*" "utf-8\'\'%e2" "FILENAME*1*" "%82%ac.pdf"', "\u20ac.pdf"),
        (b'"FILENAME" "=?utf-8?B?4oKs?=.pdf"', "\u20ac.pdf"),
        (b'"FILENAME" "a\\"b\\\\c.pdf"', "c.pdf"),
    ],
)
def test_file_names(pairs, name):
    (part,) = structure(
        b'("APPLICATION" "PDF" NIL NIL NIL "BASE64" 4 NIL ("ATTACHMENT" ('
        + pairs
        + b")) NIL NIL)"
    )

    assert (part.filename, part.disposition) == (name, "attachment")


def test_items_in_any_order_with_literals():
    row = imap_parse.fetched(
        [
            (b"3 (BODY[HEADER.FIELDS (FROM)]<0> {5}", b"F: a\n"),
            (b' INTERNALDATE "17-Jul-1996 02:44:25 -0700" body[1] {3}', b"abc"),
            b" FLAGS (\\Seen) UID 9)",
        ]
    )

    assert row[b"HEADER"] == b"F: a\n" and row[b"BODY[1]"] == b"abc"
    assert row[b"UID"] == b"9"
    expected = datetime(1996, 7, 17, 9, 44, 25, tzinfo=UTC)
    assert imap_parse.internal_date(row[b"INTERNALDATE"]) == expected


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_bytes_are_read_or_refused_with_value_error(texts):
    for read in (imap_parse.tokens, imap_parse.fetched):
        try:
            read(list(texts))
        except ValueError:
            pass


@given(st.recursive(st.none() | st.binary(max_size=5), st.lists, max_leaves=30))
def test_any_tree_is_a_structure_or_refused_with_value_error(tree):
    try:
        imap_parse.parts(tree)
    except ValueError:
        pass


def test_ten_thousand_nested_lists():
    with pytest.raises(ValueError):
        imap_parse.fetched([b"1 (X " + b"(" * 10_000 + b")" * 9_999 + b")"])
    imap_parse.parts(imap_parse.tokens([b"(" * 10_000 + b")" * 10_000])[0][0])


# --- UID sets ------------------------------------------------------------------------

UIDS = st.sets(st.integers(1, 200), max_size=60)


@given(UIDS, UIDS)
def test_sets_of_ranges_are_sets(one, other):
    a, b = imap_uids.compress(one), imap_uids.compress(other)

    def members(ranges):
        return set(imap_uids.expand(ranges, 1_000))

    assert members(a) == one and imap_uids.size(a) == len(one)
    assert members(imap_uids.parse(imap_uids.write(a) or "7")) == (one or {7})
    assert members(imap_uids.subtract(a, b)) == one - other
    assert members(imap_uids.merge([*a, *b])) == one | other
    assert members(imap_uids.complement(a, 1, 200)) == set(range(1, 201)) - one
    assert members(imap_uids.clip(a, 50, 99)) == {uid for uid in one if 50 <= uid <= 99}
    assert imap_uids.newest(a, 7) == sorted(one, reverse=True)[:7]
    assert imap_uids.oldest(a, 7) == sorted(one)[:7]
    assert members(imap_uids.coarsen(a, 3)) >= one
    assert len(imap_uids.coarsen(a, 3)) <= 3
    pieces = list(imap_uids.commands(one, most=10, chars=40))
    assert sorted(uid for piece in pieces for uid in piece) == sorted(one)
    assert all(len(imap_uids.write(imap_uids.compress(p))) <= 60 for p in pieces)


def test_huge_ranges_are_never_expanded():
    huge = imap_uids.parse("1:4294967295")

    assert imap_uids.subtract(huge, [(5, 5)]) == [(1, 4), (6, 4294967295)]
    assert imap_uids.newest(huge, 2) == [4294967295, 4294967294]
    assert imap_uids.refs(huge) == (("0000000001", "4294967295"),)


# --- folders -------------------------------------------------------------------------


def listed(lines: list[bytes]) -> dict[str, str]:
    return {
        entry.folder.ref: entry.folder.role for entry in imap_folders._listed(lines, ())
    }


def test_roles_by_flag_whatever_its_case():
    assert listed(
        [
            b'(\\HasNoChildren \\Sent) "/" "Versendet"',
            b'(\\hasnochildren \\trash) "/" Weg',
            b'(\\Noselect) "/" "[Gmail]"',
            b'(\\All) "/" "[Gmail]/Alle Nachrichten"',
            b'() "/" inbox',
        ]
    ) == {
        "Versendet": "sent",
        "Weg": "trash",
        "[Gmail]/Alle Nachrichten": "all",
        "INBOX": "inbox",
    }


def test_roles_by_exact_name_in_many_languages():
    roles = listed(
        [
            b'() "." "INBOX.Gesendet"',
            b'() "." "INBOX.&AMk-l&AOk-ments envoy&AOk-s"',
            b'() "." "INBOX.Papierkorb"',
            b'() "." "INBOX.Papierkorb.Alt"',
            b'() "." "INBOX.Presentations"',
            b'() "." "INBOX.Cabinet"',
            b'() "." "INBOX.Kunden.Gesendet"',
            b'() "." "INBOX.Sent to print"',
        ]
    )

    assert list(roles.values()) == [
        *("sent", "sent", "trash", "trash"),
        *("other", "other", "other", "other"),
    ]


def test_one_uidvalidity_for_all_folders_tells_no_rename():
    def entry(path, uidvalidity, uidnext):
        return Listed(Folder(path, path), path.encode(), uidvalidity, uidnext, 1)

    now = {p: entry(p, 1, 9) for p in ("INBOX", "New")}
    known = {"INBOX": {"uv": 1, "next": 9}, "Old": {"uv": 1, "next": 5}}
    assert imap_folders.renames(known, now) == []

    now = {"INBOX": entry("INBOX", 1, 9), "New": entry("New", 2, 9)}
    known = {"INBOX": {"uv": 1, "next": 9}, "Old": {"uv": 2, "next": 5}}
    assert imap_folders.renames(known, now) == [("Old", "New")]


def test_folders_of_others_are_never_listed():
    namespace = imap_parse.tokens([b'(("" "/")) (("Other/" "/")) (("Shared/" "/"))'])
    prefixes = imap_folders._prefixes(namespace[1:3])

    assert prefixes == (b"Other/", b"Shared/")
    lines = [b'() "/" INBOX', b'() "/" "Other/bob/INBOX"', b'() "/" "Shared/x"']
    assert [e.folder.ref for e in imap_folders._listed(lines, prefixes)] == ["INBOX"]
