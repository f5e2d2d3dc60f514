"""``$ref`` and schemas: the parts of JSON Schema needed for the arguments of a call.

Everything is lazy (only parts that an operation uses are read) and limited: chains and cycles of references end, a
schema is merged only once, and nested members are left as JSON.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from hca_base.openapi._document._read import UNREAD
from hca_base.openapi._document._text import branches_of, limits_of

#: Maximum length of a chain of references, and depth of nested allOf/oneOf.
_MAX_CHAIN = 64
#: Maximum number of members of a merged object.
_MAX_MEMBERS = 5000
#: Maximum number of nodes to search for names.
_MAX_LOOKED_AT = 3_000_000
#: Members of a schema that are valid beside a ``$ref``; those with texts are handled where it is resolved.
_KEYWORDS = frozenset({"type", "properties", "required", "enum", "const", "items", "allOf", "oneOf", "anyOf"}) | {
    "additionalProperties",
    "pattern",
    "format",
}
_CONDITIONAL = frozenset({"then", "else", "dependentSchemas"})
_SIMPLE_TYPES = ("string", "integer", "number", "boolean", "array", "object")


class Unusable(Exception):
    """Raised if a part of a document cannot be used; the text says why."""


@dataclasses.dataclass
class Schema:
    """A schema with references resolved and allOf, oneOf, anyOf merged, one level deep.

    :ivar type: one of the JSON types, "file" (bytes), or "any"
    :ivar properties: an object's members, as in the document
    :ivar open: other members than those listed are allowed
    :ivar media_type: of a file
    """

    type: str = "any"
    nullable: bool = False
    properties: dict[str, Any] = dataclasses.field(default_factory=dict)
    required: tuple[str, ...] = ()
    open: bool = False
    items: Any = None
    enum: tuple[Any, ...] = ()
    pattern: str | None = None
    format: str | None = None
    default: Any = None
    description: str = ""
    read_only: bool = False
    deprecated: bool = False
    note: str = ""
    media_type: str = ""


class Resolver:
    """Resolves references within one document and merges its schemas.

    :ivar problems: reasons why some schema could not be used, in the order they were met
    :ivar notes: parts that are only partly supported
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.problems: list[str] = []
        self.notes: list[str] = []
        self._merged: dict[int, Schema] = {}
        self._busy: set[int] = set()
        # The IDs above are of the document's objects; keep those created for siblings of a $ref alive too.
        self._made: dict[int, dict[str, Any]] = {}
        self._beside: dict[int, tuple[Any, dict[str, Any]]] = {}
        self._named: dict[str, Any] | None = None
        self.version_31 = not str(root.get("openapi", "")).startswith("3.0") and "openapi" in root

    def resolve(self, node: Any) -> dict[str, Any]:
        """Return the object that a node is or refers to.

        :raises Unusable: the reference is remote, cyclic or broken, or the target is not an object
        """
        seen: set[str] = set()
        result = node
        siblings: dict[str, Any] = {}
        while isinstance(result, dict) and isinstance(result.get("$ref"), str):
            reference: str = result["$ref"]
            if reference in seen or len(seen) >= _MAX_CHAIN:
                raise Unusable(f"$ref {reference[:200]!r} refers to itself")
            seen.add(reference)
            # Only these are valid beside a $ref (OpenAPI 3.1).
            for key in ("description", "summary", "default", "nullable", "readOnly", "deprecated"):
                if key in result:
                    siblings.setdefault(key, result[key])
            result = self._target(reference)
        if not isinstance(result, dict):
            raise Unusable(f"an object was expected, not {type(result).__name__}")
        if not siblings:
            return result
        made = self._made.get(id(node))
        if made is None:
            made = self._made[id(node)] = {**result, **siblings}
        return made

    def _collection(self, reference: str, depth: int) -> Any:
        if depth >= _MAX_CHAIN:
            raise Unusable(f"$ref {reference[:200]!r} refers to itself")
        return self._target(reference, depth + 1)

    def _target(self, reference: str, depth: int = 0) -> Any:
        named = self._names().get(reference) if not reference.startswith("#/") and reference != "#" else None
        if named is not None:
            return named
        if not reference.startswith("#"):
            reasons = self.root.get(UNREAD)
            reason = reasons.get(reference.partition("#")[0]) if isinstance(reasons, dict) else None
            raise Unusable(f"$ref {reference[:200]!r}: {reason or 'outside this document; not read'}")
        if not reference.startswith("#/") and reference != "#":
            raise Unusable(f"$ref {reference[:200]!r} has no target")
        target: Any = self.root
        for part in reference[1:].split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(target, dict) and key not in target and isinstance(target.get("$ref"), str):
                # A collection may be in another file: components: {schemas: {$ref: ./schemas.yaml}}.
                target = self._collection(target["$ref"], depth)
            if isinstance(target, dict) and key in target:
                target = target[key]
            elif isinstance(target, list) and key.isascii() and key.isdigit() and int(key[:9]) < len(target):
                target = target[int(key[:9])]
            else:
                raise Unusable(f"$ref {reference[:200]!r} has no target")
        return target

    def _names(self) -> dict[str, Any]:
        """The targets of OpenAPI 3.1's ``$anchor``, ``$dynamicAnchor`` and ``$id``; searched once, if used."""
        if self._named is None:
            self._named = {}
            waiting: list[Any] = [self.root]
            looked_at = 0
            while waiting and looked_at < _MAX_LOOKED_AT:
                node = waiting.pop()
                looked_at += 1
                if isinstance(node, dict):
                    for key, mark in (("$anchor", "#"), ("$dynamicAnchor", "#"), ("$id", "")):
                        if isinstance(node.get(key), str):
                            self._named.setdefault(mark + node[key], node)
                    waiting.extend(node.values())
                elif isinstance(node, list):
                    waiting.extend(node)
        return self._named

    def _with_siblings(self, node: Any) -> Any:
        """Return a schema with members beside its ``$ref`` (valid since OpenAPI 3.1) as an allOf of both."""
        if not isinstance(node, dict) or not self.version_31:
            return node
        if "$ref" not in node and isinstance(node.get("$dynamicRef"), str):
            node = {**{k: v for k, v in node.items() if k != "$dynamicRef"}, "$ref": node["$dynamicRef"]}
        elif not isinstance(node.get("$ref"), str) or not _KEYWORDS.intersection(node):
            return node
        made = self._beside.get(id(node))
        if made is None:
            rest = {key: value for key, value in node.items() if key != "$ref"}
            parts = rest.get("allOf")
            own = parts if isinstance(parts, list) else []
            made = node, {**rest, "allOf": [*own, {"$ref": node["$ref"]}]}
            # Keep a reference to the node, because its ID is the key.
            self._beside[id(node)] = made
        return made[1]

    def schema(self, node: Any) -> Schema:
        """Return a merged schema; if that fails, the type is "any" and :attr:`problems` says why."""
        if node is None or isinstance(node, bool):
            return Schema(open=True)
        try:
            return self._schema(self.resolve(self._with_siblings(node)), 0)
        except Unusable as e:
            self.problems.append(str(e))
            return Schema(open=True)

    def _schema(self, raw: dict[str, Any], depth: int) -> Schema:
        known = self._merged.get(id(raw))
        if known is not None:
            return known
        if id(raw) in self._busy or depth > _MAX_CHAIN:
            raise Unusable("a schema contains itself through allOf, oneOf or anyOf")
        self._busy.add(id(raw))
        try:
            merged = self._merge(raw, depth)
        finally:
            self._busy.discard(id(raw))
        self._merged[id(raw)] = merged
        return merged

    def _merge(self, raw: dict[str, Any], depth: int) -> Schema:
        result = _own(raw)
        for part in self._parts(raw, "allOf", depth):
            _absorb(result, part)
        for part in self._conditional(raw, depth):
            # Its members are allowed; whether they are required depends on others.
            _absorb(result, dataclasses.replace(part, required=(), enum=(), description="", note="", default=None))
        for word in ("oneOf", "anyOf"):
            variants = list(self._parts(raw, word, depth))
            if not variants:
                continue
            real = [each for each in variants if each.type != "null"]
            if len(real) > 1 and not result.note:
                result.note = branches_of(raw[word])
            result.nullable = result.nullable or len(real) < len(variants) or any(each.nullable for each in real)
            if len(real) == 1:
                _absorb(result, real[0])
            elif real and {each.type for each in real} == {"object"}:
                shared = set(real[0].required).intersection(*(each.required for each in real[1:]))
                for each in real:
                    required = tuple(name for name in each.required if name in shared)
                    _absorb(result, dataclasses.replace(each, required=required, description="", note=""))
                result.open = True
            elif real and result.type == "any" and len({each.type for each in real}) == 1:
                result.type = real[0].type
                result.items = real[0].items
                if all(each.enum for each in real):
                    result.enum = tuple(dict.fromkeys(value for each in real for value in each.enum))
        return result

    def _conditional(self, raw: dict[str, Any], depth: int) -> Iterator[Schema]:
        """Yield the conditional schemas: ``then``, ``else``, ``dependentSchemas``."""
        if not _CONDITIONAL.isdisjoint(raw):
            dependent = raw.get("dependentSchemas")
            yield from self._parts({"all": [raw.get(word) for word in ("then", "else")]}, "all", depth)
            yield from self._parts(
                {"all": list(dependent.values()) if isinstance(dependent, dict) else []}, "all", depth
            )

    def _parts(self, raw: dict[str, Any], word: str, depth: int) -> Iterator[Schema]:
        parts = raw.get(word)
        for part in parts if isinstance(parts, list) else ():
            if part is None or isinstance(part, bool):
                continue
            yield self._schema(self.resolve(self._with_siblings(part)), depth + 1)


