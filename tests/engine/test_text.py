# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""The text of real and of hostile mail, and where its quoted part begins."""

import base64
import textwrap
import time

import pytest
from engine import charsets, mime, text
from engine.envelope import Part
from hypothesis import given, settings
from hypothesis import strategies as st


def mail(content_type, body, *fields):
    head = [b"Subject: x", b"Content-Type: " + content_type, *fields, b"", b""]
    return b"\r\n".join(head) + body


def multipart(subtype, *entities, boundary=b"b0"):
    body = b"".join(
        b"--" + boundary + b"\r\n" + entity + b"\r\n" for entity in entities
    )
    return (
        b"Content-Type: multipart/"
        + subtype
        + b'; boundary="'
        + boundary
        + b'"\r\n\r\n'
        b"preamble\r\n" + body + b"--" + boundary + b"--\r\nepilogue"
    )


def entity(content_type, body, *fields):
    return b"\r\n".join([b"Content-Type: " + content_type, *fields, b"", body])


PLAIN = entity(b"text/plain; charset=utf-8", "Grüße".encode())
RICH = entity(b"text/html; charset=utf-8", "<p>Grüße <b>fett</b></p>".encode())
PDF = entity(
    b"application/pdf; name=a.pdf", b"JVBERi0=", b"Content-Transfer-Encoding: base64"
)


# --- which part is the text ----------------------------------------------------------


def test_text_plain_wins():
    assert text.parse_body(multipart(b"alternative", PLAIN, RICH)).text == "Grüße"
    assert text.parse_body(multipart(b"alternative", RICH, PLAIN)).text == "Grüße"


def test_html_only_mail_is_not_empty():
    assert text.parse_body(RICH).text == "Grüße fett"


def test_html_counts_when_the_plain_part_is_empty():
    empty = entity(b"text/plain", b"\r\n ")

    assert text.parse_body(multipart(b"alternative", empty, RICH)).text == "Grüße fett"


def test_list_footer_does_not_replace_html_mail():
    footer = entity(
        b"text/plain", b"_____\r\nlist mailing list, see https://list.example for more"
    )

    body = text.parse_body(multipart(b"mixed", RICH, footer))

    assert body.text.startswith("Grüße fett") and "mailing list" in body.text


def test_text_around_a_picture_is_joined():
    picture = entity(b"image/png; name=p.png", b"x")

    body = text.parse_body(multipart(b"mixed", PLAIN, picture, PLAIN))

    assert body.text == "Grüße\n\nGrüße"


def test_nested_mail_is_not_shown_empty():
    inner = b"From: a@x.example\r\n" + multipart(
        b"alternative", PLAIN, RICH, boundary=b"b1"
    )
    outer = multipart(b"mixed", entity(b"message/rfc822", inner))

    body = text.parse_body(outer)

    assert body.text == "Grüße"
    assert [a.content_type for a in body.attachments] == ["message/rfc822"]


def test_own_text_stands_before_a_nested_mail():
    inner = entity(b"message/rfc822", b"Subject: y\r\n\r\nthe old mail")
    own = entity(b"text/plain", b"see below")

    assert text.parse_body(multipart(b"mixed", own, inner)).text == "see below"


def test_signed_mail_shows_what_was_signed():
    signature = entity(b"application/pgp-signature; name=s.asc", b"-----BEGIN")

    body = text.parse_body(multipart(b"signed", PLAIN, signature))

    assert body.text == "Grüße"
    assert [a.name for a in body.attachments] == ["s.asc"]


def test_calendar_and_attached_text_are_no_text():
    calendar = entity(b"text/calendar; method=REQUEST", b"BEGIN:VCALENDAR")
    attached = entity(
        b"text/plain", b"log", b"Content-Disposition: attachment; filename=l.txt"
    )

    body = text.parse_body(multipart(b"mixed", calendar, attached))

    assert body.text == ""
    assert [a.name for a in body.attachments] == ["", "l.txt"]


