"""The HTTP session for all services."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hca_base import __version__
from hca_base.errors import HCAError, RefusedError, UnreachableError
from hca_base.http._addresses import Origin, check_redirect, origin_of, same_host
from hca_base.http._call import Auth, Body, Call, Redirect, RequestCredentials, Timeout, wire_params
from hca_base.http._exchange._sender import Sender
from hca_base.http._redirects import (
    HEADERS_FOR_OTHERS,
    MAX_REDIRECTS,
    become_get,
    change_method,
    location_of,
    redirect_origin,
)
from hca_base.http._retry import RetryPolicy, parse_retry_after
from hca_base.http._settings import HttpSettings, SupportsGet, parse_timeout
from hca_base.http._waits import REDIRECT_STATUSES, Wait, Waits, is_same_url, wait_of

if TYPE_CHECKING:
    import requests

    from hca_base.http._exchange._transport import Transport


class _Step(NamedTuple):
    """The wait before the next request of a call, if any."""

    wait: Wait | None
    seconds: float


class Session:
    """Call services; wait, retry and follow redirects as appropriate.

    One session may be shared by all threads.

    :param config: a ``Config`` (or a mapping of dotted names); None: built-in settings
    :param credentials: for all calls without their own ``credentials``
    :param user_agent: what comes after ``hca/VERSION`` in the header
    """

    def __init__(
        self,
        config: SupportsGet | None = None,
        *,
        credentials: RequestCredentials | None = None,
        user_agent: str | None = None,
    ) -> None:
        self.settings = HttpSettings.from_config(config)
        self.credentials = credentials
        self.user_agent = f"hca/{__version__} (Python {platform.python_version()}; {platform.system()})"
        if user_agent:
            self.user_agent += f" {user_agent}"
        self._sender = Sender(self.settings, self.user_agent)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: settings without the password of a proxy; no connections and no credentials."""
        return {"settings": self.settings.without_secrets(), "credentials": None, "user_agent": self.user_agent}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._sender = Sender(self.settings, self.user_agent)

    def __repr__(self) -> str:
        return f"<hca_base.http.Session {self.user_agent.split(' ', 1)[0]}>"

    @property
    def transport(self) -> Transport:
        """The ``requests.Session`` below: the user's proxies and certificates, no redirects, no repeats, no cookies.

        For libraries that want to be given a session (google-auth).
        """
        return self._sender.transport

    def close(self) -> None:
        """Close idle connections. Threads that wait for a server fail."""
        self._sender.close()

    def call(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
        json: Any = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        timeout: Timeout = None,
        policy: RetryPolicy | None = None,
        follow_waits: bool | Literal["repeat"] = True,
        wait_budget: float | None = None,
        redirect: Redirect = "follow",
        raise_for_status: bool = True,
        auth: Auth = "auto",
        credentials: RequestCredentials | None = None,
        max_body: int | None = None,
        sensitive: bool = False,
    ) -> requests.Response:
        """Send a request and return the response.

        :param params: query parameters; None values are left out, booleans become ``true`` and ``false``
        :param json: body to send as JSON
        :param data: body as bytes, text, a form (mapping), a file or an iterator
        :param stream: do not read the body of the response (see :func:`hca_base.http.iter_body`)
        :param timeout: seconds between reads, or (connect, read)
        :param policy: default: by the method
        :param follow_waits: wait if the service asks for it: a 301 with ``Retry-After`` within the host is followed
            with GET, a redirect with ``Retry-After`` to the same URL means the same request again; ``repeat``: only the
            latter, for callers that follow the other themselves
        :param wait_budget: maximum total seconds for these waits; default ``http.wait_budget``
        :param redirect: ``follow``: also to other hosts, with no credentials and none but harmless headers;
            ``same-host``: a redirect elsewhere is the answer; ``no``: any redirect is
        :param raise_for_status: False: return responses of status 400 and above like any other
        :param auth: ``required``: fail before sending if no credentials are available; ``no``: send none
        :param credentials: used instead of the session's
        :param max_body: maximum bytes of a response held in memory; default ``http.max_body``
        :param sensitive: the bodies contain credentials; ``--debug`` does not show them
        :return: the response; ``.history`` has the preceding redirects and waits
        :raises ServiceError: status 400 and above
        :raises AuthError: credentials are required, and none are available
        :raises UnreachableError: cannot connect, or the connection broke
        :raises TimedOutError: no response in time, or the server asks to wait longer than the budget
        :raises RefusedError: a redirect is not safe to follow
        :raises UsageError: the URL or a header cannot be sent
        """
        method = method.upper()
        call = Call(
            method=method,
            url=url,
            params=wire_params(params),
            headers=dict(headers or {}),
            body=Body(data, json),
            policy=policy if policy is not None else RetryPolicy.for_operation(method),
            timeout=parse_timeout(timeout, self.settings.timeout),
            stream=stream,
            max_body=self.settings.max_body if max_body is None else max_body,
            credentials=None if auth == "no" else credentials or self.credentials,
            auth=auth,
            start=origin_of(url),
            sensitive=sensitive,
        )
        waits = Waits(self.settings.wait_budget if wait_budget is None else wait_budget)
        history: list[requests.Response] = []
        while True:
            response = self._sender.send_with_retries(call)
            try:
                step = self._next_redirect(call, response, follow_waits, redirect, len(history) - waits.count)
            except HCAError:
                response.close()
                raise
            if step is None:
                break
            self._sender.discard(response)
            history.append(response)
            if step.wait is not None:
                self._sender.sleep(waits.next(step.seconds, call.start.host, step.wait))
        response.history = history
        return self._finish(call, response, raise_for_status)

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        """:meth:`call` with GET."""
        return self.call("GET", url, **kwargs)

    def _next_redirect(
        self,
        call: Call,
        response: requests.Response,
        follow_waits: bool | Literal["repeat"],
        redirect: Redirect,
        followed: int,
    ) -> _Step | None:
        """Change the call to the next request, and return the wait before it; None if the response is final."""
        if response.status_code not in REDIRECT_STATUSES:
            return None
        target = location_of(response, call.url)
        if target is None:
            return None
        current = origin_of(call.url)
        try:
            new = redirect_origin(target, current)
        except RefusedError:
            if redirect == "follow":
                raise
            # Such a URL is never followed, but callers may support, for example, s3: URLs.
            return None
        asked = response.url or call.url
        keys = frozenset(call.credentials.params_for(call.url)) if call.credentials is not None else frozenset()
        seconds = parse_retry_after(response.headers.get("Retry-After"))
        wait = wait_of(response.status_code, asked, target, seconds, ignored=keys)
        if wait is not None and (not follow_waits or (follow_waits == "repeat" and wait == "get")):
            return None
        if wait == "repeat":
            return _again(call, current, seconds or 0.0)
        if wait == "get":
            become_get(call)
        else:
            if redirect == "no" or (redirect == "same-host" and not same_host(current, new)):
                return None
            if followed >= MAX_REDIRECTS:
                raise UnreachableError(f"{call.start.host} redirects more than {MAX_REDIRECTS} times")
            check_redirect(call.start, current, new, resolve=not self.transport.uses_proxy(target))
            method = call.method
            change_method(call, response.status_code, current, new)
            if call.method == method and is_same_url(asked, target, ignored=keys):
                raise UnreachableError(f"{current.host} redirects this {method} to its own URL in a loop")
        if not same_host(current, new):
            call.credentials = None
            call.headers = {n: v for n, v in call.headers.items() if n.lower() in HEADERS_FOR_OTHERS}
        call.url, call.params, call.verbatim = target, [], True
        return _Step(wait, seconds or 0.0)

    def _finish(self, call: Call, response: requests.Response, raise_for_status: bool) -> requests.Response:
        from requests import RequestException

        from hca_base.http._errors import error_from_response, transport_error
        from hca_base.http._exchange._body import read_bounded

        if response.status_code in REDIRECT_STATUSES and not call.stream:
            try:
                read_bounded(response, call.max_body)
            except RequestException as error:
                raise transport_error(error, call.url) from None
        if response.status_code >= 400 and raise_for_status:
            raise error_from_response(response)
        return response


def _again(call: Call, origin: Origin, seconds: float) -> _Step:
    """Repeat the call unchanged: the service has not processed it."""
    if not call.body.replayable:
        raise RefusedError(f"{origin.host} asks to repeat this {call.method} later, but its body can be sent only once")
    call.body.rewind()
    return _Step("repeat", seconds)