def _own(raw: dict[str, Any]) -> Schema:
    """Return a schema's own members, without the schemas that it combines."""
    properties = raw.get("properties")
    properties = {str(k): v for k, v in properties.items()} if isinstance(properties, dict) else {}
    required = raw.get("required")
    required = tuple(each for each in required if isinstance(each, str)) if isinstance(required, list) else ()
    enum = raw.get("enum")
    enum = _scalars(enum) if isinstance(enum, list) else _scalars([raw["const"]]) if "const" in raw else ()
    nullable = raw.get("nullable") is True or raw.get("x-nullable") is True or None in enum
    enum = tuple(value for value in enum if value is not None)
    type_ = raw.get("type")
    if isinstance(type_, list):
        nullable = nullable or "null" in type_
        types = [each for each in type_ if each != "null"]
        # If strings are among several types, a value that is not a JSON array or object is a string.
        type_ = types[0] if len(types) == 1 else "number" if set(types) == {"integer", "number"} else "any"
    several = isinstance(raw.get("type"), list) and type_ == "any"
    if type_ not in (*_SIMPLE_TYPES, "file", "null") and not several:
        type_ = _guess(raw, enum)
    if _binary(raw) and (type_ == "string" or (type_ == "any" and "contentMediaType" in raw and "type" not in raw)):
        type_ = "file"
    return Schema(
        type=str(type_),
        nullable=nullable,
        properties=dict(list(properties.items())[:_MAX_MEMBERS]),
        required=required,
        open=raw.get("additionalProperties") not in (None, False) or "patternProperties" in raw,
        items=raw.get("items"),
        enum=enum,
        pattern=_text(raw.get("pattern")) or None,
        format=_text(raw.get("format")) or None,
        default=raw.get("default"),
        description=_text(raw.get("description")) or _text(raw.get("title")),
        read_only=raw.get("readOnly") is True,
        deprecated=raw.get("deprecated") is True,
        note=limits_of(raw),
        media_type=_text(raw.get("contentMediaType")),
    )


