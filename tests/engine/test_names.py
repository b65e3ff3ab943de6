# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Names of suggested contacts: how people write them, and how real mail has them."""

import json
import unicodedata
from pathlib import Path

import pytest
from engine.name_words import squeezed
from engine.names import MAX_NAME, SuggestedName, suggested_name
from hypothesis import given
from hypothesis import strategies as st

MAIL = Path(__file__).parents[3] / "shared" / "mail"

needs_corpus = pytest.mark.skipif(
    not MAIL.is_dir(), reason="the mail corpora (../shared/mail) are not here"
)


def name(display, email="x@firm.example"):
    return suggested_name(display, email).name


# --- order ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "display, expected",
    [
        ("John Doe", "John Doe"),
        ("Doe, John", "John Doe"),
        ("doe, john", "John Doe"),
        ("DOE, John", "John Doe"),
        ("van der Berg, Jan", "Jan van der Berg"),
        ("García López, Ana María", "Ana María García López"),
        ("Иванов, Иван", "Иван Иванов"),
        ("Doe, John, PhD", "John Doe"),
        ("Doe, Dr. John Paul", "John Paul Doe"),
        ("Doe, John Jr.", "John Doe Jr."),
        ("Doe Jr., John", "John Doe Jr."),
        ("Doe, Jr., John", "John Doe Jr."),
        ("John Doe, Jr.", "John Doe Jr."),
        ("John Doe, PhD, MBA", "John Doe"),
        ("DOE John", "John Doe"),
        ("DOE-SMITH John Paul", "John Paul Doe-Smith"),
        ("VAN DER BERG Jan", "Jan van der Berg"),
        ("McDONALD Ronald", "Ronald McDonald"),
        ("d'ARTAGNAN Charles", "Charles d'Artagnan"),
        ("ИВАНОВ Иван", "Иван Иванов"),
        ("John DOE", "John Doe"),
        ("JOHN DOE", "John Doe"),
        ("john doe", "John Doe"),
        ("Doe John", "Doe John"),  # nothing tells
        ("AJ Smith", "AJ Smith"),
        ("IBM Support", "IBM Support"),
        ("Acme, Inc.", "Acme, Inc."),
        ("Acme GmbH", "Acme GmbH"),
    ],
)
def test_given_name_first(display, expected):
    assert name(display) == expected


@pytest.mark.parametrize(
    "display, email, expected",
    [
        ("WU Wei", "wei.wu@firm.example", "Wei Wu"),
        ("WU Wei", "x@firm.example", "WU Wei"),
        ("DJ Shadow", "dj.shadow@firm.example", "DJ Shadow"),
        ("ACME Cars", "x@acme.example", "ACME Cars"),
        ("ACME Cars", "acmecars@gmail.com", "ACME Cars"),
        ("ACME Cars", "online#3.195@news.example", "ACME Cars"),
        ("DOE John", "doe@gmail.com", "John Doe"),
    ],
)
def test_the_address_tells_families_from_companies(display, email, expected):
    assert name(display, email) == expected


@pytest.mark.parametrize(
    "display, expected",
    [
        ("山田太郎", "山田太郎"),
        ("山田 太郎", "山田 太郎"),
        ("山田, 太郎", "山田 太郎"),
        ("山田太郎様", "山田太郎"),
        ("田中さん", "田中"),
        ("王小明", "王小明"),
        ("김철수 님", "김철수"),
        ("김, 철수", "김 철수"),
        ("ヤマダ タロウ", "ヤマダ タロウ"),
        ("Nguyễn Văn A", "Nguyễn Văn A"),
        ("สมชาย ใจดี", "สมชาย ใจดี"),
        ("प्रिया शर्मा", "प्रिया शर्मा"),
    ],
)
def test_names_whose_script_begins_with_the_family_stay(display, expected):
    assert name(display) == expected


# --- what stands around it -----------------------------------------------------------


