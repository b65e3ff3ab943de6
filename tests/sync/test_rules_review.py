"""Rules act both ways in time: what goes, what comes back, and what stays."""

import pytest


def remove(mirror, rule):
    with mirror.env() as env:
        env["crm.mail.mirror.exclusion"].browse(rule).unlink()


def changes(mirror, box):
    """The owner's changes, newest first."""
    with mirror.env(box.user_id) as env:
        found = env["crm.mail.mirror.change"].search([("user_id", "=", box.user_id)])
        return found.read(["title", "state", "removed", "back", "progress"])


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
    mirror, clients, rule, kind, local, gone, reason
):
    made = rule(kind, local.format(mirror.domain), clients.user_id)
    mirror.apply_changes()

    assert mirror.states(clients)["excluded", reason] == gone
    assert mirror.by_state(clients)["mirrored"] == 5 - gone
    mirror.check(clients)
    (told,) = changes(mirror, clients)
    assert (told["state"], told["removed"]) == ("done", str(gone))

    remove(mirror, made)
    mirror.apply_changes()
    mirror.check(clients)
    mirror.sync(clients)

    assert mirror.by_state(clients) == {"mirrored": 5}
    assert changes(mirror, clients)[0]["back"] == str(gone)
    mirror.check(clients)


def test_pipedrive_block_list_counts_whoever_else_is_in_cc(mirror, clients, rule):
    """Pipedrive: a block list that fails if anyone else is in Cc."""
    rule("address", mirror.at("stranger"), clients.user_id)
    mirror.apply_changes()

    assert mirror.by_state(clients) == {"mirrored": 4, "excluded": 1}
    mirror.check(clients)


def test_twenty_11320_block_list_of_one_is_nobody_elses(mirror, clients, rule, lib):
    """Twenty #11320: one user's block list was visible to all, and counted for all."""
    server = lib.Server()
    colleague = mirror.link("colleague", server)
    server.put(lib.mail(1, mirror.at("friend"), colleague.email, tag=mirror.domain))
    mirror.sync(colleague)
    made = rule("address", mirror.at("friend"), clients.user_id)
    mirror.apply_changes()

    assert mirror.by_state(colleague) == {"mirrored": 1}
    for user_id in (colleague.user_id, 2):  # a colleague, an administrator
        with mirror.env(user_id) as env:
            assert not env["crm.mail.mirror.exclusion"].search([("id", "=", made)])
            assert not env["crm.mail.mirror.change"].search(
                [("user_id", "=", clients.user_id)]
            )


def test_twenty_17095_what_a_rule_kept_out_comes_when_it_goes(
    mirror, clients, rule, lib, server
):
    """Twenty #17095: what was switched on later brought none of its old mail."""
    made = rule("address", mirror.at("friend"), clients.user_id)
    mirror.apply_changes()
    server.put(lib.mail(9, mirror.at("friend"), clients.email, subject="Meanwhile"))
    mirror.sync(clients)
    assert mirror.states(clients)["excluded", "excluded_address"] == 3

    remove(mirror, made)
    mirror.apply_changes()
    mirror.sync(clients)

    assert mirror.by_state(clients) == {"mirrored": 6}
    mirror.check(clients)


def test_what_went_more_than_a_week_ago_is_looked_for(mirror, clients, rule):
    made = rule("address", mirror.at("friend"), clients.user_id)
    mirror.apply_changes()
    mirror.sql(
        "UPDATE crm_mail_mirror_copy SET expires_at = '2020-01-01'"
        " WHERE mailbox_id = %s AND state = 'excluded'",
        clients.id,
    )
    with mirror.env() as env:
        env["crm.mail.mirror.sync"]._run_expiry()
    assert mirror.by_state(clients) == {"mirrored": 3}

    remove(mirror, made)
    mirror.apply_changes()

    assert mirror.sql(
        "SELECT kind, term FROM crm_mail_mirror_search WHERE mailbox_id = %s",
        clients.id,
    ) == [("address", mirror.at("friend"))]


