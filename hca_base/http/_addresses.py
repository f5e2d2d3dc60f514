"""Compare origins, and detect loopback, link-local and metadata addresses."""

from __future__ import annotations

import functools
import ipaddress
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from hca_base.errors import RefusedError, UsageError

DEFAULT_PORTS = {"http": 80, "https": 443}

_CHECK_URL = "Check the URL of the service: a legitimate service does not redirect there."
#: Names and addresses of cloud metadata services, besides the link-local range.
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})
_METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(address) for address in ("100.100.100.200", "fd00:ec2::254", "168.63.129.16", "192.0.0.192")
)

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class Origin(NamedTuple):
    """Scheme, lower-case host and port, to which a credential is bound."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = DEFAULT_PORTS.get(self.scheme) == self.port
        return f"{self.scheme}://{host}" if default else f"{self.scheme}://{host}:{self.port}"


def origin_of(url: str) -> Origin:
    """The origin of a URL.

    :raises UsageError: for all but a well-formed http or https URL with a host, and without a user's name
    """
    return _origin_of(url)


@functools.lru_cache(maxsize=64)
def _origin_of(url: str) -> Origin:
    """Whoever has a part in a request asks for the origin of its address."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"not a usable URL ({error})") from None
    if scheme not in DEFAULT_PORTS:
        shown = f"{scheme}:" if scheme else "one without a scheme"
        raise UsageError(f"only http and https URLs can be used, not {shown}")
    if not host:
        raise UsageError("the URL has no host")
    if "@" in parts.netloc:
        raise UsageError(
            f"the URL for {host} holds a user name or password",
            hint="remove it from the URL, and store it with: hca auth set-key",
        )
    return Origin(scheme, host.lower().rstrip("."), port if port is not None else DEFAULT_PORTS[scheme])


def address_of(host: str) -> IPAddress | None:
    """Return the IP address if the host is a literal one; IPv4 mapped into IPv6 is returned as IPv4.

    Accepts legacy spellings too (``127.1``, ``0x7f.1``, ``2130706433``), like the system's resolver.
    """
    bare = host.strip("[]").partition("%")[0]
    address: IPAddress
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        if not bare or not all(part and part[0].isdigit() for part in bare.split(".")):
            return None
        try:
            address = ipaddress.IPv4Address(socket.inet_aton(bare))
        except OSError:
            return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def is_loopback(host: str) -> bool:
    """Whether the host is this machine: ``localhost``, ``*.localhost``, 127.0.0.0/8 or ::1. Nothing is looked up."""
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = address_of(host)
    return address is not None and address.is_loopback


def is_forbidden_address(address: IPAddress) -> bool:
    """Return True for link-local addresses and those of a cloud's metadata service."""
    return address.is_link_local or address.is_unspecified or address in _METADATA_ADDRESSES


def same_host(left: Origin, right: Origin) -> bool:
    """Whether credentials may go along from one URL to the other: same origin, or http:80 to https:443 of one host."""
    if left == right:
        return True
    return left.host == right.host and (left.scheme, left.port, right.scheme, right.port) == ("http", 80, "https", 443)


def check_redirect(start: Origin, previous: Origin, target: Origin, *, resolve: bool = True) -> None:
    """Refuse a redirect that no honest service would ask for.

    :param start: where the request was first sent, by the user's will
    :param previous: who sends us on
    :param target: where to
    :param resolve: look the target's name up, and judge its addresses too (not wanted where a proxy does the look-up)
    :raises RefusedError: https to http; to link-local or metadata addresses, or from elsewhere to this machine
    """
    if target.host == start.host:
        allowed_down = target.scheme == "https" or previous.scheme == "http"
        if allowed_down:
            return
    if previous.scheme == "https" and target.scheme != "https":
        raise RefusedError(
            f"{previous.host} redirects from https to plain http at {target.host}: not followed",
            hint=f"Ask the operators of {previous.host} for an https address.",
        )
    if target.host in _METADATA_NAMES:
        raise RefusedError(
            f"{previous.host} redirects to the metadata address {target.host}: not followed", hint=_CHECK_URL
        )
    start_address = address_of(start.host)
    if start_address is not None and is_forbidden_address(start_address):
        return
    for address in _addresses(target, resolve=resolve):
        if is_forbidden_address(address):
            raise RefusedError(
                f"{previous.host} redirects to the link-local or metadata address {target.host}: not followed",
                hint=_CHECK_URL,
            )
        if address.is_loopback and not is_loopback(start.host):
            raise RefusedError(
                f"{previous.host} redirects to this machine ({target.host}): not followed",
                hint=f"If {start.host} is a server on this machine, use localhost in its URL.",
            )


def _addresses(target: Origin, *, resolve: bool) -> list[IPAddress]:
    literal = address_of(target.host)
    if literal is not None:
        return [literal]
    if is_loopback(target.host):
        return [ipaddress.IPv4Address("127.0.0.1")]
    if not resolve:
        return []
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        # The connection will fail for the same reason, with a better error.
        return []
    addresses = (address_of(str(entry[4][0])) for entry in found)
    return [address for address in addresses if address is not None]
