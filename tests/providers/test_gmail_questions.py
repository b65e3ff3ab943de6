# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Who is it, where is this mail, how much is there, which is of this address?"""

import json
from datetime import UTC, datetime, timedelta

import pytest
from engine.providers import gmail_questions
from engine.providers.base import (
    EXCLUDED,
    GONE,
    LIVE,
    UNKNOWN,
    Lookup,
    Place,
    Query,
    Unavailable,
)
from engine.providers.gmail_errors import Refused

from tests.providers.gmail_mailbox import gmail_mailbox
from tests.providers.letters import letter

NOW = datetime.now(UTC)


@pytest.fixture
def mailbox(google, new_login):
    with gmail_mailbox(google, new_login) as mailbox:
        yield mailbox
        google.clear_faults()


def lookup(ref: str) -> Lookup:
    return Lookup(Place("all", "", ref), ref)


# --- who? ----------------------------------------------------------------------------


def test_verified_aliases_are_oneself(mailbox, provider, google):
    google.aliases(
        mailbox.login,
        "Sales@mine.example",
        "me@old.example",
        pending=["boss@other.example"],
    )

    identity = provider.identify()

    assert identity.email == mailbox.login
    assert identity.aliases == ("me@old.example", "sales@mine.example")


@pytest.mark.parametrize("status", [403, 404])
def test_aliases_that_are_not_for_us_are_none(mailbox, provider, google, status):
    google.fault("/settings/sendAs", status, "somethingNew")

    identity = provider.identify()

    assert (identity.email, identity.aliases) == (mailbox.login, ())


def test_account_keeps_its_id_through_a_renewal(mailbox, google):
    told = {**json.loads(mailbox.secret), "sub": "11223344", "expires_at": 1}
    kept = []

    with mailbox.open(secret=json.dumps(told), keep=kept.append) as provider:
        assert provider.identify().account_id == "11223344"

    assert json.loads(kept[-1])["sub"] == "11223344"


# --- where? --------------------------------------------------------------------------


def test_where_is_this_mail(mailbox, provider):
    refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(6)]
    mailbox.owner.move("INBOX", refs[1], "Archive")
    mailbox.owner.move("INBOX", refs[2], "Trash")
    mailbox.owner.move("INBOX", refs[3], "Junk")
    mailbox.owner.label(refs[4], add=["DRAFT"])
    mailbox.owner.expunge("INBOX", refs[5])

    fates = provider.confirm([lookup(ref) for ref in (*refs, "no such id")])

    assert {place.ref: fate.state for place, fate in fates.items()} == {
        refs[0]: LIVE,
        refs[1]: LIVE,
        refs[2]: EXCLUDED,
        refs[3]: EXCLUDED,
        refs[4]: EXCLUDED,
        refs[5]: GONE,
        "no such id": GONE,
    }


def test_places_of_another_kind_are_gone(provider):
    places = [Place("INBOX", "7", "0000000001"), Place("all", "2", "1")]

    fates = provider.confirm([Lookup(place) for place in places])

    assert [fates[place].state for place in places] == [GONE, GONE]


def test_many_mails_are_found_in_a_list(mailbox, provider, google, monkeypatch):
    monkeypatch.setattr(gmail_questions, "LOOKUPS", 4)
    refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(40)]
    for ref in refs[:3]:
        mailbox.owner.expunge("INBOX", ref)
    for ref in refs[3:6]:
        mailbox.owner.move("INBOX", ref, "Trash")
    google.clear_requests()

    fates = provider.confirm([lookup(ref) for ref in refs])

    states = [fates[Place("all", "", ref)].state for ref in refs]
    assert states[6:] == [LIVE] * 34
    # those that no list shows are looked at, as many as that is not too dear for
    assert sorted(set(states[:6])) == sorted({GONE, EXCLUDED, UNKNOWN})
    assert states[:6].count(UNKNOWN) == 2
    assert google.units(mailbox.login) == 5 + 4 * 20


def test_nobody_asked_is_no_question(provider, google):
    google.clear_requests()

    assert provider.confirm([]) == {}
    assert list(provider.envelopes([])) == list(provider.fetch([])) == []
    assert google.requests() == []


def test_mail_that_gmail_does_not_tell_about_is_unknown(
    mailbox, provider, google, monkeypatch
):
    monkeypatch.setattr("engine.providers.gmail_batch.PAUSE", 0.01)
    refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(3)]
    google.fault(f"/messages/{refs[1]}", 500, times=9)

    fates = provider.confirm([lookup(ref) for ref in refs])

    assert [fates[Place("all", "", ref)].state for ref in refs] == [LIVE, UNKNOWN, LIVE]


