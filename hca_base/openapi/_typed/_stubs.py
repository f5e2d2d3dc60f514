"""Type stubs of a service's client: a class with a method for each operation, for editors and type checkers."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator

from hca_base.openapi._client._media import offered
from hca_base.openapi._client._pages._places import list_member
from hca_base.openapi._document._alias import Alias
from hca_base.openapi._document._document import Document
from hca_base.openapi._document._operation import CLIENT_NAMES, Operation, Parameter
from hca_base.openapi._document._text import one_line
from hca_base.openapi._typed._nodes import Answer, Nodes
from hca_base.openapi._typed._types import Types, camel

_OF_A_CLIENT = '''\
"""Types of hca_base.client({service}), made from its OpenAPI document {version}; not to be edited.

Import them for type checkers only:

    if TYPE_CHECKING:
        from {module} import {client}

    client = cast("{client}", hca_base.client({service}))
"""
'''
_OF_A_BASE_CLASS = '''\
"""The operations of the service {service}, made from its OpenAPI document {version}; not to be edited.

For type checkers and editors only:

    if TYPE_CHECKING:
        from {module} import {client} as Operations
    else:
        Operations = hca_base.openapi.Client

    class MyClient(Operations): ...
"""
'''
_HEAD = """
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from typing import IO, Any, Concatenate, Generic, Literal, ParamSpec, Required, TypedDict, TypeVar, overload

from requests import Response

from hca_base.openapi import BaseClient, Method, Null, Streamed
from hca_base.output import RecordStream

_P = ParamSpec("_P")
_R = TypeVar("_R")
_I = TypeVar("_I")
_File = str | PathLike[str] | bytes | IO[bytes]

class _Items(RecordStream, Generic[_I]):
    def __iter__(self) -> _Items[_I]: ...
    def __next__(self) -> _I: ...

class _Records(list[_I]):
    def to_pandas(self) -> Any: ...

class _Method(Generic[_P, _R, _I]):
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R: ...
    def stream(self, *args: _P.args, **kwargs: _P.kwargs) -> Streamed: ...
    def iterate(self, *args: _P.args, **kwargs: _P.kwargs) -> _Items[_I]: ...
    def paginate(self, *args: _P.args, **kwargs: _P.kwargs) -> Iterator[_R]: ...

def _operation(call: Callable[Concatenate[Any, _P], _R]) -> _Method[_P, _R, Any]: ...
def _listing(item: type[_I]) -> Callable[[Callable[Concatenate[Any, _P], _R]], _Method[_P, _R, _I]]: ...

