"""Promise 6: one mail, once; yet nobody learns from another's copy."""

from datetime import datetime

import pytest

from .table import MESSAGE
from .world import copy, letter, mailbox_of, person

DATE = datetime(2026, 5, 1, 9)
CUSTOMER = "customer.peer@acme.test"


@pytest.fixture
def box(root, world):
    """``box("peer", "everything")``: a mailbox of that user."""

    def make(owner, sharing="metadata", **values):
        number = root["crm.mail.mirror.mailbox"].search_count([])
        email = f"extra{number}@us.test"
        return mailbox_of(root, world.users[owner], email, sharing, **values)

    return make


@pytest.fixture
def seen(viewer):
    """``seen(message, "2")``: the mail as the viewer has it at that level."""

    def read(message, level):
        return viewer(level)[MESSAGE].browse(message)

    return read


def words(env, message, *fields):
    """Which of these single conditions find the message?"""
    messages = env[MESSAGE]
    return {
        value
        for name, value in fields
        if message in messages.search([(name, "ilike", value)]).ids
    }


def test_forged_message_id_in_ones_own_mailbox_opens_no_other_text(root, box, viewer):
    message = letter(root, "Terms", DATE, [("from", CUSTOMER)], "forged")
    copy(root, message, box("boss", "everything"), "in", "Genuine secret")
    copy(root, message, box("viewer"), "in", "Forged words")

    for level in ("0", "1", "2", "3"):
        env = viewer(level)
        mine = env[MESSAGE].browse(message)
        assert (mine.body, mine.preview) == ("Forged words", "Forged words")
        assert words(env, message, ("body", "secret"), ("body", "forged")) == {"forged"}
        assert mine.owner_ids.ids == [env.uid]
    # who may read both is shown the own copy's text
    assert viewer("4")[MESSAGE].browse(message).body == "Forged words"


def test_most_generous_of_several_visible_copies_counts(root, box, seen):
    message = letter(root, "Terms", DATE, [("from", CUSTOMER)])
    copy(root, message, box("below", "metadata"), "in", "Text")
    copy(root, message, box("peer", "subject"), "in", "Text")
    copy(root, message, box("boss", "everything"), "in", "Text")

    shown = [seen(message, level).access for level in ("1", "2", "3", "4")]

    assert shown == ["metadata", "subject", "subject", "everything"]


def test_private_copy_gives_metadata_and_says_nothing_of_others(
    root, box, seen, viewer, world
):
    message = letter(root, "Terms", DATE, [("from", CUSTOMER)])
    copy(root, message, box("below", "everything"), "in", "Text", "private")
    copy(root, message, box("peer", "everything"), "in", "Text")

    alone = seen(message, "1")
    assert (alone.access, alone.subject, alone.body) == ("metadata", False, False)
    assert alone.owner_ids.ids == [world.users["below"]]
    assert not words(viewer("1"), message, ("subject", "terms"), ("body", "text"))
    # the peer's copy is as open as the peer made it
    both = seen(message, "2")
    assert (both.access, both.subject, both.body) == ("everything", "Terms", "Text")


def test_text_comes_only_from_a_copy_that_shares_its_text(root, box, viewer):
    message = letter(root, "Terms", DATE, [("from", CUSTOMER)])
    copy(root, message, box("below", "subject"), "in", "First version")
    copy(root, message, box("peer", "everything"), "in", "Second version")
    env = viewer("2")

    assert env[MESSAGE].browse(message).body == "Second version"
    found = words(env, message, ("body", "first"), ("body", "second"))
    assert found == {"second"}


def test_mirrored_copies_count_and_no_others(root, box, seen):
    from odoo.exceptions import AccessError

    message = letter(root, "Terms", DATE, [("from", CUSTOMER)])
    for state in ("hidden", "failed", "queued"):
        copy(root, message, box("below", "everything"), "in", "Text", state=state)

    with pytest.raises(AccessError):
        seen(message, "4").read(["subject"])


