"""Compiles the body of a search request into a tree of clauses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hca_local.search import values
from hca_local.search.clauses import (
    BadQuery,
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
)
from hca_local.search.query_string import compile_query_string
from hca_local.search.values import Scalar

# Like Elasticsearch's indices.query.bool.max_clause_count, and a limit on nesting, to bound the work of a query.
MAX_CLAUSES = 1024
MAX_DEPTH = 50


@dataclass(frozen=True)
class Query:
    """A compiled query.

    :ivar text: the query as canonical JSON; equal texts mean equal queries
    """

    root: Clause
    text: str = ""

    def matches(self, document: Mapping[str, Any]) -> bool:
        """Whether a bundle's search document matches."""
        return self.root.matches(values.flatten(document))


def compile_query(es_query: Any) -> Query:
    """Compile the ``es_query`` of a search: ``{}``, or an object with the single member ``query``.

    :raises BadQuery: any part is not supported; nothing is silently ignored
    """
    if not isinstance(es_query, Mapping):
        raise BadQuery("es_query: an object is expected")
    unknown = sorted(set(es_query) - {"query"})
    if unknown:
        raise BadQuery(f"es_query: {unknown[0]!r} is not supported; the only member is 'query'")
    if "query" not in es_query:
        return Query(Everything(), "{}")
    root = _Compiler().compile(es_query["query"], 0)
    return Query(root, json.dumps(es_query["query"], sort_keys=True))


class _Compiler:
    def __init__(self) -> None:
        self.count = 0

    def compile(self, clause: Any, depth: int) -> Clause:
        self.count += 1
        if self.count > MAX_CLAUSES:
            raise BadQuery(f"the query has more than {MAX_CLAUSES} clauses")
        if depth > MAX_DEPTH:
            raise BadQuery(f"the query is nested more than {MAX_DEPTH} deep")
        if not isinstance(clause, Mapping):
            raise BadQuery(f"a clause is an object, not {type(clause).__name__}")
        if not clause:
            return Everything()
        if len(clause) != 1:
            raise BadQuery(f"a clause has one member, not {', '.join(sorted(map(str, clause)))}")
        ((kind, body),) = clause.items()
        make = getattr(self, f"_{kind}", None) if kind in _KINDS else None
        if make is None:
            raise BadQuery(f"the clause {kind!r} is not supported; known: {', '.join(sorted(_KINDS))}")
        if not isinstance(body, Mapping):
            raise BadQuery(f"{kind}: an object is expected")
        result: Clause = make(body, depth)
        return result

    # One method per clause, named after it.

    def _match_all(self, body: Mapping[str, Any], depth: int) -> Clause:
        _only("match_all", body, "boost")
        return Everything()

    def _match_none(self, body: Mapping[str, Any], depth: int) -> Clause:
        _only("match_none", body, "boost")
        return Nothing()

    def _bool(self, body: Mapping[str, Any], depth: int) -> Clause:
        _only(
            "bool",
            body,
            "must",
            "filter",
            "should",
            "must_not",
            "minimum_should_match",
            "boost",
            "adjust_pure_negative",
        )
        parts: dict[str, tuple[Clause, ...]] = {}
        for name in ("must", "filter", "should", "must_not"):
            members = body.get(name, [])
            members = members if isinstance(members, list) else [members]
            parts[name] = tuple(self.compile(member, depth + 1) for member in members)
        required = parts["must"] + parts["filter"]
        default = 1 if parts["should"] and not required else 0
        minimum = _minimum(body.get("minimum_should_match", default), len(parts["should"]))
        return Bool(required, parts["should"], parts["must_not"], minimum)

    def _constant_score(self, body: Mapping[str, Any], depth: int) -> Clause:
        _only("constant_score", body, "filter", "boost")
        return self.compile(body.get("filter", {}), depth + 1)

    def _term(self, body: Mapping[str, Any], depth: int) -> Clause:
        path, options = _field("term", body, "value")
        _only("term", options, "value", "boost", "case_insensitive")
        return Term(path, (_scalar("term", path, options.get("value")),))

    def _terms(self, body: Mapping[str, Any], depth: int) -> Clause:
        body = {name: value for name, value in body.items() if name != "boost"}
        if len(body) != 1:
            raise BadQuery("terms: name one field and its values")
        ((path, wanted),) = body.items()
        if not isinstance(wanted, list):
            raise BadQuery(f"terms: {path}: a list of values is expected")
        return Term(path, tuple(_scalar("terms", path, value) for value in wanted))

    def _match(self, body: Mapping[str, Any], depth: int) -> Clause:
        path, options = _field("match", body, "query")
        _only("match", options, "query", "operator", "boost", "lenient")
        every = str(options.get("operator", "or")).lower() == "and"
        return Match(path, _scalar("match", path, options.get("query")), every_word=every)

    def _match_phrase(self, body: Mapping[str, Any], depth: int) -> Clause:
        path, options = _field("match_phrase", body, "query")
        _only("match_phrase", options, "query", "slop", "boost")
        slop = options.get("slop", 0)
        if not isinstance(slop, int) or isinstance(slop, bool) or slop < 0:
            raise BadQuery(f"match_phrase: {path}: slop is a whole number")
        return Match(path, _scalar("match_phrase", path, options.get("query")), phrase=True, slop=slop)

    def _multi_match(self, body: Mapping[str, Any], depth: int) -> Clause:
        _only("multi_match", body, "query", "fields", "type", "operator")
        if body.get("type", "best_fields") not in ("best_fields", "phrase"):
            raise BadQuery(f"multi_match: the type {body['type']!r} is not supported")
        wanted = _scalar("multi_match", "query", body.get("query"))
        fields = body.get("fields")
        if not isinstance(fields, list) or not fields or not all(isinstance(name, str) for name in fields):
            raise BadQuery("multi_match: fields is a list of names")
        phrase = body.get("type") == "phrase"
        every = str(body.get("operator", "or")).lower() == "and"
        return Bool(should=tuple(Match(name, wanted, phrase, every) for name in fields), minimum=1)

    def _prefix(self, body: Mapping[str, Any], depth: int) -> Clause:
        path, options = _field("prefix", body, "value")
        _only("prefix", options, "value", "boost", "case_insensitive")
        start = values.as_text(_scalar("prefix", path, options.get("value")))
        quoted = "".join("\\" + character if character in "*?\\" else character for character in start)
        return Pattern(path, quoted + "*")

    def _wildcard(self, body: Mapping[str, Any], depth: int) -> Clause:
        path, options = _field("wildcard", body, "value")
        _only("wildcard", options, "value", "wildcard", "boost", "case_insensitive")
        glob = options.get("value", options.get("wildcard"))
        return Pattern(path, values.as_text(_scalar("wildcard", path, glob)))

    def _range(self, body: Mapping[str, Any], depth: int) -> Clause:
        path, options = _field("range", body, None)
        _only("range", options, "gt", "gte", "lt", "lte", "boost")
        bounds = [
            (name, _scalar("range", path, options[name])) for name in ("gt", "gte", "lt", "lte") if name in options
        ]
        if not bounds:
            return Exists(path)
        return Range(path, tuple(bounds))

    def _exists(self, body: Mapping[str, Any], depth: int) -> Clause:
        _only("exists", body, "field", "boost")
        path = body.get("field")
        if not isinstance(path, str) or not path:
            raise BadQuery("exists: field is the name of a field")
        return Exists(path)

    def _ids(self, body: Mapping[str, Any], depth: int) -> Clause:
        _only("ids", body, "values", "type", "boost")
        wanted = body.get("values")
        if not isinstance(wanted, list):
            raise BadQuery("ids: values is a list")
        return Ids(frozenset(map(str, wanted)))

    def _query_string(self, body: Mapping[str, Any], depth: int) -> Clause:
        _only("query_string", body, "query", "default_field", "fields", "default_operator", "analyze_wildcard", "boost")
        text = body.get("query")
        if not isinstance(text, str):
            raise BadQuery("query_string: query is a text")
        fields = body.get("fields") or [
            body[name] for name in ("default_field",) if body.get(name) not in (None, "*", "_all")
        ]
        if not isinstance(fields, list) or not all(isinstance(name, str) for name in fields):
            raise BadQuery("query_string: fields is a list of names")
        return compile_query_string(text, fields, str(body.get("default_operator", "OR")))


