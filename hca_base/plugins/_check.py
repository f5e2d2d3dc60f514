"""Test plugins, each distribution in a separate process, because one may hang or exit."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from hca_base.plugins._registry import Registry, registry

#: Timeout in seconds for all imports of one distribution.
TIMEOUT = 15.0

_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from hca_base.plugins._check import report; report(sys.argv[2])"
)


def check_plugins(timeout: float = TIMEOUT) -> dict[str, list[dict[str, str]]]:
    """Return the problems of each plugin.

    :param timeout: seconds for each
    :return: distribution -> problems, each with ``group``, ``name`` and ``reason``; empty if there are none
    """
    from concurrent.futures import ThreadPoolExecutor

    names = [distribution.name for distribution in registry().distributions()]
    if not names:
        return {}
    with ThreadPoolExecutor(max_workers=4) as pool:
        return dict(zip(names, pool.map(lambda name: _check(name, timeout), names), strict=True))


def _check(name: str, timeout: float) -> list[dict[str, str]]:
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CODE, json.dumps(sys.path), name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [{"group": "", "name": "", "reason": f"importing it takes longer than {timeout:g} seconds"}]
    except OSError as error:
        return [{"group": "", "name": "", "reason": f"it could not be checked: {error}"}]
    try:
        found: list[dict[str, str]] = json.loads(done.stdout.decode().rpartition("\n")[2])
        return found
    except ValueError:
        return [{"group": "", "name": "", "reason": f"it ends the process, with exit code {done.returncode}"}]


def report(name: str) -> None:
    """Test one distribution in this process, and print its problems as JSON on the last line."""
    found = [each for each in registry().distributions() if each.name == name]
    alone = Registry(found)
    problems = [
        {"group": broken.record.group, "name": broken.record.name, "reason": broken.reason} for broken in alone.check()
    ]
    problems += _documents(alone)
    sys.stdout.write("\n" + json.dumps(problems))
    sys.stdout.flush()


def _documents(plugins: Registry) -> list[dict[str, Any]]:
    """Return services whose document cannot be used."""
    from hca_base.config import load
    from hca_base.errors import HCAError
    from hca_base.openapi import DocumentCache

    problems = []
    config = load(tolerant=True)
    for name, service in plugins.services().items():
        try:
            DocumentCache(config).get(service)
        except HCAError as error:
            problems.append({"group": "hca.services", "name": name, "reason": f"its document is unusable: {error}"})
        except Exception as error:  # noqa: BLE001 - a plugin's own document code may fail in any way
            problems.append({"group": "hca.services", "name": name, "reason": f"{type(error).__name__}: {error}"})
    return problems
