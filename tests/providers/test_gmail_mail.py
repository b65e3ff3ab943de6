# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Headers, structure and texts of mail at Gmail."""

import base64
import random
import time
import tracemalloc
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from engine import mime, text
from engine.envelope import Envelope
from engine.providers import gmail_bodies, gmail_mail
from engine.providers.base import (
    Budget,
    MessageBroken,
    MessageGone,
    Place,
    Presence,
    ProviderError,
    Unavailable,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.gmail_mailbox import gmail_mailbox
from tests.providers.letters import START, letter
from tests.providers.store import Store

CORPUS = Path(__file__).parents[3] / "shared/mail/mail"


@pytest.fixture
def mailbox(google, new_login):
    with gmail_mailbox(google, new_login) as mailbox:
        yield mailbox


@pytest.fixture
def store():
    return Store()


def known(provider, store) -> list:
    batches = store.sync(provider)
    return [(p.place, p.envelope) for b in batches for p in b.present]


def only(pairs):
    ((_place, answer),) = pairs
    return answer


# --- what is downloaded --------------------------------------------------------------


def test_not_one_byte_of_a_body_before_it_is_wanted(mailbox, tap, store):
    marker = b"the body of number %d which nobody may see"
    for number in range(4):
        mailbox.owner.append(
            "INBOX",
            letter(
                number,
                (marker % number).decode(),
                html=f"<p>{(marker % number).decode()}</p>",
                attachment=b"the attached file " * 50,
            ),
        )

    with mailbox.open(tap) as provider:
        mails = known(provider, store)
        before = bytes(tap.heard)
        wanted = [m for m in mails if m[1].message_id == "<2@letters.example>"]
        bodies = dict(provider.fetch(wanted))
        after = bytes(tap.heard)[len(before) :]

    assert len(mails) == 4
    assert not any(piece in before for piece in shapes(b"which nobody may see"))
    assert only(bodies.items()).text == (marker % 2).decode()
    assert not any(piece in before + after for piece in shapes(b"the attached file "))
    for number in (0, 1, 3):
        assert not any(piece in after for piece in shapes(b"number %d which" % number))


def shapes(content: bytes) -> list[bytes]:
    """What these bytes look like in base64, wherever they stand in a text."""
    found = [content]
    for shift in range(3):
        encoded = base64.urlsafe_b64encode(b"x" * shift + content)
        found.append(encoded[4 : len(encoded) - 4])
    return found


def test_texts_cost_one_question_a_mail(mailbox, store, provider, google):
    for number in range(60):
        mailbox.owner.append("INBOX", letter(number, html="<p>x</p>", attachment=b"x"))
    google.clear_requests()
    mails = known(provider, store)
    listed = google.units(mailbox.login)

    assert len(dict(provider.fetch(mails))) == 60

    assert listed == 1 + 1 + 5 + 60 * 20
    assert google.units(mailbox.login) - listed == 60 * 20
    posts = [line for line in google.requests() if line.startswith("POST")]
    assert len(posts) == 4  # 50 and 10, headers and texts
    assert provider.traffic.units == google.units(mailbox.login)


def test_large_text_comes_by_its_id(mailbox, store, provider, google):
    long = "\n".join(f"line {n} of a long text" for n in range(9_000))
    mailbox.owner.append("INBOX", letter(1, long, attachment=b"y" * 300_000))
    mails = known(provider, store)
    google.clear_requests()

    body = only(provider.fetch(mails))

    assert body.text == long
    assert google.units(mailbox.login) == 40
    assert [one.name for one in body.attachments] == ["1.pdf"]


def test_too_large_text_is_not_downloaded(mailbox, store, provider, monkeypatch):
    monkeypatch.setattr(text, "MAX_PART", 100_000)
    mailbox.owner.append("INBOX", letter(1, "long text\n" * 20_000))
    mails = known(provider, store)
    before = provider.traffic.received

    body = only(provider.fetch(mails))

    assert (body.text, body.truncated) == ("", True)
    assert provider.traffic.received - before < 5_000


def test_much_text_comes_in_several_requests(mailbox, store, provider, google):
    google.habit(large_text=10**9)
    try:
        for number in range(9):
            mailbox.owner.append("INBOX", letter(number, "long text\n" * 100_000))
        mails = known(provider, store)
        google.clear_requests()

        bodies = dict(provider.fetch(mails))
    finally:
        google.habit(large_text=64 * 1024)

    assert len(bodies) == 9
    assert all(len(body.text) == text.MAX_TEXT for body in bodies.values())
    assert len([line for line in google.requests() if line.startswith("POST")]) == 3


def test_mail_thrown_away_meanwhile_has_no_text(mailbox, store, provider):
    refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(2)]
    mails = known(provider, store)
    mailbox.owner.move("INBOX", refs[0], "Trash")

    answers = {place.ref: answer for place, answer in provider.fetch(mails)}

    assert isinstance(answers[refs[0]], MessageGone)
    assert answers[refs[1]].text == "hello"


