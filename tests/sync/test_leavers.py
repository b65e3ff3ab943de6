"""Somebody leaves: their mail is kept, handed over or removed; nothing else shows."""

import pytest

from odoo.exceptions import AccessError, UserError

HERE = ("mirrored", "contact")


@pytest.fixture
def company(mirror):
    with mirror.env() as env:
        return env["res.company"].create({"name": mirror.house}).id


@pytest.fixture
def policy(mirror, company):
    def say(action, days=0):
        values = {"mirror_leaver_action": action, "mirror_leaver_days": days}
        mirror.write("res.company", company, **values)

    return say


@pytest.fixture
def colleague(mirror, company):
    def join(name, groups=None, **values):
        ours = {"company_id": company, "company_ids": [(6, 0, [company])]}
        user = mirror.user(name, **ours, **values)
        if groups:
            mirror.write("res.users", user, group_ids=[(4, groups)])
        return user

    return join


@pytest.fixture
def anna(mirror, lib, server, company, colleague):
    """Anna's mailbox: three mails with a contact, and her manager."""
    mirror.contact()
    boss = colleague("boss")
    user = colleague("anna", mirror_manager_id=boss)
    box = mirror.link("anna", server, user_id=user, company_id=company)
    server.put(*(lib.mail(n, mirror.at("client"), box.email) for n in (1, 2, 3)))
    mirror.sync(box)
    return box


def leave(mirror, box):
    mirror.write("res.users", box.user_id, active=False)


def run(mirror):
    with mirror.env() as env:
        assert not env["crm.mail.mirror.mailbox"]._run_leavers()


def owner(mirror, box):
    return mirror.sql(
        "SELECT user_id FROM crm_mail_mirror_mailbox WHERE id = %s", box.id
    )


def boss_of(mirror):
    with mirror.env() as env:
        return env["res.users"].search([("login", "=", f"boss@{mirror.house}")]).id


def subjects(mirror, user):
    with mirror.env(user) as env:
        mine = env["crm.mail.mirror.message"].search([("is_mine", "=", True)])
        return sorted(mine.mapped("subject"))


def test_by_default_the_mail_is_kept_and_nobody_looks_any_more(mirror, anna):
    leave(mirror, anna)
    run(mirror)

    assert mirror.states(anna) == {HERE: 3}
    assert mirror.mailbox(anna, "state") == "paused"
    assert "is kept" in mirror.mailbox(anna, "leaver_sentence")
    assert not mirror.sql(
        "SELECT 1 FROM crm_mail_mirror_credential WHERE mailbox_id = %s", anna.id
    )


def test_who_becomes_a_portal_user_left_and_as_one_of_us_is_back(mirror, anna):
    with mirror.env() as env:
        ours = env["res.users"].browse(anna.user_id).group_ids.ids
        portal = env.ref("base.group_portal").ids

    mirror.write("res.users", anna.user_id, group_ids=[(6, 0, portal)])
    assert mirror.mailbox(anna, "state") == "paused"
    assert mirror.mailbox(anna, "left_at")
    assert not mirror.sql(
        "SELECT 1 FROM crm_mail_mirror_credential WHERE mailbox_id = %s", anna.id
    )

    mirror.write("res.users", anna.user_id, group_ids=[(6, 0, ours)])
    assert mirror.mailbox(anna, "state") == "needs_login"
    assert not mirror.mailbox(anna, "left_at")
    assert mirror.states(anna) == {HERE: 3}


def test_a_page_under_way_is_not_stored(mirror, lib, server, anna):
    server.put(lib.mail(4, mirror.at("client"), anna.email))
    server.before["fetch"] = lambda _calls: leave(mirror, anna)

    mirror.sync(anna)

    assert mirror.states(anna) == {HERE: 3}


@pytest.mark.parametrize("action", ["purge", "keep"])
def test_on_its_date_the_mail_goes(mirror, anna, policy, action):
    policy(action, 30)
    leave(mirror, anna)
    run(mirror)
    assert mirror.states(anna) == {HERE: 3}, "before its date"
    assert "removed from Odoo on" in mirror.mailbox(anna, "leaver_sentence")

    mirror.sql(
        "UPDATE crm_mail_mirror_mailbox SET leaver_on = current_date WHERE id = %s",
        anna.id,
    )
    run(mirror)

    assert not owner(mirror, anna)
    assert not mirror.states(anna)
    mirror.check(anna)


