"""What a rule will do is said before it is saved: the same that happens then."""

import re

import pytest

from odoo.exceptions import AccessError
from odoo.tests import Form

DIALOG = "crm_mail_mirror.crm_mail_mirror_exclusion_view_form_dialog"


def new(env, kind, value, user_id=None, **values):
    """A rule in the dialog, not saved yet."""
    values = {"kind": kind, "value": value, "user_id": user_id or False, **values}
    return env["crm.mail.mirror.exclusion"].new(values)


def told(mirror, user_id, *args, **values):
    """(preview, refusal, note) as this user reads them in the dialog"""
    with mirror.env(user_id) as env:
        rule = new(env, *args, **values)
        return rule.preview or "", rule.refusal or "", rule.note or ""


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("address", "friend@{}"),
        ("domain", "{}"),
        ("word", "ÉTÉ"),
        ("word", "nobody writes that"),
    ],
)
def test_preview_says_what_happens(mirror, clients, rule, kind, value):
    value = value.format(mirror.domain)
    preview, refusal, _note = told(
        mirror, clients.user_id, kind, value, clients.user_id
    )
    assert not refusal
    said = re.search(r"removes (\d+|one) mail", preview)

    rule(kind, value, clients.user_id)
    mirror.apply_changes()

    gone = mirror.by_state(clients)["excluded"]
    assert int(said[1].replace("one", "1") if said else 0) == gone
    assert bool(said) == bool(gone)


def test_preview_names_contacts_and_leads_to_the_owner(mirror, clients):
    with mirror.env() as env:
        env["crm.lead"].create(
            {
                "name": f"Deal of {mirror.domain}",
                "email_from": mirror.at("friend"),
                "user_id": clients.user_id,
                "type": "opportunity",
            }
        )
    preview, *_rest = told(
        mirror, clients.user_id, "domain", mirror.domain, clients.user_id
    )

    assert "removes 5 mails" in preview
    # names hold commas
    said = preview.partition("among them ")[2].partition(". ")[0].split("; ")
    assert any(part.startswith("3 with client") for part in said)
    assert f"2 on “Deal of {mirror.domain}”" in said


def test_preview_tells_nothing_of_others(mirror, clients):
    colleague = mirror.user("colleague")
    friend = mirror.at("friend")

    # of somebody else's mail, of everybody's without being an administrator
    assert told(mirror, colleague, "address", friend, clients.user_id) == ("", "", "")
    assert told(mirror, colleague, "address", friend) == ("", "", "")
    assert told(mirror, 2, "address", friend, clients.user_id) == ("", "", "")
    # of one's own there is none; an administrator learns a number that is not small
    preview, *_rest = told(mirror, colleague, "address", friend, colleague)
    assert "No mail that is here has to go" in preview
    some, *_rest = told(mirror, 2, "domain", mirror.domain)
    none, *_rest = told(mirror, 2, "domain", f"nobody.{mirror.domain}")
    assert "fewer than 10 mails of other people" in some
    assert some == none


def test_preview_of_a_word_tells_nobody_what_subjects_say(mirror, clients):
    """Neither that it stands in one, nor that it stands in none."""
    found, absent = (told(mirror, 2, "word", word)[0] for word in ("été", "qwertz"))

    assert "fewer than" in found
    assert found == absent
    mine, *_rest = told(mirror, clients.user_id, "word", "été", clients.user_id)
    assert "removes one mail" in mine


def company_rule(mirror, value):
    """An administrator keeps it out of all mailboxes; :return: its row of changes"""
    with mirror.env(2) as env:
        made = env["crm.mail.mirror.exclusion"].create(
            {"kind": "address", "value": value}
        )
        change = made.sudo().change_id.id
    mirror.apply_changes()
    return change


def test_of_others_a_small_number_is_told_neither_before_nor_after(
    mirror, lib, clients
):
    """Nor can it be counted off from mail of one's own."""
    own = lib.Server()
    box = mirror.link("own", own, user_id=2)
    own.put(*(lib.mail(n, mirror.at("friend"), box.email) for n in range(50, 62)))
    mirror.sync(box)

    some, *_rest = told(mirror, 2, "address", mirror.at("friend"))
    none, *_rest = told(mirror, 2, "address", mirror.at("nobody"))
    assert "fewer than 10 mails of other people" in some
    assert some.replace(" Of your own mail it removes 12 mails.", "") == none

    rows = [company_rule(mirror, mirror.at(who)) for who in ("friend", "nobody")]
    assert mirror.by_state(clients) == {"mirrored": 3, "excluded": 2}
    with mirror.env(2) as env:
        for change in env["crm.mail.mirror.change"].browse(rows):
            assert change.removed == "fewer than 10, if any"
            assert not change.back
            with pytest.raises(AccessError):
                change.read(["removed_of", "progress_done"])
            with pytest.raises(AccessError):
                change.search([("progress_total", ">", 2)])
        made = env["crm.mail.mirror.exclusion"].search(
            [("value", "in", [mirror.at("friend"), mirror.at("nobody")])]
        )
        said = [
            env["crm.mail.mirror.rule.removal"].create({"rule_ids": one.ids}).preview
            for one in made
        ]
        assert "fewer than 10 mails may come back" in said[0]
        assert said[0] == said[1]