def test_allow_list_lets_bulk_mail_pass_and_no_more(mirror, clients, rule, lib, server):
    bulk = {"headers": {"list-unsubscribe": ("<mailto:x@y.test>",)}}
    sender, tag = mirror.at("client"), "bulk" + mirror.domain
    server.put(
        lib.mail(11, sender, clients.email, tag=tag, **bulk),
        lib.mail(12, sender, clients.email, subject="Perso: 12", **bulk),
    )
    mirror.sync(clients)
    assert mirror.by_state(clients) == {"mirrored": 5, "excluded": 2}
    made = rule("address", sender, clients.user_id, effect="always")
    mirror.apply_changes()
    mirror.sync(clients)

    # whose sender is on the list is here by it, bulk or not
    assert mirror.states(clients) == {
        ("mirrored", "contact"): 2,
        ("mirrored", "allowed"): 4,
        ("excluded", "private_word"): 1,
    }
    mirror.check(clients)

    remove(mirror, made)
    mirror.apply_changes()
    mirror.check(clients)
    mirror.sync(clients)

    assert mirror.states(clients) == {
        ("mirrored", "contact"): 5,
        ("excluded", "bulk_list_unsubscribe"): 1,
        ("excluded", "private_word"): 1,
    }
    mirror.check(clients)


def test_undo_brings_back_what_went(mirror, clients, rule):
    rule("domain", mirror.domain, clients.user_id)
    mirror.apply_changes()
    assert mirror.by_state(clients) == {"excluded": 5}

    undo(mirror, clients)
    mirror.apply_changes()
    mirror.sync(clients)

    assert mirror.by_state(clients) == {"mirrored": 5}
    assert [c["state"] for c in changes(mirror, clients)] == ["done", "undone"]
    mirror.check(clients)


def test_undo_of_a_removal_makes_the_rule_again(mirror, clients, rule):
    made = rule("address", mirror.at("friend"), clients.user_id)
    mirror.apply_changes()
    remove(mirror, made)
    mirror.apply_changes()
    mirror.sync(clients)
    undo(mirror, clients)
    mirror.apply_changes()

    assert mirror.states(clients)["excluded", "excluded_address"] == 2
    with mirror.env(clients.user_id) as env:
        again = env["crm.mail.mirror.exclusion"].search(
            [("user_id", "=", clients.user_id)]
        )
        assert again.value == mirror.at("friend")
        again.unlink()
    mirror.apply_changes()


def test_undo_is_the_authors_and_ends_after_a_week(mirror, clients, rule):
    from odoo.exceptions import AccessError, UserError

    rule("address", mirror.at("friend"), clients.user_id)
    for user_id in (2, mirror.user("colleague")):
        with pytest.raises(AccessError), mirror.env(user_id) as env:
            env["crm.mail.mirror.change"].sudo().search([], limit=1).with_env(
                env
            ).action_undo()
    mirror.sql(
        "UPDATE crm_mail_mirror_change SET create_date = now() - '8 d'::interval"
    )

    with pytest.raises(UserError):
        undo(mirror, clients)
    mirror.apply_changes()


def test_rule_that_is_edited_acts_both_ways(mirror, clients, rule):
    made = rule("address", mirror.at("friend"), clients.user_id)
    mirror.apply_changes()
    mirror.write("crm.mail.mirror.exclusion", made, value=mirror.at("other"))
    mirror.apply_changes()
    mirror.sync(clients)

    assert mirror.states(clients) == {
        ("mirrored", "contact"): 4,
        ("excluded", "excluded_address"): 1,
    }
    mirror.check(clients)


def test_two_rules_over_one_mail_both_have_to_go(mirror, clients, rule):
    one = rule("address", mirror.at("friend"), clients.user_id)
    two = rule("word", "café", clients.user_id)
    mirror.apply_changes()
    remove(mirror, one)
    mirror.apply_changes()
    mirror.sync(clients)

    assert mirror.states(clients) == {
        ("mirrored", "contact"): 4,
        ("excluded", "private_word"): 1,
    }
    remove(mirror, two)
    mirror.apply_changes()
    mirror.sync(clients)
    assert mirror.by_state(clients) == {"mirrored": 5}


