"""The last step of a download: verify the bytes, and move them into place."""

from __future__ import annotations

from hca_base.transfer._checksums import Hashes
from hca_base.transfer._download._context import Context
from hca_base.transfer._model import Item, Stored
from hca_base.transfer._store._disk import disk_error
from hca_base.transfer._store._partial import Partial
from hca_base.transfer._store._verify import MismatchError, check_digests, check_size, names_to_hash


def store_bytes(context: Context, item: Item, data: bytes) -> Stored:
    """Verify the bytes of a file, and store them.

    :raises MismatchError: they are not the expected ones; the error holds them
    :raises DiskError: they cannot be written
    """
    hashes = Hashes(names_to_hash(item), len(data))
    hashes.update(data)
    digests = _check(context, item, hashes, data)
    try:
        return Stored(context.destination.put_bytes(item, digests["sha256"], data), digests["sha256"], len(data))
    except OSError as error:
        raise disk_error(error, item.name) from error


def store_partial(context: Context, item: Item, partial: Partial, hashes: Hashes) -> Stored:
    """Verify a complete partial file, and move it into place.

    :raises MismatchError: its bytes are not the expected ones; the error holds it
    :raises DiskError: it cannot be moved into place
    """
    digests = _check(context, item, hashes, partial)
    try:
        return Stored(context.destination.adopt(item, digests["sha256"], partial), digests["sha256"], hashes.size)
    except OSError as error:
        raise disk_error(error, item.name) from error


def _check(context: Context, item: Item, hashes: Hashes, data: bytes | Partial) -> dict[str, str]:
    digests = hashes.hexdigests()
    try:
        # Compare the size even if checksums are not verified: it detects truncated and compressed files.
        check_size(item, hashes.size)
        if context.options.verify:
            check_digests(item, digests)
    except MismatchError as mismatch:
        mismatch.data = data
        raise
    return digests
