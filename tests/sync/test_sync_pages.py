"""Pages of mail: what is written, moved, set aside and removed; a mailbox in memory."""

from datetime import timedelta

import pytest

from tests.sync.mirror import Mirror
from tests.sync.test_scope import run_job


def letters(lib, mirror, box, count, local="client", start=0, **fields):
    sender = mirror.at(local)
    return [
        lib.mail(number, sender, box.email, tag=mirror.domain, **fields)
        for number in range(start, start + count)
    ]


# ---- what is written ---


def test_matching_mail_is_mirrored_and_the_ledger_adds_up(
    mirror, lib, server, small_pages
):
    box = mirror.link(server=server)
    mirror.contact("client")
    for number in range(100):
        sender = mirror.at("client" if number % 4 == 0 else f"stranger{number}")
        server.put(lib.mail(number, sender, box.email))

    mirror.sync(box)

    assert mirror.states(box) == {
        ("mirrored", "contact"): 25,
        ("unmatched", "no_contact"): 75,
    }
    assert sum(server.fetched.values()) == 25, "a body left the mailbox for nothing"
    mirror.check(box)


@pytest.mark.parametrize("gone", ["INBOX", "Archive"])
def test_mail_that_moves_while_its_page_is_read_is_mirrored(mirror, lib, server, gone):
    """Listed where it was and where it is; its text is there no more and here."""
    box = mirror.link(server=server)
    mirror.contact("client")
    for folder in ("INBOX", "Archive"):
        (letter,) = letters(lib, mirror, box, 1)
        if folder == gone:
            letter.errors["fetch"] = lib.base.MessageGone("message_gone")
        server.put(letter, folder=folder)

    mirror.sync(box)

    assert mirror.states(box) == {("mirrored", "contact"): 1}
    mirror.check(box)


def test_second_pass_without_news_changes_nothing(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(*letters(lib, mirror, box, 5))
    mirror.sync(box)
    before = mirror.sql(
        "SELECT * FROM crm_mail_mirror_copy WHERE mailbox_id = %s", box.id
    )

    mirror.sync(box)

    assert before == mirror.sql(
        "SELECT * FROM crm_mail_mirror_copy WHERE mailbox_id = %s", box.id
    )
    assert set(server.fetched.values()) == {1}


def test_mail_without_message_id_is_mirrored_each_for_itself(mirror, lib, server):
    """Nextcloud #8318; Twenty keyed it by its bare UID."""
    box = mirror.link(server=server)
    mirror.contact("client")
    twins = [
        lib.mail(7, mirror.at("client"), box.email, message_id="", date=None)
        for _ in range(12)
    ]
    refs = server.put(*twins)
    server.put(lib.mail(8, mirror.at("client"), box.email, message_id=""))

    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 13}
    mirror.check(box)

    server.remove(refs[3], refs[5])
    server.put(twins[0])
    mirror.sync(box)
    mirror.sync(box)
    mirror.check(box)
    assert mirror.by_state(box) == {"mirrored": 12}


def test_mail_without_subject_or_date_is_mirrored(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(lib.mail(1, mirror.at("client"), box.email, subject="", date=None))

    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 1}


def test_500_recipients_are_all_kept(mirror, lib, server):
    """Salesforce ignores those after the 50th, Twenty all but the first."""
    box = mirror.link(server=server)
    last = mirror.contact("r499")
    many = " ".join(mirror.at(f"r{number}") for number in range(500))
    server.put(lib.mail(1, box.email, many, subject="To all"))

    mirror.sync(box)

    assert mirror.shown_on(last, box.user_id) == ["To all"]
    ((count,),) = mirror.sql(
        """SELECT count(*) FROM crm_mail_mirror_participant p
             JOIN crm_mail_mirror_copy c ON c.message_id = p.message_id
            WHERE c.mailbox_id = %s AND role = 'to'""",
        box.id,
    )
    assert count == 500


