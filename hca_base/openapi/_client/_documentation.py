"""Signatures and docstrings of a client's methods."""

from __future__ import annotations

import inspect
import re
import textwrap
import types
from collections.abc import Sequence
from typing import Any, Literal

from hca_base.openapi._client._media import offered
from hca_base.openapi._client._pages._plan import WORDS, plan_of
from hca_base.openapi._document._alias import Alias
from hca_base.openapi._document._operation import Operation, Parameter, Response
from hca_base.openapi._document._text import one_line

_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "object": dict,
    "file": Any,
    "any": Any,
    "array": list,
}
_WORDS = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "true or false",
    "object": "JSON object",
    "array": "array",
    "file": "path, bytes or open file",
    "any": "any JSON",
}
_FORMATS = {
    "date": "a date, YYYY-MM-DD",
    "date-time": "a time, as in 2019-05-14T12:00:00Z",
    "DSS_VERSION": "a version, as in 2019-05-14T122736.345000Z",
    "uuid": "a UUID",
    "uri": "a URL",
    "byte": "base64",
}
#: Values for list items and common string formats in examples.
_ITEMS: dict[str, Any] = {"integer": 1, "number": 1.0, "boolean": True, "object": {}, "array": [], "file": "FILE"}
_TEXTS: tuple[str, ...] = (
    *("name", "Name", "NAME", "a", "1", "1.0", "2019-05-14", "2019-05-14T12:27:36Z", "s3://bucket/key", "/path"),
    *("https://example.org/", "someone@example.org", "example.org", "192.0.2.1", "0x1", "a" * 24, "a" * 32, "a" * 64),
)
#: Maximum number of choices that an annotation lists.
_MAX_LITERAL = 8
_WIDTH = 100


def signature(operation: Operation | Alias) -> inspect.Signature:
    """Return the signature of an operation: required arguments first, by name or position."""
    parameters = []
    for each in sorted(operation.parameters, key=lambda each: not each.required):
        annotation = annotation_of(each)
        parameters.append(
            inspect.Parameter(
                each.python_name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=inspect.Parameter.empty if each.required else None,
                annotation=annotation if each.required or annotation is Any else annotation | None,
            )
        )
    for name, listed in offered(operation).items():
        choice: Any = Literal[listed] if len(listed) <= _MAX_LITERAL else str
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=choice | None)
        )
    returns = _returns_type(operation) if isinstance(operation, Operation) else Any
    return inspect.Signature(parameters, return_annotation=returns)


def annotation_of(parameter: Parameter) -> Any:
    """Return the type of an argument as an annotation."""
    choices = parameter.enum
    if choices and len(choices) <= _MAX_LITERAL and all(isinstance(each, str) for each in choices):
        return Literal[tuple(choices)]
    if parameter.type == "array":
        return types.GenericAlias(list, (_TYPES.get(parameter.items or "any", Any),))
    return _TYPES.get(parameter.type, Any)


def _returns_type(operation: Operation) -> Any:
    if operation.method == "HEAD":
        return "requests.Response"
    success = _success(operation)
    kind = success.type if success is not None else None
    return {"object": dict, "array": list, "file": bytes}.get(kind or "", Any)


