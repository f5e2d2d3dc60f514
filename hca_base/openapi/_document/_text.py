"""Texts of a document, made fit to be shown on one line."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 300


def one_line(text: str) -> str:
    """A text without line breaks, control or direction characters, its words parted by one space each."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def printable(text: str) -> str:
    """A text for a message: as it is, but for what cannot be shown, and not long."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:_LONGEST])
    return shown if len(text) <= _LONGEST else shown + "…"


def suggestion(name: str, known: Iterable[str]) -> str:
    """ "; did you mean X?", or nothing."""
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
