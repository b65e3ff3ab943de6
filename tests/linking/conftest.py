# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""One Odoo that signs in at Google and Microsoft on loopback, for all tests here."""

import itertools
import os
import secrets
from collections.abc import Callable, Iterator

import pytest

from setup import template
from tests.linking.clouds import Clouds
from tests.linking.visitor import Visitor
from tests.odoo_server import OdooServer


class Desk:
    """:ivar admin: of Odoo; the registrations at both providers are set up"""

    def __init__(self, server: OdooServer, clouds: Clouds):
        self.server, self.clouds = server, clouds
        self.key = os.environ["CRM_MAIL_MIRROR_KEY"]
        self.admin = Visitor(server, "admin")
        clouds.register(server.url)
        self.register()

    def register(self, **changes) -> None:
        """What the administrator saves in the settings."""
        values = {
            "mirror_google_enabled": True,
            "mirror_google_client_id": self.clouds.google.client_id,
            "mirror_google_secret": self.clouds.google.client_secret,
            "mirror_microsoft_enabled": True,
            "mirror_microsoft_client_id": self.clouds.entra.client_id,
            "mirror_microsoft_secret": self.clouds.entra.client_secret,
            "mirror_microsoft_audience": "common",
            **changes,
        }
        page = self.admin("res.config.settings", "create", values)
        self.admin("res.config.settings", "execute", [page])

    def visitor(self, login: str | None) -> Visitor:
        return Visitor(self.server, login)

    def user(self, login: str) -> None:
        self.admin(
            "res.users",
            "create",
            {"name": login.title(), "login": login, "password": login},
        )


@pytest.fixture(scope="package")
def desk(postgres, tmp_path_factory) -> Iterator[Desk]:
    dbname = f"mirror_test_{secrets.token_hex(4)}"
    template.clone(postgres, template.ensure(postgres), dbname)
    with Clouds() as clouds:
        server = OdooServer(
            postgres,
            dbname,
            tmp_path_factory.mktemp("server"),
            clouds.environment(),
        )
        try:
            yield Desk(server.start(), clouds)
        finally:
            server.stop()
            template.drop(postgres, dbname)
    assert not server.attempts(), "the server connected beyond this machine"


_numbers = itertools.count(1)


@pytest.fixture
def person(desk) -> Callable[..., tuple[Visitor, str]]:
    """``person()``: a new user, signed in, and the address of an account of theirs."""

    def make(domain: str = "ours.example") -> tuple[Visitor, str]:
        login = f"person{next(_numbers)}"
        desk.user(login)
        email = f"{login}@{domain}"
        desk.clouds.add_user(email)
        return desk.visitor(login), email

    return make


@pytest.fixture(params=["gmail", "microsoft"])
def provider(request) -> str:
    return request.param


@pytest.fixture
def peer(desk, provider):
    """Who asks for consent."""
    return desk.clouds.google if provider == "gmail" else desk.clouds.entra
