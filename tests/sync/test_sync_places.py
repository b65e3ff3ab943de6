# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Places whose names are no numbers, folders that come and go, fates that are told."""

from datetime import timedelta

import pytest

from tests.sync.test_sync_pages import letters

#: What Graph's and Gmail's ids may look like; equal in many languages' order.
IDS = ["AAMkAGq=", "AAMkAGQ=", "aamkagq=", "AAMk-AGq=", "AAMkAGq_=", "é", "e\u0301"]


@pytest.fixture
def placed(mirror, lib, server):
    """A mail at each of these refs of the inbox, mirrored."""
    box = mirror.link(server=server)
    mirror.contact("client")
    mails = letters(lib, mirror, box, len(IDS))
    for ref, letter in zip(IDS, mails, strict=True):
        letter.key = f"key of {ref}"
        put_at(server, ref, letter)
    mirror.sync(box)
    assert {ref for _f, ref, _id in mirror.places(box)} == set(IDS)
    return box


def put_at(server, ref, letter, folder="INBOX"):
    server.mails[folder, ref] = letter
    server.journal.append(("+", folder, server.generation[folder], ref))


def refs(mirror, box):
    return {ref for _folder, ref, _id in mirror.places(box)}


def in_the_order_of(mirror, collation):
    """As if the database had been made with this order, and the addon updated since."""
    for column in ("generation", "ref"):
        mirror.sql(
            f"""ALTER TABLE crm_mail_mirror_location
                ALTER COLUMN {column} TYPE varchar COLLATE {collation}"""
        )
    with mirror.env() as env:
        env["crm.mail.mirror.location"].init()


@pytest.fixture(params=['"C"', '"en-x-icu"', '"und-x-icu"'])
def order(request, mirror):
    in_the_order_of(mirror, request.param)


def test_places_are_kept_in_the_order_of_bytes(mirror, order):
    assert mirror.sql(
        """SELECT DISTINCT collname FROM pg_attribute a
             JOIN pg_collation c ON c.oid = a.attcollation
            WHERE attrelid = 'crm_mail_mirror_location'::regclass
              AND attname IN ('generation', 'ref')"""
    ) == [("C",)]


@pytest.mark.parametrize("gone", IDS)
def test_ids_that_differ_in_case_or_signs_only_are_different_places(
    mirror, server, placed, order, gone
):
    server.remove(gone)

    for _ in range(2):
        mirror.sync(placed)
        mirror.check(placed)

    assert refs(mirror, placed) == set(IDS) - {gone}
    assert mirror.by_state(placed) == {"mirrored": len(IDS) - 1}


def test_range_holds_what_lies_between_its_bytes_and_nothing_else(
    mirror, lib, server, placed, order, monkeypatch
):
    tell(lib, monkeypatch, ("INBOX", "1", (("A", "Z"),)))

    mirror.sync(placed)

    assert refs(mirror, placed) == {ref for ref in IDS if not "A" <= ref <= "Z"}
    assert refs(mirror, placed) == {"aamkagq=", "é", "e\u0301"}


def tell(lib, monkeypatch, *absences):
    """The next pulls tell these as well."""
    real = lib.Connection.pull

    def pull(self, *args, **kwargs):
        batch = real(self, *args, **kwargs)
        told = tuple(lib.base.Absence(*each) for each in absences)
        return lib.dataclasses.replace(batch, absent=batch.absent + told)

    monkeypatch.setattr(lib.Connection, "pull", pull)


def test_absence_of_a_whole_folder_takes_all_its_mail_and_no_other_folders(
    mirror, lib, server, placed, order, monkeypatch
):
    put_at(server, IDS[0], letters(lib, mirror, placed, 1, start=70)[0], "Archive")
    mirror.sync(placed)
    # the folder was moved below the trash: it does not count any more
    server.folders["INBOX"] = "trash"
    with monkeypatch.context() as telling:
        tell(lib, telling, ("INBOX", "1", (("", "\U0010ffff"),)))
        for _ in range(2):
            mirror.sync(placed)
            mirror.check(placed)

    assert mirror.places(placed) == {
        ("Archive", IDS[0], f"<70.{mirror.domain}@mail.test>")
    }

    # and back again
    server.folders["INBOX"] = "inbox"
    for ref in IDS:
        server.journal.append(("+", "INBOX", "1", ref))
    mirror.sync(placed)
    assert refs(mirror, placed) == set(IDS)
    mirror.check(placed)


