"""A person is erased: nothing is left, nothing comes back, a certificate says so."""

import pytest

from odoo.exceptions import AccessError, UserError

ERASED = ("excluded", "erased")
HERE = ("mirrored", "contact")


@pytest.fixture
def erase(mirror):
    """``erase("jane")``: an administrator erases the address ``mirror.at("jane")``."""

    def press(*locals_):
        with mirror.env(2) as env:
            text = "\n".join(mirror.at(local) for local in locals_)
            wizard = env["crm.mail.mirror.erase"].create({"addresses": text})
            return wizard.action_erase()["res_id"]

    return press


def run(mirror):
    with mirror.env() as env:
        assert not env["crm.mail.mirror.erasure"]._run()


@pytest.fixture
def two(mirror, lib):
    """Anna and Bert wrote with Jane, Tom, and both: ``boxes, servers``"""
    mirror.contact("jane")
    mirror.contact("tom")
    servers = lib.Server(), lib.Server()
    boxes = tuple(
        mirror.link(name, server)
        for name, server in zip(("anna", "bert"), servers, strict=True)
    )
    for server in servers:
        server.put(
            lib.mail(1, mirror.at("jane"), "us@house.test", tag=mirror.domain),
            lib.mail(2, mirror.at("tom"), "us@house.test"),
            lib.mail(3, mirror.at("tom"), f"us@house.test {mirror.at('jane')}"),
        )
    mirror.sync(*boxes)
    return boxes, servers


def rows_with(mirror, word):
    """Tables of the mirror in which this word stands, in clear."""
    tables = mirror.sql(
        """SELECT relname FROM pg_class
            WHERE relkind = 'r' AND starts_with(relname, 'crm_mail_mirror')"""
    )
    return [
        table
        for (table,) in tables
        if mirror.sql(f"SELECT 1 FROM {table} t WHERE strpos(t::text, %s) > 0", word)
    ]


def test_all_rows_of_a_person_go_and_are_counted(mirror, two, erase):
    boxes, _servers = two
    jane = mirror.at("jane")
    # what somebody looked at just now
    mirror.sql(
        """WITH run AS (
               INSERT INTO crm_mail_mirror_dry_run (mailbox_id, seq, found)
               SELECT %s, 0, jsonb_build_object(%s, 3, 'x', 1) RETURNING id),
           former AS (
               INSERT INTO crm_mail_mirror_former_address (partner_id, email_normalized)
               VALUES (1, %s))
           INSERT INTO crm_mail_mirror_dry_run_contact (run_id, email)
           SELECT id, %s FROM run""",
        boxes[0].id,
        *[jane] * 3,
    )
    looked_at = ("dry_run", "dry_run_contact", "former_address", "address")
    assert {f"crm_mail_mirror_{name}" for name in looked_at} <= set(
        rows_with(mirror, jane)
    )

    erasure = erase("jane")
    run(mirror)

    for box in boxes:
        assert mirror.states(box) == {("mirrored", "contact"): 1, ERASED: 2}
    mirror.check(*boxes)
    assert rows_with(mirror, jane) == []
    assert rows_with(mirror, f"Mail 1 {mirror.domain}") == []
    with mirror.env() as env:
        found = env["crm.mail.mirror.erasure"].browse(erasure)
        assert (found.state, found.sealed) == ("done", False)
        assert found.masked == "j***@c***.test"
        assert {name: count for name, count in found.counts.items() if count} == {
            "copies": 4,
            "messages": 2,
            "bodies": 2,
            "participants": 5,
            "addresses": 1,
            "ties": 1,
        }


def test_an_erased_person_does_not_come_back(mirror, lib, two, erase):
    """Not by a sync, not by listing again, not for a contact made anew."""
    boxes, servers = two
    erase("jane")
    run(mirror)
    for server in servers:
        server.fetched.clear()
        server.put(lib.mail(4, mirror.at("jane"), "us@house.test"))
    with mirror.env() as env:
        env["res.partner"].search([("email", "=", mirror.at("jane"))]).unlink()
    jane = mirror.contact("jane")

    mirror.look_again()
    mirror.sync(*boxes)
    for server in servers:
        server.expired = True
    mirror.sync(*boxes)
    mirror.sync(*boxes)

    for box, server in zip(boxes, servers, strict=True):
        assert mirror.states(box) == {("mirrored", "contact"): 1, ERASED: 3}
        assert not server.fetched, "a text was asked for"
        assert mirror.shown_on(jane, box.user_id) == []
    mirror.check(*boxes)
    assert not mirror.sql(
        """SELECT 1 FROM crm_mail_mirror_trace t
             JOIN crm_mail_mirror_copy c ON c.id = t.copy_id
            WHERE c.mailbox_id = %s AND c.reason = 'erased'""",
        boxes[0].id,
    ), "traces of an erased person"