def test_known_mail_in_a_colleagues_mailbox_is_one_row_with_two_copies(mirror, lib):
    one, two = lib.Server(), lib.Server()
    anna = mirror.link("anna", one)
    bert = mirror.link("bert", two)
    mirror.contact("client")
    letter = lib.mail(1, mirror.at("client"), f"{anna.email} {bert.email}")
    one.put(letter)
    two.put(letter)

    mirror.sync(anna, bert)

    rows = mirror.sql(
        """SELECT count(*), count(DISTINCT message_id), count(DISTINCT body_id)
             FROM crm_mail_mirror_copy WHERE mailbox_id = ANY(%s)""",
        [anna.id, bert.id],
    )
    assert rows == [(2, 1, 1)]
    assert one.fetched.total() == two.fetched.total() == 1, "a text was lent"


def test_forged_message_id_gives_no_text_of_a_colleague(mirror, lib):
    one, two = lib.Server(), lib.Server()
    anna, bert = mirror.link("anna", one), mirror.link("bert", two)
    mirror.contact("client")
    same = {"message_id": "<secret@plan>", "subject": "Plan", "date": lib.NOON}
    one.put(lib.mail(1, mirror.at("client"), anna.email, text="the true plan", **same))
    two.put(lib.mail(2, mirror.at("client"), anna.email, text="forged", **same))

    mirror.sync(anna, bert)

    with mirror.env(bert.user_id) as env:
        message = env["crm.mail.mirror.message"].search([])
        assert message.body == "forged"
    mirror.check(anna, bert)


def test_bcc_is_seen_only_through_the_copy_that_shows_it(mirror, lib):
    sent, received = lib.Server(), lib.Server()
    anna, bert = mirror.link("anna", sent), mirror.link("bert", received)
    visible, hidden = mirror.contact("client"), mirror.contact("hidden")
    to = f"{mirror.at('client')} {bert.email}"
    bcc = (lib.Address("", mirror.at("hidden")),)
    sent.put(lib.mail(1, anna.email, to, bcc=bcc), folder="Sent")
    received.put(lib.mail(1, anna.email, to))

    mirror.sync(anna, bert)

    assert mirror.shown_on(visible, bert.user_id) == ["Mail 1"]
    assert mirror.shown_on(hidden, bert.user_id) == []
    assert mirror.shown_on(hidden, anna.user_id) == ["Mail 1"]


# ---- moves and departures ---


def test_move_between_folders_is_no_delete(mirror, lib, server):
    """Twenty #25749."""
    box = mirror.link(server=server)
    mirror.contact("client")
    ref, *_rest = server.put(*letters(lib, mirror, box, 3))
    mirror.sync(box)

    server.move(ref, "Archive")
    for _ in range(3):
        mirror.sync(box)
        mirror.check(box)
        assert mirror.by_state(box) == {"mirrored": 3}

    places = sorted(folder for folder, _uid, _id in mirror.places(box))
    assert places == ["Archive", "INBOX", "INBOX"]
    assert set(server.fetched.values()) == {1}, "a text was fetched again"


def test_departure_told_a_pass_before_the_arrival_is_no_delete(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    (ref,) = server.put(*letters(lib, mirror, box, 1))
    mirror.sync(box)
    moved = server.mails["INBOX", ref]

    server.remove(ref)
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 1}, "an orphan went at once"
    server.put(moved, folder="Archive")
    for _ in range(3):
        mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 1}
    mirror.check(box)


def test_deleted_mail_goes_with_the_second_complete_pass(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    ref, *_rest = server.put(*letters(lib, mirror, box, 3))
    mirror.sync(box)

    server.remove(ref)
    mirror.sync(box)
    mirror.check(box)
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 2}
    mirror.check(box)


def test_deleted_mail_goes_at_once_when_the_provider_confirms(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    gone, moved, *_rest = server.put(*letters(lib, mirror, box, 3))
    mirror.sync(box)
    letter = server.mails["INBOX", gone]

    server.fates = {letter.envelope.message_id: lib.base.Fate(lib.base.GONE)}
    server.remove(gone, moved)
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 2}
    mirror.check(box)


