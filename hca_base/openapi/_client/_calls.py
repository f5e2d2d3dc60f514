"""Calls of operations: requests, responses, pages and streams."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hca_base.errors import HCAError, RefusedError, ServiceError
from hca_base.openapi._cached._cache import DocumentCache
from hca_base.openapi._cached._index import Index
from hca_base.openapi._client._arguments import bind
from hca_base.openapi._client._connection import Connection
from hca_base.openapi._client._media import HEADERS, chosen
from hca_base.openapi._client._pages._plan import Plan, paging_of
from hca_base.openapi._client._pages._walk import Page, joined, walk
from hca_base.openapi._client._results import Streamed, result_of
from hca_base.openapi._document._alias import Alias
from hca_base.openapi._document._location import is_url, operation_base
from hca_base.openapi._document._operation import SAFE_METHODS, Operation

if TYPE_CHECKING:
    import requests

    from hca_base.openapi._client._request import Request


class BaseClient(Connection):
    """The calls of a :class:`hca_base.openapi.Client`, without its methods for the operations of one document.

    It is the base class of type stubs, so that type checkers report methods that do not exist.
    """

    def operation(self, name: str) -> Operation:
        """Return an operation by its name, its command, or an alias that stands for it alone.

        :raises UsageError: there is none, or the name stands for several
        """
        found = self._resolved(name)
        return found.choose(()) if isinstance(found, Alias) else found

    def _resolved(self, name: str) -> Operation | Alias:
        return self._known_index().lookup(name) or self._current_index().resolve(name)

    def _operation_for(self, operation: Operation | Alias | str, arguments: Mapping[str, Any] | None) -> Operation:
        """Return the operation of a call: the given or named one, or the one that its arguments select."""
        found = self._resolved(operation) if isinstance(operation, str) else operation
        return found.choose(found.given(arguments or {})) if isinstance(found, Alias) else found

    def _result_shape(self, operation: Operation) -> list[str]:
        """Return the members of an operation's result for its help, without network requests."""
        from hca_base.openapi._typed._nodes import Nodes
        from hca_base.openapi._typed._shapes import shape_lines

        try:
            document = self._document or DocumentCache(self.config).document(
                self._known_index(), self.service, fetch=False
            )
            return shape_lines(Nodes(document), operation)
        except HCAError:
            return []

    def invoke(
        self, operation: Operation | Alias | str, arguments: Mapping[str, Any] | None = None, *, paginate: bool = False
    ) -> Any:
        """Call an operation.

        :param operation: the operation, or its name
        :param arguments: arguments by name; None means not given. ``hca_accept`` and ``hca_content_type``
            are the media types of the answer and of the body
        :param paginate: get all pages, combined into one result
        :return: the parsed JSON; the ``requests.Response`` for HEAD; bytes for everything else; None for nothing
        :raises UsageError: an argument is missing, unknown or of the wrong type
        :raises ServiceError: the service responds with an error
        """
        if paginate:
            return joined(list(self.pages(operation, arguments)))
        called = self._operation_for(operation, arguments)
        if called.method != "GET" or self.paging(called) is not None:
            return result_of(self._send(called, arguments), called)
        (page,) = self.pages(called, arguments, follow=False)
        return page.body

    def stream(
        self,
        operation: Operation | Alias | str,
        arguments: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Streamed:
        """Call an operation without reading the body of the response.

        :param headers: headers to add, or to replace those that the call would send
        :return: a context manager that returns the ``requests.Response``
        """
        return Streamed(lambda: self._send(operation, arguments, stream=True, extra=headers))

    def paginate(self, operation: Operation | Alias | str, arguments: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Yield the bodies of all pages; each page is fetched when it is needed.

        :raises ServiceError: the service responds with an error, or its pages form a loop
        """
        for page in self.pages(operation, arguments):
            yield page.body

    def iterate(self, operation: Operation | Alias | str, arguments: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Yield the items of all pages.

        :raises ServiceError: as :meth:`paginate`, or the response has no array of items
        """
        for page in self.pages(operation, arguments):
            if page.path is None and page.body is not None:
                status = page.response.status_code
                raise ServiceError(
                    "the response has no list of items to iterate over", status=status, response=page.response
                )
            yield from page.items

    def paging(self, operation: Operation) -> Plan | None:
        """Return how an operation is paginated, from the settings or the document; None if it is not.

        :raises ConfigError: the setting does not match the operation
        """
        return paging_of(operation, getattr(self.service, "name", None), self.config)

    def pages(
        self,
        operation: Operation | Alias | str,
        arguments: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        first: requests.Response | None = None,
        follow: bool = True,
        digits: bool = False,
    ) -> Iterator[Page]:
        """Yield the pages of a result, each with its response, its body and its items.

        :param headers: as for :meth:`stream`
        :param first: the response to the call, if it was already sent; its body was read
        :param follow: False: only the first page, with a warning if the service has more
        :param digits: for display: keep the response's digits of numbers that Python would write differently
        """
        called = self._operation_for(operation, arguments)
        given = _by_python_name(called, arguments or {})

        def send(url: str | None, more: Mapping[str, Any]) -> requests.Response:
            return self._send(called, {**given, **more}, url=url, extra=headers)

        return walk(send, called, self.paging(called), given, first, follow=follow, digits=digits)

    def _send(
        self,
        operation: Operation | Alias | str,
        arguments: Mapping[str, Any] | None,
        *,
        stream: bool = False,
        url: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send the request of a call, or of a further page.

        :param extra: headers that replace those of the call
        :param url: URL of a further page: method and body are the same, the query is the page's
        """
        from hca_base.http import RetryPolicy, origin_of, remember_secret, remember_secret_name, same_host
        from hca_base.openapi._client._request import build, replaced

        operation = self._operation_for(operation, arguments)
        if arguments and not HEADERS.keys().isdisjoint(arguments):
            arguments, extra = chosen(operation, arguments, extra)
        if not self._current:
            # Report invalid arguments before connecting.
            bind(operation, arguments or {}, strict=self.strict_choices, patterns=self.check_patterns, warn=False)
        own_base_url = self._own_base_url
        index = self._current_index()
        listed = self._operations.get(operation.name)
        if listed is None:
            listed = self._operations.setdefault(operation.name, _as_listed(index, operation))
        operation = listed
        values = bind(
            operation,
            arguments or {},
            strict=self.strict_choices,
            patterns=self.check_patterns,
            warned=self._warned,
        )
        for parameter, value in values:
            if parameter.credential or parameter.format == "password":
                remember_secret(value)  # redact it in traces and messages
            if parameter.credential and parameter.name.lower() != "authorization":
                remember_secret_name(parameter.name)
        base_url = own_base_url or self.base_url
        if own_base_url is None and self._server is None:
            base_url = operation_base(operation, base_url, index.url)
        content_type = next((value for name, value in (extra or {}).items() if name.lower() == "content-type"), None)
        with build(_with_body(operation, self.service), values, base_url, content_type) as request:
            auth = self._auth(operation, index)
            if request.credential and auth == "required":
                auth = "auto"
            headers = replaced(self._with_fixed_headers(request), extra or {})
            if url is not None and not same_host(origin_of(request.url), origin_of(url)):
                # The first page was redirected to another host, which does not get the service's headers; the same
                # applies to the pages after it.
                if request.method not in SAFE_METHODS:
                    raise RefusedError(
                        f"the next page of this {request.method} is on {urlsplit(url).hostname}: not fetched"
                    )
                headers = {name: value for name, value in headers.items() if name == "Accept"}
                auth = "no" if auth == "no" else "auto"
            safe = operation.safe or not _safe_names(self.service).isdisjoint((operation.name, operation.path_name))
            call = partial(
                self.session.call,
                request.method,
                url or request.url,
                data=request.data,
                headers=headers,
                stream=stream,
                timeout=self._timeout,
                policy=RetryPolicy.for_operation(request.method, safe=safe),
                auth=auth,
                credentials=self._credentials_of(operation, headers, request) if auth != "no" else None,
            )
            try:
                try:
                    return call()
                except RefusedError:
                    # A redirect to a non-HTTP URL, such as s3://bucket/key, is the result.
                    if not (operation.redirects and operation.method in SAFE_METHODS):
                        raise
                    response = call(redirect="same-host")
                    if response.status_code not in (301, 302, 303, 307, 308) or is_url(response.headers["Location"]):
                        raise
                    return response
            except HCAError as e:
                raise self._explained(e, url or request.url) from None

    def _with_fixed_headers(self, request: Request) -> dict[str, str]:
        """Return the headers of a request and those from the service's settings."""
        from hca_base.auth import fixed_headers

        own = {name.lower() for name in request.headers}
        fixed = fixed_headers(self.service, self.config, request.url)
        return {**{name: value for name, value in fixed.items() if name.lower() not in own}, **request.headers}

    def _credentials_of(self, operation: Operation, headers: Mapping[str, str], request: Request) -> Any:
        """Return the credentials that the operation requires, except those set by the caller."""
        given = [*headers, *(name for name, _ in request.params)]
        return self.credentials.for_operation(operation.security, given)

    def _auth(self, operation: Operation, index: Index) -> Any:
        if operation.auth == "none":
            # If the document does not mention credentials, use those that the user stored.
            return "no" if index.secured or (self.service is None and self._token is None) else "auto"
        return "required" if operation.auth == "required" else "auto"

    @property
    def _timeout(self) -> Any:
        section = getattr(self.service, "client_section", None)
        return self.config.get(f"{section}.timeout") if section else None


def _by_python_name(operation: Operation, arguments: Mapping[str, Any]) -> dict[str, Any]:
    named = {name: operation.parameter(name) for name in arguments}
    return {(each.python_name if each is not None else name): arguments[name] for name, each in named.items()}


def _as_listed(index: Index, operation: Operation) -> Operation:
    """Return an operation's current version; unchanged if the document has a different one of that name."""
    found = index.find(operation.name)
    if found is None or (found.method, found.path) != (operation.method, operation.path):
        return operation
    return found


def _with_body(operation: Operation, service: Any) -> Operation:
    """Return the operation with its JSON body required, for services that refuse a request without one."""
    if service is None or not service.empty_bodies or operation.method not in ("PATCH", "POST", "PUT"):
        return operation
    return dataclasses.replace(operation, body_required=True)


def _safe_names(service: Any) -> frozenset[str]:
    return frozenset(getattr(service, "safe_operations", ()))
