"""The token store: keyring, file, and errors of both."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hca_base.auth import KeyringUnusable, Record, TokenStore, account_name, bearer_record, key_record, open_store
from hca_base.auth._stores._keyring import Keyring
from hca_base.errors import AuthError, ConfigError

RECORD = {"kind": "token", "hosts": ["https://dss.example"], "access_token": "canary-1234567890"}


@pytest.fixture
def path(home):
    return home / "state" / "hca" / "auth" / "tokens.json"


def test_a_record_comes_back(path):
    store = TokenStore("file")
    assert store.get("default/dss") is None
    assert store.place_of("default/dss") is None
    assert not path.exists()
    store.put("default/dss", RECORD)
    store.put("local/dss", {**RECORD, "access_token": "another-one"})
    assert TokenStore("file").get("default/dss") == RECORD
    assert store.accounts() == ["default/dss", "local/dss"]
    assert store.place_of("default/dss") == str(path)
    assert store.delete("default/dss")
    assert not store.delete("default/dss")
    assert store.get("default/dss") is None
    assert store.get("local/dss")["access_token"] == "another-one"


def test_nobody_else_can_read_the_file(path):
    TokenStore("file").put("default/dss", RECORD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    old = os.umask(0)
    try:
        TokenStore("file").put("default/other", RECORD)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {entry.name for entry in path.parent.iterdir()} <= {"tokens.json", ".tokens.json.lock"}


def test_a_file_that_others_could_read_is_closed(path, capsys):
    TokenStore("file").put("default/dss", RECORD)
    path.chmod(0o644)
    assert TokenStore("file").get("default/dss") == RECORD
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"version": 1}',
        b'{"version": 1, "accounts": {"a": 7}}',
        b"null",
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_named_and_left_alone(path, content):
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    path.chmod(0o600)
    store = TokenStore("file")
    for work in (lambda: store.get("x"), lambda: store.put("x", RECORD), lambda: store.delete("x"), store.accounts):
        with pytest.raises(AuthError, match="damaged") as caught:
            work()
        assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_a_file_with_a_byte_order_mark(path):
    TokenStore("file").put("default/dss", RECORD)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert TokenStore("file").get("default/dss") == RECORD


def test_a_file_of_a_newer_version(path):
    path.parent.mkdir(parents=True)
    path.write_text('{"version": 9, "accounts": {}}')
    with pytest.raises(AuthError, match="newer version"):
        TokenStore("file").get("x")


def test_a_folder_in_place_of_the_file(path):
    path.mkdir(parents=True)
    store = TokenStore("file")
    with pytest.raises(AuthError, match=r"tokens\.json"):
        store.get("x")
    with pytest.raises(AuthError, match=r"tokens\.json"):
        store.put("x", RECORD)


def test_a_state_folder_that_is_a_file(home):
    (home / "state").write_text("")
    store = TokenStore("file", path=home / "state" / "auth" / "tokens.json")
    with pytest.raises(AuthError, match=r"tokens\.json"):
        store.put("x", RECORD)


@pytest.mark.skipif(os.geteuid() == 0, reason="running as root")
def test_an_unreadable_file(path):
    TokenStore("file").put("default/dss", RECORD)
    path.chmod(0)
    with pytest.raises(AuthError, match="cannot be read"):
        TokenStore("file").get("default/dss")


def test_the_file_keeps_what_it_does_not_know(path):
    store = TokenStore("file")
    store.put("default/dss", RECORD)
    content = json.loads(path.read_text())
    content["from_the_future"] = 1
    content["accounts"]["x/y"] = {"where": "file", "record": {"new": True}, "more": 1}
    path.write_text(json.dumps(content))
    store.put("a/b", RECORD)
    after = json.loads(path.read_text())
    assert after["from_the_future"] == 1
    assert after["accounts"]["x/y"] == {"where": "file", "record": {"new": True}, "more": 1}


def test_fifty_writers_lose_nothing(path):
    """Several processes and threads at once."""
    code = (
        "import sys, threading\n"
        "from hca_base.auth import TokenStore\n"
        "def put(n):\n"
        "    TokenStore('file').put(f'{sys.argv[1]}/{n}', {'kind': 'token', 'access_token': f't{n}', 'hosts': []})\n"
        "threads = [threading.Thread(target=put, args=(n,)) for n in range(5)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, str(number)]) for number in range(10)]
    assert [worker.wait(120) for worker in workers] == [0] * 10
    assert TokenStore("file").accounts() == sorted(f"{p}/{n}" for p in range(10) for n in range(5))


def test_records_do_not_show_their_secrets(path, capsys):
    record = Record(
        kind="oauth2",
        access_token="canary-a",
        refresh_token="canary-b",
        client_secret="canary-c",
        identity="me",
        hosts=[],
    )
    store = TokenStore("file")
    store.put("a/b", record)
    shown = f"{record!r} {record} {store!r} {store.get('a/b')!r} {key_record('canary-key', [])!r} {vars(store)}"
    assert "canary" not in shown
    assert "me" in shown
    assert "canary" in path.read_text()


# Keyring


def test_the_keyring_is_preferred(path, keyring_backend, tmp_path):
    keyring_backend("Working")
    said = []
    store = TokenStore(announce=said.append)
    store.put("default/dss", RECORD)
    assert "canary" not in path.read_text()
    assert "canary" in (tmp_path / "keyring.json").read_text()
    assert store.get("default/dss") == RECORD
    assert store.place_of("default/dss") == "keyring"
    assert store.where == "keyring (hca_test_keyrings)"
    assert store.delete("default/dss")
    assert "canary" not in (tmp_path / "keyring.json").read_text()
    assert said == []


def test_without_a_keyring_the_file_takes_over_and_says_so_once(path, no_keyring):
    said = []
    TokenStore(announce=said.append).put("default/dss", RECORD)
    TokenStore(announce=said.append).put("default/other", RECORD)
    assert TokenStore().get("default/dss") == RECORD
    (message,) = said
    assert "no usable keyring" in message and str(path) in message
    assert TokenStore().where == str(path)


def test_a_backend_that_is_not_recommended_does_not_count(path, keyring_backend, tmp_path):
    keyring_backend("Plaintext")
    TokenStore().put("default/dss", RECORD)
    assert not (tmp_path / "keyring.json").exists()
    assert TokenStore().place_of("default/dss") == str(path)


def test_only_the_keyring_by_configuration(no_keyring, path):
    with pytest.raises(KeyringUnusable, match="nothing was stored"):
        TokenStore("keyring").put("default/dss", RECORD)
    assert TokenStore("keyring").accounts() == []


def test_never_the_keyring_by_configuration(keyring_backend, path, tmp_path):
    keyring_backend("Working")
    open_store({"auth.store": "file"}).put("default/dss", RECORD)
    assert not (tmp_path / "keyring.json").exists()


@pytest.mark.parametrize("value", ["cloud", "", 7])
def test_a_place_that_is_none(value):
    with pytest.raises(ConfigError, match=r"auth\.store"):
        open_store({"auth.store": value})


def test_a_locked_keyring(keyring_backend, path):
    keyring_backend("Working")
    TokenStore().put("default/dss", RECORD)
    keyring_backend("Locked")
    with pytest.raises(KeyringUnusable, match="locked") as caught:
        TokenStore().get("default/dss")
    assert "auth.store file" in caught.value.hint
    with pytest.raises(KeyringUnusable, match="locked"):
        TokenStore().delete("default/dss")
    assert TokenStore().accounts() == ["default/dss"]
    TokenStore().put("default/dss", RECORD)
    assert TokenStore().place_of("default/dss") == str(path)


def test_a_keyring_that_never_answers(keyring_backend, path):
    keyring_backend("Hanging")
    said = []
    TokenStore(keyring=Keyring(timeout=0.2), announce=said.append).put("default/dss", RECORD)
    assert "does not respond" in said[0]
    assert TokenStore().get("default/dss") == RECORD


def test_a_broken_keyring_is_not_quoted(keyring_backend, path):
    keyring_backend("Broken")
    said = []
    TokenStore(announce=said.append).put("default/dss", RECORD)
    assert "OSError" in said[0] and "canary" not in said[0]


def test_a_program_with_a_hanging_keyring_ends(keyring_backend, path):
    keyring_backend("Hanging")
    code = (
        "from hca_base.auth import open_store\n"
        "open_store({'auth.keyring_timeout': 0.3}).put('a/b', {'kind': 'token', 'access_token': 'x', 'hosts': []})\n"
        "print(open_store({}).get('a/b')['kind'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "token\n")
    assert "does not respond" in done.stderr


def test_long_records_are_split_where_the_keyring_is_small(keyring_backend, tmp_path):
    backend = keyring_backend("Small")
    long = {"kind": "oauth2", "hosts": [], "access_token": "a" * 3000, "refresh_token": "r" * 1000}
    store = TokenStore(keyring=Keyring(limit=1200))
    store.put("default/dss", long)
    assert store.get("default/dss") == long
    first = set(json.loads((tmp_path / "keyring.json").read_text()))
    assert len(first) == 1 + 4
    store.put("default/dss", {**long, "access_token": "b" * 3000})
    second = set(json.loads((tmp_path / "keyring.json").read_text()))
    assert len(second) == 5 and len(first & second) == 1
    assert store.get("default/dss")["access_token"] == "b" * 3000
    backend.delete_password("hca", next(name for name in second - first).partition(" ")[2])
    with pytest.raises(KeyringUnusable, match="incomplete"):
        store.get("default/dss")
    store.put("default/dss", RECORD)
    store.delete("default/dss")
    left = [name for name in json.loads((tmp_path / "keyring.json").read_text()) if name not in second]
    assert left == []


def test_the_keyring_is_not_even_imported_without_need(home):
    code = (
        "import sys\n"
        "from hca_base.auth import credentials_for, open_store\n"
        "from hca_base.plugins import Service\n"
        "credentials = credentials_for(Service(name='x'), {'services.x.url': 'https://x.example/s.json'})\n"
        "assert credentials.headers_for('https://x.example/') == {}\n"
        "open_store({}).accounts()\n"
        "print([m for m in ('keyring', 'google.auth', 'requests') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_threads_share_a_store(keyring_backend):
    keyring_backend("Working")
    store = TokenStore()
    threads = [
        threading.Thread(target=store.put, args=(f"t/{n}", bearer_record(f"token-{n}", ["h"]))) for n in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store.get(f"t/{n}")["access_token"] for n in range(10)] == [f"token-{n}" for n in range(10)]


def test_account_names():
    assert account_name(None, "dss") == "default/dss"
    assert account_name("local", "dss") == "local/dss"


@pytest.mark.skipif(
    shutil.which("gnome-keyring-daemon") is None or shutil.which("dbus-run-session") is None,
    reason="gnome-keyring is not at hand",
)
def test_a_real_secret_service(home):
    """Store, read, replace and delete in a private gnome-keyring; then lock it."""
    script = Path(home) / "run.sh"
    script.write_text(
        "set -e\n"
        'eval "$(printf "\\n" | gnome-keyring-daemon --unlock --components=secrets)"\n'
        f'exec "{sys.executable}" -c "$HCA_TEST_CODE"\n'
    )
    code = (
        "from hca_base.auth import KeyringUnusable, TokenStore\n"
        "from hca_base.auth._stores._keyring import Keyring\n"
        "store = TokenStore('keyring')\n"
        "record = {'kind': 'token', 'hosts': ['https://x.example'], 'access_token': 'canary-' + 'x' * 5000}\n"
        "store.put('default/dss', record)\n"
        "assert TokenStore().get('default/dss') == record\n"
        "store.put('default/dss', {**record, 'access_token': 'second'})\n"
        "assert TokenStore().get('default/dss')['access_token'] == 'second'\n"
        "print(store.where, store.place_of('default/dss'))\n"
        "import secretstorage\n"
        "bus = secretstorage.dbus_init()\n"
        "secretstorage.get_default_collection(bus).lock()\n"
        "try:\n"
        "    TokenStore(keyring=Keyring(timeout=3)).get('default/dss')\n"
        "    print('readable')\n"
        "except KeyringUnusable as error:\n"
        "    print('unusable')\n"
    )
    env = {name: value for name, value in os.environ.items() if name != "PYTHON_KEYRING_BACKEND"}
    env["HCA_TEST_CODE"] = code
    done = subprocess.run(
        ["dbus-run-session", "--", "sh", str(script)], env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-2] == "keyring (SecretService) keyring"
    # The test's collection has no password, so the daemon may unlock it without asking.
    assert lines[-1] in ("unusable", "readable")
    assert "canary" not in (home / "state" / "hca" / "auth" / "tokens.json").read_text()
