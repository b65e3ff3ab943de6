# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What did a program cost? Time, CPU, memory, and what the servers say of it."""

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Cost:
    """:param seconds: wall time
    :param cpu: seconds of CPU of the program itself
    :param memory: peak resident set in MB
    :param received: bytes that Dovecot sent
    :param server_cpu: seconds of CPU of Dovecot and PostgreSQL meanwhile
    """

    seconds: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0
    received: int = 0
    server_cpu: float = 0.0

    def as_dict(self) -> dict:
        return asdict(self)


class Meter:
    """Watches servers while a program runs.

    :param log: Dovecot's; at logout it says ``in=`` and ``out=`` of each session
    :param servers: process ids of the servers' first processes
    """

    def __init__(self, log: Path, servers: Sequence[int]):
        self._log = log
        self._servers = servers

    def run(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> Cost:
        """Run a program to its end.

        :raises RuntimeError: it failed; with the end of what it said
        """
        self.start()
        began = time.monotonic()
        with subprocess.Popen(
            list(argv),
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as program:
            said = program.stdout.read()
            _pid, status, usage = os.wait4(program.pid, 0)
            program.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        if program.returncode:
            tail = said[-2000:].decode("utf-8", "replace")
            raise RuntimeError(f"{argv[0]} ended with {program.returncode}: {tail}")
        return self.stop(
            Cost(
                seconds=seconds,
                cpu=usage.ru_utime + usage.ru_stime,
                memory=usage.ru_maxrss / 1024,
            )
        )

    def start(self) -> None:
        self._at = self._log.stat().st_size if self._log.exists() else 0
        self._cpu = sum(map(cpu_of_family, self._servers))

    def stop(self, cost: Cost) -> Cost:
        """Fill in what the servers say; sessions end in the log a moment later."""
        cost.server_cpu = sum(map(cpu_of_family, self._servers)) - self._cpu
        time.sleep(0.5)
        with self._log.open("rb") as log:
            log.seek(self._at)
            told = re.findall(rb" in=\d+ out=(\d+)", log.read())
        cost.received = sum(map(int, told))
        return cost


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
