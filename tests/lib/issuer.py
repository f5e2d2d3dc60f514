"""An OAuth issuer and a service that trusts it, on loopback, realistic but minimal."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

CANARY = "canary"


class Issuer:
    """Code + PKCE, refresh with rotation, device flow, revocation; and an API that requires its access tokens.

    Attributes change its behaviour; ``requests`` records (method, path, parameters, headers).
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], dict[str, str]]] = []
        self.lifetime: float | None = 3600
        self.client_secret: str | None = None
        self.auth_method = "post"
        self.deny = False
        self.refresh_answer: Callable[[], tuple[int, Any]] | None = None
        self.token_answer: Callable[[], tuple[int, Any]] | None = None
        self.token_redirect: str | None = None
        self.refresh_delay = 0.0
        self.rotate = True
        self.state_override: str | None = None
        self.redirect_uris: list[str] = ["http://127.0.0.1"]
        self.with_secrets = True
        self.with_discovery = True
        self.device_polls_before = 1
        self.device_outcome: str | None = None
        self.id_token_claims: dict[str, Any] = {}
        #: None: no such endpoint; else it responds to tokens that were issued, and to others with this status
        self.userinfo_refusal: int | None = None
        self.subject = "u1"
        #: seconds between two bytes of the discovery document
        self.drip = 0.0
        self.granted_scope: str | None = None
        self.lock = threading.Lock()
        self.codes: dict[str, dict[str, str]] = {}
        self.refresh_tokens: set[str] = set()
        self.access_tokens: dict[str, float] = {}
        self.revoked: list[str] = []
        self.polls = 0
        self.server = IssuerServer(self)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def asked(self, path: str, **parameters: str) -> list[dict[str, str]]:
        """The parameters of the requests for a path."""
        return [
            found
            for _, where, found, _ in self.requests
            if where == path and all(found.get(name) == value for name, value in parameters.items())
        ]

    def issue(self, nonce: str | None = None) -> dict[str, Any]:
        """The response of the token endpoint."""
        lifetime = self.lifetime
        access = f"{CANARY}-access-{secrets.token_hex(8)}"
        refresh = f"{CANARY}-refresh-{secrets.token_hex(8)}"
        self.access_tokens[access] = time.time() + (lifetime if lifetime is not None else 3600)
        self.refresh_tokens.add(refresh)
        claims = {
            "iss": self.url,
            "aud": "toy-client",
            "sub": "u1",
            "email": "user@example.org",
            "nonce": nonce,
            # The issuer's clock is an hour slow: times in ID tokens must not matter.
            "iat": int(time.time()) - 7200,
            "exp": int(time.time()) - 3600,
            **self.id_token_claims,
        }
        answer: dict[str, Any] = {
            "access_token": access,
            "token_type": "Bearer",
            "refresh_token": refresh,
            "id_token": unsigned_jwt(claims),
        }
        if lifetime is not None:
            answer["expires_in"] = lifetime
        if self.granted_scope is not None:
            answer["scope"] = self.granted_scope
        return answer

    def application_secrets(self) -> dict[str, Any]:
        inner = {
            "auth_uri": f"{self.url}/authorize",
            "token_uri": f"{self.url}/token",
            "client_id": "toy-client",
            "redirect_uris": self.redirect_uris,
        }
        if self.client_secret is not None:
            inner["client_secret"] = self.client_secret
        return {"installed": inner}

    def discovery(self) -> dict[str, Any]:
        userinfo = {} if self.userinfo_refusal is None else {"userinfo_endpoint": f"{self.url}/userinfo"}
        return {
            **userinfo,
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "device_authorization_endpoint": f"{self.url}/device",
            "revocation_endpoint": f"{self.url}/revoke",
            "scopes_supported": ["openid", "email", "offline_access"],
            "token_endpoint_auth_methods_supported": [f"client_secret_{self.auth_method}"],
        }


