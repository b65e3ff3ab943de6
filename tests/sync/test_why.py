"""Why is it (not) here? Asked by the owner, of the mirror, the traces, the mailbox."""

from datetime import timedelta

import pytest

from tests.sync.asking import ask


def told(answers):
    return " ".join(text for answer in answers for text in answer.values())


@pytest.fixture
def box(mirror, server):
    return mirror.link(server=server)


def stored(mirror, box):
    return mirror.sql(
        """SELECT (SELECT count(*) FROM crm_mail_mirror_copy WHERE mailbox_id = %s),
                  (SELECT count(*) FROM crm_mail_mirror_message),
                  (SELECT count(*) FROM crm_mail_mirror_body),
                  (SELECT count(*) FROM crm_mail_mirror_trace)""",
        box.id,
    )


# ---- what is mirrored ---


@pytest.mark.parametrize(
    "text",
    [
        "twenty pumps",
        "Subject: Offer for twenty pumps",
        "{client}",
        "From: The Client <{client}>",
        "{id}",
        "<{id}>",
        "Message-ID: <{id}>",
    ],
)
def test_mail_that_is_here_is_explained_rule_by_rule(mirror, lib, server, box, text):
    mirror.contact("client", name="Clara Client")
    mail = lib.mail(1, mirror.at("client"), box.email, subject="Offer for twenty pumps")
    server.put(mail, lib.mail(2, mirror.at("nobody"), box.email))
    mirror.sync(box)
    mid = mail.envelope.message_id.strip("<>")

    (answer,) = ask(mirror, box, text.format(client=mirror.at("client"), id=mid))

    assert answer["outcome"] == "here"
    assert answer["headline"] == "Offer for twenty pumps"
    assert answer["verdict"].startswith("A contact or lead has an address")
    assert "Clara Client" in answer["steps"]
    assert answer["steps"].count("<li") == 17
    assert answer["steps"].count("fa-times") == 0
    assert not server.calls["search"], "what is stored needs no network"


def test_a_mail_on_the_screen_tells_its_owner_and_nobody_else(mirror, lib, server, box):
    mirror.contact("client", name="Clara Client")
    server.put(lib.mail(1, mirror.at("client"), box.email))
    mirror.sync(box)
    colleague = mirror.user("bert", mirror_visibility="4")
    ((message,),) = mirror.sql(
        "SELECT message_id FROM crm_mail_mirror_copy WHERE mailbox_id = %s", box.id
    )

    with mirror.env(box.user_id) as env:
        action = env["crm.mail.mirror.message"].browse(message).action_why()
        why = env[action["res_model"]].browse(action["res_id"])
        assert "Clara Client" in why.line_ids.steps
    with mirror.env(colleague) as env:
        from odoo.exceptions import AccessError

        assert env["crm.mail.mirror.message"].browse(message).subject is False
        with pytest.raises(AccessError):
            env["crm.mail.mirror.message"].browse(message).action_why()


# ---- what is not: traces ---


@pytest.mark.parametrize("text", ["{stranger}", "<{id}>"])
def test_traces_of_seven_days_tell_why_without_asking_the_mailbox(
    mirror, lib, server, box, text
):
    mail = lib.mail(1, mirror.at("stranger"), box.email, subject="hush")
    server.put(mail)
    mirror.sync(box)
    mid = mail.envelope.message_id.strip("<>")

    (answer,) = ask(mirror, box, text.format(stranger=mirror.at("stranger"), id=mid))

    assert answer["outcome"] == "not_here"
    assert answer["verdict"].startswith("No contact and no lead has an address")
    assert "What is known of it goes on" in answer["verdict"]
    assert answer["steps"].count("fa-times") == 1
    assert answer["mend"] == ("Add a contact" if "stranger" in text else "")
    assert not server.calls["search"]
    assert "hush" not in told([answer]), "nobody remembers the subject"


def test_traces_of_many_mails_are_told_by_reason(mirror, lib, server, box):
    for number in range(5):
        server.put(lib.mail(number, mirror.at("stranger"), box.email))
    server.put(lib.mail(9, mirror.at("stranger"), box.email, subject="perso: party"))
    mirror.sync(box)

    answers = ask(mirror, box, mirror.at("stranger"))

    assert sorted(answer["headline"] for answer in answers) == [
        "5 mails with this address are not here",
        "One mail with this address is not here",
    ]
    assert "private words" in told(answers)