def test_places_that_nobody_told_go_once_all_was_listed_again(
    mirror, lib, server, placed, order
):
    server.remove(IDS[1])
    server.journal = [step for step in server.journal if step[0] == "+"]
    server.expired = True

    for _ in range(3):
        mirror.sync(placed)
        mirror.check(placed)

    assert refs(mirror, placed) == set(IDS) - {IDS[1]}
    assert not mirror.sql(
        "SELECT 1 FROM crm_mail_mirror_listing WHERE mailbox_id = %s", placed.id
    )


def test_cursor_that_is_refused_again_while_all_is_listed_again(
    mirror, lib, server, small_pages
):
    box = mirror.link(server=server)
    mirror.contact("client")
    mails = letters(lib, mirror, box, 50)
    server.put(*mails)
    mirror.sync(box)

    with mirror.env() as env:
        env["crm.mail.mirror.mailbox"].browse(box.id)._list_again()
    server.before["pull"] = lambda calls: refuse(lib, server, calls)
    for _ in range(4):
        mirror.sync(box)
        mirror.check(box)

    assert mirror.mirrored(box) == sorted(m.envelope.message_id for m in mails)
    assert len(mirror.places(box)) == 50
    assert set(server.fetched.values()) == {1}


def refuse(lib, server, calls):
    # the second page of the list
    if calls == server.calls["connect"] + 4:
        raise lib.base.CursorExpired("cursor_expired")


def test_owner_who_lists_again_twice_is_answered(mirror, lib, server, small_pages):
    box = mirror.link(server=server)
    mirror.contact("client")
    server.put(*letters(lib, mirror, box, 50))
    mirror.sync(box)

    for _ in range(2):
        with mirror.env(box.user_id) as env:
            env["crm.mail.mirror.mailbox"].browse(box.id).action_list_again()
        server.before["pull"] = lambda calls: fail(lib, server, calls)
        mirror.sync(box)
    server.before.clear()
    mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 50}
    mirror.check(box)


def fail(lib, server, calls):
    if calls % 3 == 0:
        raise lib.base.Unavailable("timeout")


# ---- the provider is asked ---


def live(lib, *places):
    return lib.base.Fate(lib.base.LIVE, tuple(lib.base.Place(*each) for each in places))


@pytest.fixture
def vanished(mirror, lib, server):
    """A mirrored mail that is told as gone, though it is there: (box, its Message-ID)

    So Graph tells of one that was moved away and back again between two looks.
    """
    box = mirror.link(server=server)
    mirror.contact("client")
    letter, *_others = mails = letters(lib, mirror, box, 3)
    ref, *_rest = server.put(*mails)
    mirror.sync(box)
    server.journal.append(("-", "INBOX", "1", ref))
    return box, letter.envelope.message_id, ref


def passes(mirror, box, count=4):
    for _ in range(count):
        mirror.sync(box)
        mirror.check(box)


def test_mail_that_the_provider_finds_where_it_was_gets_its_place_back(
    mirror, lib, server, vanished
):
    box, message_id, ref = vanished
    server.fates[message_id] = live(lib, ("INBOX", "1", ref))

    passes(mirror, box)

    assert mirror.by_state(box) == {"mirrored": 3}
    assert ("INBOX", ref, message_id) in mirror.places(box)
    assert set(server.fetched.values()) == {1}
    server.remove(ref)
    server.fates.clear()
    passes(mirror, box)
    assert mirror.by_state(box) == {"mirrored": 2}


def test_mail_that_the_provider_finds_in_another_folder_lies_there(
    mirror, lib, server, vanished
):
    box, message_id, ref = vanished
    server.fates[message_id] = live(lib, ("Archive", "1", ref))

    passes(mirror, box)

    assert ("Archive", ref, message_id) in mirror.places(box)
    assert mirror.by_state(box) == {"mirrored": 3}


