"""The result of a command."""

from __future__ import annotations

import json
import subprocess
from typing import Any

ERROR = "hca: error: "
HINT = "  hint: "


class Run(subprocess.CompletedProcess[Any]):
    """The result of running ``hca``: exit code, stdout, stderr, and parsed parts of them."""

    @property
    def json(self) -> Any:
        """The JSON value on stdout."""
        return json.loads(self.stdout)

    @property
    def rows(self) -> list[Any]:
        """The JSON values on stdout, one per line."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def error(self) -> str:
        """The message of the first error on stderr, without ``hca: error: ``."""
        return self._after(ERROR)

    @property
    def hint(self) -> str:
        """The first hint on stderr, without ``hint: ``."""
        return self._after(HINT)

    def _after(self, prefix: str) -> str:
        for line in self.stderr.splitlines():
            if line.startswith(prefix):
                return str(line[len(prefix) :])
        raise AssertionError(f"no line starts with {prefix!r}:\n{self.stderr}")