def test_level_of_one_copy_and_sharing_of_another_do_not_add_up(root, box, viewer):
    """Two dotted conditions would be two EXISTS."""
    message = letter(root, "Terms", DATE, [("from", CUSTOMER)])
    copy(root, message, box("below", "everything"), "in", "Text", state="hidden")
    copy(root, message, box("boss", "everything"), "in", "Text")

    assert message not in viewer("1")[MESSAGE].search([]).ids


# ---- Bcc ----------------------------------------------------------------------------

SECRET = "customer.boss@acme.test"


@pytest.fixture
def with_bcc(root, box, world):
    """A mail from the boss to a customer and the viewer, another customer in Bcc."""
    message = letter(root, "Offer", DATE, [("from", "boss@us.test"), ("to", CUSTOMER)])
    sent = copy(root, message, box("boss", "everything"), "out", "Text")
    copy(root, message, box("viewer", "everything"), "in", "Text")
    person(root, message, DATE, "bcc", SECRET, sent)
    return message


@pytest.mark.parametrize("level", ["0", "1", "2", "3"])
def test_bcc_is_not_told_to_those_who_see_another_copy(viewer, world, with_bcc, level):
    env = viewer(level)
    mail = env[MESSAGE].browse(with_bcc)
    secret = env["res.partner"].browse(world.partners["boss"])
    company = env["res.partner"].browse(world.partners["company"])

    assert mail.body == "Text"
    assert SECRET not in str(mail.read())
    assert not words(env, with_bcc, ("people", SECRET), ("people", "customer.boss"))
    assert with_bcc not in secret.mirror_message_ids.ids
    listed = secret.action_open_mirror_messages()["domain"]
    assert with_bcc not in env[MESSAGE].search(listed).ids
    assert secret not in mail.partner_ids
    for condition in (
        ("partner_ids", "in", secret.ids),
        ("partner_ids", "child_of", secret.ids),
        ("partner_ids.email", "=", SECRET),
        ("people", "in", [SECRET]),
    ):
        assert with_bcc not in env[MESSAGE].search([condition]).ids, condition
    negative = ("partner_ids", "not in", secret.ids)
    assert with_bcc in env[MESSAGE].search([negative]).ids
    # by the other customer it is on the company's page, once
    assert company.mirror_message_ids.ids.count(with_bcc) == 1


def test_bcc_is_told_to_those_who_see_the_senders_copy(viewer, world, with_bcc):
    env = viewer("4")
    mail = env[MESSAGE].browse(with_bcc)
    secret = env["res.partner"].browse(world.partners["boss"])

    assert SECRET in mail.blind_copy
    assert with_bcc in secret.mirror_message_ids.ids
    assert words(env, with_bcc, ("people", SECRET)) == {SECRET}


def test_lead_of_a_bcc_shows_nothing(root, viewer, with_bcc):
    lead = root["crm.lead"].create({"name": "Lead", "email_from": SECRET})
    lead.partner_id = False
    env = viewer("3")

    shown = lead.with_env(env).mirror_message_ids.ids
    listed = lead.with_env(env).action_open_mirror_messages()["domain"]

    assert with_bcc not in shown
    assert with_bcc not in env[MESSAGE].search(listed).ids


def test_lead_shows_mail_of_its_contact_and_of_its_address_alone(root, viewer, world):
    by_contact = root["crm.lead"].create(
        {"name": "By contact", "partner_id": world.partners["peer"]}
    )
    by_address = root["crm.lead"].create({"name": "By address", "email_from": CUSTOMER})
    by_address.partner_id = False
    root.flush_all()
    theirs = {m.id for m in world.mails if m.owner == "peer"}

    for level, right in (("1", set()), ("2", theirs)):
        env = viewer(level)
        for lead in (by_contact, by_address):
            assert set(lead.with_env(env).mirror_message_ids.ids) == right
            listed = lead.with_env(env).action_open_mirror_messages()["domain"]
            assert set(env[MESSAGE].search(listed).ids) == right
