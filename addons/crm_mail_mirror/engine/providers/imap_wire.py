# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""imapclient, and the commands it lacks.

imapclient 3.0 to 4.1 has no ranges in FETCH, no VANISHED (RFC 7162), no ESEARCH (RFC
4731) and no LIST-STATUS (RFC 5819), and formats each byte for a debug log. Nothing here
ever sends SELECT, STORE, EXPUNGE or a BODY without PEEK.
"""

from __future__ import annotations

import imaplib
import logging
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import imapclient
from imapclient.exceptions import IMAPClientError

from . import imap_compress, imap_parse, imap_uids
from .base import Throttled, Traffic, Unavailable
from .imap_answers import Examined, Refused, is_busy, response_code
from .imap_socket import MAX_ANSWER, Connection, Timeouts, TooMuch

# What imapclient says at level DEBUG: it never gets content to log (see ``Wire``),
# but would log logins.
logging.getLogger("imapclient").setLevel(logging.INFO)


class Wire(imapclient.IMAPClient):
    """:param sock: connected, TLS on it already if it is to be from the first byte"""

    def __init__(
        self, sock: socket.socket, host: str, timeouts: Timeouts, traffic: Traffic
    ):
        self._parts = (sock, host, timeouts, traffic)
        self.traffic = traffic
        self.selected: str | None = None
        #: mails that the open folder lost since EXAMINE, as far as the server told
        self.shrunk = 0
        self.enabled: frozenset[str] = frozenset()
        self._asked_to_enable = False
        #: COMPRESS was not asked for yet, and may be
        self.may_compress = True
        #: may two commands go out at once? ``mispaired``: that went wrong
        self.may_pair, self.mispaired = True, False
        self.capable: frozenset[str] = frozenset()
        #: where folders of others and shared ones begin, which are never of this
        #: mailbox; ``None`` before it was asked
        self.foreign: tuple[bytes, ...] | None = None
        super().__init__(host, port=0, ssl=False, timeout=timeouts.read)
        self._imap.debug = 0
        self._imap.__dict__.pop("_mesg", None)

    def __repr__(self) -> str:
        return "<Wire>"

    def _create_IMAP4(self) -> Connection:
        return Connection(*self._parts)

    @property
    def failure(self) -> str:
        """What went wrong below: a code of ``Unavailable``, ``""`` for nothing."""
        return self._imap.failure

    @property
    def miscompressed(self) -> bool:
        """The server accepted COMPRESS, or hung on it, and then was not understood."""
        return self._imap.miscompressed

    def close(self) -> None:
        """Hang up, without a word."""
        self._imap.shutdown()

    def believe_greeting(self) -> bool:
        """Take the capabilities it told. :return: the server waits for a login"""
        self.capable = frozenset(self._imap.capabilities)
        return self._imap.state == "NONAUTH"

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """After STARTTLS was accepted; raises what ``ssl`` does, and ``ValueError``."""
        self._imap.start_tls(context, host)

    # --- any command ------------------------------------------------------------------

    def command(self, name: str, *args: str | bytes, answer: int = MAX_ANSWER) -> dict:
        """Send a command, wait for its tagged answer.

        :return: untagged answers by type, as ``imap_parse.responses`` takes them
        :raises Refused: the tagged answer is not OK
        """
        return self._answered(name, self._sent(name, *args), answer, *args)

    def commands(
        self, name: str, some: Sequence[tuple[Sequence[str], int]]
    ) -> list[dict | Refused]:
        """Send commands at once, then wait for their answers: in one round trip.

        Only for commands that change nothing, and whose answers tell what they belong
        to (RFC 3501 section 5.5).

        :param some: arguments, and bytes that the answer may have
        :return: of each what ``command`` gives, or raises as ``Refused``
        """
        with self._imap.together():
            tags = [self._sent(name, *args) for args, _answer in some]
        told: list[dict | Refused] = []
        for tag, (args, answer) in zip(tags, some, strict=True):
            try:
                told.append(self._answered(name, tag, answer, *args))
            except Refused as refusal:
                told.append(refusal)
        return told

    def command_and(self, also: str, name: str, *args: str) -> dict:
        """Send a command, and behind it one without arguments: in one round trip.

        Only for commands that change nothing, and whose answers tell what they belong
        to: they may come in any order (RFC 3501 section 5.5). A server that does not
        bear two at once is asked one by one: at once where it refuses, over the next
        connection (``may_pair``) where it falls silent or hangs up.

        :return: untagged answers to both
        :raises Refused: one of them is not OK
        """
        if not self.may_pair:
            return {**self.command(also), **self.command(name, *args)}
        self.mispaired = True
        try:
            told = self._pair(also, name, *args)
        except TimeoutError:
            self._imap.failure = "connection_lost"  # worth another one
            raise self._imap.abort("two at once") from None
        except Refused:
            self.may_pair = False
            return self.command_and(also, name, *args)
        self.mispaired = False
        return told

    def _pair(self, also, name, *args):
        with self._imap.together():
            tag, behind = self._sent(name, *args), self._sent(also)
        refusal, told = None, {}
        try:
            told = self._answered(name, tag, MAX_ANSWER, *args)
        except Refused as problem:
            refusal = problem
        told.update(self._answered(also, behind, MAX_ANSWER))
        if refusal is not None:
            raise refusal
        return told

    def _sent(self, name: str, *args: str | bytes) -> bytes:
        imaplib.Commands.setdefault(name, ("NONAUTH", "AUTH", "SELECTED"))
        self._imap.untagged_responses.clear()
        self._imap.limit_answer()
        self.traffic.commands += 1
        return self._imap._command(name, *(_bytes(arg) for arg in args))

    def _answered(self, name: str, tag: bytes, answer: int, *args) -> dict:
        imap = self._imap
        imap.untagged_responses.clear()
        imap.limit_answer(answer)
        verb = f"{name} {args[0]}" if name == "UID" else name
        try:
            typ, data = imap._command_complete(name, tag)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as problem:
            raise Refused(verb, "BAD", "", str(problem)) from None
        if typ != "OK":
            text = b" ".join(d for d in data if isinstance(d, bytes))
            text = text.decode("utf-8", "replace")
            raise Refused(verb, typ, response_code(text), text)
        told = dict(imap.untagged_responses)
        self.shrunk += len(told.get("EXPUNGE", []))
        self.shrunk += sum(
            imap_uids.size(imap_uids.parse(answer.strip()))
            for answer in told.get("VANISHED", [])
            if answer.strip()[:1].isdigit()
        )
        return told

    def log_in_plainly(self, login: str, secret: str) -> bool:
        """AUTHENTICATE PLAIN, in one round trip where offered (RFC 4959).

        :return: the server told its capabilities at once
        :raises imaplib.IMAP4.error, Refused: the login, by the server
        """
        answer = f"\0{login}\0{secret}"
        if "SASL-IR" not in self.capable:
            waiting = iter((answer,))
            self.sasl("PLAIN", lambda _asked: next(waiting, "").encode("utf-8"))
            return False
        told = self.command("AUTHENTICATE", "PLAIN", b64encode(answer.encode("utf-8")))
        self._imap.state = "AUTH"
        return self._believe(told.get("CAPABILITY"))

    def sasl(self, mechanism: str, answers: Callable[[bytes], str]) -> None:
        """AUTHENTICATE. :raises imaplib.IMAP4.error: refused, as imaplib says it"""
        self._imap.limit_answer()
        self.traffic.commands += 1
        self._imap.authenticate(mechanism, answers)

    def log_in(self, login: str, secret: str) -> None:
        """LOGIN, for servers without SASL."""
        self.command("LOGIN", quote(login), quote(secret))
        self._imap.state = "AUTH"

    def ask_capabilities(self) -> None:
        """Learn them anew: servers tell more, or others, after login."""
        self._believe(self.command("CAPABILITY").get("CAPABILITY") or [b""])

    def _believe(self, told: list | None) -> bool:
        if told:
            words = told[-1].decode("ascii", "replace").upper().split()
            self.capable = frozenset(words)
        return bool(told)

    @property
    def has_qresync(self) -> bool:
        """Asked for when it first matters: of a mailbox without news no folder is

        opened, and a round trip saved. Only the untagged answer is believed: iCloud
        advertises it and never enables.
        """
        if not self._asked_to_enable and self.selected is None:
            self._asked_to_enable = True
            if {"ENABLE", "QRESYNC"} <= self.capable:
                self._enable_qresync()
        return "QRESYNC" in self.enabled

    def _enable_qresync(self) -> None:
        try:
            told = self.command("ENABLE", "QRESYNC").get("ENABLED", [])
        except Refused:
            return
        words = b" ".join(t for t in told if isinstance(t, bytes))
        self.enabled = frozenset(words.decode("ascii", "replace").upper().split())

    def leave(self) -> None:
        """LOGOUT and hang up: what the server says to that nobody waits for."""
        try:
            self.traffic.commands += 1
            self._imap.limit_answer()
            self._imap._command("LOGOUT")
        except (OSError, imaplib.IMAP4.error, ValueError):
            pass  # whatever it is, we are leaving
        self.close()

    # --- folders ----------------------------------------------------------------------

    def examine(self, name: bytes) -> Examined:
        """Open a folder for reading only, afresh."""
        # ENABLE is refused once a folder is open (RFC 5161 section 3.1)
        has_qresync = self.has_qresync
        self.selected = None
        imap = self._imap
        imap.is_readonly = True
        imap.state = "AUTH"  # a refused EXAMINE leaves no folder open
        # RFC 7162 section 3.1.8: a server need not tell HIGHESTMODSEQ unasked
        wants_condstore = "CONDSTORE" in self.capable and not has_qresync
        condstore = ("(CONDSTORE)",) if wants_condstore else ()
        told = self._examine(quote(name), *condstore)
        imap.state = "SELECTED"
        self.selected = name.decode("latin-1")
        uidvalidity, uidnext = _number(told, "UIDVALIDITY"), _number(told, "UIDNEXT")
        if uidvalidity is None:
            raise ValueError("EXAMINE without UIDVALIDITY")
        exists = _number(told, "EXISTS")
        if exists is None:
            raise ValueError("EXAMINE without EXISTS")
        if uidnext is None:  # RFC 3501 lets old servers leave it out
            highest = self.search("UID", "*") if exists else []
            uidnext = highest[-1][1] + 1 if highest else 1
        return Examined(uidvalidity, uidnext, exists, _number(told, "HIGHESTMODSEQ"))

    def _examine(self, *args: bytes | str) -> dict:
        """EXAMINE, and with the first one COMPRESS (RFC 4978).

        Until that is answered nothing more may be said. It goes out with a command that
        is waited for anyway, behind it, and so costs no round trip; whoever opens no
        folder has nothing to read that would be worth it. Answers come in any order.
        """
        if not (self.may_compress and imap_compress.CAPABILITY in self.capable):
            told = self.command("EXAMINE", *args)
            self.shrunk = 0
            return told
        self.may_compress = False
        with self._imap.together():
            tag = self._sent("EXAMINE", *args)
            compress = self._sent("COMPRESS", "DEFLATE")
            self._imap.compress_after(compress)
        refusal = None
        try:
            told = self._answered("EXAMINE", tag, MAX_ANSWER)
        except Refused as problem:
            refusal = problem
        self.shrunk = 0
        with suppress(Refused):  # also [COMPRESSIONACTIVE]: as it was before
            self._answered("COMPRESS", compress, MAX_ANSWER)
        if refusal is not None:
            raise refusal
        return told

    def unselect(self) -> bool:
        """Leave the open folder (RFC 3691); false when the server cannot."""
        if self.selected is None:
            return True
        if "UNSELECT" not in self.capable:
            return False
        self.command("UNSELECT")
        self._imap.state = "AUTH"
        self.selected = None
        return True

    # --- mail -------------------------------------------------------------------------

    def search(self, *criteria: str | bytes, charset: str = "") -> imap_uids.Ranges:
        """UIDs of the open folder; in ranges where the server has ESEARCH."""
        criteria = ("CHARSET", charset, *criteria) if charset else criteria
        if "ESEARCH" in self.capable:
            told = self.command("UID", "SEARCH", "RETURN", "(ALL)", *criteria)
            for answer in told.get("ESEARCH", []):
                found = re.search(rb"\bALL ([0-9:,]+)", answer, re.IGNORECASE)
                if found:
                    return imap_uids.possible(imap_uids.parse(found[1]))
                return []
        else:
            told = self.command("UID", "SEARCH", *criteria)
        uids: list[int] = []
        for answer in told.get("SEARCH", []):
            words = answer.partition(b"(")[0]  # "(MODSEQ n)" may follow
            uids.extend(map(int, words.split()))
        return imap_uids.possible(imap_uids.compress(uids))

    def fetch_rows(
        self, uids: str, items: str, modifier: str = "", answer: int = MAX_ANSWER
    ) -> tuple[list[imap_parse.Response], imap_uids.Ranges]:
        """UID FETCH. :return: one response a mail, unparsed; what VANISHED told"""
        arguments = ["FETCH", uids, items, *([modifier] if modifier else [])]
        told = self.command("UID", *arguments, answer=answer)
        return list(imap_parse.responses(told.get("FETCH", []))), vanished(told)

    def fetch_flags(
        self, uids: str, modseq: int
    ) -> tuple[dict[int, bool], imap_uids.Ranges]:
        """What changed since (RFC 7162 section 3.2.6), QRESYNC being enabled.

        :return: UID -> whether it is marked \\Deleted; what VANISHED
        """
        rows, gone = self.fetch_rows(
            uids, "(UID FLAGS)", f"(CHANGEDSINCE {modseq} VANISHED)"
        )
        marked = {}
        for response in rows:
            row = imap_parse.fetched(response)
            if b"UID" in row and b"FLAGS" in row:
                flags = {flag.lower() for flag in row[b"FLAGS"] or () if flag}
                marked[int(row[b"UID"])] = b"\\deleted" in flags
        return marked, gone


def vanished(told: dict) -> imap_uids.Ranges:
    """``* VANISHED [(EARLIER)] set`` (RFC 7162 section 3.2.10), as ranges."""
    ranges: imap_uids.Ranges = []
    for answer in told.get("VANISHED", []):
        text = answer.strip()
        if text.upper().startswith(b"(EARLIER)"):
            text = text[9:]
        if text.strip():
            ranges.extend(imap_uids.parse(text.strip()))
    return imap_uids.merge(ranges)


def quote(text: bytes | str) -> bytes:
    """A quoted string (RFC 3501 section 4.3)."""
    octets = _bytes(text)
    if any(byte in octets for byte in b"\r\n\0"):
        raise ValueError("no quoted string can hold this")
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


@contextmanager
def in_our_words(
    wire: Wire | None = None, doing: str = "", refusals: bool = True
) -> Iterator[None]:
    """Turn what imaplib, imapclient, ssl and socket raise into errors of ``base``.

    Their texts may quote the wire: none of it is passed on.

    :param refusals: ``Refused`` too; else it goes through as it is
    """
    try:
        yield
    except Refused as refusal:
        if not refusals:
            raise
        if is_busy(refusal.text, refusal.code):
            raise Throttled("throttled", str(refusal), retry_after=600) from None
        raise Unavailable("server_error", str(refusal)) from None
    except TimeoutError:
        raise Unavailable("timeout", doing) from None
    except TooMuch:
        raise Unavailable("garbage", "more than was asked for") from None
    except imaplib.IMAP4.abort as problem:
        failure = wire.failure if wire is not None else ""
        raise _from_abort(str(problem), failure, doing) from None
    except ssl.SSLError:
        raise Unavailable("connection_lost", "TLS") from None
    except OSError:
        raise Unavailable("connection_lost", doing) from None
    except (imaplib.IMAP4.error, IMAPClientError):
        raise Unavailable("server_error", doing) from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Unavailable("garbage", doing) from None


def _from_abort(text: str, failure: str, doing: str) -> Throttled | Unavailable:
    if failure:
        return Unavailable(failure, doing)
    if is_busy(text):
        return Throttled("throttled", "the server closed the connection", 600)
    if text.startswith("unexpected") or "unexpected response" in text:
        return Unavailable("garbage", doing)
    return Unavailable("connection_lost", doing)


def _bytes(text: bytes | str) -> bytes:
    return text.encode("utf-8") if isinstance(text, str) else text


def _number(told: dict, name: str) -> int | None:
    for value in reversed(told.get(name, [])):
        found = re.match(rb"\d{1,19}", value) if isinstance(value, bytes) else None
        if found:
            return int(found[0])
    return None
