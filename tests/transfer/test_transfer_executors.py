"""Executors for downloads: the scheme of ``--executor`` selects a plugin's entry point."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hca_base.errors import UsageError
from hca_base.transfer import FileStore, TransferOptions, download

PLUGIN = """
from hca_base.transfer import Report, Row

def run(items, destination, options, progress=None, session=None, on_result=None, expected=None):
    report = Report()
    for item in items:
        row = Row.success(item.name, "downloaded", item.size, options.executor, key=item.key)
        report.add(row)
        if on_result is not None:
            on_result(item, row)
    return report
"""
SCRIPT = """
import json, sys
from hca_base.transfer import DirectoryDestination, Item, Source, TransferOptions, download
if sys.argv[1] == "registry":
    import hca_base.plugins; hca_base.plugins.registry()
seen = []
report = download(
    [Item("a", 3, source=Source("http://127.0.0.1:9/a"))], DirectoryDestination("d"),
    options=TransferOptions(executor="teleport://there"), on_result=lambda item, row: seen.append(row.name),
)
print(json.dumps([seen, [row.path for row in report.rows]]))
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH with a plugin that has an executor."""
    site = tmp_path / "site"
    info = site / "hca_teleport-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "hca_teleport.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hca-teleport\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hca.executors]\nteleport = hca_teleport:run\n")
    return site


def run(plugin: Path, tmp_path: Path, how: str, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": f"{plugin}:{Path(__file__).parents[2]}", "PATH": "", "HOME": str(tmp_path), **env}
    command = [sys.executable, "-c", SCRIPT, how]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("how", ["registry", "library"])
def test_a_plugin_runs_a_download(plugin: Path, tmp_path: Path, how: str) -> None:
    done = run(plugin, tmp_path, how)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["a"], ["teleport://there"]]


@pytest.mark.parametrize("how", ["registry", "library"])
def test_plugins_that_are_not_chosen_run_nothing(plugin: Path, tmp_path: Path, how: str) -> None:
    done = run(plugin, tmp_path, how, HCA_PLUGINS="hca-dss")
    assert done.returncode == 1
    assert "'teleport://there' is not a known executor" in done.stderr


@pytest.mark.parametrize("executor", ["ray://x:1", "x", "://", "dask:/h:1"])
def test_an_executor_that_nobody_has(tmp_path: Path, executor: str) -> None:
    with pytest.raises(UsageError, match="is not a known executor") as raised:
        download([], FileStore(tmp_path), options=TransferOptions(executor=executor))
    assert "threads" in str(raised.value.hint)