def test_attachments_have_name_type_and_size():
    body = text.parse_body(multipart(b"mixed", PLAIN, PDF))

    (attachment,) = body.attachments
    assert (
        attachment.name,
        attachment.content_type,
        attachment.size,
        attachment.ref,
    ) == (
        "a.pdf",
        "application/pdf",
        8,
        "2",
    )


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (b"attachment; filename*=UTF-8''%e2%82%ac.pdf", "€.pdf"),
        (b"attachment; filename*0*=UTF-8''%e2; filename*1*=%82%ac.pdf", "€.pdf"),
        (b"attachment; filename*0=a; filename*1=b.pdf", "ab.pdf"),
        (b'attachment; filename="=?utf-8?B?4oKs?=.pdf"', "€.pdf"),
        (b"attachment; filename=my report.pdf; size=3", "my report.pdf"),
        (b'attachment; filename="C:\\\\docs\\\\a.pdf"', "a.pdf"),
        (b"attachment; filename=../../etc/passwd", "passwd"),
        (b"attachment; filename*=", ""),
    ],
)
def test_file_names_are_decoded(field, name):
    raw = mail(b"application/pdf", b"x", b"Content-Disposition: " + field)

    assert [a.name for a in text.parse_body(raw).attachments] == [name]


def test_provider_and_whole_mail_say_the_same():
    plain = entity(b"text/plain", b"several words, " * 10)
    raw = multipart(
        b"mixed", multipart(b"alternative", plain, RICH, boundary=b"b1"), PDF
    )
    leaves = mime.leaves(raw)
    parts = [leaf.part for leaf in leaves]

    wanted = text.wanted_parts(parts)
    body = text.body_of_parts(
        parts, {leaf.part.ref: leaf.content() for leaf in leaves if leaf.part in wanted}
    )

    assert [(p.ref, p.params["multipart"]) for p in parts] == [
        ("1.1", "mixed/alternative"),
        ("1.2", "mixed/alternative"),
        ("2", "mixed"),
    ]
    assert [p.ref for p in wanted] == ["1.1"]
    assert body == text.parse_body(raw)


def test_wanted_parts_read_imap_part_numbers():
    def part(ref, content_type, path, **more):
        return Part(ref, content_type, size=5_000, params={"multipart": path}, **more)

    related = [
        part("1.1", "text/plain", "mixed/alternative"),
        part("1.2.1", "text/html", "mixed/alternative/related"),
        part("1.2.2", "image/png", "mixed/alternative/related"),
        part("2", "text/plain", "mixed", disposition="attachment", filename="a.txt"),
    ]
    nested = [
        part("1", "message/rfc822", "mixed"),
        part("1.1", "text/plain", "mixed/rfc822/alternative"),
        part("1.2", "text/html", "mixed/rfc822/alternative"),
        part("2", "application/pdf", "mixed"),
    ]

    assert [p.ref for p in text.wanted_parts(related)] == ["1.1"]
    assert [p.ref for p in text.wanted_parts(related[1:])] == ["1.2.1"]
    assert [p.ref for p in text.wanted_parts(nested)] == ["1.1"]
    assert text.wanted_parts([]) == ()
    assert text.body_of_parts(related, {}).text == ""


