# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""More than 200 secrets in mail that is kept out: do they turn up anywhere?

In the database, in what anybody can read, in Odoo's log, in PostgreSQL's own.
"""

import contextlib
import logging
import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from setup import database
from setup.say import LOCAL
from tests.sync.private import Planted, decoded, found_in, letter, secret

#: Reasons that leave no row, or that no mail of a fresh mailbox has.
ROWLESS = {"too_old", "folder"}
#: What stands in the database under the server's key is told to who it is about.
OWNERS_ALONE = {
    "crm.mail.mirror.why": "create_uid",
    "crm.mail.mirror.why.line": "create_uid",
    "crm.mail.mirror.removal": "user_id",
    "crm.mail.mirror.suggestion": "user_id",
}


@pytest.fixture
def planted(mirror):
    made = Planted(mirror)
    yield made
    made.remove_rules()


@pytest.fixture
def trusting(dovecot, entra, post, at_microsoft, monkeypatch, tmp_path):
    """Dovecot's certificate and Microsoft's, each of an authority of its own."""
    both = tmp_path / "both.pem"
    files = (Path(dovecot.ca_file), Path(entra.ca_file))
    both.write_text("".join(each.read_text() for each in files))
    monkeypatch.setenv("CRM_MAIL_MIRROR_CA_FILE", str(both))


@pytest.fixture
def world(mirror, lib, server, planted, post, at_google, at_microsoft, trusting):
    """``(planted, mailboxes)``: four providers, and a mailbox of sent mail alone."""
    boxes = []
    for name, link in (("anna", post), ("bert", at_google.link)):
        box, owner = link(name)
        planted.plant(box, owner)
        if name == "anna":  # and one that she removes later
            add(planted, box, owner, letter("removed", planted.known, box.email))
            suggest(mirror, planted, box, owner)
            # and one of a person whom an administrator erases
            add(planted, box, owner, letter("forgotten", planted.goner, box.email))
        boxes.append(box)
    box, owner = at_microsoft.link("carl")
    planted.plant(box, owner, ("no_content",))
    boxes.append(box)
    # one way: what the owner received stays out
    box, owner = post("emil", mode="one_way")
    made = letter("one_way", planted.known, box.email)
    owner.append("INBOX", made.raw)
    planted.letters[box.email] = [made]
    boxes.append(box)
    # one whose owner leaves: a successor gets it
    planted.boss = mirror.user("boss")
    user = mirror.user("hugo", mirror_manager_id=planted.boss)
    box, owner = post("hugo", user_id=user)
    planted.plant(box, owner)
    add(planted, box, owner, letter("withheld", planted.known, box.email))
    planted.left = box
    # looked at by a dry run and never started: of no mail there is anything to be kept
    box, owner = post("gina")
    planted.plant(box, owner)
    for each in planted.letters[box.email]:
        each.reason = "not_started"
    mirror.sql(
        "UPDATE crm_mail_mirror_mailbox SET state = 'ready' WHERE id = %s", box.id
    )
    planted.unstarted = box
    # mail that cannot be read, then is ignored
    box = mirror.link("fred", server=server)
    server.put(*broken(lib, planted, box))
    boxes.append(box)
    return planted, boxes


def add(planted, box, owner, made):
    owner.append("INBOX", made.raw)
    planted.letters[box.email].append(made)


def suggest(mirror, planted, box, owner):
    """Whoever writes is suggested as a contact, by name and address: not those whose
    mail is private, excluded or in bulk."""
    for made in planted.letters[box.email]:
        if made.reason == "no_contact" and made.folder == "INBOX":
            made.reason = "suggested"
    excluded = f"lawyer@{mirror.domain}"
    for made in (
        letter("stranger", None, box.email, subject="perso:"),
        letter("stranger", None, box.email, sensitivity="Private"),
        letter("stranger", None, box.email, cc=f"%s <{excluded}>"),
        letter("stranger", None, box.email, list_id="<%s.lists.test>"),
        letter("stranger", None, box.email, precedence="bulk"),
    ):
        add(planted, box, owner, made)
    mirror.write("crm.mail.mirror.mailbox", box.id, contact_mode="all")


def broken(lib, planted, box):
    """Two mails whose text cannot be had."""
    for number in range(2):
        made = letter("failed", planted.known, box.email)
        planted.letters.setdefault(box.email, []).append(made)
        mail = lib.mail(
            number,
            planted.known,
            box.email,
            subject=made.around[0],
            text=made.inside[0],
            tag=made.around[1],
        )
        mail.errors["fetch"] = lib.base.MessageBroken("message_broken")
        yield mail


def dump(postgres, dbname):
    return subprocess.run(
        [database.binaries()[0] / "pg_dump", "-a", "--inserts", dbname],
        env={**os.environ, **postgres.env()},
        capture_output=True,
        check=True,
    ).stdout


def told_over_rpc(mirror, users):
    """All that these users can read or export, of all models of the addon."""
    from odoo.exceptions import AccessError, UserError

    told = []
    for user in users:
        with mirror.env(user) as env:
            names = [n for n in env if n.startswith("crm.mail.mirror")]
            for name in [*names, "mail.activity", "mail.message", "res.partner"]:
                records = env[name]
                if records._abstract or not records.has_access("read"):
                    continue
                # who asked why is told, and who removed a mail; nobody else is
                others = []
                if name in OWNERS_ALONE:
                    others = [(OWNERS_ALONE[name], "!=", user)]
                found = records.search(others)
                told.append(repr(found.mapped("display_name")))
                # one that is closed to this user hides no other
                for column in found.fields_get():
                    with contextlib.suppress(AccessError, UserError):
                        told.append(repr(found.read([column])))
                    if found._fields[column].store and column != "id":
                        with contextlib.suppress(AccessError, UserError):
                            told.append(repr(found.export_data([column])))
    return "\n".join(told).encode()


@pytest.fixture
def postgres_log(mirror):
    """``postgres_log()``: what PostgreSQL wrote since the test began."""
    log = LOCAL / "pg-test" / "log"
    if database.given() or not log.exists():
        pytest.skip("this PostgreSQL server's log is not ours to read")
    begin = log.stat().st_size

    def read():
        with log.open("rb") as lines:
            lines.seek(begin)
            return lines.read()

    marker = f"marker{secret()}"
    with contextlib.suppress(Exception):
        mirror.sql("SELECT %s::int", marker)
    assert marker.encode() in read(), "another server's log"
    return read


def look_before(mirror, box):
    """A dry run, step by step, as the screen does."""
    with mirror.env(box.user_id) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        run = mailbox.action_dry_run()["res_id"]
    for _step in range(50):
        with mirror.env(box.user_id) as env:
            if env["crm.mail.mirror.dry.run"].browse(run).step()["state"] != "looking":
                break
    with mirror.env(box.user_id) as env:
        told = env["crm.mail.mirror.dry.run"].browse(run)
        assert told.mirrored_count, "the look told nothing"


def use_everything(mirror, planted, boxes):
    """What owners and administrators do with it, and what goes on by itself."""
    for _ in range(3):
        mirror.sync(*boxes)
        for box in boxes:
            assert not mirror.mailbox(box, "last_error")
    mirror.look_again()
    mirror.sync(planted.left)
    look_before(mirror, planted.unstarted)
    dismiss(mirror, planted, boxes[0])
    erase(mirror, planted)
    with mirror.env(boxes[0].user_id) as env:
        gone = next(x for x in planted.letters[boxes[0].email] if x.reason == "removed")
        mine = env["crm.mail.mirror.message"].search([("is_mine", "=", True)])
        mine.filtered(lambda mail: gone.around[2] in mail.subject).action_remove()
    for box in [*boxes, planted.unstarted, planted.left]:
        # by a subject, an address and a Message-ID of mail that is kept out
        hidden = [
            each for each in planted.letters[box.email] if each.reason != "contact"
        ]
        with mirror.env(box.user_id) as env:
            for pasted in hidden[0].around[:3]:
                why = env["crm.mail.mirror.why"].create({"pasted": pasted})
                why.action_ask()
                why.line_ids.read()
    leave(mirror, planted)
    with mirror.env(boxes[4].user_id) as env:
        failed = env["crm.mail.mirror.copy"].search([("state", "=", "failed")])
        failed[:1].action_ignore()
        failed[1:].action_try_now()
    with mirror.env() as env:
        mailboxes = env["crm.mail.mirror.mailbox"].browse([box.id for box in boxes])
        env["crm.mail.mirror.audit"]._ask(mailboxes, "all", "owner")
        env["crm.mail.mirror.search"]._ask(mailboxes, addresses=[planted.known])
        mailboxes[:1]._list_again()
    for _ in range(4):
        mirror.sync(*boxes)


def dismiss(mirror, planted, box):
    """One of those who are suggested goes: by then nothing of them is here."""
    with mirror.env(box.user_id) as env:
        suggested = env["crm.mail.mirror.suggestion"].search([])
        emails = suggested.mapped("email_normalized")
        first = suggested[0].email_normalized
        suggested[0].action_dismiss()
    suggesting = [x for x in planted.letters[box.email] if x.reason == "suggested"]
    assert sorted(emails) == sorted(x.sender for x in suggesting)
    (gone,) = (x for x in suggesting if x.sender == first)
    gone.reason = "dismissed"


def erase(mirror, planted):
    with mirror.env(2) as env:
        wizard = env["crm.mail.mirror.erase"].create({"addresses": planted.goner})
        wizard.action_count()
        wizard.read()
        wizard.action_erase()
    with mirror.env() as env:
        assert not env["crm.mail.mirror.erasure"]._run()


def leave(mirror, planted):
    """The owner withheld a mail, has a rule of their own, and leaves; the successor
    asks about what was kept out."""
    box = planted.left
    (withheld,) = (x for x in planted.letters[box.email] if x.reason == "withheld")
    with mirror.env(box.user_id) as env:
        env["crm.mail.mirror.exclusion"].create(
            {"kind": "word", "value": planted.own_word, "user_id": box.user_id}
        )
    mirror.apply_changes()
    with mirror.env(box.user_id) as env:
        mails = env["crm.mail.mirror.message"].search([("is_mine", "=", True)])
        # found here: a statement with its subject would stand in the log
        (mail,) = mails.filtered(lambda mail: withheld.around[2] in mail.subject).ids
    mirror.sql(
        "UPDATE crm_mail_mirror_copy SET sharing = 'private' WHERE message_id = %s",
        mail,
    )
    mirror.write("res.users", box.user_id, active=False)
    with mirror.env(2) as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        wizard = env["crm.mail.mirror.leaver"].create(
            {
                "mailbox_ids": [(6, 0, mailbox.ids)],
                "action": "successor",
                "successor_id": planted.boss,
            }
        )
        wizard.read()
        wizard.action_now()
    with mirror.env() as env:
        assert not env["crm.mail.mirror.mailbox"]._run_leavers()
    with mirror.env(planted.boss) as env:
        why = env["crm.mail.mirror.why"].create({"pasted": withheld.around[2]})
        why.action_ask()
        why.line_ids.read()


def test_no_secret_of_mail_that_is_kept_out_is_anywhere(
    mirror, world, sync_database, postgres, postgres_log, caplog
):
    planted, boxes = world
    caplog.set_level(logging.DEBUG)

    use_everything(mirror, planted, boxes)
    users = [box.user_id for box in [*boxes, planted.unstarted]]
    users += [planted.colleague_id, planted.boss, 2]
    answers = decoded(told_over_rpc(mirror, users))

    hushed = planted.hushed()
    assert len(set(hushed)) == len(hushed) >= 200
    seen = Counter(
        dict(
            mirror.sql(
                """SELECT reason, sum(count)::int FROM crm_mail_mirror_day
            WHERE mailbox_id = ANY(%s) AND count != 0 GROUP BY 1""",
                [box.id for box in boxes],
            )
        )
    )
    assert every_reason() - set(seen) == set(), "reasons were not tried"

    log = "\n".join(
        f"{record.getMessage()} {record.args!r} {record.exc_text}"
        for record in caplog.records
    ).encode()
    everything = decoded(dump(postgres, sync_database))
    for told, text in planted.mirrored():
        assert found_in(everything, told) == sorted(told), "the dump hides something"
        assert found_in(everything, text), "the dump hides something"
        assert found_in(answers, told) == sorted(told), "nobody reads anything"
    assert found_in(everything, hushed) == []
    assert found_in(answers, hushed) == []
    assert b"crm.mail.mirror" in log and len(log) > 10_000
    assert found_in(decoded(log), hushed) == []
    assert found_in(decoded(postgres_log()), hushed) == []
    # who is suggested, and to whom; a rule of one's own
    for told in (planted.suggested(), [planted.own_word]):
        assert found_in(everything, told) == sorted(told)
        assert found_in(answers, told) == []


def every_reason():
    from odoo.addons.crm_mail_mirror.engine.reasons import Reason, State

    kept_out = {str(r) for r in Reason if r.state is not State.MIRRORED}
    return kept_out - ROWLESS
