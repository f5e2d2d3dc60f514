"""Whether bytes are what was promised."""

from __future__ import annotations

from hca_base.errors import VerificationError
from hca_base.transfer._checksums import STRENGTH, normal
from hca_base.transfer._model import Item
from hca_base.transfer._store._partial import Partial


class Mismatch(VerificationError):
    """The bytes of one file are not those that were promised.

    :ivar found: what was found, to compare with another attempt's
    :ivar data: the bytes, or the partial file that holds them, until somebody keeps or drops them
    """

    def __init__(self, message: str, found: str) -> None:
        super().__init__(message)
        self.found = found
        self.data: bytes | Partial | None = None

    def drop(self) -> None:
        """Forget the bytes."""
        if isinstance(self.data, Partial):
            self.data.discard()
        self.data = None

    def told_with(self, path: str) -> VerificationError:
        """The error as it is told at last, with the place where the bytes are kept."""
        hint = f"The rejected bytes are kept as {path}" if path else None
        return VerificationError(self.message, hint=hint)


def promised(item: Item) -> tuple[str, str] | None:
    """Name and value of the checksum that vouches for an item: the strongest; None when there is none."""
    checksums = normal(item.checksums)
    for name in STRENGTH:
        if name in checksums:
            return name, checksums[name]
    return None


def names_to_hash(item: Item) -> tuple[str, ...]:
    """The checksums to compute: sha256 always (the file's name in the store), and what vouches for the item."""
    promise = promised(item)
    return ("sha256",) if promise is None or promise[0] == "sha256" else ("sha256", promise[0])


def check_size(item: Item, size: int) -> None:
    """Compare sizes.

    :raises Mismatch: they differ
    """
    if item.size is not None and size != item.size:
        raise Mismatch(f"{item.name}: {item.size:,} bytes were promised, {size:,} received", f"size {size}")


def check_digests(item: Item, digests: dict[str, str]) -> None:
    """Compare the checksum that vouches for the item.

    :raises Mismatch: it differs
    """
    promise = promised(item)
    if promise is not None and digests[promise[0]] != promise[1]:
        name, wanted = promise
        raise Mismatch(f"{item.name}: the {name} is {digests[name]}, promised was {wanted}", digests[name])


def checksum_cell(item: Item, digests: dict[str, str]) -> str:
    """What the report shows as checksum: the sha256, or the one that was compared."""
    return digests.get("sha256") or next((f"{name}:{value}" for name, value in digests.items()), "")
