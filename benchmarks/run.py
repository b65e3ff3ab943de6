# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""``make bench``: one mailbox, imported by us and by others, in turn.

``BENCH_ARGS="--full"`` for 20,000 messages; ``--help`` says what else.
"""

import argparse
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from account import OWNER, PASSWORD, VERSION, Account  # noqa: E402
from measure import Cost, Meter  # noqa: E402
from peers import PEERS, copied  # noqa: E402

from setup import database, template, venv  # noqa: E402
from setup.say import LOCAL, Stop, fail, note, step  # noqa: E402
from tests.peers.dovecot import Dovecot  # noqa: E402

# The engine is plain Python: without the package around it, which needs Odoo. Last, as
# the addon has a folder `tests` too.
sys.path.append(str(ROOT / "addons" / "crm_mail_mirror"))
from engine.providers.imap_mail import HEADER_ITEMS  # noqa: E402

FOLDER = LOCAL / "bench"
OURS = "crm_mail_mirror"
FOLDERS = {"Sent": "\\Sent", "Archive": "\\Archive"}


def main() -> int:
    options = _options()
    try:
        server = database.given()
        if server is None or not os.environ.get("CRM_MAIL_MIRROR_KEY"):
            raise Stop("Start the benchmarks with: make bench")
        if server.sql("SHOW fsync") != ["on"]:
            raise Stop("This PostgreSQL runs without fsync: no number would be true.")
        with _mailbox(options.messages) as (dovecot, size):
            bench = Bench(options, server, dovecot, size)
            bench.run()
    except (Stop, RuntimeError) as reason:
        fail(str(reason))
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py")
    add = parser.add_argument
    add("--messages", type=int, default=2_000, help="in the mailbox (2000)")
    add("--full", action="store_true", help="20,000 messages")
    add("--runs", type=int, default=1, help="of each; the medians are shown (1)")
    add("--idle", type=int, default=3, help="looks at the unchanged mailbox (3)")
    add("--tls", action="store_true", help="over TLS, everybody")
    add("--cold", action="store_true", help="Dovecot forgets its caches before each")
    add("--profile", action="store_true", help="where our seconds went; ours alone")
    add("--only", default="", help="such as: ours,mbsync")
    options = parser.parse_args()
    if options.full:
        options.messages = 20_000
    options.only = [name for name in options.only.split(",") if name]
    if options.profile:
        options.only = ["ours"]
    return options


class Bench:
    """:param size: bytes of all mail"""

    def __init__(self, options, server: database.Server, dovecot: Dovecot, size: int):
        self.options = options
        self.server = server
        self.dovecot = dovecot
        self.size = size
        self.servers = [dovecot._process.pid, *_postmaster(server)]
        self.meter = Meter(dovecot.directory / "dovecot.log", self.servers)
        self.imports: dict[str, list[Cost]] = {}
        self.idle: dict[str, list[Cost]] = {}
        self.notes: list[str] = []

    def run(self) -> None:
        chosen = [peer for peer in PEERS if self._is_chosen(peer.kind)]
        for number in range(1, self.options.runs + 1):
            if self._is_chosen("ours"):
                with step(f"Run {number}: {OURS}"):
                    self._ours()
                self._tell(OURS)
            for peer in chosen:
                with step(f"Run {number}: {peer.name}"):
                    self._peer(peer)
                self._tell(peer.name)
        told = self.table()
        print(f"\n{told}\n")
        results = FOLDER / "results.json"
        results.write_text(
            json.dumps(
                {
                    "options": vars(self.options),
                    "bytes": self.size,
                    "imports": _as_dicts(self.imports),
                    "idle": _as_dicts(self.idle),
                    "notes": self.notes,
                },
                indent=1,
            ),
            "utf-8",
        )
        note(f"All numbers: {results}")

    def _tell(self, name: str) -> None:
        cost = self.imports[name][-1]
        rate = self.options.messages / cost.seconds
        note(f"  {rate:,.0f} messages/s, {cost.cpu:.1f} s CPU, {cost.memory:.0f} MB")

    def _is_chosen(self, name: str) -> bool:
        return not self.options.only or name in self.options.only

    # --- the contestants --------------------------------------------------------------

    def _ours(self) -> None:
        self._chill()
        port = self.dovecot.tls_port if self.options.tls else self.dovecot.port
        dbname = f"mirror_bench_{secrets.token_hex(4)}"
        template.clone(self.server, template.ensure(self.server), dbname)
        try:
            conf = template.configuration(self.server, FOLDER / "odoo.conf")
            # what copying the template has left to write shall not be counted
            self.server.sql("SELECT 1", dbname)
            os.sync()
            task = {
                "conf": str(conf),
                "dbname": dbname,
                "port": port,
                "tls": self.options.tls,
                "messages": self.options.messages,
                "profile": self.options.profile,
                "idle": self.options.idle,
                "log": str(self.dovecot.directory / "dovecot.log"),
                "servers": self.servers,
            }
            done = subprocess.run(
                [venv.PYTHON, Path(__file__).with_name("ours.py"), json.dumps(task)],
                env={
                    **template.environment(self.server),
                    "CRM_MAIL_MIRROR_CA_FILE": self.dovecot.ca_file,
                },
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            template.drop(self.server, dbname)
        if done.returncode:
            raise Stop(f"Our import failed: {done.stderr[-3000:]}")
        told = json.loads(done.stdout.rstrip().rpartition("\n")[2])
        self._check(told["states"])
        self.imports.setdefault(OURS, []).append(Cost(**told["import"]))
        self.idle.setdefault(OURS, []).extend(Cost(**idle) for idle in told["idle"])
        self.notes.append(
            f"{told['rounds']} jobs; Odoo alone {told['odoo']:.0f} MB; {told['states']}"
        )
        if "profile" in told:
            self.notes.append(told["profile"])

    def _check(self, states: dict[str, int]) -> None:
        account = Account(self.options.messages)
        mirrored = states.get("mirrored", 0)
        if sum(states.values()) != account.size or mirrored != account.matching:
            raise Stop(f"That is not the whole mailbox: {states}")

    def _peer(self, peer) -> None:
        self._chill()
        folder = FOLDER / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        argv = peer.prepare(self.dovecot, folder, self.options.tls)
        os.sync()
        try:
            self.imports.setdefault(peer.name, []).append(self.meter.run(argv))
            count = copied(folder)
            if count != self.options.messages:
                raise Stop(f"{peer.name} copied {count} messages.")
            for _ in range(self.options.idle):
                self.idle.setdefault(peer.name, []).append(self.meter.run(argv))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _chill(self) -> None:
        if self.options.cold:
            # what it has worked out about the mail; `dovecot-uidlist` stays
            for path in _maildir(self.dovecot.directory).rglob("dovecot.index*"):
                path.unlink()

    # --- what came out ----------------------------------------------------------------

    def table(self) -> str:
        lines = [
            f"{self.options.messages:,} messages, {self.size / 1e6:,.0f} MB,"
            f" {'TLS' if self.options.tls else 'no TLS'},"
            f" {'cold' if self.options.cold else 'warm'};"
            f" medians of {self.options.runs}",
            "",
            "| import by | messages/s | ours is | seconds | CPU s | servers' CPU s |"
            " peak MB | received MB |",
            "|---|---|---|---|---|---|---|---|",
        ]
        ours = _median(self.imports.get(OURS))
        for name, costs in self.imports.items():
            cost = _median(costs)
            ratio = f"{cost.seconds / ours.seconds:.2f} x" if ours else ""
            lines.append(
                f"| {name} | {self.options.messages / cost.seconds:,.0f} | {ratio} |"
                f" {cost.seconds:.1f} | {cost.cpu:.1f} | {cost.server_cpu:.1f} |"
                f" {cost.memory:.0f} | {cost.received / 1e6:,.1f} |"
            )
        lines += ["", "| nothing new | ms | CPU ms | received bytes |"]
        lines += ["|---|---|---|---|"]
        for name, costs in self.idle.items():
            cost = _median(costs)
            lines.append(
                f"| {name} | {cost.seconds * 1000:,.0f} | {cost.cpu * 1000:,.0f} |"
                f" {cost.received:,} |"
            )
        return "\n".join([*lines, "", *self.notes])


@contextmanager
def _mailbox(messages: int):
    """Dovecot with the account, its caches warm. :return: server, bytes of all mail"""
    home = FOLDER / f"account-{messages}-{VERSION}"
    complete = home / "complete"
    if not complete.exists():
        for old in FOLDER.glob(f"account-{messages}-*"):
            shutil.rmtree(old)
        with step(f"Writing a mailbox of {messages:,} messages"):
            complete_size = Account(messages).write(_maildir(home))
    (home / "dovecot.log").unlink(missing_ok=True)
    server = Dovecot(
        {OWNER: PASSWORD}, directory=home, folders=FOLDERS, storage="maildir"
    )
    with server:
        if not complete.exists():
            with step("Reading it once, so that Dovecot knows it"):
                _warm(server)
            complete.write_text(str(complete_size), "ascii")
        yield server, int(complete.read_text("ascii"))


def _maildir(home: Path) -> Path:
    return home / "mail" / OWNER / "mail"


def _warm(server: Dovecot) -> None:
    """Ask what our import asks, and the whole mails, as the others do."""
    with server.user() as user:
        for folder in ("INBOX", *FOLDERS):
            user.imap.select(folder, readonly=True)
            user.imap.uid("FETCH", "1:*", f"({HEADER_ITEMS})")
            user.imap.uid("FETCH", "1:*", "(UID RFC822.SIZE FLAGS)")


def _postmaster(server: database.Server) -> list[int]:
    """The process id of PostgreSQL, where it runs on this machine."""
    if server.host not in ("127.0.0.1", "localhost"):
        return []
    folder = server.sql("SELECT setting FROM pg_settings WHERE name = 'data_directory'")
    for data in (LOCAL / "pg-demo" / "data", *map(Path, folder)):
        pidfile = data / "postmaster.pid"
        if pidfile.exists():
            lines = pidfile.read_text("utf-8").splitlines()
            if lines[3] == str(server.port):
                return [int(lines[0])]
    return []


def _median(costs: list[Cost] | None) -> Cost | None:
    if not costs:
        return None
    rows = [cost.as_dict() for cost in costs]
    return Cost(**{key: statistics.median(row[key] for row in rows) for key in rows[0]})


def _as_dicts(costs: dict[str, list[Cost]]) -> dict:
    return {name: [cost.as_dict() for cost in some] for name, some in costs.items()}


if __name__ == "__main__":
    sys.exit(main())
