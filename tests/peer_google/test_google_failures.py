"""Do batches, failures and quota behave as Google documents?

https://developers.google.com/workspace/gmail/api/guides/handle-errors
"""

import json
from datetime import UTC, datetime

import pytest
import requests

from tests.peers.discovery import mistakes

from .letters import letter, refused, why

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_batch_answers_each_call(google, gmail, owner):
    refs = [owner.append("INBOX", letter(str(number))) for number in range(3)]
    google.clear_requests()
    calls = [gmail.messages.get(userId="me", id=ref) for ref in (*refs, "123abc")]

    answers = gmail.batch(*calls)

    assert [answer["id"] for answer, _ in answers[:3]] == refs
    assert all(mistakes("Message", answer) == [] for answer, _ in answers[:3])
    assert why(answers[3][1]) == (404, "notFound")
    log = google.requests()
    assert log[0] == "POST /batch/gmail/v1"
    assert log[1].startswith(f"GET /gmail/v1/users/me/messages/{refs[0]}?")
    assert len(log) == 5


def test_a_call_inside_a_batch_can_fail_alone(google, gmail, owner):
    refs = [owner.append("INBOX", letter(str(number))) for number in range(2)]
    fault = {"status": 429, "reason": "userRateLimitExceeded", "retry_after": 7}
    google.fault(f"GET .*/messages/{refs[1]}", **fault)

    answers = gmail.batch(*(gmail.messages.get(userId="me", id=ref) for ref in refs))

    assert answers[0][0]["id"] == refs[0]
    assert why(answers[1][1]) == (429, "userRateLimitExceeded")
    assert answers[1][1].resp["retry-after"] == "7"


def test_a_batch_has_at_most_a_hundred_calls(google, gmail):
    call = (
        "Content-Type: application/http\r\n\r\nGET /gmail/v1/users/me/profile\r\n\r\n"
    )

    def post(count: int) -> requests.Response:
        return requests.post(
            f"{google.url}/batch/gmail/v1",
            data="".join(f"--b\r\n{call}" for _ in range(count)) + "--b--",
            headers={
                "Content-Type": "multipart/mixed; boundary=b",
                "Authorization": f"Bearer {gmail.credentials.token}",
            },
            timeout=20,
        )

    assert post(100).text.count("HTTP/1.1 200 OK") == 100
    assert post(101).status_code == 400


def test_an_expired_token_is_renewed_in_the_middle_of_a_batch(google, gmail, address):
    gmail.found()
    google.expire_tokens(address)

    answers = gmail.batch(gmail.users.getProfile(userId="me"))

    assert answers[0][0]["emailAddress"] == address


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (403, "rateLimitExceeded"),
        (403, "accessNotConfigured"),
        (429, "userRateLimitExceeded"),
        (500, "backendError"),
        (503, "backendError"),
    ],
)
def test_a_failure_has_googles_shape(google, gmail, status, reason):
    google.fault("GET .*/profile", status, reason, skip=1)
    gmail.history_id()

    assert refused(gmail.history_id) == (status, reason)
    assert gmail.history_id()


def test_answers_can_be_cut_short(google, gmail):
    def profile() -> str:
        return requests.get(
            f"{google.url}/gmail/v1/users/me/profile",
            headers={"Authorization": f"Bearer {gmail.credentials.token}"},
            timeout=20,
        ).text

    google.fault("/profile", 200, body='{"emailAddress": "us')
    assert profile() == '{"emailAddress": "us'
    google.fault("/profile", 200, body='{"emailAddress": "us', close=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        profile()
    google.fault("/profile", close=True)
    with pytest.raises(requests.ConnectionError):
        profile()

    assert json.loads(profile())["historyId"]


def test_quota_is_counted_by_the_price_of_each_call(google, gmail, owner, address):
    ref = owner.append("INBOX", letter())
    google.clear_requests()

    gmail.found()
    gmail.batch(*(gmail.messages.get(userId="me", id=ref) for _ in range(2)))
    gmail.history(gmail.history_id())

    assert google.units(address) == 5 + 2 * 20 + 1 + 2


def test_quota_runs_out(google, gmail, owner):
    ref = owner.append("INBOX", letter())
    google.limit(50)
    try:
        calls = (gmail.messages.get(userId="me", id=ref) for _ in range(4))
        answers = gmail.batch(*calls)
    finally:
        google.limit(None)

    failures = [why(error) for _, error in answers if error]
    assert failures == [(429, "userRateLimitExceeded"), (403, "rateLimitExceeded")]
    assert 1 <= int(answers[2][1].resp["retry-after"]) <= 60
