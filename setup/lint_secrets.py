"""Does a secret lie in the files that are committed?

Run by ``make lint`` in the virtual environment: detect-secrets reads each file for keys
and tokens of well-known services, long random texts, and passwords in URLs. Outside
tests/ it also looks for anything that is assigned to a name like "password"; tests are
full of made-up ones. Nothing is asked over the network.
"""

import subprocess
import sys
from pathlib import Path

from detect_secrets import SecretsCollection
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.settings import transient_settings

KNOWN = Path(__file__).with_name("known-secrets.txt")
#: Pictures, and where letters of chance are no secret: translations hold none.
SKIPPED = (".png", ".svg", ".po", ".pot", ".ico", ".woff2", "package-lock.json")
_FILTERS = (
    "detect_secrets.filters.allowlist.is_line_allowlisted",
    "detect_secrets.filters.heuristic.is_sequential_string",
    "detect_secrets.filters.heuristic.is_potential_uuid",
    "detect_secrets.filters.heuristic.is_templated_secret",
    "detect_secrets.filters.heuristic.is_not_alphanumeric_string",
)


def main() -> int:
    """Print what is found and not known; 1 if there is any."""
    told = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    files = [name for name in told if name and not name.endswith(SKIPPED)]
    files = [name for name in files if Path(name).is_file()]
    tests = [name for name in files if name.startswith("tests/") or "/tests/" in name]
    known = {
        tuple(line.split()[:2])
        for line in KNOWN.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    }
    found = [
        *_scan(sorted(set(files) - set(tests)), ()),
        *_scan(tests, ("KeywordDetector",)),
    ]
    new = [one for one in found if (one.secret_hash, one.filename) not in known]
    for secret in new:
        print(
            f"{secret.filename}:{secret.line_number}: looks like a secret"
            f" ({secret.type}). If it is: make it void where it is valid, it is in"
            f" the history. If not: '{secret.secret_hash} {secret.filename} why'"
            f" into setup/{KNOWN.name}"
        )
    return 1 if new else 0


def _scan(files, without):
    every = get_mapping_from_secret_type_to_class().values()
    names = sorted({one.__name__ for one in every} - set(without))
    settings = {
        "plugins_used": [{"name": name} for name in names],
        "filters_used": [{"path": path} for path in _FILTERS],
    }
    secrets = SecretsCollection()
    with transient_settings(settings):
        secrets.scan_files(*files)
    return [secret for _name, secret in secrets]


if __name__ == "__main__":
    sys.exit(main())