"""
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "file": "_File"}


def stub(document: Document, service: str, module: str | None = None, *, base_class: str | None = None) -> str:
    """Return the text of a ``.pyi`` file.

    :param service: the service's name, which determines the class name: ``TesClient`` for ``tes``
    :param module: name of the stub's module; default: ``tes_client``
    :param base_class: name for the class, if a plugin uses it as the base of its client
    """
    client = base_class or f"{camel(service)}Client"
    made = _Stub(document, client)
    blocks, lines = [], [f"class {client}(BaseClient):"]
    for operation in document.operations:
        block, method = made.operation(operation)
        blocks.append(block)
        lines.append(method)
    lines += [line for alias in document.aliases for line in _alias(alias)]
    if len(lines) == 1:
        lines.append("    ...")
    head = (_OF_A_BASE_CLASS if base_class else _OF_A_CLIENT).format(
        service=ascii(service),
        version=one_line(document.version).replace('"', "'").replace("\\", ""),
        module=module or f"{service.replace('-', '_')}_client",
        client=client,
    )
    classes = "\n".join(made.types.classes.values())
    return head + _HEAD + "\n".join([classes, *filter(None, blocks), "\n".join(lines)]) + "\n"


def _alias(alias: Alias) -> Iterator[str]:
    """Return the line of an alias: the aliased method, or any arguments if it is shared by several."""
    name = f"{alias.name}_" if keyword.iskeyword(alias.name) or alias.name in CLIENT_NAMES else alias.name
    if name.isidentifier():
        yield f"    {name} = {alias.operations[0].method_name}" if len(alias.operations) == 1 else f"    {name}: Method"


class _Stub:
    def __init__(self, document: Document, client: str) -> None:
        self.nodes = Nodes(document)
        self.types = Types(self.nodes.resolver)
        for name in (client, *(f"_{camel(each.name)}" for each in document.operations)):
            self.types.name(name)
        #: Types that a client's method shadows: within the class they refer to the builtins.
        self.hidden = {each.method_name for each in document.operations} & set(vars(builtins))

    def operation(self, operation: Operation) -> tuple[str, str]:
        """Return the lines of an operation before the class, and within it."""
        name = camel(operation.name)
        result = self.result(operation, name)
        item = self.item(operation, name)
        members = self.members(operation, name)
        required = [each for each in operation.required if each.location == "body" and not each.whole]
        if not required:
            arguments = self.arguments(operation, members)
            decorator = f"@_listing({item})" if item else "@_operation"
            text = f"    {decorator}\n    def {operation.method_name}(self{arguments}) -> {result}: ..."
            return "", self.shown(text)
        # The whole body replaces its required members.
        whole = next((each for each in operation.parameters if each.whole), None)
        lines = [f"class _{name}(_Method[..., {result}, {item or 'Any'}]):", "    @overload"]
        lines.append(f"    def __call__(self{self.arguments(operation, members)}) -> {result}: ...")
        if whole is not None:
            lines += ["    @overload"]
            arguments = self.arguments(operation, members, whole=whole)
            lines.append(f"    def __call__(self{arguments}) -> {result}: ...")
        else:
            lines.pop(1)
        return "\n".join(lines) + "\n", f"    {operation.method_name}: _{name}"

    def shown(self, text: str) -> str:
        for name in self.hidden:
            text = re.sub(rf"(?<![\w.\"']){re.escape(name)}(?=[\[\]\s,|)])(?!\(self)", f"builtins.{name}", text)
        return text

    def arguments(self, operation: Operation, members: dict[str, str], whole: Parameter | None = None) -> str:
        """Return the arguments of a method after ``self``.

        :param whole: the argument of a whole body, which is then required and keyword-only, like all after it
        """
        words = []
        media = offered(operation)
        text = " | str" if "hca_content_type" in media else ""
        required = [each for each in operation.required if whole is None or each.location != "body"]
        optional = [each for each in operation.parameters if each not in required and each is not whole]
        for each in required:
            words.append(f"{each.python_name}: {self.argument(each, members)}")
        if whole is not None:
            words += ["*", f"{whole.python_name}: {self.argument(whole, members)}{text}"]
        for each in optional:
            found = self.argument(each, members)
            if each.whole and found != "Any":
                found += text
            words.append(f"{each.python_name}: {found if found == 'Any' else f'{found} | None'} = ...")
        if media and "*" not in words:
            words.append("*")
        words += [f"{name}: {self.types.choices(listed) or 'str'} | None = ..." for name, listed in media.items()]
        return "".join(f", {word}" for word in words)

    def argument(self, parameter: Parameter, members: dict[str, str]) -> str:
        """Return the type of an argument."""
        found = members.get(parameter.python_name)
        if found is None:
            found = self.types.named_choices(parameter.name, parameter.enum) if parameter.enum else None
        if found is None and parameter.type == "array":
            item = self.types.named_choices(parameter.name, parameter.items_enum) if parameter.items_enum else None
            found = f"Sequence[{item or _TYPES.get(parameter.items or '', 'Any')}]"
        if found is None:
            found = "Mapping[str, Any]" if parameter.type == "object" else _TYPES.get(parameter.type, "Any")
        if parameter.whole and found != "Any":
            found += " | bytes | PathLike[str] | IO[bytes]"
        return f"{found} | Null" if parameter.takes_null and found != "Any" else found

    def members(self, operation: Operation, name: str) -> dict[str, str]:
        """Return the types of the arguments of a JSON body, by Python name."""
        if operation.body not in ("json", "whole"):
            return {}
        node = self.nodes.body(operation)
        schema = self.nodes.resolver.schema(node)
        found: dict[str, str] = {}
        for parameter in operation.parameters:
            if parameter.location != "body":
                continue
            if parameter.whole:
                json = operation.body == "json" or parameter.type in ("object", "array")
                if json and node is not None:
                    found[parameter.python_name] = self.types.of(node, f"{name}Body")
            elif parameter.name in schema.properties:
                type_ = self.types.of(schema.properties[parameter.name], f"{name}{camel(parameter.name)}")
                found[parameter.python_name] = type_.removesuffix(" | None").replace("bytes", "str")
        return found

    def result(self, operation: Operation, name: str) -> str:
        """Return the result type of a method."""
        if operation.method == "HEAD":
            return "Response"
        found: list[str] = []
        seen: list[Answer] = []
        for answer in self.nodes.answers(operation):
            # Merge equal responses with different status codes.
            if any((answer.content_type, answer.node) == (each.content_type, each.node) for each in seen if each.node):
                continue
            seen.append(answer)
            kind = answer.content_type.partition(";")[0].strip().lower()
            if not kind:
                found.append("None" if answer.status in ("204", "205") else "")
            elif "json" in kind and not re.search(r"jsonl|ndjson|json-seq|lines", kind):
                type_ = self.types.of(answer.node, f"{name}Result")
                found.append(re.sub(r"^list\[", "_Records[", type_))
            elif kind.startswith("text/") or re.search(r"xml|yaml|json", kind):
                found.append("str")
            else:
                found.append("Any" if kind == "*/*" else "bytes")
        # Ignore undescribed responses, such as 202 beside 200, which callers do not use.
        found = [each for each in found if each]
        if not found or "Any" in found or operation.redirects:
            return "Any"
        return " | ".join(dict.fromkeys(part for each in found for part in each.split(" | ")))

    def item(self, operation: Operation, name: str) -> str | None:
        """Return the type of a list's items, if it is a class."""
        for answer in self.nodes.answers(operation):
            schema = self.nodes.resolver.schema(answer.node)
            if "json" not in answer.content_type:
                continue
            items = schema.items
            if schema.type == "object":
                kinds = {each: self.nodes.resolver.schema(node) for each, node in schema.properties.items()}
                lists: dict[str, object] = {each: [] if kind.type == "array" else None for each, kind in kinds.items()}
                member = list_member(lists)
                items = kinds[member].items if member is not None else None
            found = self.types.of(items, f"{name}Item") if items is not None else "Any"
            return found if found in self.types.classes or found in ("str", "int", "float") else None
        return None