@pytest.mark.parametrize("where", ["unselected", "trash", "another mail"])
def test_mail_that_the_provider_finds_where_it_does_not_count_goes(
    mirror, lib, server, vanished, where
):
    box, message_id, ref = vanished
    if where == "unselected":
        mirror.sql(
            """UPDATE crm_mail_mirror_folder SET selected = FALSE
                WHERE mailbox_id = %s AND name = 'Archive'""",
            box.id,
        )
    folder = "Trash" if where == "trash" else "Archive"
    # under another id it may be another mail with the same Message-ID
    found = "9999999999" if where == "another mail" else ref
    server.fates[message_id] = live(lib, (folder, "1", found))

    passes(mirror, box)

    assert mirror.by_state(box) == {"mirrored": 2}


def test_mail_that_was_not_listed_again_is_asked_for_before_it_goes(
    mirror, lib, server
):
    """A list by addresses passes mail by that was mirrored for another reason."""
    box = mirror.link(server=server)
    mirror.contact("client")
    mails = letters(lib, mirror, box, 4)
    places = server.put(*mails)
    mirror.sync(box)
    passed_by, gone = places[0], places[1]
    fates = {mails[0].envelope.message_id: live(lib, ("INBOX", "1", passed_by))}
    server.fates = {**fates, mails[1].envelope.message_id: lib.base.Fate("gone")}
    server.journal = [step for step in server.journal if step[3] not in places[:2]]
    server.expired = True

    passes(mirror, box)

    assert mirror.by_state(box) == {"mirrored": 3}
    assert passed_by in refs(mirror, box) and gone not in refs(mirror, box)
    assert set(server.fetched.values()) == {1}


def test_many_orphans_are_asked_about_in_bites_until_time_is_up(
    mirror, lib, server, monkeypatch
):
    from odoo.addons.crm_mail_mirror.engine.providers.base import Budget
    from odoo.addons.crm_mail_mirror.models import mailbox_run

    box = mirror.link(server=server)
    mirror.contact("client")
    mails = letters(lib, mirror, box, 25)
    places = server.put(*mails)
    mirror.sync(box)
    server.remove(*places)
    server.fates = {m.envelope.message_id: lib.base.Fate("gone") for m in mails}
    monkeypatch.setattr(mailbox_run, "ORPHANS", 10)

    with monkeypatch.context() as hasty:
        hasty.setattr(mailbox_run, "PAGE", Budget(mails=250, seconds=-1))
        mirror.sync(box)
    assert server.calls["confirm"] == 1
    assert mirror.by_state(box) == {"mirrored": 15}, "what nobody was asked about went"

    passes(mirror, box, 2)
    assert mirror.by_state(box) == {}


# ---- what Graph tells of a folder whose cursor was refused ---


def test_folder_that_is_listed_again_in_several_pages_loses_and_doubles_nothing(
    mirror, lib, server, small_pages, monkeypatch
):
    box = mirror.link(server=server)
    mirror.contact("client")
    mails = [*letters(lib, mirror, box, 50), *letters(lib, mirror, box, 9, "x", 60)]
    for letter in mails:
        letter.key = letter.envelope.message_id
    places = server.put(*mails)
    server.put(*letters(lib, mirror, box, 5, start=80), folder="Archive")
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 55, "unmatched": 9}
    # of what is not here nothing but the number is left
    mirror.sql(
        """UPDATE crm_mail_mirror_copy SET expires_at = now() - interval '1 day'
            WHERE mailbox_id = %s AND state = 'unmatched'""",
        box.id,
    )
    for letter in mails:
        letter.received_at = lib.datetime.now(lib.UTC) - timedelta(days=30)
    with mirror.env() as env:
        env["crm.mail.mirror.sync"]._run_expiry()
    seen = ledger(mirror, box)

    server.remove(places[7])
    server.journal = [step for step in server.journal if step[0] == "+"]
    server.void("INBOX", "2")
    server.relisted = True
    real = lib.Connection.pull

    def pull(self, *args, **kwargs):
        batch = real(self, *args, **kwargs)
        return lib.dataclasses.replace(batch, reset=(("INBOX", "2"),))

    monkeypatch.setattr(lib.Connection, "pull", pull)
    for _ in range(3):
        mirror.sync(box)

    assert mirror.by_state(box) == {"mirrored": 54}
    assert len(mirror.places(box)) == 54
    assert ledger(mirror, box) == {**seen, "mirrored": seen["mirrored"] - 1}
    assert set(server.fetched.values()) == {1}


