# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Addresses of functions: known names, a public list, and the people of real mail."""

import json
from pathlib import Path

import pytest
from engine.headers import parse_envelope
from engine.roles import is_role_address
from hypothesis import given
from hypothesis import strategies as st

CORPUS = Path(__file__).parents[3] / "shared" / "mail"

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the mail corpora (../shared/mail) are not here"
)


@pytest.mark.parametrize(
    "local",
    "info INFO contact kontakt sales sales2 support+fr no-reply no_reply no.reply"
    " noreply alerts-noreply noreply-dmarc newsletter admin billing comptabilite"
    " buchhaltung ventas vendite klantenservice assistenza datenschutz hr"
    " ne-pas-repondre salesteam itsupport hr-dept marketing-ops account.services"
    " all-employees team-sales dispo magazzino achats pedido klachten".split(),
)
def test_a_function_is_recognised(local):
    assert is_role_address(f"{local}@x.example")


@pytest.mark.parametrize(
    "local",
    "anna anna.sales j.contact infante salesman supporter admina noah nora.reply 2024 m"
    " +info jean-marc b.post marketa helper.m '' office.anna anna-team brand sem"
    " bot alla desk".split(),
)
def test_a_person_is_not(local):
    assert not is_role_address(f"{local}@x.example")


#: Group of the public list -> its names that are not known. The fourth group, 'other',
#: holds first names, towns and years: no measure.
UNKNOWN = {
    "marketing": "ambassador b2bdata brand channel-sales competition sem shopify"
    " team-sales-enablement",
    "notification": "abm-alerts arin-abuse automated.testing download emergency"
    " english-personalized-digest hit-reply instant-updates ispfeedback ispsupport"
    " pkginfo pullrequests-reply rsreply selectsupport sellersupport",
    "meeting": "meetup rezervari",
}


@needs_corpus
@pytest.mark.parametrize("group", UNKNOWN)
def test_names_of_a_public_list_of_functions_are_known(group):
    text = (CORPUS / "domains" / "role_local_parts.json").read_text("utf-8")
    names = json.loads(text)[group]

    unknown = [name for name in names if not is_role_address(f"{name}@x.example")]

    print(f"{group}: {len(names) - len(unknown)} of {len(names)} known")
    assert sorted(unknown) == sorted(UNKNOWN[group].split())


def senders():
    with open(CORPUS / "labels.jsonl", encoding="utf-8") as lines:
        for label in map(json.loads, lines):
            envelope = parse_envelope((CORPUS / label["path"]).read_bytes())
            yield from envelope.authors + envelope.to + envelope.cc


@needs_corpus
def test_people_of_real_mail_are_no_functions():
    """Senders and readers with a name of two words, one of them in front of the @."""
    people = {
        person.email
        for person in senders()
        for words in [person.name.lower().split()]
        if len(words) == 2 and words[1] in person.email.rpartition("@")[0]
    }

    functions = {email for email in people if is_role_address(email)}

    print(f"{len(people) - len(functions)} of {len(people)} are people's")
    assert len(people) > 100
    assert {email.rpartition("@")[0] for email in functions} == {
        "mailer-daemon",
        "admin",  # "Ad Min"
        "client",
        "nic",
    }


@given(st.text(st.characters()))
def test_any_text_has_an_answer(text):
    assert is_role_address(text) in (True, False)
