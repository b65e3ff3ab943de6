"""Whom an owner writes with who is no contact yet: suggested, created, dismissed."""

from dataclasses import replace

import pytest

from tests.sync.letters import raw
from tests.sync.test_scope import run_job


@pytest.fixture
def link(mirror, server):
    def link(mode="all", name="anna", server=server, **values):
        return mirror.link(name, server, contact_mode=mode, **values)

    return link


@pytest.fixture
def letter(mirror, lib):
    """A mail between the owner and somebody: ``letter(box, 1, "jane")`` is received."""

    def letter(box, number, local, *, out=False, name="", answers=None, **values):
        email = local if "@" in local else mirror.at(local)
        if answers is not None:
            values["in_reply_to"] = (f"<{answers}.{mirror.domain}@mail.test>",)
        sender, to = (box.email, email) if out else (email, box.email)
        found = lib.mail(number, sender, to, tag=mirror.domain, **values)
        people = {"to" if out else "authors": (lib.Address(name, email),)}
        found.envelope = replace(found.envelope, **people)
        return found

    return letter


def tray(mirror, box):
    """``{address: (name, why, mails)}`` as the owner sees it."""
    with mirror.env(box.user_id) as env:
        return {
            each.email_normalized.partition("@")[0]: (
                each.name,
                each.why,
                each.mail_count,
            )
            for each in env["crm.mail.mirror.suggestion"].search(
                [("state", "=", "open")]
            )
        }


def act(mirror, box, action, *locals, user_id=None):
    with mirror.env(user_id or box.user_id) as env:
        emails = [mirror.at(local) for local in locals]
        found = env["crm.mail.mirror.suggestion"].search(
            [("email_normalized", "in", emails)]
        )
        assert len(found) == len(emails)
        return getattr(found, action)()


def partners(mirror, local):
    return mirror.sql(
        """SELECT name, user_id, lang, parent_id FROM res_partner
            WHERE email_normalized = %s""",
        mirror.at(local),
    )


def conversation(server, letter, box):
    """Somebody of each kind."""
    server.put(
        letter(box, 1, "answered", name="Doe, John"),
        letter(box, 3, "received", name="Jane Roe (Acme)"),
        letter(box, 5, "answerer", answers=4),
    )
    server.put(
        letter(box, 2, "answered", out=True, answers=1),
        letter(box, 4, "answerer", out=True),
        letter(box, 6, "written.to", out=True),
        folder="Sent",
    )


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("never", {}),
        (
            "written",
            {
                "answered": (None, "answered", 1),
                "answerer": (None, "written", 1),
                "written.to": ("Written To", "written", 1),
            },
        ),
        (
            "answered",
            {
                "answered": (None, "answered", 1),
                "answerer": (None, "answered_me", 1),
            },
        ),
        (
            "all",
            {
                "answered": ("John Doe", "answered", 2),
                "answerer": (None, "answered_me", 2),
                "received": ("Jane Roe", "received", 1),
                "written.to": ("Written To", "written", 1),
            },
        ),
    ],
)
def test_a_mailbox_suggests_whom_its_owner_asked_for(
    mirror, server, link, letter, mode, expected
):
    box = link(mode)
    conversation(server, letter, box)

    mirror.sync(box)

    assert tray(mirror, box) == {
        local: (name or mirror.at(local), *rest)
        for local, (name, *rest) in expected.items()
    }
    assert not server.fetched, "no text is read for it"
    if mode == "never":
        assert not server.calls["facts"]
    mirror.check(box)


def test_answers_are_known_over_pages_and_runs(mirror, server, link, letter):
    box = link("answered")
    mirror.contact("known")
    server.put(letter(box, 1, "asks"), letter(box, 7, "known"))
    server.put(letter(box, 3, "asked", out=True), folder="Sent")
    mirror.sync(box)

    server.put(letter(box, 2, "asks", out=True, answers=1), folder="Sent")
    server.put(letter(box, 4, "asked", answers=3))
    # to a mail that is mirrored, with one more who was on it, and one who was not
    server.put(letter(box, 8, "known", answers=7), letter(box, 9, "liar", answers=99))
    mirror.sync(box)

    assert {k: v[1] for k, v in tray(mirror, box).items()} == {
        "asks": "answered",
        "asked": "answered_me",
    }


