"""A port that one make chose is left alone by others before anybody listens on it."""

import subprocess
import sys
from pathlib import Path

import pytest

from setup.ports import free_port

CHECKOUT = Path(__file__).resolve().parent.parent
CHOOSE = """
from setup.ports import free_port
ports = [free_port() for _ in range(20)]
print(*ports, flush=True)
input()
"""


def test_port_is_given_once_as_long_as_who_chose_it_lives():
    with subprocess.Popen(
        [sys.executable, "-c", CHOOSE],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        chosen = [int(port) for port in other.stdout.readline().split()]
        assert len(set(chosen)) == 20

        own = free_port()
        assert own not in chosen
        with pytest.raises(OSError):
            free_port([*chosen, own, 99_999])
        other.communicate("\n")

    assert free_port(chosen) in chosen
