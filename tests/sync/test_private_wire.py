# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What really goes over the wire? No text of a mail that is kept out, ever."""

import re
from collections import Counter

import pytest

from tests.peers.tap import Tap
from tests.sync.private import Planted, decoded, found_in


@pytest.fixture
def planted(mirror):
    made = Planted(mirror)
    yield made
    made.remove_rules()


@pytest.fixture
def in_clear(monkeypatch):
    """Answers over HTTP come as they are, so that they can be read on their way."""
    import requests

    real = requests.Session.request

    def request(self, method, url, **named):
        named["headers"] = {**(named.get("headers") or {}), "accept-encoding": None}
        self.headers.pop("Accept-Encoding", None)
        return real(self, method, url, **named)

    monkeypatch.setattr(requests.Session, "request", request)


@pytest.fixture(params=["imap", "gmail", "microsoft"])
def tapped(request, mirror, in_clear):
    """A mailbox, its owner's program, the tap between it and the mirror, and the
    reasons that its provider cannot tell."""
    if request.param == "imap":
        dovecot, post = map(request.getfixturevalue, ("dovecot", "post"))
        with Tap(dovecot.port) as tap:
            box, owner = post(imap_port=tap.port, imap_security="none")
            yield box, owner, tap, ()
        return
    name = {"gmail": "at_google", "microsoft": "at_microsoft"}[request.param]
    at = request.getfixturevalue(name)
    box, owner = at.link()
    server = at.authority if request.param == "gmail" else at.graph
    with Tap(int(server.url.rpartition(":")[2])) as tap:
        url = re.sub(r":\d+$", f":{tap.port}", server.url)
        setting = "gmail_endpoint" if request.param == "gmail" else "graph_endpoint"
        request.getfixturevalue("monkeypatch").setenv(
            f"CRM_MAIL_MIRROR_{setting.upper()}", url
        )
        # Graph does not say how long a text is
        yield box, owner, tap, ("no_content",) if at.kind == "microsoft" else ()


def test_no_text_of_mail_that_is_kept_out_is_ever_asked_for(mirror, planted, tapped):
    """One mail for each reason; and again when rules, contacts and questions come."""
    box, owner, tap, unknown = tapped
    planted.plant(box, owner, unknown)
    letters = planted.letters[box.email]
    tap.forget()

    for _ in range(3):
        mirror.sync(box)
        assert not mirror.mailbox(box, "last_error")
    mirror.look_again()
    with mirror.env(box.user_id) as env:
        why = env["crm.mail.mirror.why"].create({"pasted": "perso"})
        why.action_ask()
        assert "private" in why.line_ids[0].verdict
    with mirror.env() as env:
        mailbox = env["crm.mail.mirror.mailbox"].browse(box.id)
        env["crm.mail.mirror.audit"]._ask(mailbox, "all", "owner")
    for _ in range(3):
        mirror.sync(box)

    mirrored = [each for each in letters if each.reason == "contact"]
    others = [each for each in letters if each.reason != "contact"]
    heard = decoded(bytes(tap.heard))
    for each in mirrored:  # as plain text or as HTML, whatever the mailbox gives
        assert found_in(heard, each.inside[:2]), "the tap hears nothing"
    assert found_in(heard, [w for each in others for w in each.inside]) == []
    files = [each.inside[2] for each in mirrored]
    assert found_in(heard, files) == [], "what is in a file"
    reasons = Counter(reason for _state, reason in mirror.states(box).elements())
    expected = Counter(each.reason for each in letters)
    for unseen in ("folder", "too_old", "no_contact"):
        expected.pop(unseen)
        reasons.pop(unseen, 0)
    assert reasons == expected
