"""URLs of documents and of the services that they describe."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from hca_base.config import expand_home
from hca_base.errors import UsageError
from hca_base.openapi._document._text import one_line, printable

if TYPE_CHECKING:
    from hca_base.openapi._document._operation import Operation

#: Maximum number of servers of a document.
_MAX_SERVERS = 100


def is_url(source: str) -> bool:
    """Return True if a document's source is an http or https URL, False if it is a file."""
    return source.lower().startswith(("http://", "https://"))


def source_path(source: str | os.PathLike[str]) -> Path:
    """Return the file of a ``file:`` URL or a path."""
    text = os.fspath(source)
    if text.lower().startswith("file:"):
        from urllib.request import url2pathname

        return Path(url2pathname(urlsplit(text).path))
    return expand_home(text)


def base_url_of(
    root: Mapping[str, Any], url: str | None, server: str | None = None, variables: Mapping[str, Any] | None = None
) -> str | None:
    """Return the URL of a document's service.

    * The document's values are used: ``servers`` (OpenAPI 3, the first with a URL), or ``schemes``, ``host`` and
      ``basePath`` (Swagger 2). Missing parts come from the URL that it was fetched from.
    * Of several schemes, the scheme of the document's URL is preferred, then https. If the service has the host that
      the document was fetched from, the URL's scheme overrides ``schemes``, because it is known to work.
    * A document fetched from this machine (loopback) describes the deployment that served it, even if it names another
      host, because local deployments serve the public service's document. Conversely, a document from another host
      cannot refer to loopback, link-local or cloud metadata addresses.

    :param url: the URL that the document was fetched from, or None if it was not
    :param server: one of its servers: a number from 1, a name, a description, or any URL
    :param variables: values of variables in the server's URL, overriding their defaults
    :returns: an http or https URL without a trailing slash, or None
    :raises UsageError: it has no such server
    """
    try:
        fetched = urlsplit(url) if url and is_url(url) else None
        if server is not None:
            chosen = server_of(root, server)
            if chosen is None:
                return server.rstrip("/")  # the user's explicit URL
            first = server_url(chosen, variables)
            stated = urljoin(url, first) if fetched and url and first else first
        elif "swagger" in root:
            stated = _swagger_base(root, fetched)
        else:
            servers = root.get("servers")
            first = "/"
            if isinstance(servers, list) and servers:
                first = next((found for each in servers if (found := server_url(each, variables))), None)
            stated = urljoin(url, first) if fetched and url and first else first
        if not stated:
            return None
        base = urlsplit(stated)
        if fetched and base.netloc and not _may_name(fetched, base):
            base = base._replace(scheme=fetched.scheme, netloc=fetched.netloc)
        if base.scheme not in ("http", "https") or not base.hostname:
            return None
        return urlunsplit((base.scheme, base.netloc.rpartition("@")[2], base.path, "", "")).rstrip("/")
    except ValueError:  # urlsplit fails on unbalanced brackets, for example
        return None


def servers_of(root: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the servers of an OpenAPI 3 document: ``url``, ``variables``, and any ``name`` and ``description``."""
    listed = root.get("servers")
    found = []
    for server in listed[:_MAX_SERVERS] if isinstance(listed, list) else ():
        if not isinstance(server, dict) or not isinstance(server.get("url"), str):
            continue
        variables = server.get("variables")
        kept: dict[str, Any] = {"url": server["url"], "variables": {}}
        kept |= {key: one_line(server[key]) for key in ("name", "description") if isinstance(server.get(key), str)}
        for name in re.findall(r"\{([^{}]*)\}", server["url"]):
            variable = variables.get(name) if isinstance(variables, dict) else None
            variable = variable if isinstance(variable, dict) else {}
            choices = variable.get("enum")
            kept["variables"][name] = {
                "default": variable.get("default"),
                "enum": [str(each) for each in choices[:20]] if isinstance(choices, list) else [],
                "description": one_line(str(variable.get("description") or "")),
            }
        found.append(kept)
    return found


def server_of(root: Mapping[str, Any], wanted: str) -> Mapping[str, Any] | None:
    """Return the server that a user selected; None for a URL that is not in the document."""
    servers = servers_of(root)
    if wanted.isascii() and wanted.isdigit() and 0 < int(wanted[:9]) <= len(servers):
        return servers[int(wanted[:9]) - 1]
    for key in ("url", "name", "description"):
        for server in servers:
            if str(server.get(key, "")).rstrip("/").casefold() == wanted.rstrip("/").casefold():
                return server
    if is_url(wanted):
        return None
    ways = [
        f"{number} ({' '.join(part for part in (each['url'], each.get('description', '')) if part)})"
        for number, each in enumerate(servers, 1)
    ]
    raise UsageError(
        f"the service has no server {printable(wanted)!r}",
        hint=f"use {', '.join(map(printable, ways))} or a URL" if ways else "give a URL",
    )


def operation_base(operation: Operation, base_url: str, document_url: str | None) -> str:
    """Return the base URL of an operation: from its own servers if it has any, else the service's."""
    if not operation.servers:
        return base_url
    try:
        own = urljoin(document_url or base_url + "/", operation.servers[0])
        parts = urlsplit(own)
        if parts.scheme not in ("http", "https") or not _may_name(urlsplit(base_url), parts):
            return base_url
    except ValueError:
        return base_url
    return own.rstrip("/")


def server_url(server: Any, given: Mapping[str, Any] | None = None) -> str | None:
    """Return the URL of a server object with its variables replaced; None if it has none.

    :param given: values that override the variables' defaults
    """
    if not isinstance(server, dict) or not isinstance(server.get("url"), str):
        return None
    variables = server.get("variables")
    variables = variables if isinstance(variables, dict) else {}

    def value(match: re.Match[str]) -> str:
        if given is not None and match[1] in given:
            return str(given[match[1]])
        variable = variables.get(match[1])
        default = variable.get("default") if isinstance(variable, dict) else None
        return str(default) if isinstance(default, (str, int)) else match[0]

    url = re.sub(r"\{([^{}]*)\}", value, server["url"])
    return None if re.search(r"[\x00-\x20\x7f{}]", url) else url


def _swagger_base(root: Mapping[str, Any], fetched: SplitResult | None) -> str | None:
    host = root.get("host")
    listed = root.get("schemes")
    schemes = [each for each in listed if each in ("http", "https")] if isinstance(listed, list) else []
    if not isinstance(host, str) or not host:
        host = fetched.netloc if fetched else None
    if host is None:
        return None
    if fetched and (host.lower() == fetched.netloc.lower() or fetched.scheme in schemes or not schemes):
        scheme = fetched.scheme
    else:
        scheme = "http" if schemes and "https" not in schemes else "https"
    path = root.get("basePath")
    return f"{scheme}://{host}/{path.strip('/') if isinstance(path, str) else ''}"


def _may_name(fetched: SplitResult, stated: SplitResult) -> bool:
    """Return True if a document from one URL may name a service at another."""
    from hca_base.http import address_of, is_forbidden_address, is_loopback

    here, there = fetched.hostname or "", stated.hostname or ""
    if here == there:
        return True
    address = address_of(there)
    if address is not None and is_forbidden_address(address):
        return False
    return is_loopback(here) == is_loopback(there)
