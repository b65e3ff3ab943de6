# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""A mailbox in memory that has all that real ones have: folders that are renamed or not
looked into, mail from before the first day, places that become void, a search.

Imported only once Odoo is.
"""

import dataclasses

from odoo.addons.crm_mail_mirror.engine.identity import normalise_message_id
from odoo.addons.crm_mail_mirror.engine.providers import base

from tests.sync import memory

EVERYTHING = (("", "\U0010ffff"),)


class House(memory.Server):
    """
    :param kind: how it tells where a mail is. ``uids``: each place has a number of its
        own, and only headers tell that two places hold one mail (IMAP). ``ids``: a mail
        keeps its id wherever it lies (Graph). ``bare``: and headers are told only when
        they are asked for (Gmail)
    """

    def __init__(self, kind):
        super().__init__()
        self.kind, self.bare = kind, kind == "bare"
        self.folders["Work"] = "other"
        self.generation["Work"] = "1"
        # what a folder is called changes; what it is does not
        self.names = {number: name for number, name in enumerate(self.folders)}
        # (folder, ref) -> when it came there, in the order of all that happened
        self.came: dict[tuple[str, str], int] = {}
        # (when, number of the folder, generation, ref)
        self.left: list[tuple[int, int, str, str]] = []
        self.now = 0
        # all mail that ever was here
        self.ever: dict[int, memory.Mail] = {}

    def open(self, secret="", keep=None):
        return Connection(self, secret, keep)

    # ---- what its owner does --------------------------------------------------------

    def put(self, *mails, folder="INBOX"):
        refs = []
        for each in mails:
            with self._lock:
                self.now += 1
                self.ever[id(each)] = each
                if self.kind == "uids":
                    ref = f"{self.now:010d}"
                else:
                    each.key = each.key or f"id{self.now}"
                    ref = each.key
                self.mails[folder, ref] = each
                self.came[folder, ref] = self.now
            refs.append(ref)
        return refs

    def remove(self, *refs, folder="INBOX"):
        for ref in refs:
            with self._lock:
                self.now += 1
                del self.mails[folder, ref], self.came[folder, ref]
                place = self._number(folder), self.generation[folder], ref
                self.left.append((self.now, *place))

    def rename(self, old, new):
        with self._lock:
            self.names[self._number(old)] = new
            for rows in (self.folders, self.generation):
                rows[new] = rows.pop(old)
            for rows in (self.mails, self.came):
                for folder, ref in [place for place in rows if place[0] == old]:
                    rows[new, ref] = rows.pop((folder, ref))

    def void(self, folder="INBOX", generation=""):
        """UIDVALIDITY changes: other numbers for the same mail."""
        with self._lock:
            self.generation[folder] = str(int(self.generation[folder]) + 1)
            for place in sorted(place for place in self.mails if place[0] == folder):
                self.now += 1
                moved, ref = self.mails.pop(place), f"{self.now:010d}"
                del self.came[place]
                self.mails[folder, ref], self.came[folder, ref] = moved, self.now

    def presence(self, mail):
        """As it is told, wherever it lies."""
        return base.Presence(
            None, mail.received_at, size=1000, key=mail.key, envelope=mail.envelope
        )

    def _number(self, folder):
        return next(number for number, name in self.names.items() if name == folder)


class Connection(memory.Connection):
    """Its cursor: of each folder that is looked into its number, its generation and up
    to when its arrivals were told; ``left``: up to when departures were."""

    def pull(self, cursor, since, budget, skip=frozenset(), addresses=None):
        self._border("pull")
        house = self.server
        if cursor and house.expired:
            house.expired = False
            raise base.CursorExpired("cursor_expired")
        since = since or base.EPOCH
        with house._lock:
            return self._pulled(cursor, since, budget.mails, set(skip))

    def _pulled(self, cursor, since, bite, skip):
        house = self.server
        known, left, renamed = {}, house.now, []
        if cursor:
            left = cursor["left"]
            for name, (number, *state) in cursor["folders"].items():
                if house.names[number] != name:
                    renamed.append((name, house.names[number]))
                    if name in skip:
                        skip.add(house.names[number])
                known[number] = state
            if since.isoformat() < cursor["since"]:
                for state in known.values():
                    state[1] = 0  # the first day moved back: all of it again
        counted = {
            number: name
            for number, name in house.names.items()
            if house.folders[name] in base.COUNTED_ROLES and name not in skip
        }
        reset, present, more = [], [], False
        for number, name in counted.items():
            state = known.setdefault(number, [house.generation[name], 0])
            if state[0] != house.generation[name]:
                reset.append((name, house.generation[name]))
                state[:] = house.generation[name], 0
            waiting = sorted(
                (when, ref)
                for (folder, ref), when in house.came.items()
                if folder == name and when > state[1]
            )
            room = max(0, bite - len(present))
            more |= len(waiting) > room
            for when, ref in waiting[:room]:
                state[1] = when
                place = base.Place(name, house.generation[name], ref)
                if house.mails[name, ref].received_at >= since:
                    present.append(self._listed(place))
        absent = []
        if not more:
            absent, left = self._departures(known, counted, left), house.now
        return base.ChangeBatch(
            {
                "v": 1,
                "kind": "memory",
                "folders": {
                    house.names[number]: [number, *state]
                    for number, state in known.items()
                },
                "left": left,
                "since": since.isoformat(),
            },
            folders=self.folders(),
            renamed=tuple(renamed),
            reset=tuple(reset),
            present=tuple(present),
            absent=tuple(absent),
            relisted=bool(reset),
            pass_complete=not more,
            more=more,
        )

    def _departures(self, known, counted, left):
        house, absent = self.server, []
        for number in [number for number in known if number not in counted]:
            # it does not count any more: all of its mail left it
            generation, _when = known.pop(number)
            name = house.names[number]
            absent.append(base.Absence(name, generation, EVERYTHING))
        for when, number, generation, ref in house.left:
            name = counted.get(number)
            if when <= left or name is None or generation != house.generation[name]:
                continue
            if (name, ref) not in house.mails:
                absent.append(base.Absence(name, generation, ((ref, ref),)))
        return absent

    def _presence(self, place):
        presence = super()._presence(place)
        is_sent = self.server.folders[place.folder] == "sent"
        return dataclasses.replace(presence, outgoing=True if is_sent else None)

    def _listed(self, place):
        presence = super()._listed(place)
        if presence.envelope is None:
            return presence
        listing = dataclasses.replace(presence.envelope, headers=None, parts=None)
        return dataclasses.replace(presence, envelope=listing)

    def confirm(self, lookups):
        self._border("confirm")
        return {lookup.place: self._fate(lookup) for lookup in lookups}

    def _fate(self, lookup):
        house = self.server
        places = [
            base.Place(folder, house.generation[folder], ref)
            for (folder, ref), found in house.mails.items()
            if self._is_asked_for(lookup, ref, found)
        ]
        live = tuple(
            place
            for place in places
            if house.folders[place.folder] in base.COUNTED_ROLES
        )
        if live:
            return base.Fate(base.LIVE, live)
        if house.kind == "uids":  # there may be more than a search finds
            return base.Fate(base.UNKNOWN)
        return base.Fate(base.EXCLUDED if places else base.GONE)

    def _is_asked_for(self, lookup, ref, found):
        if self.server.kind != "uids":
            return ref == lookup.place.ref
        wanted = normalise_message_id(lookup.message_id)
        return wanted and wanted == normalise_message_id(found.envelope.message_id)
