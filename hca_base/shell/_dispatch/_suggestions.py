"""Errors for unknown commands, with suggestions."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hca_base.errors import UsageError


def unknown_first(names: Sequence[str], word: str) -> UsageError:
    """Return the error for an unknown first word; ``names`` are the existing groups and commands."""
    hint = did_you_mean(close_names(word, names)) or _found_by_search(word)
    chosen = os.environ.get("HCA_PLUGINS")
    if chosen is not None:
        hint += f"; HCA_PLUGINS restricts the plugins to: {chosen or 'none'}"
    return UsageError(f"unknown command {word!r}", hint=hint)


def unknown_second(names: Sequence[str], group: str, word: str, more: str) -> UsageError:
    """Return the error for an unknown command of a group.

    :param more: appended to the hint
    """
    near = [f"{group} {name}" for name in close_names(word, names)]
    hint = did_you_mean(near) or _found_by_search(word, group) or f"'hca help {group}' lists its commands"
    return UsageError(f"{group!r} has no command {word!r}", hint=hint + more)


def _found_by_search(word: str, group: str = "") -> str:
    """Return search results for a word if the index exists; otherwise how to search for it."""
    from hca_base.shell._search._cached import cached_text
    from hca_base.shell._search._ranking import search

    hits = search(cached_text() or "", [word], ("command", "operation"))
    names = [hit.name for hit in hits if not group or hit.name.startswith(f"{group} ")][:3]
    if names:
        return f"'hca search {word}' finds {', '.join(names)}" if word.isalnum() else did_you_mean(names) or ""
    return "" if group else "'hca --help' lists the commands, 'hca search WORD' finds them by what they do"


def close_names(word: str, names: Sequence[str]) -> list[str]:
    """Return up to three names that are similar to a word or start with it."""
    import difflib

    if not word:
        return []
    starts = [name for name in names if name.startswith(word)]
    close = difflib.get_close_matches(word, names, 3, 0.6)
    return list(dict.fromkeys([*close, *starts]))[:3]


def did_you_mean(names: Sequence[str]) -> str | None:
    """Return a question that suggests commands; None if there are none."""
    if not names:
        return None
    quoted = [f"'hca {name}'" for name in names]
    return f"did you mean {' or '.join(quoted)}?"
