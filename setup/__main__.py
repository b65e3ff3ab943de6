"""``python3 -m setup <target>``: what ``make`` calls.

Any Python reads this file, so that one too old answers with a sentence.
"""

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(
        "Odoo 19 and this addon want Python 3.11, 3.12 or 3.13, and this is %d.%d: "
        "install one and run make ... PYTHON=/path/to/python3.12" % sys.version_info[:2]
    )

from .targets import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
