"""Adds to the wheel the search index of the documentation, which is made of the source tree. See setup.cfg."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))


class BuildWithPages(build_py):
    """Build the package with the lines that ``hca search`` has for the documentation."""

    def run(self) -> None:
        super().run()
        if getattr(self, "editable_mode", False):
            return  # A source tree's pages are read as they are.
        from hca_base.shell._search._pages import PAGES, page_lines

        target = Path(self.build_lib, PAGES.resolve().relative_to(ROOT.resolve()))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(page_lines(ROOT / "docs")) + "\n", encoding="utf-8")


setup(cmdclass={"build_py": BuildWithPages})
