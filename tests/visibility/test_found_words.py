"""Search: which words find a mail, and for whom they find nothing."""

import random
import unicodedata
from datetime import datetime, timedelta

import pytest

from .table import MESSAGE
from .test_conversations import ALL, ids, of, pages
from .world import copy, letter, mailbox_of, person

DATE = datetime(2026, 6, 1, 12)
#: What stands in a mail, what finds it, what does not.
WORDS = (
    ("Résumé der Sitzung", "resume", "sume"),
    ("Resume of it", "RÉSUMÉ", "résumés"),
    ("Grüße aus der Straße", "gruss strasse", "strase"),
    ("Łódź, Kraków", "lodz krakow", "odz"),
    ("Œuvre in København", "oeuvre kobenhavn", "penhavn"),
    ("Ask anna.berg@acme-corp.test", "acme", "cme"),
    ("Ask anna.berg@acme-corp.test", "anna.berg@acme-c", "anna.corps"),
    ("Anna <anna@tagged.test> wrote", "tagged", "tag.ged"),
    ("See https://www.shop.test/offers?id=7", "shop offers", "hop"),
    ("Invoice INV-2024-0815", "inv-2024", "inv-2025"),
    ("Das ist l’offre d'été", "offre ete", "loffre"),
    ("Встреча завтра", "встреча", "треча"),
    ("Ｆｕｌｌ ｗｉｄｔｈ", "full width", "idth"),
    ("50% of AT&T's a\\b", "at&t", "&&|!:*"),
    ("Offer' & (list | more)", "offer' list", "offer' & lost"),
)


@pytest.fixture
def box(root, world):
    def of_owner(name, shares="everything"):
        return mailbox_of(root, world.users[name], f"{name}.{shares}@us.test", shares)

    return of_owner


@pytest.fixture
def post(root):
    """``post(box, subject, text)``: a mail in a mailbox; its id."""
    number = iter(range(10_000))

    def write(mailbox, subject, text, sharing=None, who="new@acme.test"):
        nth = next(number)
        message = letter(
            root,
            f"Words {nth}",
            DATE + timedelta(hours=nth),
            [("from", who), ("to", "new@us.test")],
            subject_raw=subject,
        )
        copy(root, message, mailbox, "in", text, sharing)
        return message

    return write


@pytest.fixture(params=["newest", "at once", "one by one"])
def sought(request, monkeypatch):
    """The three ways in which words are looked for, each made to be the only one."""
    from odoo.addons.crm_mail_mirror.models import (
        crm_mail_mirror_conversation_walk as walk,
    )
    from odoo.addons.crm_mail_mirror.models import (
        crm_mail_mirror_conversation_words as words,
    )

    at_once = {"newest": 2000, "at once": 2000, "one by one": 1}[request.param]
    monkeypatch.setattr(walk, "NEAREST", 400 if request.param == "newest" else 1)
    monkeypatch.setattr(words, "FOUND_AT_ONCE", at_once)
    return request.param


@pytest.mark.parametrize("place", ["subject", "text"])
@pytest.mark.parametrize("stands, finds, misses", WORDS)
def test_words_are_found_from_their_beginnings_without_accents(
    viewer, box, post, place, stands, finds, misses
):
    texts = {"subject": "Nothing", "text": "nothing", place: stands}
    mail, env = post(box("viewer"), **texts), viewer("0")

    assert ids(env, filters={"text": finds}) == [mail]
    assert ids(env, filters={"text": misses}) == []


def test_every_letter_is_asked_for_as_it_is_kept(root):
    """Else a word with that letter would never be found."""
    from odoo.tools import SQL

    from odoo.addons.crm_mail_mirror.models.found_words import asked_for, words_of

    letters = [
        chr(code)
        for code in range(0x80, 0x3000)
        if unicodedata.category(chr(code)) in ("Lu", "Ll", "Lt", "Lo", "Nd")
    ]
    missed = []
    for letter_ in letters:
        query = SQL(
            "SELECT %s @@ %s FROM (SELECT %s::text AS w) AS t",
            SQL(words_of("w")),
            asked_for(f"xa{letter_}b"),
            f"before xa{letter_}bcd",
        )
        root.cr.execute(query)
        if not root.cr.fetchone()[0]:
            missed.append(letter_)

    assert len(letters) > 5000
    assert not missed


def test_words_that_come_with_a_text_are_those_postgresql_makes_of_it(root):
    """Else mail would be found by other words than it was when it came."""
    from odoo.tools import SQL

    from odoo.addons.crm_mail_mirror.models.found_words import distinct, words_of

    pieces = list("aZ09 ._-<>&:~+@/'\"%;=?#\n\t\u00a0\u2028\u200b\u0130\u03a3ßẞÆœøłı")
    pieces += ["e\u0301", "É", "\ufb03", "한글", "日本", "мир", "١٢", "Σίσυφος", "🙂"]
    pieces += [
        "http://a.test/b?c=d",
        "a@b.test",
        "-1.5e-7",
        "&amp;",
        "<b c='d'>",
        "/x/y",
    ]
    chance = random.Random(7)
    texts = [
        "".join(chance.choices(pieces, k=chance.randrange(40))) for _ in range(9999)
    ]
    root.cr.execute(
        SQL(
            """SELECT t FROM unnest(%s::text[], %s::text[]) AS given(t, w)
                WHERE to_tsvector('simple', w) IS NULL
                   OR strip(to_tsvector('simple', w)) != %s""",
            texts,
            [distinct(text) for text in texts],
            SQL(words_of("t")),
        )
    )
    assert root.cr.fetchall() == []


