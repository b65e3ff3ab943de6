"""What changes on contacts, looked at again by the job as in real life: committed."""

from datetime import datetime

import pytest

from .world import copy, letter, mailbox_of

DATE = datetime(2026, 5, 1, 9)


@pytest.fixture
def env(odoo_env):
    return odoo_env(context={"no_reset_password": True, "tracking_disable": True})


@pytest.fixture
def contacts(env):
    """Three contacts of Acme with a mail each, in the administrator's mailbox."""
    acme = env["res.partner"].create({"name": "Acme", "is_company": True})
    admin = env.ref("base.user_admin").id
    box = mailbox_of(env, admin, "admin@us.test", "everything", sync_from=False)
    made = {}
    for name in ("ann", "ben", "cat"):
        email = f"{name}@acme.test"
        partner = env["res.partner"].create(
            {"name": name, "email": email, "parent_id": acme.id}
        )
        message = letter(env, name, DATE, [("from", email), ("to", "admin@us.test")])
        copy(env, message, box, "in", f"Text of {name}")
        made[name] = (partner, message)
    return made


def look_again(env):
    env.cr.commit()
    while env["crm.mail.mirror.sync"]._look_again():
        pass
    env.cr.rollback()
    env.invalidate_all()


def page(record):
    env = record.env(user=record.env.ref("base.user_admin").id, su=False)
    return record.with_env(env).mirror_message_ids.ids


def former(contact):
    """What the line over the contact's mail says of addresses it had."""
    env = contact.env(user=contact.env.ref("base.user_admin").id, su=False)
    scope = {"model": "res.partner", "id": contact.id, "by": "time"}
    return env["crm.mail.mirror.message"].get_overview(scope)["former"]


def test_mail_of_contacts_that_are_merged_stays_and_of_those_of_ours_goes(
    env, contacts
):
    (ann, of_ann), (ben, of_ben), (cat, of_cat) = contacts.values()
    look_again(env)
    assert (page(ann), page(ben), page(cat)) == ([of_ann], [of_ben], [of_cat])

    env["base.partner.merge.automatic.wizard"]._merge((ann + ben).ids, ann)
    ann.active = False
    env["res.users"].create({"name": "Cat", "login": "cat", "partner_id": cat.id})
    look_again(env)

    assert set(page(ann)) == {of_ann, of_ben}
    assert page(cat) == []
    # nobody but us is on it now: the mail itself is gone, its trace remains
    assert not env["crm.mail.mirror.message"].browse(of_cat).exists()
    states = env["crm.mail.mirror.copy"].search([]).mapped("state")
    assert sorted(states) == ["excluded", "mirrored", "mirrored"]


def test_mail_of_a_former_address_stays_until_it_is_removed(env, contacts):
    ann, of_ann = contacts["ann"]
    ann.email = "ann@home.test"
    look_again(env)
    assert page(ann) == [of_ann]
    assert former(ann) == "ann@acme.test"

    action = ann.action_mirror_former_addresses()
    env[action["res_model"]].search(action["domain"]).action_remove()
    look_again(env)

    assert page(ann) == []
    assert former(ann) is None
    assert not env["crm.mail.mirror.message"].browse(of_ann).exists()


def test_user_who_is_deleted_is_a_correspondent_again(env, contacts):
    cat, of_cat = contacts["cat"]
    user = env["res.users"].create(
        {"name": "Cat", "login": "cat", "partner_id": cat.id}
    )
    directory = env["crm.mail.mirror.directory"]
    before = directory._look_up({"cat@acme.test"})
    assert (before.own, before.known) == ({"cat@acme.test"}, frozenset())

    user.unlink()
    look_again(env)

    after = directory._look_up({"cat@acme.test"})
    assert (after.own, after.known) == (frozenset(), {"cat@acme.test"})
    assert page(cat) == [of_cat]
