# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Targets that read mail: whole, by header field, HTML, text, and what people write."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

from engine import (
    addresses,
    bulk,
    charsets,
    company_domains,
    content,
    domains,
    headers,
    html,
    identity,
    legible,
    mime,
    names,
    question,
    quotes,
    roles,
    rules,
    search_words,
    text,
    words,
)
from engine.envelope import Address
from engine.providers.base import Place, Presence
from engine.rules import Directory, Policy

from tests.fuzz import judge

#: Addresses that read the same wherever they stand.
_SIMPLE = re.compile(r"[a-z0-9][a-z0-9.+-]*@[a-z0-9.-]+")
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
#: Bytes to which a repeated piece is stretched: what grows faster than the mail shows.
LONG = 40_000
LABELS = (
    *("", "utf-8", "us-ascii", "iso-8859-1", "windows-1252", "utf-7", "utf-16"),
    *("iso-2022-jp", "shift_jis", "gb2312", "big5", "euc-kr", "koi8-r", "hz-gb-2312"),
    *("utf-16-le", "cp037", "utf-32", "unicode_escape", "idna", "rot13", "mac-arabic"),
)
ENCODINGS = ("", "base64", "quoted-printable", "x-uuencode", "binary")


def stretched(data: bytes) -> bytes:
    """Bytes that begin with 0xFF stand for a mail in which a piece is repeated.

    0xFF, its length, the piece, then what stands before and behind it.
    """
    if len(data) < 4 or data[0] != 0xFF:
        return data
    size = 1 + data[1] % 24
    piece, rest = data[2 : 2 + size], data[2 + size :][:2_000]
    half = len(rest) // 2
    return rest[:half] + piece * (LONG // len(piece)) + rest[half:]


def _chosen(data: bytes, of) -> tuple:
    """The first byte chooses; what is left."""
    return of[data[0] % len(of)] if data else of[0], data[1:]


def whole_mail(data: bytes) -> None:
    """Envelope, parts, text; keys and rules; twice the same."""
    raw = stretched(data)
    envelope = headers.parse_envelope(raw)
    judge.envelope(envelope)
    block = raw[: headers.header_end(raw)]
    assert headers.parse_envelope(block) == envelope, "the body has a say in headers"
    leaves = mime.leaves(raw)
    assert len(leaves) <= mime.MAX_LEAVES
    parts = tuple(leaf.part for leaf in leaves)
    refs = [part.ref for part in parts]
    assert len(set(refs)) == len(refs), "two parts of one number"
    assert len(text.wanted_parts(parts)) <= text.MAX_PARTS
    body = text.parse_body(raw)
    judge.body(body)
    if len(raw) < 5_000:
        assert text.parse_body(raw) == body, "read twice, two texts"
        assert headers.parse_envelope(raw) == envelope, "read twice, two mails"
    _rules(replace(envelope, parts=parts))


def _rules(envelope) -> None:
    judge.envelope(envelope)
    presence = Presence(Place("INBOX", "1", "1"), NOON, 5, "", envelope)
    mail_key = identity.mail_key(presence)
    for key in (mail_key, identity.identity(envelope, mail_key)):
        judge.key(key)
    for key in (identity.same_key(envelope), identity.thread_key(envelope)):
        assert not key or judge.key(key) is None
    policy = Policy()
    known = Directory(known=frozenset(envelope.emails))
    for outgoing in (True, False):
        told = rules.decide(
            envelope, policy, known, received_at=NOON, outgoing=outgoing
        )
        assert told == rules.decide(
            envelope, policy, known, received_at=NOON, outgoing=outgoing
        )
        for step in rules.explain(
            envelope, policy, known, received_at=NOON, outgoing=outgoing
        ):
            for what in step.what:
                judge.text(what, 100_000)
    bulk.bulk_reason(envelope)
    content.missing_content(envelope)
    for address in list(envelope.emails)[:20]:
        _a_person("", address)


def field(data: bytes) -> None:
    """One value of a header: addresses, words, ids, dates, parameters."""
    reader, data = _chosen(data, (_people, _words, _ids, _date, _parameters))
    reader(stretched(data))


def _people(raw: bytes) -> None:
    found = headers.parse_addresses(raw)
    assert len(found) <= addresses.MAX_ADDRESSES
    for address in found:
        judge.email(address.email)
        judge.text(address.name, judge.MAX_NAME)
    again = headers.parse_addresses(", ".join(f"<{each.email}>" for each in found))
    simple = {each.email for each in found if _SIMPLE.fullmatch(each.email)}
    assert simple <= {each.email for each in again}, "not what it was when read again"


def _words(raw: bytes) -> None:
    judge.text(headers.decode_header_value(raw), 10**6)


def _ids(raw: bytes) -> None:
    for each in headers.parse_ids(raw):
        judge.text(each, judge.MAX_ID)
        normal = identity.normalise_message_id(each)
        assert identity.normalise_message_id(normal) == normal


def _date(raw: bytes) -> None:
    judge.moment(headers.parse_date(raw))
    judge.moment(headers.parse_date(raw.decode("utf-8", "replace")))


def _parameters(raw: bytes) -> None:
    kind, found = mime.parameters(raw)
    judge.text(kind, 10**6, lines=True)
    judge.text(mime.filename_of(found, {}), judge.MAX_FILENAME)


def markup(data: bytes) -> None:
    """HTML, as bytes of some charset."""
    label, data = _chosen(data, LABELS)
    raw = stretched(data)
    found = html.html_to_text(raw, label)
    judge.text(found, html.MAX_HTML, lines=True)
    if len(raw) < 5_000:
        assert html.html_to_text(raw, label) == found, "read twice, two texts"
    quotes.quote_start(found)


def plain(data: bytes) -> None:
    """Bytes of a charset under a transfer encoding, and where a quote begins."""
    label, data = _chosen(data, LABELS)
    encoding, data = _chosen(data, ENCODINGS)
    raw = charsets.from_transfer(stretched(data), encoding)
    judge.text(legible.lines(charsets.clean(charsets.decode(raw, label))), 10**6, True)
    found = charsets.clean(charsets.decode(raw, label))
    judge.text(found, 10**6, lines=True)
    assert charsets.clean(found) == found
    start = quotes.quote_start(found)
    assert start is None or 0 < start <= len(found)
    judge.text(html.tidy(found), 10**6, lines=True)


def people(data: bytes) -> None:
    """Names, addresses, domains, private words: what people write and rules read."""
    told = stretched(data).decode("utf-8", "surrogateescape")
    raw, _line, rest = charsets.clean(told).partition("\n")
    _a_person(raw[: judge.MAX_NAME], rest[: judge.MAX_EMAIL])
    judge.text(legible.line(raw, 200), 200)
    judge.text(legible.file_name(raw), 120)
    assert not set(legible.line(raw, 200)) & set("\u202e\u202d\u2066\u2067\u2068")
    words.problem_of(raw)
    words.has_private_word(rest[: judge.MAX_SUBJECT], (raw[: words.MAX_WORD], "perso"))
    search_words.spellings(raw[: words.MAX_WORD])
    question.read_question(raw[:2_000])
    domains.problem_of(raw[:400])
    domains.problem_of_address(raw[:400])
    company_domains.website_domain(raw[:400])


def _a_person(display: str, email: str) -> None:
    email = addresses.normal_email(email) or email
    suggested = names.suggested_name(display, email)
    judge.text(suggested.name, names.MAX_NAME)
    judge.text(suggested.company, judge.MAX_NAME)
    legible.is_suspicious(email)
    judge.text(legible.ascii_email(email), 2_000)
    roles.is_role_address(email)
    domain = domains.domain_of(email)
    domains.organisation(domain)
    domains.is_free_mail(domain)
    domains.is_disposable(domain)
    domains.parent_domains(domain)
    assert Address(display, email).domain == email.rpartition("@")[2]