def test_rule_for_everybody_takes_from_each_mailbox_of_its_company(
    mirror, clients, rule, lib
):
    with mirror.env() as env:
        company = env["res.company"].create({"name": f"Other {mirror.domain}"}).id
        env["res.users"].browse(clients.user_id).company_ids |= env[
            "res.company"
        ].browse(company)
    server = lib.Server()
    elsewhere = mirror.link("elsewhere", server, company_id=company)
    server.put(lib.mail(1, mirror.at("friend"), elsewhere.email, tag=mirror.domain))
    mirror.sync(elsewhere)

    made = rule("address", mirror.at("friend"), company_id=company)
    mirror.apply_changes()
    assert mirror.by_state(elsewhere) == {"excluded": 1}
    assert mirror.by_state(clients) == {"mirrored": 5}

    mirror.write("crm.mail.mirror.exclusion", made, company_id=False)
    mirror.apply_changes()
    assert mirror.by_state(clients) == {"mirrored": 3, "excluded": 2}
    mirror.check(clients, elsewhere)


def test_one_way_takes_received_mail_away_and_gives_it_back(mirror, clients):
    # and says so before it is saved
    with mirror.env(clients.user_id) as env:
        before = env["crm.mail.mirror.mailbox"].browse(clients.id)
        assert not before.mode_preview
        form = before.new({"mode": "one_way"}, origin=before)
        assert form.mode_preview.startswith("This removes 4 mails from Odoo, among")
        assert form.mode_preview.endswith("You can undo this for seven days.")
    mirror.write("crm.mail.mirror.mailbox", clients.id, mode="one_way")
    mirror.apply_changes()

    assert mirror.states(clients) == {
        ("mirrored", "contact"): 1,
        ("excluded", "one_way"): 4,
    }
    undo(mirror, clients)
    mirror.apply_changes()
    mirror.sync(clients)

    assert mirror.mailbox(clients, "mode") == "two_way"
    assert mirror.by_state(clients) == {"mirrored": 5}
    mirror.check(clients)


def test_other_address_of_ones_own_is_no_correspondent(mirror, clients, lib, server):
    server.put(
        lib.mail(21, "private@home.test", clients.email, tag=mirror.domain),
        lib.mail(22, "private@home.test", mirror.at("client"), tag=mirror.domain),
    )
    mirror.sync(clients)
    with mirror.env(clients.user_id) as env:
        before = env["crm.mail.mirror.mailbox"].browse(clients.id)
        form = before.new({"aliases": "Private@home.test"}, origin=before)
        assert form.mode_preview.startswith("Older mail is looked for")
    mirror.write("crm.mail.mirror.mailbox", clients.id, aliases="private@home.test")
    mirror.apply_changes()
    mirror.sync(clients)

    # what I sent from there is outgoing; what I sent to myself is internal
    assert mirror.states(clients) == {
        ("mirrored", "contact"): 6,
        ("excluded", "internal"): 1,
    }
    assert mirror.sql(
        """SELECT count(*) FROM crm_mail_mirror_copy
            WHERE mailbox_id = %s AND direction = 'out'""",
        clients.id,
    ) == [(3,)]
    mirror.check(clients)


def test_default_private_words_are_rules_that_can_go(mirror, clients, lib, server):
    server.put(lib.mail(31, mirror.at("client"), clients.email, subject="PRIVÉ 31"))
    mirror.sync(clients)
    assert mirror.states(clients)["excluded", "private_word"] == 1
    with mirror.env() as env:
        word = env.ref("crm_mail_mirror.crm_mail_mirror_exclusion_prive")
        values = word._values()
        word.unlink()
    try:
        mirror.apply_changes()
        mirror.sync(clients)

        assert mirror.by_state(clients) == {"mirrored": 6}
    finally:
        with mirror.env() as env:
            env["crm.mail.mirror.exclusion"].create(values)
        mirror.apply_changes()


def test_another_company_means_its_rules(mirror, clients, rule):
    with mirror.env() as env:
        former = env["crm.mail.mirror.mailbox"].browse(clients.id).company_id.id
        other = env["res.company"].create({"name": f"Other {mirror.domain}"}).id
        user = env["res.users"].browse(clients.user_id)
        user.company_ids = [(4, other)]
    rule("address", mirror.at("friend"), company_id=other)
    mirror.apply_changes()
    assert mirror.by_state(clients) == {"mirrored": 5}

    for company, expected in (
        (other, {"mirrored": 3, "excluded": 2}),
        (former, {"mirrored": 5}),
    ):
        mirror.write("crm.mail.mirror.mailbox", clients.id, company_id=company)
        mirror.apply_changes()
        mirror.sync(clients)
        assert mirror.by_state(clients) == expected
        mirror.check(clients)
