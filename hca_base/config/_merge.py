"""Merge layers: list operators are resolved here, `jsonmerge`_ handles the rest.

A value ``{"$append": item}`` (or ``$extend``, ``$insert``, ``$extendleft``, ``$remove``) in one layer edits the list
of the lower layers; a missing list is treated as empty. Everything else follows jsonmerge: objects merge key by key,
other values replace lower ones, and a ``mergeStrategy`` in the schema of a key overrides this.

Importing jsonmerge takes 0.1 s, more than half of the time of a short command. Its rule for values without a strategy
is simple and implemented here; jsonmerge is only imported for strategies and for its error messages.

.. _jsonmerge: https://pypi.org/project/jsonmerge/
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hca_base.config._keys import join_key
from hca_base.config._sources._source import ConfigFileError, Layer, type_name

OPERATORS = frozenset({"$append", "$extend", "$extendleft", "$insert", "$remove"})

MISSING: Any = object()
"""No value: not the same as null."""

# jsonmerge fails on empty keys and on keys with "%XX", because it looks up values by URL fragments. Replace these with
# private-use characters.
_EMPTY, _PERCENT = "\ue0e0", "\ue0e1"

_INTEGER = re.compile(r"[+-]?\d{1,9}")

Path = tuple[str, ...]


def is_operator(value: Any) -> bool:
    """Return True if a value is a list operator, valid or not."""
    return isinstance(value, Mapping) and not OPERATORS.isdisjoint(value)


def apply_operator(operation: Mapping[str, Any], below: Any, layer: Layer, path: Path) -> list[Any]:
    """Return the list that results from applying an operator to the value below it.

    :param below: the lower value, or ``MISSING``
    :raises ConfigFileError: the operator is malformed, or the lower value is not a list
    """

    def wrong(why: str) -> ConfigFileError:
        return error_at(layer, path, why)

    if len(operation) != 1:
        raise wrong(f"a list operator must be the only key of its object, not one of {', '.join(operation)}")
    [(name, operand)] = operation.items()
    if below is MISSING or below is None:
        below = []
    if not isinstance(below, list):
        raise wrong(f"{name} edits a list, but the value in the lower layers is {type_name(below)}")
    result = copy.deepcopy(below)
    operand = copy.deepcopy(operand)
    if name == "$append":
        result.append(operand)
    elif name == "$remove":
        # Removing a missing item is not an error; `validate` reports it.
        if operand in result:
            result.remove(operand)
    elif name == "$insert":
        if not isinstance(operand, dict):
            raise wrong(f'$insert needs an object {{"POSITION": item}}, not {type_name(operand)}')
        for position, item in operand.items():
            if not _INTEGER.fullmatch(str(position)):
                raise wrong(f"$insert needs whole numbers as positions, not {position!r}")
            result.insert(int(position), item)
    else:
        if not isinstance(operand, list):
            raise wrong(f"{name} needs a list, not {type_name(operand)}")
        if name == "$extend":
            result.extend(operand)
        else:
            result[0:0] = operand
    return result


def error_at(layer: Layer, path: tuple[str | int, ...], why: str, hint: str | None = None) -> ConfigFileError:
    """Return an error with the file (or layer), the line and the key path."""
    line = layer.line_of(path)
    place = layer.place if line is None else f"{layer.place}:{line}"
    return ConfigFileError(f"{place}: {join_key(path)}: {why}", path=layer.path, line=line, key=path, hint=hint)


def merge_at(layers: Sequence[Layer], path: Path, schema: Mapping[str, Any] | None = None) -> Any:
    """Return the merged value at a key path, or ``MISSING``.

    :param layers: lowest first
    :param schema: JSON schema of the whole configuration, for its merge strategies
    :raises ConfigFileError: an operator is not valid, or an object overrides a value that is not an object
    """
    for depth in range(1, len(path)):
        if "mergeStrategy" in (schema_at(schema, path[:depth]) or {}):
            # The strategy applies to an enclosing object: merge that one, then look inside.
            whole = merge_at(layers, path[:depth], schema)
            for segment in path[depth:]:
                whole = whole.get(segment, MISSING) if isinstance(whole, Mapping) else MISSING
            return whole
    sources = [(layer, value) for layer, value in values_at(layers, path) if value is not MISSING]
    inner = schema_at(schema, path)
    strategies = has_strategy(inner)
    if sources and not strategies and not isinstance(sources[-1][1], Mapping):
        return copy.deepcopy(sources[-1][1])  # the top layer replaces all lower ones
    merged: Any = MISSING
    for layer, value in sources:
        merged = _merge_two(merged, value, layer, path, inner if strategies else None)
    return merged


def values_at(layers: Sequence[Layer], path: Path) -> list[tuple[Layer, Any]]:
    """Return each layer's value (or ``MISSING``) at a key path, from the last layer that hides all lower ones.

    A layer hides lower ones if it has a value other than an object on the way to ``path``.

    :raises ConfigFileError: an object overrides a value that is not an object
    """
    result: list[tuple[Layer, Any]] = []
    on_way: dict[Path, Layer] = {}  # last layer with a value other than an object
    for layer in layers:
        value: Any = layer.data
        for depth, segment in enumerate(path):
            here = path[:depth]
            if depth and here in on_way:
                raise _object_over_plain(layer, here, on_way[here])
            value = value.get(segment, MISSING)
            if value is MISSING or depth == len(path) - 1:
                break
            if not isinstance(value, Mapping) or is_operator(value):
                # A plain value replaces the whole object of the lower layers. (So does null, but it does not conflict
                # with an object above it.)
                result.clear()
                on_way.clear()
                if value is not None:
                    on_way[path[: depth + 1]] = layer
                value = MISSING
                break
        result.append((layer, value))
    return result


def _object_over_plain(layer: Layer, path: Path, below: Layer) -> ConfigFileError:
    return error_at(
        layer, path, f"an object here, but {below.place} has a value that is none", hint="correct one of the two"
    )


def _merge_two(base: Any, head: Any, layer: Layer, path: Path, schema: Mapping[str, Any] | None) -> Any:
    """Merge one more layer onto the result of the lower ones."""
    edits: list[tuple[Path, list[Any]]] = []
    head = _take_operators(head, base, layer, path, (), edits)
    if head is not MISSING:
        if base is MISSING:
            merged = copy.deepcopy(head)
        elif schema is None and not (isinstance(head, dict) and isinstance(base, dict) and head and base):
            if isinstance(head, dict) and base is not None and not isinstance(base, dict):
                raise error_at(layer, path, f"an object here, but the layers below have {type_name(base)}")
            merged = copy.deepcopy(base if head == {} and isinstance(base, dict) else head)
        elif schema is None and _mergeable(base, head):
            merged = _overlaid(base, head)
        else:
            merged = _jsonmerge(base, head, layer, path, schema)
    else:
        merged = base
    for place, value in edits:
        if not place:
            return value
        if not isinstance(merged, dict):
            merged = {}
        inner = merged
        for segment in place[:-1]:
            inner = inner.setdefault(segment, {})
        inner[place[-1]] = value
    return merged


def _mergeable(base: Mapping[str, Any], head: Mapping[str, Any]) -> bool:
    """Return True unless an object overrides a value that is neither an object nor null."""
    return all(
        base.get(key) is None or (isinstance(base[key], dict) and _mergeable(base[key], value))
        for key, value in head.items()
        if isinstance(value, dict)
    )


def _overlaid(base: Mapping[str, Any], head: Mapping[str, Any]) -> dict[str, Any]:
    """Merge values without a strategy like jsonmerge: objects key by key, other values are replaced."""
    merged: dict[str, Any] = copy.deepcopy(dict(base))
    for key, value in head.items():
        below = merged.get(key)
        both = isinstance(value, dict) and isinstance(below, dict)
        merged[key] = _overlaid(below, value) if both else copy.deepcopy(value)  # type: ignore[arg-type]
    return merged


def _take_operators(
    head: Any, base: Any, layer: Layer, path: Path, place: Path, edits: list[tuple[Path, list[Any]]]
) -> Any:
    """Return ``head`` without operators, and add their results (applied to ``base``) to ``edits``."""
    if not isinstance(head, Mapping):
        return head
    if is_operator(head):
        edits.append((place, apply_operator(head, base, layer, (*path, *place))))
        return MISSING
    result = {}
    for key, value in head.items():
        below = base.get(key, MISSING) if isinstance(base, Mapping) else MISSING
        value = _take_operators(value, below, layer, path, (*place, key), edits)
        if value is not MISSING:
            result[key] = value
    return result


def _jsonmerge(base: Any, head: Any, layer: Layer, path: Path, schema: Mapping[str, Any] | None) -> Any:
    import warnings

    # It uses deprecated parts of jsonschema; setup.cfg excludes the major version without them.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"jsonmerge(\.|$)")
    import jsonmerge
    from jsonmerge.exceptions import JSONMergeError

    base = _renamed(_without_nulls_under(base, head), _encode)
    try:
        return _renamed(jsonmerge.Merger(dict(schema) if schema else {}).merge(base, _renamed(head, _encode)), _decode)
    except JSONMergeError as error:
        reference = getattr(getattr(error, "value", None), "ref", None) or "#"
        inner = tuple(part.replace("~1", "/").replace("~0", "~") for part in reference.lstrip("#").split("/") if part)
        below = base
        for segment in inner:
            below = below.get(segment) if isinstance(below, Mapping) else None
        raise error_at(
            layer,
            (*path, *inner),
            f"cannot be merged with {type_name(below)} in the layers below",
            hint="correct one of the two",
        ) from None


def _encode(key: str) -> str:
    return key.replace("%", _PERCENT) or _EMPTY


def _decode(key: str) -> str:
    return "" if key == _EMPTY else key.replace(_PERCENT, "%")


def _renamed(value: Any, rename: Callable[[str], str]) -> Any:
    """Return a copy with all keys of all objects renamed."""
    if isinstance(value, Mapping):
        return {rename(key): _renamed(inner, rename) for key, inner in value.items()}
    return [_renamed(inner, rename) for inner in value] if isinstance(value, list) else value


def _without_nulls_under(base: Any, head: Any) -> Any:
    """Return a copy of ``base`` without nulls where ``head`` has an object: null means "not set"."""
    if not isinstance(base, dict):
        return copy.deepcopy(base)
    result = {}
    for key, value in base.items():
        over = head.get(key, MISSING) if isinstance(head, Mapping) else MISSING
        if isinstance(over, Mapping) and value is None:
            continue
        result[key] = _without_nulls_under(value, over)
    return result


def schema_at(schema: Mapping[str, Any] | None, path: Sequence[str | int]) -> Mapping[str, Any] | None:
    """Return the part of a JSON schema for a key path, or None."""
    for segment in path:
        if not isinstance(schema, Mapping):
            return None
        if isinstance(segment, int):
            schema = schema.get("items")
            continue
        found = schema.get("properties", {}).get(segment)
        if found is None:
            for pattern, candidate in schema.get("patternProperties", {}).items():
                if re.search(pattern, segment):
                    found = candidate
                    break
        if found is None:
            found = schema.get("additionalProperties")
        schema = found
    return schema if isinstance(schema, Mapping) else None


def has_strategy(schema: Any) -> bool:
    """Return True if a schema contains a merge strategy anywhere."""
    if isinstance(schema, Mapping):
        return "mergeStrategy" in schema or any(has_strategy(inner) for inner in schema.values())
    return isinstance(schema, list) and any(has_strategy(inner) for inner in schema)
