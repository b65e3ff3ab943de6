"""Rules act both ways in time: what goes, what comes back, and what stays."""

import pytest

WEEK_OVER = "UPDATE crm_mail_mirror_copy SET expires_at = '2020-01-01' WHERE id = %s"


@pytest.fixture
def rule(mirror):
    """Make a rule as its author does; :return: its id"""

    def make(kind, value, user_id=None, **values):
        with mirror.env() as env:
            values = {"kind": kind, "value": value, "user_id": user_id, **values}
            return env["crm.mail.mirror.exclusion"].create(values).id

    made = []
    yield lambda *args, **values: made.append(make(*args, **values)) or made[-1]
    with mirror.env() as env:
        env["crm.mail.mirror.exclusion"].browse(made).exists().unlink()


@pytest.fixture
def box(mirror, lib, server):
    """A mailbox with mail of some clients."""
    box = mirror.link(server=server)
    for name in ("client", "friend", "other"):
        mirror.contact(name)
    server.put(
        lib.mail(1, mirror.at("client"), box.email, tag=mirror.domain),
        lib.mail(2, mirror.at("client"), box.email, tag="2" + mirror.domain),
        lib.mail(
            3,
            mirror.at("client"),
            box.email,
            tag="cc" + mirror.domain,
            cc=lib.people(mirror.at("friend"), mirror.at("stranger")),
        ),
        lib.mail(4, mirror.at("friend"), box.email, subject="Café ÉTÉ 4"),
        lib.mail(5, box.email, mirror.at("other"), subject="Summer 5"),
    )
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 5}
    return box


def run(mirror):
    """The job that applies changes, to the end."""
    with mirror.env() as env:
        assert not env["crm.mail.mirror.change"]._run()


def remove(mirror, rule):
    with mirror.env() as env:
        env["crm.mail.mirror.exclusion"].browse(rule).unlink()


def changes(mirror, box):
    """The owner's changes, newest first."""
    with mirror.env(box.user_id) as env:
        found = env["crm.mail.mirror.change"].search([("user_id", "=", box.user_id)])
        return found.read(["title", "state", "removed_count", "back_count", "progress"])


def undo(mirror, box, user_id=None):
    with mirror.env(user_id or box.user_id) as env:
        found = env["crm.mail.mirror.change"].sudo().search([], limit=1)
        found.with_env(env).action_undo()


@pytest.mark.parametrize(
    ("kind", "local", "gone", "reason"),
    [
        ("address", "friend@{}", 2, "excluded_address"),
        ("address", "client@{}", 3, "excluded_address"),
        ("domain", "{}", 5, "excluded_domain"),
        ("word", "ete", 1, "private_word"),
        ("word", "café été", 1, "private_word"),
    ],
)
def test_rule_takes_mail_away_and_gives_it_back(
    mirror, box, rule, kind, local, gone, reason
):
    made = rule(kind, local.format(mirror.domain), box.user_id)
    run(mirror)

    assert mirror.states(box)["excluded", reason] == gone
    assert mirror.by_state(box)["mirrored"] == 5 - gone
    mirror.check(box)
    (told,) = changes(mirror, box)
    assert (told["state"], told["removed_count"]) == ("done", gone)

    remove(mirror, made)
    run(mirror)
    mirror.check(box)
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 5}
    assert changes(mirror, box)[0]["back_count"] == gone
    mirror.check(box)


def test_pipedrive_block_list_counts_whoever_else_is_in_cc(mirror, box, rule):
    """Pipedrive: a block list that fails if anyone else is in Cc."""
    rule("address", mirror.at("stranger"), box.user_id)
    run(mirror)

    assert mirror.by_state(box) == {"mirrored": 4, "excluded": 1}
    mirror.check(box)


def test_twenty_11320_block_list_of_one_is_nobody_elses(mirror, box, rule, lib):
    """Twenty #11320: one user's block list was visible to all, and counted for all."""
    server = lib.Server()
    colleague = mirror.link("colleague", server)
    server.put(lib.mail(1, mirror.at("friend"), colleague.email, tag=mirror.domain))
    mirror.sync(colleague)
    made = rule("address", mirror.at("friend"), box.user_id)
    run(mirror)

    assert mirror.by_state(colleague) == {"mirrored": 1}
    for user_id in (colleague.user_id, 2):  # a colleague, an administrator
        with mirror.env(user_id) as env:
            assert not env["crm.mail.mirror.exclusion"].search([("id", "=", made)])
            assert not env["crm.mail.mirror.change"].search(
                [("user_id", "=", box.user_id)]
            )


