# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which copies are one mail, and which never."""

import dataclasses
import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from engine.envelope import Address, Envelope
from engine.identity import (
    body_digest,
    identity,
    mail_key,
    normalise_message_id,
    same_key,
    thread_key,
)
from engine.providers.base import Place, Presence
from hypothesis import given
from hypothesis import strategies as st

ANNA = Address("Anna", "anna@customer.example")
BEN = Address("Ben", "ben@house.example")
CARL = Address("Carl", "carl@house.example")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MAIL = Envelope(
    message_id="<1.A@mx.customer.example>",
    date=NOON,
    subject="Offer 17",
    authors=(ANNA,),
    to=(BEN,),
    cc=(CARL,),
    raw_subject="Offer 17",
)
NAMELESS = dataclasses.replace(MAIL, message_id="")
BARE = dataclasses.replace(MAIL, message_id="", date=None)


def changed(envelope=MAIL, **fields):
    return dataclasses.replace(envelope, **fields)


def present(envelope=MAIL, folder="INBOX", ref="0000000001", **fields):
    fields = {"received_at": NOON, "size": 1000, **fields}
    return Presence(Place(folder, "1", ref), envelope=envelope, **fields)


def one(left, right, left_key="key", right_key="other"):
    return identity(left, left_key) == identity(right, right_key)


# --- Message-ID ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, normal",
    [
        ("<a@b.example>", "a@b.example"),
        ("a@b.example", "a@b.example"),
        ("  <a@b.example>\t", "a@b.example"),
        ("<<a@b.example>>", "a@b.example"),
        ("<a@b.example", "a@b.example"),
        ("<A.b@B.EXAMPLE>", "A.b@b.example"),
        ("<Case@Of@HOST>", "Case@Of@host"),
        ("<NoHost>", "NoHost"),
        ("<long\r\n part@b.example>", "longpart@b.example"),
        ("(sent by x) <a@b.example> (y)", "a@b.example"),
        ("a@b.example (y)", "a@b.example"),
        ("a(1)@b.example", "a(1)@b.example"),
        ("<a@b.example> <c@d.example>", "a@b.example"),
        ("<[abc@d]>", "[abc@d]"),
        ("<>", ""),
        ("< >", ""),
        ("", ""),
    ],
)
def test_message_id_is_compared_without_brackets_and_case_of_host(text, normal):
    assert normalise_message_id(text) == normal


@given(st.text())
def test_any_text_normalises_once_and_for_all(text):
    normal = normalise_message_id(text)

    assert normalise_message_id(normal) == normal
    assert not set(normal) & set("\r\n\t ")


def test_message_id_with_and_without_brackets_is_one():
    """EspoCRM #1516: two rows."""
    bare = changed(message_id="1.A@MX.customer.example")

    assert one(MAIL, bare)
    assert same_key(MAIL) == same_key(bare)
    assert thread_key(MAIL) == thread_key(bare)


# --- identity ------------------------------------------------------------------------


def test_copies_of_five_mailboxes_are_one_mail():
    with_bcc = changed(bcc=(Address("", "boss@house.example"),))
    answered_elsewhere = changed(reply_to=(Address("", "list@house.example"),))
    other_names = changed(authors=(Address("A. Müller", ANNA.email),))
    turned_round = changed(to=(CARL,), cc=(BEN, CARL))
    folded = changed(subject="Offer\t 17 ", raw_subject="=?utf-8?q?Offer_17?=")
    other_zone = changed(date=NOON.astimezone(timezone(timedelta(hours=5.5))))
    finer = changed(date=NOON + timedelta(microseconds=999_999))

    copies = (with_bcc, answered_elsewhere, other_names, turned_round)
    for copy in (*copies, folded, other_zone, finer):
        assert one(MAIL, copy)