# --- bytes to text -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "raw", "expected"),
    [
        (b"iso-8859-1", b"\x80 caf\xe9", "€ café"),
        (b"utf-8", b"caf\xe9", "café"),
        (b"", "café".encode(), "café"),
        (b"us-ascii", "café".encode(), "café"),
        (b"x-unknown", b"caf\xe9", "café"),
        (b"gb2312", "朱镕基".encode("gb18030"), "朱镕基"),
        (b"ks_c_5601-1987", "똠".encode("cp949"), "똠"),
        (b"shift_jis", "①".encode("cp932"), "①"),
        (b"windows-874", "ไทย".encode("cp874"), "ไทย"),
        (b"cp-850", "é".encode("cp850"), "é"),
        (b"x-mac-roman", "é".encode("mac_roman"), "é"),
        (b"iso-8859-8-i", "שלום".encode("iso8859_8"), "שלום"),
        (b"utf8mb4", "✓".encode(), "✓"),
        (b'"iso-8859-1, us-ascii"', b"\xe9", "é"),
        (b"rot13", b"abc", "abc"),
        (b"hex", b"6162", "6162"),
        (b"zlib", b"abc", "abc"),
        (b"idna", b"xn--abc", "xn--abc"),
        (b"unicode_escape", b"\\u0041", "\\u0041"),
        (b"utf-7", b"+AOk-", "é"),
    ],
)
def test_charsets(label, raw, expected):
    assert text.parse_body(mail(b"text/plain; charset=" + label, raw)).text == expected


def test_a_cut_utf8_part_is_still_utf8():
    assert charsets.decode("Grüße €".encode()[:-1], "utf-8").startswith("Grüße ")


def test_percent_41_is_not_decoded_in_bodies():
    assert text.parse_body(b"\n100%41 and &amp; =41").text == "100%41 and &amp; =41"
    assert (
        text.parse_body(mail(b"text/html", b"<p>100%41 &amp;amp;")).text
        == "100%41 &amp;"
    )


def test_nul_bytes_are_removed():
    for kind in (b"text/plain", b"text/html"):
        assert text.parse_body(mail(kind, b"a\x00b")).text == "ab"


def test_lone_surrogates_are_removed():
    body = text.parse_body(mail(b"text/plain; charset=utf-7", b"a+2AA-b"))
    rich = text.parse_body(mail(b"text/html", b"a&#xD800;b"))

    (body.text + rich.text).encode("utf-8")
    assert body.text[0] + body.text[-1] == "ab"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_line_ends_are_line_feeds(line_end):
    raw = line_end.join(["Subject: x", "", "a", "", "b", ""]).encode()

    assert text.parse_body(raw).text == "a\n\nb"


def test_base64_with_a_list_footer_behind_it():
    encoded = base64.encodebytes("Grüße, Ann".encode()) + b"_____\nour list, for all\n"
    raw = mail(
        b"text/plain; charset=utf-8", encoded, b"Content-Transfer-Encoding: base64"
    )

    assert text.parse_body(raw).text == "Grüße, Ann"


def test_flowed_lines_are_joined_but_quotes_are_left():
    raw = mail(
        b"text/plain; format=flowed", b"> one \n> two\nthis is \none line\n-- \nme"
    )

    assert text.parse_body(raw).text == "> one \n> two\nthis is one line\n-- \nme"


def test_quoted_printable_soft_breaks_with_trailing_blanks():
    raw = mail(
        b"text/plain", b"a= \r\nb =3D", b"Content-Transfer-Encoding: quoted-printable"
    )

    assert text.parse_body(raw).text == "ab ="


# --- HTML ----------------------------------------------------------------------------


def test_html_is_plain_words():
    markup = """<html><head><title>T</title><style>a{}</style></head><body>
    <div>Dear <b>Ann</b>,</div><div><br></div>
    <div>1. see <a href="https://x.example/?t=1">the *offer*</a><img src=x alt=y></div>
    <ul><li>one<li>two</ul><table><tr><td>A</td><td>B</td></tr><tr><td>C</td></tr></table>
    <span style="display: none">hidden</span><script>x()</script><!-- c -->
    <blockquote>old<br>words</blockquote></body></html>"""

    assert text.html_to_text(markup) == (
        "Dear Ann,\n\n1. see the *offer*\n\n  - one\n  - two\n\n"
        "A B\nC\n\n> old\n> words"
    )


def test_charset_of_html_stands_in_its_meta():
    raw = b'<meta http-equiv=x content="text/html; charset=iso-8859-2"><p>\xb1'

    assert text.html_to_text(raw) == "ą"
    assert text.html_to_text("<p>ą".encode(), "utf-8") == "ą"


