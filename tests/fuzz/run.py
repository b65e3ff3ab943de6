# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""``make fuzz``: all targets, one after the other, on one core.

FUZZ_MINUTES=60     in total, over all targets
FUZZ_SEED=...       of chance; what was taken is printed
FUZZ_TARGETS=...    some of them, by name

Work is kept in ``.local/fuzz``: corpora that grow from run to run, and what was found.
What is found there may hold real mail of the corpora: what goes to ``tests/fuzz/found``
is made up after it.
"""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setup import database, template
from setup.say import LOCAL
from tests.fuzz.targets import TARGETS, Target

WORK = LOCAL / "fuzz"
_UNITS = re.compile(rb"stat::number_of_executed_units: (\d+)")
#: Seconds below which a target is not begun again after it ended too soon.
WORTH_IT = 5


def main() -> int:
    names = os.environ.get("FUZZ_TARGETS", "").split() or list(TARGETS)
    minutes = float(os.environ.get("FUZZ_MINUTES") or 60)
    seed = int(os.environ.get("FUZZ_SEED") or random.randrange(1, 2**31))
    print(f"Fuzzing for {minutes:g} minutes, FUZZ_SEED={seed}", flush=True)
    chosen = [TARGETS[name] for name in names]
    whole = sum(target.share for target in chosen)
    told = {}
    for target in chosen:
        seconds = round(minutes * 60 * target.share / whole)
        told[target.name] = _fuzzed(target, seconds, seed)
    return _report(told, seed)


def _fuzzed(target: Target, seconds: int, seed: int) -> dict:
    folder = WORK / target.name
    (folder / "found").mkdir(parents=True, exist_ok=True)
    total = {"runs": 0, "failed": 0, "found": [], "seconds": 0, "ended": []}
    end = time.monotonic() + seconds
    while (left := round(end - time.monotonic())) > WORTH_IT:
        (folder / "told.json").unlink(missing_ok=True)
        with _surroundings(target) as env, open(folder / "log", "wb") as log:
            asked = ["--seconds", str(left), "--seed", str(seed)]
            done = subprocess.run(
                [sys.executable, "-m", "tests.fuzz.one", target.name, folder, *asked],
                env=env,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        _add(total, folder)
        if done.returncode == 0:
            break
        # it hung, ate too much or crashed Python itself: the input is in found/
        total["ended"].append(done.returncode)
        seed += 1
    print(
        f"{target.name:12} {total['runs']:>9,} runs in {total['seconds']:>4} s, "
        f"{len(total['found'])} findings {total['ended'] or ''}",
        flush=True,
    )
    return total


def _add(total: dict, folder: Path) -> None:
    """What the process told last; of its last seconds libFuzzer alone tells."""
    try:
        told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    counted = _UNITS.findall((folder / "log").read_bytes())
    if counted:
        told["runs"] = max(told["runs"], int(counted[-1]))
    for name in ("runs", "failed", "seconds"):
        total[name] += told[name]
    total["found"] = sorted({*total["found"], *told["found"]})


@contextmanager
def _surroundings(target: Target) -> Iterator[dict[str, str]]:
    """What the process finds; a database of its own for what writes rows."""
    path = os.pathsep.join(filter(None, (".", "addons/crm_mail_mirror")))
    env = {**os.environ, "PYTHONPATH": path}
    env.setdefault("CRM_MAIL_MIRROR_KEY", secrets.token_urlsafe(32))
    if target.module != "rows":
        yield env
        return
    with database.server() as server:
        source = template.ensure(server, (template.ADDON,))
        dbname = f"mirror_fuzz_{secrets.token_hex(4)}"
        template.clone(server, source, dbname)
        try:
            conf = template.configuration(server, WORK / "odoo.conf")
            yield {**env, "FUZZ_ODOO": str(conf), "FUZZ_DATABASE": dbname}
        finally:
            template.drop(server, dbname)


def _report(told: dict, seed: int) -> int:
    (WORK / "told.json").write_text(
        json.dumps({"seed": seed, "targets": told}, indent=1), encoding="utf-8"
    )
    runs = sum(each["runs"] for each in told.values())
    found = sum(len(each["found"]) + len(each["ended"]) for each in told.values())
    print(f"{runs:,} runs, {found} findings. Seed {seed}; inputs and logs: {WORK}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
