"""The clauses of a query: each tells whether a flattened document matches.

They define what a query means. :mod:`hca_local.search.sql` finds the same documents through the index, and is tested
against them.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hca_local.search import values
from hca_local.search.values import Scalar

Flat = Mapping[str, list[Scalar]]
SUBFIELD = ".text"


class BadQuery(ValueError):
    """The query is malformed, or has an unsupported clause; the message names it."""


class Clause(Protocol):
    def matches(self, flat: Flat) -> bool: ...


@dataclass(frozen=True)
class Everything:
    """``match_all``"""

    def matches(self, flat: Flat) -> bool:
        return True


@dataclass(frozen=True)
class Nothing:
    """``match_none``"""

    def matches(self, flat: Flat) -> bool:
        return False


def stored_values(flat: Flat, path: str) -> list[tuple[str, Scalar]]:
    """The values of a field name, with their paths; ``a.text`` means the words of ``a``."""
    if "*" in path:
        return [(found, value) for found in values.paths_matching(flat, path) for value in flat[found]]
    return [(path, value) for value in flat.get(path, ())]


def is_text(flat: Flat, path: str) -> bool:
    """Whether the name is that of the analysed sub-field, not of a member called ``text``."""
    return path.endswith(SUBFIELD) and path not in flat


@dataclass(frozen=True)
class Term:
    """``term`` and ``terms``: a whole value equals one of those given."""

    path: str
    wanted: tuple[Scalar, ...]

    def matches(self, flat: Flat) -> bool:
        if is_text(flat, self.path):
            # The words of a text are lower case, and terms are not analysed, as in Elasticsearch.
            texts = stored_values(flat, self.path.removesuffix(SUBFIELD))
            found = {word for _, value in texts for word in values.words(value)}
            return any(values.as_text(wanted) in found for wanted in self.wanted)
        return any(
            values.same(path, value, wanted) for path, value in stored_values(flat, self.path) for wanted in self.wanted
        )


@dataclass(frozen=True)
class Match:
    """``match`` and ``match_phrase``: a term on a keyword; on ``.text``, words in any order, or in sequence."""

    path: str
    wanted: Scalar
    phrase: bool = False
    every_word: bool = False
    slop: int = 0

    def matches(self, flat: Flat) -> bool:
        if not is_text(flat, self.path):
            return Term(self.path, (self.wanted,)).matches(flat)
        wanted = values.words(self.wanted)
        texts = [values.words(value) for _, value in stored_values(flat, self.path.removesuffix(SUBFIELD))]
        if not wanted:
            return False
        if self.phrase:
            return any(has_phrase(text, wanted, self.slop) for text in texts)
        found = {word for text in texts for word in text}
        return (all if self.every_word else any)(word in found for word in wanted)


@dataclass(frozen=True)
class Pattern:
    """``prefix`` and ``wildcard``: a whole value matches the pattern."""

    path: str
    glob: str

    def matches(self, flat: Flat) -> bool:
        exact = self.path in values.EXACT_PATHS
        regex = glob_regex(self.glob if exact else self.glob.lower())
        if is_text(flat, self.path):
            texts = stored_values(flat, self.path.removesuffix(SUBFIELD))
            return any(regex.fullmatch(word) for _, value in texts for word in values.words(value))
        return any(
            (text := values.keyword(path, value)) is not None and regex.fullmatch(text) is not None
            for path, value in stored_values(flat, self.path)
        )


@dataclass(frozen=True)
class Range:
    """``range``: a value is within bounds; dates as points in time, numbers as numbers, others as text."""

    path: str
    bounds: tuple[tuple[str, Scalar], ...]

    _HOLDS = {
        "gt": lambda order: order > 0,
        "gte": lambda order: order >= 0,
        "lt": lambda order: order < 0,
        "lte": lambda order: order <= 0,
    }

    def matches(self, flat: Flat) -> bool:
        def within(path: str, value: Scalar) -> bool:
            orders = ((name, values.compare(path, value, bound)) for name, bound in self.bounds)
            return all(order is not None and self._HOLDS[name](order) for name, order in orders)

        return any(within(path, value) for path, value in stored_values(flat, self.path))


@dataclass(frozen=True)
class Exists:
    """``exists``: the field has a value, or, for an object, one of its members has."""

    path: str

    def matches(self, flat: Flat) -> bool:
        if stored_values(flat, self.path):
            return True
        below = self.path + "."
        return any(path.startswith(below) for path in flat)


@dataclass(frozen=True)
class AnyField:
    """A clause over every field, as in a query string without a field name."""

    make: Callable[[str], Clause] = field(compare=False)

    def matches(self, flat: Flat) -> bool:
        return any(self.make(path).matches(flat) or self.make(path + SUBFIELD).matches(flat) for path in flat)


@dataclass(frozen=True)
class Ids:
    """``ids``: the document is ``UUID.VERSION`` (or any version of a UUID)."""

    wanted: frozenset[str]

    def matches(self, flat: Flat) -> bool:
        uuid = next(iter(flat.get("uuid", ())), "")
        version = next(iter(flat.get("manifest.version", ())), "")
        return uuid in self.wanted or f"{uuid}.{version}" in self.wanted


@dataclass(frozen=True)
class Bool:
    """``bool``: all of must and filter, enough of should, none of must_not."""

    must: tuple[Clause, ...] = ()
    should: tuple[Clause, ...] = ()
    must_not: tuple[Clause, ...] = ()
    minimum: int = 0

    def matches(self, flat: Flat) -> bool:
        if not all(clause.matches(flat) for clause in self.must):
            return False
        if any(clause.matches(flat) for clause in self.must_not):
            return False
        if self.minimum <= 0:
            return True
        return sum(clause.matches(flat) for clause in self.should) >= self.minimum


def has_phrase(text: Sequence[str], wanted: Sequence[str], slop: int) -> bool:
    for start, word in enumerate(text):
        if word != wanted[0]:
            continue
        position, spare = start, slop
        for following in wanted[1:]:
            window = text[position + 1 : position + 2 + spare]
            if following not in window:
                break
            step = window.index(following)
            spare -= step
            position += 1 + step
        else:
            return True
    return False


@functools.lru_cache(maxsize=256)
def glob_regex(glob: str) -> re.Pattern[str]:
    """The regular expression of a pattern: only * and ? are special, and a backslash escapes them."""
    return re.compile(fnmatch.translate("".join(_quoted(*part) for part in glob_parts(glob))))


def _quoted(character: str, special: bool) -> str:
    return f"[{character}]" if not special and character in "*?[" else character


def glob_parts(glob: str) -> list[tuple[str, bool]]:
    """The characters of a pattern, each with whether it is special."""
    parts = []
    characters = iter(glob)
    for character in characters:
        if character == "\\":
            parts.append((next(characters, "\\"), False))
        else:
            parts.append((character, character in "*?"))
    return parts
