# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Do README and Apps page show the screens as they are?"""

import re
import struct

import pytest

from demo import screenshots

RENEW = "the screens changed since: renew the pictures with `make screenshots`"


def test_pictures_were_made_from_these_screens():
    first = screenshots.MADE_FROM.read_text("ascii").splitlines()[0]

    assert first == screenshots.sources(), RENEW


def test_pictures_are_those_that_were_made():
    kept = screenshots.MADE_FROM.read_text("ascii").splitlines()[1:]

    for folder in (screenshots.DOCS, screenshots.APPS):
        assert kept == screenshots.pictures(folder), RENEW


@pytest.mark.parametrize("name", screenshots.CHOSEN)
def test_chosen_pictures_show_a_screen(name):
    """The head of the file says what it is, and how wide and high."""
    head = (screenshots.DOCS / f"{name}.png").read_bytes()[:24]

    assert head.startswith(b"\x89PNG")
    wide = screenshots.LOOKS[0]
    assert struct.unpack(">II", head[16:]) == (wide.width, wide.height)


@pytest.mark.parametrize(
    ("page", "picture"),
    [
        (screenshots.CHECKOUT / "README.md", r"\(docs/screens/([\w-]+)\.png\)"),
        (screenshots.APPS / "index.html", r'src="([\w-]+)\.png"'),
    ],
)
def test_pages_show_each_of_them(page, picture):
    shown = re.findall(picture, page.read_text("utf-8"))

    assert sorted(shown) == sorted(screenshots.CHOSEN)
