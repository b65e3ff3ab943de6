"""Has a step been done already, from the same ingredients?"""

import contextlib
import fcntl
import hashlib
from collections.abc import Iterator
from pathlib import Path

from .say import LOCAL, note


def fingerprint(*parts: str | bytes | Path) -> str:
    """A short hash of texts and of the contents of files."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            part = part.read_bytes()
        elif isinstance(part, str):
            part = part.encode()
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()[:12]


class Stamp:
    """A file written when a step is complete, holding what it was made from."""

    def __init__(self, name: str) -> None:
        self.path = LOCAL / "done" / name

    def read(self) -> str | None:
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def write(self, made_from: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".new")
        unfinished.write_text(made_from, encoding="utf-8")
        unfinished.rename(self.path)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


@contextlib.contextmanager
def alone(name: str) -> Iterator[None]:
    """Let one process at a time through; the kernel frees the lock of a dead one."""
    LOCAL.mkdir(exist_ok=True)
    LOCAL.chmod(0o755)  # the servers' user must step through it, whatever the umask
    with (LOCAL / f"{name}.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note("Waiting for another make in this checkout ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
