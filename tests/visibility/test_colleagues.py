# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""An owner is told who sees their mail and why: the same that the levels give."""

import pytest

from .world import LEVELS, SEEN_FROM


@pytest.fixture
def colleagues(root, world, viewer):
    """``colleagues(owner, level)``: what an owner is told, the viewer at that level."""

    def told(owner, level, text=""):
        viewer(level)
        env = root(user=world.users[owner], su=False)
        return env["res.users"].get_mirror_colleagues(text)

    return told


@pytest.mark.parametrize("owner", [name for name in SEEN_FROM if name != "viewer"])
@pytest.mark.parametrize("level", LEVELS)
def test_those_who_see_something_are_those_whom_the_level_lets(
    world, colleagues, owner, level
):
    told = colleagues(owner, level)

    seeing = {person["id"] for person in told["seeing"]}
    others = {person["id"] for person in told["others"]}
    least = SEEN_FROM[owner]
    sees = least is not None and int(level) >= least
    assert (world.users["viewer"] in seeing) == sees
    assert not seeing & others
    assert all(person["words"] for person in told["seeing"] + told["others"])


@pytest.mark.parametrize(
    "owner, level, words",
    [
        ("below", "1", "is your manager"),
        ("two_below", "1", "is above you"),
        ("peer", "2", "has the same manager as you"),
        ("below_peer", "3", "is beside somebody above you"),
        # who works in one company of two
        ("stranger", "4", "sees the mail of your company, as far as it is shared"),
    ],
)
def test_why_somebody_sees_it_is_said_in_words(world, colleagues, owner, level, words):
    told = colleagues(owner, level)

    said = {person["id"]: person["words"] for person in told["seeing"]}
    assert said[world.users["viewer"]] == words


def test_of_everybody_is_said_where_no_company_is_out_of_reach(world, colleagues, root):
    viewer = root["res.users"].browse(world.users["viewer"])
    viewer.company_ids = root["res.company"].search([])
    told = colleagues("stranger", "4")

    said = {person["id"]: person["words"] for person in told["seeing"]}
    assert said[viewer.id] == "sees everybody's mail, as far as it is shared"


@pytest.mark.parametrize(
    "owner, level, words",
    [
        ("below", "0", "their level shows only their own mail"),
        ("boss", "2", "their level does not reach as far as you"),
    ],
)
def test_why_somebody_sees_nothing_is_said_as_well(
    world, colleagues, owner, level, words
):
    told = colleagues(owner, level, "viewer")

    said = {person["id"]: person["words"] for person in told["others"]}
    assert said[world.users["viewer"]] == words


def test_a_name_is_found_by_a_part_of_it_and_by_nothing_else(world, colleagues):
    assert colleagues("below", "1", "VIEW")["seeing"]
    assert not colleagues("below", "1", "%")["seeing"]
    nobody = colleagues("below", "1", "nobody is called so")
    assert (nobody["seeing"], nobody["others"], nobody["more"]) == ([], [], 0)


def test_the_sentence_follows_what_is_chosen_before_it_is_saved(root, world, viewer):
    viewer("1")
    env = root(user=world.users["below"], su=False)
    mailbox = env["crm.mail.mirror.mailbox"].search(
        [("user_id", "=", env.uid), ("sharing_in", "=", "metadata")]
    )
    name = root["res.users"].browse(world.users["viewer"]).name
    assert name in mailbox.viewers["sentence"]
    draft = mailbox.new(origin=mailbox)

    draft.sharing_in = draft.sharing_out = "metadata"
    assert draft.viewers["sentence"].endswith(f"{name} can see: who and when.")
    draft.sharing_in = draft.sharing_out = "everything"
    assert draft.viewers["sentence"].endswith(f"{name} can see: everything.")
    draft.sharing_out = "subject"
    assert "of what you receive everything" in draft.viewers["sentence"]


def test_of_somebody_elses_mailbox_a_card_tells_nothing(root, world):
    env = root(user=world.users["administrator"], su=False)
    mailbox = env["crm.mail.mirror.mailbox"].search([], limit=1)

    row = mailbox.read(
        ["state_sentence", "state_color", "folders_sentence", "viewers"]
    )[0]
    row.pop("id")
    assert not any(row.values())
    assert not mailbox.rules_sentence
