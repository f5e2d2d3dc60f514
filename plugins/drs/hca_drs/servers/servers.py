"""All servers of a run: each is created once, with its own credentials."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hca_base.errors import ConfigError, UsageError
from hca_drs.resolving.resolver import Place, Resolver
from hca_drs.servers.accounts import Passports, auth_of, credentials_at, unused_token
from hca_drs.servers.server import Server

if TYPE_CHECKING:
    from hca_base.auth import Credentials
    from hca_base.http import Session

logger = logging.getLogger("hca.drs")

CONNECTIONS = 8


class Servers:
    """The servers of a run, by URL; thread-safe.

    :param token: of this run, for the server of ``drs.base_url``
    :param passports: of this run, by host
    :param hosts: URL of a server by host, overriding the settings and the default
    :param credentials: credentials by host, instead of the stored ones
    """

    def __init__(
        self,
        config: Any,
        session: Session,
        *,
        token: str | None = None,
        passports: Mapping[str, Iterable[str]] | None = None,
        hosts: Mapping[str, str] | None = None,
        credentials: Mapping[str, Credentials] | None = None,
    ) -> None:
        self.config = config
        self.session = session
        self.resolver = Resolver(config, session, dict(hosts or {}))
        self.passports = Passports(config, passports)
        self._token = token
        self._given = dict(credentials or {})
        self._made: dict[tuple[str, bool], Server] = {}
        self._lock = threading.Lock()

    def of(self, place: Place) -> Server:
        """The server of an object."""
        key = (place.server, place.trusted)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(place)
            return self._made[key]

    def _make(self, place: Place) -> Server:
        credentials = None
        if place.trusted:
            given = self._given.get(place.host)
            credentials = (
                given if given is not None else credentials_at(place.server, self.config, self.session, self._token)
            )
        return Server(
            place.server,
            self.session,
            credentials,
            self.passports if place.trusted else None,
            connections=self._connections(place.host),
            trusted=place.trusted,
            prefix=place.identifier.prefix,
            auth="" if place.host in self._given else auth_of(place.host, self.config),
            unused=self._unused_token(place),
        )

    def _unused_token(self, place: Place) -> str:
        """The option or variable whose token is not sent to this server; a warning if it was given for this run."""
        if place.host in self._given:
            # Its credentials come from the Python caller, and so does the token of a run.
            return ""
        name = unused_token(place.server, self.config, self._token)
        if name == "--access-token":
            logger.warning(
                "%s does not get the token of --access-token: that is for the server of drs.base_url alone", place.host
            )
        return name

    def _connections(self, host: str) -> int:
        value = self.config.get(("drs", "hosts", host, "connections"), None)
        value = self.config.get("drs.connections", None) if value is None else value
        if value is None:
            return CONNECTIONS
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigError(f"drs.connections must be a whole number of at least 1, not {value!r}")
        return value


def host_of(text: str) -> str:
    """The host in user input: ``HOST``, ``HOST:PORT``, or any URL on it.

    :raises UsageError: it is not a valid host name
    """
    host = (urlsplit(text).netloc if "://" in text else text.rstrip("/")).lower()
    if not re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9._-]*[a-z0-9])?)(:[0-9]{1,5})?", host):
        raise UsageError(
            f"{text!r} is not the name of a host", hint="use a name such as data.example.org, or HOST:PORT"
        )
    return host