def test_twenty_17095_what_a_rule_kept_out_comes_when_it_goes(
    mirror, box, rule, lib, server
):
    """Twenty #17095: what was switched on later brought none of its old mail."""
    made = rule("address", mirror.at("friend"), box.user_id)
    run(mirror)
    server.put(lib.mail(9, mirror.at("friend"), box.email, subject="Meanwhile"))
    mirror.sync(box)
    assert mirror.states(box)["excluded", "excluded_address"] == 3

    remove(mirror, made)
    run(mirror)
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 6}
    mirror.check(box)


def test_what_went_more_than_a_week_ago_is_looked_for(mirror, box, rule):
    made = rule("address", mirror.at("friend"), box.user_id)
    run(mirror)
    mirror.sql(
        "UPDATE crm_mail_mirror_copy SET expires_at = '2020-01-01'"
        " WHERE mailbox_id = %s AND state = 'excluded'",
        box.id,
    )
    with mirror.env() as env:
        env["crm.mail.mirror.sync"]._gc_traces()
    assert mirror.by_state(box) == {"mirrored": 3}

    remove(mirror, made)
    run(mirror)

    assert mirror.sql(
        "SELECT kind, term FROM crm_mail_mirror_search WHERE mailbox_id = %s", box.id
    ) == [("address", mirror.at("friend"))]


def test_allow_list_lets_bulk_mail_pass_and_no_more(mirror, box, rule, lib, server):
    bulk = {"headers": {"list-unsubscribe": ("<mailto:x@y.test>",)}}
    sender, tag = mirror.at("client"), "bulk" + mirror.domain
    server.put(
        lib.mail(11, sender, box.email, tag=tag, **bulk),
        lib.mail(12, sender, box.email, subject="Perso: 12", **bulk),
    )
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 5, "excluded": 2}
    made = rule("address", sender, box.user_id, effect="always")
    run(mirror)
    mirror.sync(box)

    # whose sender is on the list is here by it, bulk or not
    assert mirror.states(box) == {
        ("mirrored", "contact"): 2,
        ("mirrored", "allowed"): 4,
        ("excluded", "private_word"): 1,
    }
    mirror.check(box)

    remove(mirror, made)
    run(mirror)
    mirror.check(box)
    mirror.sync(box)

    assert mirror.states(box) == {
        ("mirrored", "contact"): 5,
        ("excluded", "bulk_list_unsubscribe"): 1,
        ("excluded", "private_word"): 1,
    }
    mirror.check(box)


def test_undo_brings_back_what_went(mirror, box, rule):
    rule("domain", mirror.domain, box.user_id)
    run(mirror)
    assert mirror.by_state(box) == {"excluded": 5}

    undo(mirror, box)
    run(mirror)
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 5}
    assert [c["state"] for c in changes(mirror, box)] == ["done", "undone"]
    mirror.check(box)


def test_undo_of_a_removal_makes_the_rule_again(mirror, box, rule):
    made = rule("address", mirror.at("friend"), box.user_id)
    run(mirror)
    remove(mirror, made)
    run(mirror)
    mirror.sync(box)
    undo(mirror, box)
    run(mirror)

    assert mirror.states(box)["excluded", "excluded_address"] == 2
    with mirror.env(box.user_id) as env:
        again = env["crm.mail.mirror.exclusion"].search(
            [("user_id", "=", box.user_id)]
        )
        assert again.value == mirror.at("friend")
        again.unlink()
    run(mirror)


def test_undo_is_the_authors_and_ends_after_a_week(mirror, box, rule):
    from odoo.exceptions import AccessError, UserError

    rule("address", mirror.at("friend"), box.user_id)
    for user_id in (2, mirror.user("colleague")):
        with pytest.raises(AccessError), mirror.env(user_id) as env:
            env["crm.mail.mirror.change"].sudo().search([], limit=1).with_env(
                env
            ).action_undo()
    mirror.sql("UPDATE crm_mail_mirror_change SET create_date = now() - '8 d'::interval")

    with pytest.raises(UserError):
        undo(mirror, box)
    run(mirror)