@pytest.mark.parametrize("kind", ["address", "domain"])
def test_a_new_rule_is_the_reason_from_now_on(mirror, lib, server, box, rule, kind):
    server.put(lib.mail(1, mirror.at("stranger"), box.email))
    server.put(lib.mail(2, f"else@elsewhere-{mirror.domain}", box.email))
    mirror.sync(box)
    assert mirror.states(box) == {("unmatched", "no_contact"): 2}

    value = mirror.at("stranger") if kind == "address" else mirror.domain
    rule(kind, value, box.user_id)
    mirror.apply_changes()

    (answer,) = ask(mirror, box, mirror.at("stranger"))
    assert answer["verdict"].startswith("A rule keeps out all mail")
    assert mirror.states(box) == {
        ("unmatched", "no_contact"): 1,
        ("excluded", f"excluded_{kind}"): 1,
    }
    mirror.check(box)

    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.exclusion"].search([("value", "=", value)]).unlink()
    mirror.apply_changes()
    mirror.sync(box)
    assert mirror.states(box) == {("unmatched", "no_contact"): 2}
    mirror.check(box)


# ---- what is not: the mailbox is looked at ---


def forget(mirror, box):
    """Seven days later: no trace is left of what was not mirrored."""
    mirror.sql(
        "DELETE FROM crm_mail_mirror_copy WHERE mailbox_id = %s"
        " AND state != 'mirrored'",
        box.id,
    )


