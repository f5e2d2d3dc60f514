"""Type expressions and TypedDicts for the schemas of a document."""

from __future__ import annotations

import keyword
import re
from typing import Any

from hca_base.openapi._document._names import identifier
from hca_base.openapi._document._schema import Resolver, Schema, Unusable

#: Names used by stubs: classes with these names are renamed.
RESERVED = frozenset(
    {"Any", "BaseClient", "Callable", "Concatenate", "Generic", "IO", "Iterator", "Literal", "Mapping", "Method"}
    | {"NotRequired", "Null", "Operation", "ParamSpec", "PathLike", "RecordStream", "Required", "Response"}
    | {
        "Sequence",
        "Streamed",
        "TypeVar",
        "TypedDict",
        "Union",
        "bool",
        "bytes",
        "dict",
        "float",
        "int",
        "list",
        "overload",
        "str",
        "type",
    }
    | {"None", "True", "False"}
)
_SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None", "file": "bytes"}
#: Names used in the types of members, which a member of that name would shadow within a class.
_IN_CLASSES = frozenset({*_SIMPLE.values(), "Any", "Literal", "Required", "dict", "list"})
_MAX_CHOICES = 100
_MAX_CLASSES = 20_000
_MAX_DEPTH = 40


class Types:
    """Generates types; an object with members becomes a TypedDict.

    :ivar classes: the texts of the TypedDicts and of named choices, by name, in the order of their first use
    """

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.classes: dict[str, str] = {}
        self._names: dict[object, str] = {}
        # Keep the schemas alive, because their IDs are the keys above.
        self._kept: list[Schema] = []
        self._taken = set(RESERVED)

    def of(self, node: Any, hint: str, depth: int = 0) -> str:
        """Return the type of a schema.

        :param node: the schema, as in the document
        :param hint: name for a TypedDict whose schema has none
        """
        if not isinstance(node, dict) or depth > _MAX_DEPTH:
            return "Any"
        schema = self.resolver.schema(node)
        reference = node.get("$ref")
        named = isinstance(reference, str) and len(node) == 1
        found = self._of(node, schema, hint, reference if named else None, depth)
        return f"{found} | None" if schema.nullable and found not in ("Any", "None") else found

    def choices(self, values: tuple[Any, ...]) -> str | None:
        """Return a Literal of the values that a schema lists; None if there are none, too many, or other types."""
        usable = [each for each in values if isinstance(each, (str, int))]
        if not usable or len(usable) < len(values) or len(usable) > _MAX_CHOICES:
            return None
        return f"Literal[{', '.join(map(_literal, dict.fromkeys(usable)))}]"

    def named_choices(self, words: str, values: tuple[Any, ...]) -> str | None:
        """Like :meth:`choices`, but with a name that users can refer to in their own functions."""
        found = self.choices(values)
        if found is None:
            return None
        key = (words, found)
        if key not in self._names:
            self._names[key] = name = self.name(words)
            self.classes[name] = f"{name} = {found}\n"
        return self._names[key]

    def _of(self, node: dict[str, Any], schema: Schema, hint: str, reference: str | None, depth: int) -> str:
        if schema.enum:
            found = self.choices(schema.enum)
            if found is not None:
                return found
        if schema.type == "array":
            return f"list[{self.of(schema.items, f'{hint}Item', depth + 1)}]"
        if schema.type != "object":
            return _SIMPLE.get(schema.type, "Any")
        if schema.properties and not schema.open:
            return self._class(schema, hint, reference, depth)
        # Members that the document does not list are allowed.
        values = None if schema.properties else self._values(node)
        return f"dict[str, {self.of(values, f'{hint}Value', depth + 1) if values else 'Any'}]"

    def _values(self, node: dict[str, Any]) -> Any:
        """Return the schema of the values of an object with arbitrary members."""
        try:
            return self.resolver.resolve(node).get("additionalProperties")
        except Unusable:
            return None

    def _class(self, schema: Schema, hint: str, reference: str | None, depth: int) -> str:
        key: object = reference or id(schema)
        known = self._names.get(key)
        if known is not None:
            return known
        if len(self.classes) >= _MAX_CLASSES:
            return "dict[str, Any]"
        name = self.name(reference.rpartition("/")[2] if reference else hint)
        self._names[key] = name
        self._kept.append(schema)
        self.classes[name] = ""  # reserve its position
        members = {
            member: self._member(schema, member, node, name, depth) for member, node in schema.properties.items()
        }
        self.classes[name] = _typed_dict(name, members)
        return name

    def _member(self, schema: Schema, member: str, node: Any, owner: str, depth: int) -> str:
        found = self.of(node, f"{owner}{camel(member)}", depth + 1)
        merged = self.resolver.schema(node)
        written = isinstance(node, dict) and node.get("writeOnly") is True
        # readOnly and writeOnly members are not required, because one TypedDict serves both directions.
        if member in schema.required and not merged.read_only and not written:
            return f"Required[{found}]"
        return found

    def name(self, words: str) -> str:
        """Return a unique class name."""
        base = camel(words)[:80] or "Value"
        name, number = base, 2
        while name in self._taken:
            name, number = f"{base}{number}", number + 1
        self._taken.add(name)
        return name


def camel(words: str) -> str:
    """Convert ``next_page_token`` to ``NextPageToken``, keeping capitals within words."""
    parts = re.split(r"[\W_]+", identifier(words))
    found = "".join(part[:1].upper() + part[1:] for part in parts)
    return f"_{found}" if found[:1].isdigit() else found


def _literal(value: str | int) -> str:
    return ascii(value) if isinstance(value, str) else repr(value)


def _typed_dict(name: str, members: dict[str, str]) -> str:
    plain = all(
        each.isidentifier() and not keyword.iskeyword(each) and not each.startswith("__") and each not in _IN_CLASSES
        for each in members
    )
    if plain:
        lines = [f"class {name}(TypedDict, total=False):"]
        lines += [f"    {member}: {type_}" for member, type_ in members.items()]
    else:
        lines = [f"{name} = TypedDict(", f'    "{name}",', "    {"]
        lines += [f"        {member!a}: {type_}," for member, type_ in members.items()]
        lines += ["    },", "    total=False,", ")"]
    return "\n".join(lines) + "\n"
