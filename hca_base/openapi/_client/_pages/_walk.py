"""Fetch the pages of a result, and combine them."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hca_base.errors import ServiceError
from hca_base.openapi._client._pages._links import next_link, next_range, resolved
from hca_base.openapi._client._pages._places import (
    at,
    content_path,
    holders,
    items_at,
    more_of,
    normal,
    total_of,
)
from hca_base.openapi._client._pages._plan import (
    TOKEN_MEMBERS,
    Plan,
    limit_of,
    may_page,
    offset_of,
    page_of,
    parameter_of,
    token_parameter,
)
from hca_base.openapi._client._results import result_of
from hca_base.openapi._document._operation import Operation, Parameter

if TYPE_CHECKING:
    import requests

#: Consecutive empty pages after which the pages are treated as an endless loop.
MAX_EMPTY_PAGES = 100
_log = logging.getLogger("hca.openapi")

#: Sends the request of a page: at a URL, or with further arguments.
Send = Callable[[str | None, Mapping[str, Any]], "requests.Response"]


@dataclasses.dataclass(frozen=True)
class Page:
    """One page.

    :ivar body: the parsed body
    :ivar path: path of the items in it; () if it is the list itself, None if there is none
    """

    response: requests.Response
    body: Any
    path: tuple[str, ...] | None

    @property
    def items(self) -> list[Any]:
        return items_at(self.body, self.path)


def walk(
    send: Send,
    operation: Operation,
    plan: Plan | None,
    arguments: Mapping[str, Any],
    first: requests.Response | None = None,
    *,
    follow: bool = True,
    digits: bool = False,
) -> Iterator[Page]:
    """Yield all pages of a result; each is fetched when needed.

    Warns at the end if the service has more items but the next page cannot be determined.

    :param plan: how the operation is paginated, if known in advance
    :param first: the response to the first request, if it was already sent; its body was read
    :param follow: False: only the first page, and the warning
    :param digits: keep the response's digits of numbers that Python would write differently
    :raises ServiceError: the pages form a loop
    """
    response = first if first is not None else send(None, {})
    walker = _Walker(operation, plan, arguments)
    targets: set[object] = {response.url}
    while True:
        body = result_of(response, operation, digits=digits)
        page = Page(response, body, _path_of(plan, response, body))
        yield page
        # A response that is not a page (HEAD, a file) has no next page.
        step = walker.next(page, follow) if isinstance(body, (dict, list)) else None
        if step is None:
            if isinstance(body, (dict, list)):
                walker.warn_of_more(page)
            return
        url, more = step
        key: object = url if url is not None else tuple(sorted((name, str(value)) for name, value in more.items()))
        if key in targets or walker.empty > MAX_EMPTY_PAGES:
            raise ServiceError(
                "the service's pages never end: "
                + ("the next page was already fetched" if key in targets else f"{walker.empty} pages have nothing new"),
                status=response.status_code,
                reason="endless_pages",
                response=response,
            )
        targets.add(key)
        try:
            response = send(url, more)
        except ServiceError as e:
            if plan is not None and plan.kind == "range" and e.status == 416:
                return  # the service gives no total, and there are no more items
            raise


def _path_of(plan: Plan | None, response: requests.Response, body: Any) -> tuple[str, ...] | None:
    if plan is not None and plan.items is not None and isinstance(at(body, plan.items), list):
        return plan.items
    return content_path(response, body)


class _Walker:
    """Finds the next page after each page.

    :ivar seen: number of items so far
    :ivar empty: number of consecutive empty pages
    """

    def __init__(self, operation: Operation, plan: Plan | None, arguments: Mapping[str, Any]) -> None:
        self.operation = operation
        self.plan = plan
        self.arguments = arguments
        self.seen = 0
        self.empty = 0
        self._last: Any = None
        self._before: list[Any] | None = None
        self._sent: dict[str, Any] = {}
        #: True if a link or a token led to this page: then only the same method can find the next one.
        self._linked = self._tokens = False
        #: The user requested one page, by its number or offset.
        self._chosen = any(
            parameter is not None and self._given(parameter) is not None
            for parameter in (page_of(operation), offset_of(operation))
        )

    def _given(self, parameter: Parameter) -> Any:
        value = self.arguments.get(parameter.python_name)
        return value if value is not None else self.arguments.get(parameter.name)

    def next(self, page: Page, follow: bool) -> tuple[str | None, dict[str, Any]] | None:
        """Return the URL or arguments of the next page; None if this is the last or the next is unknown."""
        items = page.items
        self.seen += len(items)
        # If the list of items is ambiguous, a page counts as new if it differs from the previous one.
        new = bool(items) if page.path is not None else bool(page.body) and page.body != self._last
        self.empty = 0 if new else self.empty + 1
        self._last = page.body if page.path is None else None
        if not follow:
            return None
        url, has_place = next_link(page.response, page.body, page.path)
        if url is not None:
            self._linked = True
            return url, {}
        if self.plan is not None and self.plan.kind == "range" and self.plan.parameter is not None:
            place = None if self._given(self.plan.parameter) is not None else next_range(page.response)
            return (None, {self.plan.parameter.python_name: place}) if place is not None and items else None
        if self.plan is not None and (self.plan.strict or self.plan.kind == "set"):
            return self._as_set(page) if self.plan.kind == "set" else None
        more = more_of(page.body)
        if more is False or has_place or self._linked or (self.plan is None and not self.operation.safe):
            return None
        step = self._by_token(page)
        if step is None and self.plan is not None and self.plan.kind == "last-id":
            step = self._by_last_id(items)
        if step is None and not self._tokens:
            step = self._by_number(page, more)
        self._before = items
        return (None, step) if step is not None else None

    def _as_set(self, page: Page) -> tuple[str | None, dict[str, Any]] | None:
        assert self.plan is not None and self.plan.next is not None
        value = at(page.body, self.plan.next)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value not in ("", 0):
            if self.plan.parameter is not None:
                return None, {self.plan.parameter.python_name: value}
            return resolved(page.response, str(value)), {}
        return None

    def _by_token(self, page: Page) -> dict[str, Any] | None:
        for _, holder in holders(page.body):
            for name, value in holder.items():
                if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
                    continue
                member = normal(name)
                parameter = token_parameter(self.operation, member, value)
                if parameter is None or not (member in TOKEN_MEMBERS or member.startswith("next")):
                    continue
                before = self._sent.get(parameter.python_name, self._given(parameter))
                if str(value) == str(before) and not member.startswith("next"):
                    continue  # where this page began
                self._sent[parameter.python_name] = value
                self._tokens = True
                return {parameter.python_name: value}
        return None

    def _by_last_id(self, items: list[Any]) -> dict[str, Any] | None:
        assert self.plan is not None and self.plan.parameter is not None
        last = items[-1] if items else None
        value = last.get("id") if isinstance(last, Mapping) else None
        return {self.plan.parameter.python_name: value} if value is not None else None

    def _by_number(self, page: Page, more: bool | None) -> dict[str, Any] | None:
        """Return the next page number or offset, unless the user requested a specific one."""
        items = page.items
        if self._chosen or not items or page.path is None or items == self._before:
            return None
        total = total_of(page.response, page.body, len(items))
        known_more = more or (total is not None and self.seen < total)
        plan = self.plan if self.plan is not None and self.plan.kind in ("offset", "page") else None
        if total is not None and self.seen >= total:
            return None
        if not known_more and (plan is None or total is not None or not self._is_full(page)):
            return None
        offset = plan is None or plan.kind == "offset"
        parameter = plan.parameter if plan is not None else offset_of(self.operation)
        if parameter is None:
            offset, parameter = False, page_of(self.operation)
        if parameter is None:
            return None
        if parameter.python_name not in self._sent:
            self._sent[parameter.python_name] = _first_number(parameter, page.body, offset)
        start = self._sent[parameter.python_name]
        if offset:
            return {parameter.python_name: start + self.seen}
        self._sent[parameter.python_name] = start + 1
        return {parameter.python_name: start + 1}

    def _is_full(self, page: Page) -> bool:
        """Return True if a page is full, so that another one may follow."""
        limit = limit_of(self.operation)
        size: Any = None
        if limit is not None:
            size = self._given(limit)
            size = limit.default if size is None else size
        for _, holder in holders(page.body) if size is None else ():
            for name in ("limit", "per_page", "page_size", "pageSize", "perPage", "size"):
                if isinstance(holder.get(name), int):
                    size = holder[name]
        try:
            return size is None or len(page.items) >= int(size)
        except (TypeError, ValueError):
            return True

    def warn_of_more(self, page: Page) -> None:
        """Warn if the service has more items than were fetched."""
        plan = self.plan
        if page.path is None or self._chosen or (plan is None and not _looks_listed(self.operation, page)):
            return
        token = parameter_of(self.operation, ("pagetoken", "cursor", "nexttoken", "after"))
        if token is not None and self._given(token) is not None and not self._sent:
            return
        total, more = total_of(page.response, page.body, len(page.items)), more_of(page.body)
        limit = limit_of(self.operation)
        wanted = self._given(limit) if limit is not None and plan is None else None
        if wanted is not None and str(wanted) == str(self.seen):
            return  # as many as were asked for
        words = f"{self.seen} of {total}" if total is not None and total > self.seen else None
        if words is None and not more:
            return
        _log.warning(
            "%s: %s items; the service has more, and nothing in its answer leads to them "
            "(see the setting services.NAME.paging.%s)",
            self.operation.command,
            words or f"the first {self.seen}",
            self.operation.command,
        )


def _looks_listed(operation: Operation, page: Page) -> bool:
    """Return True if the items are the operation's subject; other totals do not need a warning."""
    return may_page(operation) or len(page.path or ()) <= 1


