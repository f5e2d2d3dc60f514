"""Checks of names from a server before they are used on disk."""

from __future__ import annotations

import os
import re
import unicodedata
from array import array
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from hca_base.errors import RefusedError

#: Longest component in bytes, and deepest path, that common file systems support.
MAX_COMPONENT = 255
MAX_DEPTH = 128
MAX_PATH = 4000
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"]
)
_NATIVE_HINT = "pass --names native if your disk can hold such names"
#: Components that every system accepts, as most are: letters, digits and a few signs, with a part before the first dot
#: that is longer than any device name.
_PLAIN = re.compile(r"[\w+=@,-]{5,100}(?:\.[\w+=@,.-]{0,100}[\w+=@,-])?", re.ASCII).fullmatch
#: The first component, reserved for the filestore.
RESERVED = ".hca"


class HostileNameError(RefusedError):
    """A name from a server must not be used as the name of a local file."""


def _say(name: str) -> str:
    shown = name if len(name) <= 80 else name[:77] + "..."
    return ascii(shown) if not shown.isprintable() else f"'{shown}'"


def _fault(component: str, windows: bool, native: bool = False) -> str | None:
    """Return what is wrong with one component of a path, or None."""
    if component in ("", ".", ".."):
        return {"": "has an empty component", ".": "has the component '.'", "..": "leads out of its directory"}[
            component
        ]
    if component[-1] in ". " and not native:
        return "has a component that ends in a dot or a space"
    # The common case first: printable ASCII needs no check of each code point.
    if not (component.isascii() and component.isprintable()):
        for character in component:
            category = unicodedata.category(character)
            if category == "Cc" or character in "\u2028\u2029":
                return "has a control character"
            if category == "Cs":
                return "is not valid Unicode"
            if "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069":
                return "has a character that changes the direction of text"
    if "\\" in component:
        return "has a backslash"
    if windows and any(character in '<>:"|?*' for character in component):
        return "has a character that Windows does not allow in file names"
    if not native and component.split(".", 1)[0].rstrip(" ").casefold() in _DEVICES:
        return "is the name of a device on Windows"
    if len(component) > MAX_COMPONENT or len(component.encode("utf-8", "surrogatepass")) > MAX_COMPONENT:
        return f"has a component longer than {MAX_COMPONENT} bytes"
    return None


_fit_directory = ""


def name_fault(name: str, windows: bool = os.name == "nt", native: bool = False) -> str | None:
    """Return why ``name`` must not be used, as the rest of a sentence about it; None if it may be.

    :param windows: check for Windows, which allows less than other systems
    :param native: allow names that only other systems reject: components that end in a dot or a space, or are Windows
        device names
    """
    global _fit_directory
    native = native and not windows
    directory, _, leaf = name.rpartition("/")
    if directory and directory == _fit_directory and len(name) <= MAX_PATH and not windows and not native:
        # Consecutive names are mostly in the same directory.
        return None if _PLAIN(leaf) else _fault(leaf, windows)
    if not directory and _PLAIN(name):
        return None
    if not name:
        return "is empty"
    if name[0] == "/":
        return "is absolute"
    if name.startswith("~/"):
        return "starts with '~/'"
    if name[1:2] == ":" and name[0].isascii() and name[0].isalpha():
        return "starts with a drive letter"
    if len(name) > MAX_PATH:
        return "is too long"
    components = name.split("/")
    if len(components) > MAX_DEPTH:
        return "has too many components"
    for component in components:
        fault = _fault(component, windows, native)
        if fault:
            return fault
    if components[0].casefold() == RESERVED:
        return f"lies in {RESERVED}, which is reserved for the filestore"
    if directory and not native:
        _fit_directory = directory
    return None


def safe_name(name: str, native: bool = False) -> PurePosixPath:
    """Return ``name`` as a relative path that stays below its root on every operating system.

    Refused are empty and absolute names, ``.``, ``..`` and empty components, backslashes, drive letters, control and
    direction-changing characters (on Windows also ``<>:"|?*``), device names (``CON``, ``nul.txt``, ``COM1`` …),
    components that end in a dot or a space or are longer than 255 bytes, and names inside ``.hca``.

    :param native: see :func:`name_fault`
    :raises HostileNameError: the name is one of those
    """
    fault = name_fault(name, native=native)
    if fault:
        raise hostile(name, fault)
    return PurePosixPath(name)


