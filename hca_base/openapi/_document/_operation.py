"""What an operation of a service is: plain data, with nothing of the document left in it.

Both classes turn into JSON records and back, which is how the index on disk keeps them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from hca_base.errors import UsageError

#: The methods that a path item may have.
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
#: Methods that change nothing (:rfc:`9110` section 9.2.1).
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
#: Methods whose repetition has the effect of one call (:rfc:`9110` section 9.2.2).
IDEMPOTENT_METHODS = SAFE_METHODS | {"PUT", "DELETE"}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One argument of an operation.

    :ivar name: the name in the API
    :ivar python_name: the name of the keyword argument
    :ivar option: the option on the command line, with its dashes
    :ivar location: path, query, header, cookie, body or formData
    :ivar type: string, integer, number, boolean, array, object, file, or any (no type is stated: the text of
        an object or array is taken for that, any other for itself)
    :ivar default: what the service assumes without the argument; it is not sent
    :ivar items: type of an array's items
    :ivar style: how an array or object is written: csv, ssv, tsv, pipes, multi, deepObject, json, simple, label, matrix
    :ivar explode: OpenAPI 3's explode, for objects and for the styles label and matrix
    :ivar whole: the argument is the whole body, not a member of it
    :ivar credential: a header that the stored credentials supply when it is not given
    :ivar schema_note: limits and examples for people ("10 to 500")
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

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values that the document lists, of the parameter or of its items."""
        return self.enum or self.items_enum

    @property
    def takes_null(self) -> bool:
        """Whether null can be sent: in JSON, where the document does not say otherwise."""
        return self.location == "body" and (self.nullable or self.type == "any")

    def to_record(self) -> dict[str, Any]:
        """A JSON object of the members that differ from their defaults."""
        return _record(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Parameter:
        values = dict(record)
        for key in ("enum", "items_enum"):
            if key in values:
                values[key] = tuple(values[key])
        return cls(**values)


@dataclasses.dataclass(frozen=True)
class Response:
    """One answer that the document announces.

    :ivar status: "200", "4XX" or "default"
    :ivar content_types: media types, the document's order
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
    """One method and path of a service; or several paths that share one name.

    When paths share a name, this is the union of them: :attr:`alternatives` holds each path as an operation of its own,
    shortest first, a parameter is required if all of them require it, and :meth:`choose` picks by the path parameters
    that were given.

    :ivar name: Python name, ``get_bundle``
    :ivar unambiguous_name: the name that means this path alone, ``post_area_by_filename``
    :ivar body: how the body is sent: "" (none), "json" (members are arguments), "form", "multipart", "whole"
    :ivar body_content_type: media type of the body
    :ivar produces: media types of successful answers, for the Accept header
    :ivar security: alternatives, each a mapping of scheme name to scopes; an empty mapping stands for "no credentials"
    :ivar servers: base URLs of this operation alone, most operations have none
    :ivar paginated: the answer comes in pages
    :ivar redirects: a successful answer may be a redirect to the data
    :ivar safe: repeating a call, or not making it, changes nothing
    """

    name: str
    method: str
    path: str
    unambiguous_name: str = ""
    operation_id: str = ""
    summary: str = ""
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: str = ""
    body_required: bool = False
    body_content_type: str | None = None
    produces: tuple[str, ...] = ()
    security: tuple[Mapping[str, tuple[str, ...]], ...] = ()
    servers: tuple[str, ...] = ()
    responses: tuple[Response, ...] = ()
    tags: tuple[str, ...] = ()
    paginated: bool = False
    redirects: bool = False
    safe: bool = False
    deprecated: bool = False
    alternatives: tuple[Operation, ...] = ()

    @property
    def command(self) -> str:
        """The name on the command line, ``get-bundle``."""
        return self.name.replace("_", "-")

    @property
    def unambiguous_command(self) -> str:
        return (self.unambiguous_name or self.name).replace("_", "-")

    @property
    def idempotent(self) -> bool:
        """A repeated call has the effect of one, so that it may be retried."""
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

    @property
    def groups(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """For paths of one name: each path with the Python names of its path parameters."""
        return tuple((each.path, each.path_names) for each in self.alternatives)

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of a Python name, or failing that of an API name."""
        for parameter in self.parameters:
            if parameter.python_name == name:
                return parameter
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        return None

    def choose(self, given: Iterable[str]) -> Operation:
        """The path that is meant, by the Python names of the arguments that were given.

        :raises UsageError: no path takes exactly these path parameters
        """
        if not self.alternatives:
            return self
        every_path_name = {name for each in self.alternatives for name in each.path_names}
        wanted = every_path_name.intersection(given)
        for each in self.alternatives:
            if set(each.path_names) == wanted:
                return each
        ways = " or ".join(" and ".join(names) or "none of them" for _, names in self.groups)
        raise UsageError(f"{self.name}: of {', '.join(sorted(every_path_name))}, give {ways}")

    def to_record(self) -> dict[str, Any]:
        """A JSON object, to be read by :meth:`from_record`."""
        return _record(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Operation:
        values = dict(record)
        for key in ("produces", "servers", "tags"):
            if key in values:
                values[key] = tuple(values[key])
        if "security" in values:
            values["security"] = tuple(
                {name: tuple(scopes) for name, scopes in each.items()} for each in values["security"]
            )
        for key, kind in (("parameters", Parameter), ("responses", Response), ("alternatives", Operation)):
            if key in values:
                values[key] = tuple(kind.from_record(each) for each in values[key])
        return cls(**values)


def _record(value: Any) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        member = getattr(value, field.name)
        if member == field.default and type(member) is type(field.default):
            continue
        if isinstance(member, tuple):
            member = [each.to_record() if hasattr(each, "to_record") else each for each in member]
        record[field.name] = member
    return record


def union(operations: Iterable[Operation]) -> Operation:
    """One operation that stands for several paths of one name, the shortest path first."""
    # Fewest path parameters first; Python's sort keeps the document's order among equals.
    each = sorted(operations, key=lambda operation: len(operation.path_names))
    first = each[0]
    parameters: dict[str, Parameter] = {}
    for operation in each:
        for parameter in operation.parameters:
            parameters.setdefault(parameter.python_name, parameter)
    required_by_all = {
        name
        for name in parameters
        if all((found := operation.parameter(name)) is not None and found.required for operation in each)
    }
    return dataclasses.replace(
        first,
        unambiguous_name="",
        parameters=tuple(
            dataclasses.replace(parameter, required=name in required_by_all) for name, parameter in parameters.items()
        ),
        paginated=any(operation.paginated for operation in each),
        redirects=any(operation.redirects for operation in each),
        alternatives=tuple(each),
    )
