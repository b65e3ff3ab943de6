"""docker-compose.yml, as far as it can be checked without a Docker engine."""

import configparser
import json
import os
import subprocess
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from setup import odoo, venv

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def compose() -> dict:
    return YAML(typ="safe").load(CHECKOUT / "docker-compose.yml")


def test_obeys_the_compose_specification(compose):
    schemas = resources.files("check_jsonschema") / "builtin_schemas/vendor"
    schema = json.loads((schemas / "compose-spec.json").read_text("utf-8"))

    jsonschema.validate(compose, schema)


def test_images_are_the_official_ones(compose):
    dockerfile = (CHECKOUT / "docker/Dockerfile").read_text("utf-8")

    assert compose["services"]["db"]["image"] == "postgres:16"
    assert "FROM odoo:19.0\n" in dockerfile
    assert "COPY requirements.txt " in dockerfile


def test_a_service_that_stays_up_tells_its_health(compose):
    for name, service in compose["services"].items():
        if service["restart"] != "no":
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_without_the_key_compose_stops_with_a_sentence(compose):
    for name in ("web", "cron", "install"):
        key = compose["services"][name]["environment"]["CRM_MAIL_MIRROR_KEY"]
        assert key.startswith("${CRM_MAIL_MIRROR_KEY:?"), name


def test_data_of_odoo_and_of_postgresql_have_a_volume_each(compose):
    def volumes(service: str) -> set[str]:
        mounts = compose["services"][service]["volumes"]
        return {mount.partition(":")[0] for mount in mounts} & set(compose["volumes"])

    assert volumes("db") == {"db-data"}
    assert volumes("web") == volumes("cron") == {"odoo-data"}


def test_what_is_mounted_is_there(compose):
    for service in compose["services"].values():
        for mount in service["volumes"]:
            source = mount.partition(":")[0]
            if source.startswith("."):
                assert (CHECKOUT / source).exists(), mount


def test_only_this_machine_reaches_odoo(compose):
    published = [
        port for s in compose["services"].values() for port in s.get("ports", [])
    ]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_odoo_knows_each_option_of_its_configuration():
    path = CHECKOUT / "docker/odoo.conf"
    parser = configparser.ConfigParser()
    parser.read(path)
    program = (
        "import json, sys; from odoo.tools import config;"
        "config.parse_config(['-c', sys.argv[1]], setup_logging=False);"
        "print(json.dumps(sorted(config.options)))"
    )

    done = subprocess.run(
        [venv.PYTHON, "-c", program, path],
        env={**os.environ, "PYTHONPATH": str(odoo.root())},
        capture_output=True,
        text=True,
        check=True,
    )

    assert set(parser["options"]) <= set(json.loads(done.stdout))
    assert "unknown" not in done.stderr


def test_odoo_knows_each_argument_of_its_command(compose):
    for name in ("install", "cron"):
        command = compose["services"][name]["command"]
        assert command[0] == "odoo"
        done = subprocess.run(
            [venv.PYTHON, "-m", "odoo", *command[1:], "--version"],
            env={**os.environ, "PYTHONPATH": str(odoo.root())},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_the_health_of_cron_is_asked_in_valid_python(compose):
    test = compose["services"]["cron"]["healthcheck"]["test"]

    compile(test[3], "healthcheck", "exec")