def test_many_mails_of_others_are_told_as_a_number(mirror, lib, server, clients):
    friend = mirror.at("friend")
    server.put(*(lib.mail(n, friend, clients.email) for n in range(20, 28)))
    mirror.sync(clients)

    assert "removes 10 mails from the mirrors" in told(mirror, 2, "address", friend)[0]
    change = company_rule(mirror, friend)
    with mirror.env(2) as env:
        assert env["crm.mail.mirror.change"].browse(change).removed == "10"


def test_of_several_rules_together_no_number_is_told(mirror, lib, server, clients):
    """It would tell of few mails with one, beside the many with another."""
    values = [mirror.at(local) for local in ("client", "friend")]
    many = (lib.mail(n, values[0], clients.email) for n in range(20, 32))
    server.put(*many)
    mirror.sync(clients)
    with mirror.env(2) as env:
        made = env["crm.mail.mirror.exclusion"].create(
            [{"kind": "address", "value": value} for value in values]
        )
        change = made.sudo().change_id.id
    mirror.apply_changes()

    with mirror.env(2) as env:
        change = env["crm.mail.mirror.change"].browse(change)
        assert change.removed == "not told of several rules at once"
        wizard = env["crm.mail.mirror.rule.removal"]
        both, first = (
            wizard.create({"rule_ids": some.ids}).preview for some in (made, made[:1])
        )
        assert not re.search(r"\d+ mails", both)
        assert re.search(r"Of the last seven days 1\d mails", first)
        change.action_undo()
    mirror.apply_changes()


