"""Is all still there when Google is started again?"""

from tests.peers.google import Google
from tests.peers.google_client import Client

from .letters import kinds, letter

ALICE = "alice@example.com"


def test_a_restart_loses_nothing(tmp_path):
    with Google([ALICE], directory=tmp_path) as google:
        with google.user(ALICE) as alice:
            alice.create("Work")
            ref = alice.append("Work", letter(Message_ID="<kept@x.org>"))
            truth = alice.truth()
        google.aliases(ALICE, "sales@example.com")
        secret = google.secret(ALICE)
        start = Client(google, secret).history_id()

    with Google([ALICE], directory=tmp_path) as google:
        client = Client(google, secret)
        assert client.get(ref)["historyId"] == start
        client.credentials.token = None  # the refresh token lives on, too
        with google.user(ALICE) as alice:
            assert alice.truth() == truth and "Work" in alice.folders()
            newer = alice.append("INBOX", letter())

        assert newer > ref
        assert [ref for _, ref in kinds(client.history(start))] == [newer]
        told = client.users.settings().sendAs().list(userId="me").execute()
        assert told["sendAs"][1]["sendAsEmail"] == "sales@example.com"
