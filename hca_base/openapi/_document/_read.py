"""Parse JSON and YAML to plain Python data, with limits against hostile documents.

YAML is read from the parser's events, without PyYAML's node graph (which takes several times the memory) and by the
rules of YAML 1.2's core schema: ``NO`` and dates stay strings, as OpenAPI expects. An alias is a
second reference to the same object, and the total size of all expanded aliases is limited.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from hca_base.errors import DocumentError

#: Maximum size of a document; the largest public ones (Microsoft Graph) have about 40 MB.
MAX_BYTES = 256 * 1024 * 1024
#: Maximum nesting of a YAML document. JSON is limited by the interpreter's recursion limit.
MAX_DEPTH = 400
#: Maximum number of nodes of a YAML document, with aliases expanded.
MAX_NODES = 50_000_000

#: Members of a bundled document: the other files, and why some were not read.
FILES = "x-hca-files"
UNREAD = "x-hca-unread"
#: Member for conflicting duplicates of paths: (path, method) pairs.
REPEATED = "x-hca-repeated"
_PATH_KEY = re.compile(r'"(/[^"\\]*)"\s*:\s*\{')
_INTEGER = re.compile(r"[-+]?[0-9]{1,4000}")
_OCTAL = re.compile(r"0o[0-7]{1,4000}")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,3300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def parse(content: bytes, origin: str) -> dict[str, Any]:
    """Parse a document.

    :param origin: source of the bytes, for messages
    :raises DocumentError: neither JSON nor YAML, or not an OpenAPI document
    """
    if len(content) > MAX_BYTES:
        raise DocumentError(f"{origin}: larger than {MAX_BYTES // 2**20} MiB; not read")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentError(f"{origin}: not an OpenAPI document (not UTF-8 text)") from None
    if text.lstrip()[:1] in ("{", "["):
        data = _parse_json(text, origin)
    elif re.search(r"^[\"']?(swagger|openapi)[\"']?\s*:", text, re.MULTILINE):
        data = _parse_yaml(text, origin)
    else:
        # Do not try YAML: other text, such as the HTML of a login page, may be valid YAML.
        raise DocumentError(f"{origin}: not an OpenAPI document")
    return check(data, origin)


def parse_part(content: bytes, origin: str) -> Any:
    """Parse the object or array in a file that a document refers to.

    :raises DocumentError: neither JSON nor YAML
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentError(f"{origin}: not UTF-8 text") from None
    data = _parse_json(text, origin) if text.lstrip()[:1] in ("{", "[") else _parse_yaml(text, origin)
    if not isinstance(data, (dict, list)):
        raise DocumentError(f"{origin}: not a JSON or YAML object")
    return data


def check(data: Any, origin: str) -> dict[str, Any]:
    """Return the data after checking that it is Swagger 2 or OpenAPI 3.

    :raises DocumentError: it is something else
    """
    if not isinstance(data, dict):
        raise DocumentError(f"{origin}: not an OpenAPI document")
    version = str(data.get("openapi") or data.get("swagger") or "")
    if not re.match(r"(2\.0|3\.[0-9])", version):
        found = f"version {version[:20]!r}" if version else "no 'openapi' or 'swagger' member"
        raise DocumentError(f"{origin}: not a Swagger 2.0 or OpenAPI 3 document ({found})")
    if not isinstance(data.get("paths", {}), dict):
        raise DocumentError(f"{origin}: not an OpenAPI document ('paths' is not an object)")
    return data


def _parse_json(text: str, origin: str) -> Any:
    try:
        paths = _PATH_KEY.findall(text)
        # Python keeps the last of duplicate members. Checking each one doubles the time and is rarely needed.
        return json.loads(text, object_pairs_hook=_object if len(set(paths)) < len(paths) else None)
    except RecursionError:
        raise DocumentError(f"{origin}: nested too deep") from None
    except ValueError as e:
        # YAML's flow style starts like JSON, but truncated JSON is far more likely.
        raise DocumentError(f"{origin}: not valid JSON ({e})") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        found = {}
        for key, value in pairs:
            _add(found, key, value)
    return found


