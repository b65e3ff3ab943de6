# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What would ten thousand mailboxes, or two hundred thousand, need? A simulation.

    python benchmarks/simulation.py [results/many.json]     # calibrated by measurements
    python benchmarks/simulation.py --mailboxes 50000 --hosts 3 --jobs 4

Discrete events: mailboxes come due, jobs claim them under one lock, look at them in
pools over a network with a round trip, and use up the CPU of their process (one core,
as Python has one lock), of their host and of the database. Nothing of Odoo is in here:
how far off its times are, beside what was measured, is in ``docs/scaling.md``.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

#: Seconds until a mailbox is looked at again, and their spread.
QUIET, LIVELY, SPREAD = 110.0, 60.0, (0.9, 1.0)
#: So many seconds late, it is spread wider: else a herd stays one.
LATE, WIDE = 20.0, (0.55, 1.0)
#: Seconds of one run of a job, and between two calls of one that found nothing.
BUDGET, TICK = 25.0, 60.0


@dataclass(frozen=True)
class Costs:
    """Of one look, in milliseconds but for the trips. Measured: see ``calibrated``.

    :param own, database: CPU of the worker, of PostgreSQL; nothing new
    :param news_own, news_database: more of it for a mailbox with news
    :param claim: the lock is held for one claim
    :param trips: to the mail server and back
    """

    own: float = 6.0
    database: float = 3.0
    news_own: float = 25.0
    news_database: float = 25.0
    claim: float = 4.0
    trips: float = 4.0


@dataclass(frozen=True)
class Shape:
    """:param lively: share of mailboxes with mail in the last hour, looked at each
    minute :param news: share of looks that find something :param limit: mailboxes of
    one server at once; all are at ``servers`` of them :param outage: seconds for which
    nothing was looked at before"""

    mailboxes: int = 10_000
    hosts: int = 1
    jobs: int = 2
    pool: int = 16
    cores: int = 2
    database_cores: int = 2
    round_trip: float = 60.0
    news: float = 0.05
    lively: float = 0.0
    limit: int = 50
    servers: int = 1
    outage: float = 0.0
    seconds: float = 900.0


class Resource:
    """So many can be served at once, the others wait in their order."""

    def __init__(self, places: int):
        self._free = [0.0] * places
        self.used = 0.0

    def until(self, now: float, seconds: float) -> float:
        """When is it done, asked for now?"""
        start = max(now, heapq.heappop(self._free))
        heapq.heappush(self._free, start + seconds)
        self.used += seconds
        return start + seconds


class World:
    def __init__(self, shape: Shape, costs: Costs, seed: int = 1):
        self.shape, self.costs, self.random = shape, costs, random.Random(seed)
        self.events, self._number = [], count()
        self.now = 0.0
        self.lock = Resource(1)
        self.database = Resource(shape.database_cores)
        self.hosts = [Resource(shape.cores) for _ in range(shape.hosts)]
        self.open = [0] * shape.servers
        self.looked_at = [-1.0] * shape.mailboxes
        self.delays, self.gaps, self.looks = [], [], 0
        self.done_first = 0.0
        self.due = []
        for box in range(shape.mailboxes):
            at = 0.0 if shape.outage else self.random.uniform(0, QUIET)
            heapq.heappush(self.due, (at, box))
        for number in range(shape.hosts * shape.jobs):
            job = Job(self, self.hosts[number % shape.hosts])
            self.at(self.random.uniform(0, 1 if shape.outage else TICK), job.begin())

    def at(self, when: float, steps: Iterator[float]) -> None:
        heapq.heappush(self.events, (when, next(self._number), steps))

    def run(self) -> dict:
        while self.events and self.events[0][0] < self.shape.seconds:
            self.now, _number, steps = heapq.heappop(self.events)
            following = next(steps, None)
            if following is not None:
                self.at(max(self.now, following), steps)
        return self.told()

    def server_of(self, box: int) -> int:
        return box % self.shape.servers

    def note(self, box: int, due: float) -> None:
        self.looks += 1
        before, self.looked_at[box] = self.looked_at[box], self.now
        # the first minutes are not steady yet
        if before >= 0 and self.now > self.shape.seconds / 3:
            self.gaps.append(self.now - before)
            self.delays.append(self.now - due)
        if before < 0:
            self.done_first = self.now
        lively = box < self.shape.lively * self.shape.mailboxes
        spread = WIDE if self.now - due > LATE else SPREAD
        pause = (LIVELY if lively else QUIET) * self.random.uniform(*spread)
        heapq.heappush(self.due, (self.now + pause, box))

    def told(self) -> dict:
        shape, seconds = self.shape, self.shape.seconds
        gaps = sorted(self.gaps) or [float("inf")]
        jobs = shape.hosts * shape.jobs
        return {
            "mailboxes": shape.mailboxes,
            "jobs": jobs,
            "round_trip": shape.round_trip,
            "outage": shape.outage,
            "looks_per_second": round(self.looks / seconds, 1),
            "gap_median": round(statistics.median(gaps), 1),
            "gap_99": round(gaps[int(len(gaps) * 0.99)], 1),
            "gap_worst": round(gaps[-1], 1),
            "never": sum(at < 0 for at in self.looked_at),
            "all_once_after": round(self.done_first, 1),
            "host_cpu": round(
                sum(h.used for h in self.hosts) / seconds / shape.cores / shape.hosts, 2
            ),
            "database_cpu": round(
                self.database.used / seconds / shape.database_cores, 2
            ),
            "claim_lock": round(self.lock.used / seconds, 2),
        }


