"""From a real mailbox to the contact: Dovecot, the mirror, PostgreSQL."""

import os
import shutil
import subprocess
import tempfile

import pytest

from setup import database
from tests.peers.dovecot import Dovecot
from tests.sync.letters import raw

IGNORED = ("Drafts", "Junk", "Trash")


@pytest.fixture
def filled(mirror, post):
    """Ten mails of a client in the inbox, mirrored."""
    box, program = post()
    partner = mirror.contact("client")
    uids = [
        program.append("INBOX", raw(number, mirror.at("client"), box.email))
        for number in range(10)
    ]
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 10}
    return box, program, partner, uids


def passes(mirror, box, count=2):
    for _ in range(count):
        mirror.sync(box)
        mirror.check(box)
        assert not mirror.mailbox(box, "last_error")


def true_ids(program):
    """Message-IDs of all mail in folders that count, by plain imaplib."""
    return sorted({message_id for _f, _u, message_id in program.truth(IGNORED)})


# ---- linking and the first mail ---


def test_owner_links_a_mailbox_and_its_mail_is_on_the_contact(mirror, post, dovecot):
    box, program = post()
    mirror.sql(
        "UPDATE crm_mail_mirror_mailbox SET state = 'draft', next_sync_at = NULL"
        " WHERE id = %s",
        box.id,
    )
    partner = mirror.contact("client")
    program.append("INBOX", raw(1, mirror.at("client"), box.email, subject="Offer"))

    with mirror.env(box.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        mailbox.action_connect()
        mailbox.action_start()
    mirror.sync(box, due=False)

    assert mirror.shown_on(partner, box.user_id) == ["Offer"]
    with mirror.env(box.user_id) as env:
        (message,) = env["res.partner"].browse(partner).mirror_message_ids
        assert message.body.strip() == "Text of mail 1."
        assert message.direction == "in"
    mirror.check(box)


def test_sent_and_archived_and_read_mail_is_mirrored_as_well(mirror, post):
    """Frappe #27208; Folk drops unread and archived mail."""
    box, program = post()
    mirror.contact("client")
    client = mirror.at("client")
    program.append("Sent", raw(1, box.email, client))
    program.append("Archive", raw(2, client, box.email), ["\\Seen"])
    program.append("INBOX", raw(3, client, box.email), ["\\Seen"])
    program.append("INBOX", raw(4, client, box.email))
    program.create("Kunden/Müller & Söhne")
    program.append("Kunden/Müller & Söhne", raw(5, client, box.email))

    mirror.sync(box)

    assert mirror.mirrored(box) == true_ids(program)
    assert mirror.sql(
        """SELECT direction, count(*) FROM crm_mail_mirror_copy
            WHERE mailbox_id = %s GROUP BY 1 ORDER BY 1""",
        box.id,
    ) == [("in", 4), ("out", 1)]


def test_drafts_junk_and_trash_are_never_mirrored(mirror, post):
    box, program = post()
    mirror.contact("client")
    for number, folder in enumerate(IGNORED):
        program.append(folder, raw(number, mirror.at("client"), box.email))
    program.create("Trash/Old")
    program.append("Trash/Old", raw(9, mirror.at("client"), box.email))

    passes(mirror, box)

    assert mirror.states(box) == {}


def test_folder_called_cabinet_is_no_trash(mirror, post):
    """Twenty guessed: "Cabinet" is Trash, "Presentations" is Sent."""
    box, program = post()
    mirror.contact("client")
    for number, folder in enumerate(("Cabinet", "Presentations")):
        program.create(folder)
        program.append(folder, raw(number, mirror.at("client"), box.email))

    mirror.sync(box)

    assert mirror.mirrored(box) == true_ids(program)
    assert not mirror.sql(
        """SELECT 1 FROM crm_mail_mirror_copy
            WHERE mailbox_id = %s AND direction = 'out'""",
        box.id,
    )


def test_nothing_in_the_mailbox_is_touched(mirror, post):
    box, program = post()
    mirror.contact("client")
    for number in range(6):
        flags = ["\\Flagged"] if number % 2 else []
        program.append("INBOX", raw(number, mirror.at("client"), box.email), flags)
    before = {folder: program.flags(folder) for folder in program.folders()}

    passes(mirror, box)

    assert mirror.by_state(box) == {"mirrored": 6}
    assert before == {folder: program.flags(folder) for folder in program.folders()}


def test_names_in_east_asian_scripts_and_odd_charsets(mirror, post):
    box, program = post()
    partner = mirror.contact("client")
    sender = f"山田太郎 <{mirror.at('client')}>"
    program.append("INBOX", raw(1, sender, box.email, subject="見積書の件"))

    mirror.sync(box)

    assert mirror.shown_on(partner, box.user_id) == ["見積書の件"]
    with mirror.env(box.user_id) as env:
        message = env["crm.mail.mirror.message"].search(
            [("subject", "=", "見積書の件")]
        )
        assert "山田太郎" in message.sender


def test_same_mail_with_and_without_brackets_is_one_row(mirror, post):
    """EspoCRM #1516."""
    (anna, one), (bert, two) = post("anna"), post("bert")
    mirror.contact("client")
    letter = raw(1, mirror.at("client"), f"{anna.email}, {bert.email}")
    one.append("INBOX", letter)
    two.append("INBOX", letter.replace(b"<1@", b"1@").replace(b".test>\r", b".test\r"))

    mirror.sync(anna, bert)

    ids = mirror.sql(
        "SELECT message_id FROM crm_mail_mirror_copy WHERE mailbox_id = ANY(%s)",
        [anna.id, bert.id],
    )
    assert len(ids) == 2 and len(set(ids)) == 1


# ---- what happens in the mailbox afterwards ---


def test_new_mail_appears_and_old_texts_are_not_fetched_again(mirror, filled, fetched):
    box, program, partner, _uids = filled
    program.append("INBOX", raw(50, mirror.at("client"), box.email, subject="News"))

    passes(mirror, box)

    assert "News" in mirror.shown_on(partner, box.user_id)
    assert len(fetched) == 1


@pytest.mark.parametrize("way", ["expunged", "flagged", "trashed", "junked"])
def test_mail_that_left_the_mailbox_is_gone_within_two_passes(mirror, filled, way):
    box, program, _partner, uids = filled
    if way == "expunged":
        program.expunge("INBOX", uids[3])
    elif way == "flagged":
        program.flag("INBOX", uids[3], "\\Deleted")
    else:
        program.move("INBOX", uids[3], "Trash" if way == "trashed" else "Junk")

    passes(mirror, box)

    assert mirror.mirrored(box) == true_ids(program)
    assert mirror.by_state(box) == {"mirrored": 9}


def test_mail_taken_out_of_the_trash_comes_back(mirror, filled):
    box, program, _partner, uids = filled
    program.move("INBOX", uids[3], "Trash")
    program.flag("INBOX", uids[4], "\\Deleted")
    passes(mirror, box)
    assert mirror.by_state(box) == {"mirrored": 8}

    (uid,) = program.listing("Trash")
    program.move("Trash", uid, "INBOX")
    program.flag("INBOX", uids[4], "\\Deleted", on=False)
    passes(mirror, box)

    assert mirror.by_state(box) == {"mirrored": 10}


def test_mark_for_deletion_that_comes_and_goes_between_two_pulls_loses_nothing(
    mirror, post, monkeypatch
):
    """It stands just while the headers are read for a new contact."""
    from odoo.addons.crm_mail_mirror.engine.providers.imap import ImapProvider

    box, program = post()
    uid = program.append("INBOX", raw(1, mirror.at("client"), box.email))
    passes(mirror, box)
    assert mirror.by_state(box) == {"unmatched": 1}
    mirror.contact("client")
    mirror.look_again()
    assert mirror.by_state(box) == {"queued": 1}
    envelopes, read = ImapProvider.envelopes, []

    def marked(provider, places):
        program.flag("INBOX", uid, "\\Deleted")
        read.extend(envelopes(provider, places))
        program.flag("INBOX", uid, "\\Deleted", on=False)
        return iter(read)

    monkeypatch.setattr(ImapProvider, "envelopes", marked)
    passes(mirror, box, 3)

    assert mirror.by_state(box) == {"mirrored": 1}
    assert len(read) == 1


def test_moved_mail_stays_and_its_text_is_not_fetched_again(mirror, filled, fetched):
    box, program, _partner, uids = filled
    for uid in uids[:5]:
        program.move("INBOX", uid, "Archive")

    passes(mirror, box, 3)

    assert mirror.places(box) == program.truth(IGNORED)
    assert mirror.by_state(box) == {"mirrored": 10}
    assert fetched == []


def test_renamed_folder_keeps_its_mail(mirror, post, fetched):
    box, program = post()
    mirror.contact("client")
    program.create("Projects")
    program.create("Projects/A")
    for number in range(4):
        folder = "Projects/A" if number % 2 else "Projects"
        program.append(folder, raw(number, mirror.at("client"), box.email))
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 4}

    program.rename("Projects", "Projekte")
    fetched.clear()
    passes(mirror, box, 3)

    assert mirror.by_state(box) == {"mirrored": 4}
    assert fetched == []
    program.append("Projekte/A", raw(9, mirror.at("client"), box.email))
    passes(mirror, box)
    assert mirror.places(box) == program.truth(IGNORED)


