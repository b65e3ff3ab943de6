# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What did a program cost? Time, CPU, memory, and what the servers say of it."""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
#: Begins a line that a program says to whoever started it.
_MARK = "@@ "
#: A program's peak begins with that of the process that started it (getrusage(2), exec
#: keeps ``ru_maxrss``): this one is small.
_LAUNCHER = f"""
import json, os, sys, time
began = time.monotonic()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_pid, status, usage = os.wait4(pid, 0)
cost = {{
    "seconds": time.monotonic() - began,
    "cpu": usage.ru_utime + usage.ru_stime,
    "memory": usage.ru_maxrss / 1024,
}}
print("{_MARK}" + json.dumps(cost))
sys.exit(os.waitstatus_to_exitcode(status) and 1)
"""


@dataclass
class Cost:
    """:param seconds: wall time
    :param cpu: seconds of CPU of the program itself
    :param memory: peak resident set in MB
    :param received: bytes that the mail server sent
    :param server_cpu: seconds of CPU of Dovecot and PostgreSQL meanwhile
    :param requests: over HTTP :param sent: bytes of them
    :param calls: what Google and Microsoft count: those in a batch one by one
    :param units: of Gmail's quota
    """

    seconds: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0
    received: int = 0
    server_cpu: float = 0.0
    requests: int = 0
    sent: int = 0
    calls: int = 0
    units: int = 0

    def as_dict(self) -> dict:
        return asdict(self)


class Meter:
    """Watches servers while a program runs.

    :param log: of a ``door``; says ``in=`` and ``out=`` of each connection that ended;
        ``None``: there is none
    :param servers: process ids of the servers' first processes
    """

    def __init__(self, log: Path | None, servers: Sequence[int]):
        self._log = log
        self._servers = servers

    def run(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> Cost:
        """Run a program to its end.

        :raises RuntimeError: it failed; with the end of what it said
        """
        self.start()
        done = subprocess.run(
            [sys.executable, "-S", "-c", _LAUNCHER, *argv],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        said, _mark, told = done.stdout.rpartition(_MARK.encode())
        if done.returncode:
            tail = (said or told)[-2000:].decode("utf-8", "replace")
            raise RuntimeError(f"{argv[0]} ended with {done.returncode}: {tail}")
        return self.stop(Cost(**json.loads(told)))

    def start(self) -> None:
        known = self._log is not None and self._log.exists()
        self._at = self._log.stat().st_size if known else 0
        self._cpu = sum(map(cpu_of_family, self._servers))

    def stop(self, cost: Cost) -> Cost:
        """Fill in what the servers say; connections end in the log a moment later."""
        cost.server_cpu = sum(map(cpu_of_family, self._servers)) - self._cpu
        if self._log is None:
            return cost
        time.sleep(0.5)
        with self._log.open("rb") as log:
            log.seek(self._at)
            told = re.findall(rb" in=\d+ out=(\d+)", log.read())
        cost.received = sum(map(int, told))
        return cost


def median(costs: Sequence[Cost]) -> Cost | None:
    """Field by field; ``None`` of none."""
    if not costs:
        return None
    rows = [cost.as_dict() for cost in costs]
    return Cost(**{key: statistics.median(row[key] for row in rows) for key in rows[0]})


# --- steps of a program, told one by one ----------------------------------------------


def tell(**told) -> None:
    """Say what a step was, and wait until whoever started us has looked at it."""
    print(_MARK + json.dumps(told), flush=True)
    sys.stdin.readline()


def conversation(
    argv: Sequence[str],
    env: Mapping[str, str],
    between: Callable[[], dict] = dict,
) -> list[dict]:
    """What a program told of its steps.

    :param between: what the servers say of a step, before the next one begins
    :raises RuntimeError: it failed; with the end of what it said
    """
    steps = []
    with tempfile.TemporaryFile("w+b") as said:
        with subprocess.Popen(
            list(map(str, argv)),
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as program:
            for line in program.stdout:
                if line.startswith(_MARK):
                    steps.append({**json.loads(line[len(_MARK) :]), **between()})
                    program.stdin.write("\n")
                    program.stdin.flush()
        if program.returncode:
            said.seek(0)
            tail = said.read()[-3000:].decode("utf-8", "replace")
            raise RuntimeError(f"{argv[1]} ended with {program.returncode}: {tail}")
    return steps


def cpu_of_family(first: int) -> float:
    """Seconds of CPU of a process, its children, and those of them that ended."""
    parents: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text("ascii", "replace")
        except OSError:
            continue  # ended meanwhile
        # proc(5): the name in brackets may hold spaces; ppid is field 4, times 14 to 17
        words = stat.rpartition(")")[2].split()
        pid = int(folder.name)
        parents.setdefault(int(words[1]), []).append(pid)
        spent[pid] = sum(map(int, words[11:15])) / _TICK
    total, waiting = 0.0, [first]
    while waiting:
        pid = waiting.pop()
        total += spent.get(pid, 0.0)
        waiting += parents.get(pid, [])
    return total


def reset_peak() -> None:
    """The peak of this process's memory begins anew (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")


def resident(field: str = "VmRSS") -> float:
    """MB of this process: ``VmRSS`` now, ``VmHWM`` at its peak."""
    status = Path("/proc/self/status").read_text("ascii", "replace")
    return int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1024
