"""Completion candidates for command lines, for the system's shells and the interactive shell."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hca_base.errors import HCAError
from hca_base.shell._completion._option_specs import OptionSpec, completed_by, options_of
from hca_base.shell._dispatch._catalog import Catalog
from hca_base.shell._dispatch._split import LEVELS, OPTIONS

#: Characters of a candidate that need no quoting in any shell.
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-")


@dataclass(frozen=True)
class Candidate:
    """A candidate for the word at the cursor.

    :ivar text: the word
    :ivar about: one-line description
    """

    text: str
    about: str = ""


@dataclass(frozen=True)
class Answer:
    """The candidates for the word at the cursor.

    :ivar candidates: words
        :ivar files: ``files`` or ``directories`` if their names are candidates too
        :ivar option: the option whose value is being typed (``bundle_uuid``), or None
    """

    candidates: tuple[Candidate, ...] = ()
    files: str | None = None
    option: str | None = None


def complete(catalog: Catalog, words: Sequence[str], current: str) -> Answer:
    """Return the candidates for the word at the cursor.

    :param words: the words before, without ``hca``
        :param current: the typed part of the word
    """
    rest = list(words)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        metavar = _metavar_of(option)
        if metavar and "=" not in option:
            if not rest:
                return _global_value(catalog, option, current)
            value = rest.pop(0)
            if option == "--profile":
                catalog.context.options.profile = value
                catalog.context.forget()
    helping = bool(rest) and rest[0] == "help"
    if helping:
        rest = rest[1:]
    if current.startswith("-") and not rest and not helping:
        return _matching([Candidate(name, text) for names, _, text in OPTIONS for name in names], current)
    names = _next_words(catalog, rest)
    if names or not rest or helping:
        if not rest and not helping:
            names.append(Candidate("help", "Show help for a command or group"))
        return _matching(names, current)
    try:
        found, arguments = catalog.find(rest)
        try:
            found = catalog.resolve(found, arguments)
        except HCAError:
            pass  # the options of an alias choose the command
    except HCAError:
        return Answer()
    return _argument(catalog, found.name, options_of(catalog, found), arguments, current)


def _metavar_of(option: str) -> str | None:
    name = option.partition("=")[0]
    for names, metavar, _ in OPTIONS:
        if name in names:
            return metavar
    return None


def _global_value(catalog: Catalog, option: str, current: str) -> Answer:
    if option == "--profile":
        return _matching(_profiles(), current)
    if option == "--log-level":
        return _matching([Candidate(level) for level in LEVELS], current)
    if option == "--log-file":
        return Answer(files="files")
    if option == "--config":
        return _matching([Candidate(f"{c.text}=", c.about) for c in config_keys(catalog)], current)
    return Answer()


def _next_words(catalog: Catalog, words: Sequence[str]) -> list[Candidate]:
    """Return words that continue or complete the name of a command."""
    if not words:
        found = [Candidate(name, title) for name, title in catalog.groups().items()]
        return found + [Candidate(name, summary) for name, summary in catalog.hand_written()]
    group = words[0]
    commands = list(catalog.hand_written(group))
    if len(words) <= 2 and catalog.is_service(group):
        try:
            commands += catalog.generated(group)
        except HCAError:
            pass
    prefix = " ".join(words) + " "
    names: dict[str, str] = {}
    for name, summary in commands:
        if name.startswith(prefix):
            word, space, _ = name[len(prefix) :].partition(" ")
            if space and word in names:
                continue
            names[word] = f"commands of {word}" if space else summary
    return [Candidate(name, summary) for name, summary in names.items()]


def _argument(
    catalog: Catalog, command: str, specs: Sequence[OptionSpec], arguments: Sequence[str], current: str
) -> Answer:
    by_flag = {flag: spec for spec in specs for flag in spec.flags}
    if current.startswith("--") and "=" in current:
        flag, _, value = current.partition("=")
        if flag in by_flag:
            found = _value(catalog, command, by_flag[flag], value)
            whole = tuple(Candidate(f"{flag}={c.text}", c.about) for c in found.candidates)
            return Answer(whole, found.files, found.option)
    pending: OptionSpec | None = None
    used: set[str] = set()
    positional = 0
    for word in arguments:
        flag = word.partition("=")[0]
        if flag in by_flag and flag.startswith("-"):
            spec = by_flag[flag]
            used.update(spec.flags)
            pending = spec if spec.takes and "=" not in word else None
        elif pending is not None:
            if not pending.many:
                pending = None
        else:
            positional += 1
    if pending is not None and not current.startswith("-"):
        return _value(catalog, command, pending, current)
    if not current.startswith("-"):
        places = [spec for spec in specs if not spec.flags]
        if places and (positional < len(places) or places[-1].many):
            return _value(catalog, command, places[min(positional, len(places) - 1)], current)
    offered = [spec for spec in specs if spec.flags and (spec.many or not used & set(spec.flags))]
    offered.sort(key=lambda spec: not spec.required)
    longest = [Candidate(max(spec.flags, key=len), spec.about) for spec in offered]
    if current.startswith("-") and not current.startswith("--"):
        longest = [Candidate(flag, spec.about) for spec in offered for flag in spec.flags]
    return _matching(longest, current)


def _value(catalog: Catalog, command: str, spec: OptionSpec, current: str) -> Answer:
    option = spec.name
    if spec.choices:
        return _matching([Candidate(choice) for choice in spec.choices], current, option)
    if spec.kind in ("files", "directories"):
        return Answer(files=spec.kind, option=option)
    if spec.kind == "json" and current.startswith("@"):
        return Answer(files="files", option=option)
    sources = {
        "profiles": _profiles,
        "keys": lambda: config_keys(catalog),
        "services": lambda: [Candidate(name, title) for name, title in catalog.services().items()],
        "plugins": lambda: [Candidate(d.name, d.summary) for d in catalog.registry.distributions()],
        "added": lambda: _added_services(catalog),
    }
    if spec.kind is not None and spec.kind.startswith("call:"):
        found = completed_by(spec.kind.removeprefix("call:"), catalog.context.config, current)
        return _matching([Candidate(word, about) for word, about in found], current, option)
    source = sources.get(spec.kind or "")
    return _matching(source() if source else [], current, option)


def _profiles() -> list[Candidate]:
    from hca_base.config import list_profiles

    try:
        return [Candidate(name) for name in ("default", *list_profiles())]
    except HCAError:
        return []


def _added_services(catalog: Catalog) -> list[Candidate]:
    plugins = catalog.registry.records("hca.services")
    return [Candidate(name, title) for name, title in catalog.services().items() if name not in plugins]


def config_keys(catalog: Catalog) -> list[Candidate]:
    """Return keys of settings: those that are set, and those in the core's schema."""
    from hca_base import config

    found: dict[str, str] = {}

    def walk(schema: dict[str, object], path: str) -> None:
        properties = schema.get("properties")
        for name, inner in (properties if isinstance(properties, dict) else {}).items():
            if name.startswith(("$", "/")):
                continue
            key = f"{path}.{name}" if path else name
            if isinstance(inner, dict) and isinstance(inner.get("properties"), dict):
                walk(inner, key)
            else:
                about = inner.get("description", "") if isinstance(inner, dict) else ""
                found[key] = str(about)

    walk(config.schema(catalog.registry.config_schemas()), "")
    try:
        for layer in catalog.context.config.layers:
            for key in _leaf_keys(layer.data, ""):
                found.setdefault(key, "")
    except HCAError:
        pass
    return [Candidate(key, found[key]) for key in sorted(found)]


