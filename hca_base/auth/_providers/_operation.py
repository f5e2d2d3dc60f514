"""Credentials of a service whose document has several schemes: each operation gets exactly those it requires."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from hca_base._fork import ForkLock
from hca_base._service import Scheme
from hca_base.auth._providers._chain import Certificate, Credentials, ProviderState
from hca_base.errors import AuthError


class ServiceCredentials(Credentials):
    """Credentials by scheme.

    :param common: the chain of the service's first scheme, for requests without an operation
    :param schemes: the supported schemes of the document, by name
    :param make: makes the chain of one scheme
    :param order: names of preferred schemes, if an operation has alternatives
    """

    def __init__(
        self,
        common: Credentials,
        schemes: Mapping[str, Scheme],
        make: Callable[[str], Credentials],
        order: Sequence[str] = (),
        certificate: Certificate | None = None,
    ) -> None:
        super().__init__(common.providers, common.hosts, common.account, in_query=common.in_query, login=common.login)
        self.schemes = schemes
        self.order = tuple(order)
        self.certificate = certificate
        self._make = make
        self._chains: dict[str, Credentials] = {}
        self._chains_lock = ForkLock()

    def chain(self, scheme: str) -> Credentials | None:
        """Return the credentials of one scheme; None if hca does not support it."""
        if scheme not in self.schemes:
            return None
        with self._chains_lock:
            if scheme not in self._chains:
                self._chains[scheme] = self._make(scheme)
            return self._chains[scheme]

    def for_operation(self, security: Sequence[Mapping[str, Any]], given: Iterable[str] = ()) -> OperationCredentials:
        """Return exactly the credentials that an operation requires."""
        alternatives = [tuple(each) for each in security if each]
        if self.order:
            alternatives.sort(key=self._rank)
        return OperationCredentials(self, alternatives, frozenset(name.lower() for name in given))

    def _rank(self, alternative: tuple[str, ...]) -> int:
        return min((self.order.index(name) for name in alternative if name in self.order), default=len(self.order))

    def certificate_for(self, url: str) -> Certificate | None:
        """Return None: only operations specify whether they require a certificate."""
        return None

    def describe(self, url: str | None = None) -> list[ProviderState]:
        """Return the status of each provider of each scheme, in order, without network requests."""
        states: list[ProviderState] = []
        for name in self.schemes:
            chain = self.chain(name)
            assert chain is not None
            if self.schemes[name].kind == "mtls":
                why = "client_certificate is set" if self.certificate else "client_certificate is not set"
                states.append(ProviderState("client certificate", bool(self.certificate), why, scheme=name))
            else:
                states += chain.describe(url)
        return states


class _Part(NamedTuple):
    """The credentials of one scheme for a URL."""

    chain: Credentials
    headers: Mapping[str, str]
    params: Mapping[str, str]
    certificate: Certificate | None


class OperationCredentials:
    """The credentials of one operation: its first alternative that is completely available, or none.

    :param alternatives: names of the schemes that are required together
    :param given: lower-case names of headers and query parameters set by the caller
    """

    def __init__(
        self, service: ServiceCredentials, alternatives: Sequence[tuple[str, ...]], given: frozenset[str]
    ) -> None:
        self._service = service
        self._alternatives = alternatives
        self._given = given
        self._sent = threading.local()

    def headers_for(self, url: str) -> dict[str, str]:
        """Return headers for a request to the URL; several cookies share one header."""
        self._sent.parts = self._parts(url)
        headers: dict[str, str] = {}
        for part in self._sent.parts:
            for name, value in part.headers.items():
                if name == "Cookie" and name in headers:
                    headers[name] += f"; {value}"
                elif headers.get(name, value) != value:
                    raise AuthError(f"two schemes that this operation requires together both set the header {name}")
                else:
                    headers[name] = value
        return headers

    def params_for(self, url: str) -> dict[str, str]:
        """Return query parameters for a request to the URL."""
        return {name: value for part in self._parts(url) for name, value in part.params.items()}

    def certificate_for(self, url: str) -> Certificate | None:
        """Return the client certificate, if the operation requires one."""
        return next((part.certificate for part in self._parts(url) if part.certificate is not None), None)

    def on_unauthorized(self, url: str) -> bool:
        """Renew the credentials after a 401; return True if a retry is worthwhile."""
        parts: Sequence[_Part] = getattr(self._sent, "parts", ())
        renewed = [part.chain.on_unauthorized(url) for part in parts if part.headers]
        return any(renewed)

    def refusal(self, host: str) -> AuthError | None:
        """Return the error if no alternative is complete; None if the caller sets one."""
        if any(self._parts(str(url)) for url in self._service.hosts):
            return None
        wanted = [[self._described(name) for name in names] for names in self._alternatives]
        ways = " or ".join(" and ".join(names) for names in wanted)
        return AuthError(
            f"{host} requires credentials for this ({ways}), and not all of them are stored", hint=self._hint()
        )

    def _parts(self, url: str) -> Sequence[_Part]:
        for names in self._alternatives:
            parts = [self._part(name, url) for name in names]
            if all(part is not None for part in parts):
                return [part for part in parts if part is not None]
        return ()

    def _part(self, name: str, url: str) -> _Part | None:
        """Return the credentials of a scheme; None if it has none."""
        chain = self._service.chain(name)
        if chain is None:
            return None
        scheme = self._service.schemes[name]
        if scheme.kind == "mtls":
            certificate = self._service.certificate
            return _Part(chain, {}, {}, certificate) if certificate else None
        if self._sets_himself(scheme):
            return _Part(chain, {}, {}, None)
        headers = chain.headers_for(url)
        params = {} if headers else chain.params_for(url)
        return _Part(chain, headers, params, None) if headers or params else None

    def _sets_himself(self, scheme: Scheme) -> bool:
        name = scheme.api_key_header or scheme.api_key_query if scheme.kind == "apikey" else "Authorization"
        return name is not None and name.lower() in self._given

    def _described(self, name: str) -> str:
        scheme = self._service.schemes.get(name)
        if scheme is None:
            return f"{name}, which hca does not support"
        return f"{name}: {scheme.api_key_name or scheme.kind}"

    def _hint(self) -> str:
        for names in self._alternatives:
            for name in names:
                scheme = self._service.schemes.get(name)
                if scheme is None or self._is_there(name):
                    continue
                chain = self._service.chain(name)
                if scheme.kind == "mtls":
                    return "set services.NAME.client_certificate to the file of your client certificate"
                assert chain is not None
                return chain.hint
        return "hca auth status"

    def _is_there(self, name: str) -> bool:
        url = next(iter(self._service.hosts), None)
        return url is not None and self._part(name, url) is not None
