"""URLs of files in lists that may refer to deleted catalogs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from hca_azul.lists.entries import is_address

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection


class Addresses:
    """URLs of files, in existing catalogs.

    :param catalog: replaces one that was deleted; None if the service is not reachable
    :param online: whether the service is reachable; otherwise URLs stay unchanged
    """

    def __init__(self, client: AzulConnection, catalog: str | None, *, online: bool = True) -> None:
        self.client = client
        self.online = online
        self._given = catalog
        self._told: set[str] = set()

    def of(self, url: str, uuid: str, current: bool) -> str:
        """Return the URL of a file.

        :param url: from the list; empty if it has none
        :param current: the list has today's format, and omits URLs only for files that cannot be downloaded
        """
        if not url:
            return "" if current or not uuid or not self.online else self.by_uuid(uuid)
        if not is_address(url):
            return ""
        parts = urlsplit(url)
        # Manifests for clients that read redirects from the body: request the file, not the JSON.
        path = parts.path.replace("/fetch/repository/", "/repository/", 1)
        query = parse_qsl(parts.query, keep_blank_values=True)
        named = dict(query).get("catalog")
        use = self.catalog_of(url)
        if use and use != named:
            # A file may have another version in another catalog.
            query = [(k, use if k == "catalog" else v) for k, v in query if k != "version"]
            return urlunsplit(parts._replace(path=path, query=urlencode(query)))
        return url if path == parts.path else urlunsplit(parts._replace(path=path))

    def by_uuid(self, uuid: str) -> str:
        """Return the URL of the latest version of a file: its checksum is compared with the list's."""
        catalog = self.client.catalog(self._given)
        return f"{self.client.base_url}/repository/files/{quote(uuid, safe='')}?catalog={quote(catalog, safe='')}"

    def catalog_of(self, url: str) -> str:
        """Return the catalog to use for a URL: its own, if it still exists; empty for none."""
        named = dict(parse_qsl(urlsplit(url).query)).get("catalog")
        if not named or not self.online or not url.startswith(self.client.base_url):
            return ""
        if named in self.client.known_catalogs().all:
            return named
        use = self.client.catalog(self._given)
        if named not in self._told:
            from hca_base.output import warn

            self._told.add(named)
            warn(f"the catalog {named} of the manifest no longer exists; using {use} and verifying checksums")
        return use
