# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Google says no, nothing, or something odd: nothing is lost, nothing doubled."""

import json
import time

import pytest
from engine.providers import gmail_errors, gmail_quota
from engine.providers.base import (
    Budget,
    LoginRequired,
    MessageBroken,
    MessageGone,
    NotAllowed,
    Presence,
    ProviderError,
    Query,
    Throttled,
    Unavailable,
)

from tests.providers.gmail_mailbox import gmail_mailbox
from tests.providers.letters import letter
from tests.providers.store import Store


@pytest.fixture
def mailbox(google, new_login):
    with gmail_mailbox(google, new_login) as mailbox:
        yield mailbox
        google.clear_faults()


@pytest.fixture
def store():
    return Store()


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch):
    monkeypatch.setattr("engine.providers.gmail_batch.PAUSE", 0.01)


def google_error(status, reason, word="", **more) -> str:
    """An error as Google writes it."""
    inner = {"message": "m", "domain": "global", "reason": reason}
    told = {"code": status, "message": "Some sentence.", "errors": [inner], **more}
    return json.dumps({"error": {**told, "status": word}})


# --- refusals ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status, reason, kind, code",
    [
        (403, "rateLimitExceeded", Throttled, "throttled"),
        (403, "userRateLimitExceeded", Throttled, "throttled"),
        (403, "dailyLimitExceeded", Throttled, "throttled"),
        (403, "quotaExceeded", Throttled, "throttled"),
        (429, "rateLimitExceeded", Throttled, "throttled"),
        (429, "", Throttled, "throttled"),
        (403, "accessNotConfigured", NotAllowed, "api_disabled"),
        (403, "domainPolicy", NotAllowed, "blocked_by_company"),
        (403, "insufficientPermissions", LoginRequired, "consent_missing"),
        (400, "failedPrecondition", NotAllowed, "no_mailbox"),
        (403, "somethingNew", Unavailable, "server_error"),
        (400, "invalidArgument", Unavailable, "server_error"),
        (500, "backendError", Unavailable, "server_error"),
        (502, "", Unavailable, "server_error"),
        (503, "", Unavailable, "server_error"),
        (302, "", Unavailable, "garbage"),
    ],
)
def test_refusals_in_our_words(mailbox, store, google, status, reason, kind, code):
    mailbox.owner.append("INBOX", letter(1))
    with mailbox.open() as provider:
        store.sync(provider)
    before = store.cursor
    mailbox.owner.append("INBOX", letter(2))
    google.fault("^GET /gmail/v1/users/me/history", status, reason)

    with mailbox.open() as provider, pytest.raises(kind) as refused:
        store.pull(provider)

    assert refused.value.code == code and code in kind.codes
    assert store.cursor == before
    with mailbox.open() as provider:
        store.sync(provider)
    assert store.truth == mailbox.owner.truth()


@pytest.mark.parametrize(
    "body, code",
    [
        (
            google_error(
                403,
                "forbidden",
                "PERMISSION_DENIED",
                details=[{"@type": "ErrorInfo", "reason": "SERVICE_DISABLED"}],
            ),
            "api_disabled",
        ),
        (
            google_error(
                403,
                "insufficientPermissions",
                "PERMISSION_DENIED",
                details=[{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}],
            ),
            "consent_missing",
        ),
        (google_error(403, "x", "RATE_LIMIT_EXCEEDED"), "throttled"),
        ("<html>Forbidden by the proxy</html>", "server_error"),
        ("", "server_error"),
        ('{"error": "odd"}', "server_error"),
        ('{"error": {"errors": {"a": 1}, "details": 7, "status": []}}', "server_error"),
        ("[" * 50_000, "garbage"),
    ],
)
def test_reasons_wherever_google_writes_them(mailbox, provider, google, body, code):
    google.fault("/profile", 403, body=body)

    with pytest.raises(ProviderError) as refused:
        provider.pull(None, None, Budget())

    assert refused.value.code == code


def test_an_account_without_mailbox(mailbox, provider, google):
    google.close_mailbox(mailbox.login)

    with pytest.raises(NotAllowed) as refused:
        provider.identify()

    assert refused.value.code == "no_mailbox"


