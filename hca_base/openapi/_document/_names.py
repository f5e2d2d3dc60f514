"""Generate names of operations from methods and paths, and names of arguments.

The path rule is that of hca 7, because scripts and users depend on it::

    GET  /bundles/{uuid}           get_bundle
    GET  /bundles/all              get_bundles_all
    POST /bundles/{uuid}/checkout  post_bundles_checkout
    PUT  /collections              put_collection
    POST /v1/area/{id}/credentials post_area_credential
    PUT  /lateness                 put_lateness
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Sequence

_PATH_PARAMETER = re.compile(r"\{([^{}/]*)\}")
#: A first segment that is only the API version: v1, v2.1, v1beta1.
_VERSION_SEGMENT = re.compile(r"v[0-9]+([._][0-9]+)*((alpha|beta)[0-9]*)?", re.IGNORECASE)
#: Maximum length of a name; longer ones are truncated, and numbered if necessary.
_MAX_NAME = 160


#: Endings that are not plurals, or plurals that lose more than an "s": lateness, analysis, status, alias, boxes.
_NO_PLURAL = re.compile(r"(ss|sis|tus|ias|ies|xes|zes|sses|shes|tches|rches|nches|tuses|iases)$")
#: Exceptions to these endings, and words that only look like plurals.
_PLURALS = frozenset({"areas", "axes", "caches", "cookies", "medias", "menus", "movies", "zombies"})
_SINGULARS = frozenset(
    {"as", "atlas", "aws", "axis", "bias", "bonus", "bus", "canvas", "census", "chaos", "corpus", "cors", "dns", "dss"}
    | {"focus", "gas", "genus", "gps", "has", "https", "ics", "ios", "is", "kudos", "lens", "locus", "news", "nexus"}
    | {"nucleus", "os", "plus", "radius", "series", "sms", "species", "this", "tls", "us", "virus", "was"}
)


def operation_name(method: str, path: str, *, keep_version: bool = False, any_plural: bool = False) -> str:
    """Return the Python name of an operation by the path rule.

    :param method: HTTP method, any case
    :param path: path template
    :param keep_version: keep a version as the first segment
    :param any_plural: drop an "s" from any word, as hca 9.0 did (``put_latenes``)
    """
    segments = [segment for segment in path.split("/") if segment and segment != ".well-known"]
    words = [word for segment in segments if (word := identifier(_PATH_PARAMETER.sub(" ", segment)))]
    # Drop the version if it is the first segment and not the only one.
    if not keep_version and len(words) > 1 and _VERSION_SEGMENT.fullmatch(segments[0]):
        words = words[1:]
    name = "_".join([method.lower(), *words])[:_MAX_NAME]
    singular = method.upper() in ("POST", "PUT") or path.endswith("/{uuid}")
    if name.endswith("s") and singular and (any_plural or _is_plural(name)):
        name = name[:-1]
    return name


def _is_plural(name: str) -> bool:
    """Return True if removing the "s" of a name's last word gives a singular."""
    word = re.split(r"_|(?<=[a-z0-9])(?=[A-Z])", name)[-1].lower()
    if word in _PLURALS:
        return True
    return word not in _SINGULARS and not _NO_PLURAL.search(word)


def path_parameters(path: str) -> tuple[str, ...]:
    """Return the names of the parameters in a path template, in order."""
    return tuple(name.removeprefix("+").removesuffix("*") for name in _PATH_PARAMETER.findall(path))


def unambiguous_names(name: str, method: str, path: str) -> Iterable[str]:
    """Yield alternative names for a path whose name is not unique, best first."""
    parameters = [word for each in path_parameters(path) if (word := identifier(each))]
    yield f"{name}_by_{parameters[-1]}" if parameters else f"{name}_all"
    versioned = operation_name(method, path, keep_version=True)
    if versioned != name:
        yield versioned
    if len(parameters) > 1:
        yield f"{name}_by_{'_and_'.join(parameters)}"
    for number in range(2, 1000):
        yield f"{name}_{number}"


def identifier(text: str) -> str:
    """Convert text to a part of a Python identifier; empty if no character is usable.

    Letters and digits of any script are kept; control, format and direction characters are removed.
    """
    normal = unicodedata.normalize("NFKC", text[:_MAX_NAME])
    return re.sub(r"_+", "_", "".join(c if c == "_" or ("_" + c).isidentifier() else "_" for c in normal)).strip("_")


def argument_name(name: str, location: str) -> str:
    """Return the Python name of a parameter, ignoring clashes; ``argument`` if no character is usable."""
    word = identifier(name)
    # As in hca 7, names that are already identifiers are unchanged, including `_from`.
    if name.isascii() and name.isidentifier() and not name.startswith("__"):
        word = name[:_MAX_NAME]
    if location == "header":
        word = word.lower()
    if not word:
        return "argument"
    if word[0].isdigit():
        word = "_" + word
    return word + "_" if keyword.iskeyword(word) else word


def option_name(python_name: str) -> str:
    """Return the command-line option of a Python name: ``--per-page`` for ``per_page``, ``--from`` for ``from_``."""
    return "--" + (python_name.strip("_") or "argument").replace("_", "-")


def distinct(candidates: Sequence[str], taken: Iterable[str]) -> str:
    """Return the first unused name, or a numbered one if all are taken."""
    used = set(taken)
    for candidate in candidates:
        if candidate not in used:
            return candidate
    number = 2
    while f"{candidates[-1]}_{number}" in used:
        number += 1
    return f"{candidates[-1]}_{number}"
