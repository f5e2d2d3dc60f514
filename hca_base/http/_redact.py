"""Remove secrets from text that is about to be logged, shown or written.

Secrets are recognized in two ways: by the *names* that they are sent under (headers, query parameters, members of
JSON), and by the *values* that this process has used (:func:`remember_secret`), wherever they occur.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

from hca_base._fork import ForkLock

HIDDEN = "[hidden]"

#: Headers whose values are hidden completely. ``Signature`` schemes of webhooks come under Authorization.
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
#: Names that are harmless as members of JSON: error codes, object keys, S3 keys.
_HARMLESS_IN_JSON = frozenset({"code", "key", "auth", "token-type", "bearer", "credential"})

# In each pattern the group ``secret`` is hidden; the group ``name``, if any, decides whether to hide it.
# To skip words of a sentence ("basic understanding"), require a character other than a lower-case letter.
_SCHEME = re.compile(r"\b(?:Bearer|bearer|Basic|basic)\s+(?=[a-z]*[^a-z\s])(?P<secret>[A-Za-z0-9._~+/=-]{8,})")
# After the header's name, or if longer than a word, lower-case letters alone are a secret too.
_SCHEME_ALONE = re.compile(r"\b[Bb]earer\s+(?P<secret>[a-z]{20,})")
_AUTHORIZATION = re.compile(
    r"\bauthorization[\"']?\s*[:=]\s*[\"']?(?:[A-Za-z][A-Za-z0-9-]*[ \t]+)?(?P<secret>[^\s\"',;]{8,})", re.IGNORECASE
)
_JWT = re.compile(r"(?<![A-Za-z0-9_-])(?P<secret>eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*)")
_USERINFO = re.compile(r"\b[a-z][a-z0-9+.-]{0,20}://(?P<secret>[^/\s@\"'<>]+)@", re.IGNORECASE)
_PEM = re.compile(
    r"(?P<secret>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))", re.DOTALL
)
_PARAMETER = re.compile(
    r"(?:[?&;,\s]|^)(?P<name>[A-Za-z0-9_.~%+-]{1,60})=(?:\"(?P<secret>[^\"]*)\"|(?P<bare>[^&;\s\"'<>]+))"
)
_JSON_MEMBER = re.compile(
    # The value may be truncated at the end of the text.
    r"(?P<quote>[\"'])(?P<name>[A-Za-z0-9_. -]{2,60})(?P=quote)\s*:\s*"
    r"(?:\"(?P<secret>(?:[^\"\\]|\\.)*)(?:\"|\\?\Z)|'(?P<bare>[^']*)(?:'|\Z))"
)

#: Placeholders for values in hca's messages (``--config takes KEY=VALUE``).
_PLACEHOLDERS = frozenset({"VALUE", "TOKEN", "KEY", "SECRET", "PASSWORD"})

_known: OrderedDict[str, None] = OrderedDict()
_known_names: set[str] = set()
_known_lock = ForkLock()
_KNOWN_LIMIT = 500
_SHORTEST_SECRET = 8


def remember_secret(value: object) -> None:
    """Have :func:`redact` hide this value from now on, wherever it occurs in a text.

    Values shorter than eight characters are ignored: hiding them would mangle unrelated text.
    """
    if not isinstance(value, str) or len(value) < _SHORTEST_SECRET:
        return
    with _known_lock:
        for form in {value, quote(value, safe=""), quote_plus(value)}:
            _known[form] = None
            _known.move_to_end(form)
        while len(_known) > _KNOWN_LIMIT:
            _known.popitem(last=False)


def remember_secret_name(name: str) -> None:
    """Have the values of headers, query parameters and cookies of this name hidden from now on, however short.

    Members of JSON are not: what names a key in a URL may name something harmless there.
    """
    _known_names.update(form.lower() for form in (name, quote(name, safe=""), quote_plus(name)))


def is_secret_name(name: str, *, in_json: bool = False) -> bool:
    """Return True if a parameter, field or member of this name contains a secret."""
    if not in_json and name.lower() in _known_names:
        return True
    plain = name.lower().replace("_", "-").replace(" ", "-")
    if in_json and plain in _HARMLESS_IN_JSON:
        return False
    return plain in SECRET_NAMES or plain.endswith(_SECRET_ENDINGS)


def redact(text: str) -> str:
    """Return the text without secrets: tokens, keys, signatures of URLs, passwords in URLs, private keys."""
    # Match everything in the original text, so that hiding one secret cannot prevent finding another.
    spans = [*_known_values(text)]
    for pattern in (_PEM, _USERINFO, _SCHEME, _SCHEME_ALONE, _AUTHORIZATION, _JWT):
        spans += [match.span("secret") for match in pattern.finditer(text)]
    for pattern, in_json in ((_PARAMETER, False), (_JSON_MEMBER, True)):
        for match in pattern.finditer(text):
            if is_secret_name(match["name"], in_json=in_json):
                group = "secret" if match["secret"] is not None else "bare"
                if match[group].rstrip(",.;:)…") not in _PLACEHOLDERS:
                    spans.append(match.span(group))
    return _without(text, spans)


def _known_values(text: str) -> Iterator[tuple[int, int]]:
    with _known_lock:
        values = list(_known)
    for value in values:
        start = text.find(value)
        while start >= 0:
            yield start, start + len(value)
            start = text.find(value, start + 1)


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    shown = 0
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if start >= shown:
            parts += [text[shown:start], HIDDEN]
        shown = max(shown, end)
    return "".join(parts) + text[shown:]


def redact_url(url: str) -> str:
    """The URL with the values of secret query parameters, and a user's name and password, hidden."""
    return redact(url)


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of the headers without secrets; the scheme of an Authorization (``Bearer``) is kept."""
    shown = {}
    for name, value in headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if name.lower() in SECRET_HEADERS or is_secret_name(name):
            scheme, blank, _ = text.partition(" ")
            kept = blank and scheme.isalpha() and name.lower() not in _known_names
            shown[name] = f"{scheme} {HIDDEN}" if kept else HIDDEN
        else:
            shown[name] = redact(text)
    return shown


class RedactingFilter(logging.Filter):
    """A filter for handlers or loggers that removes secrets from every record, including tracebacks."""

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
    """Remove secrets from the log messages of other packages too."""
    for name in names:
        logger = logging.getLogger(name)
        if not any(isinstance(one, RedactingFilter) for one in logger.filters):
            logger.addFilter(RedactingFilter())