def test_mail_in_two_folders_lives_until_it_left_both(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    (letter,) = letters(lib, mirror, box, 1)
    (first,) = server.put(letter)
    (second,) = server.put(letter, folder="Archive")
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 1}

    server.remove(first)
    mirror.sync(box)
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 1}

    server.remove(second, folder="Archive")
    mirror.sync(box)
    mirror.sync(box)
    assert mirror.by_state(box) == {}
    mirror.check(box)


def test_unmatched_mail_that_is_deleted_leaves_the_ledger_too(mirror, lib, server):
    box = mirror.link(server=server)
    refs = server.put(*letters(lib, mirror, box, 4, "stranger"))
    mirror.sync(box)

    server.remove(*refs)
    mirror.sync(box)
    mirror.sync(box)

    assert mirror.states(box) == {}
    mirror.check(box)


def test_reset_of_a_folder_loses_nothing_and_doubles_nothing(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    mails = letters(lib, mirror, box, 6) + letters(lib, mirror, box, 4, "stranger", 50)
    server.put(*mails)
    mirror.sync(box)
    before = mirror.mirrored(box)

    # as a provider tells it: the places are void, what is there is listed again
    server.generation["INBOX"] = "2"
    server.mails.clear()
    server.relisted = True
    server.put(*mails)
    original = lib.Connection.pull

    def pull(self, *args, **kwargs):
        batch = original(self, *args, **kwargs)
        return lib.dataclasses.replace(batch, reset=(("INBOX", "2"),))

    lib.Connection.pull = pull
    try:
        for _ in range(3):
            mirror.sync(box)
            mirror.check(box)
    finally:
        lib.Connection.pull = original

    assert mirror.mirrored(box) == before
    assert mirror.by_state(box) == {"mirrored": 6, "unmatched": 4}
    assert set(server.fetched.values()) == {1}


def test_expired_cursor_lists_again_and_finds_what_went_meanwhile(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    refs = server.put(*letters(lib, mirror, box, 6))
    mirror.sync(box)

    # the journal is cut: what went in it is told by nobody
    server.remove(refs[0])
    server.put(*letters(lib, mirror, box, 2, start=20))
    server.journal = [step for step in server.journal if step[0] == "+"]
    server.expired = True
    for _ in range(3):
        mirror.sync(box)
        mirror.check(box)

    assert mirror.by_state(box) == {"mirrored": 7}
    assert set(server.fetched.values()) == {1}


def test_folder_that_is_gone_takes_its_mail_within_two_passes(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(*letters(lib, mirror, box, 2))
    server.put(*letters(lib, mirror, box, 2, start=10), folder="Archive")
    mirror.sync(box)

    del server.folders["Archive"]
    mirror.sync(box)
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 2}
    mirror.check(box)


# ---- the brake ---


def vanish(mirror, lib, server):
    """400 mails of which 200 vanished at once, unconfirmed: one complete pass on."""
    box = mirror.link(server=server)
    partner = mirror.contact("client")
    mails = letters(lib, mirror, box, 400)
    refs = server.put(*mails)
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 400}
    server.remove(*refs[:200])
    mirror.sync(box)
    mirror.sync(box)
    return box, partner, mails


@pytest.fixture
def braked(mirror, lib, server):
    return vanish(mirror, lib, server)


def test_much_mail_gone_at_once_is_hidden_not_removed(mirror, braked):
    """Twenty #13350: a partial list was taken for a full one."""
    box, partner, _mails = braked

    assert mirror.states(box) == {
        ("mirrored", "contact"): 200,
        ("hidden", "brake"): 200,
    }
    assert len(mirror.shown_on(partner, box.user_id)) == 200, "readers see hidden mail"
    assert mirror.mailbox(box, "brake") == "waiting"
    mirror.check(box)


def test_the_brake_asks_the_owner_once_after_a_second_pass(mirror, braked):
    box, _partner, _mails = braked

    for _ in range(3):
        mirror.sync(box)

    assert mirror.mailbox(box, "brake") == "asked"
    assert mirror.states(box)["hidden", "brake"] == 200
    with mirror.env() as env:
        (activity,) = env["crm.mail.mirror.mailbox"].browse(box.id).activity_ids
        assert activity.user_id.id == box.user_id
    mirror.check(box)


def test_the_owner_confirms_and_hidden_mail_is_removed(mirror, braked):
    box, _partner, _mails = braked
    mirror.sync(box)

    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).action_confirm_removal()
    run_job(mirror)

    assert mirror.states(box) == {("mirrored", "contact"): 200}
    assert not mirror.mailbox(box, "brake")
    with mirror.env() as env:
        assert not env["crm.mail.mirror.mailbox"].browse(box.id).activity_ids
    mirror.check(box)
    mirror.sync(box)
    assert not mirror.mailbox(box, "brake")


