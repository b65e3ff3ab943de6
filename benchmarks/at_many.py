# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What do many mailboxes cost of which most have no news? See ``many.py``.

A Dovecot of its own with as many users, 60 ms away; workers with their pools, beside
a loop that has none.
"""

from __future__ import annotations

import shutil

import in_odoo
from delay import Delayed
from in_odoo import FOLDER
from many import login

from setup import database
from setup.say import Stop, step
from tests.peers.dovecot import Dovecot
from tests.sync.letters import raw

PASSWORD = "secret"
#: Letters in each mailbox, seconds of a round trip, every how many have news.
LETTERS, ROUND_TRIP, NEWS = 3, 0.060, 20
FOLDERS = {"Sent": "\\Sent", "Archive": "\\Archive"}
#: What is asked of 10,000.
MAILBOXES, SECONDS = 10_000, 120


class Bench:
    """:param options: of the command line; ``mailboxes`` says how many"""

    def __init__(self, options, server: database.Server):
        self.options, self.server = options, server
        self.told: list[dict] = []

    def run(self) -> None:
        count = self.options.mailboxes
        home = FOLDER / "many"
        shutil.rmtree(home, ignore_errors=True)
        logins = list(map(login, range(count)))
        try:
            with step(f"Writing {count:,} mailboxes"):
                for name in logins:
                    _write(home / "mail" / name / "mail", name)
            server = Dovecot(
                dict.fromkeys(logins, PASSWORD),
                directory=home,
                folders=FOLDERS,
                storage="maildir",
                compress=True,
            )
            with server, Delayed(server.port, ROUND_TRIP) as far:
                self._run(server, far, count)
        finally:
            shutil.rmtree(home, ignore_errors=True)

    def _run(self, server, far, count) -> None:
        task = {
            "count": count,
            "password": PASSWORD,
            "security": "none",
            "near": server.port,
            "far": far.port,
            "rounds": self._rounds(),
            "maildir": str(server.directory / "mail" / "%s" / "mail"),
            "servers": [
                ("Dovecot", server._process.pid),
                ("proxy", far.pid),
            ],
        }
        with step(f"{count:,} mailboxes"):
            self.told = in_odoo.run(self.server, task, {}, program="many.py")
        for told in self.told:
            if told["checked"] != told["checks"] or told["failed"]:
                raise Stop(f"Not all were checked: {told}")

    def _rounds(self) -> list[dict]:
        """The first import; then all that the picture needs."""
        rounds = [{"step": "import", "far": False}]
        rounds += [{"step": "idle", "news": NEWS} for _ in range(self.options.runs)]
        rounds += [
            # who has more than two workers lets the server have more connections
            {"step": "workers", "workers": workers, "limit": 400}
            for workers in (1, 2, 3, 4)
            if not self.options.only or "workers" in self.options.only
        ]
        rounds += [
            {"step": "share", "share": share}
            for share in (0.25, 0.5, 1.0)
            if not self.options.only or "share" in self.options.only
        ]
        # as long as a hundredth of them takes
        share = min(1.0, 100 / self.options.mailboxes)
        return [*rounds, {"step": "loop", "workers": 1, "pool": 1, "share": share}]

    def results(self) -> dict:
        return {"told": self.told, "charts": self._charts()}

    def _charts(self) -> dict:
        """As ``chart.py`` draws them."""

        def of(step):
            return [told for told in self.told if told["step"] == step]

        def spent(told, name):
            return [told["checks"], round(told["servers"].get(name, 0), 2)]

        workers = [
            [told["workers"], round(told["checks"] / told["seconds"], 1)]
            for told in of("workers")
        ]
        shares = of("share")
        charts = {}
        if workers:
            charts["throughput-over-workers"] = {
                "title": "Mailboxes without news, 60 ms away",
                "x": "workers with a pool each",
                "y": "checked a second",
                "goal": [MAILBOXES / SECONDS, "10,000 in two minutes"],
                "lines": {"crm_mail_mirror": workers},
            }
        if shares:
            charts["idle-over-mailboxes"] = {
                "title": "What it costs to look at all mailboxes once",
                "x": "mailboxes without news",
                "y": "seconds of CPU",
                "lines": {
                    "crm_mail_mirror": [
                        [told["checks"], round(told["cpu"], 2)] for told in shares
                    ],
                    "PostgreSQL": [spent(told, "PostgreSQL") for told in shares],
                    "Dovecot": [spent(told, "Dovecot") for told in shares],
                },
            }
        return charts

    def table(self) -> str:
        lines = [
            "| round | workers x pool | checks | seconds | checks/s | 10,000 take s |"
            " CPU ms a check: ours | PostgreSQL | Dovecot | peak MB | load |",
            "|---|---|---|---|---|---|---|---|---|---|---|",
        ]
        for told in self.told:
            each, spent = 1000 / told["checks"], told["servers"]
            rate = told["checks"] / told["seconds"]
            lines.append(
                f"| {told['step']} | {told['workers']} x {told['pool'] or 'pool'} "
                f"| {told['checks']:,} | {told['seconds']:.1f} | {rate:.1f} "
                f"| {MAILBOXES / rate:,.0f} | {told['cpu'] * each:.1f} "
                f"| {spent.get('PostgreSQL', 0) * each:.1f} "
                f"| {spent['Dovecot'] * each:.1f} | {told['memory']:.0f} "
                f"| {told['load']:.1f} |"
            )
        return "\n".join(lines)


def _write(maildir, login) -> None:
    for part in ("cur", "new", "tmp"):
        (maildir / part).mkdir(parents=True)
    for number in range(LETTERS):
        who = "client@customer.test" if number == 0 else f"s{number}@other.test"
        letter = raw(number, who, login)
        (maildir / "cur" / f"{number}.M1P1.bench,S={len(letter)}:2,S").write_bytes(
            letter
        )