@pytest.mark.parametrize(
    "display, expected",
    [
        ("Dr. Jane Doe", "Jane Doe"),
        ("Herr Prof. Dr. Max Müller", "Max Müller"),
        ("MR JOHN SMITH", "John Smith"),
        ("Mme Anne-Marie LE GOFF", "Anne-Marie le Goff"),
        ("Dr. House", "Dr. House"),
        ("'Jane Doe'", "Jane Doe"),
        ("\"'Jane Doe'\"", "Jane Doe"),
        ("„Jane Doe“", "Jane Doe"),
        ("«Jane Doe»", "Jane Doe"),
        ('Robert "Bob" Smith', "Robert Smith"),
        ("William (Bill) Gates", "William Gates"),
        ("Robert Smith (Rob)", "Robert Smith"),
        ("Jane Doe (she/her)", "Jane Doe"),
        ("Jane Doe (EXT)", "Jane Doe"),
        ("O'BRIEN Mary", "Mary O'Brien"),
        ("İSMAİL YILMAZ", "İsmail Yilmaz"),
        ("Sandy M.", "Sandy M."),
    ],
)
def test_titles_quotes_and_notes_are_left_out(display, expected):
    assert suggested_name(display, "x@firm.example") == SuggestedName(expected)


@pytest.mark.parametrize(
    "display, email, expected, company",
    [
        ("Jane (Acme)", "x@gmail.com", "Jane", "Acme"),
        ("Jane Doe [Acme Ltd]", "x@gmail.com", "Jane Doe", "Acme Ltd"),
        ("Doe, Jane (Acme)", "x@gmail.com", "Jane Doe", "Acme"),
        ("山田太郎（アクメ）", "x@gmail.com", "山田太郎", "アクメ"),
        ("Jane Doe | Acme", "x@gmail.com", "Jane Doe", "Acme"),
        ("Jane Doe - Acme GmbH", "x@gmail.com", "Jane Doe", "Acme GmbH"),
        ("Jane from Acme", "x@gmail.com", "Jane", "Acme"),
        ("Jane @ Acme", "x@gmail.com", "Jane", "Acme"),
        ("Acme | Jane Doe", "jane.doe@acme.example", "Jane Doe", "Acme"),
        ("Acme GmbH - Jane Doe", "x@gmail.com", "Jane Doe", "Acme GmbH"),
        ("Jane Doe, Acme", "jane.doe@acme.example", "Jane Doe", "Acme"),
        ("Jane Doe, Acme Inc.", "x@gmail.com", "Jane Doe", "Acme Inc."),
    ],
)
def test_the_company_is_told_apart(display, email, expected, company):
    assert suggested_name(display, email) == SuggestedName(expected, company)


@pytest.mark.parametrize(
    "display, email, company",
    [
        ("Jane Doe via Acme", "noreply@acme.example", "Acme"),
        ("'Jane DOE' via Sales", "sales@house.example", "Sales"),
        ("Jane Doe (JIRA)", "jira@firm.example", "JIRA"),
    ],
)
def test_the_address_of_a_service_is_not_hers(display, email, company):
    assert suggested_name(display, email) == SuggestedName("Jane Doe", company, True)


# --- no name -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "email, expected",
    [
        ("john.doe@firm.example", "John Doe"),
        ("john_doe@firm.example", "John Doe"),
        ("john.doe+crm@firm.example", "John Doe"),
        ("john.doe42@firm.example", "John Doe"),
        ("j.doe@firm.example", "J. Doe"),
        ("john.q.public@firm.example", "John Q. Public"),
        ("jean-pierre.dupont@firm.example", "Jean-Pierre Dupont"),
        ("jan.van.der.berg@firm.example", "Jan van der Berg"),
        ("ext.john.doe@firm.example", "John Doe"),
        ("山田.太郎さん@firm.example", "山田 太郎さん"),
        ("jdoe@firm.example", ""),
        ("anna@firm.example", ""),
        ("john-doe@firm.example", ""),  # lists have such addresses
        ("a.b@firm.example", ""),
        ("bounce.x82hd.anna@firm.example", ""),
        ("f3a.9cc0de@firm.example", ""),
        ("anna.sales@firm.example", ""),
        ("info@firm.example", ""),
        ("no.reply@firm.example", ""),
        ("sales.team@firm.example", ""),
        ("undisclosed.recipients@firm.example", ""),
        ("one.two.three.four.five@firm.example", ""),
        ("", ""),
        ("@", ""),
        ("...@x", ""),
    ],
)
@pytest.mark.parametrize("copied", [False, True])
def test_the_address_gives_a_name_if_it_can_be_nothing_else(email, expected, copied):
    assert name(email if copied else "", email) == expected
    assert name(f"<{email}>", email) == expected


