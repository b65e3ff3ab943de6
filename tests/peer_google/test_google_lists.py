"""Does a list or a search find what Gmail's would?

https://developers.google.com/workspace/gmail/api/guides/filtering
"""

import email
import email.policy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.peers.google_client import Client

from .letters import letter, newsletter, refused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_list_is_newest_first_in_pages_that_do_not_shift(gmail, owner):
    refs = [
        owner.append("INBOX", letter(str(day)), received=NOW + timedelta(days=day))
        for day in range(5)
    ]
    first = gmail.ask(gmail.messages.list(userId="me", maxResults=2))

    owner.append("INBOX", letter("new"), received=NOW + timedelta(days=9))
    owner.expunge("INBOX", refs[3])
    token = first["nextPageToken"]
    second = gmail.found(maxResults=2, pageToken=token)

    assert [message["id"] for message in first["messages"]] == [refs[4], refs[3]]
    assert second == [refs[2], refs[1]]
    for wrong in ("garbage", token[:-1] + "~", "2"):
        assert refused(lambda wrong=wrong: gmail.found(pageToken=wrong)) == (
            *(400, "invalidArgument"),
        )
    assert refused(lambda: gmail.found(pageToken=token, q="other"))[0] == 400


def test_page_tokens_end(google, gmail, owner):
    for _ in range(2):
        owner.append("INBOX", letter())
    page = gmail.ask(gmail.messages.list(userId="me", maxResults=1))

    google.expire_pages()

    assert refused(lambda: gmail.found(pageToken=page["nextPageToken"]))[0] == 400


def test_trash_and_spam_are_listed_when_asked_for(gmail, owner):
    refs = {name: owner.append(name, letter()) for name in ("INBOX", "Trash", "Junk")}

    assert gmail.found() == [refs["INBOX"]]
    assert set(gmail.found(includeSpamTrash=True)) == set(refs.values())
    assert gmail.found(labelIds=["TRASH"]) == [refs["Trash"]]
    assert gmail.found(q="in:spam") == [refs["Junk"]]


SEARCHES = {
    "from:eve@other.org": "plain cc",
    "from:other.org": "plain cc",
    "from:eve": "plain cc",
    "from:ve@other.org": "",
    "from:(ann OR eve)": "plain cc sent",
    "{from:ann to:ann}": "sent",
    "to:user@example.com": "plain cc",
    "cc:carl@third.net": "cc",
    "bcc:bert@third.net": "sent",
    "from:eve@other.org -cc:carl": "plain",
    "from:eve@other.org OR bcc:bert@third.net": "plain cc sent",
    "subject:offer": "plain",
    'subject:"winter offer"': "plain",
    'subject:"offer winter"': "",
    "subject:(winter offer)": "plain",
    "text offer": "plain",
    "rfc822msgid:<cc@other.org>": "cc",
    "rfc822msgid:CC@other.org": "cc",
    "in:sent": "sent",
    "-in:sent": "plain cc draft chat",
    "-in:drafts -in:chats": "plain cc sent",
    "is:unread in:inbox": "plain cc",
    f"after:{round(NOW.timestamp())}": "cc sent draft chat",
    f"after:{round(NOW.timestamp()) - 1}": "plain cc sent draft chat",
    f"before:{round(NOW.timestamp()) + 1}": "plain",
    "after:2026/03/02 before:2026/03/03": "cc",
    "newer_than:1d": "",
    "nonsense:eve": "",
    "": "plain cc sent draft chat",
}


@pytest.fixture(scope="module")
def searched(google) -> tuple[Client, dict[str, str]]:
    google.add_user("searched@example.com")
    mails = {
        "plain": (["INBOX", "UNREAD"], letter("Winter offer")),
        "cc": (
            ["INBOX", "UNREAD"],
            letter("hello", Cc="Carl <carl@third.net>", Message_ID="<cc@other.org>"),
        ),
        "sent": (
            ["SENT"],
            letter(
                From="Ann <ann@example.com>", Bcc="bert@third.net", To="x@third.net"
            ),
        ),
        "draft": (["DRAFT"], letter(From="x@third.net", To="y@third.net")),
        "chat": (["CHAT"], letter(From="x@third.net", To="y@third.net")),
    }
    with google.user("searched@example.com") as owner:
        refs = {
            owner.insert(raw, labels, NOW + timedelta(days=day)): name
            for day, (name, (labels, raw)) in enumerate(mails.items())
        }
    return Client(google, google.secret("searched@example.com")), refs


@pytest.mark.parametrize(("query", "found"), SEARCHES.items(), ids=list(SEARCHES))
def test_a_search_finds_what_gmails_box_would(searched, query, found):
    client, refs = searched

    answer = client.found(**({"q": query} if query else {}))

    assert {refs[ref] for ref in answer} == set(found.split())


def test_a_query_too_long_for_a_url_is_posted(searched):
    client, refs = searched
    query = " OR ".join(f"from:nobody{number}@example.net" for number in range(200))

    assert [refs[ref] for ref in client.found(q=f"{query} OR cc:carl@third.net")] == [
        "cc"
    ]


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ("id", {"id"}),
        ("id,payload/mimeType", {"id", "payload", "payload/mimeType"}),
        (
            "payload(filename,body/size)",
            {"payload", "payload/filename", "payload/body", "payload/body/size"},
        ),
        (
            "payload/parts(partId,body(size))",
            {
                "payload",
                *("payload/parts", "payload/parts/partId"),
                *("payload/parts/body", "payload/parts/body/size"),
            },
        ),
        ("payload/body/*", {"payload", "payload/body", "payload/body/size"}),
    ],
)
def test_fields_leave_only_what_was_asked_for(gmail, owner, fields, left):
    ref = owner.append("INBOX", newsletter().as_bytes(policy=email.policy.SMTP))

    assert set(paths(gmail.get(ref, fields=fields))) == left


def paths(value: object, above: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from paths(each, above)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield above + name
            yield from paths(each, f"{above}{name}/")


@pytest.mark.parametrize("fields", ["nothing", "payload(", "payload/headers/x", "id,,"])
def test_fields_that_are_none_are_refused(gmail, owner, fields):
    ref = owner.append("INBOX", letter())

    assert refused(lambda: gmail.get(ref, fields=fields)) == (400, "invalidParameter")
