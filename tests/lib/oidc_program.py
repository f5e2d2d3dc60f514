"""A client that logs people in at the embedded OpenID provider, and its browser."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import secrets
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

REDIRECT = "http://127.0.0.1:43210/"
SECRET = ("hca-local", "not-a-secret")


class Page(html.parser.HTMLParser):
    """The form of a page, with the data that it would send."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.people: list[str] = []
        self.buttons: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        members = dict(attrs)
        if tag == "input" and members.get("type") == "hidden":
            self.fields[members["name"]] = members["value"]
        elif tag == "input" and members.get("type") == "radio":
            self.people.append(members["value"])
            if "checked" in members:
                self.fields[members["name"]] = members["value"]
        elif tag == "button" and "value" in members:
            self.buttons.append(members["value"])


class Program:
    """A client that logs people in, and its browser."""

    def __init__(self, api: str, client: str = "hca-local-public", secret: str | None = None) -> None:
        self.issuer = f"{api}/auth"
        self.client, self.secret = client, secret
        self.browser = requests.Session()
        self.verifier = secrets.token_urlsafe(48)

    def request(self, **changes: str | None) -> str:
        """The URL of the login page; None in the changes removes a member."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        members: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": REDIRECT,
            "scope": "openid email offline_access",
            "state": "a state & more=%20é",
            "nonce": "n-123",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        return f"{self.issuer}/authorize?{urlencode({k: v for k, v in members.items() if v is not None})}"

    def open(self, url: str) -> requests.Response:
        return self.browser.get(url, allow_redirects=False, timeout=30)

    def answer(self, url: str, *, decision: str = "allow", person: str = "user", **options: Any) -> requests.Response:
        """Open a page, choose, and submit its form."""
        page = Page(self.open(url).text)
        form = {**page.fields, "decision": decision, "person": person, **options.pop("form", {})}
        return self.browser.post(url, data=form, allow_redirects=False, timeout=30, **options)

    def code(self, person: str = "user", **changes: str | None) -> str:
        sent = self.answer(self.request(**changes), person=person)
        assert sent.status_code == 303, sent.text
        return query_of(sent)["code"]

    def ask(self, endpoint: str = "token", *, auth: Any = None, **form: str | None) -> requests.Response:
        members = {name: value for name, value in form.items() if value is not None}
        if auth is None:
            members.setdefault("client_id", self.client)
            if self.secret:
                members.setdefault("client_secret", self.secret)
        return requests.post(f"{self.issuer}/{endpoint}", data=members, auth=auth, timeout=30)

    def exchange(self, code: str, **changes: Any) -> requests.Response:
        members = {"code": code, "redirect_uri": REDIRECT, "code_verifier": self.verifier, **changes}
        return self.ask(grant_type="authorization_code", **members)

    def login(self, person: str = "user", **changes: str | None) -> dict[str, Any]:
        answer = self.exchange(self.code(person, **changes))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refresh(self, token: str, **changes: Any) -> requests.Response:
        return self.ask(grant_type="refresh_token", refresh_token=token, **changes)


def query_of(response: requests.Response) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(response.headers["Location"]).query))


def claims(token: str) -> dict[str, Any]:
    import jwt

    return jwt.decode(token, options={"verify_signature": False})
