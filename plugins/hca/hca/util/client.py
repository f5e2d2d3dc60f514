"""The base class of hca 7's clients, based on the client of the core."""

from __future__ import annotations

import inspect
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

from urllib3.util import Retry, Timeout

from hca.config import ClientConfig, HCAConfig, get_config
from hca.util.calls import add_old_names, known_arguments
from hca.util.exceptions import raising_hca7, translated
from hca_base.config import Config, join_key
from hca_base.openapi import Client
from hca_base.plugins import CredentialScheme, Service

if TYPE_CHECKING:
    import requests

logger = logging.getLogger("hca")

#: Parameters of the core's client besides document and settings.
_OPTIONS = ("session", "token", "profile", "base_url", "credential_providers")


class RetryPolicy(Retry):
    """Retry policy. Only the number of retries is used; the core determines the rest."""


class SwaggerClient(Client):
    """A client with a method for each operation of a service.

    A subclass reads the URL of its document from the setting ``CLASS.swagger_url``. Methods that it
    appends to ``self.commands`` are listed there; to add commands for them, write a plugin.

    :param config: settings: an :class:`hca.HCAConfig`, any mapping, or those of the core; default: the user's
    :param swagger_url: URL or path of the service's document instead of the configured one
    :param session_kwargs: ``token``, ``session``, ``profile``, ``base_url``, as for
        :class:`hca_base.openapi.Client`; others are ignored with a warning
    :cvar scheme: no longer used; the document or its URL determines it
    :cvar timeout_policy: connect and read timeouts in seconds
    :cvar retry_policy: number of retries
    """

    scheme = "https"
    retry_policy: Any = None
    timeout_policy: Any = None
    #: Arguments are not validated here: the service rejects invalid ones, as with hca 7.
    strict_choices = frozenset[str]()
    check_patterns = False
    token_expiration = 3600
    max_redirects = 1024

    def __init__(self, config: Any = None, swagger_url: str | None = None, **session_kwargs: Any) -> None:
        options = {name: session_kwargs.pop(name) for name in _OPTIONS if name in session_kwargs}
        if session_kwargs:
            logger.warning("%s: no longer used: %s", type(self).__name__, ", ".join(sorted(session_kwargs)))
        source = HCAConfig(save_on_exit=False) if isinstance(config, (Config, Mapping)) else get_config()
        if isinstance(config, (HCAConfig, type(None))):
            source = config if config is not None else get_config()
            made = source._settings()
        elif isinstance(config, Config):
            made = config
        else:
            source.update(config)
            made = source._settings()
        token = source._data.get("oauth2_token") or {}
        self._source = source
        self._settings_token = token.get("access_token")
        if self._settings_token:
            options.setdefault("token", self._settings_token)
        if self.default_service is None:
            options["service"] = _service_of(type(self))
        self._made = made
        super().__init__(config=self._with_policies(), swagger_url=swagger_url, **options)
        self.commands: list[Callable[..., Any]] = [self.login, self.logout]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in ("timeout_policy", "retry_policy") and "_lock" in self.__dict__:
            with self._lock:
                self._config = self._with_policies()
                if self._own_session:
                    # The next call uses the new settings; calls in progress keep theirs.
                    self._session = None
                    self._forget_credentials()

    def _with_policies(self) -> ClientConfig:
        return ClientConfig(self._source, self._made.with_options(self._policies()))

    def _policies(self) -> dict[str, Any]:
        """The client's policies as settings."""
        found: dict[str, Any] = {}
        wait = self.timeout_policy
        if isinstance(wait, Timeout):
            wait = [wait.connect_timeout, wait.read_timeout]
        if isinstance(wait, (int, float)) or (wait and all(isinstance(each, (int, float)) for each in wait)):
            found["http.timeout"] = list(wait) if isinstance(wait, (tuple, list)) else wait
        if self.retry_policy is not None:
            counts = [self.retry_policy.total, self.retry_policy.status, self.retry_policy.read]
            numbers = [count for count in counts if isinstance(count, int) and not isinstance(count, bool)]
            if numbers:
                found["http.retries"] = min(numbers)
        return found

    # Metadata of the service, as in hca 7

    @property
    def host(self) -> str:
        """URL of the service; can be set."""
        return self.base_url

    @host.setter
    def host(self, url: str) -> None:
        with self._lock:
            self._base_url = url
            self._forget_credentials()

    @property
    def _swagger_spec(self) -> Any:
        warnings.warn("use swagger_spec instead of _swagger_spec", DeprecationWarning, stacklevel=2)
        return self.swagger_spec

    @property
    def swagger_spec(self) -> Any:
        """The service's document, parsed."""
        with raising_hca7():
            return self.document.root

    @property
    def methods(self) -> dict[str, dict[str, Any]]:
        """For each operation: summary, description, ``args``, ``signature``, and the method as ``entry_point``."""
        with raising_hca7():
            return {name: self._described(name, operations) for name, operations in self._by_name().items()}

    def _by_name(self) -> dict[str, tuple[Any, ...]]:
        """The operations of each hca 7 name, the shortest path first."""
        document = self.document
        shared = {each.name: each.operations for each in document.aliases if len(each.operations) > 1}
        inside = {each.name for operations in shared.values() for each in operations}
        return {each.name: (each,) for each in document.operations if each.name not in inside} | shared

    def _described(self, name: str, operations: tuple[Any, ...]) -> dict[str, Any]:
        method = getattr(self, name)
        operation = operations[0]
        parameters = {p.python_name: p for each in operations for p in each.parameters}
        signature = inspect.signature(method)
        return {
            "summary": operation.summary,
            "description": operation.description,
            "entry_point": method,
            "signature": signature,
            "args": {
                name: {
                    "param": signature.parameters[name],
                    "doc": each.description,
                    "required": signature.parameters[name].default is inspect.Parameter.empty,
                }
                | {"choices": list(each.enum) or None if each.enum else None}
                for name, each in parameters.items()
                if name in signature.parameters
            },
        }

    @property
    def http_paths(self) -> dict[str, dict[frozenset[str], str]]:
        """The paths of each operation, by the names of their parameters."""
        with raising_hca7():
            return {
                name: {
                    frozenset(p.name for p in each.parameters if p.location == "path"): each.path for each in operations
                }
                for name, operations in self._by_name().items()
            }

    @staticmethod
    def load_swagger_json(swagger_json: IO[str], ptr_str: str = "$ref") -> Any:
        """Read a document, and replace its references by what they point to.

        :param ptr_str: the key of a reference
        """
        root = json.load(swagger_json)

        def resolved(value: Any, inside: tuple[str, ...]) -> Any:
            if isinstance(value, list):
                return [resolved(each, inside) for each in value]
            if not isinstance(value, dict):
                return value
            target = value.get(ptr_str)
            if len(value) == 1 and isinstance(target, str) and target.startswith("#/") and target not in inside:
                found = root
                for segment in target[2:].split("/"):
                    found = found[segment.replace("~1", "/").replace("~0", "~")]
                return resolved(found, (*inside, target))
            return {key: resolved(each, inside) for key, each in value.items()}

        return resolved(root, ())

    # Authentication

    @property
    def application_secrets(self) -> Any:
        """The OAuth client for logins to the service."""
        path = getattr(self.service.credentials, "client_settings_path", None) or "/internal/application_secrets"
        from hca_base.http import json_of, origin_of

        with raising_hca7():
            where = origin_of(self.base_url)
            host = f"[{where.host}]" if ":" in where.host else where.host
            return json_of(self.session.get(f"{where.scheme}://{host}:{where.port}{path}"))

    def login(self, access_token: str = "", remote: bool = False) -> None:
        """Log in to the service and store the login.

        :param access_token: store this token instead of logging in with the browser
        :param remote: the browser is on another machine; the user pastes the code that it shows
        """
        from hca_base.auth import login, store_access_token

        with raising_hca7():
            if access_token:
                store_access_token(self.service, self.config, access_token, base_url=self.base_url)
            else:
                schemes = self.document.security_schemes
                login(
                    self.service,
                    self.config,
                    remote=remote,
                    base_url=self.base_url,
                    security_schemes=schemes,
                    session=self.session,
                )
            self._forget_credentials()

    def logout(self) -> bool:
        """Delete the stored login of the service, and one that a script stored in the settings.

        :return: False if there was none
        """
        from hca_base.auth import logout

        with raising_hca7():
            forgotten = logout(self.service, self.config)
            forgotten = self._source.forget_login() or forgotten
            if self._token == self._settings_token:
                self._token = None
            self._forget_credentials()
        return forgotten

    def _forget_credentials(self) -> None:
        self._credentials = None

    def expired_token(self) -> bool:
        """False: tokens are renewed before they expire."""
        return False

    def get_session(self) -> requests.Session:
        """A plain ``requests`` session, without credentials."""
        import requests

        session = requests.Session()
        session.max_redirects = self.max_redirects
        session.headers["User-Agent"] = type(self).__name__
        return session

    def get_authenticated_session(self) -> requests.Session:
        """A plain ``requests`` session that sends the credentials to the service's hosts only."""
        session = self.get_session()
        credentials = self.credentials

        def sign(request: Any) -> Any:
            with raising_hca7():
                request.headers.update(credentials.headers_for(request.url))
            return request

        session.auth = sign
        return session

    # Calls

    def __getattr__(self, name: str) -> Any:
        method = super().__getattr__(name)
        if not hasattr(method, "_request"):
            add_old_names(self, method)
        return method

    def _send(self, operation: Any, arguments: Mapping[str, Any] | None, **options: Any) -> Any:
        if isinstance(operation, str):
            operation = self._found(operation)
        return super()._send(operation, known_arguments(operation, arguments or {}), **options)

    @translated
    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        return super().invoke(*args, **kwargs)

    @translated
    def refresh(self) -> Any:
        return super().refresh()

    def stream(self, *args: Any, **kwargs: Any) -> Any:
        return _Streamed(super().stream(*args, **kwargs))

    def paginate(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        with raising_hca7():
            yield from super().paginate(*args, **kwargs)

    def iterate(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        with raising_hca7():
            yield from super().iterate(*args, **kwargs)


class _Streamed:
    """A streamed response; errors are raised in the form that scripts written for hca 7 catch."""

    def __init__(self, streamed: Any) -> None:
        self._streamed = streamed

    def __enter__(self) -> Any:
        with raising_hca7():
            return self._streamed.__enter__()

    def __exit__(self, *exception: object) -> None:
        self._streamed.__exit__(*exception)


def _service_of(kind: type[SwaggerClient]) -> Service:
    """The service of a user-defined subclass of :class:`SwaggerClient`."""
    section = kind.__name__
    return Service(
        name=section.lower(),
        title=f"the service of {section}",
        client_section=section,
        document_url_key=join_key((section, "swagger_url")),
        credentials=CredentialScheme(kind="oauth2"),
        naming="path",
    )
