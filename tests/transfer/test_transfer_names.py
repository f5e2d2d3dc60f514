"""Names from servers, and attacks with planted symbolic links."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hca_base.errors import ExitCode
from hca_base.transfer import (
    DirectoryDestination,
    HostileNameError,
    Item,
    NameChecker,
    TransferOptions,
    check_names,
    download,
    safe_join,
    safe_name,
)

HOSTILE = [
    "", "/", "/etc/passwd", ".", "..", "../x", "a/../../b", "a/..", "a//b", "a/", "./a", "a/./b", "~/x", "a\\b",
    "..\\x", "C:x", "c:/x", "\\\\server\\share", "a\x00b", "a\nb", "a\x1b[31m", "a\x7f", "a\x85b", "a\u2028b",
    "a\u202eb", "\ud800", "CON", "con", "nul.txt", "Com1", "LPT9.tar.gz", "aux/b", "a/PRN", "COM¹", "conin$",
    "name.", "name ", "a./b", "a /b", "n" * 256, "é" * 128, "/".join("a" * 200), ".hca",
    ".HCA/v2/files_2_4/ab/cdef/x", ".hca/x", "a/" * 2100 + "b",
]  # fmt: skip
FIT = [
    "a", "a/b/c", ".hidden", "..a", "a..b", "CONSOLE", "con-1", "com", "com10", "nulls", "a b", "ü/日本/😀.txt", "ab:c",
    "x" * 255, "é" * 127, "#%+&?*|<>", "~", "~a", "-rf", "a/.hca", "$HOME", "a\u200fb",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_names_are_refused(name: str) -> None:
    with pytest.raises(HostileNameError) as raised:
        safe_name(name)
    assert raised.value.exit_code == ExitCode.REFUSED
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("name", FIT, ids=ascii)
def test_other_names_are_kept_as_they_are(name: str, tmp_path: Path) -> None:
    assert str(safe_name(name)) == name
    assert safe_join(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize("name", ["ab:c", "a?b", "a*b", 'a"b', "a|b", "a<b"])
def test_windows_allows_less(name: str) -> None:
    from hca_base.transfer._store._names import name_fault

    assert name_fault(name, windows=False) is None
    assert name_fault(name, windows=True) is not None


@given(st.text(min_size=1, max_size=300))
def test_whatever_is_accepted_stays_below_the_root(name: str) -> None:
    try:
        path = safe_name(name)
    except HostileNameError:
        return
    root = "/root/dir"
    joined = os.path.normpath(f"{root}/{path}")
    assert joined.startswith(root + "/")
    assert "\x00" not in joined
    assert not str(path).casefold().startswith(".hca/")


MERGED = [
    ("Foo", "foo"), ("a/B", "a/b"), ("A/x", "a/y"), ("straße", "STRASSE"), ("é", "e\u0301"), ("ﬁ", "fi"), ("x", "x/y"),
    ("x/y", "x"), ("X", "x/y"), ("İ", "i\u0307"),
]  # fmt: skip


@pytest.mark.parametrize("names", MERGED, ids=ascii)
def test_names_that_some_disk_would_merge(names: tuple[str, str]) -> None:
    with pytest.raises(HostileNameError):
        check_names(names)
    checker = NameChecker()
    assert checker.check(names[0], "1") is None
    assert checker.check(names[1], "2") is not None


def test_names_that_no_disk_merges() -> None:
    names = ["a", "b", "a.b", "c/a", "c/b", "d/a", "d/e/a", "ä", "ö"]
    check_names(names)
    checker = NameChecker()
    for name in names * 2:
        assert checker.check(name, name) is None
    # The same name with other content is another file.
    assert checker.check("a", "other content") is not None
    with pytest.raises(HostileNameError, match="are the same"):
        check_names(["a", "b", "".join(["a"])])


def test_many_names_in_little_memory() -> None:
    checker = NameChecker()
    for number in range(30_000):
        assert checker.check(f"bundle{number % 100}/file{number}", number) is None
    assert checker.check("bundle7/File7", 7) is not None
    assert len(checker._table) * 8 <= 1 << 20


def test_hostile_items_touch_nothing_and_cost_only_themselves(
    tmp_path: Path, item_of: Callable[..., Item], server: Any
) -> None:
    root = tmp_path / "a" / "root"
    items = [item_of(name, b"evil" + str(number).encode()) for number, name in enumerate(("../x", "CON", "ok/file"))]
    items += [item_of("ok/FILE", b"other"), item_of("Ok/new", b"third"), item_of("ok", b"fourth")]
    report = download(items, DirectoryDestination(root, root), options=TransferOptions(min_delay=0.01))
    assert {row.name: row.outcome for row in report.rows} == {
        "../x": "refused", "CON": "refused", "ok/file": "downloaded", "ok/FILE": "refused", "Ok/new": "refused",
        "ok": "refused",
    }  # fmt: skip
    assert sorted(path.name for path in tmp_path.rglob("*") if ".hca" not in path.parts) == ["a", "file", "ok", "root"]
    assert server.requests["/data/../x"] == 0


@pytest.mark.parametrize("store", [True, False], ids=["store", "plain"])
@pytest.mark.parametrize("size", [100, 300_000])
def test_planted_links_are_not_followed(tmp_path: Path, item_of: Callable[..., Item], store: bool, size: int) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "victim").write_text("precious")
    (root / "dir").symlink_to(outside)
    (root / "file").symlink_to(outside / "victim")
    (root / "dangling").symlink_to(outside / "new")
    (root / "deep").mkdir()
    (root / "deep" / "er").symlink_to("../../outside")
    items = [item_of(name, os.urandom(size)) for name in ("dir/victim", "file", "dangling", "deep/er/x", "fine")]
    report = download(
        items, DirectoryDestination(root, root if store else None), options=TransferOptions(min_delay=0.01)
    )
    assert {row.name for row in report.rows if row.good} == {"fine"}, list(report.rows)
    assert sorted(path.name for path in outside.iterdir()) == ["victim"]
    assert (outside / "victim").read_text() == "precious"
    assert {row.outcome for row in report.failed} == {"refused"}


def test_the_root_may_be_a_link(tmp_path: Path, item_of: Callable[..., Item]) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    assert download([item_of("a/b", b"x")], DirectoryDestination(tmp_path / "link", tmp_path / "link")).ok
    assert (tmp_path / "disk" / "a" / "b").read_bytes() == b"x"


def open_files() -> int:
    """The number of open files of this process; 0 if unknown."""
    listed = Path("/proc/self/fd")
    return len(list(listed.iterdir())) if listed.exists() else 0


def test_many_directories_need_few_descriptors(tmp_path: Path, item_of: Callable[..., Item]) -> None:
    before = open_files()
    body = b"the same"
    digest = hashlib.sha256(body).hexdigest()
    destination = DirectoryDestination(tmp_path, tmp_path)
    destination.begin()
    most = 0
    for number in range(300):
        destination.put_bytes(Item(f"d{number}/f", len(body), {"sha256": digest}), digest, body)
        most = max(most, open_files())
    destination.end()
    assert most - before < 80
    assert open_files() <= before


# Names that are only invalid on other systems

ODD_NAMES = [
    "trail.txt ",
    "report.",
    "CON",
    "d/aux.fastq.gz",
    "Case.txt",
    "case.txt",
    "D2/x",
    "d2/x",
    "\u00e9",
    "e\u0301",
]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="only on Linux")
@pytest.mark.parametrize("store", [True, False])
def test_native_names(tmp_path: Path, item_of: Callable[..., Item], store: bool) -> None:
    items = [item_of(name, f"content of {name!a}".encode()) for name in ODD_NAMES]
    destination = DirectoryDestination(tmp_path, tmp_path if store else None, names="native")
    report = download(items, destination)
    assert report.counts == {"downloaded": len(items)}, report.failed
    for name in ODD_NAMES:
        assert (tmp_path / name).read_bytes() == f"content of {name!a}".encode()
    check_names(ODD_NAMES, native=True)


@pytest.mark.skipif(sys.platform == "win32", reason="only on POSIX")
def test_portable_names_say_which_are_in_the_way(tmp_path: Path, item_of: Callable[..., Item]) -> None:
    items = [item_of(name, f"content of {name!a}".encode()) for name in ODD_NAMES]
    report = download(items, DirectoryDestination(tmp_path))
    assert sorted(row.name for row in report.rows) == sorted(ODD_NAMES), "each has its row"
    assert report.counts == {"refused": 7, "downloaded": 3}
    assert all("--names native" in str(error.hint) for error in report.errors)
    with pytest.raises(HostileNameError, match=r"'Case\.txt' and 'case\.txt'") as raised:
        check_names(["Case.txt", "x", "case.txt"])
    assert "--names native" in str(raised.value.hint)


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "a\nb", ".hca/x", "a/\u202e", "", "a\\b", "x" * 300])
def test_native_names_that_are_hostile_all_the_same(name: str) -> None:
    with pytest.raises(HostileNameError) as raised:
        check_names([name], native=True)
    assert raised.value.hint is None
    with pytest.raises(HostileNameError):
        check_names(["x", "x"], native=True)