# --- how much? -----------------------------------------------------------------------


def test_audit_counts_all_and_lists_since(mailbox, provider, google):
    refs = [
        mailbox.owner.append("INBOX", letter(n), received=NOW - timedelta(days=n))
        for n in range(10)
    ]
    mailbox.owner.append("Trash", letter("t"))
    mailbox.owner.append("Junk", letter("j"))
    mailbox.owner.append("Drafts", letter("d"))
    google.clear_requests()

    counts = {count.folder.ref: count for count in provider.audit()}

    assert {ref: one.messages for ref, one in counts.items()} == {
        "all": 10,
        "DRAFT": 1,
        "TRASH": 1,
        "SPAM": 1,
    }
    assert google.units(mailbox.login) == 4
    assert counts["all"].refs is None

    google.clear_requests()
    since = NOW - timedelta(days=4, hours=1)
    (recent, *_ignored) = provider.audit(since, refs=True)
    assert recent.refs == tuple(refs[:5])
    assert len(google.requests()) == 1, "one question for 500 mails"
    (recent, *_ignored) = provider.audit(since, refs=True, skip=frozenset({"all"}))
    assert recent.refs is None


def test_folders_are_all_mail_and_what_is_left_out_of_it(mailbox, provider, google):
    google.clear_requests()

    roles = {folder.ref: folder.role for folder in provider.folders()}

    assert roles == {"all": "all", "DRAFT": "drafts", "TRASH": "trash", "SPAM": "junk"}
    assert google.units(mailbox.login) == 1 == len(google.requests())


# --- which? --------------------------------------------------------------------------


def test_search_since_and_in_all_that_counts(mailbox, provider):
    ann = "ann@one.example"
    old = letter(1, sender=ann)
    mailbox.owner.append("INBOX", old, received=NOW - timedelta(days=90))
    new = mailbox.owner.append("Archive", letter(2, sender=ann))
    mailbox.owner.append("Trash", letter(3, sender=ann))
    mailbox.owner.append("Drafts", letter(4, sender=ann))

    found = provider.search(Query(addresses=(ann,)), since=NOW - timedelta(days=30))

    assert [place.ref for place in found] == [new]


def test_search_for_very_much_is_cut_into_questions(mailbox, provider, google):
    refs = {
        mailbox.owner.append("INBOX", letter(n, sender=f"p{n}@many-{n}.example"))
        for n in range(0, 60, 6)
    }
    google.clear_requests()

    found = provider.search(
        Query(
            addresses=tuple(f"p{n}@many-{n}.example" for n in range(60)),
            subject_words=("nothing", '"; drop', "{}()", ""),
            message_ids=("<>", "<no such@id>"),
        )
    )

    assert {place.ref for place in found} == refs
    asked = google.requests()
    assert len(asked) < 10
    assert max(map(len, asked)) < 2_048


def test_search_brings_the_newest_and_not_without_end(
    mailbox, provider, google, monkeypatch
):
    monkeypatch.setattr("engine.providers.gmail_api.PAGE", 10)
    monkeypatch.setattr(gmail_questions, "MAX_FOUND", 20)
    refs = [
        mailbox.owner.append("INBOX", letter(n), received=NOW - timedelta(hours=n))
        for n in range(45)
    ]

    found = provider.search(Query(addresses=("ann@customer.example",)))

    assert [place.ref for place in found] == refs[:20]


def test_search_goes_on_when_a_page_is_refused(mailbox, provider, google, monkeypatch):
    monkeypatch.setattr("engine.providers.gmail_api.PAGE", 10)
    refs = {mailbox.owner.append("INBOX", letter(n)) for n in range(25)}
    google.fault("pageToken", 400, "invalidArgument")

    found = provider.search(Query(addresses=("ann@customer.example",)))

    assert {place.ref for place in found} == refs
    assert len(found) == 25


@pytest.mark.parametrize("ask", ["search", "audit"])
def test_list_that_breaks_off_twice_is_not_taken_for_all(ask):
    """Else what was not listed would count as gone, or as not to be found."""

    class Broken:
        def list(self, question, page=""):
            if page:
                raise Refused(400)
            return ["1", "2"], "next"

    with pytest.raises(Unavailable):
        if ask == "search":
            gmail_questions.search(Broken(), Query(addresses=("a@x.test",)), None)
        else:
            gmail_questions.audit(Broken(), NOW, True, frozenset())
