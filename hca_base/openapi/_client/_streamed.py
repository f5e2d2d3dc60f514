"""Answers whose body the caller reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests


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

    def __exit__(self, kind: object, *exception: object) -> None:
        response, self._response = self._response, None
        if response is None:
            return
        if kind is None:
            from hca_base.http import leave_body

            # Thousands of requests for the status alone would otherwise make a connection each.
            leave_body(response)
        else:
            response.close()
