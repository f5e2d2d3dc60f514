#!/usr/bin/env bash
# jmespath 1.1.0 on CPython 3.11.
# One would guess: an instance of a subclass of list is an array to every part of an expression, or to none.
# What happens: indexes, slices and projections take it (they ask isinstance), while the functions refuse it with
# JMESPathTypeError: they look up the name of the value's class in a table. The same holds for subclasses of dict and
# str. One expression may do both: "[].name" works and "length([].name)" too, since a projection makes a plain list,
# but "length(@)", "sort_by(@, &name)" and "keys(@)" fail on the very same value.
# Why it matters here: lists of results are a subclass of list that a notebook shows as a table. hca makes a plain list
# of them before a query runs, and the page on notebooks tells users of jmespath to do so.
# How seen: the first test of a query on such a list; then each kind of expression on a list and on a subclass.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check jmespath==1.1.0
"$work/venv/bin/python" - <<'PY'
import sys
import jmespath
from jmespath.exceptions import JMESPathTypeError


class Rows(list):
    pass


class Row(dict):
    pass


def outcome(expression, value):
    try:
        return jmespath.search(expression, value)
    except JMESPathTypeError:
        return "JMESPathTypeError"


plain = [{"name": "b"}, {"name": "a"}]
rows = Rows(plain)
found = {}
for expression in ("[0].name", "[1:].name", "[].name", "length([].name)", "length(@)", "sort_by(@, &name)[0].name"):
    found[expression] = (outcome(expression, plain), outcome(expression, rows))
found["keys(@)"] = (outcome("keys(@)", dict(plain[0])), outcome("keys(@)", Row(plain[0])))
for expression, (of_list, of_subclass) in found.items():
    print(f"{expression:26} plain: {of_list!s:12} subclass: {of_subclass}")
refused = [expression for expression, (_, of_subclass) in found.items() if of_subclass == "JMESPathTypeError"]
sys.exit(0 if refused == ["length(@)", "sort_by(@, &name)[0].name", "keys(@)"] else 1)
PY
