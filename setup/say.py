"""How do the targets tell what they do, and why they stop?"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

LOCAL = Path(__file__).resolve().parent.parent / ".local"


class Stop(Exception):
    """One sentence that says what to do."""


def note(sentence: str) -> None:
    print(sentence, flush=True)


@contextlib.contextmanager
def step(label: str) -> Iterator[None]:
    """Print ``label ...``, and the seconds it took once it is done."""
    print(f"{label} ...", end=" ", flush=True)
    start = time.monotonic()
    try:
        yield
    except BaseException:
        print("stopped", flush=True)
        raise
    print(f"{time.monotonic() - start:.0f} s", flush=True)


def run(
    argv: Sequence[str | Path],
    log: str,
    advice: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    said: str = "",
) -> str:
    """Run a command, its output in ``.local/log/<log>.log``; return the output.

    :param said: what it reads from its standard input
    :raises Stop: the command failed; ``advice`` says what to do about it.
    """
    path = LOCAL / "log" / f"{log}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as output:
        try:
            done = subprocess.run(
                list(argv),
                input=said.encode(),
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                check=False,
            )
        except FileNotFoundError as error:
            raise Stop(f"{error.filename} is missing: {advice}") from None
    if done.returncode:
        raise Stop(f"{advice} (what it said: {path})")
    return path.read_text(encoding="utf-8", errors="replace")


def fail(sentence: str) -> None:
    print(f"\n{sentence}", file=sys.stderr, flush=True)
