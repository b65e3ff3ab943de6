"""Words of a mail as they can be put on a screen."""

import pytest
from engine import legible


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\evil.exe", "evil.exe"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("..", ""),
        (None, ""),
        ("a\r\nb.txt", "a b.txt"),
    ],
)
def test_file_name_is_the_last_part_of_a_path(name, shown):
    assert legible.file_name(name) == shown


def test_long_file_name_keeps_its_ending():
    shown = legible.file_name("n" * 500 + ".pdf")

    assert len(shown) == 120
    assert shown.endswith("….pdf")


def test_line_is_one_line_of_so_many_characters():
    assert legible.line("  a\n\tb\u2028c\x00d \u200e", 10) == "a b c d"
    assert legible.line("x" * 10_000, 300) == "x" * 299 + "…"
    assert legible.line(None, 9) == ""


def test_text_keeps_its_lines_and_loses_what_turns_them():
    text = "one\n\u202e\u2067two\u2069\ttwo\r\n\u0627\u200f"

    assert legible.lines(text) == "one\ntwo\ttwo\r\n\u0627\u200f"


def test_emoji_counts_twice_as_in_a_browser():
    assert legible.utf16_length("a\N{GRINNING FACE}é") == 4


@pytest.mark.parametrize(
    ("email", "shown", "suspicious"),
    [
        ("anna@acme.test", "anna@acme.test", False),
        ("andré@acme.test", "andré@acme.test", False),
        ("anna@müller-søn.test", "anna@xn--mller-sn-c5a7a.test", False),
        ("anna@xn--acm-gma.test", "anna@xn--acm-gma.test", False),
        ("anna@việt.łódź.test", "anna@xn--vit-5kz.xn--d-uga0v4h.test", False),
        ("andr\u0435é@acme.test", "andr\u0435é@acme.test", True),
        ("p\u0251ul@acme.test", "p\u0251ul@acme.test", True),
        ("anna@payp\u0430lé.test", "anna@xn--paypl-fsa589c.test", True),
        ("anna@g\u03bfogle.test", "anna@xn--gogle-rce.test", True),
        ("anna@b\u0131g.test", "anna@xn--bg-hpa.test", True),
        ("anna@\u043c\u0438\u0440.test", "anna@xn--h1ahn.test", True),
        ("anna@xn--\uff41.test", "anna@xn--\uff41.test", True),
        ("anna@xn--99999999.test", "anna@xn--99999999.test", True),
        ("anna@\u0430cme.test", "anna@xn--cme-5cd.test", True),
        ("p\u0430ul@acme.test", "p\u0430ul@acme.test", True),
        ("@", "@", False),
        ("x@bad domain", "x@bad domain", False),
    ],
)
def test_address_that_can_be_taken_for_another_is_marked(email, shown, suspicious):
    assert legible.ascii_email(email) == shown
    assert legible.is_suspicious(email) is suspicious
