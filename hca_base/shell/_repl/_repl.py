"""The interactive shell: a prompt with completion and history, or a batch of lines from stdin.

Each line is dispatched as a command line is; cliff's own interactive mode is not used (it is broken with the cmd2 that
it installs), and cmd2 is never imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base.shell._repl._session import BUILT_IN, Leave, Session

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer

    from hca_base.shell._dispatch._app import HcaApp

_HISTORY_LIMIT = 2_000_000  # bytes; a longer history loses its older half


def run(app: HcaApp, *, errexit: bool = False, commands: list[str] | None = None) -> int:
    """Run the shell until it is left.

    :param errexit: stop at the first line that fails
    :param commands: lines to run in place of stdin's
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
    """Lines, put together while a quote or bracket is open."""
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
    """Gives the lines of stdin, and an empty stdin to the commands: they must not eat the rest of the batch."""

    def __enter__(self) -> Iterator[str]:
        from hca_base.commands import stdin_lines

        self._stdin = sys.stdin
        sys.stdin = Path(os.devnull).open(encoding="utf-8")
        return stdin_lines(self._stdin)

    def __exit__(self, *exception: object) -> None:
        sys.stdin.close()
        sys.stdin = self._stdin


def _interact(session: Session) -> int:
    prompt = _prompt_session(session)
    sys.stdout.write("hca shell: Tab completes, 'help' helps, Ctrl-D leaves.\n")
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
            # A second Ctrl-C while the first was being handled.
            continue


def prompt_text(session: Session) -> str:
    """``hca> ``, ``hca dss> ``, ``hca dss [profile=local]> ``."""
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


def _prompt_session(session: Session) -> PromptSession[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.key_binding import KeyBindings

    from hca_base.errors import UsageError
    from hca_base.shell._repl._line import Incomplete, parse

    prompt: PromptSession[str]
    keys = KeyBindings()

    @Condition
    def incomplete() -> bool:
        try:
            parse(prompt.default_buffer.text)
        except Incomplete:
            return True
        except UsageError:
            pass
        return False

    @keys.add("enter", filter=incomplete)
    def _(event: Any) -> None:
        event.current_buffer.insert_text("\n")

    prompt = PromptSession(
        history=_history(),
        completer=_completer(session),
        complete_while_typing=False,
        complete_in_thread=True,
        enable_history_search=True,
        key_bindings=keys,
        prompt_continuation="... ",
    )
    return prompt


def history_file() -> Path | None:
    """The file of the shell's history, 0600; None where it cannot be written."""
    from hca_base.config import paths, write_atomic

    try:
        path = paths.state_dir() / "history"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o600)
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)
        os.close(descriptor)
        if path.stat().st_size > _HISTORY_LIMIT:
            data = path.read_bytes()
            # Entries begin with an empty line and a time.
            start = data.find(b"\n# ", len(data) // 2)
            write_atomic(path, data[start:] if start >= 0 else b"", mode=0o600)
        return path
    except OSError:
        return None


def _history() -> Any:
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    path = history_file()
    if path is None:
        return InMemoryHistory()

    class PrivateHistory(FileHistory):
        """Keeps lines that hold a secret in memory only, and those that begin with a space nowhere."""

        def store_string(self, string: str) -> None:
            if not holds_secret(string):
                try:
                    super().store_string(string)
                except OSError:
                    return

        def append_string(self, string: str) -> None:
            if not string.startswith(" "):
                super().append_string(string)

    return PrivateHistory(str(path))


def holds_secret(text: str) -> bool:
    """Whether a line may hold a secret: it is then kept out of the history file."""
    from hca_base.config import is_secret
    from hca_base.http import redact

    if redact(text) != text:
        return True
    words = text.replace("=", " ").split()
    if words[:1] == ["hca"]:
        words = words[1:]
    if words[:2] in (["auth", "set-key"], ["auth", "login"]) or words[:1] == ["set-key"]:
        return True
    return any(is_secret(word.lstrip("-")) for word in words if word.startswith("--") or "." in word)


def _completer(session: Session) -> Completer:
    from prompt_toolkit.completion import Completer, Completion, PathCompleter
    from prompt_toolkit.document import Document

    class HcaCompleter(Completer):
        def get_completions(self, document: Any, complete_event: Any) -> Iterator[Any]:
            from hca_base.shell._repl._line import split_at_cursor

            words, current = split_at_cursor(document.text_before_cursor)
            try:
                found = candidates(session, words, current)
            except Exception:  # noqa: BLE001 - a plugin may fail in any way; there is then nothing to offer
                return
            if found.files:
                typed = current.partition("=")[2] if current.startswith("--") else current.removeprefix("@")
                yield from PathCompleter(
                    expanduser=True, only_directories=found.files == "directories"
                ).get_completions(Document(typed, len(typed)), complete_event)
            for candidate in found.candidates:
                yield Completion(
                    _quoted(candidate.text), start_position=-len(current), display_meta=candidate.about[:80]
                )

    return HcaCompleter()


def candidates(session: Session, words: list[str], current: str) -> Any:
    """What could stand at the cursor of the interactive shell."""
    from hca_base.shell._completion._completion import Answer, Candidate, complete, config_keys

    if words[:1] == ["hca"]:
        words = words[1:]
    built_in = [Candidate(name, about) for name, about in BUILT_IN.items() if name.isalpha()]
    if words[:1] == ["use"]:
        groups = session.catalog.groups() if len(words) == 1 else {}
        return Answer(tuple(Candidate(n, t) for n, t in groups.items() if n.startswith(current)))
    if words[:1] in (["set"], ["unset"]):
        return _set_candidates(session, words, current, config_keys)
    names = words[1:] if words[:1] in (["help"], ["?"]) else words
    helping = len(names) < len(words)
    found: list[Any] = []
    answers = []
    if (session.prefix and not current.startswith("-")) or (session.prefix and names):
        answers.append(complete(session.catalog, ["help"] * helping + [session.prefix, *names], current))
    if not answers or not names or not (answers[0].candidates or answers[0].files):
        answers.append(complete(session.catalog, ["help"] * helping + names, current))
    for each in answers:
        found += each.candidates
    if not words:
        found += [c for c in built_in if c.text.startswith(current)]
    option = next((each.option for each in answers if each.option), None)
    if option:
        found += [Candidate(value, "seen") for value in session.values_of(option) if value.startswith(current)]
    unique = {candidate.text: candidate for candidate in reversed(found)}
    files = next((each.files for each in answers if each.files), None)
    ordered = [candidate for candidate in found if unique.pop(candidate.text, None) is not None]
    return Answer(tuple(ordered), files)


def _set_candidates(session: Session, words: list[str], current: str, config_keys: Any) -> Any:
    from hca_base.config import list_profiles
    from hca_base.output import FORMATS
    from hca_base.shell._completion._completion import Answer, Candidate
    from hca_base.shell._dispatch._split import LEVELS

    if words[0] == "unset":
        names: Iterable[str] = session.settings()
    elif len(words) == 1:
        names = ["profile", "format", "log_level", *(candidate.text for candidate in config_keys(session.catalog))]
    elif len(words) == 2:
        values: dict[str, Any] = {"profile": ["default", *list_profiles()], "format": FORMATS, "log_level": LEVELS}
        names = values.get(words[1], ())
    else:
        names = ()
    return Answer(tuple(Candidate(str(name)) for name in names if str(name).startswith(current)))


def _quoted(text: str) -> str:
    """A candidate as it must be typed."""
    if any(character.isspace() or character in "\\|>\"'#" for character in text) or text[:1] in "{[":
        return "'" + text.replace("'", "'\\''") + "'"
    return text
