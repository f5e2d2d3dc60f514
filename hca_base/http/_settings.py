"""The ``http`` section of the configuration, checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from hca_base.config import expand_home, without_secrets
from hca_base.errors import ConfigError

MIB = 1 << 20
#: Seconds used for "no limit": about three years. System clocks do not support much more.
LONGEST = 1e8


class SupportsGet(Protocol):
    """A provider of settings by dotted name: a ``Config``, or a mapping of dotted names."""

    def get(self, key: str, default: Any = None, /) -> Any: ...


@dataclasses.dataclass(frozen=True)
class HttpSettings:
    """How to speak HTTP. Times in seconds, sizes in bytes.

    :ivar connect_timeout: for a connection
    :ivar read_timeout: between two reads from a connection
    :ivar answer_timeout: for the whole of an answer that is held in memory
    :ivar wait_budget: total time spent on a server's 301 with Retry-After, for one call
    :ivar retries: repeats of a failed idempotent request
    :ivar retry_budget: total time spent waiting between those
    :ivar max_body: size of an answer that is held in memory
    :ivar proxy: URL, or URL by scheme; None: as the environment says
    :ivar ca_bundle: file or folder of CA certificates; None: as the environment says
    :ivar insecure_hosts: hosts that may get credentials over plain http
    """

    connect_timeout: float = 10.0
    read_timeout: float = 120.0
    answer_timeout: float = 900.0
    wait_budget: float = 3600.0
    retries: int = 5
    retry_budget: float = 300.0
    max_body: int = 256 * MIB
    proxy: str | Mapping[str, str] | None = dataclasses.field(default=None, repr=False)
    ca_bundle: str | None = None
    insecure_hosts: tuple[str, ...] = ()

    @property
    def timeout(self) -> tuple[float, float]:
        """Connect and read timeout, as requests takes them."""
        return self.connect_timeout, self.read_timeout

    def timeout_within(self, most: tuple[float, float]) -> tuple[float, float]:
        """The same, where less is asked for: for what a command could go on without."""
        return min(most[0], self.connect_timeout), min(most[1], self.read_timeout)

    def without_secrets(self) -> HttpSettings:
        """The same without the passwords of proxies."""
        proxy = self.proxy
        if isinstance(proxy, str):
            proxy = without_secrets({"proxy": proxy})["proxy"]
        elif proxy is not None:
            proxy = without_secrets(proxy)
        return dataclasses.replace(self, proxy=proxy)

    @classmethod
    def from_config(cls, config: SupportsGet | None) -> HttpSettings:
        """Read the settings.

        :raises ConfigError: for a value of the wrong kind, naming its key
        """
        if config is None:
            return cls()
        base = cls()
        connect, read = _timeouts(config.get("http.timeout", None), base.timeout)
        return cls(
            connect_timeout=connect,
            read_timeout=read,
            answer_timeout=_number(config, "http.answer_timeout", base.answer_timeout),
            wait_budget=_number(config, "http.wait_budget", base.wait_budget),
            retries=_whole(config, "http.retries", base.retries),
            retry_budget=_number(config, "http.retry_budget", base.retry_budget),
            max_body=_whole(config, "http.max_body", base.max_body),
            proxy=_proxy(config.get("http.proxy", None)),
            ca_bundle=_ca_bundle(config.get("http.ca_bundle", None)),
            insecure_hosts=_hosts(config.get("http.insecure_hosts", None)),
        )


def parse_timeout(value: Any, default: tuple[float, float]) -> tuple[float, float]:
    """Parse connect and read timeouts: a number (read only), a pair, or an object with ``connect`` and ``read``."""
    return _timeouts(value, default)


def _timeouts(value: Any, default: tuple[float, float]) -> tuple[float, float]:
    if value is None:
        return default
    if isinstance(value, Mapping):
        connect, read = value.get("connect", default[0]), value.get("read", default[1])
    elif isinstance(value, list | tuple) and len(value) == 2:
        connect, read = value
    else:
        connect, read = min(default[0], value) if _is_number(value) else default[0], value
    for part in (connect, read):
        if not _is_number(part) or not part > 0:
            raise ConfigError(f"http.timeout must be seconds, or [connect, read] in seconds, not {value!r}")
    return float(min(connect, LONGEST)), float(min(read, LONGEST))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(config: SupportsGet, key: str, default: float) -> float:
    value = config.get(key, None)
    if value is None:
        return default
    if not _is_number(value) or value < 0 or value != value:
        raise ConfigError(f"{key} must be a number of at least 0, not {value!r}")
    return float(min(value, _MOST))


def _whole(config: SupportsGet, key: str, default: int) -> int:
    return int(min(_number(config, key, default), _MOST))


#: Larger than any real value; a settings file may contain any number, including infinity.
_MOST = 1 << 62


def _proxy(value: Any) -> str | Mapping[str, str] | None:
    if value is None or value == "":
        return None
    parts = [value] if isinstance(value, str) else list(value.values()) if isinstance(value, Mapping) else [None]
    # The value may contain a password, so the message does not repeat it.
    if not all(isinstance(part, str) for part in parts):
        raise ConfigError("http.proxy must be a URL, or an object of URLs by scheme")
    return value


def _ca_bundle(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ConfigError(
            f"http.ca_bundle must be the path of a file or folder of certificates, not {value!r}",
            hint="give the CA's certificate instead; certificates are always verified",
        )
    path = expand_home(value)
    if not path.exists():
        raise ConfigError(f"http.ca_bundle names {path}, which does not exist")
    return str(path)


def _hosts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not all(isinstance(host, str) for host in value):
        raise ConfigError("http.insecure_hosts must be a list of host names")
    return tuple(host.lower() for host in value)
