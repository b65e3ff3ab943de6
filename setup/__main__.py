"""``python3 -m setup <target>``: what ``make`` calls.

This file is read by whatever Python is there, so that one too old gets a sentence.
"""

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(
        "Odoo 19 and this addon want Python 3.11, 3.12 or 3.13, and this is %d.%d: "
        "install one and run make ... PYTHON=/path/to/python3.12" % sys.version_info[:2]
    )

import signal  # noqa: E402

from . import say, targets  # noqa: E402


def main(argv: list[str]) -> int:
    if len(argv) != 1 or argv[0] not in targets.ALL:
        say.fail(f"Say one of: {', '.join(targets.ALL)}.")
        return 2
    # `kill` ends a target as Ctrl-C does: what it started is stopped
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return targets.ALL[argv[0]]()
    except say.Stop as reason:
        say.fail(str(reason))
        return 1
    except KeyboardInterrupt:
        say.fail(f"Interrupted: 'make {argv[0]}' goes on where it was.")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
