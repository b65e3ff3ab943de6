# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""One target for some seconds: with atheris where it can be had, else blindly.

    python -m tests.fuzz.one mail FOLDER --seconds 60 --seed 7

An input that fails is noted, made small, and fuzzing goes on: one mistake does not hide
the next. ``FOLDER`` gets ``corpus/`` (what found new code, kept for the next time),
``found/`` (one input a mistake) and ``told.json`` (how often it ran).
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import hashlib
import json
import logging
import random
import re
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.targets import TARGETS, Slow, Target

with contextlib.suppress(ImportError):
    import atheris

#: Seconds after which an input hangs, and megabytes after which it eats too much.
HANGS, MEGABYTES = 60, 1_500
#: What is under test, and what reads for it.
WATCHED = [
    *("engine", "odoo.addons.crm_mail_mirror.engine", "html2text", "imaplib"),
    *("imapclient", "googleapiclient"),
]
#: Tries to make an input smaller, and seconds for them.
MINIMISING, WHILE = 400, 10


class Notes:
    """What went wrong, once each."""

    def __init__(self, run: Callable[[bytes], None], folder: Path):
        self._run, self._folder = run, folder
        self._seen: set[str] = set()
        self.runs, self.failed = 0, 0
        self.began = self._told = time.monotonic()

    def __call__(self, data: bytes) -> None:
        self.runs += 1
        sign = self._sign(data)
        if sign:
            self.failed += 1
            if sign not in self._seen:
                self._seen.add(sign)
                self._note(sign, data)
        if time.monotonic() - self._told > 10:
            self.tell()

    def _sign(self, data: bytes) -> str:
        """Where and how it fails; ``""`` when it does not."""
        try:
            self._run(data)
        except Exception as error:
            return _where(error)
        return ""

    def _note(self, sign: str, data: bytes) -> None:
        small = self._smaller(sign, data)
        name = re.sub(r"\W+", "-", sign)[:60].strip("-").lower()
        digest = hashlib.sha256(sign.encode()).hexdigest()[:6]
        (self._folder / f"{name}-{digest}").write_bytes(small)
        try:
            self._run(small)
        except Exception:
            told = traceback.format_exc()
            print(f"FOUND {sign}\n{small[:300]!r}\n{told[-1_500:]}", flush=True)

    def _smaller(self, sign: str, data: bytes) -> bytes:
        tries, end = MINIMISING, time.monotonic() + WHILE
        size = max(1, len(data) // 2)
        while size and tries > 0 and time.monotonic() < end:
            at = 0
            while at < len(data) and tries > 0 and time.monotonic() < end:
                less = data[:at] + data[at + size :]
                tries -= 1
                if self._sign(less) == sign:
                    data = less
                else:
                    at += size
            size //= 2
        return data

    def tell(self) -> None:
        self._told = time.monotonic()
        told = {
            "runs": self.runs,
            "failed": self.failed,
            "found": sorted(self._seen),
            "seconds": round(self._told - self.began),
        }
        path = self._folder.parent / "told.json"
        path.write_text(json.dumps(told), encoding="utf-8")


def _where(error: Exception) -> str:
    """Its kind and the deepest line that is ours: one mistake, one name."""
    if isinstance(error, Slow):
        return "Slow"
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "crm_mail_mirror" in f.filename]
    deep = ours[-1] if ours else frames[-1]
    last = frames[-1]
    where = f"{Path(deep.filename).name}:{deep.lineno}"
    if last is not deep and "fuzz" in last.filename:
        where += f" {Path(last.filename).name}:{last.lineno}"
    return f"{type(error).__name__} {where}"


def _begin(target: Target, folder: Path) -> None:
    for seed in target.begin_with():
        name = hashlib.sha256(seed).hexdigest()[:16]
        (folder / "corpus" / name).write_bytes(seed)


# --- with coverage --------------------------------------------------------------------


def guided(target: Target, folder: Path, seconds: int, seed: int) -> None:
    """By libFuzzer, through atheris; the process ends in it."""
    with atheris.instrument_imports(include=WATCHED):
        run = target.load()
        _begin(target, folder)
    words = folder / "words"
    words.write_text("\n".join(map(_quoted, target.dictionary())), encoding="ascii")
    notes = Notes(run, folder / "found")
    arguments = [
        sys.argv[0],
        str(folder / "corpus"),
        f"-max_total_time={seconds}",
        f"-seed={seed % 2**31 or 1}",
        f"-max_len={target.most}",
        f"-timeout={HANGS}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-dict={words}",
        f"-artifact_prefix={folder / 'found'}/",
        "-use_value_profile=1",
        "-len_control=20",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup(arguments, notes)
    atheris.Fuzz()


def _quoted(word: bytes) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"'


# --- without --------------------------------------------------------------------------


def blindly(target: Target, folder: Path, seconds: int, seed: int) -> None:
    """Seeds, changed at random."""
    chance, words = random.Random(seed), target.dictionary()
    run = target.load()
    _begin(target, folder)
    seeds = [path.read_bytes() for path in sorted((folder / "corpus").iterdir())]
    notes = Notes(run, folder / "found")
    end = time.monotonic() + seconds
    faulthandler.dump_traceback_later(seconds + HANGS, exit=True)
    for each in seeds:
        notes(each)
    while time.monotonic() < end:
        notes(changed(chance, chance.choice(seeds), seeds, words)[: target.most])
    notes.tell()


def changed(chance: random.Random, data: bytes, seeds, words) -> bytes:
    """One to five changes, each at a place of its own."""
    raw = bytearray(data)
    for _ in range(chance.randint(1, 5)):
        at = chance.randint(0, len(raw))
        to = min(len(raw), at + chance.randint(0, 1 << chance.randint(0, 8)))
        kind = chance.randrange(6)
        if kind == 0 and raw:
            raw[min(at, len(raw) - 1)] = chance.randrange(256)
        elif kind == 1:
            raw[at:at] = chance.choice(words)
        elif kind == 2:
            del raw[at:to]
        elif kind == 3:
            raw[at:at] = raw[at:to] * chance.choice((1, 2, 30))
        elif kind == 4:
            raw[at:to] = chance.choice(words)
        else:
            other = chance.choice(seeds)
            begin = chance.randint(0, len(other))
            raw[at:to] = other[begin : begin + chance.randint(1, 200)]
    return bytes(raw)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    target = TARGETS[asked.target]
    for name in ("corpus", "found"):
        (asked.folder / name).mkdir(parents=True, exist_ok=True)
    way = guided if "atheris" in globals() else blindly
    way(target, asked.folder, asked.seconds, asked.seed)


if __name__ == "__main__":
    main()
