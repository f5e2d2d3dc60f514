"""Suggests values similar to one that matches nothing."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from hca_azul.flavours.hits import terms_of


def unknown_values(
    filters: Mapping[str, Any], facets: Mapping[str, Any], typed: Mapping[str, str] | None = None
) -> list[str]:
    """A sentence for each value without matches.

    The service counts a field's values without that field's filter, so all of them are in the facets.

    :param facets: of the result
    :param typed: the service's name of a field -> what the user calls it
    """
    told = []
    for name, operation in filters.items():
        terms = [str(term) for term, _ in terms_of(facets, name) if term is not None]
        wanted = operation.get("is") if isinstance(operation, Mapping) else None
        if not terms or not isinstance(wanted, list):
            continue
        for value in wanted:
            if not isinstance(value, str) or value in terms:
                continue
            folded = {term.casefold(): term for term in terms}
            close = difflib.get_close_matches(value.casefold(), list(folded), 3, 0.6)
            close += [one for one in folded if value.casefold() in one and one not in close][:3]
            meant = " or ".join(repr(folded[one]) for one in close[:3])
            told.append(
                f"nothing here has {(typed or {}).get(name, name)} {value!r}"
                + (f"; did you mean {meant}?" if meant else "")
            )
    return told
