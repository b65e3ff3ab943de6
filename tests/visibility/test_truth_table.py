"""Promise 5: you see what your level allows, in every path."""

import pytest

from .table import faults
from .world import LEVELS, MAILBOXES, OVERRIDES, SEEN_FROM


def test_world_has_every_cell(world):
    cells = {(m.owner, m.direction, m.mailbox, m.override) for m in world.mails}

    assert len(world.mails) == len(SEEN_FROM) * 2 * len(MAILBOXES) * len(OVERRIDES)
    assert len(cells) == len(world.mails)


@pytest.mark.parametrize("level", LEVELS)
def test_every_path_tells_what_the_level_allows_and_no_more(viewer, world, level):
    env = viewer(level)

    found = faults(env, world, level)

    assert not found, "\n".join(found)


def test_own_company_named_in_the_context_changes_nothing(viewer, world):
    env = viewer("2", allowed_company_ids=[world.companies["home"]])

    found = faults(env, world, "2")

    assert not found, "\n".join(found)