def test_rule_that_is_edited_acts_both_ways(mirror, box, rule):
    made = rule("address", mirror.at("friend"), box.user_id)
    run(mirror)
    mirror.write("crm.mail.mirror.exclusion", made, value=mirror.at("other"))
    run(mirror)
    mirror.sync(box)

    assert mirror.states(box) == {
        ("mirrored", "contact"): 4,
        ("excluded", "excluded_address"): 1,
    }
    mirror.check(box)


def test_two_rules_over_one_mail_both_have_to_go(mirror, box, rule):
    one = rule("address", mirror.at("friend"), box.user_id)
    two = rule("word", "café", box.user_id)
    run(mirror)
    remove(mirror, one)
    run(mirror)
    mirror.sync(box)

    assert mirror.states(box) == {
        ("mirrored", "contact"): 4,
        ("excluded", "private_word"): 1,
    }
    remove(mirror, two)
    run(mirror)
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 5}


def test_rule_for_everybody_takes_from_each_mailbox_of_its_company(
    mirror, box, rule, lib
):
    with mirror.env() as env:
        company = env["res.company"].create({"name": f"Other {mirror.domain}"}).id
        env["res.users"].browse(box.user_id).company_ids |= env["res.company"].browse(
            company
        )
    server = lib.Server()
    elsewhere = mirror.link("elsewhere", server, company_id=company)
    server.put(lib.mail(1, mirror.at("friend"), elsewhere.email, tag=mirror.domain))
    mirror.sync(elsewhere)

    made = rule("address", mirror.at("friend"), company_id=company)
    run(mirror)
    assert mirror.by_state(elsewhere) == {"excluded": 1}
    assert mirror.by_state(box) == {"mirrored": 5}

    mirror.write("crm.mail.mirror.exclusion", made, company_id=False)
    run(mirror)
    assert mirror.by_state(box) == {"mirrored": 3, "excluded": 2}
    mirror.check(box, elsewhere)


def test_one_way_takes_received_mail_away_and_gives_it_back(mirror, box):
    mirror.write("crm.mail.mirror.mailbox", box.id, mode="one_way")
    run(mirror)

    assert mirror.states(box) == {
        ("mirrored", "contact"): 1,
        ("excluded", "one_way"): 4,
    }
    undo(mirror, box)
    run(mirror)
    mirror.sync(box)

    assert mirror.mailbox(box, "mode") == "two_way"
    assert mirror.by_state(box) == {"mirrored": 5}
    mirror.check(box)


def test_other_address_of_ones_own_is_no_correspondent(mirror, box, lib, server):
    server.put(
        lib.mail(21, "private@home.test", box.email, tag=mirror.domain),
        lib.mail(22, "private@home.test", mirror.at("client"), tag=mirror.domain),
    )
    mirror.sync(box)
    mirror.write("crm.mail.mirror.mailbox", box.id, aliases="private@home.test")
    run(mirror)
    mirror.sync(box)

    # what I sent from there is outgoing; what I sent to myself is internal
    assert mirror.states(box) == {
        ("mirrored", "contact"): 6,
        ("excluded", "internal"): 1,
    }
    assert mirror.sql(
        """SELECT count(*) FROM crm_mail_mirror_copy
            WHERE mailbox_id = %s AND direction = 'out'""",
        box.id,
    ) == [(3,)]
    mirror.check(box)


def test_default_private_words_are_rules_that_can_go(mirror, box, lib, server):
    server.put(lib.mail(31, mirror.at("client"), box.email, subject="PRIVÉ 31"))
    mirror.sync(box)
    assert mirror.states(box)["excluded", "private_word"] == 1
    with mirror.env() as env:
        word = env.ref("crm_mail_mirror.crm_mail_mirror_exclusion_prive")
        values = word._values()
        word.unlink()
    try:
        run(mirror)
        mirror.sync(box)

        assert mirror.by_state(box) == {"mirrored": 6}
    finally:
        with mirror.env() as env:
            env["crm.mail.mirror.exclusion"].create(values)
        run(mirror)