def test_who_comes_back_in_time_signs_in_again(mirror, lib, server, anna, policy):
    policy("purge", 30)
    leave(mirror, anna)

    mirror.write("res.users", anna.user_id, active=True)
    run(mirror)

    assert mirror.mailbox(anna, "state") == "needs_login"
    assert mirror.mailbox(anna, "left_at") is False
    assert mirror.activities(anna) == 1
    assert mirror.states(anna) == {HERE: 3}
    server.put(lib.mail(4, mirror.at("client"), anna.email))
    mirror.write("crm.mail.mirror.mailbox", anna.id, password="secret", state="active")
    mirror.sync(anna)
    assert mirror.states(anna) == {HERE: 4}


def test_the_manager_gets_the_mail_and_is_told(mirror, anna, policy):
    policy("successor")
    boss = boss_of(mirror)
    assert subjects(mirror, boss) == []
    leave(mirror, anna)
    run(mirror)

    assert owner(mirror, anna) == [(boss,)]
    assert subjects(mirror, boss) == ["Mail 1", "Mail 2", "Mail 3"]
    assert mirror.sql(
        "SELECT DISTINCT user_id FROM crm_mail_mirror_copy WHERE mailbox_id = %s",
        anna.id,
    ) == [(boss,)]
    assert mirror.mailbox(anna, "state") == "draft"
    with mirror.env() as env:
        partner = env["res.users"].browse(boss).partner_id
        told = env["mail.message"].search([("partner_ids", "in", partner.ids)])
        assert any("handed over" in (message.subject or "") for message in told)
    mirror.check(anna)


def test_without_manager_it_waits_for_an_administrator(
    mirror, anna, policy, colleague, monkeypatch
):
    """Whoever chooses is in the log."""
    from odoo.addons.crm_mail_mirror.models import (
        crm_mail_mirror_mailbox_leaver as model,
    )

    log = []
    policy("successor")
    mirror.write("res.users", anna.user_id, mirror_manager_id=False)
    leave(mirror, anna)
    run(mirror)
    assert owner(mirror, anna) == [(anna.user_id,)]
    assert "Waits" in mirror.mailbox(anna, "leaver_sentence")

    bert = colleague("bert")
    with mirror.env(2) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(anna.id)
        wizard = (
            env["crm.mail.mirror.leaver"]
            .with_context(**mailbox.action_leaver()["context"])
            .create({"successor_id": bert, "mailbox_ids": [(6, 0, [anna.id])]})
        )
        wizard.action = "successor"
        wizard.successor_id = anna.user_id
        with pytest.raises(UserError, match="Whom"):
            wizard.action_now()
        wizard.successor_id = bert
        monkeypatch.setattr(
            model._logger, "info", lambda said, *args: log.append(said % args)
        )
        wizard.action_now()
    (said,) = log
    assert f"successor, user {bert}, on" in said and "(by user 2)" in said
    run(mirror)

    assert owner(mirror, anna) == [(bert,)]
    assert subjects(mirror, bert) == ["Mail 1", "Mail 2", "Mail 3"]


def test_what_the_leaver_kept_private_does_not_become_visible(
    mirror, lib, server, anna, policy
):
    """Withheld, removed, excluded, by words and rules of their own; then the successor
    signs in, and all is listed again."""
    policy("successor")
    client = mirror.at("client")
    with mirror.env(anna.user_id) as env:
        env["crm.mail.mirror.exclusion"].create(
            [
                {"kind": "word", "value": "geheim", "user_id": anna.user_id},
                {"kind": "address", "value": mirror.at("dr"), "user_id": anna.user_id},
            ]
        )
    server.put(
        lib.mail(4, client, anna.email, subject="geheim"),
        lib.mail(5, client, f"{anna.email} {mirror.at('dr')}"),
        lib.mail(6, mirror.at("stranger"), anna.email),
    )
    mirror.sync(anna)
    with mirror.env(anna.user_id) as env:
        mails = env["crm.mail.mirror.message"].search([("is_mine", "=", True)])
        mails.filtered(lambda mail: mail.subject == "Mail 1").action_remove()
    mirror.sql(
        """UPDATE crm_mail_mirror_copy SET sharing = 'private' WHERE message_id IN (
                  SELECT id FROM crm_mail_mirror_message WHERE subject_raw = 'Mail 2')
              AND mailbox_id = %s""",
        anna.id,
    )
    leave(mirror, anna)
    run(mirror)
    boss = boss_of(mirror)

    assert mirror.states(anna) == {HERE: 1}, "rows of what is not shown"
    assert subjects(mirror, boss) == ["Mail 3"]
    mirror.check(anna)
    with mirror.env(boss) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(anna.id)
        assert not env["crm.mail.mirror.exclusion"].search(
            [("value", "in", ["geheim", mirror.at("dr")])]
        )
        with pytest.raises(AccessError):
            mailbox.read(["former_rules"])
        mailbox.write({"password": "secret"})
        mailbox.sudo().write({"state": "active"})
    mirror.sync(anna)
    mirror.sync(anna)

    assert subjects(mirror, boss) == ["Mail 3"]
    server.put(lib.mail(7, client, anna.email, subject="geheim 2"))
    server.put(lib.mail(8, client, anna.email))
    mirror.sync(anna)
    assert subjects(mirror, boss) == ["Mail 3", "Mail 8"]
    mirror.check(anna)


