# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""Which labels has a Gmail mailbox, and which mail bears those that are switched off?

Mail that bears a label its owner switched off stays out, whatever other labels it has.
A search can leave out labels by their names alone, of which nobody can be sure (case,
spaces, other scripts); a list can ask for a label by its id. So what a question finds
is asked for once more among the mail of each such label, and what that finds is left
out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from .. import charsets
from .base import Folder, Unavailable
from .gmail_api import Api
from .gmail_batch import get, is_gone
from .gmail_errors import Refused, meaning
from .gmail_mail import ALL, HIDDEN, labels_of
from .gmail_quota import GET, LIST

FOLDERS = (
    Folder(ALL, "All mail", "all"),
    Folder("DRAFT", "Drafts", "drafts"),
    Folder("TRASH", "Trash", "trash"),
    Folder("SPAM", "Spam", "junk"),
)
#: Characters of a label's name, and answers of one list: two million mails.
MAX_NAME, MAX_PAGES = 300, 4_000
#: Between the names of a label and of one inside it.
INSIDE = "/"
_PLACES = frozenset(folder.ref for folder in FOLDERS)


def hide_of(skip: Iterable[str]) -> frozenset[str]:
    """The labels among the refs of folders that are switched off."""
    return frozenset(skip) - _PLACES


def folders_of(labels: Iterable[dict]) -> tuple[Folder, ...]:
    """All mail, what is left out of it, and the user's labels as a tree.

    :param labels: as ``users.labels.list`` tells them
    """
    names = {
        label["id"]: _name_of(label)
        for label in labels
        if label.get("type") == "user" and charsets.ascii_id(label.get("id"))
    }
    by_name = {name: id_ for id_, name in names.items()}
    return FOLDERS + tuple(
        Folder(id_, name, "other", _parent(name, by_name))
        for id_, name in sorted(names.items(), key=lambda one: (one[1], one[0]))
        if id_ not in _PLACES
    )


def _name_of(label: dict) -> str:
    name = label.get("name")
    name = " ".join(charsets.clean(name).split()) if isinstance(name, str) else ""
    return name[:MAX_NAME] or label["id"]


def _parent(name: str, by_name: dict[str, str]) -> str:
    """The label it lies in: Gmail knows ``a/b`` without ``a`` as well."""
    while INSIDE in name:
        name = name.rpartition(INSIDE)[0]
        if name in by_name:
            return by_name[name]
    return ALL


def may_be_own(label: str) -> bool:
    """May this be a label of the user's? Those of Gmail itself are in capitals."""
    return not label.isupper()


# --- what bears a label --------------------------------------------------------------


def ids(
    api: Api, question: str, most: int = 0, labels: Sequence[str] = ()
) -> Iterator[str]:
    """What a question finds, the newest first, each once.

    :param most: pages are asked for until there are so many
    :param labels: only mail that bears all of them; none, where there is no such label
    """
    page, restarted = "", False
    seen: set[str] = set()
    more = {"labels": labels} if labels else {}
    for _page in range(MAX_PAGES):
        try:
            found, page = api.list(question, page, **more)
        except Refused as answer:
            if labels and not page and is_gone(answer):
                return
            if restarted or not page:
                # what came so far is not all: nobody may take it for that
                raise meaning(answer) from None
            page, restarted = "", True
            continue
        fresh = [id_ for id_ in found if id_ not in seen]
        seen.update(fresh)
        yield from fresh
        if not page or (most and len(seen) >= most):
            return
    raise Unavailable("garbage", "a list without end")


def without(
    api: Api,
    found: Sequence[str],
    hide: Collection[str],
    question: str,
    most: int = 0,
) -> list[str]:
    """What a question found, but for what bears one of these labels.

    :param question, most: with which it was found
    """
    if not hide or not found:
        return list(found)
    if len(found) * GET < len(hide) * LIST:
        bearing = _look_at(api, found, hide)
    else:
        # the newest so many of a label are among the newest so many of all, or older
        bearing = {
            id_ for label in hide for id_ in ids(api, question, most, labels=[label])
        }
    return [id_ for id_ in found if id_ not in bearing]


def _look_at(api: Api, found: Sequence[str], hide: Collection[str]) -> set[str]:
    """Few mails and many labels: mail by mail, 20 units each."""
    bearing: set[str] = set()
    for start in range(0, len(found), api.bucket.gets):
        some = found[start : start + api.bucket.gets]
        told = get(api, some, format="minimal", fields="id,labelIds")
        bearing |= {id_ for id_ in some if labels_of(told.get(id_)) & set(hide)}
    return bearing


def hidden_by(hide: Iterable[str]) -> frozenset[str]:
    """All labels of mail that does not count."""
    return HIDDEN | frozenset(hide)
