# Copyright 2026 Mail Mirror
# License AGPL-3.0 or later (https://www.gnu.org/licenses/agpl).
"""How do a third of the bytes tell as much? Both ends deflate (RFC 4978)."""

from __future__ import annotations

import zlib

CAPABILITY = "COMPRESS=DEFLATE"
#: Bytes that are inflated at once: a kilobyte on the wire may stand for a megabyte, and
#: whoever reads counts and bounds what comes out.
PIECE = 1 << 20


class Deflated:
    """Both directions of one connection, each a stream that does not end."""

    def __init__(self):
        self._said = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        self._heard = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        #: what was heard already may tell more, without a further byte
        self.has_more = False

    def deflate(self, said: bytes) -> bytes:
        """As it goes over the wire, to the last byte: nothing is held back."""
        return self._said.compress(said) + self._said.flush(zlib.Z_SYNC_FLUSH)

    def inflate(self, heard: bytes = b"") -> bytes:
        """:return: at most ``PIECE`` bytes; then ``has_more``

        :raises zlib.error: this is no such stream, or it has ended
        """
        if self._heard.eof:
            raise zlib.error("it has ended")
        told = self._heard.decompress(self._heard.unconsumed_tail + heard, PIECE)
        # zlib may keep the end of a full piece to itself, with no octet left over
        self.has_more = len(told) == PIECE
        return told
