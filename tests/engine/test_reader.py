# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Does a page ask for what it needs, and for nothing else?"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from engine import reader
from engine.envelope import Address, Body, Envelope, Part
from engine.providers.base import MessageBroken, Place, Presence
from engine.rules import Directory, Policy, State

US, THEM = Address("", "anna@us.example"), Address("", "paul@them.example")
POLICY = Policy(own_addresses=frozenset({US.email}))
KNOWN = Directory(own=frozenset({US.email}), known=frozenset({THEM.email}))
LISTED = Envelope(message_id="<1@them>", subject="Hello", authors=(THEM,), to=(US,))
PARTS = (Part("1", "text/plain", 500),)


class Spy:
    """A provider that keeps in mind what it was asked for."""

    def __init__(self, facts=None, error=None):
        self.asked, self._facts, self._error = [], facts, error

    def facts(self, mails):
        for place, _envelope in mails:
            self.asked.append(("facts", place.ref))
            yield place, self._error or self._facts

    def fetch(self, mails):
        for place, _envelope in mails:
            self.asked.append(("fetch", place.ref))
            yield place, Body("text")


def _presence(envelope, outgoing=None):
    return Presence(
        Place("INBOX", "1", "0000000001"), datetime(2026, 1, 1, tzinfo=UTC), 900, "",
        envelope, outgoing,
    )  # fmt: skip


def _page(envelope, directory=KNOWN, outgoing=None):
    presences = [_presence(envelope, outgoing)]
    return reader.judge(presences, frozenset(), {"INBOX": "inbox"}, POLICY, directory)


def test_unmatched_mail_is_asked_for_nothing():
    spy, page = Spy(), _page(LISTED, Directory())

    reader.read(spy, page, POLICY, Directory())

    assert page[0].decision.state is State.UNMATCHED
    assert spy.asked == []


def test_matching_mail_is_asked_for_facts_then_text():
    spy, page = Spy(replace(LISTED, headers={}, parts=PARTS)), _page(LISTED)

    reader.read(spy, page, POLICY, KNOWN)

    assert spy.asked == [("facts", "0000000001"), ("fetch", "0000000001")]
    assert page[0].body.text == "text"


def test_mail_whose_facts_exclude_it_is_never_asked_for_its_text():
    bulk = replace(LISTED, headers={"list-id": ("<news.them>",)}, parts=PARTS)
    spy, page = Spy(bulk), _page(LISTED)

    reader.read(spy, page, POLICY, KNOWN)

    assert page[0].decision.state is State.EXCLUDED
    assert spy.asked == [("facts", "0000000001")]


@pytest.mark.parametrize("outgoing", [False, True])
@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"sensitivity": "Private"}, "sensitivity"),
        ({"sensitivity": "confidential"}, "sensitivity"),
        ({"cc": (Address("", "wife@home.example"),)}, "excluded_address"),
        ({"bcc": (Address("", "x@sub.bank.example"),)}, "excluded_domain"),
        ({"subject": "perso Hello"}, "private_word"),
    ],
)
def test_second_grade_is_judged_by_all_rules_before_a_text_is_asked_for(
    facts, reason, outgoing
):
    """Graph tells of sensitivity there; it counts for what the owner sent as well."""
    policy = replace(
        POLICY,
        excluded_addresses=frozenset({"wife@home.example"}),
        excluded_domains=frozenset({"bank.example"}),
    )
    listed = replace(LISTED, authors=(US,), to=(THEM,)) if outgoing else LISTED
    spy = Spy(replace(listed, headers={}, parts=PARTS, **facts))
    page = _page(listed, outgoing=outgoing or None)

    reader.read(spy, page, policy, KNOWN)

    assert page[0].outgoing is outgoing
    assert page[0].decision.state is State.EXCLUDED
    assert page[0].decision.reason == reason
    assert spy.asked == [("facts", "0000000001")]


def test_sender_that_only_the_second_grade_tells_makes_a_mail_outgoing():
    """A one-way mailbox takes what its owner sent."""
    policy = replace(POLICY, one_way=True)
    sent = replace(LISTED, authors=(US,), to=(THEM,), headers={}, parts=PARTS)
    page = _page(Envelope())

    reader.read(Spy(sent), page, policy, KNOWN)

    assert page[0].outgoing and page[0].body.text == "text"


def test_place_that_is_told_twice_is_read_once_as_told_last():
    early = replace(LISTED, headers={}, parts=PARTS)
    presences = [_presence(early), _presence(replace(early, subject="Later"))]
    page = reader.judge(presences, frozenset(), {"INBOX": "inbox"}, POLICY, KNOWN)
    spy = Spy()

    reader.read(spy, page, POLICY, KNOWN)

    assert [item.envelope.subject for item in page] == ["Later"]
    assert spy.asked == [("fetch", "0000000001")]


def test_known_mail_told_by_its_place_alone_is_asked_for_nothing():
    spy, known = Spy(), replace(_presence(None), key="id")
    page = reader.judge([known], frozenset({"id"}), {}, POLICY, KNOWN)

    reader.read(spy, page, POLICY, KNOWN)

    assert page[0].decision is None and spy.asked == []


def test_mail_that_could_not_be_listed_is_failed_not_judged():
    spy = Spy(error=MessageBroken("message_refused"))
    page = _page(Envelope())

    reader.read(spy, page, POLICY, KNOWN)

    assert page[0].error.code == "message_refused"
    assert ("fetch", "0000000001") not in spy.asked


def test_mail_that_stays_unreadable_is_failed_too():
    page = _page(Envelope())

    reader.read(Spy(facts=Envelope()), page, POLICY, KNOWN)

    assert page[0].error.code == "message_broken"


def test_texts_are_asked_for_at_once_while_that_is_quick():
    class Counting(Spy):
        def fetch(self, mails):
            sizes.append(len(mails))
            return super().fetch(mails)

    def read(seconds, bite=reader.BITE):
        sizes.clear()
        facts = replace(LISTED, headers={}, parts=PARTS)
        places = [Place("INBOX", "1", str(number)) for number in range(250)]
        presences = [replace(_presence(facts), place=place) for place in places]
        page = reader.judge(presences, frozenset(), {}, POLICY, KNOWN)
        bite = reader.read(Counting(), page, POLICY, KNOWN, seconds, bite=bite)
        return bite, sizes, sum(item.is_late for item in page)

    sizes = []
    # the first page asks for some, to see how long they take; the next for all
    quick, asked, late = read(1_000)
    assert (asked, late) == ([100, 150], 0)
    assert read(1_000, quick) == (quick, [250], 0)
    # all of it took too long: then some are asked for again, and the rest is late
    slow, asked, late = read(-1, quick)
    assert (asked, late) == ([250], 0)
    assert read(-1, slow) == (slow, [100], 150)
