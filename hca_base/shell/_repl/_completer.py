"""Completion at the prompt of the interactive shell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from hca_base.shell._repl._line import at_cursor
from hca_base.shell._repl._session import BUILT_IN, Session
from hca_base.shell._repl._set import can_set, values_for

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer


def make_completer(session: Session) -> Completer:
    """Return the prompt's completer."""
    from prompt_toolkit.completion import Completer, Completion, PathCompleter
    from prompt_toolkit.document import Document

    class HcaCompleter(Completer):
        def get_completions(self, document: Any, complete_event: Any) -> Iterator[Any]:
            words, current, typed = at_cursor(document.text_before_cursor)
            try:
                found = candidates(session, words, current)
            except Exception:  # noqa: BLE001 - a plugin may fail in any way; there is then nothing to offer
                return
            if found.files:
                head = current[: current.index("=") + 1] if current.startswith("--") and "=" in current else ""
                head = head or ("@" if current.startswith("@") else "")
                path = current.removeprefix(head)
                paths = PathCompleter(expanduser=True, only_directories=found.files == "directories")
                for each in paths.get_completions(Document(path, len(path)), complete_event):
                    whole = path[: len(path) + each.start_position] + each.text
                    yield Completion(quoted(head + whole), start_position=-typed, display=each.display)
            for candidate in found.candidates:
                yield Completion(quoted(candidate.text), start_position=-typed, display_meta=candidate.about[:80])

    return HcaCompleter()


def candidates(session: Session, words: list[str], current: str) -> Any:
    """Return candidates that start with the word at the cursor, or else contain it."""
    from hca_base.shell._completion._completion import Answer

    found = _beginning(session, words, current)
    inner = current.lstrip("-")
    if found.candidates or not inner or "=" in current:
        return found
    wider = _beginning(session, words, current[: len(current) - len(inner)])
    inside = tuple(each for each in wider.candidates if inner.lower() in each.text.lower())
    return Answer(inside, found.files, found.option)


def _beginning(session: Session, words: list[str], current: str) -> Any:
    from hca_base.shell._completion._completion import Answer, Candidate, complete

    if words[:1] == ["hca"]:
        words = words[1:]
    built_in = [Candidate(name, about) for name, about in BUILT_IN.items() if name.isalpha()]
    if words[:1] == ["use"]:
        groups = session.catalog.groups() if len(words) == 1 else {}
        return Answer(tuple(Candidate(n, t) for n, t in groups.items() if n.startswith(current)))
    if words[:1] == ["cd"]:
        return Answer(files="directories")
    if words[:1] in (["set"], ["unset"]):
        return _set_candidates(session, words, current)
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


def _set_candidates(session: Session, words: list[str], current: str) -> Any:
    from hca_base.shell._completion._completion import Answer, Candidate

    offered: Iterable[tuple[str, str]] = ()
    if words[0] == "unset":
        offered = session.settings().items() if len(words) == 1 else ()
    elif len(words) == 1:
        offered = can_set()
    elif len(words) == 2:
        offered = [(value, "") for value in values_for(words[1])]
    return Answer(tuple(Candidate(name, about) for name, about in offered if name.startswith(current)))


def quoted(text: str) -> str:
    """Return a candidate with the required quoting."""
    if any(character.isspace() or character in "\\|>\"'#" for character in text) or text[:1] in "{[":
        return "'" + text.replace("'", "'\\''") + "'"
    return text