class IssuerServer(http.server.ThreadingHTTPServer):
    """The issuer's socket."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        super().__init__(("127.0.0.1", 0), IssuerHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class IssuerHandler(http.server.BaseHTTPRequestHandler):
    """Handles requests for the issuer of its server."""

    server: IssuerServer
    protocol_version = "HTTP/1.1"

    @property
    def issuer(self) -> Issuer:
        return self.server.issuer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self._note(parts.path, query)
        if parts.path == "/internal/application_secrets" and self.issuer.with_secrets:
            self._json(200, self.issuer.application_secrets())
        elif parts.path == "/.well-known/openid-configuration" and self.issuer.with_discovery:
            self._json(200, self.issuer.discovery(), self.issuer.drip)
        elif parts.path == "/authorize":
            self._authorize(query)
        elif parts.path == "/userinfo" and self.issuer.userinfo_refusal is not None:
            known = (self.headers.get("Authorization") or "").removeprefix("Bearer ") in self.issuer.access_tokens
            self._json(
                *(
                    (200, {"sub": self.issuer.subject})
                    if known
                    else (self.issuer.userinfo_refusal, {"error": "invalid_token"})
                )
            )
        elif parts.path == "/v1/thing":
            self._thing()
        elif parts.path == "/v1/swagger.json":
            self._json(200, document(self.issuer.url))
        else:
            self._json(404, {"message": "no such page"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        self._note(self.path, form)
        if not self._client_is_known(form):
            self._json(401, {"error": "invalid_client", "error_description": f"about {form}"})
        elif self.path == "/token":
            self._token(form)
        elif self.path == "/device":
            self._json(
                200,
                {
                    "device_code": f"{CANARY}-device-code",
                    "user_code": "WDJB-MJHT",
                    "verification_uri": f"{self.issuer.url}/enter\x1b[31m",
                    "expires_in": 30,
                    "interval": 0.05,
                },
            )
        elif self.path == "/revoke":
            self.issuer.revoked.append(form.get("token", ""))
            self._json(200, {})
        else:
            self._json(404, {})

    def _note(self, path: str, parameters: dict[str, str]) -> None:
        with self.issuer.lock:
            self.issuer.requests.append((self.command, path, parameters, dict(self.headers.items())))

    def _client_is_known(self, form: dict[str, str]) -> bool:
        if self.issuer.client_secret is None:
            return form.get("client_id") == "toy-client" and "Authorization" not in self.headers
        if self.issuer.auth_method == "basic":
            pair = base64.b64encode(f"toy-client:{self.issuer.client_secret}".encode()).decode()
            return self.headers.get("Authorization") == f"Basic {pair}" and "client_secret" not in form
        return (form.get("client_id"), form.get("client_secret")) == ("toy-client", self.issuer.client_secret)

    def _authorize(self, query: dict[str, str]) -> None:
        state = self.issuer.state_override or query["state"]
        if self.issuer.deny:
            answer = {"error": "access_denied", "state": state}
        else:
            code = f"{CANARY}-code-{secrets.token_hex(6)}"
            with self.issuer.lock:
                self.issuer.codes[code] = query
            answer = {"code": code, "state": state}
        self.send_response(302)
        self.send_header("Location", f"{query['redirect_uri']}?{urlencode(answer)}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _token(self, form: dict[str, str]) -> None:
        kind = form.get("grant_type")
        if self.issuer.token_redirect is not None:
            self.send_response(307)
            self.send_header("Location", self.issuer.token_redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.issuer.token_answer is not None and kind != "refresh_token":
            self._json(*self.issuer.token_answer())
        elif kind == "authorization_code":
            self._exchange(form)
        elif kind == "refresh_token":
            self._refresh(form)
        elif kind == "urn:ietf:params:oauth:grant-type:device_code":
            self._poll(form)
        else:
            self._json(400, {"error": "unsupported_grant_type"})

    def _exchange(self, form: dict[str, str]) -> None:
        with self.issuer.lock:
            asked = self.issuer.codes.pop(form.get("code", ""), None)
        verifier = form.get("code_verifier", "")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if (
            asked is None
            or asked.get("code_challenge_method") != "S256"
            or asked.get("code_challenge") != challenge
            or asked.get("redirect_uri") != form.get("redirect_uri")
        ):
            self._json(400, {"error": "invalid_grant", "error_description": f"about {form}"})
            return
        self._json(200, self.issuer.issue(asked.get("nonce")))

    def _refresh(self, form: dict[str, str]) -> None:
        time.sleep(self.issuer.refresh_delay)
        if self.issuer.refresh_answer is not None:
            self._json(*self.issuer.refresh_answer())
            return
        with self.issuer.lock:
            known = form.get("refresh_token", "") in self.issuer.refresh_tokens
            if known and self.issuer.rotate:
                self.issuer.refresh_tokens.discard(form["refresh_token"])
        if not known:
            self._json(400, {"error": "invalid_grant", "error_description": f"about {form}"})
            return
        answer = self.issuer.issue()
        if not self.issuer.rotate:
            del answer["refresh_token"]
        self._json(200, answer)

    def _poll(self, form: dict[str, str]) -> None:
        self.issuer.polls += 1
        if form.get("device_code") != f"{CANARY}-device-code":
            self._json(400, {"error": "invalid_grant"})
        elif self.issuer.polls <= self.issuer.device_polls_before:
            self._json(400, {"error": "authorization_pending"})
        elif self.issuer.device_outcome is not None:
            self._json(400, {"error": self.issuer.device_outcome})
        else:
            self._json(200, self.issuer.issue())

    def _thing(self) -> None:
        _, _, token = self.headers.get("Authorization", "").partition(" ")
        if self.issuer.access_tokens.get(token, 0) > time.time():
            self._json(200, {"thing": 1})
        else:
            self._json(401, {"status": 401, "code": "Unauthorized", "title": "Authorization token is invalid"})

    def _json(self, status: int, data: Any, drip: float = 0.0) -> None:
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for start in range(0, len(body), 1 if drip else len(body) or 1):
            self.wfile.write(body[start : start + 1] if drip else body)
            time.sleep(drip)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def unsigned_jwt(claims: dict[str, Any]) -> str:
    def part(data: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256'})}.{part(claims)}.{base64.urlsafe_b64encode(b'signature').decode()}"


def document(url: str) -> dict[str, Any]:
    """A service with one operation that requires a login."""
    return {
        "swagger": "2.0",
        "info": {"title": "Toy", "version": "1"},
        "host": urlsplit(url).netloc,
        "schemes": ["http"],
        "basePath": "/v1",
        "securityDefinitions": {
            "login": {
                "type": "oauth2",
                "flow": "accessCode",
                "authorizationUrl": f"{url}/authorize",
                "tokenUrl": f"{url}/token",
                "scopes": {"openid": "", "email": "", "offline_access": ""},
            }
        },
        "paths": {
            "/thing": {
                "get": {"summary": "A thing.", "security": [{"login": []}], "responses": {"200": {"description": "ok"}}}
            }
        },
    }
