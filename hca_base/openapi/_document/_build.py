"""Build operations from path items, for Swagger 2 and OpenAPI 3."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from hca_base.auth import usable_schemes
from hca_base.openapi._document._arguments import Arguments, plain_type, preferred, text
from hca_base.openapi._document._beyond import of_security
from hca_base.openapi._document._location import server_url
from hca_base.openapi._document._names import distinct, option_name, path_parameters
from hca_base.openapi._document._operation import SAFE_METHODS, Operation, Parameter, Response
from hca_base.openapi._document._schema import Resolver, Schema, Unusable

#: Maximum number of arguments of one operation.
_MAX_PARAMETERS = 2000
_LOCATION_ORDER = {"path": 0, "query": 1, "querystring": 1, "header": 2, "cookie": 3, "formData": 4, "body": 5}
#: OpenAPI 3 ignores parameters with these names, because other parts of the document define the headers.
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
        self.arguments = Arguments(self.resolver, swagger2=self.swagger2)
        self._schemes = self.security_schemes()
        self._usable = frozenset(usable_schemes(self._schemes))

    def security_schemes(self) -> dict[str, dict[str, Any]]:
        """Return the document's security schemes by name, without unusable ones."""
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
        """Return one operation without a name.

        :param item: the path item, for members shared by its methods
        :param raw: the operation object
        :raises Unusable: it cannot be called; the text says why
        """
        if not isinstance(raw, dict):
            raise Unusable("not an object")
        # The specification does not allow references here, but documents made from several files have them.
        raw = self.resolver.resolve(raw)
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,30}", method):
            raise Unusable("not an HTTP method")
        if any(ord(c) < 32 or ord(c) == 127 for c in path):
            raise Unusable("control characters in the path")
        security = self._security(raw)
        self.resolver.notes += of_security(security, self._schemes, self._usable)
        nodes = self._parameter_nodes(item, raw)
        parameters: list[Parameter] = []
        body, content_type, body_required = "", None, False
        body_types: tuple[str, ...] = ()
        for node in nodes:
            location = node.get("in")
            if location == "body" and self.swagger2:
                consumes = _texts(raw.get("consumes", self.root.get("consumes")))
                body, content_type, found = self.arguments.body(
                    {each: {"schema": node.get("schema")} for each in consumes or ("application/json",)},
                    node.get("required") is True,
                    text(node.get("description")),
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
                raise Unusable(f"parameter {text(node.get('name'))!r} is in {str(location)[:40]!r}")
        if not self.swagger2 and "requestBody" in raw:
            request = self.resolver.resolve(raw["requestBody"])
            content = self._content(request)
            if not content:
                raise Unusable("the request body has no content")
            body_required = request.get("required") is True
            body, content_type, found = self.arguments.body(content, body_required, text(request.get("description")))
            body_types = tuple(dict.fromkeys(map(plain_type, content)) if len(content) > 1 else ())
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
            operation_id=text(raw.get("operationId")),
            summary=" ".join(text(raw.get("summary")).split()),
            description=text(raw.get("description")).strip() or text(item.get("description")).strip(),
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
        """Return the parameter objects; the operation's override those of the path with the same name and location."""
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
        if location == "header" and name.lower() == "content-length":
            return None  # the body sets this header
        if not self.swagger2 and location == "header" and name.lower() in _IGNORED_HEADERS:
            return None
        content = self._content(node)
        content_type: str | None = None
        if len(content) > 1:
            self.resolver.notes.append(f"parameter {name!r} has several media types; the first one is used")
        if self.swagger2:
            schema = self.resolver.schema(node)
        elif content:
            content_type, medium = next(iter(content.items()))
            schema = self.resolver.schema(medium.get("schema") if isinstance(medium, dict) else None)
        else:
            schema = self.resolver.schema(node.get("schema"))
        credential = location == "header" and self._is_credential(name, security)
        return self.arguments.argument(
            name,
            location,
            schema,
            required=(node.get("required") is True or location == "path") and not credential,
            description=text(node.get("description")) or schema.description,
            style="json" if content_type is not None else self.arguments.style(node, location, schema),
            explode=node.get("explode") is True,
            credential=credential,
            allow_reserved=node.get("allowReserved") is True,
            content_type=content_type,
            deprecated=node.get("deprecated") is True,
        )

    def _content(self, node: Mapping[str, Any]) -> dict[str, Any]:
        """Return the media types of a body or parameter; OpenAPI 3.2 allows references to them."""
        content = node.get("content")
        if not isinstance(content, dict):
            return {}
        if any(isinstance(each, dict) and "$ref" in each for each in content.values()):
            return {key: self.resolver.resolve(each) for key, each in content.items()}
        return content

    def _is_credential(self, header: str, security: tuple[Mapping[str, tuple[str, ...]], ...]) -> bool:
        """Return True if the stored credentials provide this header."""
        if header.lower() == "authorization":
            return True
        for name in {name for each in security for name in each}:
            scheme = self._schemes.get(name, {})
            if (scheme.get("type"), scheme.get("in")) != ("apiKey", "header"):
                continue
            if str(scheme.get("name")).lower() == header.lower():
                return True
        return False

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
        """Add undeclared path parameters, which can only be required strings."""
        declared = {parameter.name for parameter in parameters if parameter.location == "path"}
        named = path_parameters(path)
        for name in declared - set(named):
            raise Unusable(f"path parameter {name[:80]!r} is not in the path")
        for name in dict.fromkeys(named):
            if name not in declared:
                parameters.append(self.arguments.argument(name, "path", Schema(type="string"), required=True))
        for at, each in enumerate(parameters):
            # {name*} and {+name} match several segments.
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
                content = self._content(node)
                content_types = tuple(str(each) for each in content)
                medium = content[preferred(content)] if content else None
                if isinstance(medium, dict):
                    # OpenAPI 3.2 describes one value of a stream.
                    schema_node = medium.get("schema", medium.get("itemSchema"))
            kept = len(self.resolver.problems)
            schema = self.resolver.schema(schema_node) if schema_node else None
            # A response's schema is only used for help, so ignore errors in it.
            del self.resolver.problems[kept:]
            nodes[str(status)] = node
            responses.append(
                Response(
                    status=str(status),
                    description=text(node.get("description")).strip(),
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


def _named(parameters: list[Parameter]) -> tuple[Parameter, ...]:
    """Return the parameters in signature order, with unique names and options."""
    names: set[str] = set()
    options: set[str] = set()
    named: dict[int, Parameter] = {}
    # In case of clashes, path parameters keep their names, then query, header, cookie; body members are renamed.
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
        # dataclasses.replace takes as long as all other work on a parameter, and few need it.
        kept = (name, option) == (parameter.python_name, parameter.option)
        named[at] = parameter if kept else dataclasses.replace(parameter, python_name=name, option=option)
    ordered = [named[at] for at in range(len(parameters))]
    # The whole body comes last, so that it does not change the meaning of positional arguments.
    return tuple(sorted(ordered, key=lambda each: 0 if each.required else 2 if each.whole else 1))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
