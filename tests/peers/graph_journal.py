# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How do mailboxes outlive their server? Every change is appended to a file."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from pathlib import Path


class Journal:
    """:param path: of the file; it is made"""

    def __init__(self, path: Path):
        self.path = path
        self._lock = threading.Lock()
        self._file = None

    def replay(self) -> Iterator[tuple]:
        """All records; what was cut off by a crash is dropped."""
        end = 0
        if self.path.exists():
            with self.path.open("rb") as stream:
                while True:
                    try:
                        record = pickle.load(stream)
                    except (EOFError, pickle.UnpicklingError):
                        break
                    end = stream.tell()
                    yield record
        self._file = self.path.open("ab")
        self._file.truncate(end)

    def write(self, *record) -> None:
        with self._lock:
            self._file.write(pickle.dumps(record))
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