def hostile(name: str, fault: str) -> HostileNameError:
    """Return the error for an invalid name."""
    return HostileNameError(f"the file name {_say(name)} {fault}; it was not used", hint=_hint(name))


def _hint(name: str) -> str | None:
    """Return the hint for a name that only other systems reject."""
    return _NATIVE_HINT if os.name != "nt" and name_fault(name, native=True) is None else None


def safe_join(root: Path | str, name: str) -> Path:
    """Return ``root / name`` after checking the name.

    :raises HostileNameError: the name must not be used
    """
    return Path(root) / safe_name(name)


def folded(name: str) -> str:
    """Return ``name`` as a file system that ignores case and normalisation compares it."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", name).casefold())


class NameChecker:
    """Finds names that some file system treats as equal, as the names arrive.

    It uses eight bytes per name and directory at a load factor of one half: 16 MiB for a million. The interpreter keys
    the hashes, so names cannot be chosen to collide. By chance, one collision in a million is missed, and a false one
    is reported about once in a million runs with a million names each.
    """

    #: The low bits of an entry identify the spelling (and content); the others are the hash of the folded path.
    _SPELLING = (1 << 20) - 1

    def __init__(self, native: bool = False) -> None:
        self._fold = str if native else folded
        self._bits = 12
        self._table = array("Q", bytes(8 << self._bits))
        self._used = 0
        self._last_directory = ""

    def check(self, name: str, identity: object = None) -> str | None:
        """Add ``name``; return how it conflicts with earlier names, or None.

        :param identity: the file's content (its checksum): a name may be repeated for the same content
        """
        position = name.rfind("/")
        if position > 0 and name[:position] != self._last_directory:
            directory = name[:position]
            while position > 0:
                if not self._add(name[:position], 0):
                    return "has a directory that differs from another name only in case or Unicode form, or is a file"
                position = name.rfind("/", 0, position)
            self._last_directory = directory
        if not self._add(name, hash((name, identity)) | 1):
            return "differs from another only in case or Unicode form, is given twice, or is a directory too"
        return None

    def _add(self, path: str, spelling: int) -> bool:
        place = hash(self._fold(path)) & 0xFFFF_FFFF_FFFF_FFFF
        entry = (place & ~self._SPELLING) | ((spelling or hash((path, "/")) & ~1) & self._SPELLING) or 1
        table = self._table
        mask = len(table) - 1
        index = place >> (64 - self._bits)
        while table[index]:
            if (table[index] ^ entry) <= self._SPELLING:
                return table[index] == entry
            index = (index + 1) & mask
        table[index] = entry
        self._used += 1
        if self._used * 2 > len(table):
            self._grow()
        return True

    def _grow(self) -> None:
        self._bits += 1
        old, self._table = self._table, array("Q", bytes(8 << self._bits))
        table, mask, shift = self._table, len(self._table) - 1, 64 - self._bits
        for entry in old:
            if entry:
                index = entry >> shift
                while table[index]:
                    index = (index + 1) & mask
                table[index] = entry


def check_names(names: Iterable[str], native: bool = False) -> None:
    """Check a set of names: each individually, and that no file system merges two of them.

    :param native: names may differ only in case or Unicode form; see also :func:`name_fault`
    :raises HostileNameError: for the first invalid name, with the other one that it collides with
    """
    fold = str if native else folded
    files: dict[str, str] = {}
    directories: dict[str, str] = {}
    for name in names:
        safe_name(name, native)
        form = fold(name)
        if form in files:
            other = files[form]
            kind = "are the same" if other == name else "differ only in case or Unicode form"
            hint = None if other == name else _NATIVE_HINT
            raise HostileNameError(f"the file names {_say(other)} and {_say(name)} {kind}", hint=hint)
        files[form] = name
        for parent in PurePosixPath(name).parents:
            directory = str(parent)
            if directory != ".":
                known = directories.setdefault(fold(directory), directory)
                if known != directory:
                    raise HostileNameError(
                        f"the directories {_say(known)} and {_say(directory)} differ only in case or Unicode form",
                        hint=_NATIVE_HINT,
                    )
    for form, name in files.items():
        if form in directories:
            raise HostileNameError(f"{_say(name)} is the name of a file and of a directory")