def test_nobody_is_suggested_who_should_never_be(mirror, server, lib, link, letter):
    box = link("all")
    mirror.contact("known")
    mirror.user("jon")
    with mirror.env() as env:
        deleted = env["res.partner"].create(
            {"name": "x", "email": mirror.at("deleted")}
        )
        deleted.unlink()
        rule = {"user_id": box.user_id, "value": mirror.at("excluded")}
        env["crm.mail.mirror.exclusion"].create(rule)
    automatic = {"auto-submitted": ("auto-replied",)}
    received = [
        ("known", {}),
        (f"jon@{mirror.house}", {}),
        ("info", {}),
        ("noreply", {}),
        ("throwaway@mailinator.com", {}),
        ("excluded", {}),
        ("deleted", {}),
        ("news", {"headers": {"list-unsubscribe": ("<mailto:u@x.test>",)}}),
        ("list", {"headers": {"list-id": ("<l.x.test>",)}}),
        ("holiday", {"headers": automatic, "answers": 50}),
        ("private", {"subject": "perso: dinner"}),
        ("intimate", {"sensitivity": "private"}),
        ("relayed", {"name": "Jane Doe via Acme Docs"}),
        ("invites", {"parts": (lib.Part("1", "text/calendar", 100),)}),
        ("x" * 80, {}),
    ]
    server.put(
        *(
            letter(box, number, local, **values)
            for number, (local, values) in enumerate(received)
        )
    )
    many = " ".join(mirror.at(f"many{number}") for number in range(30))
    server.put(
        lib.mail(50, box.email, many, tag=mirror.domain),
        letter(
            box, 51, "away", out=True, headers={"auto-submitted": ("auto-replied",)}
        ),
        folder="Sent",
    )
    server.put(letter(box, 52, "trashed"), folder="Trash")
    server.put(letter(box, 53, "kept", name="Kept Person"))

    mirror.sync(box)

    assert tray(mirror, box) == {"kept": ("Kept Person", "received", 1)}
    mirror.check(box)


def test_hostile_names_are_bounded_text(mirror, server, link, letter):
    box = link("all")
    names = {
        "script": "<script>alert(1)</script>",
        "long": "A" * 10_000,
        "controls": "Jane\r\nBcc: x@y.test\x00\x1b[31m\u202eDoe",
        "empty": " ",
    }
    server.put(
        *(
            letter(box, number, local, name=name)
            for number, (local, name) in enumerate(names.items())
        )
    )

    mirror.sync(box)
    found = tray(mirror, box)
    act(mirror, box, "action_create", *names)

    assert set(found) == set(names)
    for local in names:
        ((name, *_rest),) = partners(mirror, local)
        assert 0 < len(name) <= 200 and name.isprintable() and "<" not in name


def test_created_contacts_get_their_mail(mirror, server, link, letter):
    box = link("all")
    with mirror.env() as env:
        company = env["res.partner"].create(
            {"name": "Acme", "is_company": True, "website": f"www.{mirror.domain}"}
        )
        company = company.id
    conversation(server, letter, box)
    mirror.sync(box)

    with mirror.env(box.user_id) as env:
        row = env["crm.mail.mirror.suggestion"].search(
            [("email_normalized", "=", mirror.at("received"))]
        )
        assert row.parent_id.id == company
        row.name = "Jane R. Roe"
    told = act(mirror, box, "action_create", "received", "answered")["params"]
    mirror.look_again()
    mirror.sync(box)

    assert partners(mirror, "received") == [
        ("Jane R. Roe", box.user_id, "en_US", company)
    ]
    assert partners(mirror, "answered")[0][0] == "John Doe"
    assert {link["label"] for link in told["links"]} == {"Jane R. Roe", "John Doe"}
    assert told["message"].count("%s") == len(told["links"])
    assert set(tray(mirror, box)) == {"answerer", "written.to"}
    assert len(mirror.mirrored(box)) == 3
    mirror.check(box)


