"""Random search queries for given documents: all clauses, with existing fields and values, and similar ones."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from hca_local.search import values

Flat = Mapping[str, Sequence[Any]]


class QueryMaker:
    """Generates queries.

    :param documents: flattened
    """

    def __init__(self, seed: int, documents: Sequence[Flat]) -> None:
        self.random = random.Random(seed)
        self._documents = [flat for flat in documents if flat]

    def query(self, depth: int = 3) -> dict[str, Any]:
        if depth == 0 or self.random.random() < 0.45:
            kinds = [self._term, self._terms, self._match, self._words, self._phrase, self._prefix, self._wildcard]
            return self.random.choice([*kinds, self._range, self._range, self._exists, self._text, self._ids])()
        body: dict[str, Any] = {}
        for name in ("must", "filter", "should", "must_not"):
            if self.random.random() < 0.4:
                body[name] = [self.query(depth - 1) for _ in range(self.random.randint(1, 3))]
        if "should" in body and self.random.random() < 0.3:
            body["minimum_should_match"] = self.random.choice([0, 1, 2, 3, "50%", -1])
        return {"bool": body}

    def _field(self) -> tuple[str, Any]:
        """A path and one of its values; sometimes a value of another path, with a star, or the analysed sub-field."""
        flat = self.random.choice(self._documents)
        path = self.random.choice(list(flat))
        value = self.random.choice(list(flat[path]))
        dice = self.random.random()
        if dice < 0.1:
            other = self.random.choice(self._documents)
            value = self.random.choice(list(other[self.random.choice(list(other))]))
        elif dice < 0.2:
            start = self.random.randrange(len(path))
            path = path[:start] + "*" + path[self.random.randrange(start, len(path)) :]
        elif dice < 0.35:
            path += ".text"
        elif dice < 0.4:
            path = path.removesuffix(".text")
        return path, value

    def _spelling(self, value: Any) -> Any:
        text = values.as_text(value)
        return self.random.choice([value, value, text, text.upper(), text + "x", text[:-1]])

    def _term(self) -> dict[str, Any]:
        path, value = self._field()
        return {"term": {path: self._spelling(value)}}

    def _terms(self) -> dict[str, Any]:
        path, _ = self._field()
        return {"terms": {path: [self._field()[1] for _ in range(self.random.randint(0, 4))]}}

    def _match(self) -> dict[str, Any]:
        path, value = self._field()
        return {"match": {path: self._spelling(value)}}

    def _words(self) -> dict[str, Any]:
        path, value = self._field()
        words = values.words(value) or ["nothing"]
        query = " ".join(self.random.choice(words) for _ in range(self.random.randint(1, 3)))
        operator = self.random.choice(["and", "or"])
        return {"match": {path.removesuffix(".text") + ".text": {"query": query, "operator": operator}}}

    def _phrase(self) -> dict[str, Any]:
        path, value = self._field()
        words = values.words(value) or ["nothing"]
        start = self.random.randrange(len(words))
        found = words[start : start + self.random.randint(1, 4)]
        if self.random.random() < 0.3:
            self.random.shuffle(found)
        body = {"query": " ".join(found), "slop": self.random.choice([0, 0, 1, 2])}
        return {"match_phrase": {path.removesuffix(".text") + ".text": body}}

    def _prefix(self) -> dict[str, Any]:
        path, value = self._field()
        text = values.as_text(value)
        return {"prefix": {path: text[: self.random.randint(0, min(len(text), 12))]}}

    def _wildcard(self) -> dict[str, Any]:
        path, value = self._field()
        glob = list(values.as_text(value)[:40])
        for _ in range(self.random.randint(0, 5)):
            if glob:
                start = self.random.randrange(len(glob))
                glob[start : start + self.random.randint(0, 6)] = self.random.choice(["*", "*", "?", "\\*", "["])
        return {"wildcard": {path: "".join(glob)}}

    def _range(self) -> dict[str, Any]:
        path, value = self._field()
        bound = self.random.choice([value, self._spelling(value), self._field()[1], "2018-06", "2019", 5, "x"])
        names = self.random.sample(["gt", "gte", "lt", "lte"], self.random.randint(1, 2))
        return {"range": {path: dict.fromkeys(names, bound)}}

    def _exists(self) -> dict[str, Any]:
        path, _ = self._field()
        parts = path.split(".")
        return {"exists": {"field": ".".join(parts[: self.random.randint(1, len(parts))])}}

    def _ids(self) -> dict[str, Any]:
        flat = self.random.choice(self._documents)
        uuid = next(iter(flat.get("uuid", ["?"])))
        version = next(iter(flat.get("manifest.version", ["?"])))
        return {"ids": {"values": [self.random.choice([uuid, f"{uuid}.{version}", "none"])]}}

    def _text(self) -> dict[str, Any]:
        """A query string, with or without a field."""
        path, value = self._field()
        words = values.words(value) or ["nothing"]
        word = self.random.choice(words)
        leaf = self.random.choice([word, f"{word[:3]}*", f'"{" ".join(words[:2])}"', f"[{word} TO zz]", f"NOT {word}"])
        plain = path.replace(".", "").replace("_", "").isalnum()
        if plain and self.random.random() < 0.6 and not leaf.startswith("NOT"):
            leaf = f"{path}:{leaf}"
        return {"query_string": {"query": leaf}}
