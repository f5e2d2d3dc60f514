"""From one path item of a document to an operation, for Swagger 2 and OpenAPI 3."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from hca_base.http import is_json_lines
from hca_base.openapi._document._location import server_url
from hca_base.openapi._document._names import argument_name, distinct, option_name, path_parameters
from hca_base.openapi._document._operation import SAFE_METHODS, Operation, Parameter, Response
from hca_base.openapi._document._schema import Resolver, Schema, Unusable

#: Arguments of one operation.
_MAX_PARAMETERS = 2000
#: Members of the members of one body that have options of their own.
_MAX_NESTED = 60
_MAX_NESTED_DEPTH = 3
_LOCATION_ORDER = {"path": 0, "query": 1, "querystring": 1, "header": 2, "cookie": 3, "formData": 4, "body": 5}
#: OpenAPI 3 says that parameters of these names mean nothing: other parts of the document set these headers.
_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})
_NEXT_MEMBERS = frozenset({"next", "pagination", "has_more", "next_page", "next_url", "@odata.nextLink"})


class Builder:
    """Builds the operations of one document.

    :param root: the document
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.resolver = Resolver(root)
        self.swagger2 = "swagger" in root
        self._schemes = self.security_schemes()

    def security_schemes(self) -> dict[str, dict[str, Any]]:
        """The document's security schemes by name; unusable ones are left out."""
        holder = self.root if self.swagger2 else self.root.get("components")
        key = "securityDefinitions" if self.swagger2 else "securitySchemes"
        schemes = holder.get(key) if isinstance(holder, dict) else None
        usable: dict[str, dict[str, Any]] = {}
        for name, node in schemes.items() if isinstance(schemes, dict) else ():
            try:
                usable[str(name)] = self.resolver.resolve(node)
            except Unusable:
                continue
        return usable

    def operation(self, method: str, path: str, item: Mapping[str, Any], raw: Any) -> Operation:
        """One operation, still without a name.

        :param item: the path item, for what it shares among its methods
        :param raw: the operation object
        :raises Unusable: it cannot be called from here; the text says why
        """
        if not isinstance(raw, dict):
            raise Unusable("not an object")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,30}", method):
            raise Unusable("not the name of a method")
        if any(ord(c) < 32 or ord(c) == 127 for c in path):
            raise Unusable("control characters in the path")
        security = self._security(raw)
        nodes = self._parameter_nodes(item, raw)
        parameters: list[Parameter] = []
        body, content_type, body_required = "", None, False
        body_types: tuple[str, ...] = ()
        for node in nodes:
            location = node.get("in")
            if location == "body" and self.swagger2:
                consumes = _texts(raw.get("consumes", self.root.get("consumes")))
                body, content_type, found = self._body(
                    {each: {"schema": node.get("schema")} for each in consumes or ("application/json",)},
                    node.get("required") is True,
                    _text(node.get("description")),
                )
                body_required = node.get("required") is True
                parameters.extend(found)
            elif location == "formData" and self.swagger2:
                parameter = self._parameter(node, security)
                if parameter is not None:
                    parameters.append(parameter)
                    consumes = _texts(raw.get("consumes", self.root.get("consumes")))
                    multipart = body == "multipart" or parameter.type == "file" or "multipart/form-data" in consumes
                    body = "multipart" if multipart else "form"
                    body_required = body_required or parameter.required
            elif location in ("path", "query", "querystring", "header", "cookie"):
                parameter = self._parameter(node, security)
                if parameter is not None:
                    parameters.append(parameter)
            else:
                raise Unusable(f"parameter {_text(node.get('name'))!r} is in {str(location)[:40]!r}")
        if not self.swagger2 and "requestBody" in raw:
            request = self.resolver.resolve(raw["requestBody"])
            content = request.get("content")
            if not isinstance(content, dict) or not content:
                raise Unusable("the request body has no content")
            body_required = request.get("required") is True
            body, content_type, found = self._body(content, body_required, _text(request.get("description")))
            body_types = tuple(dict.fromkeys(map(_plain, content)) if len(content) > 1 else ())
            parameters.extend(found)
        self._complete_path(path, parameters)
        responses, raw_responses = self._responses(raw)
        produces = tuple(
            dict.fromkeys(type_ for response in responses if response.success for type_ in response.content_types)
        )
        return Operation(
            name="",
            method=method.upper(),
            path=path,
            operation_id=_text(raw.get("operationId")),
            summary=" ".join(_text(raw.get("summary")).split()),
            description=_text(raw.get("description")).strip() or _text(item.get("description")).strip(),
            parameters=_named(parameters),
            body=body,
            body_required=body_required,
            body_content_type=content_type,
            body_types=body_types,
            produces=produces,
            security=security,
            servers=tuple(self._servers(raw.get("servers") or item.get("servers"))),
            responses=responses,
            tags=tuple(_texts(raw.get("tags"))),
            paginated=self._paginated(responses, raw_responses),
            redirects=any(response.status in ("302", "303", "307") for response in responses),
            safe=method.upper() in SAFE_METHODS or (method == "post" and path.rstrip("/").endswith("/search")),
            deprecated=raw.get("deprecated") is True,
        )

    def _parameter_nodes(self, item: Mapping[str, Any], raw: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The parameter objects; the operation's own replace those of the path of the same name and place."""
        nodes: dict[tuple[str, str], dict[str, Any]] = {}
        for source in (item.get("parameters"), raw.get("parameters")):
            if source is None:
                continue
            if not isinstance(source, list):
                raise Unusable("'parameters' is not an array")
            for each in source[:_MAX_PARAMETERS]:
                node = self.resolver.resolve(each)
                if not isinstance(node.get("name"), str) or not node["name"]:
                    raise Unusable("a parameter has no name")
                nodes[(node["name"], str(node.get("in")))] = node
        return list(nodes.values())

    def _parameter(self, node: dict[str, Any], security: tuple[Mapping[str, tuple[str, ...]], ...]) -> Parameter | None:
        name, location = node["name"], node["in"]
        if not self.swagger2 and location == "header" and name.lower() in _IGNORED_HEADERS:
            return None
        content = node.get("content")
        content_type: str | None = None
        if self.swagger2:
            schema = self.resolver.schema(node)
        elif isinstance(content, dict) and content:
            content_type, medium = next(iter(content.items()))
            schema = self.resolver.schema(medium.get("schema") if isinstance(medium, dict) else None)
        else:
            schema = self.resolver.schema(node.get("schema"))
        credential = location == "header" and self._is_credential(name, security)
        return self._argument(
            name,
            location,
            schema,
            required=(node.get("required") is True or location == "path") and not credential,
            description=_text(node.get("description")) or schema.description,
            style="json" if content_type is not None else self._style(node, location, schema),
            explode=node.get("explode") is True,
            credential=credential,
            allow_reserved=node.get("allowReserved") is True,
            content_type=content_type,
            deprecated=node.get("deprecated") is True,
        )

    def _argument(self, name: str, location: str, schema: Schema, **more: Any) -> Parameter:
        item = self.resolver.schema(schema.items) if schema.type == "array" else None
        more.setdefault("description", schema.description)
        more["description"] = more["description"].strip()
        python_name = argument_name(name, location)
        # What has one possible value is sent by itself; a path is spelled out, since it says what is acted upon.
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

    def _style(self, node: Mapping[str, Any], location: str, schema: Schema) -> str:
        """How an array or object is written into a URL or header."""
        if self.swagger2:
            style = node.get("collectionFormat", "csv")
            if style not in ("csv", "ssv", "tsv", "pipes", "multi"):
                raise Unusable(f"parameter {node['name']!r} has collectionFormat {str(style)[:40]!r}")
            return str(style)
        default = "form" if location in ("query", "cookie") else "simple"
        style = node.get("style", default)
        explode = node.get("explode", style == "form")
        if style == "deepObject" or (style in ("label", "matrix") and location == "path"):
            return str(style)
        if style == "form":
            return "multi" if explode else "csv"
        if style in ("spaceDelimited", "pipeDelimited"):
            return "multi" if explode else {"spaceDelimited": "ssv", "pipeDelimited": "pipes"}[style]
        if style == "simple":
            return "csv"
        raise Unusable(f"parameter {node['name']!r} has style {str(style)[:40]!r}")

    def _is_credential(self, header: str, security: tuple[Mapping[str, tuple[str, ...]], ...]) -> bool:
        """Whether the stored credentials supply this header."""
        if header.lower() == "authorization":
            return True
        for name in {name for each in security for name in each}:
            scheme = self._schemes.get(name, {})
            if (scheme.get("type"), scheme.get("in")) != ("apiKey", "header"):
                continue
            if str(scheme.get("name")).lower() == header.lower():
                return True
        return False

    def _body(self, content: Mapping[str, Any], required: bool, description: str) -> tuple[str, str, list[Parameter]]:
        """How the body is sent, its media type, and its arguments."""
        content_type = _preferred(content)
        medium = content[content_type]
        schema = self.resolver.schema(medium.get("schema") if isinstance(medium, dict) else None)
        plain = _plain(content_type)
        parts = next((each for each in content if _plain(each) == "multipart/form-data"), None)
        if parts is not None and plain != "multipart/form-data" and self._carries_files(schema):
            # A document that offers all ways for all bodies: a file cannot be written as JSON.
            content_type, plain, medium = parts, "multipart/form-data", content[parts]
            schema = self.resolver.schema(medium.get("schema") if isinstance(medium, dict) else None)
        kind = {"multipart/form-data": "multipart", "application/x-www-form-urlencoded": "form"}.get(plain)
        if kind and schema.type == "object" and schema.properties:
            return kind, plain, self._members(schema, "formData", required=required, encoding=medium.get("encoding"))
        json = plain == "application/json" or plain.endswith("+json") or (plain == "*/*" and schema.type != "file")
        if json and schema.type in ("object", "any") and schema.properties:
            members = self._members(schema, "body", required=required)
            # The whole body in one piece, over which the members are laid.
            kept = Schema(type=schema.type)
            members.append(self._whole(kept, False, "The whole body; members given on their own replace its."))
            members += self._form_members(content, {member.name for member in members})
            return "json", "application/json" if plain == "*/*" else content_type, members
        if not json and schema.type in ("any", "object", "string", "array"):
            text = schema.type in ("any", "string") and (plain.startswith("text/") or is_json_lines(plain))
            schema = Schema(type="string" if text else "file", description=schema.description)
        whole = self._whole(schema, required, description or schema.description)
        return "whole", "application/json" if json and plain == "*/*" else content_type, [whole]

    def _form_members(self, content: Mapping[str, Any], known: set[str]) -> list[Parameter]:
        """The members that a form has beside those of a JSON body, such as its files."""
        for content_type in content:
            medium = content[content_type]
            if _plain(content_type) not in ("multipart/form-data", "application/x-www-form-urlencoded"):
                continue
            node = medium.get("schema") if isinstance(medium, dict) else None
            schema = self.resolver.schema(node)
            others = {name: each for name, each in schema.properties.items() if name not in known}
            if others:
                schema = dataclasses.replace(schema, properties=others)
                return self._members(schema, "formData", required=False, encoding=medium.get("encoding"))
        return []

    def _whole(self, schema: Schema, required: bool, description: str) -> Parameter:
        return self._argument("body", "body", schema, required=required, whole=True, description=description)

    def _carries_files(self, schema: Schema) -> bool:
        """Whether a member of an object is a file, or a list of files."""
        if schema.type != "object":
            return False
        kept = len(self.resolver.problems)
        members = [self.resolver.schema(node) for node in schema.properties.values()]
        items = [self.resolver.schema(each.items) for each in members if each.type == "array"]
        # Whoever uses the members tells of what is wrong with them.
        del self.resolver.problems[kept:]
        return any(each.type == "file" and not each.read_only for each in (*members, *items))

    def _encoded(self, member: Schema, encoding: Any) -> tuple[str, str | None]:
        """Style and media type of a form's member; an encoding object may say them."""
        encoding = encoding if isinstance(encoding, dict) else {}
        structured = member.type in ("object", "any")
        if "style" in encoding or "explode" in encoding:
            try:
                return self._style({"name": "", **encoding}, "query", member), None
            except Unusable:
                pass
        stated = _text(encoding.get("contentType")).strip()
        # A list of types, or a pattern, leaves it open which one it is.
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
                # JSON has no bytes: what the document calls binary is a text there.
                member = dataclasses.replace(member, type="string")
            style, content_type = self._encoded(member, encoding.get(name))
            nested = self._nested(member)[:room] if location == "body" and room else []
            room -= len(nested)
            # Without a body nothing of it is required, but a body that is given needs its required members: the
            # service says so if they are missing.
            members.append(
                self._argument(
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

    def _nested(self, schema: Schema, prefix: str = "") -> list[tuple[str, str]]:
        """The dotted names of the members of an object's members, with their types; the first ones of many."""
        found: list[tuple[str, str]] = []
        if schema.type != "object" or prefix.count(".") >= _MAX_NESTED_DEPTH:
            return found
        kept = len(self.resolver.problems)
        for name, node in list(schema.properties.items())[:_MAX_NESTED]:
            member = self.resolver.schema(node)
            if member.read_only or not name.replace("_", "").replace("-", "").isalnum() or not name.isascii():
                continue
            type_ = "string" if member.type == "file" else member.type
            found.append((prefix + name, type_))
            found += self._nested(member, f"{prefix}{name}.")
            if len(found) >= _MAX_NESTED:
                break
        # What is wrong with them costs their types alone.
        del self.resolver.problems[kept:]
        return found[:_MAX_NESTED]

    def _security(self, raw: Mapping[str, Any]) -> tuple[Mapping[str, tuple[str, ...]], ...]:
        wanted = raw.get("security", self.root.get("security"))
        alternatives = []
        for each in wanted if isinstance(wanted, list) else ():
            if isinstance(each, dict):
                alternatives.append({str(name): tuple(_texts(scopes)) for name, scopes in each.items()})
        return tuple(alternatives)

    def _servers(self, servers: Any) -> Iterable[str]:
        for server in servers if isinstance(servers, list) else ():
            url = server_url(server)
            if url:
                yield url

    def _complete_path(self, path: str, parameters: list[Parameter]) -> None:
        """Add the path parameters that the document forgot to declare: there is but one thing they can be."""
        declared = {parameter.name for parameter in parameters if parameter.location == "path"}
        named = path_parameters(path)
        for name in declared - set(named):
            raise Unusable(f"path parameter {name[:80]!r} is not in the path")
        for name in dict.fromkeys(named):
            if name not in declared:
                parameters.append(self._argument(name, "path", Schema(type="string"), required=True))
        for at, each in enumerate(parameters):
            # {name*} and {+name} stand for several segments.
            if each.location == "path" and (f"{{{each.name}*}}" in path or f"{{+{each.name}}}" in path):
                parameters[at] = dataclasses.replace(each, multi_segment=True)

    def _responses(self, raw: Mapping[str, Any]) -> tuple[tuple[Response, ...], dict[str, dict[str, Any]]]:
        listed = raw.get("responses")
        produces = _texts(raw.get("produces", self.root.get("produces")))
        responses, nodes = [], {}
        for status, node in listed.items() if isinstance(listed, dict) else ():
            try:
                node = self.resolver.resolve(node)
            except Unusable:
                continue
            schema_node: Any = None
            if self.swagger2:
                schema_node = node.get("schema")
                content_types = produces if schema_node else ()
            else:
                content = node.get("content")
                content = content if isinstance(content, dict) else {}
                content_types = tuple(str(each) for each in content)
                medium = content[_preferred(content)] if content else None
                schema_node = medium.get("schema") if isinstance(medium, dict) else None
            kept = len(self.resolver.problems)
            schema = self.resolver.schema(schema_node) if schema_node else None
            # An answer's schema is only for help: trouble in it hinders no call.
            del self.resolver.problems[kept:]
            nodes[str(status)] = node
            responses.append(
                Response(
                    status=str(status),
                    description=_text(node.get("description")).strip(),
                    content_types=tuple(content_types),
                    type=schema.type if schema else None,
                    members=tuple(schema.properties)[:40] if schema else (),
                )
            )
        return tuple(responses), nodes

    def _paginated(self, responses: Iterable[Response], nodes: Mapping[str, dict[str, Any]]) -> bool:
        for response in responses:
            if response.status == "206":
                return True
            if not response.success:
                continue
            headers = nodes[response.status].get("headers")
            names = {str(name).lower() for name in headers} if isinstance(headers, dict) else set()
            if names & {"link", "x-openapi-pagination"} or _NEXT_MEMBERS.intersection(response.members):
                return True
        return False


def _plain(content_type: object) -> str:
    """A media type without its parameters."""
    return str(content_type).partition(";")[0].strip().lower()


def _preferred(content: Mapping[str, Any]) -> str:
    """The media type that is easiest to work with."""

    def rank(content_type: str) -> int:
        plain = _plain(content_type)
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

    # Bytes go as bytes, whatever else the document would take.
    octets = [each for each in content if "octet-stream" in str(each) and binary(each)]
    return octets[0] if octets else min(content, key=rank)


def _named(parameters: list[Parameter]) -> tuple[Parameter, ...]:
    """The parameters in their order for a signature, each with a name and an option that no other has."""
    names: set[str] = set()
    options: set[str] = set()
    named: dict[int, Parameter] = {}
    # Path parameters keep their names, then query, header, cookie; of a body's members those that clash are renamed.
    for at in sorted(range(len(parameters)), key=lambda at: _LOCATION_ORDER[parameters[at].location]):
        parameter = parameters[at]
        prefix = "body" if parameter.location in ("body", "formData") else parameter.location
        if parameter.whole:
            name = distinct(["body", "hca_body"], names)
            option = distinct(["--body", "--hca-body"], options)
            names.add(name)
            options.add(option)
            named[at] = dataclasses.replace(parameter, python_name=name, option=option)
            continue
        name = distinct([parameter.python_name, f"{prefix}_{parameter.python_name.strip('_')}"], names)
        option = distinct([option_name(name), f"{option_name(name)}-{prefix}"], options)
        names.add(name)
        options.add(option)
        # A replacement costs as much as all the rest that is done for a parameter; few need one.
        kept = (name, option) == (parameter.python_name, parameter.option)
        named[at] = parameter if kept else dataclasses.replace(parameter, python_name=name, option=option)
    ordered = [named[at] for at in range(len(parameters))]
    # The whole body comes last: by place, an argument means what it meant without it.
    return tuple(sorted(ordered, key=lambda each: 0 if each.required else 2 if each.whole else 1))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