# --- structure -----------------------------------------------------------------------


def nested(depth: int) -> bytes:
    """A text within so many multiparts."""
    part = MIMEText("the text at the bottom")
    for _ in range(depth):
        outer = MIMEMultipart("mixed")
        outer.attach(part)
        part = outer
    part["From"], part["To"] = "ann@customer.example", "alice@example.com"
    part["Message-ID"] = "<1@letters.example>"
    return part.as_bytes()


@pytest.mark.parametrize("depth", [1, 4, 7, 8, 9, 12, 30])
def test_text_is_found_however_deep(mailbox, tap, store, depth):
    mailbox.owner.append("INBOX", nested(depth))

    with mailbox.open(tap) as provider:
        mails = known(provider, store)
        assert not any(piece in tap.heard for piece in shapes(b"text at the bottom"))
        body = only(provider.fetch(mails))

    assert body.text == "the text at the bottom"
    assert not body.attachments


def test_mail_within_a_mail(mailbox, store, provider):
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "bob@inner.example", "inner"
    inner.set_content("the inner text")
    inner.add_attachment(
        b"%PDF", maintype="application", subtype="pdf", filename="i.pdf"
    )
    outer = EmailMessage()
    outer["From"], outer["Message-ID"] = "ann@customer.example", "<1@letters.example>"
    outer.set_content("the outer text")
    outer.add_attachment(inner, filename="fwd.eml")
    mailbox.owner.append("INBOX", outer.as_bytes())
    mails = known(provider, store)

    body = only(provider.fetch(mails))

    assert body.text == "the outer text"
    assert [one.name for one in body.attachments] == ["fwd.eml"]
    assert [part.ref for part in mails[0][1].parts] == [
        leaf.part.ref for leaf in mime.leaves(outer.as_bytes())
    ]


def test_attachments_of_all_shapes_are_streamed_byte_true(mailbox, store, provider):
    rng = random.Random(5)
    contents = [b"", b"a", b"ab", b"abc", rng.randbytes(700_001), b"\xff" * 262_144]
    mail = EmailMessage()
    mail["From"], mail["Message-ID"] = "ann@customer.example", "<1@letters.example>"
    mail.set_content("text")
    for number, content in enumerate(contents):
        mail.add_attachment(
            content, maintype="application", subtype="x", filename=f"{number}.bin"
        )
    mailbox.owner.append("INBOX", mail.as_bytes())
    ((place, envelope),) = known(provider, store)

    files = [part for part in envelope.parts if part.filename]
    found = [b"".join(provider.attachment(place, part.ref)) for part in files]

    assert found == contents
    text_part = envelope.parts[0].ref
    assert b"".join(provider.attachment(place, text_part)).strip() == b"text"


def test_attachment_that_is_not_there(mailbox, store, provider):
    ref = mailbox.owner.append("INBOX", letter(1, attachment=b"x"))
    ((place, envelope),) = known(provider, store)

    for wrong in ("", "9", "2.1", "x"):
        with pytest.raises(MessageGone):
            list(provider.attachment(place, wrong))
    mailbox.owner.expunge("INBOX", ref)
    with pytest.raises(MessageGone):
        list(provider.attachment(place, envelope.parts[-1].ref))


def test_an_attachment_is_not_held_in_memory(mailbox, store, provider):
    size = 12_000_000
    mailbox.owner.append("INBOX", letter(1, attachment=b"z" * size))
    ((place, envelope),) = known(provider, store)
    tracemalloc.start()

    total = sum(map(len, provider.attachment(place, envelope.parts[-1].ref)))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == size
    assert peak < 3_000_000


