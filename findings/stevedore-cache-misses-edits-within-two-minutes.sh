#!/usr/bin/env bash
# stevedore 5.10.0, CPython 3.11 on Linux.
# One would guess: the cache of entry points notices every change of an entry_points.txt, since its key holds
# the file's modification time.
# What happens: the key stores that time as a 4-byte float. Times of today are then rounded to steps of 128
# seconds, so an edit made soon after the cache was written keeps the old key, and the old entry points are served.
# Why it matters here: a plugin that is reinstalled while it is being written shows yesterday's commands. hca reads
# entry points through a cache of its own, keyed by nanoseconds.
# How seen: read in stevedore's _cache.py (struct.Struct("f")), then shown by setting modification times as below. The
# cache is off for a Python below /tmp, so the environment is made in the home directory.
set -euo pipefail
work=$(mktemp -d "$HOME/finding.XXXXXX")
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check stevedore==5.10.0
export XDG_CACHE_HOME="$work/cache"
"$work/venv/bin/python" - <<'PY'
import os, pathlib, subprocess, sys, sysconfig

site = pathlib.Path(sysconfig.get_paths()["purelib"])
info = site / "demo-1.0.dist-info"
info.mkdir()
(info / "METADATA").write_text("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
entry_points = info / "entry_points.txt"
LIST = "from stevedore import _cache; print([e.name for e in _cache.get_group_all('demo.group')])"

def seen(name: str, second: int) -> str:
    entry_points.write_text(f"[demo.group]\n{name} = os:getcwd\n")
    os.utime(entry_points, (second, second))
    for folder in (info, site):
        os.utime(folder, (1_790_000_000, 1_790_000_000))
    return subprocess.check_output([sys.executable, "-c", LIST], text=True).strip()

results = [seen("first", 1_790_000_000), seen("second", 1_790_000_020), seen("third", 1_790_000_400)]
for when, result in zip(("at first", "20 s later", "400 s later"), results):
    print(f"{when}: {result}")
sys.exit(0 if results == ["['first']", "['first']", "['third']"] else 1)
PY
echo "The edit after 20 seconds is not noticed."
