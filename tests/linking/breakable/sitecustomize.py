# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""An Odoo server that a test can break while it runs: Python imports this first.

The file named by ``BREAKABLE`` says what: a list of changes (``tests/broken.py``), as
JSON. Once they are made, the same stands in the file with ``.made`` behind its name.
"""

import importlib.util
import json
import os
import sys
import threading
import time
import traceback
from contextlib import ExitStack
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]


def _load(name: str, path: Path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _follow(change: type, wanted: Path, made: Path) -> None:
    done, changes = "", ExitStack()
    while True:
        time.sleep(0.02)
        said = wanted.read_text(encoding="utf-8") if wanted.exists() else done
        if said == done:
            continue
        changes.close()
        done = said
        try:
            for each in json.loads(said):
                changes.enter_context(change(*each).made())
        except Exception:
            said = traceback.format_exc()
        made.write_text(said, encoding="utf-8")


# every other server under test has this one
_load("loopback_sitecustomize", TESTS / "loopback/sitecustomize.py")
if os.environ.get("BREAKABLE"):
    place = Path(os.environ["BREAKABLE"])
    # here: a thread that imports beside the server may be given half a module
    change = _load("broken", TESTS / "broken.py").Change
    follow = (change, place, place.with_name(f"{place.name}.made"))
    threading.Thread(target=_follow, args=follow, daemon=True).start()
