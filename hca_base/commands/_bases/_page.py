"""Help on the terminal: its width, and the user's pager for long texts."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def columns() -> int:
    """Return the width of the terminal: ``COLUMNS``, else the actual size, else 80."""
    try:
        value = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        value = 0
    if value <= 0:
        for stream in (sys.__stdout__, sys.__stderr__):
            try:
                value = os.get_terminal_size(stream.fileno()).columns if stream is not None else 0
            except (OSError, ValueError, AttributeError):
                continue
            if value > 0:
                break
    return value if value > 0 else 80


def page(text: str, file: TextIO | None = None) -> None:
    """Write help, through the user's pager if it is longer than the terminal."""
    stream = file or sys.stdout
    if stream is None:
        return
    try:
        shown = stream.isatty()
        terminal = shown and sys.stdin is not None and sys.stdin.isatty()
        height = os.get_terminal_size(stream.fileno()).lines if terminal else 0
    except (OSError, ValueError, AttributeError):
        shown, terminal, height = False, False, 0
    if shown:
        from hca_base.output import use_color

        if use_color(stream):
            from hca_base.output._colour import coloured_help

            text = coloured_help(text)
    if not terminal or not 0 < height <= text.count("\n") + 1:
        stream.write(text)
        return
    import autopage

    pager = autopage.AutoPager(stream, allow_color=True, line_buffering=False, reset_on_exit=False)
    with pager as out:
        out.write(text)


def reflowed(text: str, width: int) -> str:
    """Rewrap paragraphs at ``width``; lists and indented lines are unchanged."""
    import textwrap

    paragraphs = []
    for paragraph in text.split("\n\n"):
        lines = paragraph.split("\n")
        as_it_is = any(line[:1].isspace() or line.startswith(("* ", "- ")) for line in lines)
        paragraphs.append(paragraph if as_it_is else textwrap.fill(" ".join(lines), width, break_long_words=False))
    return "\n\n".join(paragraphs)