def test_consent_without_the_box_for_mail(mailbox, google):
    secret = google.secret(mailbox.login, scope="openid email")

    with mailbox.open(secret=secret) as provider, pytest.raises(LoginRequired) as said:
        provider.pull(None, None, Budget())

    assert said.value.code == "consent_missing"


# --- too much, too fast --------------------------------------------------------------


def an_hour_passes():
    """For those who open the mailbox from now on."""
    gmail_quota._buckets.clear()


def test_hour_of_429_keeps_the_cursor_and_says_how_long(
    mailbox, store, provider, google
):
    for number in range(12):
        mailbox.owner.append("INBOX", letter(number))
    store.apply(store.pull(provider, Budget(mails=5)))
    before, places = store.cursor, dict(store.places)
    google.fault("^GET /gmail/v1", 429, "userRateLimitExceeded", 999, 3_600)

    with mailbox.open() as another, pytest.raises(Throttled) as refused:
        store.pull(another, Budget(mails=5))
    assert refused.value.retry_after == 3_600
    google.clear_requests()
    for _ in range(3):
        with mailbox.open() as another, pytest.raises(Throttled) as refused:
            store.pull(another, Budget(mails=5))
        assert 3_500 < refused.value.retry_after < 3_600
    assert (store.cursor, store.places) == (before, places)
    assert google.requests() == [], "Google said when to come back"

    google.clear_faults()
    an_hour_passes()
    with mailbox.open() as another:
        store.sync(another, Budget(mails=5))
    assert store.truth == mailbox.owner.truth()


def test_429_in_the_headers_of_a_page_voids_the_page(mailbox, store, provider, google):
    for number in range(12):
        mailbox.owner.append("INBOX", letter(number))
    google.fault("GET /gmail/v1/users/me/messages/", 429, "", 999, 1_800)

    with pytest.raises(Throttled) as refused:
        store.pull(provider)

    assert refused.value.retry_after == 1_800
    assert store.cursor is None
    google.clear_faults()
    with pytest.raises(Throttled):
        provider.pull(None, None, Budget())
    an_hour_passes()
    provider.close()
    provider = mailbox.open()
    store.sync(provider)
    assert store.truth == mailbox.owner.truth()


@pytest.mark.parametrize("status, reason", [(429, ""), (403, "rateLimitExceeded")])
def test_some_calls_of_a_batch_that_are_throttled_are_asked_again(
    mailbox, store, provider, google, status, reason
):
    for number in range(12):
        mailbox.owner.append("INBOX", letter(number))
    google.fault("GET /gmail/v1/users/me/messages/", status, reason, times=3)

    store.sync(provider)

    assert store.truth == mailbox.owner.truth()


def test_throttled_once_more_alone_is_for_the_engine(mailbox, provider, google):
    for number in range(5):
        mailbox.owner.append("INBOX", letter(number))
    batch = provider.pull(None, None, Budget())
    google.fault("GET /gmail/v1/users/me/messages/", 429, times=6)

    with pytest.raises(Throttled):
        dict(provider.envelopes([p.place for p in batch.present]))


def test_retry_after_in_all_its_shapes():
    def told(headers=(), message=""):
        content = json.dumps({"error": {"message": message}}).encode()
        return gmail_errors.refused(429, dict(headers), content).retry_after

    in_a_minute = time.gmtime(time.time() + 60)
    assert told([("retry-after", "120")]) == 120
    assert told([("retry-after", "0")]) == 1
    assert told([("retry-after", "9" * 30)]) == gmail_errors.MAX_PAUSE
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", in_a_minute)
    assert 50 < told([("retry-after", date)]) < 70
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.123Z", in_a_minute)
    assert 50 < told(message=f"User-rate limit exceeded.  Retry after {stamp}") < 70
    assert told([("retry-after", "soon")]) is None
    assert told([("retry-after", "Wed, 99 Foo 2026 00:00:00 GMT")]) is None
    assert told() is None


# --- tokens --------------------------------------------------------------------------