def test_words_behind_a_comment_that_never_ends():
    assert text.html_to_text("<!-- x --><!--<!--<p>Hello <b>Ann</b>") == "Hello Ann"


def test_words_below_254_levels_are_there():
    assert text.html_to_text("<div>" * 10_000 + "deep") == "deep"


# --- where the quoted part begins ----------------------------------------------------

ATTRIBUTIONS = """On Mon, 3 Nov 2025 at 10:00, Ann Lee <ann@x.example> wrote:
On Nov 3, 2025, at 10:00 AM, Ann Lee <ann@x.example> wrote:
Le lun. 3 nov. 2025 à 10:00, Ann Lee <ann@x.example> a écrit :
Le 03/11/2025 à 10:00, Ann Lee a écrit :
Am Mo., 3. Nov. 2025 um 10:00 Uhr schrieb Ann Lee <ann@x.example>:
Ann Lee <ann@x.example> schrieb am Mo., 3. Nov. 2025, 10:00:
El lun, 3 nov 2025 a las 10:00, Ann Lee (<ann@x.example>) escribió:
Il giorno lun 3 nov 2025 alle ore 10:00 Ann Lee <ann@x.example> ha scritto:
Op ma 3 nov 2025 om 10:00 schreef Ann Lee <ann@x.example>:
Op 3 november 2025 heeft Ann Lee <ann@x.example> het volgende geschreven:
Em seg., 3 de nov. de 2025 às 10:00, Ann Lee <ann@x.example> escreveu:
No dia 3 de novembro de 2025, às 10:00, Ann Lee <ann@x.example> escreveu:
Ann Lee <ann@x.example> wrote:""".splitlines()

BLOCKS = {
    "English": "From: Ann <a@x>\nSent: Monday\nTo: Bob\nCc: C\nSubject: Re: X",
    "German": "Von: Ann <a@x>\nGesendet: Montag\nAn: Bob\nBetreff: AW: X",
    "French": "De : Ann <a@x>\nEnvoyé : lundi\nÀ : Bob\nObjet : RE: X",
    "Spanish": "De: Ann <a@x>\nEnviado el: lunes\nPara: Bob\nAsunto: RE: X",
    "Italian": "Da: Ann <a@x>\nInviato: lunedì\nA: Bob\nOggetto: R: X",
    "Dutch": "Van: Ann <a@x>\nVerzonden: maandag\nAan: Bob\nOnderwerp: RE: X",
    "Portuguese": "De: Ann <a@x>\nEnviada em: segunda\nPara: Bob\nAssunto: RES: X",
    "bold": "*From:* Ann <a@x>\n*Sent:* Monday\n*To:* Bob\n*Subject:* X",
    "underscores": "_" * 32 + "\nFrom: Ann\nSent: Monday\nTo: Bob\nSubject: X",
    "original": "-----Original Message-----\nFrom: Ann",
    "German original": "-------- Ursprüngliche Nachricht --------\nVon: Ann",
    "Gmail forward": "---------- Forwarded message ---------\nFrom: Ann <a@x>",
    "Apple forward": "Begin forwarded message:\n\nFrom: Ann",
    "French forward": "-------- Message transféré --------\nSujet : x",
}


@pytest.mark.parametrize("width", [400, 60, 40])
@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_quote_begins_with_its_attribution(attribution, width):
    wrapped = "\n".join(textwrap.wrap(attribution, width))

    for quoted in ("\n> Hi\n> there", "\n\n> Hi\n>\n> there", "\nHi\nthere"):
        mail_text = f"Yes, gladly.\nBob\n\n{wrapped}{quoted}"
        assert mail_text[: text.quote_start(mail_text)] == "Yes, gladly.\nBob\n\n"


