"""Asking for access and answering: who is asked, who may say what, when it ends."""

from datetime import datetime, timedelta

import pytest

from .table import MESSAGE
from .world import copy, letter, mailbox_of

GRANT = "crm.mail.mirror.grant"


@pytest.fixture
def mail(root, world):
    """A mail that peer and boss have, and of which they share that it is there."""
    customer = "customer.peer@acme.test"
    message = letter(
        root,
        "Terms",
        datetime(2026, 5, 1, 9),
        [("from", customer), ("to", "peer@us.test")],
        thread_key="terms",
        same_key="terms",
    )
    for owner in ("peer", "boss"):
        box = mailbox_of(root, world.users[owner], f"extra.{owner}@us.test")
        copy(root, message, box, "in", "Words of the mail")
    return message


@pytest.fixture
def desk(root, world):
    """``desk("peer")``: what that user sees and does."""

    def of(name):
        root.flush_all()
        root.invalidate_all()
        return root(user=world.users[name], su=False, context={})

    return of


def questions_to(env):
    return env[GRANT].search([("owner_id", "=", env.uid)])


def refusal(call, *arguments):
    from odoo.exceptions import AccessError, UserError

    with pytest.raises((AccessError, UserError)) as caught:
        call(*arguments)
    return str(caught.value)


def test_only_owners_whose_copies_one_sees_are_asked(viewer, desk, mail, world):
    env = viewer("2")

    assert env[MESSAGE].get_ask_options(mail)["mail"] == ["Peer"]
    told = env[MESSAGE].ask_access(mail, "mail", 7, "please")

    assert told["asked"] == ["Peer"]
    assert not questions_to(desk("boss"))
    question = questions_to(desk("peer"))
    assert (question.asker_id.name, question.note, question.days) == (
        "Viewer", "please", 7
    )  # fmt: skip
    assert "Terms" in question.about
    assert "Terms" not in env[GRANT].search([]).about


def test_each_owner_answers_for_the_own_copy_alone(viewer, desk, mail):
    env = viewer("4")
    env[MESSAGE].ask_access(mail, "mail", 7)

    questions_to(desk("boss")).action_no()
    assert env[MESSAGE].browse(mail).access == "metadata"
    questions_to(desk("peer")).action_yes()

    env = viewer("4")
    assert env[MESSAGE].browse(mail).body == "Words of the mail"
    # the boss sees the own question and not what the peer said
    assert len(desk("boss")[GRANT].search([])) == 1
    # without the level for the peer's mailbox the yes is worth nothing
    assert mail not in viewer("1")[MESSAGE].search([]).ids


def test_yes_may_be_shorter_and_never_longer(viewer, desk, mail):
    viewer("2")[MESSAGE].ask_access(mail, "mail", 7)
    question = questions_to(desk("peer"))

    assert "longer" in refusal(question.action_yes_month)
    question.action_yes_day()

    left = question.until - datetime.now()
    assert timedelta(hours=23) < left <= timedelta(days=1)


def test_taken_back_it_is_gone_at_once(viewer, desk, mail):
    viewer("2")[MESSAGE].ask_access(mail, "conversation", 0)
    questions_to(desk("peer")).action_yes()
    assert viewer("2")[MESSAGE].browse(mail).access == "everything"

    questions_to(desk("peer")).action_take_back()

    assert viewer("2")[MESSAGE].browse(mail).access == "metadata"


def test_only_the_owner_answers_and_only_the_asker_gives_up(viewer, desk, mail):
    viewer("4")[MESSAGE].ask_access(mail, "mail", 7)
    ours = questions_to(desk("peer")).ids

    for who in ("viewer", "boss", "administrator", "outsider"):
        grants = desk(who)[GRANT]
        for name in ("action_yes", "action_yes_day", "action_no", "action_take_back"):
            there = refusal(getattr(grants.browse(ours), name))
            assert there == refusal(getattr(grants.browse([99999999]), name))
        if who != "viewer":
            assert refusal(grants.browse(ours).action_give_up)
            assert not grants.search([("id", "in", ours)])
    for values in ({"state": "granted"}, {"until": False}, {"owner_id": 2}):
        assert refusal(desk("viewer")[GRANT].browse(ours).write, values)
    assert refusal(desk("viewer")[GRANT].create, {"what": "mail"})
    desk("viewer")[GRANT].browse(ours).action_give_up()
    assert refusal(desk("peer")[GRANT].browse(ours).action_yes)


def test_after_a_no_one_asks_again_a_week_later(root, viewer, desk, mail):
    env = viewer("2")
    env[MESSAGE].ask_access(mail, "mail", 7)
    assert refusal(env[MESSAGE].ask_access, mail, "mail", 1)
    assert env[MESSAGE].browse(mail)._asked_of() == {mail: "asked"}
    questions_to(desk("peer")).action_no()

    env = viewer("2")
    for what in ("mail", "conversation", "contact"):
        assert "again" in refusal(env[MESSAGE].ask_access, mail, what, 1)
    assert env[MESSAGE].browse(mail)._asked_of() == {mail: "refused"}
    root[GRANT].search([]).changed_at = datetime.now() - timedelta(days=7, minutes=1)

    env = viewer("2")
    assert env[MESSAGE].browse(mail)._asked_of() == {}
    assert env[MESSAGE].ask_access(mail, "mail", 1)["asked"] == ["Peer"]