def test_401_in_mid_import_renews_the_token_once(mailbox, store, provider, google):
    for number in range(12):
        mailbox.owner.append("INBOX", letter(number))
    store.apply(store.pull(provider, Budget(mails=5)))
    before = json.loads(mailbox.secret)
    google.expire_tokens(mailbox.login)
    google.clear_requests()

    store.sync(provider, Budget(mails=5))

    assert store.truth == mailbox.owner.truth()
    after = json.loads(mailbox.secret)
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] == before["refresh_token"]
    asked = [line for line in google.requests() if "/oauth2/token" in line]
    assert len(asked) == 1


@pytest.mark.parametrize("ask", ["envelopes", "fetch"])
def test_token_that_dies_before_a_batch(mailbox, store, provider, google, ask):
    for number in range(8):
        mailbox.owner.append("INBOX", letter(number))
    (batch,) = store.sync(provider)
    mails = [(p.place, p.envelope) for p in batch.present]
    google.expire_tokens(mailbox.login)
    google.clear_requests()

    if ask == "fetch":
        answers = dict(provider.fetch(mails))
    else:
        answers = dict(provider.envelopes([place for place, _envelope in mails]))

    assert len(answers) == 8
    assert not [one for one in answers.values() if isinstance(one, ProviderError)]
    assert sum("/oauth2/token" in line for line in google.requests()) == 1
    assert sum("/batch" in line for line in google.requests()) <= 3


def test_revoked_access_is_for_the_owner_to_mend(mailbox, store, provider, google):
    mailbox.owner.append("INBOX", letter(1))
    store.sync(provider)
    google.revoke(mailbox.login)
    mailbox.owner.append("INBOX", letter(2))

    with mailbox.open() as another, pytest.raises(LoginRequired) as said:
        store.pull(another)
    assert said.value.code == "access_revoked"

    with mailbox.open(secret=google.secret(mailbox.login)) as linked_again:
        store.sync(linked_again)
    assert store.truth == mailbox.owner.truth()


@pytest.mark.parametrize(
    "body, kind, code",
    [
        ('{"error": "invalid_grant"}', LoginRequired, "access_revoked"),
        (
            '{"error": "invalid_grant", "error_subtype": "invalid_rapt"}',
            LoginRequired,
            "sign_in_again",
        ),
        ('{"error": "admin_policy_enforced"}', NotAllowed, "blocked_by_company"),
        ('{"error": "invalid_client"}', NotAllowed, "client_refused"),
        ('{"error": "unauthorized_client"}', NotAllowed, "client_refused"),
        ("<html>no</html>", Unavailable, "garbage"),
        ('{"error": 7}', Unavailable, "garbage"),
    ],
)
def test_refusals_of_the_token_endpoint(mailbox, google, body, kind, code):
    stale = json.dumps({**json.loads(mailbox.secret), "expires_at": 1})
    google.fault("^POST /oauth2/token", 400, body=body)

    with mailbox.open(secret=stale) as provider, pytest.raises(kind) as said:
        provider.identify()

    assert said.value.code == code


@pytest.mark.parametrize(
    "body",
    ["[]", '"text"', "{}", '{"access_token": "a", "expires_in": "soon"}', "{", ""],
)
def test_odd_answers_of_the_token_endpoint(mailbox, google, body):
    stale = json.dumps({**json.loads(mailbox.secret), "expires_at": 1})
    google.fault("^POST /oauth2/token", 200, body=body)

    with mailbox.open(secret=stale) as provider, pytest.raises(Unavailable) as said:
        provider.identify()

    assert said.value.code == "garbage"


@pytest.mark.parametrize("status", [500, 503])
def test_token_endpoint_that_is_down_is_asked_once(mailbox, google, status):
    stale = json.dumps({**json.loads(mailbox.secret), "expires_at": 1})
    google.fault("^POST /oauth2/token", status, times=9)
    google.clear_requests()

    with mailbox.open(secret=stale) as provider, pytest.raises(Unavailable):
        provider.identify()

    assert len(google.requests()) == 1


