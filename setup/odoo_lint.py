"""Do the addons pass Odoo's own checks of style (its module ``test_lint``)?

Run by ``make lint`` once Odoo lies in .local. The checks that need a database run with
Odoo's tests, see ``odoo_tests``. Here are those that read files; they would read all of
Odoo's, so they are told that there are no modules but ours.
"""

import importlib
import os
import subprocess
import sys
import unittest
from unittest.mock import patch

#: Modules of ``odoo.addons.test_lint.tests`` that read files of modules alone.
CHECKS = (
    *("test_dunderinit", "test_i18n", "test_jstranslate", "test_manifests"),
    *("test_onchange_domains", "test_orm_import", "test_test_holes"),
)
#: What Odoo adds to pylint, and what of pylint Odoo asks for.
CHECKERS = ("sql_injection", "gettext", "unlink_override")
MESSAGES = (
    *("used-before-assignment", "undefined-variable", "eval-used", "unreachable"),
    *("function-redefined", "sql-injection", "missing-gettext", "gettext-variable"),
    *("gettext-placeholders", "gettext-repr", "raise-unlink-override"),
)


def main(addons_path: str, names: list[str]) -> int:
    """:param addons_path: as Odoo's option of that name :param names: our modules"""
    from odoo.tools import config

    config.parse_config([f"--addons-path={addons_path}"], setup_logging=False)
    from odoo.modules import Manifest

    ours = [Manifest.for_addon(name) for name in names]
    tests = unittest.TestSuite()
    for name in CHECKS:
        module = importlib.import_module(f"odoo.addons.test_lint.tests.{name}")
        tests.addTests(unittest.defaultTestLoader.loadTestsFromModule(module))
    with patch.object(Manifest, "all_addon_manifests", lambda: ours):
        result = unittest.TextTestRunner(verbosity=0).run(tests)
    if result.skipped:
        print("Odoo's checks were skipped:", result.skipped)
    good = result.wasSuccessful() and result.testsRun > 0 and not result.skipped
    return 0 if _pylint([one.path for one in ours]) and good else 1


def _pylint(paths: list[str]) -> bool:
    tests = importlib.import_module("odoo.addons.test_lint.tests")
    loaded = ["_pylint_path_setup", *(f"_odoo_checker_{name}" for name in CHECKERS)]
    argv = [sys.executable, "-m", "pylint", f"--rcfile={os.devnull}", "--reports=n"]
    # comments in our files speak of pylint-odoo's messages as well
    argv += ["--score=n", "--disable=all,useless-option-value,unknown-option-value"]
    argv += [f"--enable={','.join(MESSAGES)}"]
    argv += [f"--load-plugins={','.join(loaded)}", *paths]
    places = [tests.__path__[0], *filter(None, sys.path)]
    path = os.pathsep.join(places)
    done = subprocess.run(argv, env={**os.environ, "PYTHONPATH": path}, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