def ledger(mirror, box):
    return dict(
        mirror.sql(
            """SELECT state, sum(count)::int FROM crm_mail_mirror_day
                WHERE mailbox_id = %s GROUP BY 1""",
            box.id,
        )
    )


# ---- a first import that is listed by addresses ---


@pytest.fixture
def by_address(mirror, server):
    """A mailbox whose provider takes addresses; in a first import of many days."""
    box = mirror.link(server=server)
    mirror.sql(
        "UPDATE crm_mail_mirror_mailbox SET provider = 'gmail' WHERE id = %s", box.id
    )
    return box


@pytest.fixture(autouse=True)
def _any_provider(mirror, monkeypatch):
    """The mailbox in memory is opened whatever the mailbox calls itself."""
    mailbox = mirror.registry["crm.mail.mirror.mailbox"]

    def connection(self):
        return {"address": self.email_normalized}

    monkeypatch.setattr(mailbox, "_connection", connection)


def test_first_import_is_given_the_addresses_of_contacts_and_leads(
    mirror, lib, server, by_address
):
    partner = mirror.contact("client")
    mirror.write("res.partner", partner, email=mirror.at("Later"))
    with mirror.env() as env:
        env["crm.lead"].create({"name": "L", "email_from": mirror.at("lead")})
        env["res.partner"].create({"name": "Without address"})
        env["res.partner"].create({"name": "Nonsense", "email": "nonsense"})
    mirror.user("colleague", email=mirror.at("colleague"))
    server.put(*letters(lib, mirror, by_address, 1))
    server.cursor = {"fill": {"at": 1}}

    mirror.sync(by_address)  # no cursor yet
    mirror.sync(by_address)  # the import goes on
    server.cursor = {}
    server.put(*letters(lib, mirror, by_address, 1, start=5))
    mirror.sync(by_address)
    mirror.sync(by_address)  # it is over

    assert server.given[-1] is None
    for given in server.given[:2]:
        ours = [email for email in given if email.endswith(mirror.domain)]
        assert ours == [mirror.at("client"), mirror.at("later"), mirror.at("lead")]
        assert list(given) == sorted(given), "not in the order of their characters"
        assert all("@" in email for email in given)


def test_imap_is_not_given_addresses(mirror, server):
    box = mirror.link(server=server)

    mirror.sync(box)

    assert server.given == [None]


def test_more_addresses_than_can_be_held_are_not_given(
    mirror, server, by_address, monkeypatch
):
    from odoo.addons.crm_mail_mirror.models import crm_mail_mirror_directory

    monkeypatch.setattr(crm_mail_mirror_directory, "MOST_KNOWN", 1)
    mirror.contact("one")
    mirror.contact("two")

    mirror.sync(by_address)

    assert server.given == [None]


def test_mail_that_was_passed_by_is_counted_once_however_often_all_is_listed_again(
    mirror, lib, server, by_address
):
    mirror.contact("client")
    server.put(*letters(lib, mirror, by_address, 2))
    server.passed_by = 1234

    mirror.sync(by_address)
    assert passed_by(mirror, by_address) == [("unmatched", 1234)]
    with mirror.env() as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(by_address.id)
        assert mailbox.seen_count == 1236 and mailbox.mirrored_count == 2
    server.passed_by = 0
    mirror.sync(by_address)
    assert passed_by(mirror, by_address) == [("unmatched", 1234)]

    server.expired = True
    server.passed_by = 1200  # some were deleted since
    mirror.sync(by_address)
    assert passed_by(mirror, by_address) == [("unmatched", 1200)]
    mirror.check(by_address)


def passed_by(mirror, box):
    return mirror.sql(
        """SELECT state, count FROM crm_mail_mirror_day
            WHERE mailbox_id = %s AND reason = 'not_listed'
              AND day = (now() AT TIME ZONE 'UTC')::date - 7""",
        box.id,
    )
