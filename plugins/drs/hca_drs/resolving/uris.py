"""Parses identifiers: all kinds of DRS URI, distinguished without any request.

======================================  ========================================================================
``drs://HOST/ID``                       hostname-based: the server, and a percent-encoded identifier on it
``drs://PREFIX:ACCESSION``              compact: the registration of the prefix determines the server
``drs://PROVIDER/PREFIX:ACCESSION``     compact, at one of several providers
``drs://PREFIX/ACCESSION``              compact as written by Gen3 and Terra, for known prefixes
``PREFIX:ACCESSION``                    the same without a scheme, for known prefixes
``https://HOST/…/objects/ID``           URL of an object
======================================  ========================================================================
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from hca_base.errors import UsageError
from hca_base.http import redact_url

#: Longer than any identifier that a server accepts.
MAX_LENGTH = 4096
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?\.?)+|\[[0-9A-Fa-f:.]+\]")
_PORT = re.compile(r"\d{1,5}")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_OBJECTS = re.compile(r"(?P<base>https?://[^/?#]+(?:/[^?#]*)?)/objects/(?P<id>[^/?#]+)(?:\?(?P<query>[^#]*))?(?:#.*)?")


@dataclass(frozen=True, slots=True)
class Identifier:
    """A parsed identifier.

    :ivar uri: as given
    :ivar kind: ``hostname``, ``compact`` or ``url``
    :ivar object_id: identifier on the server, decoded
    :ivar host: host and port, for the kinds that have one
    :ivar base_url: URL of the server, for the kind ``url``
    :ivar prefix: in lower case, for compact identifiers
    :ivar provider: provider code, for compact identifiers
    :ivar query: what followed a ``?``
    """

    uri: str
    kind: str
    object_id: str
    host: str = ""
    base_url: str = ""
    prefix: str = ""
    provider: str = ""
    query: str = ""


def parse_uri(uri: str, known_prefixes: Container[str] = ()) -> Identifier:
    """Parse an identifier.

    :param known_prefixes: known prefixes of compact identifiers, in lower case
    :raises UsageError: it is not a DRS identifier
    """
    text = uri.strip()
    if not text or len(text) > MAX_LENGTH or not text.isprintable() or any(c.isspace() for c in text):
        raise _not_one(uri)
    scheme, separator, rest = text.partition("://")
    if not separator:
        prefix = text.partition(":")[0].lower()
        if ":" in text and prefix in known_prefixes:
            return _compact(text, text, "")
        raise _not_one(uri)
    if scheme.lower() in ("https", "http"):
        return _object_url(text)
    if scheme.lower() == "dos":
        raise UsageError(
            f"{_short(uri)} is a DOS identifier; hca does not support DOS, the predecessor of DRS",
            hint="try the same identifier with drs:// in place of dos://",
        )
    if scheme.lower() != "drs":
        raise _not_one(uri)
    return _drs(text, rest, known_prefixes)


def encoded(object_id: str) -> str:
    """An identifier as one segment of a path."""
    return quote(object_id, safe="")


def _drs(uri: str, rest: str, known: Container[str]) -> Identifier:
    first, slash, tail = rest.partition("/")
    if "@" in first:
        # A password in an identifier would end up in messages and be sent to registries.
        raise UsageError(
            "an identifier must not contain a user name or password", hint="store it with 'hca drs login HOST'"
        )
    name, colon, port = first.partition(":")
    if first.startswith("["):
        name, _, port = first.partition("]")
        name, colon, port = f"{name}]", port[:1], port[1:]
    if name.lower() in known:
        # A prefix, followed by a colon, or by Gen3's slash.
        return _compact(uri, rest if colon else f"{name}:{tail}", "") if colon or tail else _refuse(uri)
    if colon and not (slash and _PORT.fullmatch(port)):
        return _compact(uri, rest, "")
    if slash and not colon and "." not in name and ":" in tail and name != "localhost":
        return _compact(uri, tail, name)
    path, _, query = tail.partition("#")[0].partition("?")
    if not _HOST.fullmatch(name) or (port and int(port) > 65535):
        raise UsageError(f"{_short(uri)} has no valid host", hint="write drs://HOST/ID or drs://PREFIX:ID")
    if not path.strip("/"):
        return _refuse(uri)
    host = name.lower() + (f":{int(port)}" if port else "")
    return Identifier(uri, "hostname", unquote(path), host=host, query=query)


def _compact(uri: str, text: str, provider: str) -> Identifier:
    prefix, _, accession = text.partition(":")
    if not _PREFIX.fullmatch(prefix) or not accession:
        return _refuse(uri)
    if provider and not _PREFIX.fullmatch(provider):
        return _refuse(uri)
    # Accessions must not be percent-encoded, but some servers do it (drs://dg.4503:dg.4503%2F…).
    if _ESCAPE.search(accession):
        accession = unquote(accession)
    return Identifier(uri, "compact", accession, prefix=prefix.lower(), provider=provider)


def _object_url(url: str) -> Identifier:
    match = _OBJECTS.fullmatch(url)
    parts = urlsplit(url)
    if match is None or parts.username is not None or parts.password is not None or not parts.hostname:
        raise UsageError(
            f"{_short(url)} is not the URL of a DRS object",
            hint="the URL must end in /ga4gh/drs/v1/objects/ID",
        )
    try:
        port = parts.port
    except ValueError:
        raise UsageError(f"{_short(url)} has no valid port") from None
    host = parts.hostname.lower() + (f":{port}" if port else "")
    return Identifier(url, "url", unquote(match["id"]), host=host, base_url=match["base"], query=match["query"] or "")


def _refuse(uri: str) -> Identifier:
    raise UsageError(f"{_short(uri)} has no object identifier", hint="write drs://HOST/ID or drs://PREFIX:ID")


def _not_one(uri: str) -> UsageError:
    return UsageError(
        f"{_short(uri)} is not a DRS identifier", hint="write drs://HOST/ID, drs://PREFIX:ID or the object's https URL"
    )


def _short(uri: str) -> str:
    shown = redact_url(uri) if "@" in uri else uri
    return ascii(shown if len(shown) <= 120 else f"{shown[:117]}...")
