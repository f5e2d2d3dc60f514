"""Fixtures for tests of credentials: an issuer, a service that trusts it, keyrings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hca_base.auth import bearer_record, open_store
from tests.auth.toy_service import SETTINGS
from tests.lib.issuer import Issuer


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A separate home for each test, without a keyring unless the test sets one."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(folder))
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(folder / name.lower()))
    for name in list(os.environ):
        if name.startswith(("HCA_", "GOOGLE_", "GCE_", "CLOUDSDK_")) or name in (
            "BROWSER",
            "DISPLAY",
            "WAYLAND_DISPLAY",
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    return folder


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    one = Issuer()
    yield one
    one.stop()


@pytest.fixture
def keyring_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Use one of the backends in keyrings/ as the keyring, in this process and in child processes."""
    import sys

    import keyring

    before = keyring.get_keyring()
    folder = str(Path(__file__).parent / "keyrings")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("HCA_TEST_KEYRING", str(tmp_path / "keyring.json"))

    def use(name: str) -> Any:
        import hca_test_keyrings as module

        monkeypatch.setenv("PYTHONPATH", folder)
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"hca_test_keyrings.{name}")
        backend = getattr(module, name)()
        keyring.set_keyring(backend)
        return backend

    yield use
    keyring.set_keyring(before)
    sys.modules.pop("hca_test_keyrings", None)


@pytest.fixture
def no_keyring() -> Iterator[None]:
    import keyring
    import keyring.backends.fail

    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def toy(issuer: Issuer) -> Any:
    """The service that trusts the issuer."""
    from hca_base.plugins import CredentialScheme, Service

    scheme = CredentialScheme(
        kind="oauth2", audience="https://toy.example/", scopes=("openid", "email", "offline_access")
    )
    return Service(name="toy", credentials=scheme)


@pytest.fixture
def settings(issuer: Issuer) -> dict[str, Any]:
    """Settings by dotted name, from a Config or any mapping."""
    return {"services.toy.url": f"{issuer.url}/v1/swagger.json", "auth.store": "file"}


@pytest.fixture
def stored() -> None:
    """Store a token of the service in toy_service.py."""
    open_store(SETTINGS).put("default/toy", bearer_record("stored-token", ["https://toy.example"]))
