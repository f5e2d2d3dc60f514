"""What a method returns for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests


def result_of(response: requests.Response) -> Any:
    """The parsed JSON of an answer; the answer itself for HEAD; otherwise its bytes, or None where there are none.

    A redirect that was not followed, since it leads to something that is not HTTP, is an object with its ``location``.

    :raises hca_base.errors.ServiceError: the answer says that it is JSON, and is not
    """
    if response.request.method == "HEAD":
        return response
    if response.is_redirect:
        return {"location": response.headers["Location"]}
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("application/json", "text/json") or kind.endswith("+json"):
        if not response.content.strip():
            return None
        from hca_base.http import json_of

        return json_of(response)
    # An empty file is no bytes; an answer that states no type and has no body is nothing.
    if not response.content and (response.status_code in (204, 205) or not kind):
        return None
    return response.content