def test_a_text_that_comes_without_its_words_has_them(viewer, box, post, root):
    mail, env = post(box("viewer"), "Plain", "Apples"), viewer("0")
    assert ids(env, filters={"text": "apples"}) == [mail]

    root.cr.execute(
        "UPDATE crm_mail_mirror_body SET text = 'Pears' WHERE message_id = %s", [mail]
    )
    assert ids(env, filters={"text": "apples"}) == []
    assert ids(env, filters={"text": "pears"}) == [mail]


@pytest.mark.parametrize("text", ["\ufdfa" * 100_000, "a" * 200_000, "é" * 3000])
def test_text_that_is_no_words_is_kept_all_the_same(viewer, box, post, text):
    mail = post(box("viewer"), "Plain", f"{text} later")

    assert ids(viewer("0"), filters={"text": "plain"}) == [mail]


def test_people_are_found_by_name_and_address_without_accents(
    root, viewer, box, post, sought
):
    mailbox = box("viewer")
    mail = post(mailbox, "One", "one", who="j.dvorak@praha.test")
    person(root, mail, DATE, "cc", "office@praha.test")
    root.cr.execute(
        "UPDATE crm_mail_mirror_participant SET name = 'Jiří Dvořák'"
        " WHERE message_id = %s AND role = 'from'",
        [mail],
    )
    for n in range(3):
        post(mailbox, f"Other {n}", "other")
    env = viewer("0")

    for asked in ("dvorak", "DVOŘÁK jir", "praha", "j.dvorak@praha.test", "office"):
        for scope in (ALL, of(_contact(root, "j.dvorak@praha.test"))):
            assert ids(env, scope, filters={"person": asked}) == [mail], asked
    for asked in ("vorak", "dvorak office", "%", "_"):
        assert ids(env, filters={"person": asked}) == [], asked


@pytest.mark.parametrize(
    "shares, sharing, by_subject, by_text",
    [
        ("metadata", None, False, False),
        ("subject", None, True, False),
        ("everything", None, True, True),
        ("everything", "private", False, False),
        ("everything", "subject", True, False),
        ("metadata", "everything", True, True),
    ],
)
def test_words_find_nothing_that_is_not_shared(
    viewer, box, post, sought, shares, sharing, by_subject, by_text
):
    """However they are looked for; and at a lower level not even what is shared."""
    mine, theirs = box("viewer"), box("peer", shares)
    seen = [post(mine, f"Mine {n}", "mine") for n in range(3)]
    mail = post(theirs, "Séance", "Réunion", sharing)
    seen += [post(mine, f"Mine again {n}", "mine") for n in range(3)]

    env = viewer("2")
    assert ids(env, filters={"text": "seance"}) == [mail] * by_subject
    assert ids(env, filters={"text": "reunion"}) == [mail] * by_text
    assert ids(env, filters={"text": "mine"}) == seen[::-1]
    env = viewer("1")
    for word in ("seance", "reunion"):
        assert ids(env, filters={"text": word}) == []


@pytest.mark.parametrize("few_mailboxes", [250, 0])
@pytest.mark.parametrize("tried, nearest", [(4, 3), (4, 1), (2000, 1)])
def test_answers_are_the_same_whether_others_have_the_word_or_not(
    root, viewer, box, post, monkeypatch, tried, nearest, few_mailboxes
):
    """Not even where a page ends tells that hidden mail holds it, or is there."""
    from odoo.addons.crm_mail_mirror.models import (
        crm_mail_mirror_conversation_walk as walk,
    )
    from odoo.addons.crm_mail_mirror.models import (
        crm_mail_mirror_conversation_window as window,
    )
    from odoo.addons.crm_mail_mirror.models import (
        crm_mail_mirror_conversation_words as words,
    )

    # 0: in windows of everybody's mail, which hidden mail fills
    monkeypatch.setattr(window, "FEW_MAILBOXES", few_mailboxes)
    # 1: the newest does not have the word, so that the index is asked
    monkeypatch.setattr(walk, "NEAREST", nearest)
    monkeypatch.setattr(walk, "TRIED", tried)
    monkeypatch.setattr(words, "FOUND_AT_ONCE", 12)
    mine, hidden = box("viewer"), box("peer")
    for n in range(12):
        post(mine, f"Mine {n}", "the word" if n % 3 == 1 else "nothing")

    def answers(env, **filters):
        told, before = [], None
        while not told or before:
            page = env[MESSAGE].get_conversations(ALL, filters, before, limit=3)
            told.append(page)
            before = page["next"]
        return told

    asked = ({"text": "word"}, {"person": "new"}, {"text": "word", "person": "acme"})
    alone = [answers(viewer("1"), **each) for each in asked]
    for n in range(40):
        date = DATE + timedelta(hours=n / 3)
        theirs = letter(root, f"Word {n}", date, [("from", "new@acme.test")])
        copy(root, theirs, hidden, "in", "the word")

    assert [answers(viewer("1"), **each) for each in asked] == alone
    assert answers(viewer("2"), **asked[0]) != alone[0]


def test_words_of_a_search_bar_find_the_same(viewer, box, post):
    mine, theirs = box("viewer"), box("peer", "subject")
    mail, other = post(mine, "One", "Réunion"), post(theirs, "Later", "Réunion")
    messages = viewer("2")[MESSAGE]

    assert messages.search([("words", "ilike", "reunion")]).ids == [mail]
    assert messages.search([("words", "ilike", "later")]).ids == [other]
    told = pages(viewer("2"), ALL, domain=[("words", "ilike", "reunion")])
    assert [one["id"] for one in told] == [mail]


def _contact(root, email):
    return root["res.partner"].create({"name": "Contact", "email": email}).id
