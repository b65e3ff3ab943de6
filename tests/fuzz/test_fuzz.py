# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What fuzzing found, again, and some hundred inputs more; for long: ``make fuzz``."""

import itertools
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.one import changed
from tests.fuzz.targets import TARGETS

FOUND = Path(__file__).with_name("found")
#: Inputs made up for each target; those that talk take longest.
EXAMPLES = {"imap": 25, "gmail": 30, "graph": 30, "html": 40, "rows": 30}
#: Of the corpora, to begin with.
SEEDS = 60
PARSING = [name for name in TARGETS if name != "rows"]


def found(name):
    folder = FOUND / name
    return sorted(folder.iterdir()) if folder.exists() else []


@pytest.fixture(scope="module", autouse=True)
def quiet():
    """Libraries warn of what they are given here."""
    import logging

    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", PARSING)
def test_what_was_found_stays_mended(name):
    run = TARGETS[name].load()
    for path in found(name):
        run(path.read_bytes())


@pytest.mark.parametrize("name", PARSING)
def test_nothing_made_up_breaks_anything(name):
    _made_up(name, TARGETS[name].load())


def _made_up(name, run):
    target = TARGETS[name]
    seeds = [path.read_bytes() for path in found(name)]
    seeds += itertools.islice(target.begin_with(), SEEDS)
    words = target.dictionary()

    @settings(max_examples=EXAMPLES.get(name, 80), database=None)
    @given(st.integers(0, 2**32))
    def run_it(number):
        chance = random.Random(number)
        data = changed(chance, chance.choice(seeds), seeds, words)
        run(data[: target.most])

    run_it()


def test_every_finding_belongs_to_a_target():
    assert {path.name for path in FOUND.iterdir()} <= set(TARGETS)
