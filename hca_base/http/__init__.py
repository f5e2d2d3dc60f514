"""One HTTP session for all services: waits, retries, redirects, paging, errors, tracing.

Everything here loads on first use; importing the package does not import ``requests``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_base._lazy import lazy_exports

if TYPE_CHECKING:
    from hca_base.http._addresses import Origin as Origin
    from hca_base.http._addresses import address_of as address_of
    from hca_base.http._addresses import check_redirect as check_redirect
    from hca_base.http._addresses import is_forbidden_address as is_forbidden_address
    from hca_base.http._addresses import is_loopback as is_loopback
    from hca_base.http._addresses import origin_of as origin_of
    from hca_base.http._addresses import same_host as same_host
    from hca_base.http._answers._content import charset_of as charset_of
    from hca_base.http._answers._content import is_json as is_json
    from hca_base.http._answers._content import is_json_lines as is_json_lines
    from hca_base.http._answers._content import is_textual as is_textual
    from hca_base.http._answers._content import media_type as media_type
    from hca_base.http._answers._content import text_of as text_of
    from hca_base.http._call import RequestCredentials as RequestCredentials
    from hca_base.http._errors import error_from_response as error_from_response
    from hca_base.http._errors import transport_error as transport_error
    from hca_base.http._exchange._body import iter_body as iter_body
    from hca_base.http._exchange._body import json_of as json_of
    from hca_base.http._exchange._body import leave_body as leave_body
    from hca_base.http._exchange._body import parse_json as parse_json
    from hca_base.http._exchange._body import read_whole as read_whole
    from hca_base.http._exchange._body import unexpected_page as unexpected_page
    from hca_base.http._exchange._bounded import BoundedResponse as BoundedResponse
    from hca_base.http._exchange._bounded import answer_within as answer_within
    from hca_base.http._links import follow_pages as follow_pages
    from hca_base.http._links import next_page as next_page
    from hca_base.http._links import parse_link_header as parse_link_header
    from hca_base.http._proxies import proxy_for as proxy_for
    from hca_base.http._redact import RedactingFilter as RedactingFilter
    from hca_base.http._redact import guard_loggers as guard_loggers
    from hca_base.http._redact import redact as redact
    from hca_base.http._redact import redact_headers as redact_headers
    from hca_base.http._redact import redact_url as redact_url
    from hca_base.http._redact import remember_secret as remember_secret
    from hca_base.http._redact import remember_secret_name as remember_secret_name
    from hca_base.http._retry import RetryPolicy as RetryPolicy
    from hca_base.http._retry import parse_retry_after as parse_retry_after
    from hca_base.http._session import Session as Session
    from hca_base.http._settings import HttpSettings as HttpSettings
    from hca_base.http._settings import SupportsGet as SupportsGet
    from hca_base.http._waits import REDIRECT_STATUSES as REDIRECT_STATUSES
    from hca_base.http._waits import Wait as Wait
    from hca_base.http._waits import WaitNotes as WaitNotes
    from hca_base.http._waits import is_same_url as is_same_url
    from hca_base.http._waits import wait_of as wait_of

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "HttpSettings": "._settings",
        "Origin": "._addresses",
        "REDIRECT_STATUSES": "._waits",
        "RedactingFilter": "._redact",
        "RequestCredentials": "._call",
        "RetryPolicy": "._retry",
        "Session": "._session",
        "SupportsGet": "._settings",
        "Wait": "._waits",
        "WaitNotes": "._waits",
        "charset_of": "._answers._content",
        "check_redirect": "._addresses",
        "error_from_response": "._errors",
        "follow_pages": "._links",
        "guard_loggers": "._redact",
        "address_of": "._addresses",
        "is_forbidden_address": "._addresses",
        "is_loopback": "._addresses",
        "is_same_url": "._waits",
        "iter_body": "._exchange._body",
        "json_of": "._exchange._body",
        "leave_body": "._exchange._body",
        "read_whole": "._exchange._body",
        "BoundedResponse": "._exchange._bounded",
        "answer_within": "._exchange._bounded",
        "is_json": "._answers._content",
        "is_json_lines": "._answers._content",
        "is_textual": "._answers._content",
        "media_type": "._answers._content",
        "parse_json": "._exchange._body",
        "next_page": "._links",
        "origin_of": "._addresses",
        "parse_link_header": "._links",
        "parse_retry_after": "._retry",
        "proxy_for": "._proxies",
        "redact": "._redact",
        "redact_headers": "._redact",
        "redact_url": "._redact",
        "remember_secret": "._redact",
        "remember_secret_name": "._redact",
        "text_of": "._answers._content",
        "transport_error": "._errors",
        "wait_of": "._waits",
        "unexpected_page": "._exchange._body",
        "same_host": "._addresses",
    },
)
