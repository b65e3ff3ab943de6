"""Several hosts share the mailboxes of one database, and one of them is killed.

``make scale``: three Odoo servers and 500 mailboxes; else three processes and a few.
Who held which mailbox when is written down by the database itself, in a trigger.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from setup import template
from tests.odoo_server import OdooServer
from tests.peers.dovecot import Dovecot
from tests.sync.letters import raw

SCALE = bool(os.environ.get("SCALE"))
#: Mailboxes with two letters each; letters in the one that takes long.
MAILBOXES, LONG_IMPORT = (500, 20_000) if SCALE else (40, 1_500)
#: Seconds: of a lease, and between its renewals, where the test says how long.
LEASE, RENEW = 4, 1
HOSTS = 3

TRIGGER = """
CREATE TABLE lease_log (id serial, mailbox int, token varchar, until timestamp,
                        worker varchar, at timestamp, was varchar,
                        was_until timestamp);
CREATE FUNCTION log_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lease_log (mailbox, token, until, worker, at, was, was_until)
    VALUES (NEW.id, NEW.lease_token, NEW.lease_until,
            current_setting('application_name'), clock_timestamp() AT TIME ZONE 'UTC',
            OLD.lease_token, OLD.lease_until);
    RETURN NEW;
END $$;
CREATE TRIGGER log_lease AFTER UPDATE ON crm_mail_mirror_mailbox FOR EACH ROW
WHEN (OLD.lease_token IS DISTINCT FROM NEW.lease_token) EXECUTE FUNCTION log_lease();
"""


@pytest.fixture(scope="module")
def dovecot():
    """One of our own, with as many users as there are mailboxes."""
    logins = [f"box{number}@dovecot.test" for number in range(MAILBOXES)]
    with Dovecot(dict.fromkeys(["long@dovecot.test", *logins], "secret")) as server:
        yield server


@pytest.fixture
def hosts(sync_database, postgres, dovecot, tmp_path):
    """``hosts()`` starts three: ``{pid: what kills it}``."""
    started = contextlib.ExitStack()
    with started:
        start = _servers if SCALE else _processes
        yield lambda: start(started, sync_database, postgres, dovecot, tmp_path)


def _servers(started, dbname, postgres, dovecot, folder):
    made = []
    for number in range(HOSTS):
        own = folder / f"host{number}"
        own.mkdir()
        server = OdooServer(
            postgres,
            dbname,
            own,
            env={"CRM_MAIL_MIRROR_CA_FILE": dovecot.ca_file},
            max_cron_threads=2,
        )
        started.callback(server.kill9)
        made.append(server)
    for server in made:
        server.start(120)
    return {server.process.pid: server.kill9 for server in made}


def _processes(started, dbname, postgres, dovecot, folder):
    conf = template.configuration(postgres, folder / "host.conf")
    script = Path(__file__).with_name("host.py")
    program = started.enter_context(
        subprocess.Popen(
            [sys.executable, script, conf, dbname, str(LEASE), str(RENEW)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **template.environment(postgres),
                "CRM_MAIL_MIRROR_CA_FILE": dovecot.ca_file,
            },
        )
    )
    started.callback(program.kill)

    def say():
        return program.stdout.readline().strip()

    def killer(pid):
        def kill():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

        started.callback(kill)
        return kill

    assert say() == "ready"
    kills = {}
    for _ in range(HOSTS):
        program.stdin.write("\n")
        program.stdin.flush()
        pid = int(say())
        kills[pid] = killer(pid)
    return kills


def _wait(condition, seconds, what):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.1)
    return found


def test_hosts_share_mailboxes_and_one_that_dies_is_replaced(
    mirror, dovecot, hosts, monkeypatch
):
    monkeypatch.setenv("CRM_MAIL_MIRROR_CA_FILE", dovecot.ca_file)
    mirror.contact("client")
    with mirror.env() as env:
        env["ir.config_parameter"].set_param(
            "crm_mail_mirror.allowed_hosts", "localhost 127.0.0.1"
        )
    mirror.sql(TRIGGER)
    owner = mirror.user()
    boxes = []
    for number, login in enumerate(dovecot.users):
        values = {"imap_port": dovecot.tls_port, "imap_login": login}
        box = mirror.link(f"box{number}", user_id=owner, **values)
        boxes.append(box)
        count = 2 if number else LONG_IMPORT
        with dovecot.user(login) as program:
            for n in range(count):
                who = mirror.at("client" if n % 2 else f"stranger{n}")
                tag = number * 100_000 + n
                program.append("INBOX", raw(tag, who, box.email))
    long, *small = boxes
    ids = [box.id for box in small]
    mirror.make_due(*boxes)
    kills = hosts()

    # none starves: while one mailbox is imported, all others are looked at
    def looked_at():
        ((count,),) = mirror.sql(
            """SELECT count(*) FROM crm_mail_mirror_mailbox
                WHERE id = ANY(%s) AND last_sync_at IS NOT NULL AND listing IS NULL""",
            ids,
        )
        return count == len(ids)

    _wait(looked_at, 600, "a mailbox is not looked at")
    assert mirror.mailbox(long, "listing"), "the long one was over first"
    # the host that holds it is killed: another one goes on within a minute
    pid, _token = _wait(lambda: _holder(mirror, long), 60, "nobody holds it")
    kills[pid]()
    killed_at = time.monotonic()
    _wait(lambda: _is_taken_over(mirror, long, pid), 100, "nobody took it over")
    assert time.monotonic() - killed_at < 60
    print(f"taken over after {time.monotonic() - killed_at:.1f} s")  # pytest -s
    _wait(lambda: not mirror.mailbox(long, "listing"), 1200, "it is never over")

    twice = mirror.sql(
        """SELECT * FROM lease_log WHERE token IS NOT NULL AND was IS NOT NULL
              AND was_until > at"""
    )
    assert not twice, "two workers at one mailbox"
    ((workers,),) = mirror.sql(
        "SELECT count(DISTINCT worker) FROM lease_log WHERE token IS NOT NULL"
    )
    assert workers == HOSTS, "not all have worked"
    assert mirror.by_state(long) == {
        "mirrored": LONG_IMPORT // 2,
        "unmatched": LONG_IMPORT // 2,
    }
    for box in small[:: max(1, len(small) // 20)]:
        assert mirror.by_state(box) == {"mirrored": 1, "unmatched": 1}
    mirror.check(long, *small)


def _holder(mirror, box):
    """The process that holds a mailbox, if it does."""
    rows = mirror.sql(
        """SELECT worker, token FROM lease_log WHERE mailbox = %s
            ORDER BY id DESC LIMIT 1""",
        box.id,
    )
    if not rows or rows[0][1] is None:
        return None
    return int(rows[0][0].rpartition("-")[2]), rows[0][1]


def _is_taken_over(mirror, box, pid):
    holder = _holder(mirror, box)
    return holder and holder[0] != pid
