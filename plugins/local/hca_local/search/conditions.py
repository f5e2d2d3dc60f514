"""SQL conditions: how they are combined, and those on terms, the distinct values of documents, named ``t``."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hca_local.search import values
from hca_local.search.clauses import glob_parts
from hca_local.search.rows import NUMBER, TRUTH, moment
from hca_local.search.values import Scalar

#: Most stars in a pattern that SQLite matches itself; its time grows fast with more of them.
_MAX_STARS = 3
#: Longest such pattern, in bytes.
_MAX_GLOB = 1000
_OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass(frozen=True)
class Condition:
    """An SQL condition on a row, and its arguments."""

    text: str
    arguments: tuple[Any, ...] = ()


TRUE, FALSE = Condition("1"), Condition("0")


def any_of(conditions: Sequence[Condition]) -> Condition:
    return joined(" OR ", [each for each in conditions if each != FALSE]) if conditions else FALSE


def all_of(conditions: Sequence[Condition]) -> Condition:
    if FALSE in conditions:
        return FALSE
    needed = [each for each in conditions if each != TRUE]
    return joined(" AND ", needed) if needed else TRUE


def joined(word: str, conditions: Sequence[Condition]) -> Condition:
    """Join conditions with an operator, as a balanced tree: SQLite rejects deep expressions."""
    if not conditions:
        return FALSE
    if len(conditions) == 1:
        return conditions[0]
    half = len(conditions) // 2
    left, right = joined(word, conditions[:half]), joined(word, conditions[half:])
    return Condition(f"({left.text}{word}{right.text})", left.arguments + right.arguments)


def negated(condition: Condition) -> Condition:
    if condition in (TRUE, FALSE):
        return FALSE if condition == TRUE else TRUE
    return Condition(f"NOT {condition.text}", condition.arguments)


def is_one_of(column: str, items: Iterable[Any]) -> Condition:
    return Condition(f"{column} IN (SELECT value FROM json_each(?))", (json.dumps(list(items)),))


def same(path: str, wanted: Sequence[Scalar]) -> list[Condition]:
    """Alternative conditions: a term equals one of some values, as a whole."""
    texts = {text for each in wanted if (text := values.keyword(path, each)) is not None}
    # Not with json_each, which truncates strings at a NUL.
    compared = any_of([Condition("t.text = ?", (text,)) for text in texts]) if len(texts) < 10 else None
    if compared is None:
        odd = [Condition("t.text = ?", (text,)) for text in texts if "\0" in text]
        compared = any_of([is_one_of("t.text", [text for text in texts if "\0" not in text]), *odd])
    return [all_of([Condition(f"t.kind != '{NUMBER}'"), compared]), same_number(wanted)]


def same_number(wanted: Sequence[Scalar]) -> Condition:
    # Separately: JSON has no infinity.
    numbers = {number for each in wanted if (number := values.number(each)) is not None}
    return any_of([Condition("t.number = ?", (number,)) for number in numbers])


@dataclass(frozen=True)
class Within:
    """Alternative conditions: a value is within bounds.

    :ivar number: on a row of ``search_numbers``, named ``t``
    :ivar moment: the same for ``search_moments``
    :ivar terms: on terms
    """

    number: Condition
    moment: Condition
    terms: list[Condition]


def within(path: str, bounds: Sequence[tuple[str, Scalar]]) -> Within:
    """Conditions for values within bounds.

    Numbers are compared as numbers, dates as moments if the bound is a date too, others as text.
    """
    numbers, texts, moments = [], [], []
    for name, bound in bounds:
        operator = _OPERATORS[name]
        number, text, when = values.number(bound), values.keyword(path, bound), moment(bound)
        numbers.append(FALSE if number is None else Condition(f"t.number {operator} ?", (number,)))
        texts.append(FALSE if text is None else Condition(f"t.text {operator} ?", (text,)))
        moments.append(texts[-1] if when is None else Condition(f"t.moment {operator} ?", (when,)))
    textual = Condition(f"t.kind NOT IN ('{NUMBER}', '{TRUTH}')")
    terms = [all_of([textual, Condition("t.moment IS NULL"), *texts])]
    by_moment = all_of(moments)
    if any(moment(bound) is None for _, bound in bounds):
        # Only strings have a moment.
        terms.append(all_of([Condition("t.moment IS NOT NULL"), *moments]))
        by_moment = FALSE
    return Within(all_of(numbers), by_moment, terms)


def like(column: str, glob: str) -> Condition:
    """A string matches a pattern."""
    parts = glob_parts(glob)
    if "\0" in glob or sum(part == ("*", True) for part in parts) > _MAX_STARS or len(glob.encode()) > _MAX_GLOB:
        return Condition(f"({column} IS NOT NULL AND search_glob({column}, ?))", (glob,))
    quoted = "".join(f"[{each}]" if not special and each in "*?[" else each for each, special in parts)
    # SQLite's own matching stops at a NUL.
    shaped = f"CASE WHEN instr({column}, char(0)) THEN search_glob({column}, ?) ELSE {column} GLOB ? END"
    prefix = "".join(each for each, special in itertools.takewhile(lambda part: not part[1], parts))
    if not prefix:
        return Condition(f"({column} IS NOT NULL AND {shaped})", (glob, quoted))
    # Strings are sorted by code point, so all with the same prefix are a range of the index.
    last = prefix + "\U0010ffff" * values.KEYWORD_LIMIT
    return Condition(f"({column} >= ? AND {column} <= ? AND {shaped})", (prefix, last, glob, quoted))