def test_why_does_not_tell_the_successor_what_the_leaver_kept_out(
    mirror, lib, server, anna, policy, rule
):
    """That a rule of the former owner keeps it out, and no more."""
    policy("successor")
    client, dr = mirror.at("client"), mirror.at("dr")
    rule("word", "geheim", anna.user_id)
    rule("address", dr, anna.user_id)
    leave(mirror, anna)
    run(mirror)
    boss = boss_of(mirror)
    rule("word", "vertraulich", boss)
    mirror.write("crm.mail.mirror.mailbox", anna.id, password="secret")
    mirror.write("crm.mail.mirror.mailbox", anna.id, state="active")
    server.put(
        lib.mail(4, client, anna.email, subject="geheim zz1"),
        lib.mail(5, client, f"{anna.email} {dr}", subject="hello zz2"),
        lib.mail(6, client, anna.email, subject="vertraulich zz3"),
    )

    def asked(pasted):
        with mirror.env(boss) as env:
            why = env["crm.mail.mirror.why"].create({"pasted": pasted})
            why.action_search()
            (line,) = why.line_ids
            return line.verdict, line.steps, line.mend

    for pasted, secret in (("zz1", "geheim"), ("zz2", dr)):
        verdict, steps, mend = asked(pasted)
        assert "A rule of the former owner keeps it out" in steps
        assert secret not in verdict + steps
        assert not mend
    assert "vertraulich" in asked("zz3")[1], "their own they are told"


def test_an_administrator_gets_no_mail_by_their_own_hand(mirror, anna, colleague):
    with mirror.env() as env:
        manager = env.ref("crm_mail_mirror.crm_mail_mirror_group_manager").id
    admin = colleague("admin", groups=manager)
    leave(mirror, anna)

    def take():
        with mirror.env(admin) as env:
            env["crm.mail.mirror.leaver"].create(
                {
                    "mailbox_ids": [(6, 0, [anna.id])],
                    "action": "successor",
                    "successor_id": admin,
                }
            ).action_now()

    with pytest.raises(UserError, match="You are not Anna's manager"):
        take()
    mirror.write("res.users", anna.user_id, mirror_manager_id=admin)
    take()
    run(mirror)

    assert owner(mirror, anna) == [(admin,)]


def test_a_successor_works_in_the_mailboxs_company(mirror, anna, policy):
    outsider = mirror.user("outsider")
    policy("successor")
    leave(mirror, anna)
    with (
        mirror.env(2) as env,
        pytest.raises(UserError, match="Outsider does not work in"),
    ):
        env["crm.mail.mirror.leaver"].create(
            {
                "mailbox_ids": [(6, 0, [anna.id])],
                "action": "successor",
                "successor_id": outsider,
            }
        ).action_now()
    mirror.sql(
        "UPDATE crm_mail_mirror_mailbox SET successor_id = %s WHERE id = %s",
        outsider,
        anna.id,
    )

    run(mirror)

    assert owner(mirror, anna) == [(anna.user_id,)], "not even if it stands there"


def told(mirror, user):
    """Bodies of what this user was notified of, the newest last."""
    with mirror.env() as env:
        partner = env["res.users"].browse(user).partner_id
        found = env["mail.message"].search(
            [("notified_partner_ids", "in", partner.ids)], order="id"
        )
        return [message.body for message in found]


