"""The session through which every service is called."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from hca_base import __version__
from hca_base.errors import AuthError, HCAError, RefusedError, UnreachableError
from hca_base.http._addresses import check_redirect, origin_of, same_host
from hca_base.http._call import Auth, Body, Call, Redirect, RequestCredentials, Timeout, wire_params
from hca_base.http._redirects import (
    HEADERS_FOR_OTHERS,
    MAX_REDIRECTS,
    REDIRECT_STATUSES,
    Waits,
    become_get,
    change_method,
    location_of,
    redirect_origin,
)
from hca_base.http._retry import RetryPolicy, parse_retry_after
from hca_base.http._settings import LONGEST, HttpSettings, SupportsGet, parse_timeout

if TYPE_CHECKING:
    import requests

    from hca_base.http._transport import Transport

#: Of an answer that is not followed any further: enough for any error message.
ERROR_BODY = 4 << 20
#: Seconds; a longer pause before a retry is announced.
LONG_PAUSE = 5.0
#: Bytes and seconds that an answer which nobody wants is read for, to keep its connection; a new one costs less.
DISCARD_BODY = 1 << 16
DISCARD_TIME = 2.0


class Session:
    """Calls services: waits where they ask for it, repeats what may be repeated, follows where it is safe to.

    One session may be shared by all threads.

    :param config: a ``Config`` (or a mapping of dotted names); None: built-in settings
    :param credentials: for all calls that do not bring their own
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
        self._transport: Transport | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        # host -> time.monotonic() before which a 429 forbids to ask it again
        self._not_before: dict[str, float] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<hca_base.http.Session {self.user_agent.split(' ', 1)[0]}>"

    @property
    def transport(self) -> Transport:
        """The ``requests.Session`` below: the user's proxies and certificates, no redirects, no repeats, no cookies.

        For libraries that want to be given a session (google-auth).
        """
        with self._lock:
            if self._transport is None:
                from hca_base.http._transport import Transport

                self._transport = Transport(self.settings, self.user_agent)
            return self._transport

    def close(self) -> None:
        """Drop idle connections, and wake threads that are waiting for a server's sake: they fail."""
        self._closed.set()
        with self._lock:
            if self._transport is not None:
                self._transport.close()

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
        follow_waits: bool = True,
        wait_budget: float | None = None,
        redirect: Redirect = "follow",
        raise_for_status: bool = True,
        auth: Auth = "auto",
        credentials: RequestCredentials | None = None,
        max_body: int | None = None,
    ) -> requests.Response:
        """Send a request and give back the answer.

        :param params: query parameters; None values are left out, booleans become ``true`` and ``false``
        :param json: body to be sent as JSON
        :param data: body as bytes, text, a form (mapping), a file or an iterator
        :param stream: leave the body of the answer to the caller (see :func:`hca_base.http.iter_body`)
        :param timeout: seconds between reads, or (connect, read)
        :param policy: default: by the method
        :param follow_waits: follow a 301 with ``Retry-After`` within the host, as GET, after waiting
        :param wait_budget: seconds for all such waits together; default ``http.wait_budget``
        :param redirect: ``follow``: also to other hosts, with no credentials and none but harmless headers;
            ``same-host``: a redirect elsewhere is the answer; ``no``: any redirect is
        :param raise_for_status: False: an answer of status 400 and above is given back as any other
        :param auth: ``required``: fail before sending where there are no credentials; ``no``: send none
        :param credentials: in place of the session's
        :param max_body: most bytes of an answer held in memory; default ``http.max_body``
        :return: the answer; ``.history`` has the redirects and waits that came before
        :raises ServiceError: status 400 and above
        :raises AuthError: credentials are required and there are none
        :raises UnreachableError: no connection, or it broke
        :raises TimedOutError: no answer in time, or the server makes us wait beyond the budget
        :raises RefusedError: a redirect that must not be followed
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
        )
        waits = Waits(self.settings.wait_budget if wait_budget is None else wait_budget)
        history: list[requests.Response] = []
        while True:
            response = self._with_repeats(call)
            try:
                step = self._next_step(call, response, follow_waits, redirect, len(history) - waits.count)
            except HCAError:
                response.close()
                raise
            if step is None:
                break
            url, pause = step
            self._discard(response)
            history.append(response)
            if pause is not None:
                self._sleep(waits.next(pause, call.start.host))
        response.history = history
        return self._finish(call, response, raise_for_status)

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        """:meth:`call` with GET."""
        return self.call("GET", url, **kwargs)

    # -- one request, repeated ---------------------------------------------------------------------------------------

    def _with_repeats(self, call: Call) -> requests.Response:
        """Send until there is an answer that a repeat would not better; 401 gets one more try with a new token."""
        from requests import RequestException

        from hca_base.http._errors import is_certificate_failure, is_connect_failure, transport_error

        policy = call.policy
        retries = self.settings.retries if policy.retries is None else policy.retries
        budget = self.settings.retry_budget if policy.budget is None else policy.budget
        may_repeat = policy.idempotent and call.body.replayable
        repeats = 0
        asked_for_token = False
        while True:
            retry_after = None
            failure: HCAError | None = None
            response: requests.Response | None = None
            limit = retries
            started = time.monotonic()
            try:
                response = self._attempt(call)
            except RequestException as error:
                failure = transport_error(error, call.url)
                if is_certificate_failure(error) or not isinstance(failure, UnreachableError):
                    raise failure from None
                if time.monotonic() - started >= self.settings.answer_timeout:
                    # It had all the time that an answer gets; asking again would give it as much again.
                    raise failure from None
                if is_connect_failure(error):
                    limit = min(retries, policy.connect_retries)
            if response is not None:
                if response.status_code == 401 and not asked_for_token and call.body.replayable:
                    asked_for_token = True
                    if call.credentials is not None and call.credentials.on_unauthorized(call.url):
                        self._discard(response)
                        call.body.rewind()
                        continue
                if response.status_code not in policy.statuses:
                    return response
                retry_after = parse_retry_after(response.headers.get("Retry-After"))
                if response.status_code == 429 and retry_after is not None:
                    self._hold_back(call.url, retry_after)
            repeats += 1
            pause = policy.pause(repeats, retry_after)
            if not may_repeat or repeats > limit or pause > budget:
                if failure is not None:
                    raise failure
                assert response is not None
                return response
            budget -= pause
            if response is not None:
                self._discard(response)
            _log_repeat(call, response, failure, repeats, limit, pause)
            self._sleep(pause)
            call.body.rewind()

    def _attempt(self, call: Call) -> requests.Response:
        """One request on the wire, and its answer; the body is read unless the caller wants to do that."""
        from hca_base.http._body import read_bounded
        from hca_base.http._bounded import bound_body
        from hca_base.http._trace import trace_body, trace_request, trace_response

        prepared = self._prepare(call)
        self._await_turn(call)
        trace_request(prepared)
        started = time.monotonic()
        response = self.transport.transmit(prepared, call.timeout, whole=not call.stream)
        trace_response(response, time.monotonic() - started)
        status = response.status_code
        if status in REDIRECT_STATUSES or (call.stream and status < 400):
            return response
        ends = started + self.settings.answer_timeout
        if status < 400:
            read_bounded(response, call.max_body, deadline=ends)
        else:
            # The status says it all: an error whose body is damaged or too long is that error all the same.
            bound_body(response, ends - time.monotonic())
            read_bounded(response, min(call.max_body, ERROR_BODY), deadline=ends, tolerant=True)
        trace_body(response)
        return response

    def _prepare(self, call: Call) -> requests.PreparedRequest:
        import requests

        params = list(call.params)
        headers = {"Accept": "application/json, */*;q=0.8", **call.headers}
        if call.credentials is not None:
            # Asked for each attempt: a long wait may outlive a token.
            own = {name.lower() for name in call.headers}
            given = dict(call.credentials.headers_for(call.url))
            keys = dict(call.credentials.params_for(call.url))
            if call.auth == "required" and not (given or keys or "authorization" in own):
                hint = getattr(call.credentials, "hint", "hca auth status")
                raise AuthError(f"{call.start.host} wants credentials for this, and there are none", hint=hint)
            for name, value in given.items():
                if name.lower() == "cookie" and "cookie" in own:
                    # One header for all cookies: that of the key goes beside those of the call.
                    key = next(each for each in headers if each.lower() == "cookie")
                    headers[key] = f"{headers[key]}; {value}"
                elif name.lower() not in own:
                    headers[name] = value
            if keys and not call.verbatim:
                # The link to a next page may have it already.
                present = {name for name, _ in parse_qsl(urlsplit(call.url).query, keep_blank_values=True)}
                params += [(name, value) for name, value in keys.items() if name not in present]
        request = requests.Request(
            call.method, call.url, params=params, data=call.body.data, json=call.body.json, headers=headers
        )
        try:
            prepared = self.transport.prepare_request(request)
        except UnicodeError as error:
            raise requests.exceptions.InvalidURL(str(error)) from None
        if call.verbatim and call.url.isascii() and call.url.isprintable() and " " not in call.url:
            # requests would rewrite escapes; a signature may cover them as they are.
            prepared.url = call.url
        return prepared

    # -- redirects and waits -----------------------------------------------------------------------------------------

    def _next_step(
        self, call: Call, response: requests.Response, follow_waits: bool, redirect: Redirect, followed: int
    ) -> tuple[str, float | None] | None:
        """Where to go from here, and how long to wait before; None where the answer is final. Changes the call."""
        if response.status_code not in REDIRECT_STATUSES:
            return None
        target = location_of(response, call.url)
        if target is None:
            return None
        here = origin_of(call.url)
        try:
            there = redirect_origin(target, here)
        except RefusedError:
            if redirect == "follow":
                raise
            # Not followed anyway: the caller may know what an s3: URL is good for.
            return None
        pause = parse_retry_after(response.headers.get("Retry-After"))
        is_wait = response.status_code == 301 and pause is not None and same_host(here, there)
        if is_wait:
            if not follow_waits:
                return None
            become_get(call)
        else:
            if redirect == "no" or (redirect == "same-host" and not same_host(here, there)):
                return None
            if followed >= MAX_REDIRECTS:
                raise UnreachableError(f"{call.start.host} redirects more than {MAX_REDIRECTS} times")
            check_redirect(call.start, here, there, resolve=not self.transport.uses_proxy(target))
            change_method(call, response.status_code, here, there)
        if not same_host(here, there):
            call.credentials = None
            call.headers = {n: v for n, v in call.headers.items() if n.lower() in HEADERS_FOR_OTHERS}
        call.url, call.params, call.verbatim = target, [], True
        return target, pause if is_wait else None

    def _discard(self, response: requests.Response) -> None:
        """Empty and release the connection of an answer that nobody wants; a long one is cut off instead."""
        from requests import RequestException

        from hca_base.http._body import read_bounded
        from hca_base.http._bounded import bound_body

        try:
            if not getattr(response, "_content_consumed", False):
                bound_body(response, DISCARD_TIME)
                read_bounded(response, DISCARD_BODY, deadline=time.monotonic() + DISCARD_TIME)
        except (RequestException, HCAError):
            pass
        response.close()

    def _finish(self, call: Call, response: requests.Response, raise_for_status: bool) -> requests.Response:
        from requests import RequestException

        from hca_base.http._body import read_bounded
        from hca_base.http._errors import error_from_response, transport_error

        if response.status_code in REDIRECT_STATUSES and not call.stream:
            try:
                read_bounded(response, call.max_body)
            except RequestException as error:
                raise transport_error(error, call.url) from None
        if response.status_code >= 400 and raise_for_status:
            raise error_from_response(response)
        return response

    # -- pauses ------------------------------------------------------------------------------------------------------

    def _sleep(self, seconds: float) -> None:
        if self._closed.wait(min(seconds, LONGEST)):
            raise UnreachableError("the session was closed while it waited for the server")

    def _hold_back(self, url: str, seconds: float) -> None:
        """Let no thread ask this host again before it wants to be asked."""
        host = urlsplit(url).netloc
        with self._lock:
            until = time.monotonic() + min(seconds, self.settings.retry_budget)
            self._not_before[host] = max(until, self._not_before.get(host, 0.0))

    def _await_turn(self, call: Call) -> None:
        if not self._not_before:
            return
        with self._lock:
            until = self._not_before.get(urlsplit(call.url).netloc, 0.0)
        remaining = until - time.monotonic()
        if remaining > 0:
            self._sleep(remaining)


def _log_repeat(
    call: Call, response: requests.Response | None, failure: HCAError | None, repeat: int, limit: int, pause: float
) -> None:
    import logging

    why = f"status {response.status_code}" if response is not None else str(failure)
    # Without a word, a long pause looks as if the program were stuck.
    level = logging.WARNING if pause >= LONG_PAUSE else logging.INFO
    logging.getLogger("hca.http").log(
        level, "%s: %s; repeat %d of %d in %.1f s", call.start.host, why, repeat, limit, pause
    )