def test_what_undo_cannot_bring_back_is_said(mirror, lib, server, clients):
    """The owner left, or disconnected and kept the mail: nobody can read it again."""
    client, friend = mirror.at("client"), mirror.at("friend")
    bert = mirror.link("bert", server)
    server.put(*(lib.mail(n, client, "us@h.test") for n in range(20, 32)))
    mirror.sync(clients, bert)
    mine = (mirror, clients.user_id, "address", client, clients.user_id)
    assert (
        "not connected any more" not in told(*mine)[0] + told(mirror, 2, *mine[2:4])[0]
    )

    with mirror.env(clients.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(clients.id)
        wizard = env["crm.mail.mirror.disconnect"].create({"mailbox_id": mailbox.id})
        wizard.action_disconnect()

    assert "But the mailbox is not connected any more" in told(*mine)[0]
    everybodys = told(mirror, 2, "address", client)[0]
    assert re.search(r"1\d of them lie in mailboxes that are not connected", everybodys)
    some, none = (
        told(mirror, 2, "address", who)[0] for who in (friend, mirror.at("nobody"))
    )
    assert some == none
    assert "undo brings nothing back unless they are connected again" in some


def test_preview_of_a_removal_says_what_comes_back(mirror, clients, rule):
    made = rule("address", mirror.at("friend"), clients.user_id)
    mirror.apply_changes()
    with mirror.env(clients.user_id) as env:
        removal = env["crm.mail.mirror.rule.removal"].create({"rule_ids": [made]})
        assert "Of the last seven days 2 mails" in removal.preview
        assert mirror.at("friend") in removal.names
        removal.action_remove()
    with mirror.env(clients.user_id) as env:
        assert not env["crm.mail.mirror.exclusion"].browse(made).exists()
    mirror.apply_changes()


def test_nobody_removes_a_rule_of_others(mirror, clients, rule):
    from odoo.exceptions import AccessError

    made = rule("address", mirror.at("friend"), clients.user_id)
    everybodys = rule("address", "x@everybody.test")
    for user_id, ids in (
        (mirror.user("colleague"), [made]),
        (2, [made]),
        (clients.user_id, [everybodys]),
    ):
        with pytest.raises(AccessError), mirror.env(user_id) as env:
            env["crm.mail.mirror.rule.removal"].create(
                {"rule_ids": ids}
            ).action_remove()
    mirror.apply_changes()


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("domain", "*", "all mail"),
        ("domain", "house", "no company's domain"),
        ("domain", "co.uk", "no company's domain"),
        ("domain", "{house}", "your own"),
        ("address", "{me}", "your own"),
        ("address", "+tag{me}", "your own"),
        ("address", "*@acme.example", "wildcards"),
        ("word", "p", "one letter"),
        ("word", "perso.*", "wildcards|pattern"),
        ("word", r"\bperso\b", "pattern"),
        ("word", "Re", "every answer"),
        ("word", "...", "no letter"),
        ("word", " ", "Please fill in"),
    ],
)
def test_bad_rules_are_refused_with_a_sentence(
    mirror,
    clients,
    kind,
    value,
    says,
):
    from odoo.exceptions import ValidationError

    if value.startswith("+tag"):
        local, at, domain = clients.email.partition("@")
        value = f"{local}+tag{at}{domain}"
    value = value.format(house=mirror.house, me=clients.email)

    with pytest.raises(ValidationError, match=says), mirror.env(clients.user_id) as env:
        env["crm.mail.mirror.exclusion"].create(
            {"kind": kind, "value": value, "user_id": clients.user_id}
        )
    _preview, refusal, _note = told(
        mirror, clients.user_id, kind, value, clients.user_id
    )
    assert bool(refusal) == bool(value.strip())


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        ("domain", " *.ACME.Example ", "acme.example"),
        ("domain", "@bücher.example", "xn--bcher-kva.example"),
        ("address", " ANN@Acme.example", "ann@acme.example"),
        ("word", "  vie   privée ", "vie privée"),
        ("domain", "gmail.com", "gmail.com"),
        ("word", "私用", "私用"),
    ],
)
def test_rules_are_kept_as_mail_has_them(mirror, clients, rule, kind, value, stored):
    made = rule(kind, value, clients.user_id)
    with mirror.env(clients.user_id) as env:
        kept = env["crm.mail.mirror.exclusion"].browse(made)
        assert kept.value == stored
        assert bool(kept.note) == (value in ("gmail.com", "私用"))
    mirror.apply_changes()


def test_which_of_two_contradictory_rules_wins_is_said(mirror, clients, rule):
    rule("domain", mirror.domain, clients.user_id)
    made = rule("address", mirror.at("friend"), clients.user_id, effect="always")
    mirror.apply_changes()

    assert mirror.by_state(clients) == {"excluded": 5}
    with mirror.env(clients.user_id) as env:
        note = env["crm.mail.mirror.exclusion"].browse(made).note
        assert "Never wins" in note
        assert mirror.domain in note
    _preview, _refusal, note = told(
        mirror,
        clients.user_id,
        "address",
        mirror.at("x"),
        clients.user_id,
        effect="always",
    )
    assert "Never wins" in note


def test_word_is_never_always(mirror, clients):
    _preview, refusal, _note = told(
        mirror, clients.user_id, "word", "hello", clients.user_id, effect="always"
    )
    assert "Only addresses and domains" in refusal


def test_fifty_thousand_rules_are_one_change_and_cost_no_page(mirror, clients):
    mirror.apply_changes()  # what other tests left
    before = mirror.sql("SELECT count(*) FROM crm_mail_mirror_exclusion")
    with mirror.env() as env:
        rules = env["crm.mail.mirror.exclusion"].with_context(import_file=True)
        rows = [
            ["address", f"p{n}@c{n % 9000}.{mirror.domain}"] for n in range(49_999)
        ] + [["address", mirror.at("friend")]]
        assert not rules.load(["kind", "value"], rows)["messages"]
    try:
        assert mirror.sql(
            """SELECT count(*), max(added_count) FROM crm_mail_mirror_change
                WHERE state = 'waiting'"""
        ) == [(1, 50_000)]
        mirror.apply_changes()
        assert mirror.by_state(clients) == {"mirrored": 3, "excluded": 2}
        with mirror.env() as env:
            mailbox = env["crm.mail.mirror.mailbox"].browse(clients.id)
            first = mailbox._policy()
            assert mailbox._policy().excluded_addresses == first.excluded_addresses
            assert len(first.excluded_addresses) >= 50_000
            # what changed behind our back counts at once
            env.cr.execute(
                """UPDATE crm_mail_mirror_exclusion SET value = 'y@z.test'
                    WHERE value = %s""",
                [mirror.at("friend")],
            )
            assert "y@z.test" in mailbox._policy().excluded_addresses
            env.cr.rollback()
    finally:
        with mirror.env() as env:
            change = env["crm.mail.mirror.change"].search([], order="id desc", limit=1)
            change.action_undo()
        mirror.apply_changes()
    assert mirror.sql("SELECT count(*) FROM crm_mail_mirror_exclusion") == before
    mirror.check(clients)