def test_who_left_is_told_who_has_their_mail_then_and_once_they_are_back(
    mirror, anna, policy
):
    policy("successor")
    leave(mirror, anna)
    assert told(mirror, anna.user_id) == []

    run(mirror)

    (said,) = told(mirror, anna.user_id)
    assert anna.email in said and "handed over to Boss on" in said
    mirror.write("res.users", anna.user_id, active=True)
    assert told(mirror, anna.user_id) == [said, said]
    mirror.write("res.users", anna.user_id, active=False)
    mirror.write("res.users", anna.user_id, active=True)
    assert len(told(mirror, anna.user_id)) == 2, "once is enough"


def test_with_one_mailbox_goes_only_its_list_of_removed_mail(mirror, lib, anna, policy):
    """What lay in another one can be taken back, there and nowhere else."""
    other = lib.Server()
    box = mirror.link("anna2", other, user_id=anna.user_id)
    other.put(lib.mail(1, mirror.at("client"), anna.email))
    mirror.sync(box)
    with mirror.env(anna.user_id) as env:
        mails = env["crm.mail.mirror.message"].search([("is_mine", "=", True)])
        mails.filtered(lambda mail: mail.subject == "Mail 1").action_remove()
    assert mirror.states(box) == {("hidden", "owner"): 1}
    boss = boss_of(mirror)

    with mirror.env() as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(anna.id)
        mailbox._hand_over(env["res.users"].browse(boss))
    mirror.write("crm.mail.mirror.mailbox", anna.id, password="secret")
    mirror.write("crm.mail.mirror.mailbox", anna.id, state="active")
    with mirror.env(anna.user_id) as env:
        removed = env["crm.mail.mirror.removal"].search([])
        assert removed.accounts == box.email
        removed.action_undo()
    mirror.sync(anna, box)
    mirror.sync(anna, box)

    assert mirror.states(box) == {HERE: 1}
    assert subjects(mirror, boss) == ["Mail 2", "Mail 3"]


def test_in_steps_that_are_broken_off(mirror, anna, policy, monkeypatch):
    from odoo.addons.crm_mail_mirror.models import (
        crm_mail_mirror_mailbox_handover as it,
    )

    monkeypatch.setattr(it, "WITHHELD", 1)
    monkeypatch.setattr(it, "MANY", 1)
    policy("successor")
    leave(mirror, anna)

    runs = 0
    with mirror.env() as env:
        while env["crm.mail.mirror.mailbox"]._run_leavers(budget=0):
            runs += 1

    assert runs > 1
    assert owner(mirror, anna) == [(boss_of(mirror),)]
    mirror.check(anna)


@pytest.mark.parametrize("action", ["keep", "purge", "successor"])
def test_a_user_can_be_deleted(mirror, anna, policy, action):
    policy(action)
    boss = boss_of(mirror)

    with mirror.env() as env:
        user = env["res.users"].browse(anna.user_id)
        partner = user.partner_id
        user.unlink()
        assert partner.exists()

    kept = [(boss,)] if action == "successor" else []
    assert owner(mirror, anna) == kept
    mirror.check(anna)


def test_only_administrators_decide_and_see_no_mail(mirror, anna, policy, colleague):
    policy("keep", 30)
    bert = colleague("bert")
    with mirror.env(2) as env, pytest.raises(UserError, match="has not left"):
        env["crm.mail.mirror.mailbox"].browse(anna.id).action_leaver()
    leave(mirror, anna)

    with mirror.env(bert) as env:
        with pytest.raises(AccessError):
            env["crm.mail.mirror.mailbox"].browse(anna.id).action_leaver()
        with pytest.raises(AccessError):
            env["crm.mail.mirror.leaver"].create({"mailbox_ids": [(6, 0, [anna.id])]})
    with mirror.env(2) as env:
        assert env["crm.mail.mirror.mailbox"].browse(anna.id).leaver_on
        assert not env["crm.mail.mirror.copy"].search([("mailbox_id", "=", anna.id)])


def test_the_owner_does_not_set_what_happens(mirror, anna):
    with mirror.env(anna.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(anna.id)
        for values in ({"left_at": "2026-01-01"}, {"former_rules": {}}):
            with pytest.raises(AccessError):
                mailbox.write(values)