def docstring(operation: Operation, client: str = "client", shape: Sequence[str] = ()) -> str:
    """Return what ``help()`` shows for an operation.

    :param client: name of the client in the example
    :param shape: the members of the result, one per line
    """
    own = operation.method_name
    lines = [one_line(operation.summary) or f"{operation.method} {one_line(operation.path)}", ""]
    if operation.deprecated:
        lines += ["Deprecated: the service may remove it.", ""]
    if operation.description:
        lines += [*_paragraphs(operation.description), ""]
    for parameter in (*operation.required, *operation.optional):
        lines += _parameter_lines(parameter)
    for name, listed in offered(operation).items():
        part = "answer" if name == "hca_accept" else "body"
        text = f":param {name}: (text, optional) media type of the {part}, one of: {', '.join(map(one_line, listed))}"
        lines += textwrap.wrap(text, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    lines += _outcome_lines(operation)
    if shape:
        lines += ["", "The result::", "", *textwrap.indent("\n".join(shape), "    ").splitlines()]
    lines += ["", "Example::", "", *textwrap.indent(example(operation, client), "    ").splitlines()]
    plan = plan_of(operation)
    if plan is not None:
        lines += [
            "",
            f"The response is paginated {WORDS[plan.kind]}; a call returns the first page.",
            f"{own}.iterate(...) yields the items of all pages, {own}.paginate(...) the pages.",
        ]
    lines += ["", f"{own}.stream(...) is a context manager that returns the requests.Response, with its body unread."]
    lines += ["", f"{operation.method} {one_line(operation.path)}"]
    return "\n".join(line.rstrip() for line in lines)


def alias_docstring(alias: Alias) -> str:
    """Return what ``help()`` shows for a name that several operations share."""
    lines = [f"Another name of {len(alias.operations)} operations; the path parameters select one.", ""]
    if not alias.safe:
        lines += ["All path parameters are required, because these operations change data.", ""]
    for each in alias.operations:
        names = ", ".join(each.path_names) or "no path parameter"
        lines.append(f"    {each.method_name} ({names}): {each.method} {one_line(each.path)}")
    return "\n".join(lines)


def _parameter_lines(parameter: Parameter) -> list[str]:
    text = " ".join([*_paragraphs(parameter.description, width=10**6), facts(parameter)]).strip()
    text = re.sub(r"\s+", " ", text)
    need = "" if parameter.required else ", optional"
    head = f":param {parameter.python_name}: ({type_words(parameter)}{need}) {text}".rstrip()
    return textwrap.wrap(head, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def type_words(parameter: Parameter) -> str:
    """Return the type of an argument in words: "integer", "array of text"."""
    words = _WORDS.get(parameter.type, parameter.type)
    if parameter.type == "array" and parameter.items not in (None, "any"):
        words += f" of {_WORDS.get(parameter.items or '', parameter.items or '')}"
        words = words.replace("JSON object", "JSON objects")
    return words


def facts(parameter: Parameter, *, choices: bool = True) -> str:
    """Return further details of an argument's values: choices, limits, format, the service's default.

    :param choices: False if the choices are shown elsewhere
    """
    found = []
    if parameter.choices and choices:
        shown = [one_line(str(each)) for each in parameter.choices[:30]]
        rest = len(parameter.choices) - len(shown)
        found.append(f"One of {', '.join(shown)}{f' and {rest} more' if rest > 0 else ''}.")
    if parameter.schema_note:
        found.append(f"{parameter.schema_note[0].upper()}{parameter.schema_note[1:]}.")
    if parameter.format in _FORMATS and not parameter.choices:
        found.append(f"{_FORMATS[parameter.format][0].upper()}{_FORMATS[parameter.format][1:]}.")
    elif parameter.pattern and "{8}-" in parameter.pattern:
        found.append("A UUID.")
    if parameter.default is not None and parameter.default != {} and parameter.default != []:
        default = str(parameter.default)
        default = default.lower() if isinstance(parameter.default, bool) else one_line(default)
        found.append(f"The service's default: {default[:200]}.")
    if parameter.constant is not None:
        found.append("Sent automatically.")
    if parameter.credential:
        found.append("Defaults to the stored credentials.")
    if parameter.deprecated:
        found.append("Deprecated.")
    return " ".join(found)


def _outcome_lines(operation: Operation) -> list[str]:
    lines = []
    success = _success(operation)
    if operation.method == "HEAD":
        lines.append(":returns: the requests.Response, whose headers hold the result")
    elif success is not None:
        text = one_line(success.description) or "the answer"
        what = {"object": "dict", "array": "list", "file": "bytes"}.get(success.type or "", "")
        members = f"with {', '.join(one_line(each) for each in success.members[:12])}" if success.members else ""
        detail = " ".join(part for part in (what, members) if part)
        lines.append(f":returns: {text}{f' ({detail})' if detail else ''}")
    errors = [each for each in operation.responses if not each.success and each.status[:1] in "45"]
    if errors:
        said = "; ".join(f"{each.status} {one_line(each.description).rstrip('.')}".strip() for each in errors[:12])
        lines.append(f":raises hca_base.errors.ServiceError: {said}")
    else:
        lines.append(":raises hca_base.errors.ServiceError: the service responds with an error")
    wrapped = []
    for line in lines:
        wrapped += textwrap.wrap(line, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return wrapped


def _success(operation: Operation) -> Response | None:
    for response in operation.responses:
        if response.status[:1] == "2":
            return response
    return None


def example(operation: Operation, client: str = "client") -> str:
    """Return an example call with the required arguments."""
    arguments = []
    for parameter in operation.required:
        arguments.append(f"{parameter.python_name}={example_value(parameter)!r}")
    call = f"{client}.{operation.method_name}({', '.join(arguments)})"
    if len(call) <= _WIDTH - 8:
        return call
    return f"{client}.{operation.method_name}(\n" + "".join(f"    {each},\n" for each in arguments) + ")"


def example_value(parameter: Parameter) -> Any:
    """Return an example value for an argument."""
    if parameter.enum:
        return parameter.enum[0]
    if parameter.type == "array":
        # One item, so that it is also a valid value on the command line.
        return list(parameter.items_enum[:1]) or [_ITEMS.get(parameter.items or "", "...")]
    if parameter.default is not None and not isinstance(parameter.default, (dict, list)):
        return parameter.default
    if parameter.type == "string":
        uuid_like = "uuid" in parameter.name.lower() or parameter.format == "uuid"
        if uuid_like or (parameter.pattern and "{8}-" in parameter.pattern):
            return "a9b1b33e-5b8c-4d1c-9a1e-0f7c1d2e3f40"
        if parameter.format == "DSS_VERSION":
            return "2019-05-14T122736.345000Z"
        if parameter.format == "date-time":
            return "2019-05-14T12:27:36Z"
        usual = ["https://example.org/"] if parameter.name.endswith("url") else ["..."]
        if parameter.pattern is None:
            return usual[0]
        from hca_base.openapi._client._arguments import matches

        return next((each for each in (*usual, *_TEXTS) if matches(parameter.pattern, each)), usual[0])
    return {"integer": 1, "number": 1.0, "boolean": True, "file": "FILE"}.get(parameter.type, {})


def _paragraphs(description: str, width: int = _WIDTH) -> list[str]:
    """Return a markdown or HTML description as plain lines."""
    from hca_base.output import plain_text

    text: str = plain_text(description, width)
    return text.strip().splitlines()
