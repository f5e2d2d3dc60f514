"""Search the lines of the index, and rank the matches."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

#: Kinds of entries, in the display order of equal matches, with their bonus to the score.
KINDS = {"command": 2.0, "operation": 1.5, "setting": 1.0, "page": 0.5, "option": 0.0}
_NAME, _SUMMARY, _ELSEWHERE, _WHOLE_WORD = 8.0, 4.0, 1.0, 3.0
#: Users' words -> words in hca's texts. Matches of these have a lower score than the word itself.
_RELATED = {
    "bandwidth": ("rate", "connections"),
    "certificate": ("ca_bundle",),
    "color": ("no_color",),
    "colour": ("no_color",),
    "concurrency": ("connections",),
    "continue": ("resume", "same command again"),
    "csv": ("format",),
    "delete": ("remove",),
    "endpoint": ("url",),
    "fast": ("connections",),
    "fetch": ("download", "get"),
    "hash": ("checksum",),
    "interrupted": ("resume", "same command again"),
    "matrix": ("matrices",),
    "md5": ("checksum",),
    "offline": ("network",),
    "parallel": ("connections",),
    "password": ("login", "credentials"),
    "remove": ("delete",),
    "resume": ("same command again", "interrupt", "journal", "partial"),
    "signin": ("login",),
    "slow": ("connections", "timeout", "rate"),
    "speed": ("connections", "rate"),
    "ssl": ("ca_bundle", "certificate"),
    "threads": ("connections",),
    "throttle": ("rate",),
    "tls": ("ca_bundle", "certificate"),
    "verify": ("checksum",),
}
_RELATED_SHARE = 0.5
_SUFFIXES = ("ies", "ing", "es", "ed", "s", "y", "e")


class Hit(NamedTuple):
    """An entry that matches.

    :param kind: one of :data:`KINDS`
    :param name: the command without ``hca``, the setting's key, the option with its command, or the page's title
    :param score: higher is better
    """

    kind: str
    name: str
    summary: str
    score: float


def search(text: str, words: Sequence[str], kinds: Collection[str] = ()) -> list[Hit]:
    """Return entries with all words, best first; if there are none, those with the most words.

    :param text: the lines of the index
    :param words: search words; endings are ignored (``retries`` finds ``retry``)
    :param kinds: only these; empty for all
    """
    terms = [_term(word) for word in re.findall(r"[\w.*/@]+", " ".join(words).lower())]
    if not terms:
        return []
    best: list[tuple[int, str, str]] = []
    for line, low in zip(text.split("\n"), text.lower().split("\n"), strict=False):
        found = sum(any(part in low for part in term) for term in terms)
        if found and (not kinds or line.partition("\t")[0] in kinds):
            best.append((found, line, low))
    most = max((found for found, _, _ in best), default=0)
    hits = [_scored(line, low, terms) for found, line, low in best if found == most]
    hits.sort(key=lambda hit: (-hit.score, len(hit.name), hit.name))
    return hits


def stem(word: str) -> str:
    """Return the stem of a word."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 4:
            return word.removesuffix(suffix)
    return word


def _term(word: str) -> tuple[str, ...]:
    """Return the accepted matches of a word, the word itself first."""
    return (word, stem(word), *_RELATED.get(word, ()))


def _scored(line: str, low: str, terms: Sequence[tuple[str, ...]]) -> Hit:
    kind, name, summary, _ = (*line.split("\t"), "", "", "")[:4]
    _, low_name, low_summary, low_words = (*low.split("\t"), "", "", "")[:4]
    if kind == "option":
        # Its command's name says where it belongs, not what it does.
        command, dash, flag = low_name.partition("-")
        low_name, low_words = dash + flag, f"{command} {low_words}"
    places = ((low_name, _NAME), (low_summary, _SUMMARY), (low_words, _ELSEWHERE))
    score = KINDS.get(kind, 0.0) + sum(_score_of(term, places) for term in terms)
    # Of two matching names, the shorter one is more relevant.
    return Hit(kind, name, summary, score - len(name) / 200)


def _score_of(term: tuple[str, ...], places: Sequence[tuple[str, float]]) -> float:
    word, *parts = term
    for number, part in enumerate(parts):
        share = _RELATED_SHARE if number else 1.0
        for place, weight in places:
            at = _begin_of_word(place, part)
            if at >= 0:
                end = at + len(word)
                whole = place.startswith(word, at) and not place[end : end + 1].isalnum()
                return share * (weight + _WHOLE_WORD * weight / _NAME * whole)
    return 0.2  # inside a word


def _begin_of_word(text: str, part: str) -> int:
    at = text.find(part)
    while at > 0 and text[at - 1].isalnum():
        at = text.find(part, at + 1)
    return at
