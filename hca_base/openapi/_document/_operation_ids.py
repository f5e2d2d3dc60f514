"""Names from a document's operationIds, where those read as names."""

from __future__ import annotations

import re

from hca_base.openapi._document._names import identifier, path_parameters

#: Where words of an id begin: ``listTasks``, ``getHTTPStatus``.
_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")
_READABLE = re.compile(r"[A-Za-z][A-Za-z0-9 ._/:-]{0,79}")
#: What generators put in: springfox's ``listUsingGET_1``, numbers that make ids unique.
_GENERATED = re.compile(r"Using(GET|PUT|POST|DELETE|OPTIONS|HEAD|PATCH|TRACE)(_\d+)?$|[_.-]\d+$|__")
_VERSION = re.compile(r"v\d+", re.IGNORECASE)


def name_of_id(operation_id: str, method: str, path: str) -> tuple[str, str] | None:
    """Return (group, whole name) for an operationId; None where it does not read as a name.

    :param operation_id: such as ``listTasks`` or ``issues/list-for-repo``
    """
    text = operation_id.strip()
    if not _READABLE.fullmatch(text) or _GENERATED.search(text) or _is_path(text, method, path):
        return None
    *groups, last = [part for part in re.split(r"[/.:]+", text) if part]
    group, name = _snake("_".join(groups)), _snake(last)
    if not name or name[0].isdigit() or group[:1].isdigit():
        return None
    return group, f"{group}_{name}" if group else name


def _snake(text: str) -> str:
    return "_".join(word for word in _WORD_BREAK.split(text) if word).lower()


def _is_path(text: str, method: str, path: str) -> bool:
    """Return whether an id is nothing but a generator's copy of the method and path."""
    method = method.lower()
    # FastAPI's: the function's name, the path and the method, everything else replaced by "_".
    copied = re.sub(r"\W", "_", path) + "_" + method
    if text.lower().endswith(copied.lower()) and len(text) > len(copied):
        return True
    words = _snake(text).split("_")
    if words[0] == method:
        words = words[1:]
    elif words[-1] == method:
        words = words[:-1]
    segments = [segment for segment in path.split("/") if segment]
    versioned = any(_VERSION.fullmatch(segment) for segment in segments)
    static = [segment for segment in segments if not path_parameters(segment)]
    return versioned and words in (_words_of(segments), _words_of(static))


def _words_of(segments: list[str]) -> list[str]:
    joined = "_".join(identifier(segment.replace("{", " ").replace("}", " ")) for segment in segments)
    return _snake(joined).split("_")
