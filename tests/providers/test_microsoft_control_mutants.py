# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""As ``test_control_mutants.py``, of what is Microsoft's alone."""

from __future__ import annotations

import pytest
from engine.providers.base import ProviderError

from tests.broken import Change, must_notice, mutant
from tests.providers import test_microsoft_bad_input as bad
from tests.providers import test_microsoft_consent as consent
from tests.providers.test_microsoft_bad_input import (  # noqa: F401
    graph,
    mailbox,
    server,
    store,
)
from tests.providers.test_microsoft_consent import (  # noqa: F401
    entra,
    peer,
    settings,
)

PROVIDERS = "engine.providers."
EVIL = '{"value": [], "@odata.deltaLink": "https://evil.example/v1.0/me"}'


def one_nonce_for_all(patch, _request):
    """MSAL compares them: here those of two beginnings are the same."""
    patch.setattr("msal.oauth2cli.oidc._nonce_hash", lambda _nonce: "n" * 64)


ROWS = [
    mutant("OAuth: the state that was begun with",
           Change(f"{PROVIDERS}microsoft_consent:finish",
                  "not state or not hmac.compare_digest"
                  "(state.encode(), given.encode())", "False"),
           test=consent.test_answer_to_another_beginning_is_refused_unasked,
           state="another"),
    mutant("OAuth: the nonce", one_nonce_for_all,
           test=consent.test_nonce_of_another_beginning_is_refused),
    mutant("links lead to the same host",
           Change(f"{PROVIDERS}microsoft_graph:Graph.relative",
                  'not link.startswith(self._root + "/")', "False"),
           test=bad.test_page_that_is_none_moves_no_cursor, body=EVIL),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.control)
def test_control_that_is_gone_is_noticed(row, request):
    must_notice(row, request, ProviderError)