@pytest.mark.parametrize("kind", BLOCKS)
def test_quote_begins_with_its_header_block(kind):
    mail_text = f"Yes, gladly.\n\n{BLOCKS[kind]}\n\nold words"

    assert mail_text[: text.quote_start(mail_text)] == "Yes, gladly.\n\n"


@pytest.mark.parametrize("kind", BLOCKS)
def test_forward_is_not_stripped_to_nothing(kind):
    for own in ("", "\n\n", "Sent from my iPhone\n\n", "-- \nAnn\n\n"):
        assert text.quote_start(f"{own}{BLOCKS[kind]}\n\nthe news") is None


@pytest.mark.parametrize(
    "mail_text",
    [
        "Hello,\nplease note:\nthe price is 5.\n",
        "Dear Ann,\n\nAs Bob wrote:\nwe come at 10:30.",
        "From: here to there\nTo: be or not\n",
        "> q\nanswer\n> q2\nanswer 2",
        "On 3 May 2024, Ann <a@b.c> wrote:\n> q\n\nanswer below",
        "Hi,\n\nOn 3 May 2024, Ann <a@b.c> wrote:\n> q\nanswer\n> q2\nanswer 2",
        "> only\n> quoted",
        "Agenda for 10:30:\n\nSubject: budget\nDate: Monday\n\nsee you",
        "",
    ],
)
def test_nothing_is_quoted_where_answers_follow(mail_text):
    assert text.quote_start(mail_text) is None


def test_signature_below_the_quote_is_no_answer():
    mail_text = "Yes.\n\nAnn wrote:\n> when?\n\n-- \nBob\nACME"

    assert mail_text[: text.quote_start(mail_text)] == "Yes.\n\n"


def test_quote_of_an_html_reply_is_found():
    markup = (
        "<div>Yes.</div><br><div class=gmail_quote>On Mon, 3 Nov 2025, "
        "Ann &lt;a@x.example&gt; wrote:<br><blockquote>when?</blockquote></div>"
    )

    body = text.parse_body(mail(b"text/html", markup.encode()))

    assert body.text[: body.quote_at].strip() == "Yes."


# --- hostile -------------------------------------------------------------------------

