# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What would a mirror show that is made today? It is made, and compared by value."""

import inspect
from collections import Counter


def settle(world):
    """All jobs run until there is nothing left to do.

    Mail that lost its place is waited for in two complete passes.
    """
    boxes = [box for box, _house in world.boxes]
    seen, rounds = None, 0
    while rounds < 5 or _rows(world) != seen:
        assert rounds < 20, "there is always something to do"
        seen = _rows(world)
        run_jobs(world.mirror)
        # as if the time had come for what is to be tried again, or is done each night
        world.mirror.sql("UPDATE crm_mail_mirror_retention SET ended_at = '2020-01-01'")
        world.mirror.sql(
            """UPDATE crm_mail_mirror_copy SET next_try_at = '2020-01-01'
                WHERE state IN ('queued', 'failed') AND mailbox_id = ANY(%s)""",
            [box.id for box in boxes],
        )
        for box in boxes:
            world.mirror.sync(box)
        check(world)
        rounds += 1
    troubles = world.mirror.sql(
        """SELECT email, last_error FROM crm_mail_mirror_mailbox
            WHERE id = ANY(%s) AND last_error IS NOT NULL""",
        [box.id for box in boxes],
    )
    assert not troubles
    check_suggestions(world)


def check_suggestions(world):
    """Nobody is suggested who was erased, is a contact, or is kept out by a rule."""
    for email, user in world.mirror.sql(
        """SELECT email_normalized, user_id FROM crm_mail_mirror_suggestion
            WHERE state = 'open' AND mailbox_id = ANY(%s)""",
        [box.id for box, _house in world.boxes],
    ):
        assert email not in world.erased, "an erased person is suggested"
        assert email != world.colleague, "a colleague is suggested"
        assert not world.mirror.sql(
            "SELECT 1 FROM res_partner WHERE email_normalized = %s AND active", email
        ), "a contact is suggested"
        assert not world.mirror.sql(
            """SELECT 1 FROM crm_mail_mirror_exclusion
                WHERE kind = 'address' AND effect = 'never' AND value = %s
                  AND coalesce(user_id, %s) = %s""",
            email,
            user,
            user,
        ), "somebody is suggested whom a rule keeps out"


def check(world):
    """What holds after each step: the rows, the log, and that nothing counts twice."""
    world.mirror.check(*(box for box, _house in world.boxes))
    for box, house in world.boxes:
        ((count,),) = world.mirror.sql(
            """SELECT coalesce(sum(count), 0) FROM crm_mail_mirror_day
                WHERE mailbox_id = %s AND reason != 'not_listed'""",
            box.id,
        )
        assert count <= len(house.ever), "the log has more mail than there ever was"


def run_jobs(mirror):
    """Each job of the addon once, as cron calls it; but for the sync."""
    with mirror.env() as env:
        jobs = env["ir.cron"].search([("model_id.model", "=like", "crm.mail.mirror.%")])
        codes = {job.id: job.code for job in jobs}
    for job, code in codes.items():
        if "_cron_sync" not in code and "_cron_audit" not in code:
            with mirror.env() as env:
                env["ir.cron"].browse(job).ir_actions_server_id.run()
    # only comparisons that somebody asked for: what they mend, the jobs have to do
    with mirror.env() as env:
        audits = env["crm.mail.mirror.audit"]
        while audits._step():
            env.cr.commit()


def vacuum(mirror):
    """What runs once a night."""
    for name in mirror.registry:
        if name.startswith("crm.mail.mirror"):
            model = mirror.registry[name]
            for method, _function in inspect.getmembers(model, _is_nightly):
                with mirror.env() as env:
                    getattr(env[name], method)()


def _is_nightly(function):
    return callable(function) and getattr(function, "_autovacuum", False)


def _rows(world):
    return world.mirror.sql(
        """SELECT id, state, reason, message_id, body_id, orphan_pass
             FROM crm_mail_mirror_copy WHERE mailbox_id = ANY(%s) ORDER BY id""",
        [box.id for box, _house in world.boxes],
    ) + world.mirror.sql("SELECT count(*) FROM crm_mail_mirror_outbox")


def shown(mirror, box) -> Counter:
    """What is mirrored of a mailbox, by value: not how or when it came there."""
    rows = mirror.sql(
        """SELECT m.internet_message_id, m.subject_raw, c.direction, c.reason, b.text,
                  (SELECT array_agg(DISTINCT (f.remote_ref, l.generation, l.ref)::text)
                     FROM crm_mail_mirror_location l
                     JOIN crm_mail_mirror_folder f ON f.id = l.folder_id
                    WHERE l.copy_id = c.id),
                  (SELECT array_agg(DISTINCT (p.role, a.email_normalized)::text)
                     FROM crm_mail_mirror_participant p
                     JOIN crm_mail_mirror_address a ON a.id = p.address_id
                    WHERE p.message_id = c.message_id
                      AND (p.copy_id IS NULL OR p.copy_id = c.id))
             FROM crm_mail_mirror_copy c
             JOIN crm_mail_mirror_message m ON m.id = c.message_id
             JOIN crm_mail_mirror_body b ON b.id = c.body_id
            WHERE c.mailbox_id = %s AND c.state = 'mirrored'""",
        box.id,
    )
    return Counter((*row[:5], tuple(row[5] or ()), tuple(row[6] or ())) for row in rows)


def rebuild(world):
    """Take all mailboxes away, and link them anew under the same settings."""
    mirror = world.mirror
    with mirror.env() as env:
        for number, (box, house) in enumerate(world.boxes):
            mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
            values = {name: mailbox[name] for name in KEPT}
            unselected = mailbox_folders(env, box.id)
            mailbox.unlink()
            again = env["crm.mail.mirror.mailbox"].create(
                {
                    "email": box.email,
                    "user_id": box.user_id,
                    "imap_host": "localhost",
                    "password": "secret",
                    **values,
                }
            )
            again.write({"state": "active", "sync_from": values["sync_from"]})
            env["crm.mail.mirror.folder"].create(
                [{**folder, "mailbox_id": again.id} for folder in unselected]
            )
            world.boxes[number] = (mirror.box(again), house)
    assert not mirror.sql("SELECT 1 FROM crm_mail_mirror_copy LIMIT 1"), "copies stay"
    mirror.check()  # nobody's messages, nobody's texts


#: What its owner, or a former one, chose for a mailbox.
KEPT = ["aliases", "mode", "sync_from", "sharing_in", "sharing_out", "former_rules"]


def mailbox_folders(env, mailbox_id):
    folders = env["crm.mail.mirror.folder"].search(
        [("mailbox_id", "=", mailbox_id), ("selected", "=", False)]
    )
    return folders.read(["remote_ref", "name", "role", "selected"], load="")


def compare(world):
    """Nothing but what a fresh mirror has, and all of it."""
    before = [shown(world.mirror, box) for box, _house in world.boxes]
    rebuild(world)
    settle(world)
    for (box, _house), old in zip(world.boxes, before, strict=True):
        new = shown(world.mirror, box)
        assert old == new, difference(box, old, new)


def difference(box, old, new) -> str:
    told = [f"{box.email}:"]
    told += [f"  is there, and would not be: {row}" for row in old - new]
    told += [f"  is not there, and would be: {row}" for row in new - old]
    return "\n".join(told)
