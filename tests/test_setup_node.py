"""The set-up of Node's packages: repeated, interrupted, refused, it says what to do."""

import pytest

from setup import node
from setup.done import Stamp
from setup.say import Stop


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A place where nothing is installed yet."""
    monkeypatch.setattr(node, "FOLDER", tmp_path / "node")
    stamp = Stamp("node")
    stamp.path = tmp_path / "stamp"
    monkeypatch.setattr(node, "_stamp", stamp)
    return tmp_path


def test_a_dead_registry_is_one_sentence_and_tried_again(elsewhere, monkeypatch):
    monkeypatch.setenv("npm_config_cache", str(elsewhere / "cache"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")

    for _ in range(2):
        with pytest.raises(Stop, match="check the network and 'npm config list'"):
            node.ensure()


def test_what_is_installed_costs_nothing(monkeypatch):
    monkeypatch.setattr(node, "run", lambda *_, **__: pytest.fail("npm was run"))

    node.ensure()
