"""The virtual environment: which Python packages, from where, made when?"""

import os
import platform
import shutil
import sys
from pathlib import Path

from .done import Stamp, fingerprint
from .say import LOCAL, run, step

HERE = Path(__file__).resolve().parent
FOLDER = LOCAL / "venv"
PYTHON = FOLDER / "bin/python"
REQUIREMENTS = [
    HERE / "odoo-requirements.txt",
    HERE.parent / "requirements.txt",
    HERE.parent / "test-requirements.txt",
]

_stamp = Stamp("venv")


def ensure() -> None:
    """Install the requirements, with the machine's own settings of pip.

    :raises Stop: pip failed, most often for want of a network.
    """
    made_from = fingerprint(sys.version, str(FOLDER), *REQUIREMENTS)
    if _stamp.read() == made_from and PYTHON.exists():
        return
    with step("Installing Python packages to .local/venv"):
        if _stamp.read() is None or not _of_this_python():
            # an interrupted pip may leave half a package that looks installed
            shutil.rmtree(FOLDER, ignore_errors=True)
        _stamp.remove()
        run(
            [sys.executable, "-m", "venv", FOLDER],
            "venv",
            "Python could not make a virtual environment: install python3-venv.",
        )
        scratch = LOCAL / "cache/pip-tmp"  # a killed pip leaves 500 MB there
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        requirements = [part for path in REQUIREMENTS for part in ("-r", path)]
        run(
            [PYTHON, "-m", "pip", "install", "--prefer-binary", *requirements],
            "pip",
            "Python packages could not be installed: check the network and "
            "'pip config list'.",
            env={
                "PIP_RETRIES": "2",
                **os.environ,
                "PIP_CACHE_DIR": str(LOCAL / "cache/pip"),
                "TMPDIR": str(scratch),
            },
        )
    _stamp.write(made_from)


def _of_this_python() -> bool:
    try:
        made = (FOLDER / "pyvenv.cfg").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return f"version = {platform.python_version()}\n" in made
