"""One call: what is asked, with what body and credentials, and how it goes on to the wire."""

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
    """What a session asks of credentials; ``hca_base.auth.Credentials`` is one."""

    def headers_for(self, url: str) -> Mapping[str, str]:
        """Headers that prove who asks; empty where there are none for that host."""

    def params_for(self, url: str) -> Mapping[str, str]:
        """Query parameters that do (API keys of some services)."""

    def certificate_for(self, url: str) -> str | tuple[str, str] | None:
        """The file of a client certificate, or that and its key's; None for most services."""

    def refusal(self, host: str) -> HCAError | None:
        """The error where credentials are required and there are none; None where the caller sets them himself."""

    def on_unauthorized(self, url: str) -> bool:
        """After a 401: get a new token. True where it is worth asking once more."""


@dataclasses.dataclass(repr=False)
class Call:
    """One call on its way through waits and redirects."""

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
    #: Whether the URL is a server's, to be sent as it is.
    verbatim: bool = False
    #: Whether bodies hold credentials, so that no trace shows them.
    sensitive: bool = False

    def __repr__(self) -> str:
        # Address, headers and parameters may hold secrets.
        return f"<Call {self.method} {self.start}>"


class Body:
    """A request's body, and whether and how it can be sent again."""

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
        """Go back to where the body began."""
        if self._position is not None:
            self.data.seek(self._position)

    def drop(self) -> None:
        """Send no body any more (the method became GET)."""
        self.data = self.json = self._position = None
        self.replayable = True


def wire_params(params: Mapping[str, Any] | Iterable[tuple[str, Any]] | None) -> list[tuple[str, str]]:
    """Query parameters as they travel: None left out, lists repeated, booleans ``true`` and ``false``."""
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
