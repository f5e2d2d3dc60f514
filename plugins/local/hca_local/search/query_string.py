"""``query_string``: the Lucene syntax (``organ:brain AND NOT age:[1 TO 5]``), parsed with luqum."""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from hca_local.search.clauses import AnyField, BadQuery, Bool, Clause, Everything, Exists, Match, Pattern, Range
from hca_local.search.values import Scalar


def compile_query_string(text: str, fields: Sequence[str], default_operator: str) -> Clause:
    """Compile a query string.

    :param fields: fields for terms that name none; empty means every field
    :param default_operator: ``OR`` or ``AND``, between terms without an operator
    :raises BadQuery: a syntax error, or an unsupported part of the syntax
    """
    if not text.strip():
        raise BadQuery("query_string: the query is empty")
    from luqum.exceptions import ParseError

    if default_operator.upper() not in ("AND", "OR"):
        raise BadQuery(f"query_string: default_operator is AND or OR, not {default_operator!r}")
    try:
        return _Compiler(fields, default_operator.upper() == "AND").compile(_parser().parse(text))
    except RecursionError:
        raise BadQuery("query_string: the query is nested too deep") from None
    except BadQuery:
        raise
    except (ParseError, ValueError) as error:  # ValueError: distances that are not integers
        raise BadQuery(f"query_string: cannot read {text[:200]!r}: {error}") from None


def _parser() -> Any:
    """luqum's parser.

    On some Python versions its first import writes the parser tables into its own folder, not atomically: another
    process that imports it at the same time reads incomplete tables.
    """
    for _ in range(50):
        with contextlib.suppress(AttributeError, SyntaxError, EOFError):
            return importlib.import_module("luqum.parser").parser
        sys.modules.pop("luqum.parsetab", None)
        time.sleep(0.1)
        importlib.invalidate_caches()
    return importlib.import_module("luqum.parser").parser


class _Compiler:
    def __init__(self, fields: Sequence[str], conjunction: bool) -> None:
        self.fields = list(fields)
        self.conjunction = conjunction

    def compile(self, node: Any, field: str | None = None) -> Clause:
        from luqum import tree

        if isinstance(node, tree.SearchField):
            if node.name == "_exists_":
                return Exists(str(node.expr).strip())
            return self.compile(node.expr, node.name)
        if isinstance(node, (tree.Group, tree.FieldGroup)):
            return self.compile(node.expr, field)
        if isinstance(node, tree.AndOperation):
            return Bool(must=tuple(self.compile(child, field) for child in node.children))
        if isinstance(node, tree.OrOperation):
            return self._any(tuple(self.compile(child, field) for child in node.children))
        if isinstance(node, tree.Not):
            return Bool(must_not=(self.compile(node.a, field),))
        if isinstance(node, tree.Boost):
            # Boosts are ignored: results are sorted by identifier, not by score.
            return self.compile(node.expr, field)
        if isinstance(node, (tree.UnknownOperation, tree.Plus, tree.Prohibit)):
            return self._list(node if isinstance(node, tree.UnknownOperation) else None, node, field)
        return self._leaf(node, field)

    def _list(self, operation: Any, node: Any, field: str | None) -> Clause:
        """Adjacent terms: ``+a -b c``."""
        from luqum import tree

        must: list[Clause] = []
        should: list[Clause] = []
        must_not: list[Clause] = []
        for child in operation.children if operation is not None else (node,):
            if isinstance(child, tree.Plus):
                must.append(self.compile(child.a, field))
            elif isinstance(child, tree.Prohibit):
                must_not.append(self.compile(child.a, field))
            elif isinstance(child, tree.Not):
                must.append(self.compile(child, field))
            else:
                (must if self.conjunction else should).append(self.compile(child, field))
        minimum = 1 if should and not must else 0
        return Bool(tuple(must), tuple(should), tuple(must_not), minimum)

    def _leaf(self, node: Any, field: str | None) -> Clause:
        from luqum import tree

        if isinstance(node, tree.Phrase):
            phrase = str(node).strip()[1:-1]
            return self._over(field, lambda path: self._value(path, phrase, phrase=True))
        if isinstance(node, tree.Proximity):
            phrase, slop = str(node.term).strip()[1:-1], int(node.degree)
            return self._over(field, lambda path: Match(path, phrase, phrase=True, slop=slop))
        if isinstance(node, tree.Range):
            bounds: list[tuple[str, Scalar]] = []
            low, high = str(node.low).strip().strip('"'), str(node.high).strip().strip('"')
            if low != "*":
                bounds.append(("gte" if node.include_low else "gt", low))
            if high != "*":
                bounds.append(("lte" if node.include_high else "lt", high))
            return self._over(field, lambda path: Range(path, tuple(bounds)))
        if isinstance(node, (tree.From, tree.To)):
            word = ("gt" if isinstance(node, tree.From) else "lt") + ("e" if node.include else "")
            bound = str(node.a).strip()
            return self._over(field, lambda path: Range(path, ((word, bound),)))
        if isinstance(node, tree.Word):
            if node.is_wildcard():
                return Everything() if field in (None, "*") else Exists(str(field))
            if node.has_wildcard():
                return self._over(field, lambda path: Pattern(path, node.value))
            return self._over(field, lambda path: self._value(path, node.unescaped_value))
        raise BadQuery(f"query_string: {type(node).__name__} is not supported: {str(node).strip()!r}")

    @staticmethod
    def _value(path: str, value: str, phrase: bool = False) -> Clause:
        return Match(path, value, phrase=phrase)

    def _over(self, field: str | None, make: Callable[[str], Clause]) -> Clause:
        if field is not None:
            return make(field)
        if self.fields:
            return self._any(tuple(make(path) for path in self.fields))
        return AnyField(make)

    @staticmethod
    def _any(clauses: tuple[Clause, ...]) -> Clause:
        return Bool(should=clauses, minimum=1)
