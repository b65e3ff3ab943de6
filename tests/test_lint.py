"""Does `make lint` say no to a weakness and to a secret, and leave nothing out?"""

import json
import random
import string
import subprocess

import pytest

from setup import lint, targets
from setup.lint import judge
from tests.broken import Change, must_notice, mutant

WEAK = {"id": "PYSEC-1", "fix_versions": ["2.0"], "aliases": [], "description": ""}


def told(*packages):
    return json.dumps({"dependencies": packages, "fixes": []})


def test_known_weakness_fails_and_is_named(capsys):
    sound = {"name": "sound", "version": "1.0", "vulns": []}
    weak = {"name": "weak", "version": "1.0", "vulns": [WEAK]}

    assert judge(told(sound))
    assert not judge(told(sound, weak))
    assert "weak 1.0: PYSEC-1, mended in: 2.0" in capsys.readouterr().out


def test_service_that_cannot_be_asked_is_told_and_fails_nothing(capsys):
    skipped = {"name": "odd", "skip_reason": "not found on PyPI"}

    for answer in (told(skipped, skipped), "", "ERROR: no connection"):
        assert judge(answer)
        assert "cannot be reached" in capsys.readouterr().out


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """``checkout(name, text)``: a file of the only checkout that lint knows."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    monkeypatch.setattr(lint, "CHECKOUT", tmp_path)

    def write(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    return write


def made_up(length: int) -> str:
    """Letters of chance: a whole token here would be found by lint itself."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=length))


@pytest.mark.parametrize("name", ["addons/settings.py", "tests/test_it.py", "notes.md"])
def test_planted_token_is_found_wherever_it_lies(checkout, capfd, name):
    checkout("addons/harmless.py", 'TITLE = "Nothing that opens anything"\n')
    assert lint.secrets()

    checkout(name, f'client = connect("ghp_{made_up(36)}")\n')

    assert not lint.secrets()
    said = "".join(capfd.readouterr())
    assert f"{name}:1: looks like a secret (GitHub Token)" in said


def test_planted_password_is_found_outside_of_tests(checkout):
    checkout("setup/settings.py", f'db_password = "{made_up(20)}"\n')

    assert not lint.secrets()


def test_without_odoos_own_checks_lint_does_not_pass(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("ODOO_PATH", str(tmp_path))

    assert not lint._odoo([])
    assert "Odoo's own checks could not be run" in "".join(capfd.readouterr())


def test_lint_brings_odoo_as_test_does(monkeypatch):
    brought = []
    monkeypatch.setattr(targets.packages, "ensure", lambda _target: None)
    monkeypatch.setattr(targets.venv, "ensure", lambda: None)
    monkeypatch.setattr(targets.odoo, "ensure", lambda: brought.append("odoo"))

    targets.ready("lint")

    assert brought == ["odoo"]


ROWS = [
    mutant("known weaknesses",
           Change("setup.lint:judge",
                  'not any(one["vulns"] for one in asked)', "True"),
           test=test_known_weakness_fails_and_is_named),
    mutant("secrets in the repository",
           Change("setup.lint:_check", "done.returncode == 0", "True"),
           test=test_planted_token_is_found_wherever_it_lies, name="notes.md"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.control)
def test_control_that_is_gone_is_noticed(row, request):
    must_notice(row, request)
