#!/usr/bin/env bash
# jsonmerge 1.9.2 with jsonschema 4.26.0.
# One would guess: any two JSON objects can be merged, since every string is a valid member name.
# What happens: a key that holds a percent escape ("a%20b", "a%2Fb") ends in jsonschema's "Unresolvable JSON pointer",
# and the empty key in a bare AssertionError. "100%", "a#b" and "a b" are merged. Values are found again by URL
# fragments, which are decoded once too often on the way.
# Why it matters here: URLs are keys of settings (proxies by host, addresses of upload areas). hca replaces such keys
# by others before it calls jsonmerge, and puts them back afterwards.
# How seen: merging settings with keys of every kind, against a plain recursive merge.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check jsonmerge==1.9.2 jsonschema==4.26.0
"$work/venv/bin/python" - <<'PY'
import sys
import jsonmerge

outcomes = {}
for key in ("plain", "a b", "a#b", "100%", "a%20b", "a%2Fb", ""):
    try:
        merged = jsonmerge.merge({key: {"x": 1}}, {key: {"y": 2}})
        outcomes[key] = "merged" if merged == {key: {"x": 1, "y": 2}} else f"wrong: {merged}"
    except Exception as error:
        outcomes[key] = type(error).__name__
    print(f"{key!r:10} {outcomes[key]}")
merged = [key for key, outcome in outcomes.items() if outcome == "merged"]
failed = [key for key, outcome in outcomes.items() if outcome.endswith("Error")]
sys.exit(0 if merged == ["plain", "a b", "a#b", "100%"] and failed == ["a%20b", "a%2Fb", ""] else 1)
PY
echo "Percent escapes and the empty key cannot be merged."
