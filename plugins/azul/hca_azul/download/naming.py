"""The names of downloaded files."""

from __future__ import annotations

import re
import string
import unicodedata

from hca_azul.lists.entries import Entry
from hca_base.errors import UsageError

#: Below the download directory: a folder for each project.
DEFAULT = "{project}/{name}"
#: Paths from the file list, if it has any.
LISTED = "{path}"
PLACES = {
    "name": "the file's name",
    "stem": "the name without its suffixes",
    "suffix": "the suffixes, such as .fastq.gz",
    "uuid": "the file's UUID",
    "version": "its version",
    "sha256": "its sha256",
    "format": "its format",
    "project": "short name of the project",
    "project_id": "UUID of the project",
    "bundle": "UUID of the bundle",
    "sample": "name of the sample",
    "organ": "organ",
    "species": "species",
    "library": "library preparation",
    "read": "read1, read2 or index1",
    "path": "the path in a curl configuration",
}
_FORMATTER = string.Formatter()


class Template:
    """A template for names, such as ``{project}/{organ}/{name}``.

    Empty folder names are omitted.

    :param plain: replace blanks by underscores
    :raises UsageError: it has an unknown placeholder
    """

    def __init__(self, text: str, *, plain: bool = False) -> None:
        self.text = text
        self._plain = plain
        try:
            parsed = list(_FORMATTER.parse(text))
        except ValueError as error:
            raise UsageError(f"the name template {text!r} cannot be read: {error}") from None
        for _, place, spec, conversion in parsed:
            if place is not None and (place not in PLACES or spec or conversion):
                raise UsageError(
                    f"the name template {text!r} has an unknown placeholder {{{place}}}",
                    hint="use " + ", ".join(f"{{{name}}}" for name in PLACES),
                )
        if not any(place for _, place, _, _ in parsed):
            raise UsageError(
                f"the name template {text!r} gives all files the same name", hint="for example {project}/{name}"
            )
        self._parsed = parsed

    def name(self, entry: Entry) -> str:
        """The name of a file, with ``/`` between its folders."""
        text = "".join(literal + (self._value(entry, place) if place else "") for literal, place, _, _ in self._parsed)
        if self._plain:
            text = re.sub(r"\s+", "_", text)
        parts = [one for one in text.split("/") if one]
        return "/".join(parts) or entry.uuid

    def _value(self, entry: Entry, place: str) -> str:
        if place == "name":
            # The name may contain folders; it is validated before it is used.
            return entry.name
        if place == "path":
            return entry.path or entry.name
        if place == "stem":
            return part(split_name(entry.name.rsplit("/", 1)[-1])[0])
        if place == "suffix":
            return split_name(entry.name.rsplit("/", 1)[-1])[1].replace("/", "_")
        return part(str(getattr(entry, place) or ""))


def part(text: str) -> str:
    """A metadata value as one component of a path."""
    kept = "".join("_" if c in '/\\<>:"|?*' or unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in text)
    return kept.strip(" .")[:120].strip(" .")


def split_name(name: str) -> tuple[str, str]:
    """A file's name and its suffixes: ``reads`` and ``.fastq.gz``."""
    match = re.fullmatch(r"(.+?)((?:\.[A-Za-z][A-Za-z0-9]{0,9}){0,3})", name, re.DOTALL)
    return (match[1], match[2]) if match else (name, "")


def folded(name: str) -> str:
    """A name's key on a file system that ignores case and Unicode normalization."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", name).casefold())


def marked(name: str, mark: str) -> str:
    """A name made unique by a mark before its suffixes."""
    folder, slash, leaf = name.rpartition("/")
    stem, suffix = split_name(leaf)
    return f"{folder}{slash}{stem}-{mark}{suffix}"
