# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does an erased person, or a time to keep that is over, do to a mail?"""

import dataclasses
from datetime import UTC, datetime, timedelta, timezone

import pytest
from engine.envelope import Address, Envelope, Part
from engine.rules import Decision, Directory, Need, Policy, Reason, State, decide

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
ANNA, DORA = "anna@customer.example", "dora@customer.example"
POLICY = Policy(own_addresses=frozenset({"ben@house.example"}))
DIRECTORY = Directory(
    own_domains=frozenset({"house.example"}),
    known=frozenset({ANNA}),
    known_domains=frozenset({"customer.example"}),
)


def people(*emails):
    return tuple(Address("", email) for email in emails)


def mail(sender=ANNA, to=("ben@house.example",), cc=(), **fields):
    parts = (Part("1", "text/plain", 120),)
    fields = {"subject": "Offer", "headers": {}, "parts": parts, **fields}
    return Envelope(authors=people(sender), to=people(*to), cc=people(*cc), **fields)


def judge(envelope, policy=POLICY, received_at=NOW, **directory):
    known = dataclasses.replace(DIRECTORY, **directory)
    return decide(envelope, policy, known, received_at=received_at, outgoing=False)


# --- an erased person -----------------------------------------------------------------


@pytest.mark.parametrize("known", [frozenset({ANNA}), frozenset()])
@pytest.mark.parametrize("unread", [{}, {"headers": None, "parts": None}])
def test_mail_with_an_erased_person_does_not_come_back(known, unread):
    decision = judge(mail(**unread), erased=frozenset({ANNA}), known=known)

    assert decision == Decision(State.EXCLUDED, Reason.ERASED)


def test_one_erased_person_on_a_mail_is_enough():
    with_dora = mail(cc=(DORA,))

    assert judge(with_dora, erased=frozenset({DORA})).reason == Reason.ERASED
    assert judge(mail(), erased=frozenset({DORA})).reason == Reason.CONTACT


def test_exclusions_speak_before_an_erasure_and_the_house_after():
    erased = frozenset({ANNA, "ben@house.example"})
    excluding = dataclasses.replace(
        POLICY, excluded_domains=frozenset({"customer.example"})
    )
    internal = mail("carl@house.example")

    assert judge(mail(), excluding, erased=erased).reason == Reason.EXCLUDED_DOMAIN
    assert judge(mail(subject="perso"), erased=erased).reason == Reason.PRIVATE_WORD
    assert judge(internal, erased=erased).reason == Reason.ERASED


# --- mail that was kept as long as it may be ------------------------------------------


def test_mail_from_before_the_floor_of_its_contact_stays_out():
    floors = {ANNA: NOW}

    assert judge(mail(), floors=floors).reason == Reason.CONTACT
    before = judge(mail(), received_at=NOW - MOMENT, floors=floors)
    assert before == Decision(State.EXCLUDED, Reason.RETENTION)


def test_a_floor_is_a_moment_in_any_time_zone():
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-8)))
    naive = NOW.replace(tzinfo=None)

    for floor in (elsewhere, naive):
        for at in (NOW, elsewhere, naive):
            assert judge(mail(), received_at=at, floors={ANNA: floor}).matched
            early = judge(mail(), received_at=at - MOMENT, floors={ANNA: floor})
            assert early.reason == Reason.RETENTION


def test_an_old_mail_stays_for_the_contact_that_may_keep_it():
    both = mail(cc=(DORA,))
    known = frozenset({ANNA, DORA})

    decision = judge(both, received_at=NOW - MOMENT, floors={ANNA: NOW}, known=known)

    assert decision == Decision(State.MIRRORED, Reason.CONTACT, frozenset({DORA}))


def test_a_floor_counts_for_what_a_domain_matches_too():
    by_domain = dataclasses.replace(POLICY, match_domains=True)
    floors = {DORA: NOW, ANNA: NOW}

    early = judge(mail(DORA), by_domain, NOW - MOMENT, floors=floors)
    both = judge(mail(cc=(DORA,)), by_domain, NOW - MOMENT, floors={ANNA: NOW})

    assert early.reason == Reason.RETENTION
    assert both == Decision(State.MIRRORED, Reason.DOMAIN, frozenset({DORA}))


def test_before_its_floor_nothing_more_of_a_mail_is_asked_for():
    unread = mail(headers=None, parts=None)
    floors = {ANNA: NOW}

    assert judge(unread, floors=floors) == Need("headers")
    early = judge(unread, received_at=NOW - MOMENT, floors=floors)
    assert early.reason == Reason.RETENTION


def test_a_floor_makes_no_stranger_a_contact():
    stranger = mail("x@y.example")

    decision = judge(stranger, received_at=NOW - MOMENT, floors={"x@y.example": NOW})

    assert decision.reason == Reason.NO_CONTACT
