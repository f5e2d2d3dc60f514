"""From the command line to an exit code.

``--version`` and help are answered here, from names and summaries; only a command that runs imports cliff.
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
    """Answer what needs no command, or run the command."""
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
    # A group's name has at most two words.
    if len(words) <= 2 and _is_bare_group(catalog, words) and _help(catalog, words):
        return 0
    if words[0] == "help":
        words = [*(word for word in words[1:] if word not in ("-h", "--help")), "--help"]
    from hca_base.shell._dispatch._app import HcaApp

    return HcaApp(context, catalog, _run_shell, _search).run(words)


def _sought(words: list[str]) -> list[str]:
    """The words of a search without options, which needs no command's class; empty for another command."""
    if words[0] == "search" and not any(word.startswith("-") for word in words):
        return words[1:]
    if words[:2] in (["help", "-k"], ["help", "--keyword"]):
        return words[2:]
    return []


def _search(catalog: Catalog, words: list[str], kinds: list[str], limit: int) -> tuple[list[Any], str]:
    """Find what matches; the entries, and a text for people."""
    from hca_base.shell._search._results import as_text, find

    hits = find(catalog, words, kinds)
    return list(hits), as_text(hits, limit)


def _is_bare_group(catalog: Catalog, words: list[str]) -> bool:
    try:
        return catalog.is_bare_group(words)
    except DocumentError:
        # The cache is gone. A command that is going to call the service can ask it for its document, too.
        if words[0] == "help" or not catalog.fetch_missing(words):
            raise
        return catalog.is_bare_group(words)


def _run_shell(app: HcaApp, *, errexit: bool, commands: list[str] | None) -> int:
    from hca_base.shell._repl._repl import run

    return run(app, errexit=errexit, commands=commands)


def version_line() -> str:
    """``hca 9.0.0 (CPython 3.11.7 Linux-…)``, the form that hca 7 had."""
    from hca_base import __version__

    implementation = "CPython" if sys.implementation.name == "cpython" else sys.implementation.name
    python = ".".join(str(part) for part in sys.version_info[:3])
    return f"hca {__version__} ({implementation} {python} {sys.platform})\n"


def _help(catalog: Catalog, words: list[str]) -> bool:
    """Show help that needs no command's class; False if the command itself must be asked."""
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
    """Make stdout and stderr usable: open, and able to write any text in some form."""
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            # The descriptor was closed when the process started. Take its number, lest a file of ours get it.
            try:
                # Nothing can be written to a stdout that is closed: a result that is lost must not look delivered.
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
                # A terminal of another encoding gets \u escapes for what it cannot show, not a traceback; bytes of
                # stdin that are no text become what they would be in an argument.
                if number:
                    stream.reconfigure(errors="backslashreplace")
                elif (stream.encoding or "").lower().replace("-", "") == "utf8":
                    # PowerShell pipes texts with a byte order mark before them.
                    stream.reconfigure(encoding="utf-8-sig", errors="surrogateescape")
                else:
                    stream.reconfigure(errors="surrogateescape")
            except (AttributeError, ValueError, OSError):
                continue