def test_sharing_more_or_less_says_who_sees_what(mirror, clients):
    from odoo.addons.crm_mail_mirror.models.change_sentences import mails_of

    boss = mirror.user("boss")
    mirror.write("res.users", boss, mirror_visibility="1")
    mirror.write("res.users", clients.user_id, mirror_manager_id=boss)
    with mirror.env() as env:
        env["res.users"].search([("mirror_visibility", "=", "4")]).write(
            {"mirror_visibility": "0"}
        )
    with mirror.env(clients.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(clients.id)
        form = mailbox.new({"sharing_in": "everything"}, origin=mailbox)
        assert form.sharing_preview == (
            "One colleague will see subject and text of 4 received mails."
        )
        assert not mailbox.sharing_preview
        mailbox.sharing_in = "everything"
    with mirror.env(clients.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(clients.id)
        form = mailbox.new({"sharing_in": "subject"}, origin=mailbox)
        assert form.sharing_preview == (
            "One colleague will no longer see the text of 4 received mails."
        )
        assert mails_of(env, "in", 1) == "1 received mail"
        assert mails_of(env, "out", 1) == "1 sent mail"
        assert mails_of(env, "out", 1234) == "1,234 sent mails"
    sent = "One colleague will see subject and text of 1 sent mail."
    with mirror.env(clients.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(clients.id)
        form = mailbox.new(
            {"sharing_in": "everything", "sharing_out": "everything"}, origin=mailbox
        )
        assert form.sharing_preview == sent
    # of none no number is said
    with mirror.env(clients.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(clients.id)
        env["crm.mail.mirror.copy"].sudo().search(
            [("mailbox_id", "=", clients.id), ("direction", "=", "out")]
        ).sharing = "subject"
        form = mailbox.new(
            {"sharing_in": "everything", "sharing_out": "everything"}, origin=mailbox
        )
        assert form.sharing_preview == (
            "There is no such mail yet: this counts for what comes."
        )
        env.cr.rollback()


def test_level_says_how_many_mailboxes_it_opens(mirror, clients):
    boss = mirror.user("boss")
    mirror.write("res.users", clients.user_id, mirror_manager_id=boss)
    with mirror.env(2) as env:
        user = env["res.users"].browse(boss)
        assert user.mirror_sees == "Mailboxes: 0"
        form = user.new({"mirror_visibility": "1"}, origin=user)
        assert form.mirror_sees == "Mailboxes: 1, until now 0"
        user.mirror_visibility = "1"
        assert user.mirror_sees == "Mailboxes: 1"


@pytest.mark.parametrize(
    ("typed", "kinds"),
    [
        (["kaethe", "acme.example"], ["word", "domain"]),
        (["kaethe", "kaethe@acme.example"], ["word", "address"]),
        (["acme.example", "kaethe"], ["domain", "word"]),
        (["co.uk"], ["domain"]),
        (["gmail.com"], ["domain"]),
    ],
)
def test_kind_follows_from_what_is_typed(mirror, typed, kinds):
    with mirror.env(2) as env:
        form = Form(env["crm.mail.mirror.exclusion"], DIALOG)
        for value, kind in zip(typed, kinds, strict=True):
            form.value = value
            assert form.kind == kind


def test_kind_that_was_chosen_stays(mirror):
    with mirror.env(2) as env:
        form = Form(env["crm.mail.mirror.exclusion"], DIALOG)
        form.kind = "word"
        form.value = "acme.example"
        assert form.kind == "word"
        form.kind = "domain"
        form.value = "acme2.example"
        assert form.kind == "domain"
        form.value = "ann@acme.example"
        assert form.kind == "address"

        words = env["crm.mail.mirror.exclusion"].with_context(default_kind="word")
        form = Form(words, DIALOG)
        form.value = "acme.example"
        assert form.kind == "word"


def test_public_suffix_is_told_to_be_one(mirror):
    with mirror.env(2) as env:
        form = Form(env["crm.mail.mirror.exclusion"], DIALOG)
        form.value = "co.uk"
        assert "no company's domain" in form.refusal
