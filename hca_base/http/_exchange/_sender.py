"""Send one request: with current credentials, respecting rate limits, and with retries if that is safe."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from hca_base._fork import reset_after_fork
from hca_base.errors import HCAError, UnreachableError
from hca_base.http._call import Call
from hca_base.http._retry import parse_retry_after
from hca_base.http._settings import LONGEST, HttpSettings
from hca_base.http._waits import REDIRECT_STATUSES

if TYPE_CHECKING:
    import requests

    from hca_base.http._exchange._transport import Transport

#: Maximum bytes read of a discarded response: enough for any error message.
ERROR_BODY = 4 << 20
#: Announce pauses before a retry that are longer than this (seconds).
LONG_PAUSE = 5.0


class Sender:
    """Sends requests over shared connections, for all threads of a session.

    :param settings: retries, budgets and sizes
    :param user_agent: header of every request
    """

    def __init__(self, settings: HttpSettings, user_agent: str) -> None:
        self.settings = settings
        self.user_agent = user_agent
        self._after_fork()
        reset_after_fork(self)

    def _after_fork(self) -> None:
        self._transport: Transport | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        # host -> time.monotonic() until which a 429 forbids requests
        self._not_before: dict[str, float] = {}

    @property
    def transport(self) -> Transport:
        """The underlying ``requests.Session``, created at first use."""
        with self._lock:
            if self._transport is None:
                from hca_base.http._exchange._transport import Transport

                self._transport = Transport(self.settings, self.user_agent)
            return self._transport

    def close(self) -> None:
        """Close idle connections, and make waiting threads fail."""
        self._closed.set()
        with self._lock:
            if self._transport is not None:
                self._transport.close()

    def send_with_retries(self, call: Call) -> requests.Response:
        """Send the request, retrying transient failures; after a 401, refresh the token and retry once."""
        from requests import RequestException

        retries = _Retries(call, self.settings)
        token_renewed = False
        while True:
            failure: HCAError | None = None
            response: requests.Response | None = None
            started = time.monotonic()
            try:
                response = self._send_once(call)
            except RequestException as error:
                failure = retries.failure(error, time.monotonic() - started)
            if response is not None:
                if response.status_code == 401 and not token_renewed and call.body.replayable:
                    token_renewed = True
                    if call.credentials is not None and call.credentials.on_unauthorized(call.url):
                        self.discard(response)
                        call.body.rewind()
                        continue
                if response.status_code not in call.policy.statuses:
                    return response
            pause = retries.next_pause(response)
            if response is not None and response.status_code == 429 and retries.retry_after is not None:
                self._defer_host(call.url, retries.retry_after)
            if pause is None:
                if failure is not None:
                    raise failure
                assert response is not None
                return response
            if response is not None:
                self.discard(response)
            retries.log(response, failure, pause)
            self.sleep(pause)
            call.body.rewind()

    def _send_once(self, call: Call) -> requests.Response:
        """Send once, and read the body of the response unless the caller does so."""
        from hca_base.http._exchange._body import read_bounded
        from hca_base.http._exchange._bounded import bound_body
        from hca_base.http._exchange._trace import trace_body, trace_request, trace_response

        prepared = self._prepare(call)
        self._wait_for_host(call)
        trace_request(prepared, sensitive=call.sensitive)
        started = time.monotonic()
        certificate = call.credentials.certificate_for(call.url) if call.credentials is not None else None
        response = self.transport.transmit(prepared, call.timeout, whole=not call.stream, certificate=certificate)
        trace_response(response, time.monotonic() - started)
        status = response.status_code
        if status in REDIRECT_STATUSES or (call.stream and status < 400):
            return response
        ends = started + self.settings.answer_timeout
        if status < 400:
            read_bounded(response, call.max_body, deadline=ends)
        else:
            # Report the status even if the body that explains it is damaged or too long.
            bound_body(response, ends - time.monotonic())
            read_bounded(response, min(call.max_body, ERROR_BODY), deadline=ends, tolerant=True)
        trace_body(response, sensitive=call.sensitive)
        return response

    def _prepare(self, call: Call) -> requests.PreparedRequest:
        import requests

        params = list(call.params)
        headers = {"Accept": "application/json, */*;q=0.8", **call.headers}
        if call.credentials is not None:
            # For each attempt, because a token may expire during a long wait.
            _add_credentials(call, headers, params)
        request = requests.Request(
            call.method, call.url, params=params, data=call.body.data, json=call.body.json, headers=headers
        )
        try:
            prepared = self.transport.prepare_request(request)
        except UnicodeError as error:
            raise requests.exceptions.InvalidURL(str(error)) from None
        if call.verbatim and call.url.isascii() and call.url.isprintable() and " " not in call.url:
            # requests would normalize escapes, which may invalidate a signature.
            prepared.url = call.url
        return prepared

    def discard(self, response: requests.Response) -> None:
        """Discard a response and release its connection; close the connection if the response is long."""
        from hca_base.http._exchange._body import discard_body

        discard_body(response)

    def sleep(self, seconds: float) -> None:
        """Pause this thread.

        :raises UnreachableError: the session was closed meanwhile
        """
        if self._closed.wait(min(seconds, LONGEST)):
            raise UnreachableError("the session was closed while waiting for the server")

    def _defer_host(self, url: str, seconds: float) -> None:
        """Make all threads wait before their next request to this host."""
        host = urlsplit(url).netloc
        with self._lock:
            until = time.monotonic() + min(seconds, self.settings.retry_budget)
            self._not_before[host] = max(until, self._not_before.get(host, 0.0))

    def _wait_for_host(self, call: Call) -> None:
        if not self._not_before:
            return
        with self._lock:
            until = self._not_before.get(urlsplit(call.url).netloc, 0.0)
        remaining = until - time.monotonic()
        if remaining > 0:
            self.sleep(remaining)


class _Retries:
    """The remaining retries of one call."""

    def __init__(self, call: Call, settings: HttpSettings) -> None:
        policy = call.policy
        self.call = call
        self.allowed = policy.idempotent and call.body.replayable
        self.retries = settings.retries if policy.retries is None else policy.retries
        self.limit = self.retries
        self.budget = settings.retry_budget if policy.budget is None else policy.budget
        self.answer_timeout = settings.answer_timeout
        self.count = 0
        self.retry_after: float | None = None

    def failure(self, error: requests.RequestException, seconds: float) -> HCAError:
        """Return the error for a failed attempt; raise it if no retry can help.

        :param seconds: duration of the attempt
        """
        from hca_base.http._errors import is_certificate_failure, is_connect_failure, transport_error

        failure = transport_error(error, self.call.url)
        if is_certificate_failure(error) or not isinstance(failure, UnreachableError):
            raise failure from None
        if seconds >= min(self.answer_timeout, self.call.policy.longest_attempt):
            # The attempt used the full response timeout; a retry would double it.
            raise failure from None
        self.limit = min(self.retries, self.call.policy.connect_retries) if is_connect_failure(error) else self.retries
        return failure

    def next_pause(self, response: requests.Response | None) -> float | None:
        """Return the seconds to wait before the next retry; None if no retries are left."""
        if response is not None:
            self.limit = self.retries
        self.retry_after = parse_retry_after(response.headers.get("Retry-After")) if response is not None else None
        self.count += 1
        pause = self.call.policy.pause(self.count, self.retry_after)
        if not self.allowed or self.count > self.limit or pause > self.budget:
            return None
        self.budget -= pause
        return pause

    def log(self, response: requests.Response | None, failure: HCAError | None, pause: float) -> None:
        """Log the reason for a retry."""
        import logging

        why = f"status {response.status_code}" if response is not None else str(failure)
        host = self.call.start.host
        # During a long pause, the program would appear to hang.
        level = logging.WARNING if pause >= LONG_PAUSE else logging.INFO
        logging.getLogger("hca.http").log(
            level, "%s: %s; retry %d of %d in %.1f s", host, why, self.count, self.limit, pause
        )


def _add_credentials(call: Call, headers: dict[str, str], params: list[tuple[str, str]]) -> None:
    """Add the credentials for this request; values set by the caller are kept."""
    credentials = call.credentials
    assert credentials is not None
    own = {name.lower() for name in call.headers}
    given = dict(credentials.headers_for(call.url))
    keys = dict(credentials.params_for(call.url))
    if call.auth == "required" and not (given or keys or "authorization" in own):
        refusal = None if credentials.certificate_for(call.url) else credentials.refusal(call.start.host)
        if refusal is not None:
            raise refusal
    for name, value in given.items():
        if name.lower() == "cookie" and "cookie" in own:
            # All cookies share one header, so add the key's cookie to those of the call.
            key = next(each for each in headers if each.lower() == "cookie")
            headers[key] = f"{headers[key]}; {value}"
        elif name.lower() not in own:
            headers[name] = value
    if keys and not call.verbatim:
        # The link to a next page may already contain it.
        present = {name for name, _ in parse_qsl(urlsplit(call.url).query, keep_blank_values=True)}
        params += [(name, value) for name, value in keys.items() if name not in present]