@pytest.mark.parametrize("border", ["pull", "fetch"])
def test_erased_while_a_page_is_under_way(mirror, lib, server, erase, border):
    mirror.contact("jane")
    box = mirror.link("anna", server)
    server.put(lib.mail(1, mirror.at("jane"), box.email))
    done = []

    def meanwhile(_calls):
        if not done:
            done.append(erase("jane"))
            run(mirror)

    server.before[border] = meanwhile
    mirror.sync(box)
    mirror.sync(box)

    assert done
    assert mirror.states(box) == {ERASED: 1}
    assert rows_with(mirror, mirror.at("jane")) == []
    mirror.check(box)


def test_mail_that_was_kept_out_is_forgotten_too(mirror, lib, server, erase):
    """Unmatched mail of a stranger, and mail that a private word kept out."""
    box = mirror.link("anna", server)
    server.put(
        lib.mail(1, mirror.at("jane"), box.email),
        lib.mail(2, mirror.at("jane"), box.email, subject="perso"),
        lib.mail(3, mirror.at("tom"), box.email),
    )
    mirror.sync(box)

    erase("jane")
    run(mirror)

    assert mirror.states(box) == {
        ERASED: 1,
        ("excluded", "private_word"): 1,
        ("unmatched", "no_contact"): 1,
    }
    assert len(_traced(mirror, box)) == 1
    mirror.check(box)


def _traced(mirror, box):
    return mirror.sql(
        """SELECT DISTINCT t.copy_id FROM crm_mail_mirror_trace t
             JOIN crm_mail_mirror_copy c ON c.id = t.copy_id
            WHERE c.mailbox_id = %s""",
        box.id,
    )


def test_lifted_the_mail_comes_again(mirror, two, erase):
    boxes, _servers = two
    erasure = erase("jane")
    run(mirror)

    with mirror.env(2) as env:
        env["crm.mail.mirror.erasure"].browse(erasure).action_lift()
    run(mirror)
    mirror.look_again()
    mirror.sync(*boxes)

    for box in boxes:
        assert mirror.states(box) == {("mirrored", "contact"): 3}
    mirror.check(*boxes)


def test_lifting_one_erasure_leaves_what_another_keeps_out(mirror, two, erase):
    boxes, _servers = two
    both = erase("jane", "tom")
    run(mirror)
    erase("tom")
    run(mirror)

    with mirror.env(2) as env:
        env["crm.mail.mirror.erasure"].browse(both).action_lift()
    run(mirror)
    mirror.look_again()
    mirror.sync(*boxes)

    for box in boxes:
        assert mirror.states(box) == {HERE: 1, ERASED: 2}
    mirror.check(*boxes)


def test_who_is_searched_for_together_with_an_erased_person_is_still_searched_for(
    mirror, two, erase
):
    boxes, servers = two
    with mirror.env() as env:
        mailboxes = env["crm.mail.mirror.mailbox"].browse(box.id for box in boxes)
        wanted = [mirror.at("jane"), mirror.at("tom")]
        env["crm.mail.mirror.search"]._ask(mailboxes, addresses=wanted)
    mirror.sql(
        """UPDATE crm_mail_mirror_search s SET leader_id = l.id, places = '[]'
             FROM crm_mail_mirror_search l
            WHERE l.mailbox_id = s.mailbox_id AND l.term = %s""",
        mirror.at("jane"),
    )
    erase("jane")
    run(mirror)

    mirror.sync(*boxes)

    assert not mirror.sql(
        """SELECT term FROM crm_mail_mirror_search
            WHERE mailbox_id = ANY(%s) AND done_at IS NULL""",
        [box.id for box in boxes],
    )
    for server in servers:
        assert [query.addresses for query in server.searches] == [(mirror.at("tom"),)]


def test_bcc_counts_for_the_copy_that_shows_it(mirror, lib, erase):
    """Anna sent a mail to Tom with Jane in blind copy; Bert got it without."""
    mirror.contact("tom")
    servers = lib.Server(), lib.Server()
    anna = mirror.link("anna", servers[0])
    bert = mirror.link("bert", servers[1])
    to = f"{mirror.at('tom')} {bert.email}"
    servers[0].put(
        lib.mail(1, anna.email, to, bcc=(lib.Address("", mirror.at("jane")),)),
        folder="Sent",
    )
    servers[1].put(lib.mail(1, anna.email, to))
    mirror.sync(anna, bert)

    erase("jane")
    run(mirror)

    assert mirror.states(anna) == {ERASED: 1}
    assert mirror.states(bert) == {("mirrored", "contact"): 1}
    assert rows_with(mirror, mirror.at("jane")) == []
    mirror.check(anna, bert)


