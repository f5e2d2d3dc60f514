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

    def __exit__(self, *exception: object) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None
