"""Unique file names, safe whatever the server sends, and the same in every run."""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import PurePosixPath

from hca_base.errors import RefusedError
from hca_drs.objects.model import DrsObject


class Names:
    """Assigns a unique name to each object.

    If several have the same name, the first keeps it, and the others get a part of their location's digest.

    :param flat: omit the enclosing bundles
    :param on_collision: ``rename`` or ``error``
    """

    def __init__(self, *, flat: bool = False, on_collision: str = "rename") -> None:
        self.flat = flat
        self.on_collision = on_collision
        self.renamed = 0
        self._taken: dict[str, tuple[str, str, bool]] = {}

    def of(self, found: DrsObject, path: str) -> str | None:
        """The name of an object; None if it already has this name.

        :raises RefusedError: another object has the name, and collisions are errors
        """
        name = path.rpartition("/")[2] if self.flat else path
        key = found.place.key
        holder = self._taken.setdefault(_folded(name), key)
        if holder == key:
            return None if self._is_again(name, key) else name
        if self.on_collision == "error":
            raise RefusedError(f"two objects are called {name}", hint="use --on-collision rename")
        pure = PurePosixPath(name)
        digest = hashlib.sha256("\n".join(map(str, key)).encode("utf-8", "replace")).hexdigest()[:8]
        other = str(pure.with_name(f"{pure.stem}-{digest}{pure.suffix}"))
        if self._taken.setdefault(_folded(other), key) != key or self._is_again(other, key):
            return None
        self.renamed += 1
        return other

    def _is_again(self, name: str, key: tuple[str, str, bool]) -> bool:
        mark = f"\0{_folded(name)}"
        if mark in self._taken:
            return True
        self._taken[mark] = key
        return False


def _folded(name: str) -> str:
    """The name as compared by file systems that ignore case or normalize Unicode."""
    return unicodedata.normalize("NFC", name).casefold()
