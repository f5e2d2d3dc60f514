"""The pages for people: choose who they are, and whether a client may act for them. Plain HTML without scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape

from hca_local.identity.people import PEOPLE

_STYLE = (
    "body{font-family:sans-serif;max-width:40em;margin:3em auto;padding:0 1em;line-height:1.5}"
    "label{display:block;margin:.4em 0}button{font-size:1em;padding:.5em 1.5em;margin:1em 1em 0 0}"
    ".note{border-left:.3em solid #b80;padding-left:1em}input[type=text]{font-size:1.3em;letter-spacing:.1em}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_EVALUATION = (
    '<p class="note">This is the embedded deployment of hca, for evaluation on this machine. '
    "There are no passwords: you choose who you want to be.</p>"
)
_SCOPE_WORDS = {
    "openid": "know who you are",
    "email": "know your email address",
    "offline_access": "stay logged in, until you log out",
}


def headers(redirect_origin: str | None = None) -> dict[str, str]:
    """Headers of every page: not cached, not framed, loads nothing.

    :param redirect_origin: where the form's response may redirect; Chromium applies ``form-action`` to redirects
    """
    targets = " ".join(filter(None, ("'self'", redirect_origin)))
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {targets}; "
        "frame-ancestors 'none'; base-uri 'none'",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        # The URL may contain a state or a code. Not "no-referrer": with it, browsers send "Origin: null" with a form.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def sign_in(program: str, scope: str, hidden: Mapping[str, str], *, code: str | None = None) -> str:
    """Choose a person, and allow or deny.

    :param hidden: hidden members of the form
    :param code: of the device flow; the person compares it with the one that the client shows
    """
    wishes = "".join(f"<li>{escape(words)}</li>" for name, words in _SCOPE_WORDS.items() if name in scope.split())
    people = "".join(
        f'<label><input type="radio" name="person" value="{escape(name)}"{" checked" if name == "user" else ""}> '
        f"<b>{escape(name)}</b>{f' ({escape(person.email)})' if person.email else ''}: {escape(person.about)}</label>"
        for name, person in PEOPLE.items()
    )
    compare = (
        f"<p>The program shows the code <b>{escape(code)}</b>. If it shows another one, or you did not start it, "
        "deny.</p>"
        if code
        else ""
    )
    return _page(
        "Log in",
        f"{_EVALUATION}<p>{escape(program)} asks to act for you, and to:</p><ul>{wishes}</ul>{compare}"
        f'<form method="post">{_hidden(hidden)}<fieldset><legend>Who are you?</legend>{people}</fieldset>'
        '<button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny">Deny</button></form>',
    )


def enter_code(problem: str = "") -> str:
    """Ask for the code of the device flow."""
    told = f"<p><b>{escape(problem)}</b></p>" if problem else ""
    return _page(
        "Enter the code",
        f'{_EVALUATION}{told}<form method="get"><label>The code that the program shows: '
        '<input type="text" name="user_code" autocomplete="off" autocapitalize="characters" size="12" autofocus>'
        "</label><button>Go on</button></form>",
    )


def message(title: str, text: str) -> str:
    """Show a message."""
    return _page(title, f"<p>{escape(text)}</p>")


def _hidden(members: Mapping[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in members.items()
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)} - hca</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )
