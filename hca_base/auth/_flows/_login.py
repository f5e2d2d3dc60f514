"""Log in: authorization code with PKCE in a local or remote browser, device flow, or the user's token.

The URL and the exchange come from google-auth-oauthlib's ``Flow``. Its local server is not used: it prints to stdout,
waits forever, and fails without a browser.
"""

from __future__ import annotations

import contextlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hca_base._service import ServiceLike
from hca_base.auth._flows import _terminal
from hca_base.auth._flows._client_settings import OAuthClient, oauth_client
from hca_base.auth._flows._device import device_login
from hca_base.auth._flows._direct import DIRECT_FLOWS, direct_login
from hca_base.auth._flows._endpoint import OAuthError, record_from_answer, token_request
from hca_base.auth._flows._oauthlib import login_failure, oauthlib_settings
from hca_base.auth._flows._receiver import Receiver
from hca_base.auth._providers._where import no_base_url, scheme_of, service_hosts, setting
from hca_base.auth._stores._records import Record, jwt_claims, text
from hca_base.auth._stores._store import TokenStore, account_name, open_store, scheme_account
from hca_base.errors import AuthError, HCAError, UsageError
from hca_base.http import Session, answer_within, remember_secret

#: Seconds for the user to log in.
LOGIN_TIMEOUT = 600.0
#: Seconds for the issuer's complete response to the code.
EXCHANGE_TIME = 60.0

Say = Callable[[str], None]


def login(
    service: ServiceLike,
    config: Any,
    *,
    remote: bool = False,
    device: bool = False,
    open_browser: bool = True,
    base_url: str | None = None,
    security_schemes: Mapping[str, Mapping[str, Any]] | None = None,
    session: Session | None = None,
    store: TokenStore | None = None,
    timeout: float | None = None,
    say: Say | None = None,
    ask: Callable[[str], str] | None = None,
    ask_secret: Callable[[str], str] | None = None,
    username: str | None = None,
    name: str | None = None,
) -> Record:
    """Log in to a service, and store the login.

    :param remote: the browser is on another machine; the user pastes the URL that it shows
    :param device: the device flow (RFC 8628): the user types a code into a page on any device
    :param base_url: URL of the service; default: from its settings
    :param timeout: seconds for the user to log in
    :param say: shows a line to the user; default: on stderr
    :param ask: prompts the user for a line; default: on stderr and stdin
    :param ask_secret: prompts the user for a line without echo; default: on the terminal
    :param username: for services that log in with a user name and password
    :param name: of the scheme to log in to, if the service has several
    :return: the stored record
    :raises AuthError: the login is not possible, denied, or a response is not valid
    :raises TimedOutError: the user did not log in
    :raises UnreachableError: the issuer does not respond
    """
    say = say or _terminal.say
    session = session or Session(config)
    hosts = service_hosts(service, config, base_url)
    if not hosts:
        raise no_base_url(service)
    client = oauth_client(service, config, session, base_url=base_url or hosts[0], security_schemes=security_schemes)
    seconds = timeout if timeout is not None else _timeout(config)
    extra: Mapping[str, Any] = {}
    kind = scheme_of(service, security_schemes).flow
    if kind in DIRECT_FLOWS and client.authorization_url is None and not device:
        answer, extra = direct_login(
            kind,
            client,
            session,
            username=username,
            ask=ask or _terminal.ask,
            ask_secret=ask_secret or _terminal.ask_secret,
        )
    elif device:
        answer = device_login(client, session, say, seconds)
    else:
        flow = _Flow(client, session)
        if remote:
            answer = flow.by_paste(_remote_redirect(config, service), say, ask or _terminal.ask)
        else:
            answer = flow.by_browser(_redirect_port(config, service), say, open_browser, seconds)
    known = {key: value for key, value in extra.items() if value}
    record = record_from_answer(answer, {**_base(client, hosts), **known})
    account = account_name(getattr(config, "profile", None), service.name)
    (store or open_store(config)).put(scheme_account(account, name) if name else account, record)
    return record


def logout(
    service: ServiceLike, config: Any, *, store: TokenStore | None = None, session: Session | None = None
) -> bool:
    """Delete the stored login or key of a service, and revoke it at the issuer if possible.

    :return: False if nothing was stored
    """
    store = store or open_store(config)
    account = account_name(getattr(config, "profile", None), service.name)
    record = None
    with contextlib.suppress(HCAError):
        record = store.get(account)
    forgotten = store.delete(account)
    for each in store.accounts():
        if each.startswith(scheme_account(account, "")):
            forgotten = store.delete(each) or forgotten
    if record is not None and text(record.get("revocation_url")) and text(record.get("refresh_token")):
        # RFC 7009. The local token is deleted even if this fails.
        with contextlib.suppress(HCAError):
            token_request(
                session or Session(config),
                record["revocation_url"],
                {"token": record["refresh_token"], "token_type_hint": "refresh_token"},
                client_id=record.get("client_id", ""),
                client_secret=text(record.get("client_secret")),
                auth_method=text(record.get("auth_method")),
            )
    return forgotten


def _base(client: OAuthClient, hosts: list[str]) -> dict[str, Any]:
    members = {
        "hosts": hosts,
        "token_url": client.token_url,
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "auth_method": client.auth_method,
        "revocation_url": client.revocation_url,
        "issuer": client.issuer,
    }
    return {name: value for name, value in members.items() if value}


class _Flow:
    """One authorization-code login."""

    def __init__(self, client: OAuthClient, session: Session) -> None:
        if client.authorization_url is None:
            raise AuthError("the URL of the login page is not known", hint="set auth.authorization_url, or auth.issuer")
        self.client = client
        self.session = session
        self.state = secrets.token_urlsafe(24)
        self.nonce = secrets.token_urlsafe(24)
        self.redirect_uri = ""
        remember_secret(self.state)

    def by_browser(self, port: int | None, say: Say, open_browser: bool, seconds: float) -> dict[str, Any]:
        with Receiver(self.client.redirect_uris, port) as receiver:
            self.redirect_uri, self.state = receiver.redirect_uri, receiver.state
            flow, url = self._start()
            if open_browser and _terminal.open_page(url):
                say(f"Opening the login page in your browser. If it does not open, go to:\n{url}")
            else:
                say(f"Open this page in a browser on this machine (for a browser elsewhere, use --remote):\n{url}")
            say(f"Waiting up to {_minutes(seconds)} for the login; press Ctrl-C to cancel.")
            answer = receiver.wait(seconds)
        return self._exchange(flow, answer)

    def by_paste(self, redirect_uri: str | None, say: Say, ask: Callable[[str], str]) -> dict[str, Any]:
        self.redirect_uri = redirect_uri or _pasteable(self.client.redirect_uris)
        flow, url = self._start()
        say(
            f"Open this page in any browser, and log in:\n{url}\n"
            "The browser is then sent to a page that it may not be able to show. "
            "Copy its whole address, or the code in it."
        )
        pasted = ask("Address or code: ").strip()
        if not pasted:
            raise AuthError("no code entered", hint="use 'hca login --remote', and paste what the browser shows")
        return self._exchange(flow, _parameters(pasted, self.state))

    def _start(self) -> tuple[Any, str]:
        from google_auth_oauthlib.flow import Flow

        client = self.client
        with oauthlib_settings(client):
            flow = Flow.from_client_config(
                {
                    "installed": {
                        "auth_uri": client.authorization_url,
                        "token_uri": client.token_url,
                        "client_id": client.client_id,
                        "client_secret": client.client_secret or "",
                    }
                },
                scopes=list(client.scopes),
                redirect_uri=self.redirect_uri,
            )
            extra = {"audience": client.audience} if client.audience else {}
            if "offline_access" in client.scopes:
                # OpenID Connect Core, 11: without it an issuer may omit the refresh token.
                extra["prompt"] = "consent"
            url, _ = flow.authorization_url(state=self.state, nonce=self.nonce, **extra)
        remember_secret(flow.code_verifier)
        return flow, str(url)

    def _exchange(self, flow: Any, answer: Mapping[str, str]) -> dict[str, Any]:
        if not hmac.compare_digest(answer.get("state", "").encode(), self.state.encode()):
            raise AuthError("the login page's response does not belong to this login (wrong state)")
        if self.client.issuer and answer.get("iss", self.client.issuer).rstrip("/") != self.client.issuer.rstrip("/"):
            # RFC 9207: never send one issuer's code to another.
            raise AuthError("the login page's response is from another issuer")
        if "error" in answer:
            code = answer["error"] if answer["error"].replace("_", "").isalnum() else "error"
            words = "the login was denied" if code == "access_denied" else f"the issuer refused the login: {code[:60]}"
            raise OAuthError(code, words)
        given = text(answer.get("code"))
        if given is None:
            raise AuthError("the login page's response has no code")
        remember_secret(given)
        token = self._fetch(flow, given)
        self._check_id_token(token.get("id_token"))
        return token

    def _fetch(self, flow: Any, code: str) -> dict[str, Any]:
        client = self.client
        oauth = flow.oauth2session
        # The usual proxies and certificates, no netrc, and no redirects, which would forward the code.
        transport = self.session.transport
        oauth.merge_environment_settings = transport.merge_environment_settings
        oauth.get_redirect_target = transport.get_redirect_target
        for scheme in ("https://", "http://"):
            # Its connections limit the time of the whole response; those of requests only limit pauses.
            oauth.mount(scheme, transport.get_adapter(scheme))
        oauth.headers["User-Agent"] = self.session.user_agent
        options: dict[str, Any] = {"include_client_id": True}
        if client.client_secret and client.auth_method == "basic":
            from requests.auth import HTTPBasicAuth

            options = {"auth": HTTPBasicAuth(client.client_id, client.client_secret), "include_client_id": False}
        with oauthlib_settings(client):
            try:
                with answer_within(min(EXCHANGE_TIME, self.session.settings.answer_timeout), body=True):
                    token = dict(flow.fetch_token(code=code, timeout=(10, 30), **options))
            except Exception as error:  # noqa: BLE001 - of requests, urllib3, oauthlib; their texts may hold the answer
                raise login_failure(error, client.token_url) from None
        if isinstance(token.get("scope"), list):  # oauthlib's own form
            token["scope"] = " ".join(token["scope"])
        return token

    def _check_id_token(self, token: object) -> None:
        """Check the audience and nonce of an ID token, which came directly from the issuer over a secure connection.

        Its times are not checked, because the local clock may be wrong.
        """
        claims = jwt_claims(token)
        if not claims:
            return
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if self.client.client_id not in audiences:
            raise AuthError("the issuer's ID token is for another client")
        if claims.get("nonce") not in (None, self.nonce):
            raise AuthError("the issuer's ID token belongs to another login (wrong nonce)")


