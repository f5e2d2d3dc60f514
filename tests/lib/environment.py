"""A virtual environment to install into."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path


class Environment:
    """A virtual environment with the packages of this one, and a site-packages of its own.

    :param without: a distribution of this environment to hide
    :ivar python: its interpreter
    """

    def __init__(self, path: Path, home: Path, without: str = "") -> None:
        venv.create(path, with_pip=False, symlinks=True)
        folder = "Scripts" if os.name == "nt" else "bin"
        self.python = path / folder / "python"
        self.home = home
        home.mkdir()
        (home / "work").mkdir()
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        self.site = Path(subprocess.check_output([self.python, "-c", code], text=True).strip())
        # addsitedir, so that the editable installs of the outer environment are visible as well.
        outer = next(entry for entry in sys.path if entry.endswith("site-packages"))
        if without:
            outer = str(_links(Path(outer), path / "outer", without.replace("-", "_")))
        (self.site / "outer.pth").write_text(f"import site; site.addsitedir({outer!r})\n")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "PYTHON"))}
        self.env |= {"HOME": str(home), "COLUMNS": "80", "HCA_SITE_CONFIG": str(home / "none.json")}

    def run(self, *args: object, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run its Python."""
        done = subprocess.run(
            [str(self.python), *map(str, args)],
            env=self.env,
            cwd=self.home / "work",
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        if check is not None:
            assert done.returncode == check, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def hca(self, *args: object, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run its ``hca``."""
        return self.run("-m", "hca_base", *args, check=check)

    def pip(self, *args: object) -> subprocess.CompletedProcess[str]:
        """Run its pip, without any index."""
        return self.run("-m", "pip", "--disable-pip-version-check", *args)


def _links(packages: Path, folder: Path, without: str) -> Path:
    """Make a folder of links to installed packages, except those of one distribution."""
    folder.mkdir()
    pattern = re.compile(rf"(__editable__[._]+)?{without}([-._].*)?")
    for entry in packages.iterdir():
        if not pattern.fullmatch(entry.name.replace("-", "_")):
            (folder / entry.name).symlink_to(entry)
    return folder