def test_our_own_addresses_and_nonsense_are_refused(mirror, server):
    box = mirror.link("anna", server)
    with mirror.env(2) as env:
        erase = env["crm.mail.mirror.erase"]
        for text in (box.email, "nobody", "", "*"):
            with pytest.raises(UserError):
                erase.create({"addresses": text}).action_erase()


def test_only_administrators_erase_and_lift(mirror, server, two, erase):
    boxes, _servers = two
    erasure = erase("jane")
    with mirror.env(boxes[0].user_id) as env:
        with pytest.raises(AccessError):
            env["crm.mail.mirror.erase"].create({"addresses": mirror.at("tom")})
        with pytest.raises(AccessError):
            env["crm.mail.mirror.erasure"].browse(erasure).action_lift()
        with pytest.raises(AccessError):
            env["crm.mail.mirror.erasure"].browse(erasure).read(["masked"])


def test_the_address_is_never_stored_in_clear(mirror, erase):
    """Not even in the wizard, or while the job waits."""
    mirror.contact("jane", email=f"jane.unique@{mirror.domain}")
    with mirror.env(2) as env:
        wizard = env["crm.mail.mirror.erase"].create(
            {"addresses": f"jane.unique@{mirror.domain}"}
        )
        env.flush_all()
        env.invalidate_all()
        assert wizard.addresses == f"jane.unique@{mirror.domain}"
    assert "crm_mail_mirror_erase" not in rows_with(mirror, "jane.unique")

    with mirror.env(2) as env:
        env["crm.mail.mirror.erase"].browse(wizard.id).action_erase()

    assert "crm_mail_mirror_erasure" not in rows_with(mirror, "jane.unique")


@pytest.mark.parametrize("applied", [True, False])
def test_changes_of_rules_do_not_name_the_person_any_more(
    mirror, two, erase, rule, applied
):
    """Neither what was done, nor what is yet to be done, nor what would undo it."""
    boxes, _servers = two
    anna, jane = boxes[0].user_id, mirror.at("jane")
    with mirror.env() as env:
        made = env["crm.mail.mirror.exclusion"].create(
            {"kind": "address", "value": jane, "user_id": anna}
        )
    with mirror.env() as env:
        env["crm.mail.mirror.exclusion"].browse(made.id).value = mirror.at("kim")
    if applied:
        mirror.apply_changes()
    assert "crm_mail_mirror_change" in rows_with(mirror, jane)

    erase("jane")
    run(mirror)
    mirror.apply_changes()

    assert rows_with(mirror, jane) == []
    with mirror.env(anna) as env:
        changes = env["crm.mail.mirror.change"].search([("user_id", "=", anna)])
        assert changes.mapped("title") == [
            f"“j***@c***.test” became “{mirror.at('kim')}”",
            "Never mirror: “j***@c***.test”",
        ]
        changes[0].action_undo()
        mine = env["crm.mail.mirror.exclusion"].search([("user_id", "=", anna)])
        assert not mine, "it came back with the undo"
    mirror.apply_changes()
    assert mirror.states(boxes[0])[HERE] == 1
    mirror.check(*boxes)


# ---- what administrators are told ---


def asked(mirror, *locals_):
    """What the wizard says before anything is erased."""
    with mirror.env(2) as env:
        text = "\n".join(mirror.at(local) for local in locals_)
        erase = env["crm.mail.mirror.erase"].create({"addresses": text})
        erase.action_count()
        return erase.told


def test_few_mails_of_others_are_not_counted_out(mirror, lib, two, erase):
    """Nor are they by mail of one's own, or by erasing and lifting."""
    mirror.contact("kim")
    server = lib.Server()
    own = mirror.link("own", server, user_id=2)
    server.put(*(lib.mail(n, mirror.at("jane"), own.email) for n in range(20)))
    mirror.sync(own)
    assert asked(mirror, "jane") == asked(mirror, "kim")

    of_some, of_none = erase("jane"), erase("kim")
    run(mirror)

    with mirror.env(2) as env:
        some, none = env["crm.mail.mirror.erasure"].browse([of_some, of_none])
        assert some.mails == none.mails == "fewer than 10, if any"
        assert some.summary == none.summary
        for name in ("counts", "found_of", "removed_of"):
            with pytest.raises(AccessError):
                some.read([name])