@pytest.mark.parametrize(
    "display",
    [
        "info",
        "Sales Team",
        "MAILER-DAEMON",
        "firm.example",
        "www.firm.example",
        "john_doe",
        "+33 6 12 34 56 78",
        "1234567",
        "-",
        "()",
        '""',
        "\N{ROCKET}\N{ROCKET}",
        "other@else.example",
        "±³À°ÆÀ",
        "Jane D\N{REPLACEMENT CHARACTER}e",
        "\0",
    ],
)
def test_what_is_no_name_gives_way_to_the_address(display):
    assert name(display, "john.doe@firm.example") == "John Doe"
    assert name(display, "x@firm.example") == ""


@pytest.mark.parametrize(
    "display, expected",
    [
        ("\N{ROCKET} Jane Doe \N{PARTY POPPER}", "Jane Doe"),
        ("Jane\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}Doe", "Jane Doe"),
        ("Jane\0Doe", "Jane Doe"),
        ("Jane\r\n Doe", "Jane Doe"),
        ("Jane\N{NO-BREAK SPACE}Doe", "Jane Doe"),
        (
            "\N{RIGHT-TO-LEFT EMBEDDING}שרה כהן\N{POP DIRECTIONAL FORMATTING}",
            "שרה כהן",
        ),
        ("\N{RIGHT-TO-LEFT OVERRIDE}moc.live\N{LEFT-TO-RIGHT MARK}", ""),
        (
            "محمد علی\N{ZERO WIDTH NON-JOINER}رضا",
            "محمد علی\N{ZERO WIDTH NON-JOINER}رضا",
        ),
        ("E\N{COMBINING ACUTE ACCENT}va Doe", "Éva Doe"),
    ],
)
def test_pictures_and_invisible_characters_go(display, expected):
    assert name(display) == expected


def test_an_endless_name_is_cut_between_words():
    long = name("Jane " * 10_000)

    assert len(long) <= MAX_NAME
    assert set(long.split()) == {"Jane"}
    assert name("x" * 10_000) == "x" * MAX_NAME


# --- any name ------------------------------------------------------------------------

GIVEN = st.sampled_from("John Anne-Marie José Zoë Иван Ελένη".split())
FAMILY = st.sampled_from(
    ["Doe", "Smith", "van der Berg", "O'Brien", "García López", "Петров", "Müller"]
)
STYLES = st.sampled_from(
    [
        "{0} {1}",
        "{1}, {0}",
        '"{0} {1}"',
        "'{1}, {0}'",
        "Dr. {0} {1}",
        "{0} {1}, PhD",
        "{0} {1} (Acme)",
        "{0} {1} | Acme",
        "{0} {1} via Acme",
        "{0}  {1}",
        "{1}, {0} (Acme)",
        "\N{BLACK HEART SUIT} {0} {1}",
    ]
)


@given(GIVEN, FAMILY, STYLES)
def test_a_person_is_called_the_same_however_it_is_written(given_name, family, style):
    found = suggested_name(style.format(given_name, family), "x@firm.example")

    assert found.name == f"{given_name} {family}"
    assert found.company == ("Acme" if "Acme" in style else "")
    assert found.is_relayed == (" via " in style)


LINES = st.text(st.characters(), max_size=80) | st.from_regex(
    r"[\"'(\[]?[A-Za-zÀ-ž山田김]{1,9}[,. ]{1,2}[A-Za-z]{1,9}[)\]|\"']?.{0,9}"
)
ADDRESSES = st.text(st.characters(), max_size=40) | st.from_regex(
    r"\A[a-z]{1,9}[._-]?[a-z0-9]{0,9}@[a-z]{2,9}\.example\Z"
)


@given(LINES, ADDRESSES)
def test_any_header_gives_a_clean_name_or_none(display, email):
    found = suggested_name(display, email)

    for text in (found.name, found.company):
        assert len(text) <= MAX_NAME
        assert text == " ".join(text.split())
        assert not {unicodedata.category(char) for char in text} & {"Cc", "Cs", "Co"}
        assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068")
    assert found.name or not (found.company or found.is_relayed)
    assert suggested_name(display, email) == found


# --- real mail -----------------------------------------------------------------------


