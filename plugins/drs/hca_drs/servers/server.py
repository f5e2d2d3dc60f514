"""One DRS server: its requests, with the authorization that it requires."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hca_base.errors import AuthError, HCAError, NotFoundError, ServiceError, TimedOutError
from hca_base.http import RetryPolicy, json_of, parse_retry_after
from hca_drs.resolving.uris import encoded

if TYPE_CHECKING:
    from hca_base.auth import Credentials
    from hca_base.http import Session
    from hca_drs.servers.accounts import Passports

#: Largest response in bytes: a bundle of several hundred thousand members.
MAX_ANSWER = 128 << 20
#: DRS POSTs are safe.
_SAFE_POST = RetryPolicy.for_operation("POST", safe=True)


class Server:
    """A DRS server; thread-safe.

    :param url: of its API
    :param credentials: the user's for it; None if it must not get any
    :param connections: maximum concurrent requests
    :param trusted: False for a server known only from a registry
    :param auth: source of its tokens, from ``drs.hosts.HOST.auth``; empty: from the Python caller
    :param unused: option or variable whose token is not sent to it
    """

    def __init__(
        self,
        url: str,
        session: Session,
        credentials: Credentials | None,
        passports: Passports | None = None,
        *,
        connections: int = 8,
        trusted: bool = True,
        prefix: str = "",
        auth: str = "stored",
        unused: str = "",
    ) -> None:
        self.url = url
        self.host = urlsplit(url).netloc.lower()
        self.session = session
        self.credentials = credentials
        self.passports = passports
        self.trusted = trusted
        self.prefix = prefix
        self.auth = auth
        self.unused = unused
        self._gate = threading.BoundedSemaphore(max(1, connections))
        self._lock = threading.Lock()
        self._info: dict[str, Any] | None = None
        self._bulk_refused: set[str] = set()
        #: Whether passports worked here before: then further requests send them immediately.
        self._with_passports = False

    # Objects

    def object(self, object_id: str, query: str = "") -> Any:
        """An object's metadata.

        :raises NotFoundError: the object does not exist
        :raises AuthError: access denied
        """
        path = f"/objects/{encoded(object_id)}"
        return self._asked(path + (f"?{query}" if query else ""), path, object_id, {})

    def access(self, object_id: str, access_id: str, authorizations: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The access URL of an object: a JSON object with ``url``, and optionally ``headers``.

        :param authorizations: from the access method
        """
        path = f"/objects/{encoded(object_id)}/access/{encoded(access_id)}"
        answer = self._asked(path, f"/objects/{encoded(object_id)}", object_id, authorizations or {})
        if not isinstance(answer, dict) or not isinstance(answer.get("url"), str):
            raise ServiceError(f"{self.host} sent no URL for {object_id}", status=200)
        return answer

    def authorizations(self, object_id: str) -> dict[str, Any]:
        """The types of authorization that an object accepts; empty if the server does not tell."""
        return self._authorizations(f"/objects/{encoded(object_id)}")

    # Bulk requests

    @property
    def info(self) -> dict[str, Any]:
        """Its service info; empty if it has none."""
        with self._lock:
            if self._info is None:
                try:
                    answer = json_of(self._call("GET", "/service-info"))
                except ServiceError:
                    answer = {}
                self._info = answer if isinstance(answer, dict) else {}
            return self._info

    @property
    def version(self) -> tuple[int, ...]:
        """Its version of DRS; empty if unknown."""
        kind = self.info.get("type")
        text = str(kind.get("version") or "") if isinstance(kind, dict) else ""
        return tuple(int(part) for part in text.split(".")[:3] if part.isdecimal())

    def bulk_limit(self, what: str = "objects") -> int:
        """The maximum number of objects in a bulk request; 0 if not supported.

        :param what: ``objects`` or ``access``
        """
        if what in self._bulk_refused:
            return 0
        drs = self.info.get("drs")
        for place in (drs if isinstance(drs, dict) else {}, self.info):
            value = place.get("maxBulkRequestLength")
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return min(value, 1000)
        return 100 if self.version >= (1, 4) else 0

    def bulk(self, what: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """A bulk request; None if the server refuses it: then objects are requested one by one.

        :param what: ``objects`` or ``access``
        """
        path = "/objects" if what == "objects" else "/objects/access"
        passports = self.passports.of(self.url) if self.passports is not None and self._with_passports else []
        try:
            answer = self._ready("POST", path, json={**body, **({"passports": passports} if passports else {})})
        except ServiceError as error:
            if error.status in (400, 401, 403, 404, 405, 413, 415, 501):
                # All were refused: individual requests show which.
                self._bulk_refused.add(what)
                return None
            raise
        return answer if isinstance(answer, dict) else None

    # Requests

    def _asked(self, path: str, object_path: str, object_id: str, authorizations: Mapping[str, Any]) -> Any:
        kinds = _kinds(authorizations)
        if self._with_passports or kinds == {"PassportAuth"}:
            passports = self._passports(authorizations)
            if passports:
                return self._post(path, passports, object_id)
        try:
            return self._ready("GET", path)
        except ServiceError as error:
            if error.status == 404:
                raise NotFoundError(f"{self.host} answered 404 for {object_id}", request_id=error.request_id) from None
            if error.status not in (401, 403):
                raise self._named(error, object_id) from None
            return self._refused(error, path, object_path, object_id, authorizations)

    def _refused(
        self, error: ServiceError, path: str, object_path: str, object_id: str, authorizations: Mapping[str, Any]
    ) -> Any:
        """A request was refused: try passports if they are accepted, else explain the error."""
        if not self.trusted:
            raise AuthError(
                f"{self.host} answered {error.status} for {object_id}; a registry named this server, so no stored "
                "credentials are sent to it",
                hint=f"if it is the right one: hca drs prefixes --confirm {self.prefix}",
            )
        told = dict(authorizations) or self._authorizations(object_path)
        kinds = _kinds(told)
        if not kinds or "PassportAuth" in kinds:
            passports = self._passports(told)
            if passports:
                return self._post(path, passports, object_id)
        raise self._denied(error, object_id, kinds, told)

    def _post(self, path: str, passports: list[str], object_id: str) -> Any:
        try:
            answer = self._ready("POST", path.partition("?")[0], json={"passports": passports}, auth="no")
        except ServiceError as error:
            if error.status == 404:
                raise NotFoundError(f"{self.host} answered 404 for {object_id}") from None
            if error.status in (401, 403):
                raise AuthError(
                    f"{self.host} answered {error.status} for {object_id}: your passports do not grant access to it",
                    hint=f"pass others with --passport {self.host}=FILE, or store them: "
                    f"hca drs login {self.host} --passport FILE",
                ) from None
            raise self._named(error, object_id) from None
        self._with_passports = True
        return answer

    def _named(self, error: ServiceError, object_id: str) -> ServiceError:
        """An error that names the server and the object: a command may use many of each."""
        if error.status < 400:
            # Not a DRS server's response: its API may have another URL.
            error.hint = f"if its API is elsewhere: hca config set 'drs.hosts.\"{self.host}\".url' URL"
            return error
        said = error.title or error.reason
        return ServiceError(
            f"{self.host} answered {error.status} for {object_id}" + (f": {said}" if said else ""),
            status=error.status,
            reason=error.reason,
            title=error.title,
            details=error.details,
            response=error.response,
            hint=error.hint,
            request_id=error.request_id,
        )

    def _passports(self, authorizations: Mapping[str, Any]) -> list[str]:
        if self.passports is None or not self.trusted:
            return []
        issuers = authorizations.get("passport_auth_issuers")
        return self.passports.of(
            self.url, [i for i in issuers if isinstance(i, str)] if isinstance(issuers, list) else ()
        )

    def _denied(
        self, error: ServiceError, object_id: str, kinds: set[str], authorizations: Mapping[str, Any]
    ) -> AuthError:
        sent = bool(self.credentials is not None and self.credentials.headers_for(self.url))
        told = f"{self.host} answered {error.status} for {object_id}"
        if sent:
            return AuthError(
                f"{told}: your credentials do not grant access to it",
                hint=self._how_to_log_in(kinds),
                request_id=error.request_id,
            )
        names = {"BasicAuth": "a user name and password", "BearerAuth": "a token", "PassportAuth": "a passport"}
        wanted = " or ".join(names[kind] for kind in sorted(kinds) if kind in names) or "credentials"
        issuers = authorizations.get("bearer_auth_issuers") or authorizations.get("passport_auth_issuers")
        by = f" issued by {ascii(issuers[0])[1:-1]}" if isinstance(issuers, list) and issuers else ""
        return AuthError(
            f"{told}: it requires {wanted}{by}, and none is stored for it",
            hint=self._how_to_log_in(kinds),
            request_id=error.request_id,
        )

    def _how_to_log_in(self, kinds: set[str]) -> str | None:
        """The commands that store credentials the server accepts; None if stored ones are never sent."""
        if not self.auth:
            return None
        login = f"hca drs login {self.host}"
        token = {
            "gen3": f"{login} --gen3 credentials.json",
            "google": f"gcloud auth print-access-token | {login}",
        }.get(self.auth, login)
        ways = {
            "BearerAuth": token,
            "BasicAuth": f"{login} --username NAME",
            "PassportAuth": f"{login} --passport FILE (for one command: --passport {self.host}=FILE)",
        }
        hint = ", or ".join(ways[kind] for kind in ways if kind in kinds) or token
        return hint + (f"; {self.unused} is for the server of drs.base_url alone" if self.unused else "")

    def _authorizations(self, path: str) -> dict[str, Any]:
        try:
            response = self._call("OPTIONS", path, auth="no")
            answer = json_of(response) if response.status_code == 200 and response.content else {}
        except HCAError:
            # Most servers do not support it.
            return {}
        return answer if isinstance(answer, dict) else {}

    def _ready(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of a response; waits while the server responds with 202 (not ready)."""
        ends = time.monotonic() + self.session.settings.wait_budget
        while True:
            response = self._call(method, path, **options)
            if response.status_code != 202:
                return json_of(response)
            pause = parse_retry_after(response.headers.get("Retry-After"))
            pause = min(max(5.0 if pause is None else pause, 0.05), 600.0)
            if time.monotonic() + pause > ends:
                raise TimedOutError(f"{self.host} was not ready with {path.rpartition('/')[2]} in time")
            time.sleep(pause)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        options.setdefault("auth", "auto" if self.credentials is not None else "no")
        if method == "POST":
            options.setdefault("policy", _SAFE_POST)
        with self._gate:
            # Requests contain passports, and responses contain URLs with storage credentials.
            return self.session.call(
                method, self.url + path, credentials=self.credentials, max_body=MAX_ANSWER, sensitive=True, **options
            )


def _kinds(authorizations: Mapping[str, Any]) -> set[str]:
    kinds = authorizations.get("supported_types")
    return {str(kind) for kind in kinds} if isinstance(kinds, list) else set()