def _add(container: dict[str, Any], key: str, value: Any) -> None:
    """Add a member; a duplicate path gets the methods of both, and conflicts are recorded."""
    before = container.get(key)
    if not key.startswith("/") or not isinstance(before, dict) or not isinstance(value, dict):
        container[key] = value
        return
    twice = [(key, member) for member in value if member in before and before[member] != value[member]]
    container[key] = {**value, **before}
    if twice:
        container[REPEATED] = [*container.get(REPEATED, ()), *twice]


def _parse_yaml(text: str, origin: str) -> Any:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder(origin).build(yaml.parse(text, Loader=loader))
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        problem = getattr(e, "problem", None) or "malformed"
        if "nesting depth" in problem:
            # libyaml of PyYAML 6.0.4 and later has its own limit, which may be reached before ours because it reads
            # ahead of the events.
            raise DocumentError(f"{origin}: nested deeper than YAML is read{where}") from None
        raise DocumentError(f"{origin}: not valid YAML ({problem}{where})") from None


class _Builder:
    """Builds plain data from the events of a YAML parser."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.anchors: dict[str, tuple[Any, int]] = {}

    def build(self, events: Iterator[Any]) -> Any:
        import yaml

        # One entry for each open collection: the container, its anchor, its pending key, its size in nodes.
        open_: list[list[Any]] = []
        root: list[Any] = []

        def add(value: Any, nodes: int) -> None:
            if value is _MERGE and (not open_ or isinstance(open_[-1][0], list) or open_[-1][2] is not _NO_KEY):
                value = "<<"  # it is only special as a key
            if not open_:
                root.append(value)
                return
            container, _, key, size = open_[-1]
            open_[-1][3] = size + nodes
            if open_[-1][3] > MAX_NODES:
                raise DocumentError(f"{self.origin}: aliases expand to more than {MAX_NODES} nodes")
            if isinstance(container, list):
                container.append(value)
            elif key is _NO_KEY:
                open_[-1][2] = self._key(value)
            else:
                open_[-1][2] = _NO_KEY
                self._set(container, key, value)

        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                value = _scalar(event)
                if event.anchor:
                    self.anchors[event.anchor] = (value, 1)
                add(value, 1)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                if len(open_) >= MAX_DEPTH:
                    raise DocumentError(f"{self.origin}: nested deeper than {MAX_DEPTH} levels")
                container: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                open_.append([container, event.anchor, _NO_KEY, 1])
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                container, anchor, _, size = open_.pop()
                if anchor:
                    # Register the anchor only now, so that no alias can refer to its own container.
                    self.anchors[anchor] = (container, size)
                add(container, size)
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in self.anchors:
                    raise DocumentError(f"{self.origin}: not valid YAML (undefined alias *{event.anchor})")
                add(*self.anchors[event.anchor])
        return root[0] if root else None

    def _key(self, value: Any) -> Any:
        if isinstance(value, (dict, list)):
            raise DocumentError(f"{self.origin}: not valid OpenAPI (an object or array as a key)")
        # Keys such as 200 (a status) are strings in OpenAPI.
        return value if isinstance(value, str) else _MERGE if value is _MERGE else _text_of(value)

    def _set(self, container: dict[str, Any], key: Any, value: Any) -> None:
        if key is not _MERGE:
            _add(container, key, value)
            return
        for source in value if isinstance(value, list) else [value]:
            if isinstance(source, dict):
                for name, member in source.items():
                    container.setdefault(name, member)


class _Sentinel:
    pass


_NO_KEY = _Sentinel()
_MERGE = _Sentinel()


def _text_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _scalar(event: Any) -> Any:
    text: str = event.value
    # Quoted scalars, block scalars and `!!str` are always strings.
    if not event.implicit[0] or event.style not in (None, ""):
        return text
    if text == "<<":
        return _MERGE
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if text in (".inf", "-.inf", ".nan"):
        return text
    return text