def correspondents():
    """All (display name, address) on which two of three parser families agree."""
    found = set()
    with open(MAIL / "facts.jsonl", encoding="utf-8") as lines:
        for facts in (json.loads(line)["facts"] for line in lines):
            for role in ("from", "to", "cc", "reply_to"):
                names, emails = facts.get(f"{role}_name", ()), facts.get(role, ())
                if len(names) == len(emails):
                    found |= set(zip(names, emails, strict=True))
    return sorted(found)


#: Of correspondents with a Latin display name of two words or more: addresses that
#: give a name with other letters. The first are the same person, called otherwise.
OTHERWISE = {
    "bob.didtakandison@example.com",  # Viðtakandison
    "carol.didtakandidottir@example.com",
    "dan.vidtakandison@example.com",
    "eve.vidtakandidottir@example.com",
    "david.ddo@linagora.com",
    "john.q.public@example.com",  # Joe
    "laura.ro@linagora.com",
    "martin_francis7@yahoo.fr",
    "raph.ouazana@linagora.com",
    "vladi.pimenov@enron.com",
    # wrong
    "discovercard_newsflash@discover.qrs1.net",
    "k.heinz.aug.zwei@onlinehome.de",
    "mkettler_sa@comcast.net",
    "msquadrat.nospamplease@gmx.net",
}


@needs_corpus
def test_names_from_real_addresses_are_those_that_stand_beside_them():
    right, otherwise, none = set(), set(), set()

    for display, email in correspondents():
        full = name(display, email)
        if " " in full and display and max(display) < "\u0300" and "@" not in display:
            guessed = name("", email)
            same = squeezed(guessed) == squeezed(full)
            (right if same else otherwise if guessed else none).add(email)

    print(f"{len(right)} right, {len(otherwise)} otherwise, {len(none)} without")
    assert otherwise == OTHERWISE
    assert len(right) == 38


#: Display name -> name, of all real ones that come out with other letters.
REWRITTEN = {
    "Andrey G. Sergeev (AKA Andris)": "Andrey G. Sergeev",
    "COL. MICHAEL BUNDU": "Michael Bundu",
    "DR SAMUEL EBOKA": "Samuel Eboka",
    "Eric Charles (JIRA)": "Eric Charles",
    "James C. McMaster (Jim)": "James C. McMaster",
    "Jonas Sterr - ProxForge": "Jonas Sterr",
    "Luc DUZAN (JIRA)": "Luc Duzan",
    "Nadająca, Alicja": "Alicja Nadająca",
    "Neko, Nyaan": "Nyaan Neko",
    "OUAZANA Raphael": "Raphael Ouazana",
    "Odbierająca, Ewa": "Ewa Odbierająca",
    "Odbierająca, Karolina": "Karolina Odbierająca",
    "Odbierający, Bob": "Bob Odbierający",
    "Odbierający, Daniel": "Daniel Odbierający",
    "Reza B'Far (eBuilt)": "Reza B'Far",
    "Sendandidóttir, Alice": "Alice Sendandidóttir",
    "Tellier Benoit (JIRA)": "Tellier Benoit",
    "Viðtakandison, Bob": "Bob Viðtakandison",
    "Viðtakandison, Dan": "Dan Viðtakandison",
    # no people, or not for certain
    "Beverly Hills MD": "Beverly Hills",
    "Compte Test 15 (Linagora)": "Compte Test 15",
    "Content-filter at example.com": "Content-filter",
    "Content-filter at neko1.example.com": "Content-filter",
    "Content-filter at spam.apache.org": "Content-filter",
    "Content-filter at spam.minet.net": "Content-filter",
    'Giant; "Big" Box': "Giant; Box",
    "IQ - DBS": "IQ",
    "IQ - Jefferson Pilot": "IQ",
    "IQ - LSI": "IQ",
    "uncle_slacky": "Robert Chambers",
}


@needs_corpus
def test_most_real_names_stay_as_they_are():
    rows = [(d, e, suggested_name(d, e)) for d, e in correspondents() if d]

    rewritten = {
        display: found.name
        for display, _email, found in rows
        if found.name
        and squeezed(found.name) != squeezed(display)
        and "@" not in display
    }
    same = sum(found.name == display for display, _email, found in rows)

    print(f"{same} of {len(rows)} names unchanged, {len(rewritten)} rewritten")
    assert rewritten == REWRITTEN
    assert (same, len(rows)) == (470, 612)  # 80 more are logins, functions, hosts
