"""Names that were perhaps meant."""

from __future__ import annotations

from collections.abc import Sequence


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
