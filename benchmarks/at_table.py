# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""First imports beside everybody, near and far; and how they grow.

``--only import,far,growth`` selects. What came out goes to ``benchmarks/results``, and
as pictures to ``benchmarks/charts``: see ``table_told.py``.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from contextlib import ExitStack, contextmanager

import in_odoo
import table_told
from account import Account
from account_at_dovecot import at_dovecot, maildir, started
from contest import Contest, told
from far import away
from in_odoo import FOLDER
from measure import Cost
from peers import PEERS
from synced import already_synced
from table_told import ALL, FETCHMAIL, TENTH

from setup import database
from setup.say import Stop, note, step

MBSYNC, MBSYNC_FAST, OFFLINEIMAP, GETMAIL = PEERS
#: Milliseconds of a round trip.
TRIPS = (0, 20, 100, 300)
#: Messages that Odoo's own fetchmail routes.
ROUTED = 1_000
#: Of attachments where there are many messages.
SMALL_FILES = (1_000, 4_000)
#: Folders of archived mail beside the inbox, Sent and Archive: twenty in all.
ARCHIVES = 18


class Bench:
    """:param options: of the command line"""

    def __init__(self, options, server: database.Server):
        self.options, self.server = options, server
        #: section -> what (such as a contestant) -> what it cost, each time
        self.costs: dict[str, dict[str, list[Cost]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self.sizes: dict[str, int] = {}
        self.curves: dict[str, list] = {}
        self.loads: list[float] = []

    def run(self) -> None:
        for name in ("import", "far", "growth"):
            if not self.options.only or name in self.options.only:
                getattr(self, f"_{name}")()

    def results(self) -> dict:
        return table_told.results(self)

    def table(self) -> str:
        told = self.results()
        table_told.save(told)
        return table_told.table(told)

    def _keep(self, section: str, name: str, cost: Cost, messages: int) -> None:
        self.costs[section][name].append(cost)
        self.loads.append(os.getloadavg()[0])
        note(told(f"{section}, {name}", cost, messages))

    # --- first import -----------------------------------------------------------------

    def _import(self) -> None:
        size = self.options.messages
        few = max(size // 5, 400)
        with ExitStack() as open_:
            contests = {}
            for share, count in ((ALL, size), (TENTH, size), ("slow", few)):
                account = Account(count, matching=1 if share == TENTH else 10)
                dovecot, self.sizes[share] = open_.enter_context(at_dovecot(account))
                for tls in (False, True):
                    contests[share, tls] = Contest(
                        self.server,
                        dovecot,
                        account,
                        tls=tls,
                        past_door=share != "slow",
                    )
            for number in range(self.options.runs):
                with step(f"First import, run {number + 1}"):
                    for (share, tls), contest in contests.items():
                        if share != "slow":
                            self._ours_and_mbsync(share, tls, contest)
            with step("The slow ones, once"):
                for peer in (OFFLINEIMAP, GETMAIL):
                    cost, _looks = contests["slow", False].theirs(peer)
                    self._keep("import", f"{ALL}, {peer.name}", cost, few)
        with step("Odoo's own fetchmail"):
            self._fetchmail()

    def _ours_and_mbsync(self, share: str, tls: bool, contest: Contest) -> None:
        size, wire = contest.account.size, ", TLS" if tls else ""
        cost, _looks = contest.ours()
        self._keep("import", f"{share}, {in_odoo.OURS}{wire}", cost, size)
        for peer in (MBSYNC_FAST,) if tls else (MBSYNC, MBSYNC_FAST):
            cost, _looks = contest.theirs(peer)
            self._keep("import", f"{share}, {peer.name}{wire}", cost, size)

    def _fetchmail(self) -> None:
        account = Account(min(self.options.messages, ROUTED), matching=10)
        with _unread(account) as dovecot:
            task = {
                "port": dovecot.port,
                "messages": account.size,
                "servers": [dovecot._process.pid, *in_odoo.postmaster(self.server)],
            }
            (done,) = in_odoo.run(
                self.server, task, {}, program="odoo_fetchmail.py", modules=()
            )
        if done["routed"] != account.size:
            raise Stop(f"Odoo's fetchmail routed {done['routed']} messages.")
        self._keep("import", f"{ALL}, {FETCHMAIL}", Cost(**done["cost"]), account.size)

    # --- far away ---------------------------------------------------------------------

    def _far(self) -> None:
        for share in (ALL, TENTH):
            account = Account(
                self.options.messages, matching=1 if share == TENTH else 10
            )
            with at_dovecot(account) as (dovecot, self.sizes[share]):
                for number in range(min(self.options.runs, 3)):
                    with step(f"From far away, {share}, run {number + 1}"):
                        for trip in TRIPS:
                            self._from(trip, share, dovecot, account)

    def _from(self, trip: int, share: str, dovecot, account) -> None:
        with away(dovecot.port, trip) as port:
            contest = Contest(self.server, dovecot, account, port=port)
            cost, _looks = contest.ours()
            self._keep("far", f"{share}, {in_odoo.OURS}, {trip} ms", cost, account.size)
            if share == ALL:
                cost, _looks = contest.theirs(MBSYNC)
                name = f"{share}, {MBSYNC.name}, {trip} ms"
                self._keep("far", name, cost, account.size)

    # --- growth -----------------------------------------------------------------------

    def _growth(self) -> None:
        """Import, memory and a look at nothing new, at a tenth, once, ten times."""
        for size in (s * self.options.messages // 10 for s in (1, 10, 100)):
            account = Account(size, files=SMALL_FILES, archives=ARCHIVES)
            with at_dovecot(account) as (dovecot, self.sizes[f"growth {size}"]):
                contest = Contest(self.server, dovecot, account, idle=5)
                with step(f"{size:,} messages in 20 folders"):
                    self._grown(contest, size)

    def _grown(self, contest: Contest, size: int) -> None:
        cost, looks = contest.ours(curve=True)
        self._keep("growth", f"{in_odoo.OURS}, {size}", cost, size)
        self.curves[str(size)] = contest.told[0]["curve"]
        self._looked(f"{in_odoo.OURS}, {size}", looks)
        cost, looks = contest.theirs(MBSYNC_FAST)
        self._keep("growth", f"{MBSYNC_FAST.name}, {size}", cost, size)
        self._looked(f"{MBSYNC_FAST.name}, {size}", looks)
        with already_synced(contest, OFFLINEIMAP) as argv:
            self._looked(f"{OFFLINEIMAP.name}, {size}", contest.looks(argv))

    def _looked(self, name: str, looks: list[Cost]) -> None:
        self.costs["idle"][name] += looks
        for look in looks[-1:]:
            note(
                f"  nothing new, {name}: {look.seconds * 1000:,.0f} ms,"
                f" {look.cpu * 1000:,.0f} ms CPU, {look.received:,} bytes"
            )


@contextmanager
def _unread(account: Account):
    """All of it in one inbox, where nobody has read it."""
    home = FOLDER / "unread"
    shutil.rmtree(home, ignore_errors=True)
    inbox = maildir(home) / "cur"
    for part in ("cur", "new", "tmp"):
        (maildir(home) / part).mkdir(parents=True)
    for number, mail in enumerate(account.mails()):
        size = len(mail.raw)
        virtual = size + mail.raw.count(b"\n")
        name = f"{int(mail.received_at.timestamp())}.M{number:06}P1.bench"
        (inbox / f"{name},S={size},W={virtual}:2,").write_bytes(mail.raw)
    try:
        with started(home) as server:
            yield server
    finally:
        shutil.rmtree(home, ignore_errors=True)
