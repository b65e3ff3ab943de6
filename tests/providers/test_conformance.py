# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Do all providers have to pass the same tests?

To see the list of one of them::

    make test PYTEST_ARGS="--collect-only -q tests/providers/test_gmail.py"
"""

from __future__ import annotations

import pytest

from tests.providers.history import HistoryTests
from tests.providers.provider_tests import ProviderTests
from tests.providers.test_dovecot_condstore import TestDovecotCondstore as _Condstore
from tests.providers.test_dovecot_plain import TestDovecotPlain as _Plain
from tests.providers.test_dovecot_qresync import TestDovecotQresync as _Qresync
from tests.providers.test_gmail import TestGmail as _Gmail
from tests.providers.test_mail_devel import TestMailDevel as _MailDevel
from tests.providers.test_microsoft import TestMicrosoft as _Microsoft

SERVERS = (_Qresync, _Condstore, _Plain, _MailDevel, _Gmail, _Microsoft)

#: What a server has no way to do: all there is of it. (attribute, value, of whom)
EXCEPTIONS = {
    ("can_rename", False): {_MailDevel},
    ("can_remove_while_read", False): {_MailDevel},
    ("has_labels", True): {_Gmail},
    ("tells_marks", True): {_Microsoft},
}


def held_to(kind: type) -> dict[str, object]:
    return {name: getattr(kind, name) for name in dir(kind) if name.startswith("test_")}


@pytest.mark.parametrize("server", SERVERS, ids=lambda kind: kind.__name__)
def test_each_server_has_the_same_tests(server):
    wanted = {**held_to(ProviderTests), **held_to(HistoryTests)}

    own = held_to(server)

    assert len(wanted) > 50
    assert wanted.items() <= own.items()  # none left out, none overridden
    assert not hasattr(server, "pytestmark")  # nor skipped as a whole


def test_exceptions_are_few_and_known():
    found = {}
    for base in (ProviderTests, HistoryTests):
        for name, usual in vars(base).items():
            if isinstance(usual, bool):
                for server in SERVERS:
                    if (value := getattr(server, name)) != usual:
                        found.setdefault((name, value), set()).add(server)

    assert found == EXCEPTIONS
