"""Bodies that a server compressed on the way, unpacked as they arrive."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

_PIECE = 1024 * 1024


class Unpacker:
    """Unpacks gzip (any number of members, :rfc:`1952`, 2.2) or zlib, piece by piece.

    Zero bytes after a member are padding, as for ``gzip``; anything else there is no part of the format, and an error
    rather than bytes that go missing.
    """

    def __init__(self) -> None:
        self._member = zlib.decompressobj(47)

    def feed(self, data: Any) -> Iterator[bytes]:
        """What comes out of some more bytes, at most a MiB at a time.

        :raises zlib.error: they are not what they should be
        """
        while len(data):
            if self._member.eof:
                data = bytes(data).lstrip(b"\0")
                if not data:
                    return
                self._member = zlib.decompressobj(31)
            piece = self._member.decompress(data, _PIECE)
            yield piece
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            while len(piece) == _PIECE and not data and not self._member.eof:
                # All is taken in, but not all has come out yet.
                piece = self._member.decompress(b"", _PIECE)
                yield piece
                data = self._member.unused_data

    @property
    def complete(self) -> bool:
        """True at the end of a member: the body may end here."""
        return self._member.eof