def test_removed_folder_takes_its_mail_along(mirror, filled):
    box, program, _partner, uids = filled
    program.create("Old")
    program.move("INBOX", uids[0], "Old")
    program.move("INBOX", uids[1], "Old")
    passes(mirror, box)

    program.remove("Old")
    passes(mirror, box)

    assert mirror.mirrored(box) == true_ids(program)
    assert mirror.by_state(box) == {"mirrored": 8}


def test_uidvalidity_that_changes_loses_nothing_and_doubles_nothing(
    mirror, filled, dovecot, fetched
):
    box, program, _partner, uids = filled
    program.append("INBOX", raw(70, mirror.at("stranger"), box.email))
    passes(mirror, box, 1)
    before = mirror.mirrored(box)
    program.close()

    dovecot.set_uidvalidity(mirror.mailbox(box, "imap_login"), "INBOX", 77777)
    passes(mirror, box, 4)

    assert mirror.mirrored(box) == before
    assert mirror.by_state(box) == {"mirrored": 10, "unmatched": 1}
    assert fetched == []


def test_mailbox_emptied_and_used_again_goes_on(mirror, filled):
    """EspoCRM #3654: then nothing new arrived, and the log said success."""
    box, program, partner, uids = filled
    program.expunge("INBOX", *uids)
    passes(mirror, box)
    assert mirror.states(box) == {}

    program.append("INBOX", raw(60, mirror.at("client"), box.email, subject="Again"))
    passes(mirror, box)

    assert mirror.shown_on(partner, box.user_id) == ["Again"]


