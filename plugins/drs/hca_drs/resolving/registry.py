"""Looks prefixes up in the registry identifiers.org, and caches the results for a week.

Anyone can register a prefix, and decides where its identifiers lead. So a server that is known only from
a registry gets none of the user's credentials until the user confirms the prefix.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base.config import paths, write_atomic
from hca_base.errors import HCAError, NotFoundError, RefusedError, UsageError
from hca_base.http import check_redirect, is_loopback, json_of, origin_of
from hca_drs.resolving.prefixes import Pattern, pattern_of

if TYPE_CHECKING:
    from hca_base.http import Session

IDENTIFIERS_ORG = "https://registry.api.identifiers.org"
#: Seconds to cache a result.
MAX_AGE = 7 * 86400
_NAMESPACE = re.compile(r"/namespaces/(\d{1,12})\b")
_ANSWER = 4 << 20


class Registry:
    """A registry with the API of identifiers.org.

    :param url: of the API
    """

    def __init__(self, url: str, session: Session) -> None:
        self.url = url.rstrip("/")
        self.session = session

    def pattern(self, prefix: str, provider: str = "") -> Pattern:
        """The location of a prefix's objects.

        :raises NotFoundError: the prefix is not registered, or not for a DRS server
        :raises RefusedError: it points to a URL that a registry must not point to
        """
        kept = self._kept()
        key = f"{self.url} {prefix} {provider}"
        entry = kept.get(key)
        if isinstance(entry, dict) and self._is_fresh(entry):
            return self._checked(str(entry.get("pattern")), prefix)
        try:
            text = self._ask(prefix, provider)
        except NotFoundError:
            raise
        except HCAError as error:
            if isinstance(entry, dict):
                from hca_base.output import note

                note(f"prefix {prefix} could not be looked up again ({error}); using the cached result")
                return self._checked(str(entry.get("pattern")), prefix)
            error.hint = f"set it yourself: hca config set drs.prefixes.'\"{prefix}\"' HOST"
            raise
        found = self._checked(text, prefix)
        kept[key] = {"pattern": text, "asked": int(time.time())}
        self._keep(kept)
        return found

    def known(self) -> dict[str, str]:
        """The cached prefixes, and their URLs."""
        start = f"{self.url} "
        found = {}
        for key, entry in self._kept().items():
            if key.startswith(start) and isinstance(entry, dict):
                found[key.removeprefix(start).split(" ")[0]] = str(entry.get("pattern"))
        return found

    def _ask(self, prefix: str, provider: str) -> str:
        namespaces = self._get("/restApi/namespaces/search/findByPrefix", {"prefix": prefix})
        match = _NAMESPACE.search(json.dumps(namespaces))
        if match is None:
            raise self._unknown(prefix)
        answer = self._get("/restApi/resources/search/findAllByNamespaceId", {"id": match[1]})
        embedded = answer.get("_embedded") if isinstance(answer, dict) else None
        resources = embedded.get("resources") if isinstance(embedded, dict) else None
        candidates = [each for each in resources or [] if isinstance(each, dict) and not each.get("deprecated")]
        if provider:
            candidates = [each for each in candidates if each.get("providerCode") == provider]
        candidates.sort(key=lambda each: not each.get("official"))
        for each in candidates:
            text = each.get("urlPattern")
            if isinstance(text, str) and "/objects/" in text:
                return text
        raise self._unknown(prefix, "for a DRS server" + (f" of provider {provider}" if provider else ""))

    def _get(self, path: str, params: dict[str, str]) -> Any:
        from hca_base.errors import ServiceError

        try:
            response = self.session.call("GET", self.url + path, params=params, auth="no", max_body=_ANSWER)
        except ServiceError as error:
            if error.status == 404:
                raise self._unknown(params.get("prefix", "")) from None
            raise
        return json_of(response)

    def _checked(self, text: str, prefix: str) -> Pattern:
        here = origin_of(self.url)
        try:
            found = pattern_of(text)
            there = origin_of(found.base_url)
            if there.scheme != "https" and not is_loopback(here.host):
                raise RefusedError(f"{there} is not encrypted")
            check_redirect(here, here, there)
        except (UsageError, RefusedError) as error:
            raise RefusedError(f"{here.host} leads prefix {prefix} to a place that is not asked: {error}") from None
        return found

    def _unknown(self, prefix: str, more: str = "") -> NotFoundError:
        host = origin_of(self.url).host
        return NotFoundError(
            f"prefix {prefix!r} is not registered {more}".strip() + f" at {host}",
            hint=f"if you know its server: hca config set 'drs.prefixes.\"{prefix}\"' HOST",
        )

    # The cache

    @property
    def _path(self) -> Path:
        return paths.cache_dir() / "drs" / "prefixes.json"

    def _is_fresh(self, entry: dict[str, Any]) -> bool:
        asked = entry.get("asked")
        return isinstance(asked, int) and -86400 < time.time() - asked < MAX_AGE

    def _kept(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _keep(self, kept: dict[str, Any]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self._path, json.dumps(kept, indent=1))
        except OSError:
            # The lookup is repeated next time.
            pass
