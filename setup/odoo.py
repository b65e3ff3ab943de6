"""Where is Odoo 19, and how did it get there?

Debian's package ``odoo-19`` is the real Odoo. It is fetched by apt, which checks its
signature, with a sources list and state of the project's own: the machine's sources
stay as they are. Unpacking needs no root.
"""

import os
import re
import shutil
from pathlib import Path

from .done import Stamp
from .packages import KEYRING
from .say import LOCAL, Stop, run, step

UNPACKED = LOCAL / "odoo"
ADVICE = "or name another Odoo 19 checkout: make ... ODOO_PATH=/path/to/odoo"
# odoo-19 holds links into these: fonts and scripts that Debian keeps once for all
PACKAGES = """
    odoo-19 fonts-font-awesome-legacy fonts-montserrat fonts-roboto-unhinted
    libjs-jquery libjs-jquery-form libjs-underscore
""".split()
# Of 850 MB of translations these are unpacked, with their regional variants
LANGUAGES = ("ar", "de", "es", "fr", "ja", "nl", "zh")
# Loaded by a bundle, not free enough for Debian; its absence logs an error in the
# browser, and any such error fails a tour.
ABSENT = "odoo/addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js"

_stamp = Stamp("odoo")


def root() -> Path:
    """The folder to put on PYTHONPATH: it holds the Python package ``odoo``."""
    named = os.environ.get("ODOO_PATH")
    if named:
        return Path(named).resolve()
    return UNPACKED / "usr/lib/python3/dist-packages"


def addons_path() -> list[Path]:
    """The folders of addons, ours last; those of the package itself go unsaid."""
    ours = LOCAL.parent / "addons"
    return [folder for folder in (root() / "addons", ours) if folder.is_dir()]


def version() -> str:
    """For example ``19.0.0+dfsg-1``: what a prepared database was made with."""
    if os.environ.get("ODOO_PATH"):
        return f"{root()} {(root() / 'odoo/release.py').stat().st_mtime_ns}"
    return _stamp.read() or ""


def ensure() -> None:
    """Unpack Odoo unless it is there.

    :raises Stop: no network, sid has moved on, or ODOO_PATH is no Odoo 19.
    """
    if os.environ.get("ODOO_PATH"):
        return _check(root())
    if _stamp.read():
        return
    with step("Fetching Odoo 19 from Debian sid (125 MB)"):
        archives = _download()
    with step("Unpacking it to .local/odoo"):
        _unpack(archives)
    release = run(
        ["dpkg-deb", "-f", archives["odoo-19"], "Version"], "odoo-version", ADVICE
    )
    _stamp.write(release.strip())
    shutil.rmtree(LOCAL / "apt")


def _check(place: Path) -> None:
    release = place / "odoo/release.py"
    text = release.read_text(encoding="utf-8") if release.exists() else ""
    if not re.search(r"^version_info = \(19, 0", text, re.MULTILINE):
        raise Stop(f"ODOO_PATH={place} is no checkout of Odoo 19.0: mend or unset it.")


def _download() -> dict[str, Path]:
    """Fetch the packages; return their files by name."""
    apt = LOCAL / "apt"
    for folder in ("lists/partial", "cache/archives/partial", "debs"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(
        f"deb [signed-by={KEYRING}] http://deb.debian.org/debian sid main\n",
        encoding="utf-8",
    )
    (apt / "apt.conf").write_text(
        f"""\
Dir::Etc::SourceList "{apt}/sources.list";
Dir::Etc::SourceParts "-";
Dir::State "{apt}";
Dir::State::Lists "{apt}/lists";
Dir::State::Status "{apt}/status";
Dir::Cache "{apt}/cache";
Acquire::Languages "none";
// apt's own user cannot write here when the checkout belongs to root
APT::Sandbox::User "root";
""",
        encoding="utf-8",
    )
    get = ["apt-get", "-c", apt / "apt.conf"]
    run(
        [*get, "update", "--error-on=any"],
        "odoo-update",
        f"Debian's archive could not be reached: check the network, {ADVICE}.",
    )
    try:
        run(
            [*get, "download", *PACKAGES],
            "odoo-download",
            f"Odoo could not be downloaded: check the network, {ADVICE}.",
            cwd=apt / "debs",
        )
    except Stop:
        said = (LOCAL / "log/odoo-download.log").read_text(encoding="utf-8")
        if "Unable to locate package odoo-19" in said:
            raise Stop(f"Debian sid has no odoo-19 any more: {ADVICE}.") from None
        raise
    return {name: next((apt / "debs").glob(f"{name}_*.deb")) for name in PACKAGES}


def _unpack(archives: dict[str, Path]) -> None:
    unfinished = UNPACKED.with_name("odoo.new")
    for folder in (unfinished, UNPACKED):
        shutil.rmtree(folder, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for archive in archives.values():
        run(
            ["sh", "-c", _PIPE, "unpack", archive, unfinished, *_excluded()],
            "odoo-unpack",
            "Odoo could not be unpacked: is the disk full? It needs 500 MB.",
        )
    _mend_links(unfinished)
    absent = unfinished / "usr/lib/python3/dist-packages" / ABSENT
    absent.parent.mkdir(parents=True, exist_ok=True)
    absent.touch()
    unfinished.rename(UNPACKED)


_PIPE = """
set -e; archive=$1; into=$2; shift 2
{ dpkg-deb --fsys-tarfile "$archive" || echo failed > "$into.failed"; } |
    tar -x --no-same-owner -C "$into" "$@"
! rm "$into.failed" 2>/dev/null
"""


def _mend_links(unpacked: Path) -> None:
    """Point links to fonts at where sid's packages have moved them."""
    fonts = {path.name: path for path in unpacked.glob("usr/share/fonts/*/*/*")}
    for folder, _, names in os.walk(unpacked / "usr/lib"):
        for name in fonts.keys() & names:
            link = Path(folder, name)
            if link.is_symlink() and not link.exists():
                link.unlink()
                link.symlink_to(os.path.relpath(fonts[name], folder))


def _excluded() -> list[str]:
    """tar's patterns for all translations but LANGUAGES."""
    seconds: dict[str, str] = {}
    for first, second in LANGUAGES:
        seconds[first] = seconds.get(first, "") + second
    patterns = [f"[!{''.join(seconds)}]*"]
    patterns += [f"{first}[!{those}]*" for first, those in seconds.items()]
    return [f"--exclude=*/i18n/{pattern}.po" for pattern in patterns]
