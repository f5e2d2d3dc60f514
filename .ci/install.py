"""Install the distributions of this repository into the environment of this Python, as ``pip install -r`` does.

One environment at a time: pip builds a distribution in the folder of its sources, and ``tox -p`` makes environments at
the same time. Arguments are pip's.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def alone_in_the_sources() -> Iterator[None]:
    """Let one process at a time build in the folders of the sources."""
    try:
        import fcntl
    except ImportError:  # Windows, where tox runs one environment after the other
        yield
        return
    lock = ROOT / ".tox" / "build.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    files = [word for name in ("requirements.txt", "requirements-plugins.txt") for word in ("-r", name)]
    with alone_in_the_sources():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", *sys.argv[1:], *files]
        sys.exit(subprocess.run(pip, cwd=ROOT, check=False).returncode)