def test_much_hidden_mail_goes_in_short_steps_and_nobody_is_asked_again(
    mirror, braked, monkeypatch
):
    from odoo.addons.crm_mail_mirror.models import (
        crm_mail_mirror_mailbox_leaver,
        crm_mail_mirror_mailbox_old,
    )

    few = crm_mail_mirror_mailbox_leaver.Slice(70)
    monkeypatch.setattr(few, "took", lambda *_step: None)
    monkeypatch.setattr(crm_mail_mirror_mailbox_leaver, "SLICE", few)
    monkeypatch.setattr(crm_mail_mirror_mailbox_old, "AIM", 0)
    box, _partner, _mails = braked
    mirror.sync(box)
    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).action_confirm_removal()
    assert mirror.states(box)["hidden", "brake"] == 130

    mirror.sync(box)
    assert mirror.mailbox(box, "brake") == "confirmed"
    assert not mirror.activities(box)
    mirror.check(box)

    run_job(mirror)
    assert mirror.states(box) == {("mirrored", "contact"): 200}
    assert not mirror.mailbox(box, "brake")
    mirror.check(box)


def test_hidden_mail_that_comes_back_is_shown_again(mirror, server, braked):
    box, partner, mails = braked
    mirror.sync(box)

    server.put(*mails[:200])
    mirror.sync(box)
    mirror.sync(box)

    assert mirror.states(box) == {("mirrored", "contact"): 400}
    assert len(mirror.shown_on(partner, box.user_id)) == 400
    assert not mirror.mailbox(box, "brake"), "there is nothing left to ask"
    with mirror.env() as env:
        assert not env["crm.mail.mirror.mailbox"].browse(box.id).activity_ids
    assert set(server.fetched.values()) == {1}
    mirror.check(box)


