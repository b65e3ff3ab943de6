# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Any mail, any settings: what holds for every decision and each explanation of one."""

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from engine.envelope import Address, Envelope, Part
from engine.headers import parse_envelope
from engine.mime import leaves
from engine.rulebook import LISTING, READING
from engine.rules import (
    Directory,
    Need,
    Outcome,
    Policy,
    Reason,
    State,
    Step,
    decide,
    explain,
    external,
    steps_to,
)
from hypothesis import given
from hypothesis import strategies as st

MAIL = Path(__file__).parents[3] / "shared" / "mail"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TEXT = (Part("1", "text/plain", 120),)
POLICY = Policy(own_addresses=frozenset({"ben@house.example", "b@free.example"}))
DIRECTORY = Directory(
    own=frozenset({"carl@free.example"}),
    own_domains=frozenset({"house.example"}),
    known=frozenset({"anna@customer.example"}),
    known_domains=frozenset({"customer.example"}),
)
RULES = [rule.name for rule in LISTING + READING]

EMAILS = st.sampled_from(
    [
        "anna@customer.example",
        "info@customer.example",
        "ben@house.example",
        "carl@free.example",
        "law@firm.example",
        "x@y.example",
    ]
)
ADDRESSES = st.lists(
    st.builds(Address, st.text(), EMAILS | st.text(st.characters())), max_size=4
).map(tuple)
FIELDS = st.sampled_from(
    "return-path list-id list-unsubscribe list-post precedence auto-submitted"
    " feedback-id content-type content-class x-autoreply x-campaign".split()
)
VALUES = st.lists(st.text(st.characters(), max_size=40), max_size=3).map(tuple)
TYPES = ["text/plain", "text/html", "text/calendar", "image/png", "message/rfc822", ""]
PARTS = st.builds(
    Part,
    st.sampled_from(["1", "1.1", "2.1.3", "", "body", "..."]) | st.text(),
    st.sampled_from(TYPES) | st.text(),
    size=st.integers(),
    disposition=st.sampled_from(["", "inline", "attachment"]) | st.text(),
    filename=st.text(),
    params=st.dictionaries(
        st.sampled_from(["multipart", "method"]),
        st.sampled_from(["mixed/alternative", "alternative", "rfc822"]) | st.text(),
    ),
)
ENVELOPES = st.builds(
    Envelope,
    date=st.none() | st.datetimes(),
    subject=st.text(st.characters()) | st.just("perso"),
    authors=ADDRESSES,
    to=ADDRESSES,
    cc=ADDRESSES,
    bcc=ADDRESSES,
    reply_to=ADDRESSES,
    headers=st.none() | st.dictionaries(FIELDS, VALUES, max_size=4),
    parts=st.none() | st.lists(PARTS, max_size=4).map(tuple),
    sensitivity=st.text(),
)
POLICIES = st.builds(
    Policy,
    own_addresses=st.frozensets(EMAILS | st.text()),
    sync_from=st.none() | st.datetimes() | st.datetimes(timezones=st.timezones()),
    one_way=st.booleans(),
    private_words=st.lists(st.text(st.characters()), max_size=3).map(tuple),
    excluded_addresses=st.frozensets(st.text(), max_size=3),
    excluded_domains=st.frozensets(st.text(st.characters()), max_size=3),
    allowed_addresses=st.frozensets(EMAILS, max_size=3),
    allowed_domains=st.frozensets(st.text(), max_size=3),
    match_domains=st.booleans(),
    dropbox=st.text() | EMAILS,
)


DIRECTORIES = st.builds(
    Directory,
    own=st.frozensets(EMAILS, max_size=2),
    own_domains=st.frozensets(st.sampled_from(["house.example", "y.example"])),
    known=st.frozensets(EMAILS),
    known_domains=st.frozensets(st.sampled_from(["customer.example", "y.example"])),
    erased=st.frozensets(EMAILS, max_size=1),
    floors=st.dictionaries(
        EMAILS, st.datetimes() | st.datetimes(timezones=st.timezones()), max_size=3
    ),
)


def check_explanation(steps, decision):
    """All that went before passed, the rule that decided spoke, the rest is silent."""
    assert [step.rule for step in steps] == RULES
    outcomes = [step.outcome for step in steps]
    reasons = [step.reason for step in steps if step.outcome is Outcome.SPOKE]
    if isinstance(decision, Need):
        end = len(LISTING)
        assert not reasons
    else:
        assert reasons == [decision.reason]
        told = [(step.rule, step.outcome) for step in steps_to(decision.reason)]
        assert told == [(step.rule, step.outcome) for step in steps]
        end = outcomes.index(Outcome.SPOKE) + 1
    before, after = outcomes[:end], outcomes[end:]
    assert set(before) <= {Outcome.PASSED, Outcome.SPOKE}
    assert set(after) <= {Outcome.NOT_REACHED}
    assert all(not step.reason and not step.what for step in steps[end:])
    assert all(isinstance(word, str) for step in steps for word in step.what)


@given(
    ENVELOPES,
    POLICIES,
    DIRECTORIES,
    st.sampled_from(["inbox", "sent", "trash", ""]) | st.text(),
    st.datetimes() | st.datetimes(timezones=st.timezones()),
    st.booleans(),
)
def test_any_mail_is_judged_alike_each_time_and_explained_so(
    envelope, settings, directory, role, at, outgoing
):
    facts = {"role": role, "received_at": at, "outgoing": outgoing}
    decision = decide(envelope, settings, directory, **facts)

    assert decide(envelope, settings, directory, **facts) == decision
    check_explanation(explain(envelope, settings, directory, **facts), decision)
    if isinstance(decision, Need):
        assert envelope.headers is None or envelope.parts is None
        return
    assert decision.state is decision.reason.state
    assert decision.matched <= external(envelope, settings, directory)
    if decision.state == State.MIRRORED:
        assert decision.matched