def test_renewed_secret_is_kept_before_it_is_used(mailbox, google):
    stale = json.dumps({**json.loads(mailbox.secret), "expires_at": 1})
    google.clear_requests()
    asked_before = []

    def keep(secret):
        asked_before.extend(google.requests())
        assert json.loads(secret)["access_token"]

    with mailbox.open(secret=stale, keep=keep) as provider:
        provider.identify()

    assert [line.split("?")[0] for line in asked_before] == ["POST /oauth2/token"]


def test_secret_that_cannot_be_kept_is_not_used(mailbox, google):
    stale = json.dumps({**json.loads(mailbox.secret), "expires_at": 1})
    google.clear_requests()

    def keep(secret):
        raise Unavailable("server_error", "somebody else has it")

    with mailbox.open(secret=stale, keep=keep) as provider:
        for _ in range(2):
            with pytest.raises(Unavailable):
                provider.identify()

    assert not any("/gmail/" in line for line in google.requests())


@pytest.mark.parametrize("skew", [-7_200, -3_500, 0, 10**9])
def test_clocks_that_are_wrong(mailbox, store, google, skew):
    """Of an access token that still lives; 10**9: our clock was decades ahead."""
    told = json.loads(mailbox.secret)
    secret = json.dumps({**told, "expires_at": told["expires_at"] + skew})
    mailbox.owner.append("INBOX", letter(1))
    google.clear_requests()

    with mailbox.open(secret=secret) as provider:
        store.sync(provider)

    assert store.truth == mailbox.owner.truth()
    renewed = sum("/oauth2/token" in line for line in google.requests())
    assert renewed == (0 if skew == 0 else 1)


def test_dead_token_that_seems_to_live_is_renewed(mailbox, store, google):
    google.expire_tokens(mailbox.login)
    mailbox.owner.append("INBOX", letter(1))

    with mailbox.open() as provider:
        store.sync(provider)

    assert store.truth == mailbox.owner.truth()


@pytest.mark.parametrize("secret", ["", "{}", "[]", "null", "nonsense", '{"a": 1}'])
def test_secret_that_is_none(mailbox, secret):
    with pytest.raises(LoginRequired):
        mailbox.open(secret=secret)


# --- answers that break off or are odd -----------------------------------------------


@pytest.mark.parametrize(
    "match", ["/profile", "/messages\\?", "^POST /batch", "/history"]
)
@pytest.mark.parametrize(
    "fault, codes",
    [
        ({"status": 200, "body": '{"messages": [{"id": "18'}, ["garbage"]),
        ({"status": 200, "body": "<html>sign in to this network</html>"}, ["garbage"]),
        ({"status": 200, "body": "[]"}, ["garbage"]),
        (
            {"status": 200, "body": '{"id', "close": True},
            ["connection_lost", "garbage"],
        ),
        ({"close": True}, ["connection_lost"]),
        ({"status": 503}, ["server_error"]),
    ],
)
def test_answers_that_are_none(mailbox, store, google, match, fault, codes):
    mailbox.owner.append("INBOX", letter(0))
    with mailbox.open() as provider:
        store.apply(store.pull(provider))
    for number in range(1, 7):
        mailbox.owner.append("INBOX", letter(number))
    if "history" not in match:
        store.forget_places()
    google.fault(match, **{"status": 500, "times": 99, **fault})

    with mailbox.open() as provider, pytest.raises(Unavailable) as said:
        store.sync(provider)

    assert said.value.code in codes
    google.clear_faults()
    with mailbox.open() as provider:
        store.sync(provider)
    assert store.truth == mailbox.owner.truth()


def test_connection_closed_while_it_rested_is_no_trouble(
    mailbox, store, provider, google
):
    mailbox.owner.append("INBOX", letter(1))
    google.fault("/messages\\?", close=True)

    store.sync(provider)

    assert store.truth == mailbox.owner.truth()


def test_one_mail_that_fails_leaves_the_others(mailbox, store, provider, google):
    refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(9)]
    batch = provider.pull(None, None, Budget())
    google.fault(f"/messages/{refs[4]}", 500, times=99)

    answers = {
        p.ref: a for p, a in provider.envelopes([p.place for p in batch.present])
    }

    assert isinstance(answers.pop(refs[4]), MessageBroken)
    assert all(isinstance(answer, Presence) for answer in answers.values())
    assert len(answers) == 8


