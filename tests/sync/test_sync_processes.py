"""Workers that are processes: killed at random moments, and the server's own job."""

import os
import random
import signal
import time

from tests.sync.history import IGNORED
from tests.sync.letters import raw

KILLS = int(os.environ.get("KILLS", "3"))
MAILS = 1500


def progress(mirror, box):
    return sum(mirror.by_state(box).values())


def test_kill_9_during_an_import_loses_and_doubles_nothing(mirror, post, worker):
    """Twenty #24826, #24034: ``KILLS=20`` for the long form."""
    box, program = post()
    mirror.contact("client")
    for number in range(MAILS):
        sender = mirror.at("client" if number % 3 else f"stranger{number}")
        program.append("INBOX", raw(number, sender, box.email))
    work, moment, seen = worker(box), random.Random(), []

    for kill in range(KILLS):
        mirror.make_due(box)
        work.start()
        deadline = time.monotonic() + 20
        while progress(mirror, box) < MAILS * kill // (KILLS + 1):
            assert time.monotonic() < deadline, "the worker does not go on"
        time.sleep(moment.uniform(0, 1.5 / KILLS))
        if work.kill() != -signal.SIGKILL:
            break  # it was done before
        mirror.check(box)
        seen.append(progress(mirror, box))
    assert seen, "it was done before it was killed once"
    assert seen == sorted(seen), "what was committed went again"
    mirror.make_due(box)
    work.start()
    assert work.end() == 0

    there = {message_id for _f, _u, message_id in program.truth(IGNORED)}
    domain = mirror.domain
    wanted = {f"<{number}@{domain}>" for number in range(MAILS) if number % 3} & there
    assert mirror.mirrored(box) == sorted(wanted), seen
    assert mirror.by_state(box) == {"mirrored": 1000, "unmatched": 500}
    mirror.check(box)


def test_another_worker_goes_on_once_the_lease_of_a_killed_one_ran_out(
    mirror, post, worker
):
    box, program = post()
    mirror.contact("client")
    for number in range(200):
        program.append("INBOX", raw(number, mirror.at("client"), box.email))
    work = worker(box)
    mirror.make_due(box)
    work.start()
    while not progress(mirror, box):
        pass
    assert work.kill() == -signal.SIGKILL
    held = progress(mirror, box)
    assert held < 200, "it was done before it was killed"

    mirror.sync(box, due=False)
    assert progress(mirror, box) == held, "a lease that runs was not respected"
    mirror.sql(
        """UPDATE crm_mail_mirror_mailbox
              SET lease_until = now() AT TIME ZONE 'UTC' - interval '1 second'
            WHERE id = %s""",
        box.id,
    )
    mirror.sync(box, due=False)

    assert mirror.by_state(box) == {"mirrored": 200}
    mirror.check(box)


def test_job_of_a_server_brings_new_mail_to_the_contact_within_two_minutes(
    mirror, post, dovecot, odoo_server, sync_database
):
    """Slow: it waits for the scheduler to wake up by itself."""
    box, program = post()
    partner = mirror.contact("client")
    server = odoo_server(
        sync_database,
        env={"CRM_MAIL_MIRROR_CA_FILE": dovecot.ca_file},
        max_cron_threads=1,
    )
    program.append("INBOX", raw(1, mirror.at("client"), box.email, subject="News"))
    mirror.make_due(box)
    appended = time.monotonic()

    while not (shown := mirror.shown_on(partner, box.user_id)):
        assert time.monotonic() - appended < 120, server.said()[-3000:]
        time.sleep(0.5)

    assert shown == ["News"]
    # a contact saved wakes the outbox's job, and that the mailbox's, at once
    program.append("INBOX", raw(2, mirror.at("late"), box.email, subject="Late"))
    mirror.make_due(box)
    with mirror.env() as env:
        env["crm.mail.mirror.sync"]._trigger()
    wait_until(lambda: mirror.by_state(box)["unmatched"] == 1, server)
    late = mirror.contact("late")
    wait_until(lambda: mirror.shown_on(late, box.user_id) == ["Late"], server)
    mirror.check(box)
    assert "Traceback" not in server.said()


def wait_until(condition, server, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, server.said()[-3000:]
        time.sleep(0.2)