_KINDS = frozenset(
    name.removeprefix("_") for name in vars(_Compiler) if name.startswith("_") and not name.startswith("__")
)


def _only(kind: str, body: Mapping[str, Any], *known: str) -> None:
    for name in body:
        if name not in known:
            raise BadQuery(f"{kind}: {name!r} is not supported; known: {', '.join(known)}")


def _field(kind: str, body: Mapping[str, Any], short: str | None) -> tuple[str, Mapping[str, Any]]:
    """The single field of a clause, and its parameters; ``{path: value}`` is short for an object."""
    if len(body) != 1:
        raise BadQuery(f"{kind}: name one field, not {len(body)}")
    ((path, options),) = body.items()
    if isinstance(options, Mapping):
        return path, options
    if short is None:
        raise BadQuery(f"{kind}: {path}: an object is expected")
    return path, {short: options}


def _scalar(kind: str, path: str, value: Any) -> Scalar:
    if value is None or isinstance(value, (Mapping, list)):
        raise BadQuery(f"{kind}: {path}: a text, a number or a truth value is expected")
    found: Scalar = value
    return found


def _minimum(wanted: Any, available: int) -> int:
    """``minimum_should_match``: a count, a negative count (how many may be missing), or a percentage of either."""
    text = str(wanted).strip()
    try:
        amount = int(available * float(text[:-1]) / 100) if text.endswith("%") else int(text)
    except (OverflowError, ValueError):
        raise BadQuery(f"bool: minimum_should_match cannot be {wanted!r}") from None
    if text.startswith("-"):
        amount += available
    return max(0, amount)
