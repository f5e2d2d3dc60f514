"""The methods of a client: a function with its own signature and docstring for each operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from hca_base.openapi._client._arguments import positional
from hca_base.openapi._client._results import Streamed
from hca_base.openapi._document._alias import Alias
from hca_base.openapi._document._operation import Operation


class Method(Protocol):
    """The type of attributes such as ``client.get_bundle``.

    :ivar operation: the operation that it calls; for a name that several operations share, an
        :class:`~hca_base.openapi.Alias` of them
    """

    __name__: str
    operation: Operation | Alias
    #: Returns a context manager for the requests.Response with its body unread.
    stream: Callable[..., Streamed]
    #: Yields the items of all pages; pages are fetched when needed.
    iterate: Callable[..., Iterator[Any]]
    #: Yields the bodies of all pages.
    paginate: Callable[..., Iterator[Any]]

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


class Caller(Protocol):
    """The part of a client that its methods use."""

    example_name: str

    def invoke(self, operation: Operation | Alias | str, arguments: Mapping[str, Any] | None = None) -> Any: ...

    def stream(self, operation: Operation | Alias | str, arguments: Mapping[str, Any] | None = None) -> Streamed: ...

    def iterate(
        self, operation: Operation | Alias | str, arguments: Mapping[str, Any] | None = None
    ) -> Iterator[Any]: ...

    def paginate(
        self, operation: Operation | Alias | str, arguments: Mapping[str, Any] | None = None
    ) -> Iterator[Any]: ...

    def _result_shape(self, operation: Operation) -> list[str]: ...


def make_method(client: Caller, operation: Operation | Alias) -> Method:
    """Return the method of a client for one operation, or for a name that several share.

    It is a plain function, which ``help()``, ``inspect`` and editors support best.
    """
    from hca_base.openapi._client._documentation import alias_docstring, docstring, signature
    from hca_base.openapi._client._lazy_text import LazyText
    from hca_base.output import RecordStream, records_of

    def call(*args: Any, **kwargs: Any) -> Any:
        return records_of(client.invoke(operation, positional(operation, args, kwargs)))

    def stream(*args: Any, **kwargs: Any) -> Streamed:
        return client.stream(operation, positional(operation, args, kwargs))

    def iterate(*args: Any, **kwargs: Any) -> Iterator[Any]:
        return RecordStream(client.iterate(operation, positional(operation, args, kwargs)))

    def paginate(*args: Any, **kwargs: Any) -> Iterator[Any]:
        return client.paginate(operation, positional(operation, args, kwargs))

    def text(first_line: str = "") -> LazyText:
        def make() -> str:
            if isinstance(operation, Alias):
                made = alias_docstring(operation)
            else:
                made = docstring(operation, client.example_name, client._result_shape(operation))
            return f"{first_line}\n\n{made}" if first_line else made

        return LazyText(make)

    own_signature = signature(operation)
    name = type(client).__name__
    own_name = operation.name if isinstance(operation, Alias) else operation.method_name
    variants: Mapping[str, tuple[Any, str]] = {
        "stream": (stream, "A context manager that returns the requests.Response, with its body unread."),
        "iterate": (iterate, "The items of all pages, one by one."),
        "paginate": (paginate, "The bodies of all pages, one by one."),
    }
    method: Any = call
    for key, (function, first_line) in variants.items():
        function.__name__ = key
        function.__qualname__ = f"{name}.{own_name}.{key}"
        function.__doc__ = text(first_line)
        function.__signature__ = own_signature.replace(return_annotation=own_signature.empty)
        setattr(method, key, function)
    method.__name__ = own_name
    method.__qualname__ = f"{name}.{own_name}"
    method.__module__ = type(client).__module__
    method.__doc__ = text()
    method.__signature__ = own_signature
    method.operation = operation
    result: Method = method
    return result