@pytest.mark.parametrize(
    "body",
    [
        '{"id": "1',
        "[1]",
        "{}",
        '{"id": 7}',
        "[" * 100_000,
        "\udcff".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_one_answer_that_is_poison_leaves_the_others(mailbox, provider, google, body):
    refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(9)]
    batch = provider.pull(None, None, Budget())
    google.fault(f"/messages/{refs[4]}", 200, body=body, times=99)

    answers = {
        p.ref: a for p, a in provider.envelopes([p.place for p in batch.present])
    }

    assert isinstance(answers.pop(refs[4]), MessageBroken)
    assert all(isinstance(answer, Presence) for answer in answers.values())
    assert len(answers) == 8


@pytest.mark.parametrize(
    "status, reason, kind",
    [
        (400, "failedPrecondition", NotAllowed),
        (403, "domainPolicy", NotAllowed),
        (403, "insufficientPermissions", LoginRequired),
    ],
)
def test_account_that_is_refused_in_a_batch_is_no_broken_mail(
    mailbox, provider, google, status, reason, kind
):
    for number in range(5):
        mailbox.owner.append("INBOX", letter(number))
    batch = provider.pull(None, None, Budget())
    google.fault("GET /gmail/v1/users/me/messages/", status, reason, times=99)

    with pytest.raises(kind):
        dict(provider.envelopes([p.place for p in batch.present]))


def test_one_mail_that_is_refused_for_a_new_reason(mailbox, provider, google):
    refs = [mailbox.owner.append("INBOX", letter(number)) for number in range(3)]
    batch = provider.pull(None, None, Budget())
    google.fault(f"/messages/{refs[1]}", 403, "somethingNew", times=9)

    answers = {
        p.ref: a for p, a in provider.envelopes([p.place for p in batch.present])
    }

    assert isinstance(answers[refs[1]], MessageBroken)
    assert isinstance(answers[refs[0]], Presence)


def test_page_tokens_that_are_never_taken_are_no_endless_loop(
    mailbox, store, provider, google, monkeypatch
):
    monkeypatch.setattr("engine.providers.gmail_api.PAGE", 5)
    for number in range(12):
        mailbox.owner.append("INBOX", letter(number))
    google.fault("pageToken", 400, times=999)
    google.clear_requests()

    with pytest.raises(Unavailable):
        for _ in range(5):
            store.apply(store.pull(provider))

    assert len(google.requests()) < 30
    google.clear_faults()
    with mailbox.open() as another:
        store.sync(another)
    assert store.truth == mailbox.owner.truth()


def test_gmail_that_fails_for_all_mail_is_ill(mailbox, provider, google):
    for number in range(30):
        mailbox.owner.append("INBOX", letter(number))
    batch = provider.pull(None, None, Budget())
    google.fault("GET /gmail/v1/users/me/messages/", 500, times=10_000)
    google.clear_requests()

    with pytest.raises(Unavailable):
        dict(provider.envelopes([p.place for p in batch.present]))

    assert len(google.requests()) < 50


def test_too_big_an_answer_is_asked_for_in_halves(
    mailbox, store, provider, google, monkeypatch
):
    monkeypatch.setattr("engine.providers.web.MAX_ANSWER", 40_000)
    for number in range(9):
        mailbox.owner.append("INBOX", letter(number, "some text\n" * 900))
    google.clear_requests()
    batches = store.sync(provider)
    mails = [(p.place, p.envelope) for b in batches for p in b.present]

    bodies = dict(provider.fetch(mails))

    assert all(len(body.text) > 8_000 for body in bodies.values())
    assert len(bodies) == 9


def test_unknown_fields_do_no_harm(mailbox, provider, google):
    (ref,) = [mailbox.owner.append("INBOX", letter(1))]
    (presence,) = provider.pull(None, None, Budget()).present
    told = {
        "id": ref,
        "labelIds": ["INBOX", "CATEGORY_SOMETHING_NEW", 7],
        "internalDate": "1700000000000",
        "classificationLabelValues": [{"new": True}],
        "payload": {
            "headers": [{"name": "From", "value": "a@b.example", "new": 1}, "odd"],
            "mimeType": "text/plain",
            "body": {"size": "12", "new": {}},
        },
    }
    google.fault(f"/messages/{ref}", 200, body=json.dumps(told))

    ((_place, answer),) = provider.envelopes([presence.place])

    assert [one.email for one in answer.envelope.authors] == ["a@b.example"]
    assert answer.envelope.parts[0].size == 12


@pytest.mark.parametrize(
    "told",
    [
        {"messages": [{"id": 7}, {"id": ""}, "x", None, {}]},
        {"resultSizeEstimate": "x", "new": 1},
    ],
)
def test_odd_lists_tell_nothing(mailbox, store, provider, google, told):
    google.fault("/messages\\?", 200, body=json.dumps(told))

    (batch,) = store.sync(provider)

    assert batch.present == () and batch.pass_complete


@pytest.mark.parametrize(
    "told",
    [
        {"history": [{"id": "x"}, 7], "historyId": "12"},
        {"history": []},
        {"historyId": "-5"},
        {"historyId": ["9"]},
        {},
    ],
)
def test_odd_history_does_not_move_the_cursor_back(
    mailbox, store, provider, google, told
):
    store.sync(provider)
    before = store.cursor["history"]
    google.fault("/history", 200, body=json.dumps(told))

    store.sync(provider)
    assert store.cursor["history"] == before

    mailbox.owner.append("INBOX", letter(1))
    store.sync(provider)
    assert store.truth == mailbox.owner.truth()


def test_history_that_does_not_go_on_is_no_endless_loop(
    mailbox, store, provider, google
):
    store.sync(provider)
    told = {"history": [], "nextPageToken": "again", "historyId": "99999999"}
    google.fault("/history", 200, body=json.dumps(told), times=99)

    with pytest.raises(Unavailable):
        store.pull(provider)


def test_trouble_after_something_was_told_does_not_undo_it(
    mailbox, store, provider, google, monkeypatch
):
    monkeypatch.setattr("engine.providers.gmail_api.PAGE", 4)
    for number in range(10):
        mailbox.owner.append("INBOX", letter(number))
    google.fault("pageToken", 503)

    batch = store.pull(provider)

    assert len(batch.present) == 4 and batch.more and not batch.pass_complete
    store.apply(batch)
    with mailbox.open() as another:
        store.sync(another)
    assert store.truth == mailbox.owner.truth()


# --- nobody there --------------------------------------------------------------------


def test_nobody_listens(mailbox):
    with mailbox.open(endpoint="http://localhost:9") as provider:
        with pytest.raises(Unavailable) as said:
            provider.pull(None, None, Budget())

    assert said.value.code == "port_closed"


def test_no_such_host(mailbox):
    with mailbox.open(endpoint="http://no-such-host.invalid") as provider:
        with pytest.raises(Unavailable) as said:
            provider.pull(None, None, Budget())

    assert said.value.code == "host_unknown"


def test_questions_that_fail_raise_nothing_else(mailbox, store, google):
    mailbox.owner.append("INBOX", letter(1, attachment=b"x"))
    with mailbox.open() as provider:
        (batch,) = store.sync(provider)
    (presence,) = batch.present
    part = presence.envelope.parts[-1].ref
    google.fault("GET /gmail", 503, times=999)

    for ask in (
        lambda p: p.identify(),
        lambda p: p.audit(refs=True),
        lambda p: p.search(Query(addresses=("a@b.example",))),
        lambda p: list(p.attachment(presence.place, part)),
    ):
        with mailbox.open() as provider, pytest.raises(ProviderError):
            ask(provider)


def test_mail_that_goes_between_its_text_and_its_large_text(
    mailbox, store, provider, google
):
    mailbox.owner.append("INBOX", letter(1, "long text\n" * 20_000))
    (batch,) = store.sync(provider)
    mails = [(p.place, p.envelope) for p in batch.present]
    google.fault("/attachments/", 404)

    ((_place, answer),) = provider.fetch(mails)

    assert isinstance(answer, MessageGone)