@pytest.mark.parametrize(
    "other",
    [
        {"message_id": "<2@mx.customer.example>"},
        {"message_id": "<1.a@mx.customer.example>"},
        {"date": NOON + timedelta(seconds=1)},
        {"date": None},
        {"subject": "Offer 18"},
        {"subject": "offer 17"},
        {"subject": "[EXTERNAL] Offer 17"},
        {"authors": (BEN,)},
        {"authors": ()},
        {"to": (BEN, Address("", "x@y.example"))},
        {"cc": ()},
    ],
)
def test_a_difference_in_any_strict_field_makes_another_mail(other):
    assert not one(MAIL, changed(**other), "key", "key")


def test_forged_message_id_joins_nothing():
    """Twenty: a mail with a known Message-ID opened a colleague's text."""
    forged = changed(authors=(Address("", "eve@evil.example"),), subject="Hi")

    assert not one(MAIL, forged)
    assert same_key(forged) != same_key(MAIL)


def test_mail_without_message_id_never_merges_with_a_stranger():
    """Twenty keyed such mail by its bare UID."""
    assert identity(BARE, "key of one") != identity(BARE, "key of another")
    assert identity(changed(BARE, message_id="<>"), "k1") != identity(BARE, "k2")
    assert identity(Envelope(), "k1") != identity(Envelope(), "k2")


def test_mail_without_date_is_one_by_its_message_id():
    assert one(changed(date=None), changed(date=None))


def test_mail_without_message_id_is_itself_in_other_mailboxes():
    """Its Date to the second, sender, subject and recipients tell it from others."""
    assert one(NAMELESS, NAMELESS)
    assert not one(NAMELESS, changed(NAMELESS, date=NOON + timedelta(seconds=1)))
    assert not one(NAMELESS, MAIL)


def test_a_field_never_spills_into_its_neighbour():
    assert not one(
        changed(BARE, subject="5:abc", authors=()),
        changed(BARE, subject="", authors=(Address("", "5:abc"),)),
        "key",
        "key",
    )
    two, joined = Address("", "a@b.c"), Address("", "a@b.c5:d@e.f")
    assert not one(
        changed(to=(two, Address("", "d@e.f")), cc=()), changed(to=(joined,), cc=())
    )


def test_many_recipients_all_count():
    many = tuple(Address("", f"{n}@x.example") for n in range(500))

    assert one(changed(to=many), changed(to=many[::-1]))
    assert not one(changed(to=many), changed(to=many[:-1]))


# --- within one mailbox --------------------------------------------------------------


def test_an_api_without_raw_headers_gives_the_subject_alone():
    one_subject = present(changed(BARE, raw_subject=""))
    other_subject = present(changed(BARE, raw_subject="", subject="Offer 18"))

    assert mail_key(one_subject) != mail_key(other_subject)


def test_own_id_of_the_provider_is_the_key():
    assert mail_key(present(key="18f2a", envelope=None)) == "18f2a"


def test_a_move_keeps_the_key():
    moved = present(folder="Archive", ref="0000000099")

    assert mail_key(moved) == mail_key(present())


@pytest.mark.parametrize(
    "other",
    [
        {"size": 1001},
        {"received_at": NOON + timedelta(seconds=1)},
        {"envelope": changed(raw_subject="=?utf-8?q?Offer_17?=")},
        {"envelope": changed(message_id="<2@x>")},
        {"envelope": changed(date=None)},
        {"envelope": changed(authors=(BEN,))},
        {"envelope": None},
    ],
)
def test_two_mails_of_a_mailbox_have_two_keys(other):
    assert mail_key(present(**other)) != mail_key(present())


# --- shown as one, and threads -------------------------------------------------------


def test_gateway_tag_and_resolved_alias_are_still_shown_as_one():
    tagged = changed(subject="[EXTERNAL] Offer 17")
    alias = changed(authors=(Address("", "a.mueller@customer.example"),))

    assert same_key(MAIL) == same_key(tagged) == same_key(alias) != ""


def test_without_message_id_or_sender_nothing_is_shown_as_one():
    assert same_key(NAMELESS) == same_key(changed(message_id="<>")) == ""
    assert same_key(changed(authors=())) == ""


