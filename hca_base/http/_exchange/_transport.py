"""A ``requests.Session`` that many threads may share, with the user's proxies and certificates.

Sharing is deliberate: all threads use one connection pool, and a transfer of ten thousand files by eight threads opens
eight connections. A session is unsafe to share because of its cookies and mutable attributes, so cookies are never kept
and no attribute is set after construction.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3.connection
import urllib3.connectionpool
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError, LocationParseError

from hca_base.errors import ConfigError
from hca_base.http._addresses import is_loopback
from hca_base.http._exchange._bounded import BoundedResponse, answer_within
from hca_base.http._proxies import no_proxies_known
from hca_base.http._redact import guard_loggers
from hca_base.http._settings import HttpSettings

POOLED_HOSTS = 16
CONNECTIONS_PER_HOST = 64

# At DEBUG it logs the full URL of every request, including tokens and signatures.
guard_loggers("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry")


class _NoImplicitAuth(requests.auth.AuthBase):
    """Prevents requests from adding a password from ``~/.netrc`` or the URL."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Prepared(requests.PreparedRequest):
    """A request without cookies, except those in its headers."""

    def prepare_cookies(self, cookies: Any) -> None:
        """Do nothing: there are no cookies."""
        self._cookies = requests.cookies.RequestsCookieJar()


class _HTTPConnection(urllib3.connection.HTTPConnection):
    response_class = BoundedResponse


class _HTTPSConnection(urllib3.connection.HTTPSConnection):
    response_class = BoundedResponse


class _HTTPPool(urllib3.connectionpool.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.connectionpool.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class _Adapter(HTTPAdapter):
    """requests' adapter, with connections that return limited responses."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Return the pools of connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class Transport(requests.Session):
    """Sends prepared requests; does not follow redirects or retry."""

    def __init__(self, settings: HttpSettings, user_agent: str) -> None:
        super().__init__()
        self.settings = settings
        self.auth = _NoImplicitAuth()
        self.headers["User-Agent"] = user_agent
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _Adapter(
            pool_connections=POOLED_HOSTS, pool_maxsize=CONNECTIONS_PER_HOST, max_retries=0, pool_block=False
        )
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Prepare as requests does, without the session's cookies, parameters and hooks, which are not used here."""
        if request.cookies or request.auth:
            return super().prepare_request(request)
        headers = CaseInsensitiveDict(self.headers)
        headers.update(request.headers or {})
        for name in [name for name, value in headers.items() if value is None]:
            del headers[name]
        prepared = _Prepared()
        prepared.prepare(
            method=(request.method or "").upper(),
            url=request.url,
            files=request.files,
            data=request.data,
            json=request.json,
            headers=headers,
            params=request.params,
            auth=self.auth,
            hooks=request.hooks,
        )
        return prepared

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Return proxies and certificates for a URL: from hca's configuration, then the environment.

        Loopback addresses never use a proxy: sending credentials to them over plain http is only safe without an
        intermediary.
        """
        host = requests.compat.urlparse(str(url)).hostname or ""
        here = is_loopback(host)
        merged: dict[str, Any]
        if here or no_proxies_known():
            # As below, but without reading the proxy environment twice, which took a third of a request's time.
            bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
            if verify is True or verify is None:
                verify = bundle or True
            merged = {"proxies": {}, "stream": stream, "verify": verify, "cert": cert}
        else:
            merged = dict(super().merge_environment_settings(url, proxies or {}, stream, verify, cert))
        if self.settings.ca_bundle is not None:
            merged["verify"] = self.settings.ca_bundle
        if not here and self.settings.proxy is not None:
            merged["proxies"] = self._configured_proxies(str(url))
        return merged

    def _configured_proxies(self, url: str) -> dict[str, str]:
        if requests.utils.should_bypass_proxies(url, no_proxy=None):
            return {}
        proxy = self.settings.proxy
        if isinstance(proxy, Mapping):
            return dict(proxy)
        assert proxy is not None
        return {"http": proxy, "https": proxy}

    def uses_proxy(self, url: str) -> bool:
        """Return True if a request to this URL uses a proxy."""
        merged = self.merge_environment_settings(url, {}, True, None, None)
        return bool(requests.utils.select_proxy(url, merged["proxies"]))

    def get_redirect_target(self, resp: Any) -> None:
        """Yield nothing: the caller handles redirects."""
        return

    def transmit(
        self,
        prepared: requests.PreparedRequest,
        timeout: tuple[float, float] | None = None,
        *,
        whole: bool = False,
        certificate: str | tuple[str, str] | None = None,
    ) -> requests.Response:
        """Send one request, and return the response with its body unread.

        :param whole: ``http.answer_timeout`` includes the body, not only the response's header
        :param certificate: the client certificate's file, or a pair with its key's file
        :raises ConfigError: a file or folder of CA certificates is missing
        :raises requests.RequestException: as requests does
        """
        merged = self.merge_environment_settings(prepared.url, {}, True, None, certificate)
        try:
            with answer_within(self.settings.answer_timeout, body=whole):
                return self.send(prepared, allow_redirects=False, timeout=timeout or self.settings.timeout, **merged)
        except requests.RequestException:
            raise
        except LocationParseError as error:
            # Some invalid host names only fail when connecting, with an error that requests does not convert.
            raise requests.exceptions.InvalidURL(str(error)) from None
        except HTTPError as error:
            raise requests.ConnectionError(error) from error
        except UnicodeEncodeError as error:
            # A header that cannot be sent: its name or value has characters beyond Latin-1.
            raise requests.exceptions.InvalidHeader(str(error.reason)) from None
        except OSError as error:
            # requests reports a missing bundle with a plain OSError.
            if "certificate bundle" in str(error) or "TLS" in str(error):
                raise ConfigError(
                    "the file or folder of CA certificates cannot be used",
                    hint="see http.ca_bundle, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE",
                ) from None
            raise requests.ConnectionError(error) from error
