"""Operations of a service as plain data, independent of the document.

The classes convert to and from JSON records, which the index stores.
"""

from __future__ import annotations

import dataclasses
import functools
import keyword
from collections.abc import Mapping
from typing import Any

#: The naming rules, default first: by operationId, or by method and path.
NAMINGS = ("operation", "path")
#: The methods that a path item may have as members (OpenAPI 3.2 has QUERY).
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
#: Methods that change nothing (:rfc:`9110` section 9.2.1).
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "QUERY"})
#: Idempotent methods (:rfc:`9110` section 9.2.2).
IDEMPOTENT_METHODS = SAFE_METHODS | {"PUT", "DELETE"}

#: Public attributes of every client: methods for operations with these names end in ``_``.
CLIENT_NAMES = frozenset(
    {
        "base_url",
        "check_patterns",
        "clear_cache",
        "close",
        "config",
        "credentials",
        "default_service",
        "document",
        "example_name",
    }
    | {
        "invoke",
        "iterate",
        "operation",
        "pages",
        "paginate",
        "paging",
        "refresh",
        "service",
        "server",
        "session",
        "stream",
        "strict_choices",
    }
    | {"swagger_url"}
)


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One argument of an operation.

    :ivar name: the name in the API
    :ivar python_name: the name of the keyword argument
    :ivar option: the option on the command line, with its dashes
    :ivar location: path, query, header, cookie, body or formData
    :ivar type: string, integer, number, boolean, array, object, file, or any (no declared type: JSON
        objects and arrays are parsed, other strings are sent unchanged)
    :ivar default: the service's default, which is not sent
    :ivar items: type of an array's items
    :ivar style: format of an array or object: csv, ssv, tsv, pipes, multi, deepObject, json, simple, label, matrix
    :ivar explode: OpenAPI 3's explode, for objects and for the styles label and matrix
    :ivar whole: the argument is the whole body instead of a member
    :ivar credential: a header that the stored credentials provide if it is not given
    :ivar constant: the only possible value of a required parameter, which is sent automatically
    :ivar allow_reserved: reserved characters are not escaped in the query
    :ivar multi_segment: a path parameter (``{path*}``) whose slashes separate segments
    :ivar members: dotted names and types of members in an object of a JSON body, ``("address.city", "string")``, and
        in the objects of a list: ``("[].name", "string")``, ``("donor.organs[].name", "string")``
    :ivar schema_note: human-readable limits and examples ("10 to 500")
    """

    name: str
    python_name: str
    option: str
    location: str
    type: str = "string"
    required: bool = False
    default: Any = None
    enum: tuple[Any, ...] = ()
    pattern: str | None = None
    items: str | None = None
    items_enum: tuple[Any, ...] = ()
    format: str | None = None
    description: str = ""
    style: str = "csv"
    explode: bool = False
    whole: bool = False
    credential: bool = False
    deprecated: bool = False
    nullable: bool = False
    schema_note: str = ""
    content_type: str | None = None
    constant: Any = None
    allow_reserved: bool = False
    multi_segment: bool = False
    members: tuple[tuple[str, str], ...] = ()

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values that the document lists for the parameter or its items."""
        return self.enum or self.items_enum

    @property
    def takes_null(self) -> bool:
        """True if null can be sent: in JSON, unless the document excludes it."""
        return self.location == "body" and (self.nullable or self.type == "any")

    def to_record(self) -> dict[str, Any]:
        """Return a JSON object of the members that differ from their defaults."""
        return _record(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Parameter:
        values = dict(record)
        for key in ("enum", "items_enum"):
            if key in values:
                values[key] = tuple(values[key])
        if "members" in values:
            values["members"] = tuple((name, type_) for name, type_ in values["members"])
        return cls(**values)


@dataclasses.dataclass(frozen=True)
class Response:
    """One response that the document declares.

    :ivar status: "200", "4XX" or "default"
    :ivar content_types: media types, in the document's order
    :ivar type: type of a JSON body ("object", "array"), or None
    :ivar members: names of a JSON object's members
    """

    status: str
    description: str = ""
    content_types: tuple[str, ...] = ()
    type: str | None = None
    members: tuple[str, ...] = ()

    @property
    def success(self) -> bool:
        return self.status[:1] in "23"

    def to_record(self) -> dict[str, Any]:
        return _record(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Response:
        values = dict(record)
        for key in ("content_types", "members"):
            if key in values:
                values[key] = tuple(values[key])
        return cls(**values)


@dataclasses.dataclass(frozen=True)
class Operation:
    """One method and path of a service.

    :ivar name: Python name, such as ``get_bundle``; unique in the document
    :ivar group: the part of the name that is a separate word on the command line (``issues`` of
        ``hca github issues list-for-repo``), or ""
    :ivar path_name: the name by the path rule, which several operations may share
    :ivar body: how the body is sent: "" (none), "json" (members are arguments), "form", "multipart", "whole"
    :ivar body_content_type: media type of the body
    :ivar body_types: all media types of the body, if there are several
    :ivar produces: media types of successful responses, for the Accept header
    :ivar security: alternatives, each a mapping of scheme name to scopes; an empty mapping means "no credentials"
    :ivar servers: base URLs only for this operation; empty for most operations
    :ivar paginated: the response is paginated
    :ivar redirects: a successful response may be a redirect to the data
    :ivar safe: a call changes nothing
    """

    name: str
    method: str
    path: str
    group: str = ""
    path_name: str = ""
    operation_id: str = ""
    summary: str = ""
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: str = ""
    body_required: bool = False
    body_content_type: str | None = None
    body_types: tuple[str, ...] = ()
    produces: tuple[str, ...] = ()
    security: tuple[Mapping[str, tuple[str, ...]], ...] = ()
    servers: tuple[str, ...] = ()
    responses: tuple[Response, ...] = ()
    tags: tuple[str, ...] = ()
    paginated: bool = False
    redirects: bool = False
    safe: bool = False
    deprecated: bool = False

    @property
    def command(self) -> str:
        """The command's words: ``get-bundle``, ``issues list-for-repo``."""
        if self.group:
            return f"{self.group} {self.name[len(self.group) + 1 :]}".replace("_", "-")
        return self.name.replace("_", "-")

    @property
    def method_name(self) -> str:
        """The client's attribute: the name, with ``_`` appended if Python or the client reserves it."""
        return self.name + "_" if keyword.iskeyword(self.name) or self.name in CLIENT_NAMES else self.name

    @property
    def idempotent(self) -> bool:
        """True if a repeated call has the effect of one, so that it may be retried."""
        return self.safe or self.method in IDEMPOTENT_METHODS

    @property
    def auth(self) -> str:
        """ "none", "optional" or "required": whether credentials are sent."""
        if not any(self.security):
            return "none"
        return "required" if all(self.security) else "optional"

    @property
    def required(self) -> tuple[Parameter, ...]:
        return tuple(parameter for parameter in self.parameters if parameter.required)

    @property
    def optional(self) -> tuple[Parameter, ...]:
        return tuple(parameter for parameter in self.parameters if not parameter.required)

    @property
    def path_names(self) -> tuple[str, ...]:
        """Python names of the path parameters."""
        return tuple(parameter.python_name for parameter in self.parameters if parameter.location == "path")

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter with a Python name, or else with an API name."""
        for parameter in self.parameters:
            if parameter.python_name == name:
                return parameter
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        return None

    def to_record(self) -> dict[str, Any]:
        """Return a JSON object for :meth:`from_record`."""
        return _record(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Operation:
        values = dict(record)
        for key in ("produces", "servers", "tags", "body_types"):
            if key in values:
                values[key] = tuple(values[key])
        if "security" in values:
            values["security"] = tuple(
                {name: tuple(scopes) for name, scopes in each.items()} for each in values["security"]
            )
        for key, kind in (("parameters", Parameter), ("responses", Response)):
            if key in values:
                values[key] = tuple(kind.from_record(each) for each in values[key])
        return cls(**values)


def _record(value: Any) -> dict[str, Any]:
    record: dict[str, Any] = {}
    members = vars(value)
    for name, default in _defaults(type(value)):  # type: ignore[arg-type]
        member = members[name]
        if member is default or (member == default and type(member) is type(default)):
            continue
        if isinstance(member, tuple):
            member = [each.to_record() if hasattr(each, "to_record") else each for each in member]
        record[name] = member
    return record


@functools.cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    """Return the fields of a record with their defaults, cached because repeated lookups would double the time."""
    return tuple((field.name, field.default) for field in dataclasses.fields(kind))
