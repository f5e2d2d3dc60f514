"""Formats a result for an assistant: text without secrets, limited in size."""

from __future__ import annotations

import json
from typing import Any

from hca_mcp.tools import OFFSET, QUERY


def text_of(result: Any, query: str | None = None) -> str:
    """Return a result as text: a list as one line of JSON per item, plain text unchanged.

    :raises UsageError: the query is not a valid JMESPath expression, or the result is plain text
    """
    from hca_base.errors import UsageError
    from hca_base.http import redact

    if hasattr(result, "headers") and hasattr(result, "status_code"):
        result = {"status": result.status_code, "headers": dict(result.headers)}
    if isinstance(result, bytes):
        return f"{len(result):,} bytes of binary data, which are not shown; download them with the command line"
    if query:
        if isinstance(result, str):
            raise UsageError(f"{QUERY} requires a JSON result, but this result is text")
        from hca_base.output import apply_query

        result = apply_query(query, result)
    if result is None:
        return "done; the service sent no content"
    if isinstance(result, str):
        return redact(result)
    if isinstance(result, list):
        lines = ",\n".join(json.dumps(item, ensure_ascii=False, default=str) for item in result)
        return redact(f"[{lines}]")
    return redact(json.dumps(result, ensure_ascii=False, default=str))


def cut(text: str, offset: int, budget: int) -> str:
    """Return at most ``budget`` bytes of a text starting at an offset, and how to get the rest.

    :param offset: bytes; rounded up to the next character
    """
    data = text.encode()
    if offset >= len(data) > 0:
        return f"[the result ends at byte {len(data)}]"
    while 0 < offset < len(data) and data[offset] & 0xC0 == 0x80:
        offset += 1
    end = min(offset + budget, len(data))
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end -= 1
    shown = data[offset:end].decode()
    if end >= len(data):
        return shown
    return (
        f"{shown}\n[cut: bytes {offset} to {end} of {len(data)}; call again with {OFFSET}={end} for the rest, "
        f"or select a part with {QUERY}]"
    )
