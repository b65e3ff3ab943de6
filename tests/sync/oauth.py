# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Mailboxes at Google and Microsoft, linked as their owners do: over the sign-in page.

Both have the same handles, so that the same tests are run on both.
"""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

QUOTA = "odoo.addons.crm_mail_mirror.engine.providers.gmail_quota"
#: So much that nobody waits for it.
PLENTY = 10_000_000


class Linked:
    """What both have in common.

    :param directory: where the certificates to trust are put together
    """

    kind = ""

    def __init__(self, mirror, authority, patch, directory: Path):
        self.mirror, self.authority = mirror, authority
        self._patch, self._directory = patch, directory
        self._opened = contextlib.ExitStack()
        with mirror.env() as env:
            uri = env["crm.mail.mirror.client"]._redirect_uri(self.kind)
        authority.add_redirect(uri)
        self.configure()
        self.register()

    def close(self) -> None:
        self._opened.close()

    @staticmethod
    def time_passes() -> None:
        """So much of it that what this process has to wait for at Google is over."""
        importlib.import_module(QUOTA)._buckets.clear()

    def configure(self, **settings: str) -> None:
        """Settings of the server: where the provider is."""
        for name, value in settings.items():
            self._patch.setenv(f"CRM_MAIL_MIRROR_{name.upper()}", value)

    def trust(self, *files: str) -> None:
        together = self._directory / "authorities.pem"
        together.write_text("".join(Path(each).read_text() for each in files if each))
        self.configure(ca_file=str(together))

    def register(self, secret: str = "") -> None:
        """The administrator's settings: this Odoo's client."""
        with self.mirror.env() as env:
            clients = env["crm.mail.mirror.client"]
            client = clients._of(self.kind) or clients.create({"provider": self.kind})
            client.write({"enabled": True, "client_id": self.authority.client_id})
            client._set_secret(clients._encrypt(secret or self.authority.client_secret))

    def link(self, name="anna", start=True, **values):
        """A mailbox whose owner has just connected it.

        :param start: and had a look at what would be mirrored
        :return: ``Box``, and its owner's own program
        """
        mirror = self.mirror
        user_id = mirror.user(name)
        email = f"{name}@{mirror.house}"
        self.authority.add_user(email)
        owner = self._opened.enter_context(self.owner(email))
        with mirror.env(user_id) as env:
            mailbox = env["crm.mail.mirror.mailbox"].create(
                {"email": email, "provider": self.kind, "sync_from": False, **values}
            )
            box = mirror.box(mailbox)
        self.consent(box, start)
        assert mirror.mailbox(box, "state") == ("active" if start else "ready")
        return box, owner

    def consent(self, box, start=True) -> None:
        """The owner goes to the sign-in page and comes back.

        :param start: and starts the mirror, if that was never done
        """
        with self.mirror.env(box.user_id) as env:
            mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
            _state, beginning = mailbox._begin_consent()
            answer = self.authority.answer(beginning.url, box.email)
            mailbox._finish_consent(beginning.flow, answer)
            if start and mailbox.state == "ready":
                mailbox.action_start()

    def revoke(self, box) -> None:
        """The owner withdraws the consent at the provider."""
        self.authority.revoke(box.email)

    def expire_access(self, box) -> None:
        """The access token is refused; it is time for another."""
        self.authority.expire_tokens(box.email)

    @staticmethod
    def tokens(secret: str) -> list[str]:
        """All that opens the mailbox, as it stands in the secret."""
        found = re.findall(
            r'"(?:refresh_token|access_token|secret)": *"([^"]+)"', secret
        )
        assert len(found) >= 2
        return found

    def owner(self, email: str) -> contextlib.AbstractContextManager:
        raise NotImplementedError

    def forget(self, box) -> None:
        """The provider no longer knows the cursor."""
        raise NotImplementedError

    def requests(self) -> list[str]:
        """For mail, in order."""
        raise NotImplementedError

    def fail(self, status: int, times: int = 1, retry_after: int | None = None) -> None:
        """The next requests for mail fail."""
        raise NotImplementedError


class AtGoogle(Linked):
    kind = "gmail"

    def configure(self, **settings: str) -> None:
        google = self.authority
        super().configure(
            gmail_endpoint=google.url,
            google_auth_uri=f"{google.url}/o/oauth2/v2/auth",
            google_token_uri=f"{google.url}/oauth2/token",
            google_revoke_uri=f"{google.url}/oauth2/revoke",
            gmail_units_per_minute=str(PLENTY),
            **settings,
        )

    def pace(self, units_per_minute: int) -> None:
        """Google gives so much quota, and the server's settings say so."""
        self.authority.limit(units_per_minute)
        self.configure()
        Linked.configure(self, gmail_units_per_minute=str(units_per_minute))

    def owner(self, email):
        return self.authority.user(email)

    def forget(self, box):
        self.authority.expire_history()

    def requests(self):
        return [r for r in self.authority.requests() if "/gmail/v1/" in r]

    def clear(self):
        self.authority.clear_requests()
        self.authority.clear_faults()
        self.authority.limit(None)

    def fail(self, status, times=1, retry_after=None):
        reason = {429: "rateLimitExceeded", 403: "userRateLimitExceeded"}.get(
            status, ""
        )
        self.authority.fault(
            "/gmail/v1/", status, reason, times=times, retry_after=retry_after
        )


class AtMicrosoft(Linked):
    kind = "microsoft"

    def __init__(self, mirror, entra, graph, patch, directory):
        self.graph = graph
        super().__init__(mirror, entra, patch, directory)

    def configure(self, **settings: str) -> None:
        super().configure(
            microsoft_authority_host=self.authority.url,
            graph_endpoint=self.graph.url,
            ca_file=self.authority.ca_file,
            **settings,
        )

    def owner(self, email):
        return self.graph.user(email)

    def forget(self, box):
        self.graph.expire_tokens(box.email)

    def requests(self):
        return self.graph.requests(inner=False)

    def clear(self):
        self.graph.clear_requests()
        self.graph.clear_faults()
        self.authority.clear_requests()
        self.authority.clear_faults()

    def fail(self, status, times=1, retry_after=None):
        self.graph.fault("/v1.0/me", status, "ApplicationThrottled", times, retry_after)


@contextlib.contextmanager
def at_google(mirror, google, patch, directory) -> Iterator[AtGoogle]:
    linked = AtGoogle(mirror, google, patch, directory)
    linked.clear()
    yield linked
    linked.clear()
    linked.close()


@contextlib.contextmanager
def at_microsoft(mirror, entra, graph, patch, directory) -> Iterator[AtMicrosoft]:
    linked = AtMicrosoft(mirror, entra, graph, patch, directory)
    linked.clear()
    yield linked
    linked.clear()
    linked.close()
