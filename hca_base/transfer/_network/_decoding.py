"""Bodies that a server compressed on the way, decoded as they arrive."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Protocol

from hca_base.errors import RefusedError

_PIECE = 1024 * 1024


class Decoder(Protocol):
    """Decodes a body piece by piece."""

    def feed(self, data: Any) -> Iterator[bytes]:
        """Decode more bytes, and yield the results.

        :raises zlib.error: they are not valid
        """

    @property
    def complete(self) -> bool:
        """True if the body may end here."""


def decoder_for(encoding: str, name: str) -> Decoder:
    """Return the decoder for a ``Content-Encoding``.

    :param name: of the file, for the error
    :raises RefusedError: no installed package can decode it
    """
    if encoding in ("gzip", "x-gzip", "deflate"):
        return Unpacker()
    if encoding == "br":
        module = _brotli()
        if module is not None:
            return BrotliDecoder(module)
    raise RefusedError(
        f"{name}: the server sent the encoding {encoding!r}, although none was requested",
        hint="pip install brotli" if encoding == "br" else None,
    )


def _brotli() -> Any:
    """Return the brotli module that is installed, if any."""
    import importlib

    for name in ("brotli", "brotlicffi"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


class BrotliDecoder:
    """Decodes brotli with the ``brotli`` or ``brotlicffi`` package."""

    def __init__(self, module: Any) -> None:
        self._error = module.error
        self._decoder = module.Decompressor()
        self._fed = False

    def feed(self, data: Any) -> Iterator[bytes]:
        """See :class:`Decoder`."""
        self._fed = self._fed or len(data) > 0
        try:
            for at in range(0, len(data), 65536):
                # In steps, because the decoded size is not bounded.
                yield self._decoder.process(bytes(data[at : at + 65536]))
        except self._error as error:
            raise zlib.error(str(error)) from error

    @property
    def complete(self) -> bool:
        """See :class:`Decoder`."""
        return not self._fed or bool(self._decoder.is_finished())


class Unpacker:
    """Decodes gzip (any number of members, :rfc:`1952`, 2.2) or zlib, piece by piece.

    Zero bytes after a member are padding, as in ``gzip``. Other trailing bytes are not part of the format, and raise an
    error instead of being dropped.
    """

    def __init__(self) -> None:
        self._member = zlib.decompressobj(47)
        self._fed = False

    def feed(self, data: Any) -> Iterator[bytes]:
        """Decode more bytes, and yield at most a MiB at a time.

        :raises zlib.error: they are not valid
        """
        self._fed = self._fed or len(data) > 0
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
                # All input is consumed, but some output is still pending.
                piece = self._member.decompress(b"", _PIECE)
                yield piece
                data = self._member.unused_data

    @property
    def complete(self) -> bool:
        """True at the end of a member, or if there was no data: the body may end here."""
        return self._member.eof or not self._fed
