#!/usr/bin/env bash
# cliff 4.17.0, CPython 3.11.
# One would guess: when a row cannot be written as JSON, the formatter fails before it prints, as json.dumps would,
# or what it printed is at least valid JSON.
# What happens: the document is written piece by piece. The rows before the bad value, and the key of the bad value,
# are on stdout already when the TypeError is raised.
# Why it matters here: a consumer behind a pipe may start to work on rows of a run that failed. hca does not use this
# formatter: its own encodes an item completely before it writes any of it.
# How seen: by formatting a list whose second row holds a set.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check cliff==4.17.0
"$work/venv/bin/python" - <<'PY'
import argparse, io, json, sys
from cliff.formatters.json_format import JSONFormatter

formatter, parser, out = JSONFormatter(), argparse.ArgumentParser(), io.StringIO()
formatter.add_argument_group(parser)
try:
    formatter.emit_list(["name", "value"], [("good", 1), ("bad", {1, 2})], out, parser.parse_args([]))
except TypeError as error:
    print("raised:", error)
else:
    sys.exit("no error any more")
print("already written:")
print(out.getvalue())
try:
    json.loads(out.getvalue())
except ValueError:
    complete = False
else:
    complete = True
sys.exit(0 if '"good"' in out.getvalue() and not complete else 1)
PY
echo "Half a document was written before the error."