MEGABYTE = 1_000_000
HOSTILE_HTML = {
    "comments": "<p>Hello</p>" + "<!--" * (MEGABYTE // 4),
    "comments first": "<!--" * (MEGABYTE // 4) + "<p>Hello</p>",
    "tags": "<p>Hello</p>" + "<a" * (MEGABYTE // 2),
    "less": "Hello " + "<" * MEGABYTE,
    "nested": "<div>" * 100_000 + "Hello" + "</div>" * 100_000,
    "quotes": "Hello" + "<blockquote>x" * 100_000,
    "lists": "Hello" + "<ul><li>x" * 100_000,
    "newsletter": "<p>Hello</p>"
    + "<table><tr><td style='color:red'><a href='https://x.example/y'>you &amp; me</a>"
    "</td></tr></table>\n" * 50_000,
    "entities": "Hello " + "&amp;" * (MEGABYTE // 5),
    "half entities": "Hello " + "&#" * (MEGABYTE // 2),
    "one line": "Hello " + "x " * (MEGABYTE // 2),
    "attributes": "<p>Hello</p><a " + "b=c " * (MEGABYTE // 4) + ">",
    "processing": "Hello" + "<?" * (MEGABYTE // 2),
    "cells": "Hello" + "<td>x" * 200_000,
    "style": "<p>Hello<p style='" + "display:" * (MEGABYTE // 8) + "'>x",
}


def seconds(function, *arguments):
    started = time.process_time()
    result = function(*arguments)
    return time.process_time() - started, result


@pytest.mark.parametrize("kind", HOSTILE_HTML)
def test_hostile_html_gives_text_in_time(kind):
    raw = mail(b"text/html", HOSTILE_HTML[kind].encode())

    took, body = seconds(text.parse_body, raw)

    assert took < 4  # 2 s on a machine with nothing else to do
    assert body.text.startswith("Hello")
    assert len(body.text) <= text.MAX_TEXT


HOSTILE_MAIL = {
    "base64 garbage": mail(
        b"text/plain", b"Hello!=?" * 500_000, b"Content-Transfer-Encoding: base64"
    ),
    "padding": mail(
        b"text/plain", b"SGVsbG8=\n" * 300_000, b"Content-Transfer-Encoding: base64"
    ),
    "soft breaks": mail(
        b"text/plain",
        b"Hello =\n" * 300_000,
        b"Content-Transfer-Encoding: quoted-printable",
    ),
    "long line": mail(b"text/plain", b"Hello " * 1_000_000),
    "quote marks": mail(b"text/plain", b"Hello\n" + b">\n" * 500_000),
    "attributions": mail(b"text/plain", b"Hello\n" + b"On 2020 a@b\nc\nd:\n" * 50_000),
    "underscores": mail(b"text/plain", b"Hello\n" + b"-----\n" * 150_000),
    "wrong boundary": multipart(b"mixed", PLAIN).replace(
        b'boundary="b0"', b"boundary=no"
    ),
    "no boundary": mail(b"multipart/mixed", b"Hello"),
    "many parts": multipart(b"mixed", *[entity(b"text/plain", b"Hello")] * 20_000),
    "many alternatives": multipart(b"alternative", *[PLAIN, RICH] * 10_000),
    "unknown": mail(b"text/plain; charset=klingon", b"Hello"),
    "not there": mail(b"multipart/mixed; boundary=x", b"--x--\r\nHello"),
}


@pytest.mark.parametrize("kind", HOSTILE_MAIL)
def test_hostile_mail_gives_text_in_time(kind):
    took, body = seconds(text.parse_body, HOSTILE_MAIL[kind])

    assert took < 4
    assert body.text.strip()


def test_multiparts_nested_like_a_bomb():
    raw = entity(b"text/plain", b"Hello")
    for number in range(200):
        raw = multipart(
            b"mixed", raw, raw if number < 8 else PDF, boundary=b"n%d" % number
        )
    mails = b"\r\n\r\nHello"
    for _number in range(2_000):
        mails = b"Content-Type: message/rfc822\r\n\r\n" + mails

    took, body = seconds(text.parse_body, raw)
    took_mails, _body = seconds(text.parse_body, mails)

    assert took < 2 and took_mails < 2
    assert len(mime.leaves(raw)) <= mime.MAX_LEAVES
    assert body.text


def test_long_text_is_cut_and_says_so():
    body = text.parse_body(b"\n" + b"word " * 200_000)

    assert body.truncated and len(body.text) == text.MAX_TEXT
    assert not text.parse_body(b"\nshort").truncated


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(
        st.binary(max_size=2_000),
        st.tuples(
            st.sampled_from(
                [
                    b"text/plain",
                    b"text/html",
                    b"multipart/mixed; boundary=b",
                    b"message/rfc822",
                ]
                + [
                    b"text/plain; charset=" + c
                    for c in (b"utf-7", b"hz", b"utf-16", b"big5")
                ]
                + [b"text/plain; format=flowed", b"text/html; charset*=x'y'%ff"]
            ),
            st.sampled_from([b"base64", b"quoted-printable", b"x-uuencode", b"?", b""]),
            st.one_of(
                st.binary(max_size=300),
                st.text("<>/!-ab&#; =\n\"'>:b", max_size=200).map(str.encode),
            ),
        ).map(
            lambda t: mail(t[0], t[2], b"Content-Transfer-Encoding: " + t[1]),
        ),
    )
)
def test_no_bytes_raise(raw):
    body = text.parse_body(raw)

    body.text.encode("utf-8")
    assert "\x00" not in body.text and "\r" not in body.text
    assert body.quote_at is None or body.text[: body.quote_at].strip()
