"""One Odoo, a mail server, Google, Microsoft and one browser for all tests here."""

import secrets
from collections.abc import Iterator

import pytest

from setup import template
from tests.browser.desk import Desk
from tests.browser.office import Office
from tests.linking.clouds import Clouds
from tests.odoo_server import OdooServer
from tests.peers.dovecot import Dovecot

#: (server, database) of the office while it is open.
_open: list[tuple] = []

#: Who sees mail of everybody sees what other files have made, and is seen to see it.
_LEAVE = """
UPDATE res_users SET mirror_visibility = '0', mirror_manager_id = NULL;
UPDATE crm_mail_mirror_mailbox SET state = 'draft';
DELETE FROM crm_mail_mirror_copy;
"""


@pytest.fixture(scope="module", autouse=True)
def _leave() -> Iterator[None]:
    """What a file made is nobody's mail in the next one."""
    yield
    for postgres, dbname in _open:
        postgres.sql(_LEAVE, dbname)


@pytest.fixture(scope="package")
def office(postgres, tmp_path_factory) -> Iterator[Office]:
    source = template.ensure(postgres, (template.ADDON,), bundles=True)
    dbname = f"mirror_test_{secrets.token_hex(4)}"
    template.clone(postgres, source, dbname)
    with Dovecot({}) as dovecot, Clouds() as clouds:
        server = OdooServer(
            postgres,
            dbname,
            tmp_path_factory.mktemp("server"),
            clouds.environment(dovecot.ca_file),
            max_cron_threads=1,
        )
        try:
            _open.append((postgres, dbname))
            yield Office(server.start(), dovecot, clouds)
        finally:
            _open.clear()
            server.stop()
            template.drop(postgres, dbname)
    assert not server.attempts(), "the server connected beyond this machine"


@pytest.fixture
def desk(office, page) -> Iterator:
    """``desk("anna")`` is Anna's browser; further arguments are those of ``page``.

    At the end no console may have shown an error.
    """
    desks: list[Desk] = []

    def open_desk(login: str, **options) -> Desk:
        session = office.session(login)
        desks.append(Desk(page(**options), office.server.url, session.session_id))
        return desks[-1]

    yield open_desk
    assert [error for desk in desks for error in desk.errors] == []
