"""Access methods of an object: selection, order, and the URL of the bytes."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

from hca_base.errors import HCAError, NotFoundError, ServiceError, UsageError
from hca_base.http import is_loopback, redact_url, remember_secret_name
from hca_drs.objects.model import AccessMethod, DrsObject

#: The supported types, in default order.
TYPES = ("https", "s3", "gs")
#: Shorter parameter values are not secrets.
_LONG = 20
GOOGLE = "https://storage.googleapis.com"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
#: Headers that control the connection: a DRS server may not set them.
_OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "if-range",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


@dataclass(frozen=True, slots=True)
class Address:
    """The current URL of the bytes.

    :ivar headers: to send with the request
    :ivar expires: Unix time (seconds) at which it expires, if known
    :ivar anonymous: a bucket, read without credentials
    """

    url: str
    headers: Mapping[str, str]
    expires: float | None = None
    anonymous: bool = False


@dataclass(frozen=True)
class Preferences:
    """The user's preferences.

    :ivar order: types of access methods, in order of preference; others are not used
    :ivar chosen: the user chose the order; otherwise a signed URL of any type comes before a plain one, which may
        require credentials of the cloud
    """

    order: tuple[str, ...] = TYPES
    chosen: bool = False
    region: str = ""
    s3_endpoint: str = ""
    gs_endpoint: str = ""

    @classmethod
    def from_config(cls, config: Any, order: Sequence[str] | None = None, region: str | None = None) -> Preferences:
        """The preferences from the settings.

        :raises UsageError: an unknown type of access method, or an empty order or region
        """
        if order is not None and not order:
            raise UsageError("no access method is given", hint=f"choose from {', '.join(TYPES)}")
        if region is not None and not region.strip():
            raise UsageError("the region is empty", hint="name a cloud region, such as us-east-1, or omit it")
        given = order or config.get("drs.access", None)
        chosen = [given] if isinstance(given, str) else given or TYPES
        unknown = [str(each) for each in chosen if each not in TYPES]
        if unknown:
            raise UsageError(f"{unknown[0]!r} is not an access method", hint=f"choose from {', '.join(TYPES)}")
        return cls(
            tuple(dict.fromkeys(chosen)),
            bool(given),
            region or config.get("drs.region", None) or "",
            str(config.get("drs.s3_endpoint", None) or "").rstrip("/"),
            str(config.get("drs.gs_endpoint", None) or "").rstrip("/"),
        )


def ordered(found: DrsObject, preferences: Preferences) -> list[AccessMethod]:
    """The usable access methods of an object, in order of preference.

    :raises NotFoundError: there are none; the message lists the object's methods
    """
    usable = [method for method in found.methods if method.type in preferences.order]
    if not usable:
        others = ", ".join(dict.fromkeys(ascii(method.type[:20])[1:-1] for method in found.methods))
        readable = [kind for kind in TYPES if any(method.type == kind for method in found.methods)]
        raise NotFoundError(
            f"{found.place.host} offers {found.id} by {others} only"
            if others
            else f"{found.place.host} offers no access method for {found.id}",
            hint=f"pass --access {','.join(readable)}"
            if readable
            else f"ask {found.place.host} for it by {', '.join(TYPES[:-1])} or {TYPES[-1]}: hca reads no others",
        )

    def rank(method: AccessMethod) -> tuple[bool, int, bool, bool, int]:
        place = preferences.order.index(method.type)
        return (
            not method.available,
            place if preferences.chosen else 0,
            bool(preferences.region) and method.region != preferences.region,
            method.access_id is None,
            place,
        )

    return sorted(usable, key=rank)


def read_headers(value: Any) -> dict[str, str]:
    """The headers of an access URL, in any of the forms in use.

    A list of ``"Name: value"`` (the specification), an object (Azure's and some Gen3 deployments), or a list of
    objects with ``name`` and ``value``. Headers that control the connection are dropped.

    :raises ServiceError: a header is invalid
    """
    pairs: list[tuple[str, str]] = []
    if isinstance(value, Mapping):
        for name, content in value.items():
            pairs += [(str(name), str(each)) for each in (content if isinstance(content, list) else [content])]
    elif isinstance(value, str):
        pairs += [_split(line) for line in value.splitlines() if line.strip()]
    elif isinstance(value, Iterable):
        for entry in value:
            if isinstance(entry, Mapping):
                named = entry.get("name") or entry.get("key")
                pairs += (
                    [(str(named), str(entry.get("value", "")))]
                    if named
                    else [(str(n), str(v)) for n, v in entry.items()]
                )
            elif isinstance(entry, str):
                pairs.append(_split(entry))
    found: dict[str, str] = {}
    for name, content in pairs:
        name, content = name.strip(), content.strip()
        if not _NAME.fullmatch(name) or not content.isprintable() or not content.isascii():
            raise ServiceError("the URL comes with a header that cannot be sent", status=200)
        if name.lower() not in _OURS:
            found[name] = content
            # By parameter name, not by value: many values would evict the user's own secrets from the redaction list.
            if name.lower() not in ("accept", "authorization", "content-type", "user-agent"):
                remember_secret_name(name)
    return found


def address_of(method: AccessMethod, url: str, headers: Any, preferences: Preferences) -> Address:
    """Validate a URL sent by a server.

    :raises HCAError: it is not a URL that may be read
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme in ("s3", "gs"):
        return Address(_bucket_url(scheme, parts.netloc, url, method.region, preferences), {}, anonymous=True)
    if scheme not in ("https", "http") or not parts.hostname or parts.username is not None:
        raise HCAError(
            f"the server's address of type {method.type} begins with {ascii(scheme)[1:-1] or 'nothing'}://: "
            "hca does not read it"
        )
    if not url.isprintable() or any(c.isspace() for c in url):
        raise HCAError("the server sent a URL with spaces or control characters: not read")
    found = read_headers(headers)
    if found and scheme == "http" and not is_loopback(parts.hostname):
        raise HCAError(f"{parts.hostname} would receive credentials over plain http: not read")
    _hide_parameters(url)
    return Address(url, found, expires_at(parts.query))


def _hide_parameters(url: str) -> None:
    """Redact the long parameter values of a URL in traces: some storage signs with names of its own."""
    for name, value in parse_qsl(urlsplit(redact_url(url)).query):
        if len(value) >= _LONG:
            remember_secret_name(name)


def _bucket_url(scheme: str, bucket: str, url: str, region: str, preferences: Preferences) -> str:
    key = url.partition("://")[2].partition("/")[2]
    if not _BUCKET.fullmatch(bucket) or not key:
        raise HCAError(f"{url[:80]!a} does not name an object in a bucket")
    path = quote(key, safe="/~")
    if scheme == "gs":
        return f"{preferences.gs_endpoint or GOOGLE}/{bucket}/{path}"
    if preferences.s3_endpoint:
        return f"{preferences.s3_endpoint}/{bucket}/{path}"
    place = f".{region}" if re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region) else ""
    if "." in bucket:
        # Such a bucket name does not match the wildcard certificate.
        return f"https://s3{place}.amazonaws.com/{bucket}/{path}"
    return f"https://{bucket}.s3{place}.amazonaws.com/{path}"


def expires_at(query: str) -> float | None:
    """When a signed URL expires (Unix time), in the formats of Amazon, Google and Azure; None if unknown."""
    values = {name.lower(): value[-1] for name, value in parse_qs(query, max_num_fields=200).items()}
    for prefix in ("x-amz-", "x-goog-"):
        begins, life = values.get(f"{prefix}date"), values.get(f"{prefix}expires")
        if begins and life and life.isdecimal() and len(life) < 10:
            start = _time(begins, "%Y%m%dT%H%M%SZ")
            return start + int(life) if start is not None else None
    if values.get("expires", "").isdecimal() and len(values["expires"]) <= 12:
        return float(values["expires"])
    return _time(values["se"], "%Y-%m-%dT%H:%M:%SZ") if "se" in values else None


def _time(text: str, form: str) -> float | None:
    try:
        return float(calendar.timegm(time.strptime(text, form)))
    except ValueError:
        return None


def _split(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ServiceError("the URL comes with a header that has no value", status=200)
    return name, value