def _parameters(pasted: str, state: str) -> dict[str, str]:
    """Parse a pasted URL or code. A bare code has no state; PKCE still binds it to this login."""
    if "://" in pasted or pasted.startswith("?") or "code=" in pasted or "error=" in pasted:
        query = urlsplit(pasted).query if "?" in pasted else pasted.partition("#")[2] or pasted
        return {name: values[0] for name, values in parse_qs(query).items()}
    return {"code": pasted, "state": state}


def _pasteable(redirect_uris: tuple[str, ...]) -> str:
    """Return a redirect URI for this kind of client, which does not need a listener."""
    for uri in redirect_uris:
        if uri.startswith("http://"):
            return uri if urlsplit(uri).path else uri + "/"
    return "http://127.0.0.1/"


def _remote_redirect(config: Any, service: Any) -> str | None:
    return text(setting(config, service, "remote_redirect_uri"))


def _redirect_port(config: Any, service: Any) -> int | None:
    value = setting(config, service, "redirect_port")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 65536:
        raise UsageError(f"auth.redirect_port must be a port number, not {value!r}")
    return value


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


def _timeout(config: Any) -> float:
    value = config.get("auth.login_timeout", None) if config is not None else None
    if value is None:
        return LOGIN_TIMEOUT
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        raise UsageError(f"auth.login_timeout must be a number of seconds, not {value!r}")
    return float(value)
