"""Decodes requests like a service: parameter styles, forms, multipart. Independent of hca."""

from __future__ import annotations

import email.parser
import email.policy
import json
import re
from typing import Any
from urllib.parse import unquote, unquote_plus

from tests.openapi.wire.raw import Raw
from tests.openapi.wire.values import kind_of

_DELIMITERS = {"csv": ",", "ssv": "%20", "tsv": "%09", "pipes": "|"}


def path_values(template: str, path: str) -> dict[str, str] | None:
    """The escaped path parameters; None if the path does not match."""
    names: list[str] = []
    pattern = ""
    for part in re.split(r"(\{[^{}/]*\})", template):
        if part.startswith("{") and part.endswith("}"):
            names.append(part[1:-1].strip("*+"))
            pattern += "(.+)" if "*" in part or "+" in part else "([^/]+?)"
        else:
            pattern += re.escape(part)
    found = re.fullmatch(pattern, path) or re.fullmatch(pattern, _unescaped_template(path, template))
    return dict(zip(names, found.groups(), strict=True)) if found else None


def touching(template: str) -> list[list[str]]:
    """Names of adjacent parameters without a separator, which cannot be told apart."""
    runs = re.findall(r"(?:\{[^{}/]*\}){2,}", template)
    return [[name.strip("*+") for name in re.findall(r"\{([^{}/]*)\}", run)] for run in runs]


def _unescaped_template(path: str, template: str) -> str:
    """The path with the template's literal text unescaped."""
    for letter in set(re.sub(r"\{[^{}]*\}", "", template)):
        path = path.replace("".join(f"%{byte:02X}" for byte in letter.encode()), letter)
    return path


