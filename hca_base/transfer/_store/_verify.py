"""Checks that the bytes of a file are the expected ones."""

from __future__ import annotations

from typing import NamedTuple

from hca_base.errors import VerificationError
from hca_base.transfer._checksums import BY_STRENGTH, normalize_checksums
from hca_base.transfer._model import Item
from hca_base.transfer._store._partial import Partial


class MismatchError(VerificationError):
    """Raised when the bytes of a file are not the expected ones.

    :ivar found: the actual digest or size, to compare with another attempt's
    :ivar decoded: the server declared them as compressed
    :ivar data: the bytes, or the partial file that holds them, until they are kept or discarded
    """

    def __init__(self, message: str, found: str) -> None:
        super().__init__(message)
        self.found = found
        self.decoded = False
        self.data: bytes | Partial | None = None

    def drop(self) -> None:
        """Discard the bytes."""
        if isinstance(self.data, Partial):
            self.data.discard()
        self.data = None

    def with_quarantine_path(self, path: str) -> VerificationError:
        """Return the error for the user, with the place where the bytes are kept."""
        hint = f"the rejected bytes are kept as {path}" if path else None
        return VerificationError(self.message, hint=hint)


class ExpectedChecksum(NamedTuple):
    """One checksum of an item: its name (sha256, md5, …) and its hex digest in lower case."""

    name: str
    digest: str


def strongest_checksum(item: Item) -> ExpectedChecksum | None:
    """Return the strongest of an item's checksums, which is the one that is compared; None if it has none."""
    checksums = normalize_checksums(item.checksums)
    for name in BY_STRENGTH:
        if name in checksums:
            return ExpectedChecksum(name, checksums[name])
    return None


def names_to_hash(item: Item) -> tuple[str, ...]:
    """Return the checksums to compute: sha256 always (the file's name in the store), and the one to compare."""
    expected = strongest_checksum(item)
    return ("sha256",) if expected is None or expected.name == "sha256" else ("sha256", expected.name)


def check_size(item: Item, size: int) -> None:
    """Compare sizes.

    :raises MismatchError: they differ
    """
    if item.size is not None and size != item.size:
        raise MismatchError(f"{item.name}: expected {item.size:,} bytes, received {size:,}", f"size {size}")


def check_digests(item: Item, digests: dict[str, str]) -> None:
    """Compare the item's strongest checksum.

    :raises MismatchError: it differs
    """
    expected = strongest_checksum(item)
    if expected is not None and digests[expected.name] != expected.digest:
        found = digests[expected.name]
        raise MismatchError(f"{item.name}: the {expected.name} is {found}, expected {expected.digest}", found)
