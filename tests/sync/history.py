"""A random life of a mailbox, and a mirror that is broken off while it watches."""

import threading
from random import Random

from tests.sync.letters import raw

IGNORED = ("Drafts", "Junk", "Trash")
FOLDERS = ("INBOX", "Archive", "Work", "Work/Deep", "Trash", "Junk")
COUNTED = [folder for folder in FOLDERS if folder not in IGNORED]


class Crash(BaseException):
    """The process ends here: nothing in the code under test may survive it."""


class Life:
    """What the owner does with the mailbox; the same for the same seed.

    :param client: every mail with an even number is from there, the others from nobody
    """

    def __init__(self, program, seed, owner, client, stranger):
        self.random = Random(seed)
        self.program, self.owner = program, owner
        self.client, self.stranger = client, stranger
        self.number = 0
        self.lock = threading.Lock()
        for folder in sorted(set(FOLDERS) - set(program.folders())):
            program.create(folder)

    def go_on(self, steps=1):
        # also called while the mirror reads: one at a time
        with self.lock:
            for _ in range(steps):
                getattr(self, self.random.choice(self._WAYS))()

    _WAYS = ["arrive"] * 5 + ["move"] * 3 + ["expunge", "expunge", "flag", "unflag"]

    def arrive(self, folder=None):
        sender = self.stranger if self.number % 2 else self.client
        folder = folder or self.random.choice(["INBOX", "INBOX", "INBOX", *COUNTED])
        self.program.append(folder, raw(self.number, sender, self.owner))
        self.number += 1

    def _any(self, deleted=False):
        folder = self.random.choice(FOLDERS)
        flags = self.program.flags(folder)
        uids = sorted(u for u, f in flags.items() if ("\\Deleted" in f) == deleted)
        return folder, self.random.choice(uids) if uids else None

    def move(self):
        folder, uid = self._any()
        target = self.random.choice([each for each in FOLDERS if each != folder])
        if uid:
            self.program.move(folder, uid, target)

    def expunge(self):
        folder, uid = self._any()
        if uid:
            self.program.expunge(folder, uid)

    def flag(self):
        folder, uid = self._any()
        if uid:
            self.program.flag(folder, uid, "\\Deleted")

    def unflag(self):
        folder, uid = self._any(deleted=True)
        if uid:
            self.program.flag(folder, uid, "\\Deleted", on=False)

    def wanted(self):
        """(folder, UID, Message-ID) of what belongs into the mirror: plain imaplib."""
        domain = self.client.rpartition("@")[2]
        numbered = {f"<{number}@{domain}>" for number in range(0, self.number, 2)}
        return {place for place in self.program.truth(IGNORED) if place[2] in numbered}


class PlainLife(Life):
    """In a mailbox that knows nothing of marking for deletion."""

    _WAYS = ["arrive"] * 5 + ["move"] * 3 + ["expunge", "expunge", "copy", "read"]

    def _any(self, deleted=False):
        folder = self.random.choice(FOLDERS)
        refs = sorted(self.program.listing(folder))
        return folder, self.random.choice(refs) if refs else None

    def copy(self):
        folder, ref = self._any()
        if ref and folder not in IGNORED:
            self.program.copy(folder, ref, self.random.choice(COUNTED))

    def read(self):
        folder, ref = self._any()
        if ref:
            self.program.read(folder, ref)


#: Where a page can be broken off: (class, method, before or after it)
EDGES = [
    ("page", step, when)
    for step in (
        "_fence",
        "_folders",
        "_void_generations",
        "_write_mail",
        "_keep_texts",
        "_insert_copies",
        "_change_copies",
        "_write_participants",
        "_write_traces",
        "_write_locations",
        "_drop_locations",
        "_judge_orphans",
        "_delete_copies",
        "_move_cursor",
        "_settle_orphans",
    )
    for when in ("before", "after")
] + [
    ("day", "_add", "before"),
    ("day", "_add", "after"),
    ("sync", "_judge", "before"),
    ("sync", "_judge", "after"),
    ("sync", "_store", "before"),
    ("sync", "_store", "after"),  # committed, not released
    ("sync", "_end", "before"),
    ("sync", "_end", "after"),
    ("sync", "_claim", "after"),
]


def break_off(monkeypatch, registry, edge, nth=1):
    """Make the nth passing of an edge a ``Crash``."""
    model, step, when = edge
    owner = registry[f"crm.mail.mirror.{model}"]
    real, passed = getattr(owner, step), []

    def broken(self, *args, **kwargs):
        passed.append(1)
        if when == "before" and len(passed) == nth:
            raise Crash
        result = real(self, *args, **kwargs)
        if when == "after" and len(passed) == nth:
            raise Crash
        return result

    monkeypatch.setattr(owner, step, broken)
