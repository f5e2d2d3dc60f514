"""Files received in order: over one connection, of unknown length, compressed, or from a local path."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from hca_base.errors import HCAError, RefusedError, UnreachableError
from hca_base.transfer._checksums import Hashes
from hca_base.transfer._download._context import Context
from hca_base.transfer._download._locate import SourceResolver
from hca_base.transfer._download._receiver import BUFFER, Receiver, as_retry, ended_early, is_encoded
from hca_base.transfer._download._verified import store_partial
from hca_base.transfer._model import Item, Stored
from hca_base.transfer._network._decoding import Decoder, decoder_for
from hca_base.transfer._network._retries import RetryError
from hca_base.transfer._store._disk import disk_error, write_all
from hca_base.transfer._store._partial import Partial
from hca_base.transfer._store._verify import check_size, names_to_hash, strongest_checksum

if TYPE_CHECKING:
    from hca_base.transfer._network._response import Response

_MIB = 1024 * 1024


def receive_in_order(receiver: Receiver, hashes: Hashes, response: Response | None) -> Hashes:
    """Receive, write and hash the rest of a file in this thread; resume after a broken connection.

    :param hashes: of the bytes that are already written
    :param response: an open one with the whole file, if there is one
    """
    buffer = memoryview(bytearray(min(BUFFER, receiver.size)))
    failures = 0
    while hashes.size < receiver.size:
        before = hashes.size
        try:
            if response is None:
                response = receiver.open(hashes.size)
            at = receiver.check_response(response, hashes.size)
            receiver.skip(response, hashes.size - at, buffer)
            _append(receiver, hashes, response, buffer)
            response.release()
        except (RetryError, HCAError) as error:
            if response is not None:
                response.close()
                response = None
            again = as_retry(error)
            if not isinstance(again, RetryError):
                raise again from error
            failures = receiver.pause(again, failures, hashes.size > before)
        except BaseException:
            if response is not None:
                response.close()
            raise
    return hashes


def _append(receiver: Receiver, hashes: Hashes, response: Response, buffer: memoryview) -> None:
    partial = receiver.partial
    while hashes.size < receiver.size:
        receiver.context.cancel.check()
        count = response.readinto(buffer[: receiver.size - hashes.size])
        if not count:
            raise ended_early(receiver.item)
        write_all(partial.fd, buffer[:count], hashes.size)
        hashes.update(buffer[:count])
        partial.checkpoint(hashes)
        receiver.received(count)


def receive_stream(
    context: Context,
    item: Item,
    resolver: SourceResolver,
    partial: Partial,
    response: Response | None,
    size: int | None,
) -> Hashes:
    """Receive a body whose length is not that of the file: chunked without a known size, or compressed.

    :raises RetryError: it failed; a retry may succeed
    """
    hashes = Hashes(names_to_hash(item), size)
    partial.restart()
    os.ftruncate(partial.fd, 0)
    if response is None:
        response = resolver.open()
    try:
        if is_encoded(response):
            resolver.encoding = response.header("Content-Encoding").lower()
        unpacker = _unpacker_for(item, response, size, resolver.decode_bodies)
        buffer = memoryview(bytearray(BUFFER))
        while count := response.readinto(buffer):
            context.moved(item, count)
            context.rate.pace(count, context.cancel)
            context.cancel.check()
            for data in unpacker.feed(buffer[:count]) if unpacker else (buffer[:count],):
                if size is not None and hashes.size + len(data) > size:
                    check_size(item, hashes.size + len(data))
                write_all(partial.fd, data, hashes.size)
                hashes.update(data)
        if unpacker is not None and not unpacker.complete:
            raise ended_early(item)
        response.release()
        return hashes
    except (HCAError, zlib.error) as error:
        response.close()
        if isinstance(error, zlib.error):
            # If there is a checksum, check whether it matches the undecoded bytes.
            resolver.decode_bodies = not (context.options.verify and strongest_checksum(item))
            raise RetryError(UnreachableError(f"{item.name}: the server's compressed data is damaged")) from error
        raise as_retry(error) from error
    except BaseException:
        response.close()
        raise


def _unpacker_for(item: Item, response: Response, size: int | None, decode: bool) -> Decoder | None:
    """Return a decoder for a response's body; None if it needs no decoding.

    :raises RefusedError: no installed package can decode it
    """
    if is_encoded(response):
        return decoder_for(response.header("Content-Encoding").lower(), item.name) if decode else None
    if size is not None and response.length is not None:
        check_size(item, response.length)
    return None


def copy_local(context: Context, item: Item, sha256: str | None, path: str) -> Stored:
    """Copy the bytes from a local file; they are verified like any others."""
    try:
        stream = Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed below; the error belongs to the source
    except OSError as error:
        raise RefusedError(f"cannot read {path}: {error.strerror or error}") from error
    with stream:
        try:
            partial = context.destination.partial(item, sha256, False)
        except OSError as error:
            raise disk_error(error, item.name) from error
        hashes = Hashes(names_to_hash(item), item.size)
        buffer = memoryview(bytearray(_MIB))
        try:
            while count := stream.readinto(buffer):
                context.cancel.check()
                write_all(partial.fd, buffer[:count], hashes.size)
                hashes.update(buffer[:count])
                context.moved(item, count)
        except OSError as error:
            partial.discard()
            raise disk_error(error, item.name) from error
        except BaseException:
            partial.discard()
            raise
        return store_partial(context, item, partial, hashes)
