"""One call: its request, body and credentials."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

from hca_base.errors import HCAError
from hca_base.http._addresses import Origin
from hca_base.http._retry import RetryPolicy

Redirect = Literal["follow", "same-host", "no"]
Auth = Literal["auto", "required", "no"]
Timeout = float | tuple[float, float] | None


class RequestCredentials(Protocol):
    """The interface of credentials for a session; ``hca_base.auth.Credentials`` implements it."""

    def headers_for(self, url: str) -> Mapping[str, str]:
        """Return the headers that authenticate a request; empty if there are none for that host."""

    def params_for(self, url: str) -> Mapping[str, str]:
        """Return the query parameters that authenticate a request (API keys of some services)."""

    def certificate_for(self, url: str) -> str | tuple[str, str] | None:
        """Return the client certificate's file, or a pair with its key's file; None for most services."""

    def refusal(self, host: str) -> HCAError | None:
        """Return the error if required credentials are missing; None if the caller sets them itself."""

    def on_unauthorized(self, url: str) -> bool:
        """Get a new token after a 401; return True if a retry is worthwhile."""


@dataclasses.dataclass(repr=False)
class Call:
    """The state of one call during waits and redirects."""

    method: str
    url: str
    params: list[tuple[str, str]]
    headers: dict[str, str]
    body: Body
    policy: RetryPolicy
    timeout: tuple[float, float]
    stream: bool
    max_body: int
    credentials: RequestCredentials | None
    auth: Auth
    start: Origin
    #: True if the URL came from a server and is sent unchanged.
    verbatim: bool = False
    #: True if bodies contain credentials and are not traced.
    sensitive: bool = False

    def __repr__(self) -> str:
        # URL, headers and parameters may contain secrets.
        return f"<Call {self.method} {self.start}>"


class Body:
    """A request's body, which may support being sent again."""

    def __init__(self, data: Any, json: Any) -> None:
        self.data = data
        self.json = json
        self._position: int | None = None
        self.replayable = data is None or isinstance(data, bytes | str | Mapping | list | tuple)
        if not self.replayable and hasattr(data, "seek") and hasattr(data, "tell"):
            try:
                self._position = data.tell()
                self.replayable = True
            except OSError:
                pass

    def __repr__(self) -> str:
        return "<Body>"

    def rewind(self) -> None:
        """Rewind to the start of the body."""
        if self._position is not None:
            self.data.seek(self._position)

    def drop(self) -> None:
        """Drop the body (the method became GET)."""
        self.data = self.json = self._position = None
        self.replayable = True


def wire_params(params: Mapping[str, Any] | Iterable[tuple[str, Any]] | None) -> list[tuple[str, str]]:
    """Encode query parameters: omit None, repeat lists, write booleans as ``true`` and ``false``."""
    if params is None:
        return []
    pairs = params.items() if isinstance(params, Mapping) else params
    wire: list[tuple[str, str]] = []
    for name, value in pairs:
        values = value if isinstance(value, list | tuple | set | frozenset) else [value]
        wire += [(str(name), _wire(one)) for one in values if one is not None]
    return wire


def _wire(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