def test_folder_switched_off_and_on_acts_both_ways_in_time(mirror, filled):
    """Twenty #17095: folder switched on later, and its old mail never came."""
    box, program, _partner, uids = filled
    program.create("Private")
    for uid in uids[:4]:
        program.move("INBOX", uid, "Private")
    passes(mirror, box)
    (folder,) = mirror.sql(
        """SELECT id FROM crm_mail_mirror_folder
            WHERE mailbox_id = %s AND name = 'Private'""",
        box.id,
    )[0]

    mirror.write("crm.mail.mirror.folder", folder, selected=False)
    passes(mirror, box)
    assert mirror.by_state(box)["mirrored"] == 6

    mirror.write("crm.mail.mirror.folder", folder, selected=True)
    passes(mirror, box)
    assert mirror.mirrored(box) == true_ids(program)
    assert mirror.by_state(box) == {"mirrored": 10}


def test_after_a_pause_everything_is_caught_up(mirror, filled):
    """ClientSuccess catches up 24 hours only."""
    box, program, _partner, uids = filled
    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).action_pause()
    program.expunge("INBOX", uids[0])
    for number in range(30, 40):
        program.append("INBOX", raw(number, mirror.at("client"), box.email))
    mirror.sync(box)
    assert mirror.by_state(box) == {"mirrored": 10}, "mirrored while paused"

    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.mailbox"].browse(box.id).action_resume()
    passes(mirror, box)

    assert mirror.mirrored(box) == true_ids(program)


