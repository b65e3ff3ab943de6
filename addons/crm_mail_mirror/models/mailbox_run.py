# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""What does the network do for one mailbox while the database does something else?

Plain Python without ORM: these steps run in a pool of threads, one step of a mailbox at
a time. Each posts what it found; the job's thread decides what comes next.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..engine import reader
from ..engine.providers import open_mailbox
from ..engine.providers.base import (
    UNKNOWN,
    Budget,
    ChangeBatch,
    Fate,
    MessageBroken,
    MessageGone,
    Place,
    Presence,
    Provider,
    ProviderError,
)
from ..engine.rules import Directory
from .audit_run import AuditSteps, Comparison
from .crm_mail_mirror_credential import keyring
from .lease import Lease, Orphan, Page
from .pace import Pace
from .search_run import AT_ONCE, Listed, SearchSteps, Task

_logger = logging.getLogger(__name__)

#: Mails of one page: big enough to be cheap, small enough to be soon there.
PAGE = Budget(mails=250, seconds=20.0)
#: Pages in which mail that is known is listed again are so many times as long.
AGAIN = 4
#: Headers asked for at once: one batch request of Gmail, ten seconds of its quota.
ENVELOPES = 50
#: Orphans asked about at once: between two bites time is looked at.
ORPHANS = 100