def _first_number(parameter: Parameter, body: Any, offset: bool) -> int:
    """Return the first page number or offset from the response or document; else 1 for pages, 0 for items."""
    names = {normal(parameter.name)} | (set() if offset else {"page", "number", "currentpage", "pagenumber"})
    for _, holder in holders(body):
        for name, value in holder.items():
            if isinstance(value, int) and not isinstance(value, bool) and normal(name) in names:
                return value  # Spring counts pages from 0, SCIM items from 1
    if isinstance(parameter.default, int):
        return parameter.default
    return 0 if offset else 1


def joined(pages: list[Page], limit: int | None = None) -> Any:
    """Combine all pages: the last page, which has no next one, with the items of all.

    :param limit: maximum number of items
    """
    last = pages[-1]
    path = next((page.path for page in pages if page.path is not None), None)
    if path is None or (len(pages) == 1 and (limit is None or len(last.items) <= limit)):
        return last.body
    items = [item for page in pages for item in page.items][:limit]
    if not path or not isinstance(last.body, dict):
        return items
    whole = dict(last.body)
    holder = whole
    for name in path[:-1]:
        inner = holder.get(name)
        holder[name] = holder = dict(inner) if isinstance(inner, Mapping) else {}
    holder[path[-1]] = items
    return whole
