"""A document's bytes from the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from hca_base.errors import DocumentError, NotFoundError, ServiceError

if TYPE_CHECKING:
    import requests

    from hca_base.http import RequestCredentials, Session

#: Seconds for a document to be connected to and read: a refresh must not hold up a command for long.
_TIMEOUT = (5.0, 30.0)
#: Seconds after which a server that did not answer is not asked a second time.
_PATIENCE = 10.0


def reader_of_urls(url: str, **settings: Any) -> Callable[[str], bytes]:
    """Reads the files that a document refers to, from its own host alone.

    :param url: where the document came from
    :param settings: as for :func:`fetch`
    """
    settings["session"] = settings.get("session") or _session()

    def read(address: str) -> bytes:
        # The document's origin was compared before; a redirect must not lead away from it either.
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
    """A document's bytes from the network, or status 304 if it is still the one of that ETag.

    :param retries: repeats after a failure that may pass
    :param redirect: ``same-host``: a redirect elsewhere is the answer
    :param fixed_headers: those that the settings add to every request of the service
    :param credentials: asked for, and sent, only where the server requires some
    :raises DocumentError: the server has no document there
    :raises hca_base.errors.UnreachableError: no answer
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
            # Most documents are public, and get no credentials.
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