@dataclass
class Pulled:
    """What a pull found, or a part of it.

    :param base: the cursor it was pulled after
    :param errors: places whose envelope could not be had, and why; ``None`` as long as
        nobody was asked for envelopes
    :param rest: of a part: what still waits for envelopes, and whose
    """

    batch: ChangeBatch
    base: dict | None
    errors: dict[Place, ProviderError] | None = None
    rest: tuple[Pulled, list[Place]] | None = None

    @property
    def tells_folders(self) -> bool:
        """Does it say more than what mail there is?"""
        batch = self.batch
        return bool(batch.folders is not None or batch.renamed or batch.reset)


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
class MailboxRun(SearchSteps, AuditSteps):
    """One mailbox from lease to release.

    :param queue: places of queued mail that is read before anything is pulled
    :param keep: saves a secret that the provider renewed; called in the network's
        thread
    :param is_reading: the network reads the texts of a page; what is to be done next
        is ``waiting``: one step talks to the mailbox at a time
    :param held: what was pulled, and is not to be judged before the page is written of
        which the texts are read
    :param orphans: mirrored copies that lost their last place in this pass
    :param more: the page that was stored last was not the last one
    :param pull_until: then something else is to be done as well (time.monotonic)
    :param is_sought: something waits to be searched for, after what is new
    :param task: of the search, which is under way; ``terms`` at once
    :param audit: the comparison of the last week that is due, or under way
    :param bite: texts that are asked for at once
    :param doubts: ``orphans`` are mail that no listing named, and are asked about now
    :param had_orphans: ``orphans`` were asked about already
    :param pace: of the import, as its owner is told
    """

    lease: Lease
    queue: list[Place] = field(default_factory=list)
    keep: Callable[[str], None] | None = field(default=None, repr=False)
    provider: Provider | None = None
    is_reading: bool = False
    waiting: tuple | None = None
    held: Pulled | None = None
    orphans: list[Orphan] = field(default_factory=list)
    pass_complete: bool = False
    more: bool = False
    pull_until: float = math.inf
    is_sought: bool = False
    task: Task | None = None
    terms: int = AT_ONCE
    audit: Comparison | None = None
    bite: int = field(default_factory=lambda: reader.BITE)
    doubts: bool = False
    had_orphans: bool = False
    pace: Pace = field(default_factory=Pace)
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
                        self.lease.kind,
                        self.lease.settings,
                        self.lease.secret,
                        self.keep,
                    )
                    self.provider.skip = self.lease.skip
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
        lease = self.lease
        mails = PAGE.mails * (AGAIN if lease.listing == "again" else 1)
        bite = replace(PAGE, mails=self._bite(mails))
        batch = self.provider.pull(
            cursor, lease.since, bite, lease.skip, addresses=lease.addresses
        )
        off = lease.off_in(batch) - lease.skip
        if off and lease.kind == "gmail":
            # a new label inside one that is off is off as well, and the place of its
            # mail does not say so: this must not be read
            skip = lease.skip | off
            batch = self.provider.pull(
                cursor, lease.since, bite, skip, addresses=lease.addresses
            )
        yield Pulled(batch, cursor)

    def _bite(self, mails: int) -> int:
        # a mail that hangs fails its page: smaller ones find it, and it is set aside
        return max(1, mails >> 2 * self.lease.failures)

    def ask_envelopes(self, pulled: Pulled, unknown: list[Place]) -> Iterator:
        """So much of what was pulled as becomes known with one bite of headers.

        A part is stored like a page, under the cursor that stands already: that moves
        with the last part alone, so that it passes no mail that was not decided. Should
        the rest never come, the same pull tells it again, and what was stored of it is
        found by its key and costs nothing.

        :param unknown: places whose mail nobody knows, in the order of the presences
        """
        some = unknown[: self._bite(ENVELOPES)]
        told, waiting = self._headers(some), set(unknown[len(some) :])
        part, rest = [], []
        for presence in pulled.batch.present:
            place = presence.place
            answer = told.get(place, presence)
            if place in waiting or (rest and place not in told):
                rest.append(presence)
            elif rest or isinstance(answer, MessageGone):
                # told a second time, or gone: then a later pull tells that it went
                continue
            else:
                part.append(answer if isinstance(answer, Presence) else presence)
        errors = {
            place: answer
            for place, answer in told.items()
            if isinstance(answer, ProviderError)
        }
        yield self._part(pulled, part, rest, errors, unknown[len(some) :])

    @staticmethod
    def _part(pulled, part, rest, errors, unknown) -> Pulled:
        batch = replace(pulled.batch, present=tuple(part))
        if not unknown:
            return Pulled(batch, pulled.base, errors)
        batch = replace(
            batch,
            absent=(),
            pass_complete=False,
            cursor=pulled.base,
            more=True,
            passed_by=0,
            done=max(0, batch.done - len(rest)),
        )
        remains = replace(
            pulled.batch, folders=None, renamed=(), reset=(), present=tuple(rest)
        )
        return Pulled(
            batch, pulled.base, errors, (Pulled(remains, pulled.base), unknown)
        )

    def list_queue(self) -> Iterator:
        yield self.headers_of(self.queue)

    def headers_of(self, places: Sequence[Place]) -> Listed:
        """Of as many as time allows."""
        present, lost, asked = [], [], {}
        end = time.monotonic() + PAGE.seconds
        for start in range(0, len(places), ENVELOPES):
            if start and time.monotonic() > end:
                break  # the others stay due
            bite = places[start : start + ENVELOPES]
            for place, answer in self._headers(bite).items():
                asked[place] = MessageBroken.codes[0]
                if isinstance(answer, MessageGone):
                    lost.append(place)
                elif isinstance(answer, ProviderError):
                    asked[place] = answer.code
                else:
                    present.append(answer)
        return Listed(present, tuple(lost), asked)

    def _headers(self, places: Sequence[Place]) -> dict:
        """``{place: presence or error}``; of each place something."""
        told = dict.fromkeys(places, MessageBroken("message_broken", "no answer"))
        told.update(self.provider.envelopes(places))
        return told

    def read_texts(self, page: Page, directory: Directory, then: tuple | None):
        """The texts of a page, and what comes after it.

        First what comes after it: that is judged while the texts are read, and while
        the page is written, its texts are. In a mailbox that failed before each page
        is over before the next is begun, so that none comes to grief with one that
        cannot be read.

        :param then: a step and its arguments
        """
        trouble, is_calm = None, not self.lease.failures
        if then and is_calm:
            try:
                yield from self._step(then)
            except ProviderError as error:
                trouble = error
        self._read(page, directory)
        yield Read(page)
        if trouble:
            raise trouble
        if then and not is_calm:
            yield from self._step(then)

    @staticmethod
    def _step(then):
        step, *args = then
        return step(*args)

    def _read(self, page, directory):
        self.bite = reader.read(
            self.provider,
            page.judged,
            self.lease.policy,
            directory,
            PAGE.seconds,
            self._removed(),
            self.bite,
        )
        reader.look_closer(self.provider, page.doubtful)
        if page.batch is None:
            page.lost += tuple(
                item.presence.place
                for item in page.judged
                if isinstance(item.error, MessageGone)
            )

    def _removed(self) -> Callable[[reader.Judged], bool] | None:
        """Did the owner remove this mail? ``None``: there is no such mail."""
        removed = self.lease.removed
        if not removed:
            return None
        ring = keyring()

        def is_removed(item):
            ident = reader.identity.identity(item.envelope, item.key)
            return not removed.isdisjoint(ring.digests("suppression", ident))

        return is_removed

    def confirm(self) -> Iterator:
        """Where is mail that lost its last place? Of what time does not suffice for
        nothing is said: it waits for one more pass.
        """
        fates, end = {}, time.monotonic() + PAGE.seconds
        for start in range(0, len(self.orphans), ORPHANS):
            if start and time.monotonic() > end:
                break
            bite = self.orphans[start : start + ORPHANS]
            answers = self.provider.confirm([orphan.lookup for orphan in bite])
            for orphan in bite:
                place = orphan.lookup.place
                fate = answers.get(place, Fate(UNKNOWN))
                # a mail that was found by its Message-ID alone may be another
                same = tuple(each for each in fate.places if each.ref == place.ref)
                fates[orphan.copy_id] = replace(fate, places=same)
        yield Confirmed(fates)

    def leave(self, pool) -> None:
        """Hang up, before somebody else opens the mailbox.

        A step that hangs in the network holds up nobody: then in a thread of its own.
        """
        if not self.talking.acquire(blocking=False):
            pool.submit(self.close)
            return
        try:
            self._close()
        finally:
            self.talking.release()

    def close(self) -> None:
        """Hang up, once no step talks to the mailbox any more."""
        with self.talking:
            self._close()

    def _close(self) -> None:
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