def test_dismissed_is_not_suggested_again_and_leaves_no_name(
    mirror, server, link, letter
):
    box = link("all")
    server.put(letter(box, 1, "nuisance", name="Nina Nuisance"))
    mirror.sync(box)

    act(mirror, box, "action_dismiss", "nuisance")
    server.put(letter(box, 2, "nuisance", name="Nina Nuisance"))
    mirror.sync(box)

    assert tray(mirror, box) == {}
    rows = mirror.sql("SELECT s::text FROM crm_mail_mirror_suggestion s")
    assert rows and "uisance" not in str(rows)
    # until the owner thinks better of it
    with mirror.env(box.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        assert mailbox.dismissed_count == 1
        mailbox.action_suggest_again()
    mirror.sync(box)
    assert tray(mirror, box) == {"nuisance": ("Nina Nuisance", "received", 2)}


def test_a_contact_made_elsewhere_leaves_the_tray(mirror, server, link, letter):
    box = link("all")
    server.put(letter(box, 1, "jane"), letter(box, 2, "shut.out"))
    mirror.sync(box)
    assert set(tray(mirror, box)) == {"jane", "shut.out"}

    mirror.contact("jane")
    mirror.look_again()
    with mirror.env(box.user_id) as env:
        rule = {"user_id": box.user_id, "value": mirror.at("shut.out")}
        env["crm.mail.mirror.exclusion"].create(rule)
    with mirror.env() as env:
        while env["crm.mail.mirror.change"]._run():
            pass

    assert tray(mirror, box) == {}


def test_rule_of_one_owner_leaves_the_trays_of_others(
    mirror, lib, server, link, letter
):
    anna, other = link("all"), lib.Server()
    jon = link("all", "jon", other)
    server.put(letter(anna, 1, "jane"))
    other.put(letter(jon, 1, "jane"))
    mirror.sync(anna)
    mirror.sync(jon)

    with mirror.env(anna.user_id) as env:
        rule = {"user_id": anna.user_id, "value": mirror.at("jane")}
        env["crm.mail.mirror.exclusion"].create(rule)
    with mirror.env() as env:
        while env["crm.mail.mirror.change"]._run():
            pass

    assert tray(mirror, anna) == {}
    assert set(tray(mirror, jon)) == {"jane"}


@pytest.mark.parametrize("theirs", ["jane", "carl"])
def test_two_owners_make_one_contact_and_one_company(
    mirror, server, lib, link, letter, together, theirs
):
    anna, other = link("all", contact_companies=True), lib.Server()
    jon = link("all", "jon", other, contact_companies=True)
    server.put(letter(anna, 1, "jane"))
    other.put(letter(jon, 2, theirs))
    mirror.sync(anna, jon)
    assert (set(tray(mirror, anna)), set(tray(mirror, jon))) == ({"jane"}, {theirs})

    from odoo.service.model import retrying

    def create(box):
        from odoo.api import Environment

        with mirror.registry.cursor() as cr:
            env = Environment(cr, box.user_id, {})
            rows = env["crm.mail.mirror.suggestion"]
            retrying(lambda: rows.search([]).action_create(), env)

    together(lambda: create(anna), lambda: create(jon))

    found = partners(mirror, "jane") + partners(mirror, theirs)
    assert len(partners(mirror, "jane")) == len(partners(mirror, theirs)) == 1
    assert len({company for *_rest, company in found}) == 1
    companies = "SELECT count(*) FROM res_partner WHERE website LIKE %s AND is_company"
    assert mirror.sql(companies, f"%{mirror.domain}%") == [(1,)]
    assert tray(mirror, anna) == tray(mirror, jon) == {}


def test_without_confirmation_contacts_are_made_at_once(
    mirror, server, lib, link, letter
):
    anna = link("all", contact_confirm=False, contact_companies=True)
    other = lib.Server()
    with mirror.env() as env:
        internal = env.ref("base.group_user").ids
    guest = mirror.user("guest", group_ids=[(6, 0, internal)])
    jon = link("all", "guest", other, user_id=guest, contact_confirm=False)
    server.put(letter(anna, 1, "jane", name="Jane Roe (Zeta)"))
    server.put(letter(anna, 2, "carl"), letter(anna, 3, "someone@gmail.com"))
    other.put(letter(jon, 4, "rightless"))
    mirror.sync(anna, jon)

    cron(mirror)
    mirror.look_again()
    mirror.sync(anna, jon)

    ((name, owner, _lang, company),) = partners(mirror, "jane")
    assert (name, owner) == ("Jane Roe", anna.user_id)
    assert partners(mirror, "carl")[0][3] == company
    assert mirror.sql("SELECT name, is_company FROM res_partner WHERE id = %s", company)
    assert tray(mirror, anna) == {}
    assert len(mirror.mirrored(anna)) == 3
    # who may not create contacts finds them in the tray, and is told why
    assert set(tray(mirror, jon)) == {"rightless"}
    from odoo.exceptions import UserError

    with pytest.raises(UserError, match="Contact Creation"):
        act(mirror, jon, "action_create", "rightless")


def test_contact_that_another_addon_fails_over_holds_up_nobody(
    mirror, server, link, letter, monkeypatch
):
    box = link("all", contact_confirm=False)
    model = mirror.registry["crm.mail.mirror.suggestion"]
    real = model._create_contacts

    def create(self):
        if self.email_normalized == mirror.at("jane"):
            raise ValueError("of an automation")
        return real(self)

    monkeypatch.setattr(model, "_create_contacts", create)
    server.put(letter(box, 1, "jane"), letter(box, 2, "carl"))
    mirror.sync(box)

    with mirror.env() as env:
        assert not env["crm.mail.mirror.sync"]._run_outbox()

    assert partners(mirror, "carl") and not partners(mirror, "jane")
    assert set(tray(mirror, box)) == {"jane"}


def test_many_contacts_that_wait_leave_time_for_the_others(
    mirror, server, link, letter
):
    box = link("all", contact_confirm=False)
    server.put(letter(box, 1, "jane"), letter(box, 2, "carl"))
    mirror.sync(box)

    with mirror.env() as env:
        assert env["crm.mail.mirror.sync"]._run_outbox(budget=-1)
        assert not partners(mirror, "jane") and not partners(mirror, "carl")
    with mirror.env() as env:
        assert not env["crm.mail.mirror.sync"]._run_outbox()

    assert partners(mirror, "jane") and partners(mirror, "carl")


def cron(mirror):
    with mirror.env() as env:
        env["crm.mail.mirror.suggestion"]._create_waiting()


def test_switched_on_it_looks_at_the_last_days_and_off_it_forgets(
    mirror, server, link, letter
):
    box = link("never")
    conversation(server, letter, box)
    mirror.sync(box)
    assert tray(mirror, box) == {}

    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).contact_mode = "all"
    # of what a slow machine did not come to at once
    run_job(mirror)
    mirror.sync(box)
    everybody = set(tray(mirror, box))
    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).contact_mode = "written"
    written = set(tray(mirror, box))
    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).contact_mode = "never"

    assert everybody == {"answered", "answerer", "received", "written.to"}
    assert written == {"answered", "written.to"}
    assert not mirror.sql(
        "SELECT 1 FROM crm_mail_mirror_suggestion WHERE user_id = %s", box.user_id
    )
    mirror.check(box)


