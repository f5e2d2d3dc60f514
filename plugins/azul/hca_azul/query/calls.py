"""Requests to Azul: credentials, URLs that are too long, and error messages."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from hca_azul.query.limits import Limits
from hca_base.errors import HCAError, NotFoundError, ServiceError, UsageError
from hca_base.http import RetryPolicy, json_of
from hca_base.openapi import BaseClient

if TYPE_CHECKING:
    import requests

#: Seconds after which 429 is an error. The service counts requests over five minutes.
PATIENCE = 600.0
#: Seconds to wait after a 429 without Retry-After.
PAUSE = 10.0
#: The parameter that can be moved to the body: the others are short.
LONG = "filters"


class LimitedClient(BaseClient):
    """A client that learns the limits of its service.

    :ivar limits: learned in this run
    """

    def __init__(self, service: Any = None, **options: Any) -> None:
        super().__init__(service, **options)
        self.limits = Limits()


def url_of(client: BaseClient, path: str, params: Mapping[str, Any]) -> str:
    """The URL of a request; parameters that are None are omitted.

    :raises UsageError: a parameter is not valid Unicode
    """
    given = {name: value for name, value in params.items() if value is not None}
    try:
        return f"{client.base_url}{path}" + (f"?{urlencode(given)}" if given else "")
    except UnicodeEncodeError as error:
        # Bytes of a command line that are not UTF-8, and lone surrogates in JSON.
        raise UsageError(f"the request is not valid Unicode: {ascii(error.object)[1:-1][:80]}") from None


def send(client: BaseClient, method: str, url: str, body: Mapping[str, str] | None = None, **options: Any) -> Any:
    """Send a request, with the caller's credentials if there are any.

    :param body: parameters sent in the body, as JSON
    :param options: of :meth:`hca_base.http.Session.call`
    :raises HCAError: or a subclass, with a hint if known
    """
    # All requests are idempotent: listings are safe, and a manifest in preparation is resumed.
    options.setdefault("policy", RetryPolicy())
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            return client.session.call(
                method, url, json=dict(body) if body else None, credentials=client.credentials, **options
            )
        except ServiceError as error:
            # Too many requests from this IP address, possibly by others: retry, since nothing has been lost yet.
            if error.status != 429 or time.monotonic() > give_up:
                raise explained(client, error) from None
            if error.response is None or not error.response.headers.get("Retry-After"):
                time.sleep(PAUSE)
        except HCAError as error:
            raise explained(client, error) from None


def get_json(client: BaseClient, path: str, params: Mapping[str, Any] | None = None, **options: Any) -> Any:
    """The JSON at a path of the service; options are those of :func:`send`."""
    return json_of(send(client, "GET", url_of(client, path, params or {}), **options))


def send_long(
    client: LimitedClient, method: str, url: str, body: Mapping[str, str] | None = None, **options: Any
) -> requests.Response:
    """Send a request; if its URL is too long, send its filters in the body.

    The GET of a listing then becomes a POST; the PUT of a manifest stays one. The URL limit is remembered.

    :param body: parameters moved out of this URL before
    """
    limits = client.limits
    if body or (limits.url_length is not None and len(url) >= limits.url_length and f"{LONG}=" in url):
        url, body = to_body(url, body)
        return send(client, "POST" if method == "GET" else method, url, body, **options)
    try:
        return send(client, method, url, **options)
    except ServiceError as error:
        if error.status not in (413, 414) or f"{LONG}=" not in url:
            raise
        limits.url_length = min(limits.url_length or len(url), len(url))
    url, body = to_body(url, None)
    return send(client, "POST" if method == "GET" else method, url, body, **options)


def to_body(url: str, body: Mapping[str, str] | None) -> tuple[str, dict[str, str]]:
    """A URL without its filters, and a body with them; no parameter may be in both.

    :param body: of an earlier request, for a URL without filters
    """
    parts = urlsplit(url)
    kept, moved = [], dict(body or {})
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name == LONG:
            moved[name] = value
        else:
            kept.append((name, value))
    return urlunsplit(parts._replace(query=urlencode(kept))), moved


def is_gone_catalog(error: ServiceError) -> bool:
    """Whether the error means an unknown catalog; it is the same for formats and kinds."""
    told = f"{error.title} {error.details}"
    return error.status in (400, 404) and "Must be one of" in told and "catalog" in told.partition("Must be")[0].lower()


def explained(client: BaseClient, error: HCAError) -> HCAError:
    """The error, with a hint for users of this service."""
    if not isinstance(error, ServiceError):
        return error
    if is_gone_catalog(error):
        told = error.title if isinstance(error.title, str) and error.title else str(error)
        return NotFoundError(
            f"the service has no such catalog: {told[:200]}",
            hint=f"'hca {client.service.name} catalogs' lists them; old releases are removed when new ones appear",
        )
    hints = client.service.hints
    if error.status in (413, 414):
        error.hint = "the filters are too long for this request; use fewer values"
    elif error.status == 400:
        error.hint = error.hint or (
            "hca supports releases 9.2 to 17.6 of the service; "
            f"'hca {client.service.name} get-openapi-json --query info.version' shows which this is"
        )
    elif error.status >= 500 and error.status != 503:
        name = client.service.name
        error.hint = f"if it happens again, 'hca {name} get-version' and 'hca {name} get-health' show its state"
    elif not (error.status == 403 and _sent_credentials(error)):
        error.hint = hints.get(str(error.reason)) or hints.get(str(error.status)) or error.hint
    return error


def _sent_credentials(error: ServiceError) -> bool:
    request = getattr(error.response, "request", None)
    return "Authorization" in (getattr(request, "headers", None) or {})


def compact_json(value: Any) -> str:
    """Compact JSON, for URLs."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
