"""Create an operation's arguments from schemas: how each is serialized, and the members of a body."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from hca_base.http import is_json_lines
from hca_base.openapi._document._beyond import of_body
from hca_base.openapi._document._names import argument_name, option_name
from hca_base.openapi._document._operation import Parameter
from hca_base.openapi._document._schema import Resolver, Schema, Unusable

#: Maximum number of nested body members with their own options.
_MAX_NESTED = 60
_MAX_NESTED_DEPTH = 3


class Arguments:
    """Creates the arguments of one document's operations.

    :param resolver: resolves the document's references
    :param swagger2: True for Swagger 2
    """

    def __init__(self, resolver: Resolver, *, swagger2: bool) -> None:
        self.resolver = resolver
        self.swagger2 = swagger2

    def argument(self, name: str, location: str, schema: Schema, **more: Any) -> Parameter:
        item = self.resolver.schema(schema.items) if schema.type == "array" else None
        more.setdefault("description", schema.description)
        more["description"] = more["description"].strip()
        python_name = argument_name(name, location)
        # Send the only possible value automatically, but not in a path, which identifies the target.
        if more.get("required") and location != "path" and len(schema.enum) == 1 and not schema.nullable:
            more = {**more, "required": False, "constant": schema.enum[0]}
        return Parameter(
            name=name,
            python_name=python_name,
            option=option_name(python_name),
            location=location,
            type="any" if schema.type == "null" else schema.type,
            default=schema.default,
            enum=schema.enum,
            pattern=schema.pattern,
            items=item.type if item else None,
            items_enum=item.enum if item else (),
            format=schema.format,
            nullable=schema.nullable,
            schema_note=schema.note,
            **{**more, "deprecated": more.get("deprecated", False) or schema.deprecated},
        )

    def style(self, node: Mapping[str, Any], location: str, schema: Schema) -> str:
        """Return how an array or object is serialized in a URL or header."""
        if self.swagger2:
            style = node.get("collectionFormat", "csv")
            if style not in ("csv", "ssv", "tsv", "pipes", "multi"):
                raise Unusable(f"parameter {node['name']!r} has collectionFormat {str(style)[:40]!r}")
            return str(style)
        default = "form" if location in ("query", "cookie") else "simple"
        style = node.get("style", default)
        explode = node.get("explode", style in ("form", "cookie"))
        if style == "deepObject" or (style in ("label", "matrix") and location == "path"):
            return str(style)
        if style == "form" or (style == "cookie" and location == "cookie"):
            return "multi" if explode else "csv"
        if style in ("spaceDelimited", "pipeDelimited"):
            return "multi" if explode else {"spaceDelimited": "ssv", "pipeDelimited": "pipes"}[style]
        if style == "simple":
            return "csv"
        raise Unusable(f"parameter {node['name']!r} has style {str(style)[:40]!r}")

    def body(self, content: Mapping[str, Any], required: bool, description: str) -> tuple[str, str, list[Parameter]]:
        """Return how the body is sent, its media type, and its arguments."""
        content_type = preferred(content)
        medium = content[content_type]
        schema = self.resolver.schema(medium.get("schema") if isinstance(medium, dict) else None)
        plain = plain_type(content_type)
        parts = next((each for each in content if plain_type(each) == "multipart/form-data"), None)
        if parts is not None and plain != "multipart/form-data" and self._carries_files(schema):
            # Some documents offer all media types for all bodies, but a file cannot be sent as JSON.
            content_type, plain, medium = parts, "multipart/form-data", content[parts]
            schema = self.resolver.schema(medium.get("schema") if isinstance(medium, dict) else None)
        self.resolver.notes += of_body(content, content_type)
        kind = {"multipart/form-data": "multipart", "application/x-www-form-urlencoded": "form"}.get(plain)
        if kind and schema.type == "object" and schema.properties:
            return kind, plain, self._members(schema, "formData", required=required, encoding=medium.get("encoding"))
        json = plain == "application/json" or plain.endswith("+json") or (plain == "*/*" and schema.type != "file")
        if json and schema.type in ("object", "any") and schema.properties:
            members = self._members(schema, "body", required=required)
            # An argument for the whole body; members override its contents.
            kept = Schema(type=schema.type, note=schema.note if schema.note.startswith("either ") else "")
            members.append(self._whole(kept, False, "The whole body; separate arguments replace its members."))
            members += self._form_members(content, {member.name for member in members})
            return "json", "application/json" if plain == "*/*" else content_type, members
        if not json and schema.type in ("any", "object", "string", "array"):
            as_text = schema.type in ("any", "string") and (plain.startswith("text/") or is_json_lines(plain))
            schema = Schema(type="string" if as_text else "file", description=schema.description)
        whole = self._whole(schema, required, description or schema.description)
        return "whole", "application/json" if json and plain == "*/*" else content_type, [whole]

    def _form_members(self, content: Mapping[str, Any], known: set[str]) -> list[Parameter]:
        """Return the members that a form has besides those of a JSON body, such as files."""
        for content_type in content:
            medium = content[content_type]
            if plain_type(content_type) not in ("multipart/form-data", "application/x-www-form-urlencoded"):
                continue
            node = medium.get("schema") if isinstance(medium, dict) else None
            schema = self.resolver.schema(node)
            others = {name: each for name, each in schema.properties.items() if name not in known}
            if others:
                schema = dataclasses.replace(schema, properties=others)
                return self._members(schema, "formData", required=False, encoding=medium.get("encoding"))
        return []

    def _whole(self, schema: Schema, required: bool, description: str) -> Parameter:
        return self.argument("body", "body", schema, required=required, whole=True, description=description)

    def _carries_files(self, schema: Schema) -> bool:
        """Return True if a member of an object is a file or a list of files."""
        if schema.type != "object":
            return False
        kept = len(self.resolver.problems)
        members = [self.resolver.schema(node) for node in schema.properties.values()]
        items = [self.resolver.schema(each.items) for each in members if each.type == "array"]
        # Problems are reported where the members are used.
        del self.resolver.problems[kept:]
        return any(each.type == "file" and not each.read_only for each in (*members, *items))

    def _encoded(self, name: str, member: Schema, encoding: Any) -> tuple[str, str | None]:
        """Return style and media type of a form's member, from its encoding object if it has one."""
        encoding = encoding if isinstance(encoding, dict) else {}
        structured = member.type in ("object", "any")
        if "style" in encoding or "explode" in encoding:
            try:
                return self.style({"name": name, **encoding}, "query", member), None
            except Unusable as e:
                self.resolver.notes.append(f"a part of a form: {e}; sent by name and value")
        stated = text(encoding.get("contentType")).strip() or (member.media_type if member.type == "file" else "")
        # A list or a pattern does not determine the type.
        usable = stated.isascii() and stated.isprintable() and not set(stated) & set(",*")
        if not usable or (structured and "json" not in stated):
            stated = ""
        return "multi", stated or ("application/json" if structured else None)

    def _members(self, schema: Schema, location: str, *, required: bool, encoding: Any = None) -> list[Parameter]:
        encoding = encoding if isinstance(encoding, dict) else {}
        members = []
        room = _MAX_NESTED
        for name, node in schema.properties.items():
            member = self.resolver.schema(node)
            if member.read_only:
                continue
            if location == "body" and member.type == "file":
                # JSON has no bytes, so binary members are strings.
                member = dataclasses.replace(member, type="string")
            style, content_type = self._encoded(name, member, encoding.get(name))
            nested = self._nested(member)[:room] if location == "body" and room else []
            room -= len(nested)
            # Members of an optional body are not required here; if a body is given without its required members,
            # the service reports it.
            members.append(
                self.argument(
                    name,
                    location,
                    member,
                    required=required and name in schema.required,
                    style=style,
                    content_type=content_type,
                    members=tuple(nested),
                )
            )
        return members

    def _nested(self, schema: Schema, path: str = "") -> list[tuple[str, str]]:
        """Return dotted names and types of nested members, up to a limit.

        For a list of objects, this includes the items' members, unless the list is nested in another list's items.
        """
        found: list[tuple[str, str]] = []
        kept = len(self.resolver.problems)
        if schema.type == "array" and "[]" not in path and isinstance(schema.items, dict):
            schema, path = self.resolver.schema(schema.items), f"{path}[]"
        nodes = list(schema.properties.items())[:_MAX_NESTED] if schema.type in ("object", "any") else []
        for name, node in nodes if path.count(".") + bool(path) < _MAX_NESTED_DEPTH else ():
            member = self.resolver.schema(node)
            if member.read_only or not name.replace("_", "").replace("-", "").isalnum() or not name.isascii():
                continue
            place = f"{path}.{name}" if path else name
            found.append((place, "string" if member.type == "file" else member.type))
            found += self._nested(member, place)
            if len(found) >= _MAX_NESTED:
                break
        # On an error, only their types are missing.
        del self.resolver.problems[kept:]
        return found[:_MAX_NESTED]


def plain_type(content_type: object) -> str:
    """Return a media type without its parameters."""
    return str(content_type).partition(";")[0].strip().lower()


def preferred(content: Mapping[str, Any]) -> str:
    """Return the media type that is easiest to work with."""

    def rank(content_type: str) -> int:
        plain = plain_type(content_type)
        if plain == "application/json":
            return 0
        if plain in ("application/merge-patch+json", "application/vnd.api+json"):
            return 1
        if plain.endswith("+json"):
            return 2
        for place, each in enumerate(("multipart/form-data", "application/x-www-form-urlencoded"), 3):
            if plain == each:
                return place
        return {"*/*": 5, "application/octet-stream": 6, "text/plain": 7}.get(plain, 8)

    def binary(content_type: str) -> bool:
        medium = content[content_type]
        schema = medium.get("schema") if isinstance(medium, dict) else None
        return isinstance(schema, dict) and schema.get("format") == "binary"

    # Send bytes unchanged, even if the document also accepts other types.
    octets = [each for each in content if "octet-stream" in str(each) and binary(each)]
    return octets[0] if octets else min(content, key=rank)


def text(value: Any) -> str:
    """Return a string of the document; other values are treated as missing."""
    return value if isinstance(value, str) else ""
