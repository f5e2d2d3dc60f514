"""Connects HTTP to the provider: reads and checks forms, writes pages and responses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from authlib.oauth2 import OAuth2Error
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from hca_local.identity import pages
from hca_local.identity.clients import CLIENTS
from hca_local.identity.forms import Forms
from hca_local.identity.people import PEOPLE, Person
from hca_local.identity.provider import Answer, Provider

if TYPE_CHECKING:
    from starlette.requests import Request

    from hca_local.store import Store

Run = Callable[..., Awaitable[Any]]

_MAX_FORM = 64 * 1024
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_USER_CODE_LETTERS = frozenset("BCDFGHJKLMNPQRSTVWXZ")


class FormError(Exception):
    """An invalid form; the message is for its sender."""


class Endpoints:
    """The handlers. :param run: runs a function in a thread, from a coroutine"""

    def __init__(self, provider: Provider, store: Store, run: Run) -> None:
        self._provider = provider
        self._forms = Forms(store)
        self._run = run

    # For programs

    async def token(self, request: Request) -> Response:
        return await self._asked(request, self._provider.token)

    async def revoke(self, request: Request) -> Response:
        return await self._asked(request, self._provider.revoke)

    async def device_authorization(self, request: Request) -> Response:
        return await self._asked(request, self._provider.authorize_device)

    async def _asked(self, request: Request, function: Callable[..., Answer]) -> Response:
        try:
            form = await _form(request)
        except FormError as error:
            body = {"error": "invalid_request", "error_description": str(error)}
            return JSONResponse(body, 400, headers=_NO_STORE)
        # Authlib looks the header up as "Authorization".
        headers = {name.title(): value for name, value in request.headers.items()}
        answer = await self._run(function, form, headers)
        return JSONResponse(dict(answer.body), answer.status, headers={**_NO_STORE, **answer.headers})

    async def user_info(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return JSONResponse({}, 401, headers={**_NO_STORE, "WWW-Authenticate": "Bearer"})
        found = await self._run(self._provider.user_info, token.strip())
        if found is None:
            refusal = {**_NO_STORE, "WWW-Authenticate": 'Bearer error="invalid_token"'}
            return JSONResponse({"error": "invalid_token"}, 401, headers=refusal)
        return JSONResponse(found, headers=_NO_STORE)

    # For people

    async def authorize(self, request: Request) -> Response:
        """The login page, and its form. The request stays in the URL throughout."""
        try:
            form = await _form(request) if request.method == "POST" else {}
            if "decision" not in form and form:
                # Clients may send the request by POST (OpenID Connect Core, 3.1.2.1).
                return RedirectResponse(f"{request.url.path}?{urlencode(form)}", 303)
            query = _pairs(request.url.query)
            judged = await self._run(self._provider.consent, query)
            if isinstance(judged, Answer):
                return _sent_back(judged)
            if request.method == "GET":
                page = pages.headers(_origin(judged.redirect_uri))
                return self._sign_in(request, request.url.query, judged.client.title, judged.scope, page)
            person = self._decision(request, form, request.url.query)
            return _sent_back(await self._run(self._provider.decide, query, person))
        except FormError as error:
            return _page(pages.message("That did not work", str(error)), 400)
        except OAuth2Error as error:
            words = error.description or error.error or "the request is not valid"
            return _page(pages.message("The program's request is not valid", words), 400)

    async def device(self, request: Request) -> Response:
        """The pages of the device flow (RFC 8628, 3.3): enter the code, then choose a person and allow or deny."""
        try:
            query = _pairs(request.url.query)
            if "user_code" not in query:
                return _page(pages.enter_code())
            code = _user_code(query["user_code"])
            waiting = await self._run(self._provider.logins.device_by_user_code, code)
            if waiting is None:
                problem = "There is no such code, or it has expired. Codes look like BCDF-GHJK."
                return _page(pages.enter_code(problem), 400)
            subject = f"device {waiting.digest}"
            if request.method == "GET":
                title = CLIENTS[waiting.client_id].title
                return self._sign_in(request, subject, title, waiting.scope, pages.headers(), code=code)
            person = self._decision(request, await _form(request), subject)
            if not await self._run(self._provider.logins.answer_device, waiting, person):
                raise FormError("This code was answered before.")
        except FormError as error:
            return _page(pages.message("That did not work", str(error)), 400)
        if person is None:
            return _page(pages.message("Denied", "The program was notified. You can close this page."))
        return _page(pages.message("You are logged in", "You can close this page and return to the program."))

    def _sign_in(
        self,
        request: Request,
        subject: str,
        program: str,
        scope: str,
        headers: Mapping[str, str],
        *,
        code: str | None = None,
    ) -> Response:
        browser = self._forms.browser(request.headers.get("cookie"))
        cookie = None
        if browser is None:
            browser, cookie = self._forms.new_browser()
        hidden = {"form": self._forms.token(browser, subject)}
        response = _page(pages.sign_in(program, scope, hidden, code=code), headers=headers)
        if cookie is not None:
            response.headers["Set-Cookie"] = cookie
        return response

    def _decision(self, request: Request, form: Mapping[str, str], subject: str) -> Person | None:
        """The person that the form allows; None if it denies.

        :raises FormError: the form is incomplete, or was not sent from our own page
        """
        origin = request.headers.get("origin")
        if origin is not None and origin != f"http://{request.headers.get('host')}":
            raise FormError("This form was sent from another page.")
        if not self._forms.holds(form.get("form", ""), self._forms.browser(request.headers.get("cookie")), subject):
            raise FormError("This form is too old, or was not sent from its page. Start the login again.")
        if form.get("decision") == "deny":
            return None
        person = PEOPLE.get(form.get("person", ""))
        if form.get("decision") != "allow" or person is None:
            raise FormError("Nobody was chosen.")
        return person


def _page(html: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return HTMLResponse(html, status, headers=dict(headers if headers is not None else pages.headers()))


def _sent_back(answer: Answer) -> Response:
    # 303: the browser must not repost the form to the client. No Referer is sent.
    return Response(
        status_code=303,
        headers={**_NO_STORE, "Location": answer.headers["Location"], "Referrer-Policy": "no-referrer"},
    )


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"


async def _form(request: Request) -> dict[str, str]:
    """The members of a posted form.

    :raises FormError: not a form, too long, or a repeated member (RFC 6749, 3.1 and 3.2)
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise FormError("The body must be a form: application/x-www-form-urlencoded.")
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_FORM:
                raise FormError("The form is too long.")
    except ClientDisconnect:
        raise FormError("The form is incomplete.") from None
    return _pairs(body.decode("utf-8", "replace"))


def _pairs(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise FormError("The request has too many members.") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise FormError("A member of the request is given twice.")
        found[name] = value
    return found


def _user_code(typed: str) -> str:
    """A typed code in canonical form: upper case, no blanks, with the dash."""
    letters = "".join(letter for letter in typed.upper() if letter in _USER_CODE_LETTERS)
    return f"{letters[:4]}-{letters[4:]}"
