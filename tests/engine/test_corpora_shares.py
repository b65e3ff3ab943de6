# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Each rule on 1,235 real and broken mails: what share does it get right?

What is right comes from outside: what other parsers read (``facts.jsonl``), the raw
bytes, and the corpora's own sorting (``labels.jsonl``). ``corpora`` names the misses.
The same numbers stand in ``docs/rules.md``, which is compared.
"""

import dataclasses
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from engine.headers import parse_envelope
from engine.providers.base import Place, Presence
from engine.reasons import Reason
from engine.roles import is_role_address
from engine.rulebook import LISTING, READING
from engine.rules import Directory, Policy, outgoing

from tests.engine.corpora import (
    MAIL,
    NOW,
    all_mails,
    domain,
    guide,
    measured,
    name,
    pairs,
    reached,
    spoke,
    step,
)

pytestmark = pytest.mark.skipif(
    not (MAIL / "facts.jsonl").exists(),
    reason="the mail corpora are not beside this checkout (../shared/mail)",
)


@pytest.fixture(scope="module")
def mails():
    return all_mails()


# --- rules 1 to 3 ---------------------------------------------------------------------


def test_mail_without_an_address_is_told_from_mail_with_one(mails):
    measured(
        "address", ((m.path, spoke(m, "address") != bool(m.emails)) for m in mails)
    )


def test_old_mail_is_told_by_the_second(mails):
    def is_right(mail, at):
        exact = Policy(sync_from=at), {"received_at": at}
        late = {"received_at": at - timedelta(microseconds=1)}
        return not spoke(mail, "look_back", exact[0], **exact[1]) and spoke(
            mail, "look_back", exact[0], **late
        )

    dates = ((m, m.facts.get("date")) for m in mails)
    measured(
        "look_back",
        (
            (mail.path, is_right(mail, datetime.fromtimestamp(date, UTC)))
            for mail, date in dates
            if date and 0 < date < 2**32
        ),
    )


# --- rule 4: private words and marks --------------------------------------------------

_WORD = re.compile(r"(?<!\w)[^\W\d_]{4,}(?!\w)")


def test_a_word_of_a_subject_is_found_and_a_longer_one_is_not(mails):
    """The first word of each subject, as other parsers read it, is made private."""

    def is_right(mail, word):
        here = Policy(private_words=(word.upper(),))
        longer = Policy(private_words=(f"{word}ity", f"un{word}"))
        return spoke(mail, "private_word", here) and not spoke(
            mail, "private_word", longer
        )

    words = ((mail, _WORD.search(mail.facts.get("subject") or "")) for mail in mails)
    found = [(mail, word[0]) for mail, word in words if word and mail.emails]
    measured("private_word", ((m.path, is_right(m, word)) for m, word in found))


def test_the_words_as_shipped_keep_no_real_mail_out(mails):
    """None of it is private: not one subject in 30 languages has such a word."""
    measured("private_default", ((m.path, not spoke(m, "private_word")) for m in mails))


def test_a_mark_of_the_sender_is_seen_in_any_header(mails):
    def marked(mail, value):
        raw = b"Sensitivity: " + value + b"\r\n" + mail.raw
        envelope = dataclasses.replace(mail.envelope, **vars_of(parse_envelope(raw)))
        return spoke(dataclasses.replace(mail, envelope=envelope), "sensitivity")

    def vars_of(envelope):
        return {"sensitivity": envelope.sensitivity}

    measured(
        "sensitivity",
        (
            (m.path, marked(m, b"Private") and not marked(m, b"Normal"))
            for m in mails
            if m.emails
        ),
    )


# --- rules 5 to 7: whose the addresses are --------------------------------------------


def test_an_excluded_address_keeps_out_every_mail_with_it(mails):
    measured(
        "excluded_address",
        (
            (m.path, spoke(m, "excluded_address", excluding(email, "addresses")))
            for m, email in pairs(mails)
        ),
    )


def test_an_excluded_domain_keeps_out_its_subdomains_too(mails):
    def parent(email):
        labels = domain(email).split(".")
        return ".".join(labels[1:] if len(labels) > 2 else labels)

    measured(
        "excluded_domain",
        (
            (m.path, spoke(m, "excluded_domain", excluding(parent(email), "domains")))
            for m, email in pairs(mails)
        ),
    )


def excluding(value, kind):
    return Policy(**{f"excluded_{kind}": frozenset({value.upper()})})


def test_an_erased_person_keeps_out_every_mail_with_them(mails):
    measured(
        "erased",
        (
            (m.path, spoke(m, "erased", directory=Directory(erased=frozenset({email}))))
            for m, email in pairs(mails)
        ),
    )


def test_mail_is_internal_when_all_its_domains_are_ours_and_not_one_less(mails):
    def is_right(mail):
        ours = frozenset(map(domain, mail.emails))
        one_less = Directory(own_domains=ours - {min(ours, key=len)})
        return spoke(mail, "internal", directory=Directory(own_domains=ours)) and (
            not spoke(mail, "internal", directory=one_less)
        )

    measured("internal", ((m.path, is_right(m)) for m in mails if m.emails))


def test_each_person_on_a_mail_finds_it_and_a_stranger_does_not(mails):
    def is_right(mail, email):
        known = Directory(known=frozenset({email}))
        stranger = Directory(known=frozenset({f"x{email}", f"{email}.example"}))
        return not spoke(mail, "contact", directory=known) and spoke(
            mail, "contact", directory=stranger
        )

    measured("contact", ((m.path, is_right(m, email)) for m, email in pairs(mails)))


def test_a_time_to_keep_is_the_addresss_own(mails):
    def is_right(mail, email):
        known = frozenset({email})
        over = Directory(known=known, floors={email: NOW + timedelta(seconds=1)})
        not_yet = Directory(known=known, floors={email: NOW})
        return spoke(mail, "retention", directory=over) and (
            not spoke(mail, "retention", directory=not_yet)
        )

    measured("retention", ((m.path, is_right(m, email)) for m, email in pairs(mails)))


# --- rules 8 to 12 --------------------------------------------------------------------


def test_invitations_are_found_and_no_mail_of_people(mails):
    judged = [m for m in mails if m.kind != "parser-fixture" and m.emails]
    measured(
        "content",
        ((m.path, spoke(m, "content") == (m.kind == "calendar")) for m in judged),
    )


def test_what_the_owner_sent_is_known_by_its_sender(mails):
    def is_right(mail, sender):
        presence = Presence(Place("f", "1", "1"), NOW, envelope=mail.envelope)
        mine = Policy(own_addresses=frozenset({sender.upper()}))
        others = Policy(own_addresses=frozenset({f"x{sender}"}))
        return outgoing(presence, mine) and not outgoing(presence, others)

    measured(
        "one_way",
        (
            (m.path, is_right(m, (m.facts["from"] or [""])[0]))
            for m in mails
            if (m.facts.get("from") or [""])[0].partition("@")[2]
        ),
    )


#: Class -> whether it is bulk or automatic. Of spam nothing is claimed: the mailbox's
#: own filter puts it into a folder that is not mirrored.
BULK = {
    "list": True,
    "newsletter": True,
    "bounce-corpus": True,
    "autoreply": True,
    "feedback-report": True,
    "calendar": False,
    "not-a-bounce": False,
}
#: In ``ham_nolist``, and no ordinary mail: what each of them says of itself.
ANNOUNCEMENTS = {
    "00060": "because you subscribed",
    "00129": "because you subscribed",
    "00130": "because you subscribed",
    "00064": "ntknow-subscribe@lists.ntk.net",
    "00067": "SAVE, SAVE, SAVE",
}


def is_bulk(mail):
    return spoke(mail, "bulk")


@pytest.mark.parametrize("kind", BULK)
def test_bulk_and_automatic_mail(mails, kind):
    measured(
        f"bulk_{kind.replace('-', '_')}",
        (
            (m.path, is_bulk(m) == BULK[kind])
            for m in mails
            if m.kind == kind and reached(m, "bulk")
        ),
    )


def test_no_ordinary_mail_is_lost_to_the_bulk_rule(mails):
    ham = [m for m in mails if m.kind == "ham-nolist"]
    measured("bulk_ordinary", ((m.path, not is_bulk(m)) for m in ham))

    assert len(ham) == 110


def test_five_of_them_call_themselves_announcements_and_pass_all_the_same(mails):
    ham = {name(m.path)[:5]: m for m in mails if m.kind == "ham-nolist"}

    for number, words in ANNOUNCEMENTS.items():
        said = " ".join(ham[number].raw.decode("latin-1").split())
        assert words in said
    measured(
        "bulk_announcements", ((ham[n].path, is_bulk(ham[n])) for n in ANNOUNCEMENTS)
    )


def test_the_allow_list_lets_every_bulk_mail_in(mails):
    def is_right(mail):
        sender = mail.envelope.sender
        allowing = Policy(allowed_addresses=frozenset({sender.email}))
        return step(mail, "allowed", allowing).reason is Reason.ALLOWED

    measured(
        "allowed",
        ((m.path, is_right(m)) for m in mails if is_bulk(m) and m.envelope.sender),
    )


def test_functions_are_told_from_people(mails):
    text = (MAIL / "domains" / "role_local_parts.json").read_text("utf-8")
    groups = json.loads(text)
    functions = [n for g in ("marketing", "notification", "meeting") for n in groups[g]]

    measured("person", ((n, is_role_address(f"{n}@x.example")) for n in functions))


def test_each_rule_is_measured():
    told = {row.partition("_")[0] for row, _right, _all in guide()}

    # which folder it is the mailbox says; the last rule always speaks
    rules = {rule.name.partition("_")[0] for rule in LISTING + READING}
    assert rules - told == {"folder", "mirrored"}
