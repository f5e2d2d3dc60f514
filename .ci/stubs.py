"""Write the base classes of the plugins' clients, for type checkers, from the documents that the plugins bundle.

An argument names another folder than this repository's to write them to. They are made by ``hca service stubs``,
without the settings and documents of the user.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from hca_base.plugins import registry

ROOT = Path(__file__).resolve().parent.parent


def main(folder: Path) -> None:
    """Write the files of all services that have a document in a plugin of this repository."""
    for name, service in sorted(registry().services().items()):
        package, document = service.bundled_document or ("", "")
        for source in ROOT.glob(f"plugins/*/{package}/{document}") if package else ():
            stem = "operations" if source.stem == "document" else f"{source.stem}_operations"
            target = folder / source.relative_to(ROOT).with_name(f"{stem}.pyi")
            target.parent.mkdir(parents=True, exist_ok=True)
            words = ["service", "stubs", name, "--base-class", f"{name.capitalize()}Operations", "--output", target]
            subprocess.run([sys.executable, "-m", "hca_base", *words, "--replace"], check=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        for variable in [each for each in os.environ if each.startswith(("HCA_", "XDG_"))]:
            del os.environ[variable]
        os.environ["HOME"] = home
        main(Path(sys.argv[1]) if sys.argv[1:] else ROOT)
