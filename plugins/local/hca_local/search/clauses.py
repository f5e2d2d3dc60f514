"""The clauses of a query: each says whether a flattened document matches, and which rows of the index could.

A clause's ``candidates`` is a condition in SQL over ``search_values`` that holds for every document that can match (and
may hold for others), or None where the index is of no help. The clause itself is the truth.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hca_local.search import values
from hca_local.search.values import Scalar

Flat = Mapping[str, list[Scalar]]
Condition = tuple[str, list[Any]]
SUBFIELD = ".text"
# SQLite refuses deep expressions; a condition that is left out only means that more documents are looked at.
MAX_CONDITIONS = 100


class BadQuery(ValueError):
    """The query is malformed, or has a clause that is not supported; the message names it."""


class Clause(Protocol):
    def matches(self, flat: Flat) -> bool: ...

    def candidates(self) -> Condition | None: ...


@dataclass(frozen=True)
class Everything:
    """``match_all``"""

    def matches(self, flat: Flat) -> bool:
        return True

    def candidates(self) -> Condition | None:
        return None


@dataclass(frozen=True)
class Nothing:
    """``match_none``"""

    def matches(self, flat: Flat) -> bool:
        return False

    def candidates(self) -> Condition | None:
        return "0", []


def stored_values(flat: Flat, path: str) -> list[tuple[str, Scalar]]:
    """The values a field name stands for, with their paths; ``a.text`` means the words of ``a``."""
    if "*" in path:
        return [(found, value) for found in values.paths_matching(flat, path) for value in flat[found]]
    return [(path, value) for value in flat.get(path, ())]


def is_text(flat: Flat, path: str) -> bool:
    """Whether the name is that of the analysed sub-field, and not of a member called ``text``."""
    return path.endswith(SUBFIELD) and path not in flat


@dataclass(frozen=True)
class Term:
    """``term`` and ``terms``: a value, compared whole, is one of those wanted."""

    path: str
    wanted: tuple[Scalar, ...]

    def matches(self, flat: Flat) -> bool:
        if is_text(flat, self.path):
            # The words of a text are in lower case, and a term is not analysed: so did Elasticsearch.
            texts = stored_values(flat, self.path.removesuffix(SUBFIELD))
            found = {word for _, value in texts for word in values.words(value)}
            return any(values.as_text(wanted) in found for wanted in self.wanted)
        return any(
            values.same(path, value, wanted) for path, value in stored_values(flat, self.path) for wanted in self.wanted
        )

    def candidates(self) -> Condition | None:
        if "*" in self.path or self.path.endswith(SUBFIELD):
            return None
        if len(self.wanted) > MAX_CONDITIONS:
            return _in_values("path = ?", [self.path])
        tests: list[str] = []
        arguments: list[Any] = []
        for wanted in self.wanted:
            text = values.keyword(self.path, wanted)
            tests.append("(text = ? OR number = ?)")
            arguments += [text, values.number(wanted)]
        if not tests:
            return "0", []
        return _in_values(f"path = ? AND ({' OR '.join(tests)})", [self.path, *arguments])


@dataclass(frozen=True)
class Match:
    """``match`` and ``match_phrase``: a term on a keyword; on ``.text``, words that occur, or follow each other."""

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
            return any(_has_phrase(text, wanted, self.slop) for text in texts)
        found = {word for text in texts for word in text}
        return (all if self.every_word else any)(word in found for word in wanted)

    def candidates(self) -> Condition | None:
        return Term(self.path, (self.wanted,)).candidates()


@dataclass(frozen=True)
class Pattern:
    """``prefix`` and ``wildcard``: a value, compared whole, has the wanted shape."""

    path: str
    glob: str

    def matches(self, flat: Flat) -> bool:
        exact = self.path in values.EXACT_PATHS
        regex = _glob_regex(self.glob if exact else self.glob.lower())
        if is_text(flat, self.path):
            texts = stored_values(flat, self.path.removesuffix(SUBFIELD))
            return any(regex.fullmatch(word) for _, value in texts for word in values.words(value))
        return any(
            (text := values.keyword(path, value)) is not None and regex.fullmatch(text) is not None
            for path, value in stored_values(flat, self.path)
        )

    def candidates(self) -> Condition | None:
        if "*" in self.path or self.path.endswith(SUBFIELD):
            return None
        return _in_values("path = ?", [self.path])


@dataclass(frozen=True)
class Range:
    """``range``: a value lies between bounds; dates as points in time, numbers as numbers, others as text."""

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

    def candidates(self) -> Condition | None:
        return Pattern(self.path, "*").candidates()


@dataclass(frozen=True)
class Exists:
    """``exists``: the field has a value, or, for an object, a member has."""

    path: str

    def matches(self, flat: Flat) -> bool:
        if stored_values(flat, self.path):
            return True
        below = self.path + "."
        return any(path.startswith(below) for path in flat)

    def candidates(self) -> Condition | None:
        if "*" in self.path:
            return None
        return _in_values("(path = ? OR (path > ? AND path < ?))", [self.path, self.path + ".", self.path + "/"])


@dataclass(frozen=True)
class AnyField:
    """A clause over every field, as in a query string that names none."""

    make: Callable[[str], Clause] = field(compare=False)

    def matches(self, flat: Flat) -> bool:
        return any(self.make(path).matches(flat) or self.make(path + SUBFIELD).matches(flat) for path in flat)

    def candidates(self) -> Condition | None:
        return None


@dataclass(frozen=True)
class Ids:
    """``ids``: the document is one of those named ``UUID.VERSION`` (or by the uuid alone)."""

    wanted: frozenset[str]

    def matches(self, flat: Flat) -> bool:
        uuid = next(iter(flat.get("uuid", ())), "")
        version = next(iter(flat.get("manifest.version", ())), "")
        return uuid in self.wanted or f"{uuid}.{version}" in self.wanted

    def candidates(self) -> Condition | None:
        return None


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

    def candidates(self) -> Condition | None:
        conditions = [found for clause in self.must if (found := clause.candidates()) is not None]
        if self.minimum >= 1:
            alternatives = [clause.candidates() for clause in self.should]
            if len(alternatives) <= MAX_CONDITIONS and all(found is not None for found in alternatives):
                conditions.append(_join(" OR ", [found for found in alternatives if found is not None]))
        return _join(" AND ", conditions[:MAX_CONDITIONS]) if conditions else None


def _join(word: str, conditions: Sequence[Condition]) -> Condition:
    if not conditions:
        return "0", []
    return "(" + word.join(sql for sql, _ in conditions) + ")", [value for _, found in conditions for value in found]


def _in_values(test: str, arguments: list[Any]) -> Condition:
    return f"id IN (SELECT document FROM search_values WHERE {test})", arguments


def _has_phrase(text: Sequence[str], wanted: Sequence[str], slop: int) -> bool:
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


def _glob_regex(glob: str) -> re.Pattern[str]:
    # In Elasticsearch only * and ? are special, and a backslash takes that from them; in fnmatch brackets are too.
    quoted = []
    characters = iter(glob)
    for character in characters:
        if character == "\\":
            quoted.append("[" + next(characters, "\\").replace("^", "\\^") + "]")
        elif character == "[":
            quoted.append("[[]")
        else:
            quoted.append(character)
    return re.compile(fnmatch.translate("".join(quoted)))
