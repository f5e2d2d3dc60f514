"""Errors for words that name no command, with the names that were perhaps meant."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hca_base.errors import UsageError


def unknown_first(names: Sequence[str], word: str) -> UsageError:
    """Return the error for a first word that is neither a group nor a command; ``names`` are those that there are."""
    hint = did_you_mean(close_names(word, names)) or "'hca --help' lists the commands"
    chosen = os.environ.get("HCA_PLUGINS")
    if chosen is not None:
        hint += f"; HCA_PLUGINS restricts the plugins to: {chosen or 'none'}"
    return UsageError(f"there is no command {word!r}", hint=hint)


def unknown_second(names: Sequence[str], group: str, word: str, more: str) -> UsageError:
    """Return the error for a word that is no command of its group.

    :param more: goes on the hint
    """
    near = [f"{group} {name}" for name in close_names(word, names)]
    hint = did_you_mean(near) or f"'hca help {group}' lists its commands"
    return UsageError(f"{group!r} has no command {word!r}", hint=hint + more)


def close_names(word: str, names: Sequence[str]) -> list[str]:
    """Return up to three names that look like a word, or begin with it."""
    import difflib

    if not word:
        return []
    starts = [name for name in names if name.startswith(word)]
    close = difflib.get_close_matches(word, names, 3, 0.6)
    return list(dict.fromkeys([*close, *starts]))[:3]


def did_you_mean(names: Sequence[str]) -> str | None:
    """Return a question that names commands; None for none."""
    if not names:
        return None
    quoted = [f"'hca {name}'" for name in names]
    return f"did you mean {' or '.join(quoted)}?"