@pytest.mark.parametrize(
    "pieces",
    [
        [b'{"size": 3, "data": "YWJj"}'],
        [b'{"da', b'ta"', b": ", b'"Y', b"W", b'Jj"', b', "size": 3}'],
        [b'{"data":"YWI\\u003d"}'],
        [b'{"data":"YWI\\', b'u003d"}'],
        [b'{"data":"YWI="}'],
        [b'{"data":"YWI"}'],
        [b'{"size":0}'],
        [b'{"data":""}'],
    ],
)
def test_pieces_of_an_answer_in_any_shape(pieces):
    expected = {b"YWJj": b"abc", b"YW": b"ab", b"Y": b"abc"}
    joined = b"".join(pieces)
    wanted = next((e for k, e in expected.items() if k in joined), b"")

    assert b"".join(gmail_bodies._from_json(iter(pieces))) == wanted


def test_attachment_that_breaks_off_is_no_attachment():
    with pytest.raises(Unavailable):
        list(gmail_bodies._from_json(iter([b'{"data": "YWJj', b"YWJj"])))


# --- charsets and headers ------------------------------------------------------------


@pytest.mark.parametrize("utf8_bodies", [True, False])
@pytest.mark.parametrize(
    "charset, said",
    [
        ("iso-8859-1", "Grüße aus Köln, très bien"),
        ("windows-1251", "Привет, как дела?"),
        ("iso-2022-jp", "こんにちは、世界"),
        ("shift_jis", "こんにちは、世界"),
        ("gb2312", "你好,世界。这是一封信"),
        ("euc-kr", "안녕하세요 세계"),
        ("utf-8", "naïve €"),
        ("us-ascii", "plain"),
    ],
)
def test_text_in_its_charset_or_in_utf8(
    mailbox, store, provider, google, utf8_bodies, charset, said
):
    mail = MIMEText(said, "plain", charset)
    mail["From"], mail["Message-ID"] = "ann@customer.example", "<1@letters.example>"
    mailbox.owner.append("INBOX", mail.as_bytes())
    google.habit(utf8_bodies=utf8_bodies)
    try:
        body = only(provider.fetch(known(provider, store)))
    finally:
        google.habit(utf8_bodies=True)

    assert body.text == said


@pytest.mark.parametrize("decoded", [True, False])
def test_headers_encoded_or_not(mailbox, store, provider, google, decoded):
    raw = (
        b"From: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <joerg@customer.example>\r\n"
        b"To: alice@example.com,\r\n bob@example.com\r\n"
        b"Subject: =?iso-8859-1?q?Gr=FC=DFe?= an\r\n =?utf-8?b?4oKs?=\r\n"
        b"List-Id: News <news.customer.example>\r\n"
        b"Sensitivity: Private\r\n"
        b"Message-ID: <1@letters.example>\r\n\r\ntext\r\n"
    )
    mailbox.owner.append("INBOX", raw)
    google.habit(decoded_headers=decoded)
    try:
        ((_place, envelope),) = known(provider, store)
    finally:
        google.habit(decoded_headers=True)

    (author,) = envelope.authors
    assert (author.name, author.email) == ("Jörg Müller", "joerg@customer.example")
    assert [one.email for one in envelope.to] == [
        "alice@example.com",
        "bob@example.com",
    ]
    assert envelope.subject == "Grüße an €"
    assert envelope.headers["list-id"] == ("News <news.customer.example>",)
    assert envelope.sensitivity == "private"


def test_time_of_receipt_and_sender(mailbox, store, provider):
    mailbox.owner.append("Sent", letter(1), received=START)
    mailbox.owner.append("INBOX", letter(2), received=START)

    batches = store.sync(provider)

    found = {p.envelope.message_id[1]: p for b in batches for p in b.present}
    assert {one.received_at for one in found.values()} == {START}
    assert (found["1"].outgoing, found["2"].outgoing) == (True, None)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/mail is not here")
