"""A document's bytes from the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_base.errors import DocumentError, NotFoundError, ServiceError

if TYPE_CHECKING:
    import requests

    from hca_base.http import Session

#: Seconds for a document to be connected to and read: a refresh must not hold up a command for long.
_TIMEOUT = (5.0, 60.0)


def fetch(url: str, *, session: Session | None = None, etag: str | None = None) -> requests.Response:
    """A document's bytes from the network, or status 304 if it is still the one of that ETag.

    :raises DocumentError: the server has no document there
    :raises hca_base.errors.UnreachableError: no answer
    """
    from hca_base.http import RetryPolicy, Session

    session = session or Session()
    headers = {"Accept": "application/json, application/yaml;q=0.9, */*;q=0.5"}
    if etag:
        headers["If-None-Match"] = etag
    try:
        # Documents are public, and a URL that somebody gave us gets no credentials.
        return session.call(
            "GET", url, headers=headers, auth="no", timeout=_TIMEOUT, policy=RetryPolicy.for_operation("GET", retries=1)
        )
    except (ServiceError, NotFoundError) as e:
        raise DocumentError(f"{url}: no OpenAPI document there ({e})", hint="check the URL") from None