def test_mass_delete_of_less_than_a_tenth_passes(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    refs = server.put(*letters(lib, mirror, box, 700))
    mirror.sync(box)

    server.remove(*refs[:60])
    mirror.sync(box)
    mirror.sync(box)

    assert mirror.states(box) == {("mirrored", "contact"): 640}
    assert not mirror.mailbox(box, "brake")
    mirror.check(box)


def test_small_mailbox_can_be_emptied(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    refs = server.put(*letters(lib, mirror, box, 50))
    mirror.sync(box)

    server.remove(*refs)
    mirror.sync(box)
    mirror.sync(box)

    assert mirror.states(box) == {}


# ---- mail that fails ---


def failures(mirror: Mirror, box):
    return mirror.sql(
        """SELECT state, reason, attempts,
                  round(extract(epoch FROM next_try_at - now() AT TIME ZONE 'UTC') / 60)
             FROM crm_mail_mirror_copy
            WHERE mailbox_id = %s AND state IN ('failed', 'queued')""",
        box.id,
    )


def retry(mirror, box):
    mirror.sql(
        """UPDATE crm_mail_mirror_copy SET next_try_at = '2020-01-01'
            WHERE mailbox_id = %s AND state IN ('failed', 'queued')""",
        box.id,
    )
    mirror.sync(box)


@pytest.mark.parametrize("method", ["facts", "fetch"])
def test_one_bad_mail_is_set_aside_alone_and_tried_again(mirror, lib, server, method):
    """Twenty fails its batch of 400."""
    box = mirror.link(server=server)
    mirror.contact("client")
    mails = letters(lib, mirror, box, 10)
    bad = mails[4]
    if method == "facts":
        bad.envelope = lib.dataclasses.replace(bad.envelope, headers=None, parts=None)
    bad.errors[method] = lib.base.MessageBroken("message_broken")
    server.put(*mails)

    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 9, "failed": 1}
    assert failures(mirror, box) == [("failed", "message_broken", 1, 1)]

    for attempts, minutes in (
        (2, 5),
        (3, 30),
        (4, 120),
        (5, 720),
        (6, 1440),
        (7, 1440),
    ):
        retry(mirror, box)
        assert failures(mirror, box) == [
            ("failed", "message_broken", attempts, minutes)
        ]
        mirror.check(box)

    bad.errors.clear()
    bad.envelope = lib.dataclasses.replace(
        bad.envelope, headers={}, parts=mails[0].envelope.parts
    )
    retry(mirror, box)
    assert mirror.by_state(box) == {"mirrored": 10}
    mirror.check(box)


def test_queued_mail_whose_headers_fail_waits_with_growing_pauses(mirror, lib, server):
    box = mirror.link(server=server)
    (letter,) = letters(lib, mirror, box, 1)
    server.put(letter)
    mirror.sync(box)
    mirror.contact("client")
    mirror.look_again()
    letter.errors["envelopes"] = lib.base.MessageBroken("message_broken")

    mirror.sync(box)
    assert server.calls["envelopes"] == 1, "asked again and again in one run"
    assert failures(mirror, box) == [("failed", "message_broken", 1, 1)]
    retry(mirror, box)
    assert failures(mirror, box) == [("failed", "message_broken", 2, 5)]
    mirror.check(box)

    letter.errors.clear()
    retry(mirror, box)
    assert mirror.by_state(box) == {"mirrored": 1}
    mirror.check(box)


def test_failed_mail_that_is_deleted_meanwhile_goes(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    (letter,) = letters(lib, mirror, box, 1)
    letter.errors["fetch"] = lib.base.MessageBroken("message_broken")
    (ref,) = server.put(letter)
    mirror.sync(box)

    server.remove(ref)
    retry(mirror, box)
    mirror.sync(box)
    mirror.sync(box)

    assert mirror.states(box) == {}
    mirror.check(box)


def test_mail_deleted_while_it_was_read_leaves_nothing(mirror, lib, server):
    box = mirror.link(server=server)
    mirror.contact("client")
    refs = server.put(*letters(lib, mirror, box, 3))
    server.before["fetch"] = lambda calls: calls == 1 and server.remove(refs[1])

    mirror.sync(box)
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 2}
    mirror.check(box)


@pytest.mark.parametrize(
    "hostile",
    [
        {"subject": "nul \x00 byte"},
        {"subject": "half a \ud83d pair"},
        {"message_id": "<nul\x00@x>"},
        {"name": "nul \x00 in a name"},
        {"text": "half a \udc80 pair"},
        {"file": "nul\x00.pdf"},
        {"file": "half \ud83d.pdf"},
    ],
    ids=str,
)
def test_mail_that_the_database_refuses_is_set_aside_alone(
    mirror, lib, server, hostile
):
    """Should the engine ever hand on what PostgreSQL cannot hold."""
    box = mirror.link(server=server)
    mirror.contact("client")
    mails = letters(lib, mirror, box, 6)
    bad = mails[2]
    if "name" in hostile:
        author = lib.Address(hostile["name"], mirror.at("client"))
        bad.envelope = lib.dataclasses.replace(bad.envelope, authors=(author,))
    elif "text" in hostile:
        bad.text = hostile["text"]
    elif "file" in hostile:
        bad.files = (lib.Attachment(hostile["file"], "x/y"),)
    else:
        bad.envelope = lib.dataclasses.replace(bad.envelope, **hostile)
    server.put(*mails)

    mirror.sync(box)

    states = mirror.by_state(box)
    assert states.total() == 6 and states["mirrored"] >= 5
    assert mirror.mailbox(box, "last_error") is False
    mirror.check(box)


# ---- contacts that come and go ---


def test_contact_added_later_brings_its_mail_in(mirror, lib, server):
    box = mirror.link(server=server)
    server.put(
        *letters(lib, mirror, box, 3, "late"), *letters(lib, mirror, box, 2, "x", 9)
    )
    mirror.sync(box)
    assert mirror.by_state(box) == {"unmatched": 5}

    partner = mirror.contact("late", email=mirror.at("LATE").title())
    mirror.look_again()
    assert mirror.by_state(box) == {"unmatched": 2, "queued": 3}
    mirror.check(box)
    mirror.sync(box, due=False)

    assert mirror.by_state(box) == {"unmatched": 2, "mirrored": 3}
    assert len(mirror.shown_on(partner, box.user_id)) == 3
    mirror.check(box)


def test_contact_deleted_removes_its_mail(mirror, lib, server):
    box = mirror.link(server=server)
    partner = mirror.contact("client")
    mirror.contact("other")
    server.put(*letters(lib, mirror, box, 3), *letters(lib, mirror, box, 2, "other", 9))
    mirror.sync(box)

    with mirror.env() as env:
        env["res.partner"].browse(partner).unlink()
    mirror.look_again()

    assert mirror.states(box) == {
        ("mirrored", "contact"): 2,
        ("unmatched", "no_contact"): 3,
    }
    mirror.check(box)

    # and back again, should the contact be
    mirror.contact("client")
    mirror.look_again()
    mirror.sync(box)
    assert mirror.states(box) == {("mirrored", "contact"): 5}
    mirror.check(box)


def test_mail_of_two_contacts_stays_when_one_is_deleted(mirror, lib, server):
    box = mirror.link(server=server)
    one, _two = mirror.contact("one"), mirror.contact("two")
    server.put(lib.mail(1, mirror.at("one"), f"{box.email} {mirror.at('two')}"))
    mirror.sync(box)

    with mirror.env() as env:
        env["res.partner"].browse(one).unlink()
    mirror.look_again()

    assert mirror.by_state(box) == {"mirrored": 1}
    mirror.check(box)


def test_lead_with_nothing_but_an_address_gets_its_mail(mirror, lib, server):
    box = mirror.link(server=server)
    with mirror.env() as env:
        lead = env["crm.lead"].create({"name": "Lead", "email_from": mirror.at("lead")})
        lead = lead.id
    server.put(*letters(lib, mirror, box, 2, "lead"))

    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 2}
    mirror.write("crm.lead", lead, user_id=box.user_id)
    with mirror.env(box.user_id) as env:
        assert len(env["crm.lead"].browse(lead).mirror_message_ids) == 2


