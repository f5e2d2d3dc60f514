"""The interactive shell: a prompt with completion and history, or a batch of lines from stdin.

Each line is dispatched like a command line. cliff's interactive mode is not used (it is broken with the cmd2 version
that it installs), and cmd2 is never imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hca_base.shell._repl._session import Leave, Session

if TYPE_CHECKING:
    from hca_base.shell._dispatch._app import HcaApp


def run(app: HcaApp, *, errexit: bool = False, commands: list[str] | None = None) -> int:
    """Run the shell until the user leaves.

    :param errexit: stop at the first line that fails
    :param commands: lines to run instead of stdin
    :return: in a batch, the exit code of the last line that failed, or 0
    """
    app.interactive_mode = True
    if commands is not None:
        return _batch(Session(app, interactive=False), commands, errexit)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        with _without_stdin() as lines:
            return _batch(Session(app, interactive=False), lines, errexit)
    return _interact(Session(app, interactive=True))


def _batch(session: Session, lines: Iterable[str], errexit: bool) -> int:
    last_failure = 0
    for text in _whole_lines(lines):
        try:
            code = session.execute(text)
        except Leave:
            break
        if code:
            last_failure = code
            if errexit:
                break
    return last_failure


def _whole_lines(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines, joined while a quote or bracket is open."""
    from hca_base.errors import UsageError
    from hca_base.shell._repl._line import Incomplete, parse

    pending = ""
    for line in lines:
        pending += line if line.endswith("\n") else f"{line}\n"
        try:
            parse(pending)
        except Incomplete:
            continue
        except UsageError:
            pass
        yield pending.rstrip("\n")
        pending = ""
    if pending.strip():
        yield pending.rstrip("\n")


class _without_stdin:
    """Reads lines from stdin, and gives commands an empty stdin, so that they cannot consume the batch."""

    def __enter__(self) -> Iterator[str]:
        from hca_base.commands import stdin_lines

        self._stdin = sys.stdin
        sys.stdin = Path(os.devnull).open(encoding="utf-8")
        return stdin_lines(self._stdin)

    def __exit__(self, *exception: object) -> None:
        sys.stdin.close()
        sys.stdin = self._stdin


def _interact(session: Session) -> int:
    from hca_base.shell._repl._prompt import is_plain, prompt_session
    from hca_base.shell._repl._toolbar import banner

    plain = is_plain(session)
    prompt = prompt_session(session, plain=plain)
    session.pages = not plain
    sys.stdout.write("hca shell: Tab completes, 'help' helps, Ctrl-D exits.\n" if plain else banner(session))
    while True:
        try:
            text = prompt.prompt(prompt_text(session))
        except KeyboardInterrupt:
            continue
        except EOFError:
            return 0
        if not text.strip():
            continue
        session.lines.append(text)
        try:
            session.execute(text)
        except Leave:
            return 0
        except KeyboardInterrupt:
            # A second Ctrl-C during the handling of the first.
            continue


def prompt_text(session: Session) -> str:
    """Return ``hca> ``, ``hca dss> ``, ``hca dss [profile=local]> ``."""
    options = session.context.options
    where = f" {session.prefix}" if session.prefix else ""
    settings = session.settings()
    profile = settings.pop("profile", None) or _active(session)
    shown = ([f"profile={profile}"] if profile else []) + [f"{key}={value}" for key, value in sorted(settings.items())]
    if options.debug:
        shown.append("debug")
    end = f" [{' '.join(shown)}]" if shown else ""
    return f"hca{where}{end}> "


def _active(session: Session) -> str | None:
    from hca_base.errors import HCAError

    try:
        return session.context.config.profile
    except HCAError:
        return None
