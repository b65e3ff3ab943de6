"""For each file an Odoo, a mail server, Google, Microsoft and a browser."""

import secrets
from collections.abc import Iterator

import pytest

from setup import template
from tests.browser.axe import Eye
from tests.browser.desk import Desk
from tests.browser.office import Office
from tests.linking.clouds import Clouds
from tests.odoo_server import OdooServer
from tests.peers.dovecot import Dovecot


@pytest.fixture(scope="module")
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
            yield Office(server.start(), dovecot, clouds)
        finally:
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


@pytest.fixture
def eye() -> Iterator:
    """``eye(desk)`` looks at the light screens of a desk that has opened none so far.

    At the end axe may have found nothing serious.
    """
    eyes: list[Eye] = []

    def open_eye(desk: Desk) -> Eye:
        eyes.append(Eye(desk, dark=False))
        return eyes[-1]

    yield open_eye
    assert [found for each in eyes for found in each.found] == []
