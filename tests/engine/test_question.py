# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What do people paste when they ask where a mail is?"""

import pytest
from engine.providers.base import Query
from engine.question import Question, read_question
from hypothesis import given
from hypothesis import strategies as st

ANNA = "anna@customer.example"
ID = "A1.b-2@Mail.customer.example"


@pytest.mark.parametrize(
    "text, question",
    [
        # a Message-ID
        (f"Message-ID: <{ID}>", Question(message_id=ID)),
        (f"message-id:{ID}", Question(message_id=ID)),
        (f"Message-Id:\n  <{ID}>", Question(message_id=ID)),
        (f" References: <{ID}> <other@x.example>", Question(message_id=ID)),
        (f"mid:{ID}", Question(message_id=ID)),
        ("Message-ID: <without-at>", Question(message_id="without-at")),
        (
            f"From: Anna <{ANNA}>\r\nSubject: Offer\r\nMessage-ID: <{ID}>\r\n",
            Question(message_id=ID),
        ),
        # an address
        (f"mailto:{ANNA}?subject=x", Question(address=ANNA)),
        (f"From: Anna Doe <{ANNA}>", Question(address=ANNA)),
        (f'Doe, Anna <{ANNA.upper()}>', Question(address=ANNA)),
        (f'To: "Doe, Anna" <{ANNA}>, x@y.example', Question(address=ANNA)),
        ("From: =?utf-8?q?=C3=84nna?= <anna@bücher.example>",
         Question(address="anna@xn--bcher-kva.example")),
        # either
        (f"<{ID}>", Question(ID, ID.lower())),
        (f"  {ANNA} ", Question(ANNA, ANNA)),
        # a subject
        ("Offer for 20 pumps", Question(words="Offer for 20 pumps")),
        ("Re: Offer", Question(words="Re: Offer")),
        ("Subject: Re:  Offer", Question(words="Re: Offer")),
        ("Subject: =?utf-8?q?Ja_f=C3=BCr_Sie?=", Question(words="Ja für Sie")),
        ("Offer\nfor pumps", Question(words="Offer for pumps")),
        (f"Ask {ANNA} about it", Question(words=f"Ask {ANNA} about it")),
        ("見積書の件", Question(words="見積書の件")),
        ("@", Question(words="@")),
        # nothing
        ("", Question()),
        (" \n ", Question()),
        ("Subject:", Question(words="Subject:")),
    ],
)  # fmt: skip
def test_what_is_asked_for(text, question):
    assert read_question(text) == question


def test_what_the_provider_is_asked():
    assert read_question(ANNA).query == Query(
        addresses=(ANNA,), message_ids=(f"<{ANNA}>", ANNA)
    )
    assert read_question("Offer").query == Query(subject_words=("Offer",))
    assert not read_question(" ")


@given(st.text() | st.text(st.sampled_from("<>@:. \nSubject-ID")))
def test_anything_can_be_pasted(text):
    question = read_question(text)

    assert bool(question) == bool(text[:1000].strip())
    assert question.query is not None
