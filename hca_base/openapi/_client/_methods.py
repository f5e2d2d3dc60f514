"""The methods of a client: functions with a signature and a docstring of their own, one for each operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from hca_base.openapi._client._arguments import positional
from hca_base.openapi._document._operation import Operation

if TYPE_CHECKING:
    import requests

    from hca_base.openapi._client._client import Client


class Method(Protocol):
    """What an attribute such as ``client.get_bundle`` is.

    :ivar operation: what it calls
    """

    __name__: str
    operation: Operation
    #: The requests.Response, its body unread, as a context manager.
    stream: Callable[..., Streamed]
    #: The items of all pages, one by one; pages are asked for as they are needed.
    iterate: Callable[..., Iterator[Any]]
    #: The bodies of all pages, one by one.
    paginate: Callable[..., Iterator[Any]]

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


class Streamed:
    """An answer whose body the caller reads; the request is sent on entering.

    ::

        with client.get_file.stream(uuid=uuid, replica="aws") as response:
            for chunk in response.iter_content(2**20):
                ...
    """

    def __init__(self, send: Callable[[], requests.Response]) -> None:
        self._send = send
        self._response: requests.Response | None = None

    def __enter__(self) -> requests.Response:
        self._response = self._send()
        return self._response

    def __exit__(self, *exception: object) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None


def make_method(client: Client, operation: Operation) -> Method:
    """The method of one client for one operation.

    It is a plain function, since ``help()``, ``inspect`` and editors know how to show those best.
    """
    from hca_base.openapi._client._documentation import docstring, signature

    def call(*args: Any, **kwargs: Any) -> Any:
        return client.invoke(operation, positional(operation, args, kwargs))

    def stream(*args: Any, **kwargs: Any) -> Streamed:
        return client.stream(operation, positional(operation, args, kwargs))

    def iterate(*args: Any, **kwargs: Any) -> Iterator[Any]:
        return client.iterate(operation, positional(operation, args, kwargs))

    def paginate(*args: Any, **kwargs: Any) -> Iterator[Any]:
        return client.paginate(operation, positional(operation, args, kwargs))

    own_signature = signature(operation)
    name = type(client).__name__
    text = docstring(operation, client.example_name)
    variants: Mapping[str, tuple[Any, str]] = {
        "stream": (stream, "The answer as a context manager that gives the requests.Response, its body unread."),
        "iterate": (iterate, "The items of all pages, one by one."),
        "paginate": (paginate, "The bodies of all pages, one by one."),
    }
    method: Any = call
    for key, (function, first_line) in variants.items():
        function.__name__ = key
        function.__qualname__ = f"{name}.{operation.name}.{key}"
        function.__doc__ = f"{first_line}\n\n{text}"
        function.__signature__ = own_signature.replace(return_annotation=own_signature.empty)
        setattr(method, key, function)
    method.__name__ = operation.name
    method.__qualname__ = f"{name}.{operation.name}"
    method.__module__ = type(client).__module__
    method.__doc__ = text
    method.__signature__ = own_signature
    method.operation = operation
    result: Method = method
    return result
