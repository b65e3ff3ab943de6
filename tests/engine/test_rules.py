# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Twelve rules, each with its boundaries, and their order."""

import dataclasses
from datetime import UTC, datetime, timedelta, timezone

import pytest
from engine.envelope import Address, Envelope, Part
from engine.providers.base import COUNTED_ROLES, IGNORED_ROLES, Place, Presence
from engine.rules import (
    Decision,
    Directory,
    Need,
    Policy,
    Reason,
    State,
    decide,
    external,
    outgoing,
    parent_domains,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TEXT = (Part("1", "text/plain", 120),)
INVITATION = (Part("1", "text/calendar", 900, params={"method": "REQUEST"}),)
POLICY = Policy(own_addresses=frozenset({"ben@house.example", "b@free.example"}))
DIRECTORY = Directory(
    own=frozenset({"carl@free.example"}),
    own_domains=frozenset({"house.example"}),
    known=frozenset({"anna@customer.example"}),
    known_domains=frozenset({"customer.example"}),
)


def people(*emails):
    return tuple(Address("", email) for email in emails)


def mail(sender="anna@customer.example", to=("ben@house.example",), **fields):
    """What is mirrored unless a field says otherwise."""
    for role in ("cc", "bcc", "reply_to"):
        fields[role] = people(*fields.get(role, ()))
    fields = {"subject": "Offer", "headers": {}, "parts": TEXT, **fields}
    return Envelope(authors=people(*filter(None, [sender])), to=people(*to), **fields)


def policy(**fields):
    return dataclasses.replace(POLICY, **fields)


def judge(envelope, policy=POLICY, directory=DIRECTORY, **facts):
    facts = {"received_at": NOW, "outgoing": False, **facts}
    return decide(envelope, policy, directory, **facts)


def reason(*args, **facts):
    return judge(*args, **facts).reason


# --- the way through -----------------------------------------------------------------


def test_mail_with_a_contact_is_mirrored():
    assert judge(mail()) == Decision(
        State.MIRRORED, Reason.CONTACT, frozenset({"anna@customer.example"})
    )


@pytest.mark.parametrize("role", ["to", "cc", "bcc", "reply_to"])
def test_a_contact_counts_in_every_role(role):
    envelope = mail(sender="ben@house.example", **{role: ("anna@customer.example",)})

    assert reason(envelope) == Reason.CONTACT


def test_every_reason_has_a_state_and_only_old_mail_leaves_no_row():
    assert {reason.state for reason in Reason} == set(State)
    assert {r for r in Reason if not r.leaves_row} == {
        Reason.TOO_OLD,
        Reason.NOT_LISTED,
    }


# Each mail breaks the rule it is named after and all that follow as far as they can be
# broken together; its facts are those of the rules before it mended.
BROKEN = {
    "headers": {"list-id": ("<news.other.example>",)},
    "parts": INVITATION,
    "sensitivity": "private",
}
STRICT = policy(
    sync_from=NOW,
    one_way=True,
    excluded_addresses=frozenset({"anna@customer.example"}),
    excluded_domains=frozenset({"customer.example"}),
)
ONE_WAY = policy(one_way=True, match_domains=True)
OLD = {"received_at": NOW - timedelta(days=1)}
INFO = "info@customer.example"


@pytest.mark.parametrize(
    "expected, envelope, settings, facts",
    [
        (
            "folder",
            mail("", (), subject="perso", **BROKEN),
            STRICT,
            OLD | {"role": "junk"},
        ),
        ("too_old", mail("", (), subject="perso", **BROKEN), STRICT, OLD),
        ("no_address", mail("", (), subject="perso", **BROKEN), STRICT, {}),
        ("private_word", mail(subject="perso", **BROKEN), STRICT, {}),
        ("sensitivity", mail(**BROKEN), STRICT, {}),
        ("excluded_address", mail(**BROKEN | {"sensitivity": ""}), STRICT, {}),
        (
            "excluded_domain",
            mail("ben@house.example", **BROKEN | {"sensitivity": ""}),
            policy(excluded_domains=frozenset({"house.example"})),
            {},
        ),
        ("internal", mail("carl@free.example", headers=None, parts=None), STRICT, {}),
        ("no_contact", mail("x@y.example", parts=INVITATION), ONE_WAY, {}),
        ("calendar", mail(INFO, **BROKEN | {"sensitivity": ""}), ONE_WAY, {}),
        ("no_content", mail(INFO, headers=BROKEN["headers"], parts=()), ONE_WAY, {}),
        ("one_way", mail(INFO, headers=BROKEN["headers"]), ONE_WAY, {}),
        (
            "bulk_list_id",
            mail(INFO, headers=BROKEN["headers"]),
            policy(match_domains=True),
            {},
        ),
        ("role_address", mail(INFO), policy(match_domains=True), {}),
        ("domain", mail("d@customer.example"), policy(match_domains=True), {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_first_rule_that_speaks_decides(expected, envelope, settings, facts):
    decision = judge(envelope, settings, **facts)

    assert decision.reason == expected
    assert decision.state == Reason(expected).state


# --- rules 1 to 3 --------------------------------------------------------------------


def test_only_folders_that_count_are_mirrored():
    for role in COUNTED_ROLES:
        assert reason(mail(), role=role) == Reason.CONTACT
    for role in (*IGNORED_ROLES, "unselected", ""):
        assert reason(mail(), role=role) == Reason.FOLDER


def test_sync_from_is_the_first_moment_that_counts():
    bound = policy(sync_from=NOW)
    elsewhere = timezone(timedelta(hours=-8))

    assert reason(mail(), bound) == Reason.CONTACT
    assert reason(mail(), bound, received_at=NOW.astimezone(elsewhere)) == "contact"
    assert reason(mail(), bound, received_at=NOW.replace(tzinfo=None)) == "contact"
    just_before = NOW - timedelta(microseconds=1)
    assert reason(mail(), bound, received_at=just_before) == Reason.TOO_OLD
    naive = policy(sync_from=NOW.replace(tzinfo=None))
    assert reason(mail(), naive, received_at=just_before) == Reason.TOO_OLD


def test_the_date_header_does_not_make_a_mail_old():
    forged = mail(date=datetime(1990, 1, 1, tzinfo=UTC))

    assert reason(forged, policy(sync_from=NOW)) == Reason.CONTACT


def test_empty_address_never_matches():
    """Twenty #12567: mail attached to contacts without any address."""
    careless = dataclasses.replace(
        DIRECTORY,
        known=frozenset({"", "@", "x@", "@customer.example"}),
        known_domains=frozenset({""}),
    )
    for email in ("", "@", "x@", "@customer.example", "undisclosed-recipients"):
        decision = judge(mail(email, to=()), policy(match_domains=True), careless)
        assert decision == Decision(State.EXCLUDED, Reason.NO_ADDRESS)
        among_others = mail("x@y.example", to=(email,))
        assert reason(among_others, directory=careless) == Reason.NO_CONTACT


# --- rule 4 --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subject",
    [
        "perso",
        "PERSO",
        "[perso] vacances",
        "Re: Perso - vacances",
        "RE:perso:",
        "(Privé)",
        "prive",
        "PRIVE\N{COMBINING ACUTE ACCENT}",
        "c'est privé!",
        "Personnel\N{NO-BREAK SPACE}: photos",
        "dossier_perso_2026",
        "\N{LEFT-TO-RIGHT MARK}perso",
        "per\N{SOFT HYPHEN}so",
        "perso\N{EN DASH}photos",
        "personal ... perso",
        "\N{FULLWIDTH LATIN SMALL LETTER P}erso",
    ],
)
def test_a_private_word_keeps_a_mail_out(subject):
    assert reason(mail(subject=subject)) == Reason.PRIVATE_WORD


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "personal",
        "personne",
        "personnellement",
        "personnels",
        "imperso",
        "perso2",
        "privée",
        "priver",
        "pérsonne",
        "perso\N{COMBINING ACUTE ACCENT}nne",
        "per so",
    ],
)
def test_a_word_that_only_holds_a_private_word_does_not(subject):
    assert reason(mail(subject=subject)) == Reason.CONTACT


@pytest.mark.parametrize(
    "words, subject, private",
    [
        (("  Ne  pas partager ",), "Re: ne pas partager.", True),
        (("ne pas partager",), "ne pas le partager", False),
        (("Straße",), "STRASSE", True),
        (("личное",), "Re: Личное", True),
        (("私用",), "【私用】の件", True),
        (("私用",), "来週の私用メール", True),
        (("निज",), "निजी", False),
        (("निजी",), "Re: निजी बात", True),
        (("か",), "が", False),
        (("さくら",), "はさくらです", True),
        (("ส่วนตัว",), "เรื่องส่วนตัวครับ", True),
        (("न",), "सीन", False),
        (("פרטי",), "פְּרָטִי", True),
        (("خاص",), "خَاصّ", True),
        (("\N{LOCK}",), "Hello\N{LOCK}you", True),
        (("c++",), "no C++, please", True),
        (("c",), "no C, please", True),
        (("", "  "), "anything at all", False),
        ((), "perso", False),
    ],
)
def test_companies_choose_their_own_private_words(words, subject, private):
    decided = reason(mail(subject=subject), policy(private_words=words))

    assert (decided == Reason.PRIVATE_WORD) == private


@pytest.mark.parametrize(
    "value, private",
    [
        ("private", True),
        ("Personal ", True),
        ("company-confidential", True),
        ("Company Confidential", True),
        ("confidential", True),
        ("normal", False),
        ("", False),
    ],
)
def test_sensitivity_keeps_a_mail_out(value, private):
    decided = reason(mail(sensitivity=value))

    assert (decided == Reason.SENSITIVITY) == private


# --- rule 5 --------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["to", "cc", "bcc", "reply_to"])
def test_excluded_domain_in_cc_excludes(role):
    """Pipedrive: a block list that failed if anyone else was in Cc."""
    envelope = mail(**{role: ("law@firm.example", "ben@house.example")})

    for value in (" firm.example", "@firm.example", "FIRM.example.", "*.firm.example"):
        excluding = policy(excluded_domains=frozenset({value}))
        assert reason(envelope, excluding) == Reason.EXCLUDED_DOMAIN
    excluding = policy(excluded_addresses=frozenset({" Law@Firm.Example "}))
    assert reason(envelope, excluding) == Reason.EXCLUDED_ADDRESS


def test_excluded_domain_takes_its_subdomains_along_and_nothing_else():
    excluding = policy(excluded_domains=frozenset({"firm.example"}))

    inside = mail(cc=("x@mail.eu.firm.example",))
    assert reason(inside, excluding) == Reason.EXCLUDED_DOMAIN
    for other in ("x@myfirm.example", "x@firm.example.org", "firm.example@x.example"):
        assert reason(mail(cc=(other,)), excluding) == Reason.CONTACT


def test_an_endless_domain_lies_in_none():
    """Thousands of labels have thousands of parents, each nearly as long."""
    assert parent_domains("x." * 20_000 + "firm.example") == (
        "x." * 20_000 + "firm.example",
    )
    assert parent_domains("a.b.example") == ("a.b.example", "b.example", "example")


def test_excluded_domain_in_letters_of_any_script():
    excluding = policy(excluded_domains=frozenset({"Bücher.example"}))

    envelope = mail(cc=("x@xn--bcher-kva.example",))
    assert reason(envelope, excluding) == Reason.EXCLUDED_DOMAIN


# --- rules 6 and 7 -------------------------------------------------------------------


def test_who_is_external():
    envelope = mail(
        sender="ben@house.example",
        to=("b@free.example", "b+shop@free.example", "bb@free.example"),
        cc=("x@sub.house.example", "carl@free.example", "x@otherhouse.example"),
        bcc=("drop@crm.example",),
        reply_to=("Anna@Customer.example",),
    )
    with_dropbox = policy(dropbox=" Drop@crm.example ")

    assert external(envelope, with_dropbox, DIRECTORY) == {
        "bb@free.example",
        "x@otherhouse.example",
        "anna@customer.example",
    }


def test_an_own_address_may_have_a_tag_itself():
    tagged = Policy(own_addresses=frozenset({"ben+crm@free.example"}))
    envelope = mail(to=("ben+crm@free.example", "ben@free.example"), sender="")

    assert external(envelope, tagged, DIRECTORY) == {"ben@free.example"}


def test_mail_among_colleagues_stays_out():
    colleagues = mail("x@house.example", cc=("y@sub.house.example",))

    assert reason(colleagues) == Reason.INTERNAL


def test_free_mail_is_not_internal():
    unknown = mail("someone@free.example", to=("b@free.example",))

    assert reason(unknown) == Reason.NO_CONTACT


def test_own_people_never_match_though_odoo_makes_contacts_of_them():
    known = DIRECTORY.known | {"ben@house.example", "carl@free.example"}
    careless = dataclasses.replace(DIRECTORY, known=known)

    assert reason(mail("carl@free.example"), directory=careless) == Reason.INTERNAL
    stranger = mail("x@y.example", cc=("carl@free.example",))
    assert reason(stranger, directory=careless) == Reason.NO_CONTACT


def test_a_company_domain_matches_only_where_allowed():
    colleague = mail("new@customer.example")

    assert judge(colleague).state == State.UNMATCHED
    assert judge(colleague, policy(match_domains=True)) == Decision(
        State.MIRRORED, Reason.DOMAIN, frozenset({"new@customer.example"})
    )
    part_of_it = mail("new@mail.customer.example")
    assert reason(part_of_it, policy(match_domains=True)) == Reason.NO_CONTACT


def test_more_facts_are_asked_for_only_after_the_match():
    for missing in (
        {"headers": None},
        {"parts": None},
        {"headers": None, "parts": None},
    ):
        assert judge(mail(**missing)) == Need("headers")
        assert reason(mail("x@y.example", **missing)) == Reason.NO_CONTACT
        assert reason(mail(subject="perso", **missing)) == Reason.PRIVATE_WORD


# --- rules 9 to 12 -------------------------------------------------------------------


NEWS = {"headers": {"list-unsubscribe": ("<https://n.example/u>",)}}


def test_a_one_way_mailbox_takes_only_what_its_owner_sent():
    one_way = policy(one_way=True)

    assert reason(mail(), one_way) == Reason.ONE_WAY
    assert reason(mail(), one_way, outgoing=True) == Reason.CONTACT


@pytest.mark.parametrize("role", ["to", "cc", "bcc"])
def test_the_dropbox_lets_in_what_is_pushed(role):
    pushed = mail(**{role: ("drop@crm.example",)}, **NEWS)
    settings = policy(one_way=True, dropbox="drop@crm.example")

    assert reason(pushed, settings) == Reason.DROPBOX
    assert reason(mail(**NEWS), settings) == Reason.ONE_WAY
    assert reason(pushed, policy(one_way=True)) == Reason.ONE_WAY
    unknown = dataclasses.replace(pushed, authors=people("x@y.example"))
    assert reason(unknown, settings) == Reason.NO_CONTACT


def test_the_allow_list_lets_bulk_in_but_overrules_no_exclusion():
    by_address = policy(allowed_addresses=frozenset({"Anna@customer.example"}))
    by_domain = policy(one_way=True, allowed_domains=frozenset({"customer.example"}))

    assert reason(mail(**NEWS)) == Reason.BULK_LIST_UNSUBSCRIBE
    assert reason(mail(**NEWS), by_address) == Reason.ALLOWED
    assert reason(mail(**NEWS), by_domain) == Reason.ALLOWED
    assert reason(mail(parts=INVITATION), by_address) == Reason.CALENDAR
    excluded = dataclasses.replace(
        by_address, excluded_domains=frozenset({"customer.example"})
    )
    assert reason(mail(**NEWS), excluded) == Reason.EXCLUDED_DOMAIN


def test_a_house_is_no_allowed_stranger():
    own = policy(one_way=True, allowed_domains=frozenset({"house.example"}))

    assert reason(mail(), own) == Reason.ONE_WAY


def test_what_the_owner_sent_is_never_bulk():
    answer = mail("ben@house.example", ("anna@customer.example",), **NEWS)

    assert reason(answer, outgoing=True) == Reason.CONTACT
    assert reason(answer) == Reason.BULK_LIST_UNSUBSCRIBE


def test_a_list_of_the_house_passes_on_what_customers_write():
    through = mail(headers={"list-id": ("Sales <sales.house.example>",)})

    assert reason(through) == Reason.CONTACT


def test_a_letter_to_the_owner_and_a_list_is_mirrored():
    fields = {"list-id": ("<pumps.lists.example>",), "precedence": ("list",)}
    answer = mail(cc=("pumps@lists.example",), headers=fields)
    tagged = dataclasses.replace(answer, to=people("b+x@free.example"))
    to_a_colleague = dataclasses.replace(answer, to=people("carl@free.example"))

    assert reason(answer) == Reason.CONTACT
    assert reason(tagged) == Reason.CONTACT
    assert reason(to_a_colleague) == Reason.BULK_LIST_ID


def test_roles_alone_are_nobody_unless_one_is_a_contact():
    domains = policy(match_domains=True)
    roles = ("info@customer.example", "no-reply@y.example")

    assert reason(mail(roles[0], roles[1:]), domains) == Reason.ROLE_ADDRESS
    assert reason(mail(roles[0], ("d@y.example",)), domains) == Reason.DOMAIN
    known = dataclasses.replace(DIRECTORY, known=frozenset(roles[:1]))
    assert reason(mail(roles[0]), domains, known) == Reason.CONTACT


# --- which way -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "said, sender, expected",
    [
        (True, "anna@customer.example", True),
        (False, "ben@house.example", False),
        (None, "ben@house.example", True),
        (None, "B+tag@free.example", True),
        (None, "carl@house.example", False),
        (None, "", False),
    ],
)
def test_outgoing_by_the_mailbox_else_by_the_sender(said, sender, expected):
    presence = Presence(Place("f", "1", "1"), NOW, envelope=mail(sender), outgoing=said)

    assert outgoing(presence, POLICY) is expected


def test_outgoing_without_envelope_is_what_the_mailbox_says():
    assert outgoing(Presence(Place("f", "1", "1"), NOW, key="k"), POLICY) is False