def test_twenty_questions_are_open_at_most(viewer, desk, world, mail):
    env = viewer("4")
    closed = [
        m.id for m in world.mails if m.owner == "boss" and m.shown("4") != "everything"
    ]
    env[MESSAGE].ask_access(mail, "mail", 1)  # two owners, one question
    for ident in closed[:19]:
        env[MESSAGE].ask_access(ident, "mail", 1)

    assert "20" in refusal(env[MESSAGE].ask_access, closed[19], "mail", 1)
    # giving up is no way around it
    env[GRANT].search([], limit=1).action_give_up()
    assert "20" in refusal(env[MESSAGE].ask_access, closed[19], "mail", 1)
    open_ones = questions_to(desk("boss")).filtered(lambda g: g.state == "asked")
    open_ones[:1].action_no()
    assert env[MESSAGE].ask_access(closed[19], "mail", 1)["asked"] == ["Boss"]


def test_private_mail_is_asked_for_like_any_other(root, viewer, desk, mail, world):
    env = viewer("2")
    plain = env[MESSAGE].get_ask_options(mail)
    root["crm.mail.mirror.copy"].search([("message_id", "=", mail)]).sharing = "private"

    env = viewer("2")
    assert env[MESSAGE].get_ask_options(mail) == plain
    assert env[MESSAGE].ask_access(mail, "mail", 7)["asked"] == ["Peer"]
    # a yes would open nothing, and so tell that it is private
    assert "private" in refusal(questions_to(desk("peer")).action_yes)
    assert viewer("2")[GRANT].search([]).state == "asked"
    questions_to(desk("peer")).action_no()
    assert viewer("2")[GRANT].search([]).state == "refused"


def test_what_one_does_not_see_cannot_be_asked_for_nor_told_from_nothing(viewer, mail):
    env = viewer("1")

    for method, arguments in (
        (env[MESSAGE].ask_access, ("mail", 7)),
        (env[MESSAGE].get_ask_options, ()),
    ):
        assert refusal(method, mail, *arguments) == refusal(method, 9**9, *arguments)
    # what is one's own, or shared, needs no question
    mine = env[MESSAGE].search([("is_mine", "=", True)], limit=1)
    assert refusal(env[MESSAGE].ask_access, mine.id, "mail", 7)


def test_contact_counts_with_the_addresses_the_owner_was_told(
    root, viewer, desk, mail, world
):
    env = viewer("4")
    (told,) = env[MESSAGE].get_ask_options(mail)["contacts"]
    assert told["id"] == world.partners["peer"]
    env[MESSAGE].ask_access(mail, "contact", 0, "", told["id"])
    question = questions_to(desk("peer"))
    assert "customer.peer@acme.test" in question.about
    question.action_yes()

    seen = viewer("4")[MESSAGE].search([("body", "ilike", "word")])
    closed = {
        m.id for m in world.mails if m.owner == "peer" and m.override == "private"
    }
    assert {m.id for m in world.mails if m.owner == "peer"} - closed <= set(seen.ids)
    # another address on the contact opens nothing more
    root["res.partner"].browse(told["id"]).email = "customer.boss@acme.test"
    root["crm.mail.mirror.address"]._link(["customer.boss@acme.test"])
    assert viewer("4")[MESSAGE].search([("body", "ilike", "word")]) == seen
    # a contact that becomes a colleague is none
    root["res.users"].create({"name": "P", "login": "customer.peer@acme.test"})
    assert viewer("4")[MESSAGE].search([("body", "ilike", "word")]) != seen


def test_yes_ends_with_its_people_its_contact_and_its_mail(
    root, viewer, desk, mail, world
):
    def again(what="mail"):
        root[GRANT].search([]).unlink()
        viewer("2")[MESSAGE].ask_access(mail, what, 0)
        questions_to(desk("peer")).action_yes()
        assert viewer("2")[MESSAGE].browse(mail).access == "everything"

    for who in ("peer", "viewer"):
        again()
        user = root["res.users"].browse(world.users[who])
        boxes = root["crm.mail.mirror.mailbox"].search([("user_id", "=", user.id)])
        user.active = False
        user.active = True
        boxes.left_at = False
        assert viewer("2")[MESSAGE].browse(mail).access == "metadata"
    again("contact")
    root["res.partner"].browse(world.partners["peer"]).unlink()
    assert not root[GRANT].search([])


def test_colleague_in_whose_place_the_owner_looks_has_what_was_given(
    root, viewer, desk, mail, world
):
    viewer("2")[MESSAGE].ask_access(mail, "mail", 0)
    questions_to(desk("peer")).action_yes()
    peer, scope = desk("peer"), {"model": None, "id": None}

    def seen(colleague):
        told = peer[MESSAGE].get_conversation(
            mail, scope, viewer=world.users[colleague]
        )
        return told.get("mails", [{}])[0].get("access")

    assert seen("viewer") == "everything"
    root["res.users"].browse(world.users["boss"]).mirror_visibility = "4"
    assert seen("boss") == "metadata"


def test_owners_and_askers_are_told_without_content(root, viewer, desk, mail, world):
    env = viewer("4")
    before = root["mail.message"].search([], limit=1, order="id desc").id
    env[MESSAGE].ask_access(mail, "mail", 7, "It is about the Terms")
    questions_to(desk("peer")).action_yes()

    told = root["mail.message"].search([("id", ">", before)], order="id")
    to = [message.notified_partner_ids.user_ids.ids for message in told]
    assert sorted(to) == sorted(
        [[world.users[who]] for who in ("peer", "boss", "viewer")]
    )
    assert "Terms" not in str(told.mapped("body")) + str(told.mapped("subject"))
