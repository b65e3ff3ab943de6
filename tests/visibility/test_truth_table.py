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


def test_other_company_counts_only_while_it_is_switched_on(root, viewer, world):
    home, abroad = world.companies.values()
    user = root["res.users"].browse(world.users["viewer"])
    theirs = {m.id for m in world.mails if m.owner == "abroad"}

    def seen(*companies):
        env = viewer("1", allowed_company_ids=list(companies))
        return theirs & set(env["crm.mail.mirror.message"].search([]).ids)

    user.company_ids = [(4, abroad)]
    assert seen(home) == set()
    assert seen(home, abroad) == theirs
    user.company_ids = [(3, abroad)]
    assert seen(home) == set()


def test_own_mail_is_seen_whatever_company_is_switched_on(root, viewer, world):
    home, abroad = world.companies.values()
    root["res.users"].browse(world.users["viewer"]).company_ids = [(4, abroad)]
    env = viewer("0", allowed_company_ids=[abroad])

    found = set(env["crm.mail.mirror.message"].search([]).ids)

    assert found == world.visible("0")
