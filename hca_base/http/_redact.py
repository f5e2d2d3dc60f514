"""Take secrets out of whatever is about to be logged, shown or written.

Two nets, one over the other: the *names* under which secrets travel (headers, query parameters, members of JSON),
and the *values* that this process has handled (:func:`remember_secret`), wherever they turn up.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

HIDDEN = "[hidden]"

#: Headers that are hidden whole. ``Signature`` schemes of webhooks come under Authorization.
SECRET_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "api-key",
        "x-api-key",
        "apikey",
        "x-auth-token",
        "x-amz-security-token",
        "x-goog-api-key",
        "www-authenticate-token",
    }
)

#: Names of query parameters, form fields and JSON members whose values are secret, in lower case, ``-`` for ``_``.
#: The ``X-Amz-*`` and ``X-Goog-*`` names are those of presigned URLs (AWS SigV4, GCS V4 signing).
SECRET_NAMES = frozenset(
    {
        "access-token",
        "accesskey",
        "api-key",
        "apikey",
        "assertion",
        "auth",
        "authorization",
        "aws-secret-access-key",
        "aws-session-token",
        "awsaccesskeyid",
        "bearer",
        "client-assertion",
        "client-secret",
        "code",
        "code-verifier",
        "credential",
        "device-code",
        "hmac-secret-key",
        "id-token",
        "key",
        "passwd",
        "password",
        "private-key",
        "private-key-id",
        "refresh-token",
        "secret",
        "secret-access-key",
        "secretaccesskey",
        "session-token",
        "sessiontoken",
        "sig",
        "signature",
        "token",
        "user-code",
        "x-amz-credential",
        "x-amz-security-token",
        "x-amz-signature",
        "x-goog-credential",
        "x-goog-signature",
    }
)
_SECRET_ENDINGS = ("token", "secret", "password", "api-key", "apikey", "signature", "-credential", "private-key")
#: Members of JSON that share a name with something harmless: error codes, object keys, S3 keys.
_HARMLESS_IN_JSON = frozenset({"code", "key", "auth", "token-type", "bearer", "credential"})

# Words of a sentence ("basic understanding") are no secrets: there must be something else than small letters.
_SCHEME = re.compile(r"\b(Bearer|bearer|Basic|basic)\s+(?=[a-z]*[^a-z\s])[A-Za-z0-9._~+/=-]{8,}")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*")
_PARAMETER = re.compile(r"(?P<lead>[?&;,\s]|^)(?P<name>[A-Za-z0-9_.%-]{2,60})=(?P<value>\"[^\"]*\"|[^&;\s\"'<>]+)")
_JSON_MEMBER = re.compile(
    # The value may be cut off at the end of the text.
    r"(?P<q>[\"'])(?P<name>[A-Za-z0-9_. -]{2,60})(?P=q)\s*:\s*(?:\"(?:[^\"\\]|\\.)*(?:\"|\\?\Z)|'[^']*(?:'|\Z))"
)
_USERINFO = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^/\s@\"'<>]+@", re.IGNORECASE)
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)

_known: OrderedDict[str, None] = OrderedDict()
_known_lock = threading.Lock()
_KNOWN_LIMIT = 500
_SHORTEST_SECRET = 6


def remember_secret(value: object) -> None:
    """Have :func:`redact` hide this value from now on, wherever it occurs in a text.

    Values shorter than six characters are ignored: hiding them would mangle unrelated text.
    """
    if not isinstance(value, str) or len(value) < _SHORTEST_SECRET:
        return
    with _known_lock:
        for form in {value, quote(value, safe=""), quote_plus(value)}:
            _known[form] = None
            _known.move_to_end(form)
        while len(_known) > _KNOWN_LIMIT:
            _known.popitem(last=False)


def is_secret_name(name: str, *, in_json: bool = False) -> bool:
    """Whether a parameter, field or member of this name carries a secret."""
    plain = name.lower().replace("_", "-").replace(" ", "-")
    if in_json and plain in _HARMLESS_IN_JSON:
        return False
    return plain in SECRET_NAMES or plain.endswith(_SECRET_ENDINGS)


def redact(text: str) -> str:
    """The text without secrets: tokens, keys, signatures of URLs, passwords in URLs, private keys."""
    with _known_lock:
        # Longest first: a secret may be a part of another one.
        values = sorted(_known, key=len, reverse=True)
    for value in values:
        if value in text:
            text = text.replace(value, HIDDEN)
    text = _PEM.sub(HIDDEN, text)
    text = _USERINFO.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _JSON_MEMBER.sub(_hide_member, text)
    text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
    text = _PARAMETER.sub(_hide_parameter, text)
    return _JWT.sub(HIDDEN, text)


def redact_url(url: str) -> str:
    """The URL with the values of secret query parameters, and a user's name and password, hidden."""
    return redact(url)


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """A copy of the headers that may be shown; the scheme of an Authorization (``Bearer``) is kept."""
    shown = {}
    for name, value in headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if name.lower() in SECRET_HEADERS or is_secret_name(name):
            scheme, blank, _ = text.partition(" ")
            shown[name] = f"{scheme} {HIDDEN}" if blank and scheme.isalpha() else HIDDEN
        else:
            shown[name] = redact(text)
    return shown


class RedactingFilter(logging.Filter):
    """Put on a handler (or a logger), takes the secrets out of every record that passes, tracebacks included."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - a record that cannot be formatted is reported by the handler
            return True
        shown = redact(text)
        if shown != text:
            record.msg, record.args = shown, ()
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True


def guard_loggers(*names: str) -> None:
    """Have the loggers of other packages, which know nothing of our secrets, log without them."""
    for name in names:
        logger = logging.getLogger(name)
        if not any(isinstance(one, RedactingFilter) for one in logger.filters):
            logger.addFilter(RedactingFilter())


def _hide_parameter(match: re.Match[str]) -> str:
    if is_secret_name(match["name"]):
        return f"{match['lead']}{match['name']}={HIDDEN}"
    return match[0]


def _hide_member(match: re.Match[str]) -> str:
    if is_secret_name(match["name"], in_json=True):
        quoted = match["q"]
        return f"{quoted}{match['name']}{quoted}: {quoted}{HIDDEN}{quoted}"
    return match[0]
