# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""imapclient's insides are used, and it changes them: do other releases work as well?

``IMAPCLIENTS=/some/where:/else/where`` names folders with other releases, made by
``pip install --no-deps --target /some/where imapclient==3.0.1``.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

OTHERS = [path for path in os.environ.get("IMAPCLIENTS", "").split(os.pathsep) if path]


@pytest.mark.skipif(not OTHERS, reason="IMAPCLIENTS names no other releases")
@pytest.mark.parametrize("path", OTHERS)
def test_other_release_of_imapclient(path):
    here = Path(__file__).parent
    paths = [path, os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x", "--no-header"),
            *("-k", "not costs_two_percent and not forty_megabytes"),
            str(here / "test_dovecot_qresync.py"),
            str(here / "test_imap_dovecot.py"),
            str(here / "test_imap_bad_input.py"),
        ],
        env={
            **os.environ,
            "IMAPCLIENTS": "",
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "MAIL_MIRROR_SEEDS": "1",
        },
        cwd=here.parents[1],
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