class Decoder:
    """Decodes the values of one document's parameters."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw

    def parameter(self, node: dict[str, Any], request: Any, captured: dict[str, str]) -> Any:
        """A parameter's value in a request; None if it is missing."""
        where, name = node["in"], node["name"]
        if where == "path":
            return self._path(node, captured.get(name))
        if where == "query":
            return self._query(node, request.pairs)
        if where == "header":
            value = request.header(name)
            return None if value is None else self._joined(node, value, ",", escaped=False)
        if where == "cookie":
            pairs = [each.strip().partition("=") for each in (request.header("Cookie") or "").split(";")]
            return self._query(node, [(unquote(key), value) for key, _, value in pairs])
        if where == "formData":
            return self._form_member(node, request)
        raise AssertionError(where)

    def _schema(self, node: dict[str, Any]) -> dict[str, Any]:
        return self.raw.merged(node if self.raw.swagger2 else node.get("schema"))

    def _content(self, node: dict[str, Any]) -> str | None:
        return next(iter(node.get("content") or ()), None)

    def _path(self, node: dict[str, Any], text: str | None) -> Any:
        if text is None:
            return None
        if self._content(node):
            return json.loads(unquote(text)) if "json" in str(self._content(node)) else unquote(text)
        style, explode = node.get("style", "simple"), node.get("explode") is True
        kind = kind_of(self._schema(node))
        if style == "label":
            text = text.removeprefix(".")
            return self._joined(node, text, "." if explode else ",")
        if style == "matrix":
            name = f";{node['name']}="
            if kind == "array" and explode:
                return [unquote(each) for each in text.removeprefix(name).split(name)]
            if kind == "object" and explode:
                return self._joined(node, text.removeprefix(";"), ";")
            return self._joined(node, text.removeprefix(name), ",")
        delimiter = _DELIMITERS.get(node.get("collectionFormat", "csv"), ",")
        return self._joined(node, text, delimiter)

    def _joined(self, node: dict[str, Any], text: str, delimiter: str, *, escaped: bool = True) -> Any:
        read = unquote if escaped else str.strip
        if self._content(node):
            return json.loads(read(text)) if "json" in str(self._content(node)) else read(text)
        kind = kind_of(self._schema(node))
        if kind == "array":
            return [read(each) for each in text.split(delimiter)] if text else []
        if kind == "object":
            if node.get("explode") is True:
                return {read(k): read(v) for k, _, v in (each.partition("=") for each in text.split(delimiter))}
            parts = [read(each) for each in text.split(delimiter)]
            return dict(zip(parts[::2], parts[1::2], strict=True))
        return read(text)

    def _query(self, node: dict[str, Any], pairs: list[tuple[str, str]]) -> Any:
        name = node["name"]
        values = [value for key, value in pairs if key == name]
        schema = self._schema(node)
        kind = kind_of(schema)
        if self._content(node):
            if not values:
                return None
            return json.loads(unquote(values[0])) if "json" in str(self._content(node)) else unquote(values[0])
        if self.raw.swagger2:
            style = node.get("collectionFormat", "csv")
            many = style == "multi"
        else:
            style = node.get("style", "form")
            many = bool(node.get("explode", style in ("form", "cookie")))
        if style == "deepObject":
            found = _nested([(key, unquote_plus(value)) for key, value in pairs if key.split("[")[0] == name])
            return found.get(name) if found else None
        if kind == "object" and many:
            members = schema.get("properties") or {}
            open_ = not members
            found = {key: unquote_plus(value) for key, value in pairs if key in members or open_}
            return found or None
        if not values:
            return None
        if kind == "array":
            if many:
                return [unquote_plus(each) for each in values]
            delimiter = {"spaceDelimited": "%20", "pipeDelimited": "|"}.get(style, _DELIMITERS.get(style, ","))
            text = values[0].replace("%7C", "|") if delimiter == "|" else values[0]
            return [unquote_plus(each) for each in text.split(delimiter)]
        if kind == "object":
            parts = [unquote_plus(each) for each in values[0].split(",")]
            return dict(zip(parts[::2], parts[1::2], strict=True))
        return unquote_plus(values[0])

    def nested_members(self, request: Any, names: list[str]) -> dict[str, Any]:
        """The members of a form in the style ``name[key]``."""
        read = [(key, value) for key, values in form_of(request).items() for value in values]
        return _nested([pair for pair in read if pair[0].split("[")[0] in names and "[" in pair[0]])

    def _form_member(self, node: dict[str, Any], request: Any) -> Any:
        values = form_of(request).get(node["name"])
        if not values:
            return None
        if kind_of(self._schema(node)) != "array":
            return values[0]
        style = node.get("collectionFormat", "csv")
        return values if style == "multi" else values[0].split(_DELIMITERS.get(style, ",").replace("%20", " "))


def form_of(request: Any) -> dict[str, list[Any]]:
    """The members of a form, URL-encoded or multipart; parts with a file name are bytes."""
    kind = request.header("Content-Type") or ""
    found: dict[str, list[Any]] = {}
    if kind.startswith("application/x-www-form-urlencoded"):
        for pair in request.body.decode().split("&") if request.body else ():
            key, _, value = pair.partition("=")
            found.setdefault(unquote_plus(key), []).append(unquote_plus(value))
    elif kind.startswith("multipart/form-data"):
        head = f"Content-Type: {kind}\r\nMIME-Version: 1.0\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            if part.get_filename() is None:
                content = content.decode()
                if part.get_content_type() == "application/json":
                    content = json.loads(content)
            found.setdefault(str(name), []).append(content)
    return found


def _nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Decode ``a[b][0][c]=x`` like Rails and Stripe."""
    root: dict[str, Any] = {}
    for key, value in pairs:
        words = re.findall(r"[^\[\]]+|\[\]", key)
        holder: Any = root
        for word, following in zip(words, [*words[1:], None], strict=True):
            if following is None:
                if word == "[]":
                    holder.setdefault("[]", []).append(value)
                else:
                    holder[word] = value
            else:
                holder = holder.setdefault(word, {})
    return _with_lists(root)


def _with_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if set(node) == {"[]"}:
        return node["[]"]
    if node and all(key.isdigit() for key in node):
        return [_with_lists(node[key]) for key in sorted(node, key=int)]
    return {key: _with_lists(value) for key, value in node.items()}
