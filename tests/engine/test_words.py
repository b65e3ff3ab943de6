# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Private words: where they stand in a subject, and which may be one."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from engine.headers import parse_envelope
from engine.words import (
    DEFAULT_PRIVATE_WORDS,
    MAX_WORD,
    PrivateWords,
    WordProblem,
    has_private_word,
    problem_of,
)
from hypothesis import given
from hypothesis import strategies as st

CORPUS = Path(__file__).parents[3] / "shared" / "mail"

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the mail corpora (../shared/mail) are not here"
)


# --- where they stand ----------------------------------------------------------------


@pytest.mark.parametrize(
    "word, subject, private",
    [
        ("privat", "Privat: Urlaub", True),
        ("privat", "Privatsphäre", False),  # compounds are words of their own
        ("privat", "privat-urlaub", True),
        ("vertraulich", "Streng VERTRAULICH!", True),
        ("größe", "GRÖSSE", True),
        ("prywatne", "Re: Prywatne", True),
        ("özel", "OZEL konu", True),
        ("개인", "Re: 개인 메일", True),
        ("개인", "개인적인 일", False),  # Korean has spaces
        ("プライベート", "来週のプライベートメール", True),
        ("プライベート", "来週の件", False),
        ("私用", "私用メール", True),
        ("个人", "这是个人邮件", True),
        ("ส่วนตัว", "เรื่องส่วนตัวครับ", True),
        ("ne pas partager", "NE  PAS\tPARTAGER", True),
        ("\N{LOCK}", "\N{LOCK} photos", True),
        ("\N{ZERO WIDTH SPACE}perso\N{LEFT-TO-RIGHT MARK}", "perso", True),
        ("perso", "p.e.r.s.o", False),
        ("личное", "ЛИЧНОЕ", True),
        ("προσωπικό", "ΠΡΟΣΩΠΙΚΟ", True),
    ],
)
def test_words_of_other_languages_and_scripts(word, subject, private):
    assert has_private_word(subject, [word]) is private
    assert PrivateWords([word, "otherword"]).stand_in(subject) is private


WORDS = st.text(st.characters(categories=("Ll", "Lu", "Lo", "Mn", "Nd")), min_size=1)


@given(
    WORDS, st.sampled_from(["", "Re: ", "[", "a "]), st.sampled_from(["", "]", " b"])
)
def test_a_word_between_signs_is_found(word, before, after):
    if unicodedata.category(word[0])[0] == "M":
        return  # belongs to whatever stands before it
    found = PrivateWords([word]).stand_in(f"{before}{word}{after}")

    assert found or problem_of(word) == WordProblem.EMPTY


@given(st.lists(st.text(max_size=8), max_size=6), st.text())
def test_many_words_are_found_as_each_alone(words, subject):
    alone = any(PrivateWords([word]).stand_in(subject) for word in words)

    assert PrivateWords(words).stand_in(subject) == alone
    assert has_private_word(subject, words) == alone


#: Subject beginnings of real mail that carry a default word: all of them are in the
#: corpora, none is the mail of a person.
@needs_corpus
def test_default_words_keep_no_ordinary_mail_out():
    hits, total = [], 0
    with open(CORPUS / "labels.jsonl", encoding="utf-8") as lines:
        for label in map(json.loads, lines):
            subject = parse_envelope((CORPUS / label["path"]).read_bytes()).subject
            total += 1
            if has_private_word(subject, DEFAULT_PRIVATE_WORDS):
                hits.append(subject)

    print(f"{len(hits)} of {total} subjects hold a default word")
    assert hits == []
    assert total > 1200


@needs_corpus
def test_each_word_of_real_subjects_is_found_in_any_case():
    """In twelve languages and their scripts."""
    total, missed = 0, set()
    with open(CORPUS / "labels.jsonl", encoding="utf-8") as lines:
        for label in map(json.loads, lines):
            subject = parse_envelope((CORPUS / label["path"]).read_bytes()).subject
            for word in re.findall(r"[^\W_]{2,}", subject):
                total += 1
                for typed in (word.upper(), word.lower(), word.title()):
                    if not has_private_word(subject, [typed]):
                        missed.add(word)

    print(f"{total - len(missed)} of {total} words found")
    assert total > 5_000
    assert missed == set()


# --- which may be one ----------------------------------------------------------------


@pytest.mark.parametrize(
    "word, problem",
    [
        *((word, None) for word in DEFAULT_PRIVATE_WORDS),
        ("confidentiel", None),
        ("ne pas partager", None),
        ("c++", None),
        ("US$", None),
        ("[perso]", None),
        ("[e-mail]", None),
        ("(privé)", None),
        ("perso?", None),
        ("42", None),
        ("личное", None),
        ("개인", None),
        ("\N{LOCK}", None),
        ("\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}", None),
        ("", "empty"),
        (" \t", "empty"),
        ("\N{SOFT HYPHEN}", "empty"),
        ("p", "too_short"),
        ("É", "too_short"),
        ("p.", "too_short"),
        ("#1", "too_short"),
        ("私", "too_short"),
        ("x" * (MAX_WORD + 1), "too_long"),
        ("...", "no_letter"),
        ("-", "no_letter"),
        ("[]", "no_letter"),
        ("|", "no_letter"),
        ("per\nso", "control"),
        ("per\0so", "control"),
        ("\ud800perso", "control"),
        ("*", "wildcard"),
        ("perso*", "wildcard"),
        (".*", "wildcard"),
        ("perso.+", "pattern"),
        (r"\bperso\b", "pattern"),
        ("^perso", "pattern"),
        ("perso$", "pattern"),
        ("perso|privé", "pattern"),
        ("[a-z]", "pattern"),
        ("(?i)perso", "pattern"),
        ("(?:perso)", "pattern"),
        ("(perso)+", "pattern"),
        ("x{2}", "pattern"),
        ("colou?r", "pattern"),
        ("Re", "reply_mark"),
        ("RE:", "reply_mark"),
        ("fwd", "reply_mark"),
        ("AW:", "reply_mark"),
        ("回复", "reply_mark"),
        ("私用", "matches_inside"),
        ("プライベート", "matches_inside"),
        ("ส่วนตัว", "matches_inside"),
    ],
)
def test_which_words_may_be_private(word, problem):
    assert problem_of(word) == problem
    assert problem is None or WordProblem(problem)


def test_only_words_without_spaces_are_but_warned_of():
    assert [p for p in WordProblem if p.is_warning] == [WordProblem.MATCHES_INSIDE]


@given(st.text(st.characters()))
def test_any_text_is_judged_and_what_is_allowed_can_match(word):
    problem = problem_of(word)

    if problem is None or problem.is_warning:
        if not unicodedata.category(word.strip()[0]).startswith("M"):
            assert has_private_word(f"Re: {word.strip()}", [word])
