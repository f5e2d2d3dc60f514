"""Maps a prefix of compact identifiers to a server: from the user's settings, then the bundled table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from hca_base.errors import ConfigError, UsageError
from hca_base.http import is_loopback, origin_of

#: Path of the API on a server, from the specification.
API_PATH = "/ga4gh/drs/v1"
_PLACEHOLDER = re.compile(r"\{\$?id\}|\$id")


@dataclass(frozen=True, slots=True)
class Pattern:
    """The location of a prefix's objects.

    :ivar base_url: URL of the server
    :ivar before: precedes the accession in the object's identifier
    :ivar after: follows it
    """

    base_url: str
    before: str = ""
    after: str = ""

    def object_id(self, accession: str) -> str:
        """The identifier on the server."""
        return f"{self.before}{accession}{self.after}"

    def __str__(self) -> str:
        return f"{self.base_url}/objects/{self.before}{{id}}{self.after}"


def pattern_of(text: str) -> Pattern:
    """Parse a host, the URL of a server, or a URL with ``{id}`` in it.

    :raises UsageError: it is none of them
    """
    text = text.strip()
    if "://" not in text:
        host = text.rstrip("/")
        if not host or "/" in host or not host.isprintable() or " " in host:
            raise UsageError(f"{text!r} is not a host or a URL")
        return Pattern(api_url(host))
    if not text.lower().startswith(("https://", "http://")):
        raise UsageError(f"{text!r} is not a URL that begins with https://")
    origin_of(text)
    match = _PLACEHOLDER.search(text)
    if match is None:
        return Pattern(text.rstrip("/"))
    base, objects, before = text[: match.start()].rpartition("/objects/")
    if not objects or "/" in before or "/" in text[match.end() :].rstrip("/"):
        raise UsageError(f"{text!r} is not a URL of objects on a DRS server", hint="the URL must contain /objects/{id}")
    return Pattern(base, unquote(before), unquote(text[match.end() :].rstrip("/")))


def api_url(host: str, insecure_hosts: tuple[str, ...] = ()) -> str:
    """The URL of the API on a host; plain http only for loopback, and for hosts that the user listed for it."""
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    plain = is_loopback(name.strip("[]")) or name in insecure_hosts or host in insecure_hosts
    return f"{'http' if plain else 'https'}://{host}{API_PATH}"


@cache
def bundled() -> Mapping[str, Any]:
    """The table shipped with this plugin: prefixes, and the authentication of hosts."""
    found: Mapping[str, Any] = json.loads(Path(__file__).parents[1].joinpath("prefixes.json").read_bytes())
    return found


def configured(config: Any) -> dict[str, Pattern]:
    """The prefixes in the user's settings.

    :raises ConfigError: one of them is invalid
    """
    table = config.get("drs.prefixes", None) or {}
    if not isinstance(table, Mapping):
        raise ConfigError(f"drs.prefixes must be an object, not {table!r}")
    found = {}
    for prefix, value in table.items():
        try:
            found[str(prefix).lower()] = pattern_of(str(value))
        except UsageError as error:
            raise ConfigError(f"drs.prefixes.{prefix}: {error}", hint=error.hint) from None
    return found