def _binary(raw: dict[str, Any]) -> bool:
    # Swagger 2 and OpenAPI 3.0 use format, 3.1 uses contentMediaType without an encoding.
    if raw.get("format") == "binary":
        return True
    medium = raw.get("contentMediaType")
    if not isinstance(medium, str) or "contentEncoding" in raw:
        return False
    # Text types are given as strings, and sent encoded.
    return not medium.startswith(("text/", "application/json", "application/xml")) and "+" not in medium


def _guess(raw: dict[str, Any], enum: tuple[Any, ...]) -> str:
    if any(isinstance(raw.get(word), dict) for word in ("properties", "additionalProperties", "patternProperties")):
        return "object"
    if "items" in raw or isinstance(raw.get("prefixItems"), list) or "contains" in raw:
        return "array"
    if enum and all(isinstance(value, str) for value in enum):
        return "string"
    if raw.get("pattern") or raw.get("format") in ("date-time", "date", "uuid", "uri", "email"):
        return "string"
    return "any"


def _absorb(into: Schema, part: Schema) -> None:
    """Merge a part of an allOf; the members of the whole take precedence."""
    if into.type == "any":
        into.type = part.type
    for name, member in part.properties.items():
        if len(into.properties) >= _MAX_MEMBERS:
            break
        into.properties.setdefault(name, member)
    into.required = tuple(dict.fromkeys((*into.required, *part.required)))
    into.nullable = into.nullable or part.nullable
    into.open = into.open or part.open
    into.read_only = into.read_only or part.read_only
    into.deprecated = into.deprecated or part.deprecated
    if into.items is None:
        into.items = part.items
    if into.default is None:
        into.default = part.default
    into.enum = into.enum or part.enum
    into.pattern = into.pattern or part.pattern
    into.format = into.format or part.format
    into.description = into.description or part.description
    into.note = into.note or part.note


def _scalars(values: list[Any]) -> tuple[Any, ...]:
    return tuple(value for value in values[:1000] if value is None or isinstance(value, (str, int, float, bool)))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