def test_another_first_day_acts_both_ways_in_time(mirror, post):
    from datetime import UTC, datetime, timedelta

    box, program = post(sync_from="2026-10-15")
    mirror.contact("client")
    start = datetime(2026, 10, 1, 12, tzinfo=UTC)
    uids = [
        program.append(
            "INBOX",
            raw(day, mirror.at("client"), box.email),
            received=start + timedelta(days=day),
        )
        for day in range(30)
    ]
    passes(mirror, box)
    assert mirror.by_state(box) == {"mirrored": 16}

    # earlier; and what was deleted since the last pass is gone all the same
    program.expunge("INBOX", uids[20])
    mirror.write("crm.mail.mirror.mailbox", box.id, sync_from="2026-10-05")
    passes(mirror, box, 3)
    assert mirror.by_state(box) == {"mirrored": 25}

    mirror.write("crm.mail.mirror.mailbox", box.id, sync_from="2026-10-25")
    assert mirror.by_state(box) == {"mirrored": 6}
    passes(mirror, box, 3)
    assert mirror.by_state(box) == {"mirrored": 6}

    mirror.write("crm.mail.mirror.mailbox", box.id, sync_from=False)
    passes(mirror, box, 3)
    assert mirror.mirrored(box) == true_ids(program)


def test_contact_added_later_brings_old_mail_in(mirror, post, fetched):
    box, program = post()
    for number in range(5):
        program.append("INBOX", raw(number, mirror.at("late"), box.email))
    passes(mirror, box)
    assert mirror.by_state(box) == {"unmatched": 5} and fetched == []

    partner = mirror.contact("late")
    mirror.look_again()
    passes(mirror, box)

    assert len(mirror.shown_on(partner, box.user_id)) == 5
    assert len(fetched) == 5


# ---- what is not mirrored leaves nothing in clear ---


def test_what_is_not_mirrored_leaves_no_clear_text_in_the_database(
    mirror, post, sync_database, postgres
):
    """Subjects, names, addresses, texts, ids: the whole dump is searched for them."""
    box, program = post()
    mirror.contact("client")
    client, stranger = mirror.at("client"), mirror.at("stranger-hush-hush-1")
    with mirror.env() as env:
        env["crm.mail.mirror.exclusion"].create(
            {"kind": "address", "value": mirror.at("banned"), "user_id": box.user_id}
        )
    planted = {
        1: (f"Xavier-hush-hush-2 <{stranger}>", "Subject-hush-hush-3", {}),
        2: (client, "perso Subject-hush-hush-4", {}),
        3: (
            client,
            "Subject-hush-hush-5",
            {"cc": f"Q-hush-hush-6 <{mirror.at('banned')}>"},
        ),
        4: (client, "Subject-hush-hush-7", {"sensitivity": "Private"}),
        5: (
            client,
            "Subject-hush-hush-8",
            {"list_unsubscribe": "<mailto:u@hush-hush-9.test>"},
        ),
    }
    for number, (sender, subject, headers) in planted.items():
        program.append(
            "INBOX",
            raw(
                number,
                sender,
                box.email,
                subject=subject,
                text=f"secret-hush-hush-{number}0",
                message_id=f"<id-hush-hush-{number}1@planted.test>",
                **headers,
            ),
        )
    program.append("INBOX", raw(8, client, box.email, subject="Visible-in-the-open"))
    passes(mirror, box)
    assert mirror.by_state(box) == {"mirrored": 1, "excluded": 4, "unmatched": 1}

    # what a deleted contact's mail leaves is no more than that
    gone = mirror.contact("leaves")
    program.append(
        "INBOX",
        raw(
            9,
            mirror.at("leaves"),
            box.email,
            subject="Gone-hush-hush-",
            text="tq-hush-hush-",
        ),
    )
    passes(mirror, box)
    with mirror.env() as env:
        env["res.partner"].browse(gone).unlink()
    mirror.look_again()
    with mirror.env() as env:
        env["crm.mail.mirror.sync"]._gc_addresses()

    dump = subprocess.run(
        [database.binaries()[0] / "pg_dump", "--inserts", sync_database],
        env={**os.environ, **postgres.env()},
        capture_output=True,
        check=True,
    ).stdout.lower()
    assert b"visible-in-the-open" in dump, "the dump holds what is mirrored"
    found = [line[:300] for line in dump.splitlines() if b"hush-hush-" in line]
    assert found == []


