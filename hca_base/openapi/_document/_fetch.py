"""Fetch documents from the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from hca_base.errors import DocumentError, NotFoundError, ServiceError

if TYPE_CHECKING:
    import requests

    from hca_base.http import RequestCredentials, Session

#: Connect and read timeouts (seconds) for a document, so that a refresh does not delay a command for long.
_TIMEOUT = (5.0, 30.0)
#: Seconds without a response after which a server is not tried again.
_PATIENCE = 10.0


def reader_of_urls(url: str, **settings: Any) -> Callable[[str], bytes]:
    """Return a reader for the files that a document refers to, restricted to its host.

    :param url: URL of the document
    :param settings: as for :func:`fetch`
    """
    settings["session"] = settings.get("session") or _session()

    def read(address: str) -> bytes:
        # The caller compared the origin with the document's; a redirect must not leave it either.
        response = fetch(address, redirect="same-host", **settings)
        if response.status_code != 200 or urlsplit(response.url)[:2] != urlsplit(url)[:2]:
            raise DocumentError(f"{address} redirects to another origin; not followed")
        return response.content

    return read


def _session() -> Session:
    from hca_base.http import Session

    return Session()


def fetch(
    url: str,
    *,
    session: Session | None = None,
    etag: str | None = None,
    fixed_headers: Mapping[str, str] | None = None,
    credentials: Callable[[], RequestCredentials | None] = lambda: None,
    redirect: Literal["follow", "same-host"] = "follow",
    retries: int = 1,
) -> requests.Response:
    """Fetch a document's bytes, or get status 304 if it still has the given ETag.

    :param retries: retries after temporary failures
    :param redirect: ``same-host``: return a redirect to another host as the response
    :param fixed_headers: headers that the settings add to every request of the service
    :param credentials: called, and its result sent, only if the server requires credentials
    :raises DocumentError: the server has no document at the URL
    :raises hca_base.errors.UnreachableError: no response
    """
    from hca_base.http import RetryPolicy

    session = session or _session()
    headers = {"Accept": "application/json, application/yaml;q=0.9, */*;q=0.5", **(fixed_headers or {})}
    if etag:
        headers["If-None-Match"] = etag
    ask = partial(
        session.call,
        "GET",
        url,
        headers=headers,
        timeout=session.settings.timeout_within(_TIMEOUT),
        redirect=redirect,
        policy=RetryPolicy.for_operation("GET", retries=retries, longest_attempt=_PATIENCE),
    )
    try:
        try:
            # Most documents are public and need no credentials.
            return ask(auth="no")
        except ServiceError as e:
            own = credentials() if e.status in (401, 403) else None
            if own is None or not (own.headers_for(url) or own.params_for(url)):
                raise
            return ask(credentials=own)
    except (ServiceError, NotFoundError) as e:
        hint = "check the URL"
        if isinstance(e, ServiceError) and e.status in (401, 403):
            hint = "store credentials for the service (hca auth), or set HCA_ACCESS_TOKEN"
        raise DocumentError(f"{url}: no OpenAPI document at this URL ({e})", hint=hint) from None