@given(ENVELOPES, POLICIES, st.booleans())
def test_dearer_facts_never_change_what_the_listing_decided(envelope, settings, out):
    facts = {"received_at": NOW, "outgoing": out}
    listing = dataclasses.replace(envelope, headers=None, parts=None)
    full = dataclasses.replace(envelope, headers={}, parts=TEXT)

    first = decide(listing, settings, DIRECTORY, **facts)
    second = decide(full, settings, DIRECTORY, **facts)

    if isinstance(first, Need):
        assert second.matched
    else:
        assert second == first


@given(ENVELOPES, st.sampled_from(["authors", "to", "cc", "bcc", "reply_to"]))
def test_an_excluded_participant_keeps_any_mail_out(envelope, role):
    firm = Address("", "law@firm.example")
    settings = dataclasses.replace(POLICY, excluded_domains=frozenset({"firm.example"}))
    with_firm = dataclasses.replace(
        envelope, **{role: (*getattr(envelope, role), firm)}
    )

    decision = decide(with_firm, settings, DIRECTORY, received_at=NOW, outgoing=False)
    assert decision.state == State.EXCLUDED


def test_each_reason_of_a_rule_is_one_rules():
    rules = [rule for rule in LISTING + READING for _reason in rule.gives]
    ours = {reason for reason in Reason if steps_to(reason)}

    assert len(rules) == len(ours)
    assert set(Reason) - ours == {Reason.NOT_LISTED, Reason.IGNORED}


# --- what an explanation names --------------------------------------------------------


def spoken(envelope, **settings):
    policy = dataclasses.replace(POLICY, **settings)
    steps = explain(envelope, policy, DIRECTORY, received_at=NOW, outgoing=False)
    return next(step for step in steps if step.outcome is Outcome.SPOKE)


def from_anna(**fields):
    anna = (Address("Anna", "anna@customer.example"),)
    return Envelope(**{"authors": anna, "headers": {}, "parts": TEXT, **fields})


@pytest.mark.parametrize(
    "envelope, settings, step",
    [
        (
            from_anna(subject="Re: PRIVE, perso"),
            {},
            ("private_word", Reason.PRIVATE_WORD, ("perso", "privé")),
        ),
        (
            from_anna(subject="nicht für alle: x"),
            {"private_words": ("x", "Nicht für alle ")},
            ("private_word", Reason.PRIVATE_WORD, ("Nicht für alle", "x")),
        ),
        (
            from_anna(),
            {"excluded_addresses": frozenset({"anna@customer.example", "x@y.example"})},
            (
                "excluded_address",
                Reason.EXCLUDED_ADDRESS,
                ("anna@customer.example",),
            ),
        ),
        (
            from_anna(cc=(Address("", "x@mail.firm.example"),)),
            {"excluded_domains": frozenset({"firm.example", "mail.example"})},
            ("excluded_domain", Reason.EXCLUDED_DOMAIN, ("firm.example",)),
        ),
        (
            from_anna(),
            {"allowed_domains": frozenset({"example", "y.example"})},
            ("allowed", Reason.ALLOWED, ("example",)),
        ),
        (
            from_anna(cc=(Address("", "x@y.example"),)),
            {},
            ("mirrored", Reason.CONTACT, ("anna@customer.example",)),
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_rule_names_what_it_found(envelope, settings, step):
    rule, reason, what = step

    assert spoken(envelope, **settings) == Step(rule, Outcome.SPOKE, reason, what)


def test_a_private_word_is_found_where_it_keeps_out_and_nowhere_else():
    for words in (("perso",), ("私用", "perso"), ("",), ("c++", "ne pas")):
        for subject in (
            "perso",
            "personne",
            "来週の私用メール",
            "no C++",
            "ne pas",
            "",
        ):
            policy = Policy(private_words=words)
            found = policy.words.found_in(subject)
            assert bool(found) == policy.words.stand_in(subject)


# --- real mail ------------------------------------------------------------------------


@pytest.mark.skipif(
    not (MAIL / "labels.jsonl").exists(),
    reason="the mail corpora are not beside this checkout (../shared/mail)",
)
@pytest.mark.parametrize("known", [True, False], ids=["contacts", "strangers"])
def test_real_mail_is_explained_as_it_is_decided(known):
    spoke = set()

    with open(MAIL / "labels.jsonl", encoding="utf-8") as lines:
        paths = [json.loads(line)["path"] for line in lines]
    for path in paths:
        raw = (MAIL / path).read_bytes()
        envelope = dataclasses.replace(
            parse_envelope(raw), parts=tuple(leaf.part for leaf in leaves(raw))
        )
        people = frozenset(a.email for a in envelope.authors) if known else frozenset()
        for grade in (envelope, dataclasses.replace(envelope, parts=None)):
            facts = {"received_at": NOW, "outgoing": False}
            decision = decide(grade, POLICY, Directory(known=people), **facts)
            steps = explain(grade, POLICY, Directory(known=people), **facts)
            check_explanation(steps, decision)
            spoke |= {step.rule for step in steps if step.outcome is Outcome.SPOKE}

    reached = {"address", "content", "bulk", "mirrored"} if known else {"contact"}
    assert spoke >= reached