def _leaf_keys(data: object, path: str) -> Iterable[str]:
    if isinstance(data, dict) and data:
        for name, value in data.items():
            if not name.startswith("//") and "." not in name:
                yield from _leaf_keys(value, f"{path}.{name}" if path else name)
    elif path:
        yield path


def _matching(candidates: Iterable[Candidate], current: str, option: str | None = None) -> Answer:
    return Answer(tuple(c for c in candidates if c.text.startswith(current)), option=option)


def answer(arguments: list[str]) -> int:
    """The hidden command that completion scripts call: ``__complete [--] WORD…``, the last being typed.

    Prints a line for each candidate, ``WORD<TAB>ABOUT``; ``:files`` or ``:directories`` requests such names. Errors
    are not printed, because they would disturb the user's command line.
    """
    from hca_base.commands import Context

    words = arguments[1:] if arguments[:1] == ["--"] else arguments
    try:
        found = complete(Catalog(Context()), words[:-1], words[-1] if words else "")
    except Exception:  # noqa: BLE001 - a plugin or a file may fail in any way; completion is then empty
        return 1
    lines = [f":{found.files}"] if found.files else []
    for candidate in found.candidates:
        if candidate.text and set(candidate.text) <= _SAFE:
            about = "".join(c if c.isprintable() else " " for c in candidate.about)
            lines.append(f"{candidate.text}\t{about}")
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0
