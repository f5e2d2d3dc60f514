"""The client of a service: one method for each operation of its document."""

from __future__ import annotations

from hca_base.errors import HCAError, UsageError
from hca_base.openapi._client._calls import BaseClient
from hca_base.openapi._client._methods import Method, make_method
from hca_base.openapi._document._operation import METHODS


class Client(BaseClient):
    """A service's operations as methods.

    ::

        client = Client(swagger_url="https://dss.example.org/v1/swagger.json")
        client.get_bundle(uuid=uuid, replica="aws")
        for bundle in client.get_bundles_all.iterate(replica="aws"):
            ...
        with client.get_file.stream(uuid=uuid, replica="aws") as response:
            ...

    A method returns the parsed JSON of the response; the ``requests.Response`` for HEAD; bytes for everything else;
    None if the response is empty; and ``{"location": "s3://…"}`` for a redirect to a URL that is not HTTP. It raises
    :class:`hca_base.errors.ServiceError` if the service responds with an error, and
    :class:`hca_base.errors.UsageError` if an argument is missing, unknown or of the wrong type.

    Creating a client makes no network requests: settings, document and session are created at first use. Threads can
    share a client.

    :param service: the service; default: ``default_service``
    :param swagger_url: URL or path of the document instead of the configured one
    :param config: settings; default: those of the user
    :param session: HTTP session; default: a new one
    :param token: a bearer token or API key for the service, instead of the stored ones
    :param profile: name of a profile, when ``config`` is not given
    :param base_url: URL of the service instead of the document's
    :param credential_providers: further sources of credentials (:class:`hca_base.auth.CredentialProvider`)
    :cvar default_service: the service that a plugin's client class is for
    :cvar strict_choices: names of arguments that accept only the values listed in the document
    :cvar check_patterns: refuse strings that do not match the pattern in the document, such as malformed UUIDs
    :cvar example_name: name of a client in examples
    """

    def __getattr__(self, name: str) -> Method:
        # Nothing else can be an operation, so other attribute lookups do not load the document.
        if "_methods" not in self.__dict__ or not self._may_be_operation(name):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        method = self._methods.get(name)
        if method is None:
            try:
                found = self._resolved(name)
            except UsageError as e:
                raise AttributeError(f"{type(self).__name__} has {e.message}") from None
            method = self._methods.setdefault(name, make_method(self, found))
        return method

    def _may_be_operation(self, name: str) -> bool:
        if name.startswith("_"):
            return False
        by_path = self.service is not None and self.service.naming_of(self.config) == "path"
        return not by_path or name.partition("_")[0] in METHODS

    def __dir__(self) -> list[str]:
        names = set(super().__dir__())
        try:
            names.update(self._known_index().method_names())
        except HCAError:
            pass
        return sorted(names)