def test_former_address_of_a_contact_still_matches(mirror, lib, server):
    box = mirror.link(server=server)
    partner = mirror.contact("before")
    server.put(*letters(lib, mirror, box, 2, "before"))
    mirror.sync(box)

    mirror.write("res.partner", partner, email=mirror.at("after"))
    mirror.look_again()
    server.put(*letters(lib, mirror, box, 2, "before", 10))
    server.put(*letters(lib, mirror, box, 2, "after", 20))
    mirror.sync(box)

    assert len(mirror.shown_on(partner, box.user_id)) == 6
    mirror.check(box)


def test_mail_before_sync_from_leaves_no_row(mirror, lib, server):
    box = mirror.link(server=server, sync_from=lib.NOON.date())
    mirror.contact("client")
    old, new = letters(lib, mirror, box, 2)
    old.received_at -= timedelta(days=1)
    server.put(old, new)

    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 1}
    mirror.check(box)


def test_traces_and_rows_go_after_seven_days_but_the_log_remembers(mirror, lib, server):
    box = mirror.link(server=server)
    server.put(*letters(lib, mirror, box, 4, "stranger"))
    mirror.sync(box)

    mirror.sql(
        """UPDATE crm_mail_mirror_copy SET expires_at = expires_at - interval '8 days'
            WHERE mailbox_id = %s""",
        box.id,
    )
    with mirror.env() as env:
        env["crm.mail.mirror.sync"]._run_expiry()
    mirror.sync(box)

    assert mirror.states(box) == {}
    assert mirror.sql(
        """SELECT state, sum(count) FROM crm_mail_mirror_day
            WHERE mailbox_id = %s GROUP BY 1""",
        box.id,
    ) == [("unmatched", 4)]
