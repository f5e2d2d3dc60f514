"""Requirements of the distributions, and that each works alone."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"hca-base": ROOT, **{f"hca-{n}": ROOT / "plugins" / n for n in ("dss", "upload", "azul", "drs", "local")}}
#: distribution -> our distributions that it needs besides the core, and one of its commands
ALONE = {
    "hca-base": ([], ["config", "show"]),
    "hca-dss": ([], ["dss", "get-bundle", "--help"]),
    "hca-upload": ([], ["upload", "--help"]),
    "hca-azul": (["hca-drs"], ["azul", "--help"]),
    "hca-drs": ([], ["drs", "prefixes"]),
    "hca-local": (["hca-dss", "hca-upload"], ["local", "status"]),
}
HEAVY = {"boto3", "pycurl", "distributed", "fsspec", "s3fs", "google_crc32c"}


def required() -> set[str]:
    names = set()
    for path in [ROOT / "setup.cfg", *ROOT.glob("plugins/*/setup.cfg")]:
        parser = configparser.ConfigParser()
        parser.read(path, encoding="utf-8")
        texts = [parser["options"].get("install_requires", "")]
        if parser.has_section("options.extras_require"):
            texts += parser["options.extras_require"].values()
        for line in "\n".join(texts).splitlines():
            if line.strip() and not line.startswith("#"):
                names.add(re.split(r"[^\w.-]", line.strip(), maxsplit=1)[0].lower())
    return {name for name in names if not name.startswith("hca")}


def test_the_page_of_dependencies_names_them_all() -> None:
    page = (ROOT / "docs" / "dependencies.rst").read_text(encoding="utf-8")
    listed = {name.lower() for name in re.findall(r"^   \* - ([\w.-]+)$", page, re.MULTILINE)} - {"package"}
    assert listed == required()


def test_a_bill_of_materials(tmp_path: Path) -> None:
    wheel = tmp_path / "x-1-py3-none-any.whl"
    wheel.write_bytes(b"x")
    subprocess.run([sys.executable, ROOT / ".ci" / "sbom.py", tmp_path / "bom.json", wheel], check=True, timeout=60)
    bill = json.loads((tmp_path / "bom.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    parts = {part["name"]: part for part in bill["components"]}
    assert {"hca-base", "requests", "urllib3", "cliff"} <= set(parts)
    assert all(part.get("licenses") for name, part in parts.items() if name in required())
    assert parts[wheel.name]["hashes"][0]["content"].startswith("2d711642")
    refs = {part["bom-ref"] for part in bill["components"] if "bom-ref" in part}
    assert all({each["ref"], *each["dependsOn"]} <= refs for each in bill["dependencies"])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", sorted(ALONE))
def test_each_distribution_works_alone(tmp_path: Path, name: str) -> None:
    others, words = ALONE[name]
    venv.create(tmp_path / "v", with_pip=True)
    python = tmp_path / "v" / "bin" / "python"
    folders = [str(FOLDERS[each]) for each in dict.fromkeys(["hca-base", *others, name])]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *folders], check=True, timeout=600)
    subprocess.run([python, "-m", "pip", "check"], check=True, timeout=60)
    home = tmp_path / "home"
    home.mkdir()
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "HCA_SITE_CONFIG": str(home / "none")}
    for command in (["--version"], ["--help"], ["plugin", "list"], words):
        done = subprocess.run(
            [python, "-m", "hca_base", *command],
            env=env,
            cwd=home,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode in ((0, 6) if command == ["local", "status"] else (0,)), done.stderr
        assert "Traceback" not in done.stderr
    if name == "hca-base":
        listed = subprocess.run(
            [python, "-m", "pip", "list"], capture_output=True, text=True, check=True
        ).stdout.lower()
        assert not [each for each in HEAVY if re.search(rf"^{each.replace('_', '[-_]')} ", listed, re.MULTILINE)]
