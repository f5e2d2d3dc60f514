"""The modules that a command imports."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.lib.runner import Runner

_PROBE = """
import json, sys
before = set(sys.modules)
from hca_base.shell import main
try:
    code = main(sys.argv[2:])
except SystemExit as error:
    code = error.code
with open(sys.argv[1], "w") as file:
    json.dump({"code": code, "modules": sorted(set(sys.modules) - before)}, file)
"""

#: Several commands, each in its own fork, so that the interpreter starts once.
_PROBES = """
import json, os, sys
before = set(sys.modules)
for words in json.loads(sys.argv[1]):
    if os.fork():
        assert os.wait()[1] == 0, words
        continue
    from hca_base.shell import main
    try:
        main(words)
    except SystemExit:
        pass
    sys.stdout.write("\\n" + json.dumps(["modules", words, sorted(set(sys.modules) - before)]) + "\\n")
    sys.stdout.flush()
    os._exit(0)
"""

#: Commands unrelated to a plugin installed besides hca-dss: those typed every day, and those that
#: query all plugins.
EVERYDAY = [
    ("--version",),
    ("--help",),
    ("config", "get", "DSSClient.swagger_url"),
    ("config", "set", "http.timeout", "5"),
    ("config", "show"),
    ("config", "validate"),
    ("auth", "status"),
    ("search", "bundle"),
    ("plugin", "list"),
    ("dss", "get-bundle", "--help"),
    ("__complete", "--", ""),
    ("__complete", "--", "dss", "get-b"),
    ("__complete", "--", "config", "get", "DSS"),
]

#: The caches filled by these are all that the others need.
_WARM = [("config", "validate"), ("search", "bundle"), ("dss", "get-bundle", "--help")]


def modules_of(hca: Runner, tmp_path: Path, *args: str, code: int = 0, warm: bool = True) -> set[str]:
    """The modules that a command imports.

    :param warm: run it once before, to fill the caches
    """
    result = tmp_path / "modules.json"
    if warm:
        hca(*args, check=code)
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, str(result), *args],
        env=hca.env,
        cwd=hca.cwd,
        capture_output=True,
        timeout=60,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(result.read_text())
    assert found["code"] == code, done.stderr
    return set(found["modules"])


def changed_imports(hca: Runner, plugin: str, commands: Sequence[tuple[str, ...]] = EVERYDAY) -> dict[str, set[str]]:
    """Return the modules that each command imports only with a plugin, or only without it.

    :param plugin: name of an installed distribution; hca-dss is there in both cases
    """
    found = []
    for names in ("hca-dss", f"hca-dss,{plugin}"):
        done = subprocess.run(
            [sys.executable, "-c", _PROBES, json.dumps([*_WARM, *commands])],
            env={**hca.env, "HCA_PLUGINS": names},
            cwd=hca.cwd,
            capture_output=True,
            timeout=100,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found.append([json.loads(line) for line in done.stdout.splitlines() if line.startswith('["modules"')])
    assert len(found[0]) == len(found[1]) == len(_WARM) + len(commands)
    pairs = list(zip(*found, strict=True))[len(_WARM) :]
    return {" ".join(one[1]): set(one[2]) ^ set(two[2]) for one, two in pairs if one[2] != two[2]}