def test_answers_share_the_thread_of_the_mail_that_began_it():
    root = MAIL.message_id
    reply = changed(message_id="<2@x>", in_reply_to=(root,))
    second = changed(
        message_id="<3@x>", references=(root, "<2@x>"), in_reply_to=("<2@x>",)
    )

    assert thread_key(MAIL) == thread_key(reply) == thread_key(second)
    assert thread_key(MAIL, "t1") == thread_key(MAIL, "t2")


def test_empty_references_are_passed_over():
    reply = changed(references=("<>", ""), in_reply_to=("<root@x>",))

    assert thread_key(reply) == thread_key(Envelope(message_id="<root@x>"))


def test_same_subject_is_no_thread():
    """Pipedrive 2021: two customers in one conversation."""
    assert thread_key(MAIL) != thread_key(changed(message_id="<2@x>"))
    assert thread_key(BARE) == ""


def test_the_providers_thread_counts_only_where_headers_say_nothing():
    assert thread_key(BARE, "t1") == thread_key(BARE, "t1") != thread_key(BARE, "t2")
    assert thread_key(BARE, "root@x") != thread_key(Envelope(message_id="<root@x>"))


# --- stored for ever -----------------------------------------------------------------


def test_keys_are_stored_and_therefore_never_change():
    """What a release computes has to equal what the one before has stored."""

    def stored(*fields):
        joined = "".join(f"{len(field.encode())}:{field}" for field in fields)
        return hashlib.sha256(joined.encode()).hexdigest()

    message_id, noon = "1.A@mx.customer.example", "1772366400"
    people = ("2", BEN.email, CARL.email)
    subject = "Größe 17"
    envelope = changed(subject="Größe\t 17")

    assert identity(envelope, "key") == stored(
        "identity", message_id, ANNA.email, noon, subject, *people, ""
    )
    assert identity(BARE, "key") == stored(
        "identity", "", ANNA.email, "", "Offer 17", *people, "key"
    )
    assert mail_key(present()) == stored(
        "mail_key", message_id, noon, "1", ANNA.email, "Offer 17", "1000", noon
    )
    assert same_key(MAIL) == stored("same_key", message_id, "customer.example")
    assert thread_key(MAIL) == stored("thread_key", message_id)
    assert thread_key(BARE, "t1") == stored("provider_thread", "t1")


# --- any input -----------------------------------------------------------------------


def test_body_digest_is_sha256_of_utf_8():
    assert body_digest("Grüße") == hashlib.sha256("Grüße".encode()).hexdigest()
    assert body_digest("\udc80") != body_digest("")


addresses = st.lists(st.builds(Address, st.text(), st.text()), max_size=4).map(tuple)
envelopes = st.builds(
    Envelope,
    message_id=st.text(),
    date=st.none() | st.datetimes() | st.datetimes(timezones=st.timezones()),
    subject=st.text(st.characters()),
    authors=addresses,
    to=addresses,
    cc=addresses,
    references=st.lists(st.text(), max_size=3).map(tuple),
    in_reply_to=st.lists(st.text(), max_size=3).map(tuple),
    raw_subject=st.text(st.characters()),
)


def test_half_a_character_breaks_no_key():
    half = changed(subject="\udc80", message_id="<\udc80@x>", raw_subject="\udc80")

    assert identity(half, "key") != identity(MAIL, "key")
    assert mail_key(present(half)) != mail_key(present())


@given(envelopes, st.text(), st.datetimes(), st.integers())
def test_keys_of_any_headers_are_hex_and_repeatable(envelope, key, moment, size):
    presence = present(envelope, received_at=moment, size=size)
    keys = [
        mail_key(presence),
        identity(envelope, key),
        same_key(envelope) or "0" * 64,
        thread_key(envelope, key) or "0" * 64,
    ]

    assert all(len(digest) == 64 and int(digest, 16) >= 0 for digest in keys)
    assert mail_key(presence) == keys[0]
    assert identity(envelope, key) == keys[1]