def test_mail_of_the_world_reads_as_if_it_lay_here(mailbox, store, provider):
    """Against our own reading of the raw mail, where Gmail's is not ours to judge.

    The peer cannot tell the charset of what says none, and looks into no base64 mail
    within a mail.
    """
    files = sorted(path for path in CORPUS.rglob("*") if path.is_file())
    sample = random.Random(7).sample(files, 250)
    raws = {}
    for path in sample:
        raw = path.read_bytes()
        if len(raw) < 500_000:
            raws[mailbox.owner.append("INBOX", raw)] = raw

    bodies = dict(provider.fetch(known(provider, store)))

    assert not [one for one in bodies.values() if isinstance(one, ProviderError)]
    same = [
        body.text.split() == text.parse_body(raws[place.ref]).text.split()
        for place, body in bodies.items()
    ]
    assert len(same) == len(raws)
    assert sum(same) > 0.95 * len(same)


# --- poison --------------------------------------------------------------------------


def test_mail_of_twenty_thousand_parts(mailbox, store, provider):
    boundary = b"b0undary"
    part = b"--%s\r\nContent-Type: text/plain\r\n\r\nx\r\n" % boundary
    raw = (
        b"From: ann@customer.example\r\nMessage-ID: <1@letters.example>\r\n"
        b'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n'
        % boundary
        + part * 20_000
        + b"--%s--\r\n" % boundary
    )
    mailbox.owner.append("INBOX", raw)
    mailbox.owner.append("INBOX", letter(2))
    began = time.monotonic()

    mails = known(provider, store)
    answers = {place.ref: answer for place, answer in provider.fetch(mails)}

    assert time.monotonic() - began < 20
    assert len(answers) == 2
    assert max(len(envelope.parts) for _place, envelope in mails) <= mime.MAX_LEAVES
    big = next(e for _place, e in mails if e.message_id == "<1@letters.example>")
    body = answers[next(p.ref for p, e in mails if e is big)]
    assert isinstance(body, MessageBroken) or body.text.startswith("x")


def test_parts_within_parts_without_end_are_bounded():
    node: dict = {"mimeType": "text/plain", "body": {"data": "eA"}}
    for _ in range(5_000):
        node = {"mimeType": "multipart/mixed", "parts": [node, node]}

    began = time.monotonic()
    parts = gmail_mail.parts_of(node)

    assert len(parts) <= mime.MAX_LEAVES
    assert time.monotonic() - began < 5


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "labelIds", "internalDate", "sizeEstimate", "payload", "parts"]
                + ["mimeType", "headers", "name", "value", "body", "size", "filename"]
                + ["data", "attachmentId", "fresh"]
            ),
            inner
            | st.sampled_from(["multipart/mixed", "message/rfc822", "text/plain"]),
            max_size=6,
        )
    ),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(["id", "labelIds", "payload"]), anything))
def test_odd_answers_make_a_presence_or_an_error(found):
    place = Place("all", "", "1")
    answer = gmail_mail.read_presence(place, found)

    assert isinstance(answer, Presence | ProviderError)
    if isinstance(answer, Presence):
        assert answer.received_at.tzinfo and isinstance(answer.envelope, Envelope)
        text.wanted_parts(answer.envelope.parts)


@pytest.mark.parametrize(
    "date", ["0", "-1", "99999999999999999999", "x", None, "1" * 5_000, 10**18]
)
def test_impossible_times_of_receipt(date):
    found = {"id": "1", "internalDate": date, "payload": {"headers": []}}

    presence = gmail_mail.read_presence(Place("all", "", "1"), found)

    assert presence.received_at == gmail_mail.UNDATED


def test_places_that_cannot_be_gmails_are_gone(provider):
    places = [Place("INBOX", "7", "0000000001"), Place("all", "2", "1")]
    places += [Place("all", "", "no such id"), Place("all", "", "ffff")]

    answers = dict(provider.envelopes(places))

    assert answers.keys() == set(places)
    assert all(isinstance(one, MessageGone) for one in answers.values())
    texts = dict(provider.fetch([(place, Envelope()) for place in places]))
    assert all(isinstance(one, MessageGone) for one in texts.values())


def test_pull_is_bounded_by_what_can_be_read(mailbox):
    for number in range(30):
        mailbox.owner.append("INBOX", letter(number))

    with mailbox.open(units_per_minute=1_200) as slow:
        batch = slow.pull(None, None, Budget(seconds=10))

    assert len(batch.present) == 10  # 20 units a second, 20 units a mail
    assert batch.more
