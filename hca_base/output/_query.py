"""JMESPath queries (https://jmespath.org) on results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hca_base.errors import UsageError

_MAX_SHOWN = 200


def compile_query(expression: str) -> Any:
    """Compile an expression.

    :raises UsageError: it is malformed; the message has the position
    """
    import jmespath
    from jmespath.exceptions import JMESPathError, LexerError, ParseError

    try:
        return jmespath.compile(expression)
    except LexerError as error:
        raise _bad_query(expression, error.lexer_position, error.message) from None
    except ParseError as error:
        raise _bad_query(expression, error.lex_position, f"unexpected {error.token_value!r}") from None
    except JMESPathError as error:
        # Subclasses such as "incomplete expression" refer to the end of the text.
        raise _bad_query(expression, len(expression), str(error).splitlines()[0]) from None
    except ValueError:
        # jmespath uses int(), which refuses thousands of digits.
        raise _bad_query(expression, None, "a number has too many digits") from None
    except RecursionError:
        raise UsageError("--query: the expression is nested too deeply") from None


def apply_query(expression: str | Any, data: Any) -> Any:
    """Return the result of an expression on ``data``.

    :param expression: text, or from :func:`compile_query`
    :raises UsageError: it is malformed, or calls a function on unsupported values
    """
    compiled = compile_query(expression) if isinstance(expression, str) else expression
    if isinstance(data, list) and type(data) is not list:
        data = list(data)  # jmespath's functions recognize lists by the name of their class
    try:
        return compiled.search(data)
    except (TypeError, ValueError, ArithmeticError) as error:
        # jmespath's errors are ValueErrors; some of its functions and slices raise Python's exceptions.
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(f"--query: {reason}", hint="see https://jmespath.org") from None


def works_item_by_item(compiled: Any) -> bool:
    """Return True if a query on a list equals the combined results for its items.

    This is true for projections on the list itself: ``[].uuid``, ``[*].[a, b]``, ``[?x > `1`].y``; not for ``[0]``,
    ``length(@)``, ``sort_by(@, &x)`` or ``[].uuid | [0]``.
    """
    return _is_projection(compiled.parsed)


def _is_projection(node: dict[str, Any]) -> bool:
    if node["type"] == "flatten":
        return _keeps_concatenation(node["children"][0])
    return node["type"] in ("projection", "filter_projection") and _keeps_concatenation(node["children"][0])


def _keeps_concatenation(node: dict[str, Any]) -> bool:
    return node["type"] in ("identity", "current") or _is_projection(node)


def apply_to_items(compiled: Any, items: Iterable[Any]) -> Iterator[Any]:
    """Yield the results of a query that :func:`works_item_by_item`, as the items arrive."""
    for item in items:
        yield from apply_query(compiled, [item]) or ()


def _bad_query(expression: str, position: int | None, why: str) -> UsageError:
    place = "" if position is None else f" at character {position + 1}"
    if len(expression) > _MAX_SHOWN:
        expression = f"{expression[:_MAX_SHOWN]}…"
    return UsageError(
        f"--query: bad expression{place}: {why}: {expression}",
        hint="--query takes JMESPath, such as 'results[].uuid'; see https://jmespath.org",
    )