def test_a_month_later_nothing_is_left(mirror, server, link, letter):
    box = link("all")
    server.put(letter(box, 1, "jane"), letter(box, 2, "carl"))
    mirror.sync(box)
    mirror.sql(
        """UPDATE crm_mail_mirror_suggestion SET seen_at = now() - interval '31 days'
            WHERE email_normalized = %s""",
        mirror.at("jane"),
    )

    with mirror.env() as env:
        env["crm.mail.mirror.suggestion"]._gc_suggestions()

    assert set(tray(mirror, box)) == {"carl"}


def test_suggestions_and_their_number_are_the_owners_alone(
    mirror, server, link, letter
):
    from odoo.exceptions import AccessError

    box = link("all")
    server.put(letter(box, 1, "secret", name="Sara Secret"))
    mirror.sync(box)
    with mirror.env() as env:
        manager = env.ref("base.group_system").ids
    admin = mirror.user("admin", group_ids=[(6, 0, manager)], mirror_visibility="4")
    boss = mirror.user("boss", mirror_visibility="4")
    (row,) = mirror.sql(
        "SELECT id FROM crm_mail_mirror_suggestion WHERE user_id = %s", box.user_id
    )

    for user in (admin, boss):
        with mirror.env(user) as env:
            rows = env["crm.mail.mirror.suggestion"]
            assert not rows.search([]) and not rows.search_count([])
            assert not rows._read_group([], ["mailbox_id"], ["__count"])
            for method, *values in (
                ("read", ["name"]),
                ("action_create",),
                ("action_dismiss",),
                ("write", {"name": "x"}),
            ):
                with pytest.raises(AccessError), env.cr.savepoint():
                    getattr(rows.browse(row), method)(*values)
    with mirror.env(admin) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        assert mailbox.suggestion_count == 0
        assert mailbox.contact_mode is False
        with pytest.raises(AccessError):
            mailbox.action_open_suggestions()
    with mirror.env(box.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        assert mailbox.suggestion_count == 1
        with pytest.raises(AccessError):
            env["crm.mail.mirror.suggestion"].browse(row).write({"state": "waiting"})


def test_of_a_strangers_mail_headers_tell_if_it_is_bulk_and_no_text_is_read(
    mirror, post, fetched
):
    box, program = post("anna", contact_mode="answered")
    jane, news, carl = (mirror.at(name) for name in ("jane", "news", "carl"))
    program.append("Sent", raw(1, box.email, jane, message_id="<1@own.test>"))
    program.append("Sent", raw(2, box.email, news, message_id="<2@own.test>"))
    program.append("INBOX", raw(3, jane, box.email, in_reply_to="<1@own.test>"))
    program.append(
        "INBOX",
        raw(
            4,
            news,
            box.email,
            in_reply_to="<2@own.test>",
            auto_submitted="auto-replied",
        ),
    )
    program.append("INBOX", raw(5, carl, box.email))

    mirror.sync(box)

    assert set(tray(mirror, box)) == {"jane"}
    assert fetched == []
    mirror.check(box)