CASES = {
    "no_contact": ({}, {}, "No contact and no lead", "Add a contact"),
    "private_word": ({"subject": "hush-hush privé"}, {}, "(privé)", "See the rule"),
    "excluded": ({"cc": "x@firm.test"}, {}, "(firm.test)", "See the rule"),
    "too_old": ({"old": True}, {}, "before the day your mirror", "Open the mailbox"),
    "folder": ({"folder": "Archive"}, {}, "folder that is not", "Open the mailbox"),
    "one_way": (
        {"client": True},
        {"mode": "one_way"},
        "only the mail that you",
        "Open",
    ),
    "bulk": ({"client": True, "list": True}, {}, "identity of a mailing", "Always"),
    "calendar": ({"client": True, "ics": True}, {}, "nothing but an invitation", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_what_nobody_remembers_is_looked_at_judged_and_forgotten(
    mirror, lib, server, case
):
    from odoo.addons.crm_mail_mirror.engine.envelope import Address, Part

    given, values, words, mend = CASES[case]
    box = mirror.link(server=server, sync_from="2026-10-01", **values)
    mirror.contact("client")
    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.exclusion"].create(
            {"kind": "domain", "value": "firm.test", "user_id": box.user_id}
        )
    fields = {"subject": given.get("subject", "hush-hush offer")}
    if "cc" in given:
        fields["cc"] = (Address("", given["cc"]),)
    if "list" in given:
        fields["headers"] = {"list-id": ("<news.test>",)}
    if "ics" in given:
        fields["parts"] = (Part("1", "text/calendar", 100),)
    if "old" in given:
        fields["received_at"] = lib.NOON - timedelta(days=60)
    sender = mirror.at("client" if "client" in given else "stranger")
    server.put(
        lib.mail(1, sender, box.email, **fields), folder=given.get("folder", "INBOX")
    )
    mirror.sync(box)
    if "folder" in given:
        mirror.sql(
            "UPDATE crm_mail_mirror_folder SET selected = FALSE"
            " WHERE mailbox_id = %s AND remote_ref = 'Archive'",
            box.id,
        )
    forget(mirror, box)
    before = stored(mirror, box)

    (answer,) = ask(mirror, box, "hush-hush")

    assert answer["outcome"] == "not_here"
    assert words in answer["verdict"] + answer["steps"]
    assert answer["mend"].startswith(mend) and bool(answer["mend"]) == bool(mend)
    assert answer["headline"] == fields["subject"], "who asked may see it"
    assert answer["steps"].count("fa-times") == 1
    assert server.calls["search"] == 1
    assert stored(mirror, box) == before, "it was kept"
    assert not server.fetched, "its text was asked for"
    assert not mirror.sql(
        """SELECT 1 FROM crm_mail_mirror_why w JOIN crm_mail_mirror_why_line l
               ON l.why_id = w.id WHERE w::text || l::text ILIKE '%%hush-hush%%'"""
    ), "question or answer stand in the database in clear"


def test_mail_that_belongs_here_and_is_not_says_so(mirror, lib, server, box):
    server.put(lib.mail(1, mirror.at("client"), box.email, subject="hush-hush"))
    mirror.sync(box)
    forget(mirror, box)
    mirror.contact("client")

    (answer,) = ask(mirror, box, "hush-hush")

    assert answer["outcome"] == "waiting"
    assert "not there yet" in answer["verdict"]
    assert answer["mend"] == "Compare with the mailbox now"


def test_mail_its_owner_removed_says_so(mirror, lib, server, box):
    from odoo.addons.crm_mail_mirror.engine import identity

    mirror.contact("client")
    mail = lib.mail(1, mirror.at("client"), box.email, subject="hush-hush")
    server.put(mail)
    with mirror.env() as env:
        env["crm.mail.mirror.suppression"]._add(
            "mail", [identity.identity(mail.envelope, "")], account=box.email
        )
    mirror.sync(box)

    (answer,) = ask(mirror, box, "hush-hush")

    assert answer["outcome"] == "not_here"
    assert answer["verdict"] == "You hid it: it stays out of the mirror."
    assert answer["mend"] == "See what you removed"


def test_mail_that_could_not_be_read_says_why_and_when_again(mirror, lib, server, box):
    mirror.contact("client")
    mail = lib.mail(1, mirror.at("client"), box.email, subject="hush-hush")
    mail.errors["fetch"] = lib.base.MessageBroken("message_too_big")
    server.put(mail)
    mirror.sync(box)

    (answer,) = ask(mirror, box, "hush-hush")

    assert answer["outcome"] == "waiting"
    assert "The mail is too big" in answer["verdict"]
    assert "Next try" in answer["verdict"]


def test_a_mail_in_two_folders_is_one_answer(mirror, lib, server, box):
    mail = lib.mail(1, mirror.at("stranger"), box.email, subject="hush-hush")
    server.put(mail, folder="Archive")
    server.put(mail)
    mirror.sync(box)
    mirror.sql(
        "UPDATE crm_mail_mirror_folder SET selected = FALSE"
        " WHERE mailbox_id = %s AND remote_ref = 'Archive'",
        box.id,
    )

    (answer,) = ask(mirror, box, "hush-hush")

    assert answer["verdict"].startswith("No contact and no lead")


def test_so_much_is_explained_and_the_rest_is_counted(mirror, lib, server, box):
    for number in range(40):
        server.put(
            lib.mail(number, mirror.at("x"), box.email, subject=f"hush-hush {number}")
        )

    *answers, last = ask(mirror, box, "hush-hush")

    assert len(answers) == 15
    assert last["headline"] == "40 mails were found; the newest are explained"
    assert sum(server.asked.values()) == 15, "headers of all were asked for"


def test_nothing_found_says_where_nobody_looks(mirror, lib, server, box):
    server.put(
        lib.mail(1, mirror.at("x"), box.email, subject="hush-hush"), folder="Trash"
    )

    (answer,) = ask(mirror, box, "hush-hush")

    assert answer["outcome"] == "unknown"
    assert "Drafts, trash and junk" in answer["verdict"]


def test_what_is_here_can_be_looked_for_in_the_mailbox_too(mirror, lib, server, box):
    mirror.contact("client")
    server.put(lib.mail(1, mirror.at("client"), box.email, subject="hush-hush a"))
    server.put(lib.mail(2, mirror.at("stranger"), box.email, subject="hush-hush b"))
    mirror.sync(box)

    answers = ask(mirror, box, "hush-hush", search=True)

    assert [a["outcome"] for a in answers] == ["here", "not_here"]


# ---- what can be done ---


def test_each_answer_leads_to_where_it_can_be_mended(mirror, lib, server, box):
    """The button of an answer opens a contact, a rule, a mail or the mailbox."""
    opened = {}
    partner = mirror.contact("client")
    headers = {"list-id": ("<news.test>",)}
    mails = {
        "stranger": lib.mail(1, mirror.at("stranger"), box.email),
        "bulk": lib.mail(2, mirror.at("client"), box.email, headers=headers),
        "word": lib.mail(3, mirror.at("client"), box.email, subject="perso"),
        "here": lib.mail(4, mirror.at("client"), box.email),
        "missing": lib.mail(5, mirror.at("client"), box.email, subject="lost"),
    }
    server.put(*mails.values())
    mirror.sync(box)
    mirror.sql(
        """DELETE FROM crm_mail_mirror_copy c USING crm_mail_mirror_message m
            WHERE m.id = c.message_id AND m.subject_raw = 'lost' AND mailbox_id = %s""",
        box.id,
    )

    with mirror.env(box.user_id) as env:
        for name, mail in mails.items():
            pasted = "lost" if name == "missing" else mail.envelope.message_id
            why = env["crm.mail.mirror.why"].create({"pasted": pasted})
            why.action_ask()
            if name == "bulk":
                why.action_search()
            opened[name] = why.line_ids[-1:].action_mend()

    assert partner
    assert opened["stranger"]["res_model"] == "res.partner"
    assert opened["bulk"]["context"]["default_value"] == mirror.at("client")
    assert opened["bulk"]["context"]["default_effect"] == "always"
    assert opened["word"]["res_model"] == "crm.mail.mirror.exclusion"
    assert opened["here"]["res_model"] == "crm.mail.mirror.message"
    assert opened["missing"]["tag"] == "display_notification"
    mirror.sync(box)
    mirror.sync(box)
    assert mirror.by_state(box)["mirrored"] == 2, "it did not come back"
