# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Do README and Apps page show the screens as they are?"""

import re

import pytest

from demo import screenshots

RENEW = "the screens changed since: renew the pictures with `make screenshots`"


def test_pictures_were_made_from_these_screens():
    assert screenshots.MADE_FROM.read_text("ascii").strip() == screenshots.sources(), (
        RENEW
    )


@pytest.mark.parametrize("name", screenshots.CHOSEN)
def test_chosen_pictures_are_there_and_the_same_in_both_places(name):
    in_docs = (screenshots.DOCS / f"{name}.png").read_bytes()

    assert in_docs.startswith(b"\x89PNG")
    assert in_docs == (screenshots.APPS / f"{name}.png").read_bytes()


@pytest.mark.parametrize(
    ("page", "picture"),
    [
        (screenshots.CHECKOUT / "README.md", r"\((docs/screens/[\w-]+\.png)\)"),
        (screenshots.APPS / "index.html", r'src="([\w-]+\.png)"'),
    ],
)
def test_pages_show_pictures_that_are_there(page, picture):
    shown = re.findall(picture, page.read_text("utf-8"))

    assert shown
    assert [name for name in shown if not (page.parent / name).is_file()] == []
