"""Print how many files and functions of hca a command runs through.

``python docs/tools/way.py dss get-bundle --uuid U --replica aws`` runs the command and writes a line to stderr; with
``--list`` before the command, the functions too, in the order in which they were first called. A newcomer who follows
one command reads about as much as this counts; ``plugins/dss/tests/test_dss_way.py`` keeps it from growing.

Counted are functions and methods of the core and the plugins, in all threads; not the bodies of modules
and classes, lambdas and comprehensions.
"""

from __future__ import annotations

import inspect
import sys
import threading
from pathlib import Path
from types import CodeType, FrameType
from typing import Any


class Way:
    """Records the functions that run, between :meth:`start` and :meth:`stop`."""

    def __init__(self) -> None:
        self.seen: dict[CodeType, None] = {}

    def start(self) -> None:
        """Begin to record, in this thread and in those that start later."""
        threading.setprofile(self._record)
        sys.setprofile(self._record)

    def stop(self) -> None:
        """Record no further."""
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]

    def _record(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            self.seen.setdefault(frame.f_code)

    @property
    def functions(self) -> list[tuple[str, str]]:
        """File and name of each function of ours, in the order in which they were first called."""
        found = []
        for code in self.seen:
            file = _own_file(code.co_filename)
            # The body of a class runs as code, too, but is no function.
            if file is not None and code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<"):
                found.append((file, code.co_qualname))
        return found

    @property
    def files(self) -> list[str]:
        """The files of those functions, in the order in which they were first reached."""
        return list(dict.fromkeys(file for file, _ in self.functions))


def _own_file(path: str) -> str | None:
    """The path below the package's parent, for files of the product."""
    parts = Path(path).parts
    for number, part in enumerate(parts):
        if part == "hca_base" or (part.startswith("hca") and (Path(*parts[: number + 1]) / "__init__.py").exists()):
            return "/".join(parts[number:])
    return None


def main(arguments: list[str]) -> int:
    """Run a command; its exit code."""
    listed = arguments[:1] == ["--list"]
    from hca_base.shell import main as hca

    way = Way()
    way.start()
    try:
        code = hca(arguments[listed:])
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        way.stop()
    functions, files = way.functions, way.files
    if listed:
        for file, name in functions:
            sys.stderr.write(f"{file}: {name}\n")
    sys.stderr.write(f"way: {len(files)} files, {len(functions)} functions\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