def test_many_mails_are_counted(mirror, lib, two, erase):
    _boxes, servers = two
    mirror.contact("kim")
    servers[0].put(
        *(
            lib.mail(n, mirror.at("kim"), "us@h.test", tag=mirror.domain)
            for n in range(10, 20)
        )
    )
    mirror.sync(*_boxes)
    assert "10 mails are here" in asked(mirror, "kim")

    erasure = erase("kim")
    run(mirror)

    with mirror.env(2) as env:
        found = env["crm.mail.mirror.erasure"].browse(erasure)
        assert found.mails == "10"
        assert "Mails in mailboxes: 10" in found.summary
        assert "Mails with subject: 10" in found.summary
        assert "Addresses: fewer than 10, if any" in found.summary


def test_few_mails_are_not_counted_out_together_with_many(mirror, lib, two, erase):
    """Asked for with an address of many mails: the sum tells the difference."""
    boxes, servers = two
    mirror.contact("kim")
    kim, tag = mirror.at("kim"), mirror.domain
    servers[0].put(
        *(lib.mail(n, kim, "us@h.test", tag=tag) for n in range(10, 22)),
        lib.mail(22, kim, f"us@h.test {mirror.at('jane')}", tag=tag),
    )
    mirror.sync(*boxes)
    assert "13 mails are here" in asked(mirror, "kim")
    assert asked(mirror, "kim", "jane") == asked(mirror, "kim", "nobody")

    erasure = erase("kim", "jane")
    run(mirror)

    assert mirror.states(boxes[0])[ERASED] == 13 + 2
    with mirror.env(2) as env:
        found = env["crm.mail.mirror.erasure"].browse(erasure)
        told = "13, and fewer than 10 with the other addresses, if any"
        assert found.mails == told
        what = "Mails, with their subjects, texts, names and addresses"
        assert found.summary == f"{what}: {told}"


# ---- contacts that are deleted, archived, merged ---


def remembered(mirror, *locals_):
    with mirror.env() as env:
        suppressions = env["crm.mail.mirror.suppression"]
        return suppressions._deleted_contacts({mirror.at(local) for local in locals_})


def test_a_deleted_contact_is_remembered_until_somebody_makes_it_again(mirror):
    jane, shared = mirror.contact("jane"), mirror.contact("shared")
    mirror.contact("shared")

    with mirror.env() as env:
        env["res.partner"].browse([jane, shared]).unlink()

    assert remembered(mirror, "jane", "shared") == {mirror.at("jane")}
    mirror.contact("jane")
    assert remembered(mirror, "jane") == frozenset()


def test_archived_and_merged_contacts_keep_their_mail(mirror, lib, server):
    jane, double = mirror.contact("jane"), mirror.contact("double")
    tom = mirror.contact("tom")
    box = mirror.link("anna", server)
    senders = ("jane", "double", "tom")
    server.put(*(lib.mail(n, mirror.at(s), box.email) for n, s in enumerate(senders)))
    mirror.sync(box)

    mirror.write("res.partner", tom, active=False)
    with mirror.env() as env:
        merge = env["base.partner.merge.automatic.wizard"].create({})
        merge._merge([jane, double], env["res.partner"].browse(jane))
    mirror.look_again()

    assert mirror.states(box) == {("mirrored", "contact"): 3}
    assert remembered(mirror, *senders) == frozenset()
    mirror.check(box)


# ---- Odoo's own privacy look-up ---


def look_up(env, name, email):
    wizard = env["privacy.lookup.wizard"].create({"name": name, "email": email})
    wizard.action_lookup()
    return wizard.line_ids.filtered(
        lambda line: line.res_model.startswith("crm.mail.mirror.")
    )


def test_the_privacy_look_up_tells_a_number_and_erases(mirror, two):
    boxes, _servers = two
    with mirror.env(2) as env:
        (line,) = look_up(env, "Jane Nobody", mirror.at("jane"))
        assert line.res_name == "Mirrored emails: fewer than 10, if any"

        line.action_unlink()

        assert line.is_unlinked
    run(mirror)
    assert mirror.states(boxes[0]) == {HERE: 1, ERASED: 2}
    assert rows_with(mirror, mirror.at("jane")) == []
    with mirror.env(2) as env:
        (line,) = look_up(env, "Jane Nobody", mirror.at("jane"))
        assert line.res_name == "Mirrored emails: fewer than 10, if any", "and of none"


def test_the_privacy_look_up_is_no_directory_of_correspondents(mirror, two):
    """It looks for names as parts of names: an address of ours is somebody's mail."""
    with mirror.env(2) as env:
        (line,) = look_up(env, "client", f"nobody@{mirror.domain}")
        assert line.res_model == "crm.mail.mirror.erasure"
        assert not look_up(env, "Anna", f"anna@{mirror.house}"), "on all of her mail"