# ---- servers that refuse, fail and come back ---


def state(mirror, box):
    with mirror.env() as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        return mailbox.state, mailbox.last_error, len(mailbox.activity_ids)


def test_wrong_password_asks_the_owner_once_and_catches_up(mirror, filled):
    box, program, _partner, _uids = filled
    with mirror.env() as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        env["crm.mail.mirror.credential"]._store(mailbox, "of last year")
        env["crm.mail.mirror.credential"]._use_new(mailbox)

    for _ in range(3):
        mirror.sync(box)
    assert state(mirror, box) == ("needs_login", "wrong_password", 1)
    with mirror.env(box.user_id) as env:
        sentence = env["crm.mail.mirror.mailbox"].browse(box.id).last_error_sentence
        assert "does not accept this login" in sentence

    program.append("INBOX", raw(40, mirror.at("client"), box.email))
    with mirror.env(box.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        mailbox.password = "secret"
        mailbox.action_connect()
    passes(mirror, box)

    assert state(mirror, box) == ("active", False, 0)
    assert mirror.mirrored(box) == true_ids(program)


def test_server_that_is_down_is_tried_again_with_growing_pauses(mirror, monkeypatch):
    """Also: the sync says what is wrong, and is well again by itself."""
    login = f"anna@{mirror.house}"
    with mirror.env() as env:
        env["ir.config_parameter"].set_param(
            "crm_mail_mirror.allowed_hosts", "localhost 127.0.0.1"
        )
    place = tempfile.mkdtemp()
    server = Dovecot({login: "secret"}, directory=place)
    with server:
        monkeypatch.setenv("CRM_MAIL_MIRROR_CA_FILE", server.ca_file)
        box = mirror.link(imap_port=server.tls_port, imap_login=login)
        mirror.contact("client")
        with server.user() as program:
            program.append("INBOX", raw(1, mirror.at("client"), box.email))
        passes(mirror, box, 1)

    waits = []
    for failures in (1, 2, 3):
        mirror.sync(box)
        assert state(mirror, box) == ("active", "port_closed", 0)
        assert mirror.mailbox(box, "failure_count") == failures
        (wait,) = mirror.sql(
            """SELECT extract(epoch FROM next_sync_at - now() AT TIME ZONE 'UTC')
                 FROM crm_mail_mirror_mailbox WHERE id = %s""",
            box.id,
        )[0]
        waits.append(wait)
    assert 50 < waits[0] < waits[1] < waits[2] < 300
    assert mirror.by_state(box) == {"mirrored": 1}

    with server:
        mirror.write("crm.mail.mirror.mailbox", box.id, imap_port=server.tls_port)
        with server.user() as program:
            program.append("INBOX", raw(2, mirror.at("client"), box.email))
        passes(mirror, box)
    assert state(mirror, box) == ("active", False, 0)
    assert mirror.mailbox(box, "failure_count") == 0
    assert mirror.by_state(box) == {"mirrored": 2}
    shutil.rmtree(place)
