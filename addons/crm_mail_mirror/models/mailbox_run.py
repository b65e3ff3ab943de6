# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the network do for one mailbox while the database does something else?

Plain Python without ORM: these steps run in a pool of threads, one step of a mailbox at
a time. Each posts what it found; the job's thread decides what comes next.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..engine import reader
from ..engine.providers import open_mailbox
from ..engine.providers.base import (
    Budget,
    ChangeBatch,
    MessageBroken,
    MessageGone,
    Place,
    Provider,
    ProviderError,
)
from ..engine.rules import Directory
from .lease import Lease, Orphan, Page

_logger = logging.getLogger(__name__)

#: Mails of one page: big enough to be cheap, small enough to be soon there.
PAGE = Budget(mails=250, seconds=20.0)


@dataclass
class Pulled:
    batch: ChangeBatch


@dataclass
class Listed:
    """Headers of queued mail.

    :param lost: where nothing was found
    :param asked: all places that were asked for, and what to say of those that fail
    """

    presences: list
    lost: tuple[Place, ...] = ()
    asked: dict[Place, str] = field(default_factory=dict)


@dataclass
class Read:
    page: Page


@dataclass
class Confirmed:
    fates: dict


@dataclass
class Failed:
    error: ProviderError


@dataclass
class MailboxRun:
    """One mailbox from lease to release.

    :param queue: places of queued mail that is read before anything is pulled
    :param next_pull: a pull is under way: its answer comes after the page's
    :param orphans: mirrored copies that lost their last place in this pass
    """

    lease: Lease
    queue: list[Place] = field(default_factory=list)
    provider: Provider | None = None
    next_pull: bool = False
    orphans: list[Orphan] = field(default_factory=list)
    pass_complete: bool = False
    # when something was last heard of the network (time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    # held while a step talks to the provider, which is not thread-safe
    talking: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def steps(self, step, *args) -> Iterator:
        """What a step posts; whatever goes wrong in it becomes a ``Failed``."""
        try:
            with self.talking:
                if self.provider is None:
                    self.provider = open_mailbox(
                        self.lease.kind, self.lease.settings, self.lease.secret
                    )
                yield from step(*args)
        except ProviderError as error:
            yield Failed(error)
        except Exception as error:
            # its text may hold a mail: the log gets where it happened, not what it read
            _logger.error(
                "mailbox %s: %s in %s",
                self.lease.mailbox_id,
                type(error).__name__,
                where(error),
            )
            yield Failed(ProviderError("bug", type(error).__name__))

    def pull(self, cursor) -> Iterator:
        # a mail that hangs fails its page: smaller ones find it, and it is set aside
        bite = replace(PAGE, mails=max(1, PAGE.mails >> 2 * self.lease.failures))
        yield Pulled(
            self.provider.pull(cursor, self.lease.since, bite, self.lease.skip)
        )

    def list_queue(self) -> Iterator:
        present, lost = [], []
        asked = dict.fromkeys(self.queue, MessageBroken.codes[0])
        for place, answer in self.provider.envelopes(self.queue):
            if isinstance(answer, MessageGone):
                lost.append(place)
            elif isinstance(answer, ProviderError):
                asked[place] = answer.code
            else:
                present.append(answer)
        yield Listed(present, tuple(lost), asked)

    def read_texts(self, page: Page, directory: Directory, pull_after: dict | None):
        """The texts of a page, then at once the next page while this one is written."""
        reader.read(
            self.provider, page.judged, self.lease.policy, directory, PAGE.seconds
        )
        if page.batch is None:
            page.lost += tuple(
                item.presence.place
                for item in page.judged
                if isinstance(item.error, MessageGone)
            )
        yield Read(page)
        if pull_after is not None:
            yield from self.pull(pull_after)

    def confirm(self) -> Iterator:
        fates = self.provider.confirm([orphan.lookup for orphan in self.orphans])
        yield Confirmed(
            {
                orphan.copy_id: fates[orphan.lookup.place]
                for orphan in self.orphans
                if orphan.lookup.place in fates
            }
        )

    def close(self) -> None:
        with self.talking:
            if self.provider is not None:
                self.provider.close()


def where(error: BaseException) -> str:
    traceback = error.__traceback__
    while traceback and traceback.tb_next:
        traceback = traceback.tb_next
    if traceback is None:
        return "?"
    code = traceback.tb_frame.f_code
    return f"{code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno} {code.co_name}"
