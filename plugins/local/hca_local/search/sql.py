"""A query as an SQL condition over the documents, with exactly the meaning of its clauses.

Each clause becomes a condition on ``search_documents``: mostly that the document has one of some terms, which are found
by path and value, word, or pattern. For what SQL cannot express exactly, all documents are evaluated instead.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hca_local.search import values
from hca_local.search.clauses import (
    SUBFIELD,
    AnyField,
    Bool,
    Clause,
    Everything,
    Exists,
    Ids,
    Match,
    Nothing,
    Pattern,
    Range,
    Term,
    glob_regex,
    has_phrase,
)
from hca_local.search.conditions import (
    FALSE,
    TRUE,
    Condition,
    all_of,
    any_of,
    is_one_of,
    joined,
    like,
    negated,
    same,
    same_number,
    within,
)

#: SQLite's limit, minus room for the rest of a statement.
_MAX_ARGUMENTS, _MAX_LENGTH = 32_000, 900_000


class Untranslatable(Exception):
    """No SQL condition is equivalent."""


def translate(db: sqlite3.Connection, clause: Clause) -> Condition:
    """The condition on a row of ``search_documents``, named ``d``, that is true if the clause matches its document.

    :param db: a connection; the condition's functions are registered on it
    :raises Untranslatable: SQL cannot express the clause
    """
    _add_functions(db)
    condition = _Translator(db).condition(clause)
    if len(condition.arguments) > _MAX_ARGUMENTS or len(condition.text) > _MAX_LENGTH:
        raise Untranslatable
    return condition


def _add_functions(db: sqlite3.Connection) -> None:
    try:
        db.execute("SELECT search_glob('', '')")
    except sqlite3.OperationalError:
        db.create_function("search_glob", 2, _matches_glob, deterministic=True)
        db.create_function("search_phrase", 3, _has_phrase, deterministic=True)


def _matches_glob(text: str, glob: str) -> bool:
    return glob_regex(glob).fullmatch(text) is not None


def _has_phrase(text: str, wanted: str, slop: int) -> bool:
    return has_phrase(values.words(text), json.loads(wanted), slop)


@dataclass(frozen=True)
class _Field:
    """Paths whose values are compared in the same way.

    :ivar paths: condition on a path's id in ``t.path``
    :ivar sample: one of the paths, which decides how values are compared
    """

    paths: Condition
    sample: str


class _Translator:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[str, int] | None = None

    def condition(self, clause: Clause) -> Condition:
        return self._METHODS[type(clause)](self, clause)

    # Paths

    def _paths(self) -> dict[str, int]:
        if self._known is None:
            rows = self._db.execute("SELECT path, id FROM search_paths")
            self._known = {row[0]: row[1] for row in rows}
        return self._known

    def _fields(self, path: str) -> list[_Field]:
        """The paths of a field name, in groups whose values are compared in the same way."""
        known = self._paths()
        if "*" not in path:
            return [_Field(Condition("t.path = ?", (known[path],)), path)] if path in known else []
        return self._grouped(list(values.paths_matching(known, path)))

    def _grouped(self, paths: list[str]) -> list[_Field]:
        known = self._paths()
        exact = [path for path in paths if path in values.EXACT_PATHS]
        others = [known[path] for path in paths if path not in values.EXACT_PATHS]
        fields = [_Field(Condition("t.path = ?", (known[path],)), path) for path in exact]
        if len(others) + len(exact) == len(known):
            # All: omitting the condition is cheaper than listing them.
            return [*fields, _Field(all_of([Condition("t.path != ?", (known[path],)) for path in exact]), "")]
        return [*fields, _Field(is_one_of("t.path", others), "")] if others else fields

    def _has_path(self, path: str) -> Condition:
        """The document has a value at exactly this path."""
        known = self._paths().get(path)
        return FALSE if known is None else self._has_one_of([known])

    def _has_one_of(self, paths: Sequence[int]) -> Condition:
        if not paths:
            return FALSE
        test = is_one_of("path", paths)
        return Condition(f"d.shape IN (SELECT shape FROM search_shape_paths WHERE {test.text})", test.arguments)

    # Documents by terms

    @staticmethod
    def _with_terms(condition: Condition) -> Condition:
        """The document has a term, ``t``, that meets a condition."""
        if condition == FALSE:
            return FALSE
        return Condition(
            "d.id IN (SELECT p.document FROM search_terms AS t JOIN search_postings AS p ON p.term = t.id "
            f"WHERE {condition.text})",
            condition.arguments,
        )

    def _values(self, fields: Sequence[_Field], tests: Callable[[str], Sequence[Condition]]) -> Condition:
        """The document has a value at one of the fields that meets one of the conditions made for a sample path.

        Each condition gets its own subquery: SQLite uses an index for a single one, and scans all terms
        for an OR.
        """
        found = [all_of([field.paths, test]) for field in fields for test in tests(field.sample)]
        return any_of([self._with_terms(each) for each in found])

    def _words(self, fields: Sequence[_Field], word: Condition) -> Condition:
        """The document has a value at one of the fields with a word, ``w.word``, that meets a condition."""
        paths = any_of([field.paths for field in fields])
        if paths == FALSE:
            return FALSE
        return Condition(
            "d.id IN (SELECT p.document FROM search_words AS w JOIN search_terms AS t ON t.id = w.term "
            f"JOIN search_postings AS p ON p.term = t.id WHERE {word.text} AND {paths.text})",
            word.arguments + paths.arguments,
        )

    def _either(self, path: str, whole: Condition, words: Callable[[Sequence[_Field]], Condition]) -> Condition:
        """A clause on a name that may be that of an analysed sub-field: each document uses one or the other."""
        if not path.endswith(SUBFIELD):
            return whole
        analysed = words(self._fields(path.removesuffix(SUBFIELD)))
        if analysed == FALSE:
            return whole if "*" not in path else FALSE
        if "*" in path:
            return analysed
        return any_of([whole, all_of([negated(self._has_path(path)), analysed])])

    # Clauses

    def _term(self, clause: Term) -> Condition:
        return self._either(
            clause.path,
            self._values(self._fields(clause.path), lambda path: same(path, clause.wanted)),
            lambda fields: self._words(fields, is_one_of("w.word", map(values.as_text, clause.wanted))),
        )

    def _match(self, clause: Match) -> Condition:
        whole = self._values(self._fields(clause.path), lambda path: same(path, (clause.wanted,)))
        return self._either(clause.path, whole, lambda fields: self._match_words(fields, clause))

    def _match_words(self, fields: Sequence[_Field], clause: Match) -> Condition:
        wanted = values.words(clause.wanted)
        if not wanted:
            return FALSE
        if clause.phrase:
            return self._phrase(fields, wanted, clause.slop)
        if clause.every_word:
            return all_of([self._words(fields, Condition("w.word = ?", (word,))) for word in dict.fromkeys(wanted)])
        return self._words(fields, is_one_of("w.word", wanted))

    def _phrase(self, fields: Sequence[_Field], wanted: list[str], slop: int) -> Condition:
        has_words = [
            Condition("t.id IN (SELECT term FROM search_words WHERE word = ?)", (word,))
            for word in dict.fromkeys(wanted)
        ]
        spelled = "CASE WHEN t.long IS NULL THEN t.spelling ELSE t.long END"
        follows = Condition(f"search_phrase({spelled}, ?, ?)", (json.dumps(wanted), min(slop, 2**31)))
        paths = any_of([field.paths for field in fields])
        return FALSE if paths == FALSE else self._with_terms(all_of([*has_words, paths, follows]))

    def _pattern(self, clause: Pattern) -> Condition:
        glob = clause.glob if clause.path in values.EXACT_PATHS else clause.glob.lower()
        return self._either(
            clause.path,
            self._values(self._fields(clause.path), lambda path: [like("t.text", glob)]),
            lambda fields: self._words(fields, like("w.word", glob)),
        )

    def _range(self, clause: Range) -> Condition:
        return self._between(self._fields(clause.path), clause)

    def _between(self, fields: Sequence[_Field], clause: Range) -> Condition:
        """The document has a value at one of the fields within the bounds of a range."""
        found = []
        for field in fields:
            bounds = within(field.sample, clause.bounds)
            found += [self._with_terms(all_of([field.paths, test])) for test in bounds.terms]
            found.append(self._with_rows("search_numbers", all_of([field.paths, bounds.number])))
            found.append(self._with_rows("search_moments", all_of([field.paths, bounds.moment])))
        return any_of(found)

    @staticmethod
    def _with_rows(table: str, condition: Condition) -> Condition:
        """The document has a row, ``t``, that meets a condition, in a table of values by path."""
        if condition == FALSE:
            return FALSE
        return Condition(f"d.id IN (SELECT t.document FROM {table} AS t WHERE {condition.text})", condition.arguments)

    def _exists(self, clause: Exists) -> Condition:
        known, below = self._paths(), clause.path + "."
        paths = [number for path, number in known.items() if path.startswith(below)]
        if "*" in clause.path:
            paths += [known[path] for path in values.paths_matching(known, clause.path)]
        elif clause.path in known:
            paths.append(known[clause.path])
        return self._has_one_of(paths)

    def _any_field(self, clause: AnyField) -> Condition:
        known = self._paths()
        if any("*" in path or path + SUBFIELD in known for path in known):
            raise Untranslatable
        fields = self._grouped(list(known))
        sample = clause.make("")
        if isinstance(sample, Range):
            return self._between(fields, sample)
        if isinstance(sample, Match):
            words = self._match_words(fields, sample)
            if values.as_text(sample.wanted).isascii() and words != FALSE:
                # Equal values have equal words, except numbers that are written differently.
                return any_of([words, self._values(fields, lambda path: [same_number([sample.wanted])])])
            return any_of([self._values(fields, lambda path: same(path, (sample.wanted,))), words])
        if isinstance(sample, Pattern):
            globs = {"": sample.glob.lower(), **dict.fromkeys(values.EXACT_PATHS, sample.glob)}
            whole = self._values(fields, lambda path: [like("t.text", globs[path])])
            return any_of([whole, self._words(fields, like("w.word", sample.glob.lower()))])
        raise Untranslatable

    def _ids(self, clause: Ids) -> Condition:
        # COALESCE: "not one of them" is true of a document without a UUID.
        return any_of([is_one_of("COALESCE(d.own_uuid, 0)", clause.wanted), is_one_of("d.own_name", clause.wanted)])

    def _bool(self, clause: Bool) -> Condition:
        conditions = [self.condition(each) for each in clause.must]
        conditions += [negated(self.condition(each)) for each in clause.must_not]
        if clause.minimum > 0:
            conditions.append(self._enough([self.condition(each) for each in clause.should], clause.minimum))
        return all_of(conditions)

    @staticmethod
    def _enough(conditions: Sequence[Condition], minimum: int) -> Condition:
        if minimum > len(conditions):
            return FALSE
        if minimum == 1:
            return any_of(conditions)
        if minimum == len(conditions):
            return all_of(conditions)
        # In parentheses: "+" has a higher precedence than IN and NOT.
        total = joined(" + ", [Condition(f"({each.text})", each.arguments) for each in conditions])
        return Condition(f"({total.text} >= ?)", (*total.arguments, minimum))

    _METHODS: dict[type, Callable[..., Condition]] = {
        Everything: lambda self, clause: TRUE,
        Nothing: lambda self, clause: FALSE,
        Term: _term,
        Match: _match,
        Pattern: _pattern,
        Range: _range,
        Exists: _exists,
        AnyField: _any_field,
        Ids: _ids,
        Bool: _bool,
    }
