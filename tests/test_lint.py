"""Does `make lint` say no to a known weakness, and yes where nobody can be asked?"""

import json

from setup.lint import judge

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
