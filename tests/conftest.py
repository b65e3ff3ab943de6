"""What tests may ask for: PostgreSQL, Odoo in this process or its own, a browser.

=================  =============================================================
``postgres``       the server (``setup.database.Server``), for the whole run
``odoo_database``  name of a fresh database with the addon installed; dropped after
``odoo_registry``  its registry in this process, real cursors, real commits
``odoo_env``       an environment of the superuser on it
``odoo_server``    starts a server process on a database
``page``           opens a page in Chromium
=================  =============================================================

``@pytest.mark.odoo_modules("crm_mail_mirror_hr")`` has other addons of ours installed.
Nothing here is imported before it is asked for: tests of the engine need no Odoo.
"""

import os
import secrets
import sys
from collections.abc import Callable, Iterator

import hypothesis
import pytest

from setup import browser as chromium
from setup import database, odoo, template
from tests.loopback import guard
from tests.odoo_server import OdooServer

os.environ.setdefault("CRM_MAIL_MIRROR_KEY", secrets.token_urlsafe(32))

# how long an example takes says how busy the machine is, nothing about the code
hypothesis.settings.register_profile(
    "here",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("here")

#: Beginnings of paths, in the order in which workers take the files. First what has
#: few, long tests, so that no worker has it left when the others are done; last what
#: takes a moment each.
FIRST = (
    *("tests/sync/test_hosts", "tests/chaos", "tests/sync/machine", "tests/demo"),
    *("tests/sync/test_sync_bare", "tests/browser", "tests/sync", "tests/fuzz"),
    *("tests/visibility", "tests/linking", "tests/test_", "tests/providers"),
)

_beyond: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "odoo_modules(*names): addons to install into odoo_database"
    )
    config.add_cleanup(guard.install(_beyond.append))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the order of ``FIRST``; a file's tests stay together, in their own order."""

    def place(item: pytest.Item) -> int:
        found = (i for i, path in enumerate(FIRST) if item.nodeid.startswith(path))
        return next(found, len(FIRST))

    items.sort(key=place)


@pytest.fixture(autouse=True)
def _only_loopback() -> Iterator[None]:
    """No test connects to anything but this machine, not even one that hides it."""
    _beyond.clear()
    yield
    if _beyond:
        pytest.fail(f"connected beyond loopback: {', '.join(_beyond)}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[database.Server]:
    with database.server() as server:
        yield server


@pytest.fixture
def odoo_database(
    request: pytest.FixtureRequest, postgres: database.Server
) -> Iterator[str]:
    marker = request.node.get_closest_marker("odoo_modules")
    modules = marker.args if marker else (template.ADDON,)
    source = template.ensure(postgres, modules, "browser" in request.fixturenames)
    dbname = f"mirror_test_{secrets.token_hex(4)}"
    template.clone(postgres, source, dbname)
    yield dbname
    template.drop(postgres, dbname)


@pytest.fixture(scope="session")
def _odoo_configured(
    postgres: database.Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Odoo importable and configured in this process, once."""
    conf = template.configuration(postgres, tmp_path_factory.mktemp("odoo") / "conf")
    sys.path.insert(0, str(odoo.root()))
    from odoo.modules.module import initialize_sys_path
    from odoo.tools import config

    config.parse_config(["-c", str(conf)], setup_logging=False)
    initialize_sys_path()
    _keep_connections()


def _keep_connections() -> None:
    """Odoo's pool keeps connections to ``postgres`` as it keeps those to others.

    Notices to other processes go there, several in each test. Odoo connects anew for
    each of them, which costs PostgreSQL and us 24 ms of CPU.
    """
    from odoo.sql_db import ConnectionPool

    give_back = ConnectionPool.give_back

    def kept(pool, connection, keep_in_pool: bool = True) -> None:
        notices = connection.info.dbname == "postgres"
        give_back(pool, connection, keep_in_pool or notices)

    ConnectionPool.give_back = kept


@pytest.fixture
def odoo_registry(odoo_database: str, _odoo_configured: None) -> Iterator:
    """``odoo.modules.registry.Registry``; ``registry.cursor()`` gives real cursors."""
    from odoo.modules.registry import Registry
    from odoo.sql_db import close_db

    yield Registry(odoo_database)
    Registry.delete(odoo_database)
    close_db(odoo_database)


@pytest.fixture
def odoo_env(odoo_registry) -> Iterator:
    """``odoo.api.Environment`` of the superuser; what is done is committed at the end.

    A commit in between is ``odoo_env.cr.commit()``.
    """
    from odoo.api import SUPERUSER_ID, Environment

    with odoo_registry.cursor() as cr:
        yield Environment(cr, SUPERUSER_ID, {})


@pytest.fixture
def odoo_server(
    postgres: database.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., OdooServer]]:
    """``odoo_server(dbname, env={...}, workers=0, max_cron_threads=0, ...)``

    starts a server and waits until it answers; see ``OdooServer``. All further
    arguments are options of ``odoo.conf``. It is stopped after the test.
    """
    servers: list[OdooServer] = []

    def start(dbname: str, env: dict[str, str] | None = None, **options: object):
        folder = tmp_path_factory.mktemp("server")
        servers.append(OdooServer(postgres, dbname, folder, env, **options))
        return servers[-1].start()

    yield start
    for server in servers:
        server.stop()
        _beyond.extend(server.attempts())


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Chromium, driven by Playwright (``playwright.sync_api.Browser``).

    Not for the whole run: while Playwright is open, ``asyncio.run`` fails.
    """
    program = chromium.find()
    if program is None:
        pytest.skip("no Chromium: name one with CHROME=/path/to/chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox",  # else it refuses root
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-quic",
                "--disable-sync",
                "--no-first-run",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, "
                "EXCLUDE localhost",
            ],
        )
        yield started
        started.close()


@pytest.fixture
def page(browser) -> Iterator[Callable]:
    """``page(url=None, width=1280, height=800, locale="en-US", color_scheme="light")``

    opens a page in a fresh profile (``playwright.sync_api.Page``). All further
    arguments are those of ``Browser.new_context``.
    """
    contexts = []

    def open_page(
        url: str | None = None,
        width: int = 1280,
        height: int = 800,
        locale: str = "en-US",
        color_scheme: str = "light",
        **options: object,
    ):
        context = browser.new_context(
            base_url=url,
            viewport={"width": width, "height": height},
            locale=locale,
            color_scheme=color_scheme,
            **options,
        )
        contexts.append(context)
        opened = context.new_page()
        if url:
            opened.goto(url)
        return opened

    yield open_page
    for context in contexts:
        context.close()
