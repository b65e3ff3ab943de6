# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""``docs/security.md`` names a test for each control: is each of them there?"""

import re
from pathlib import Path

PAGE = Path("docs/security.md")
#: A file below tests/ (or in the folder named before it), a test, or both.
_NAMED = re.compile(r"`(?:([\w/]*test_\w+\.py))?(?:::(test_\w+|…))?`")
#: Odoo's runner has these.
_ODOOS = Path("addons/crm_mail_mirror/tests")


def named(line: str):
    """``(files, test)`` of a line, in which a folder and a file hold until another.

    Without a folder it is any file of that name.
    """
    folder, files = "", []
    for path, test in _NAMED.findall(line):
        if path:
            folder, name = path.rpartition("/")[0] or folder, Path(path).name
            files = [Path("tests", folder, name)]
            if not files[0].exists():
                files = [*Path("tests").rglob(name), *_ODOOS.glob(name)] or files
        if files:
            yield files, test.strip("…")


def test_each_test_that_is_named_is_there():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    found = [each for line in lines for each in named(line)]

    lost = [
        f"{files[0]}::{test}"
        for files, test in found
        if not any(f"def {test}" in file.read_text(encoding="utf-8") for file in files)
    ]

    assert len(found) > 90
    assert lost == []