class Job:
    """One of the jobs, as ``_sync_due`` is one."""

    def __init__(self, world: World, host: Resource):
        self.world, self.host = world, host
        self.core = Resource(1)
        self.active = 0

    def begin(self) -> Iterator[float]:
        """Runs of it, one after the other; each yield is a time to go on at."""
        world, shape = self.world, self.world.shape
        while True:
            end, lately = world.now + BUDGET, []
            while world.now < end:
                room = shape.pool + shape.pool // 2 - self.active
                if room >= shape.pool // 2:
                    lock = world.lock.until(world.now, world.costs.claim / 1000)
                    yield lock
                    taken = self._claim(room)
                    lately = [*lately[-200:], (world.now, len(taken))]
                    for box, due in taken:
                        world.at(world.now, self._look(box, due))
                    if len(taken) == room:
                        continue
                busy = sum(n for at, n in lately if at > world.now - 2) >= 5
                if not self.active and not busy:
                    break
                yield world.now + (0.05 if self.active else 0.2)
            while self.active:
                yield world.now + 0.05
            is_due = world.due and world.due[0][0] <= world.now
            busy = sum(n for at, n in lately if at > world.now - 2) >= 5
            # Odoo takes a moment to call it again; else it waits for the minute
            pause = 0.3 if is_due or busy else TICK * world.random.uniform(0.98, 1)
            yield world.now + pause

    def _claim(self, room: int) -> list[tuple[int, float]]:
        world, taken, left = self.world, [], []
        while world.due and world.due[0][0] <= world.now and len(taken) < room:
            due, box = heapq.heappop(world.due)
            server = world.server_of(box)
            if world.open[server] >= world.shape.limit:
                left.append((due, box))
                if len(left) > 200:
                    break
                continue
            world.open[server] += 1
            taken.append((box, due))
        for each in left:
            heapq.heappush(world.due, each)
        self.active += len(taken)
        return taken

    def _look(self, box: int, due: float) -> Iterator[float]:
        world, costs = self.world, self.world.costs
        has_news = world.random.random() < world.shape.news
        own = (costs.own + has_news * costs.news_own) / 1000
        database = (costs.database + has_news * costs.news_database) / 1000
        trips = costs.trips + 3 * has_news
        yield self._computed(own / 2)
        yield world.now + trips * world.shape.round_trip / 1000
        yield self._computed(own / 2)
        yield world.database.until(world.now, database)
        world.open[world.server_of(box)] -= 1
        self.active -= 1
        world.note(box, due)

    def _computed(self, seconds: float) -> float:
        """By this process, on this host: whichever has to be waited for longer."""
        at = self.host.until(self.world.now, seconds)
        return max(at, self.core.until(self.world.now, seconds))


def calibrated(path: Path) -> Costs:
    """Costs as ``run.py --at many`` measured them."""
    told = json.loads(path.read_text("utf-8"))["told"]
    idle = [each for each in told if each["step"] == "workers"]
    news = [each for each in told if each["step"] == "idle"]
    costs = Costs()
    if idle:
        own = statistics.median(each["cpu"] / each["checks"] for each in idle)
        base = statistics.median(
            each["servers"].get("PostgreSQL", 0) / each["checks"] for each in idle
        )
        costs = replace(costs, own=own * 1000, database=base * 1000)
    if news:
        each = news[0]
        share = each["letters"] / each["checks"]
        more = each["cpu"] / each["checks"] * 1000 - costs.own
        base = each["servers"].get("PostgreSQL", 0) / each["checks"] * 1000
        costs = replace(
            costs,
            news_own=max(0.0, more / share),
            news_database=max(0.0, (base - costs.database) / share),
        )
    return costs


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/simulation.py")
    parser.add_argument("results", nargs="?", type=Path)
    for name, default in vars(Shape()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default))
    options = parser.parse_args()
    costs = calibrated(options.results) if options.results else Costs()
    print(costs)
    given = {k: v for k, v in vars(options).items() if v is not None and k != "results"}
    shapes = [Shape(**given)] if given else list(SHAPES)
    for shape in shapes:
        print(json.dumps(World(shape, costs).run()))
    return 0


#: From one worker to a company of 200,000, and after an hour's outage.
SHAPES = (
    Shape(mailboxes=100, jobs=1),
    Shape(mailboxes=1_000, jobs=1),
    Shape(mailboxes=5_000),
    Shape(),
    Shape(outage=3600),
    Shape(round_trip=150),
    Shape(mailboxes=20_000),
    Shape(mailboxes=20_000, jobs=4, cores=4, database_cores=4, limit=100),
    Shape(
        mailboxes=50_000,
        hosts=3,
        jobs=4,
        cores=4,
        database_cores=8,
        limit=400,
        seconds=600,
    ),
    Shape(
        mailboxes=200_000,
        hosts=10,
        jobs=4,
        cores=4,
        database_cores=16,
        limit=2000,
        seconds=400,
    ),
)

if __name__ == "__main__":
    sys.exit(main())
