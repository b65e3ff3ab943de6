"""The set-up's own promises: repeated, interrupted, refused, it says what to do."""

import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from setup import database, done, odoo, packages, template, unprivileged
from setup.say import Stop
from tests.loopback import guard

CHECKOUT = Path(__file__).resolve().parent.parent


def make(target: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", target, *(f"{name}={value}" for name, value in variables.items())],
        cwd=CHECKOUT,
        env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_alone_lists_the_targets():
    listed = make("help").stdout

    assert [line.split()[0] for line in listed.splitlines()][:3] == [
        "help",
        "demo",
        "test",
    ]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"ODOO_PATH": "/nowhere"}, "ODOO_PATH=/nowhere is no checkout of Odoo 19.0"),
        ({"CHROME": "/nowhere"}, "CHROME=/nowhere is no program"),
        (
            {"DATABASE_URL": "postgresql://postgres:x@localhost/"},
            "Odoo refuses the role 'postgres'",
        ),
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL must read postgresql://"),
        (
            {"DATABASE_URL": "postgresql://odoo:x@127.0.0.1:1/"},
            "PostgreSQL at 127.0.0.1:1 does not let us in",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence(variables, sentence):
    refused = make("test", PYTEST_ARGS="--version", **variables)

    assert refused.returncode
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_old_python_is_one_sentence():
    program = (
        "import sys, runpy; sys.version_info = (3, 9, 2, 'final', 0);"
        "sys.argv = ['setup', 'test']; runpy.run_module('setup', run_name='__main__')"
    )

    refused = subprocess.run(
        [sys.executable, "-c", program],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.stderr.startswith("Odoo 19 and this addon want Python 3.11")
    assert len(refused.stderr.splitlines()) == 1


def test_without_the_right_to_install_the_command_is_named(monkeypatch):
    monkeypatch.setitem(packages.PACKAGES, "isync", lambda: False)
    monkeypatch.setattr(packages, "_become_root", lambda: None)

    with pytest.raises(Stop) as refused:
        packages.ensure("test")

    assert "as root run 'apt-get update && apt-get install -y" in str(refused.value)
    assert "isync" in str(refused.value)


def test_an_interrupted_step_leaves_no_stamp(tmp_path, monkeypatch):
    monkeypatch.setattr(done, "LOCAL", tmp_path)
    stamp = done.Stamp("step")
    monkeypatch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError))

    with pytest.raises(OSError):
        stamp.write("made from this")

    assert stamp.read() is None


def test_no_password_is_seen_in_the_list_of_processes(postgres):
    commands = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(process.read_bytes())
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended meanwhile

    assert postgres.password
    assert not any(postgres.password.encode() in command for command in commands)


def test_postgresql_runs_as_an_ordinary_user_and_survives_a_killed_make(postgres):
    if database.given():
        pytest.skip("PostgreSQL is not ours here")
    folder = CHECKOUT / ".local/pg-test"
    before = (folder / "data/postmaster.pid").read_text().splitlines()[0]
    program = (
        "from setup import database; import time\n"
        "with database.server(): print('up', flush=True); time.sleep(60)"
    )

    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=CHECKOUT, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"up\n"
        other.send_signal(signal.SIGKILL)

    assert (folder / "data/postmaster.pid").read_text().splitlines()[0] == before
    assert Path(f"/proc/{before}").stat().st_uid == unprivileged.user().pw_uid != 0
    assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
    assert postgres.sql("SELECT 1") == ["1"]


def test_postgresql_asks_for_a_password(postgres):
    if database.given():
        pytest.skip("PostgreSQL is not ours here")
    stranger = database.Server(postgres.host, postgres.port, "odoo", "wrong")

    with pytest.raises(Stop, match="password authentication failed"):
        stranger.sql("SELECT 1")


def test_a_server_below_an_unreachable_folder_may_read_it(tmp_path, monkeypatch):
    if os.geteuid():
        pytest.skip("needs root")
    closed = tmp_path / "closed"
    inner = closed / "inner"
    inner.mkdir(parents=True)
    closed.chmod(0o700)
    unprivileged.give(inner)
    monkeypatch.setattr(unprivileged, "CHECKOUT", closed)
    write = ["sh", "-c", f"test -w {inner} && touch {inner}/x && ! touch {closed}/x"]

    done_as_other = subprocess.run(unprivileged.command(write), check=False)

    assert done_as_other.returncode == 0
    assert (inner / "x").stat().st_uid == unprivileged.user().pw_uid


def test_a_copy_of_the_prepared_database_is_complete(odoo_env):
    logo = odoo_env.company.logo

    assert odoo_env["crm.lead"].create({"name": "first"}).exists()
    assert logo and odoo_env["ir.attachment"].search_count(
        [("store_fname", "!=", False)]
    )


def test_each_test_gets_a_copy_of_its_own(odoo_env):
    assert not odoo_env["crm.lead"].search([("name", "=", "first")])


def test_an_odoo_server_is_stopped_killed_and_started_again(odoo_database, odoo_server):
    server = odoo_server(odoo_database)
    assert server.healthy()

    server.kill9()
    assert not server.healthy()
    server.start()
    server.stop()

    assert not server.healthy()
    assert "Initiating shutdown" in server.said()


def test_odoo_loads_the_addon_without_a_complaint(odoo_database, odoo_server):
    said = odoo_server(odoo_database).said()
    assert "Registry loaded" in said
    complaints = re.compile(r" (WARNING|ERROR|CRITICAL) .*")
    assert [match[0] for match in complaints.finditer(said)] == []


def test_no_link_of_the_web_client_dangles():
    if os.environ.get("ODOO_PATH"):
        pytest.skip("not unpacked by us")
    web = odoo.root() / "odoo/addons/web"

    assert [p for p in web.rglob("*") if p.is_symlink() and not p.exists()] == []
    assert (odoo.root() / odoo.ABSENT).exists()


def test_the_guard_knows_this_machine():
    local = [
        "127.0.0.1",
        "::1",
        "localhost",
        "0.0.0.0",
        "::ffff:127.0.0.1",
        "127.9.9.9",
    ]
    beyond = ["192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "fe80::1%eth0", "a.example"]

    assert all(guard.is_local(host) for host in local)
    assert not any(guard.is_local(host) for host in beyond)


def test_a_server_that_reaches_beyond_is_seen(tmp_path):
    report = tmp_path / "report"
    program = (
        "import socket; s = socket.socket()\n"
        "try: s.connect(('192.0.2.1', 80))\n"
        "except PermissionError: print('refused')"
    )

    seen = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "PYTHONPATH": str(CHECKOUT / "tests/loopback"),
            "LOOPBACK_REPORT": str(report),
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert seen.stdout == "refused\n"
    assert report.read_text() == "192.0.2.1:80\n"


def test_a_second_make_waits_for_the_first():
    program = (
        "from setup.done import alone; import sys, time\n"
        "with alone('try'): print(time.monotonic(), flush=True); time.sleep(1)\n"
    )

    both = [
        subprocess.Popen(
            [sys.executable, "-c", program], cwd=CHECKOUT, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    said = [one.communicate()[0].decode().split()[-1] for one in both]

    first, second = sorted(map(float, said))
    assert second - first >= 1


def test_the_prepared_database_is_made_once(postgres):
    first = template.ensure(postgres, modules=())
    start = time.monotonic()

    second = template.ensure(postgres, modules=())

    assert first == second
    assert time.monotonic() - start < 5
