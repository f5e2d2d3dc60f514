"""Run a command line and return its exit code.

``--version`` and help are handled here, from names and summaries; only running a command imports cliff.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hca_base.commands import GlobalOptions
from hca_base.errors import DocumentError
from hca_base.shell._dispatch._errors import end_stderr, guard
from hca_base.shell._dispatch._split import split

if TYPE_CHECKING:
    from hca_base.shell._dispatch._app import HcaApp
    from hca_base.shell._dispatch._catalog import Catalog

#: Hidden first words that completion scripts call.
COMPLETE = "__complete"


def run(argv: Sequence[str]) -> int:
    """Run a whole command line."""
    _open_streams()
    options = GlobalOptions()

    def action() -> int:
        nonlocal options
        if argv and argv[0] == COMPLETE:
            from hca_base.shell._completion._completion import answer

            return answer(list(argv[1:]))
        parsed, words = split(argv)
        for name in GlobalOptions.__slots__:
            setattr(options, name, getattr(parsed, name))
        return dispatch(options, words)

    try:
        return guard(action, options, last=True)
    finally:
        end_stderr()


def dispatch(options: GlobalOptions, words: list[str]) -> int:
    """Handle options that need no command, or run the command."""
    if options.version:
        sys.stdout.write(version_line())
        return 0
    from hca_base.commands import Context
    from hca_base.shell._dispatch._catalog import Catalog

    context = Context(options)
    catalog = Catalog(context)
    if options.help:
        words = ["help", *words]
    if not words:
        if _at_terminal():
            words = ["shell"]
        else:
            words = ["help"]
    words = catalog.help_first(words)
    sought = _sought(words)
    if sought:
        from hca_base.commands import page
        from hca_base.shell._search._results import as_text, find

        page(as_text(find(catalog, sought)))
        return 0
    if words[0] == "help" and _help(catalog, [word for word in words[1:] if word not in ("-h", "--help")]):
        return 0
    if words[-1] in ("-h", "--help") and _help(catalog, words[:-1]):
        return 0
    # A group has at most two words.
    if len(words) <= 2 and _is_bare_group(catalog, words) and _help(catalog, words):
        return 0
    if words[0] == "help":
        words = [*(word for word in words[1:] if word not in ("-h", "--help")), "--help"]
    from hca_base.shell._dispatch._app import HcaApp

    return HcaApp(context, catalog, _run_shell, _search).run(words)


def _sought(words: list[str]) -> list[str]:
    """Return the words of a search without options, which needs no command class; empty otherwise."""
    if words[0] == "search" and not any(word.startswith("-") for word in words):
        return words[1:]
    if words[:2] in (["help", "-k"], ["help", "--keyword"]):
        return words[2:]
    return []


def _search(catalog: Catalog, words: list[str], kinds: list[str], limit: int) -> tuple[list[Any], str]:
    """Return the matching entries, and a human-readable text."""
    from hca_base.shell._search._results import as_text, find

    hits = find(catalog, words, kinds)
    return list(hits), as_text(hits, limit)


def _is_bare_group(catalog: Catalog, words: list[str]) -> bool:
    try:
        return catalog.is_bare_group(words)
    except DocumentError:
        # The cached document is missing: fetch it, since the command will call the service anyway.
        if words[0] == "help" or not catalog.fetch_missing(words):
            raise
        return catalog.is_bare_group(words)


def _run_shell(app: HcaApp, *, errexit: bool, commands: list[str] | None) -> int:
    from hca_base.shell._repl._repl import run

    return run(app, errexit=errexit, commands=commands)


def version_line() -> str:
    """Return ``hca 9.0.0 (CPython 3.11.7 Linux-…)``, the same format as hca 7."""
    from hca_base import __version__

    implementation = "CPython" if sys.implementation.name == "cpython" else sys.implementation.name
    python = ".".join(str(part) for part in sys.version_info[:3])
    return f"hca {__version__} ({implementation} {python} {sys.platform})\n"


def _help(catalog: Catalog, words: list[str]) -> bool:
    """Show help that needs no command class; return False if the class is needed."""
    from hca_base.commands import page
    from hca_base.shell._dispatch._help import command_help

    text = command_help(catalog, words)
    if text is None:
        return False
    page(text)
    return True


def _at_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def _open_streams() -> None:
    """Make sure that stdout and stderr are open and can write any text, escaped if necessary."""
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            # The descriptor was closed at start. Reserve its number, so that no other file gets it.
            try:
                # Writing to a closed stdout must fail, so that a lost result does not look like a success.
                opened = os.open(os.devnull, os.O_RDONLY if number == 1 else os.O_RDWR)
                if opened < number:
                    os.dup2(opened, number)
                    os.close(opened)
                    opened = number
                setattr(sys, name, os.fdopen(opened, "r" if number == 0 else "w", encoding="utf-8"))
            except OSError:
                continue
        else:
            try:
                # Use \u escapes for characters that the terminal's encoding lacks; invalid bytes in stdin are decoded
                # the same way as in arguments.
                if number:
                    stream.reconfigure(errors="backslashreplace")
                elif (stream.encoding or "").lower().replace("-", "") == "utf8":
                    # PowerShell writes a byte order mark to pipes.
                    stream.reconfigure(encoding="utf-8-sig", errors="surrogateescape")
                else:
                    stream.reconfigure(errors="surrogateescape")
            except (AttributeError, ValueError, OSError):
                continue
