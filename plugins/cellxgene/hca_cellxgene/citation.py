"""Citations of collections: BibTeX for papers, CSL JSON for reference managers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from hca_cellxgene.rows import date

_ESCAPES = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}"} | {char: "\\" + char for char in "&%$#_"}


def csl(collection: Mapping[str, Any]) -> dict[str, Any]:
    """Return a collection's publication as a CSL JSON item, or the collection itself if it has no publication."""
    published = collection.get("publisher_metadata") or {}
    doi = collection.get("doi")
    item: dict[str, Any] = {
        "id": key_of(collection),
        "type": "article-journal" if published.get("journal") else "dataset",
        "title": collection.get("name") or "",
    }
    authors = [author_of(author) for author in published.get("authors") or ()]
    if authors:
        item["author"] = authors
    elif collection.get("contact_name"):
        item["author"] = [{"literal": collection["contact_name"]}]
    if published.get("journal"):
        item["container-title"] = published["journal"]
    known = date_parts(collection)
    if known:
        item["issued"] = {"date-parts": [known]}
    if doi:
        item["DOI"] = doi
    if collection.get("collection_url"):
        item["URL"] = collection["collection_url"]
    return item


def date_parts(collection: Mapping[str, Any]) -> list[int]:
    """Return year, month and day of the publication, or of the collection; stop at the first unknown part."""
    published = collection.get("publisher_metadata") or {}
    if not published.get("published_year"):
        return [int(part) for part in date(collection).split("-") if part.isdecimal()]
    known = []
    for unit in ("year", "month", "day"):
        part = published.get(f"published_{unit}")
        if not part:
            break
        known.append(int(part))
    return known


def author_of(author: Mapping[str, Any]) -> dict[str, str]:
    """Return a CSL name."""
    if author.get("family"):
        return {name: str(author[name]) for name in ("family", "given") if author.get(name)}
    return {"literal": str(author.get("name") or "")}


def key_of(collection: Mapping[str, Any]) -> str:
    """Return a citation key such as ``travaglini2020``, or the collection's UUID."""
    published = collection.get("publisher_metadata") or {}
    first: Mapping[str, Any] = next(iter(published.get("authors") or ()), {})
    plain = unicodedata.normalize("NFKD", str(first.get("family") or first.get("name") or ""))
    name = re.sub("[^a-z]", "", plain.lower())
    year = published.get("published_year")
    return f"{name}{int(year)}" if name and year else f"cellxgene-{collection.get('collection_id')}"


def bibtex(collection: Mapping[str, Any]) -> str:
    """Return a BibTeX entry."""
    item = csl(collection)
    names = [
        (author.get("literal") and "{" + escaped(author["literal"]) + "}")
        or escaped(", ".join(part for part in (author.get("family"), author.get("given")) if part))
        for author in item.get("author", ())
    ]
    when = item.get("issued", {}).get("date-parts", [[]])[0]
    fields = {
        "title": "{" + escaped(item["title"]) + "}",
        "author": " and ".join(name for name in names if name),
        "journal": escaped(item.get("container-title", "")),
        "year": str(when[0]) if when else "",
        "month": str(when[1]) if len(when) > 1 else "",
        "doi": item.get("DOI", ""),
        "url": item.get("URL", ""),
    }
    kind = "article" if item["type"] == "article-journal" else "misc"
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return "@" + kind + "{" + item["id"] + ",\n" + ",\n".join(lines) + "\n}\n"


def escaped(text: str) -> str:
    """Escape TeX's special characters."""
    return "".join(_ESCAPES.get(char, char) for char in " ".join(text.split()))
