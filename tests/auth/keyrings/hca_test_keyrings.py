"""Keyring backends with the failures of real ones. Loaded by keyring itself (PYTHON_KEYRING_BACKEND)."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordSetError


class Working(KeyringBackend):
    """Keeps entries in the file named by HCA_TEST_KEYRING."""

    priority = 5
    _lock = threading.Lock()

    @property
    def _path(self) -> Path:
        return Path(os.environ["HCA_TEST_KEYRING"])

    def _load(self) -> dict[str, str]:
        return json.loads(self._path.read_text()) if self._path.exists() else {}

    def get_password(self, service, username):
        with self._lock:
            return self._load().get(f"{service} {username}")

    def set_password(self, service, username, password):
        with self._lock:
            data = self._load()
            data[f"{service} {username}"] = password
            self._path.write_text(json.dumps(data))

    def delete_password(self, service, username):
        with self._lock:
            data = self._load()
            del data[f"{service} {username}"]
            self._path.write_text(json.dumps(data))


class Small(Working):
    """Rejects long values, like Windows."""

    def set_password(self, service, username, password):
        if len(password.encode("utf-16-le")) > 2560:
            raise PasswordSetError("1783, 'CredWrite', 'The stub received bad data'")
        super().set_password(service, username, password)


class Plaintext(Working):
    """Not recommended: what keyrings.alt would install."""

    priority = 0.5


class Locked(KeyringBackend):
    priority = 5

    def get_password(self, service, username):
        raise KeyringLocked("Failed to unlock the collection!")

    set_password = delete_password = get_password


class Hanging(KeyringBackend):
    """A secret service that exists and never responds."""

    priority = 5

    def get_password(self, service, username):
        time.sleep(3600)

    set_password = delete_password = get_password


class Broken(KeyringBackend):
    priority = 5

    def get_password(self, service, username):
        return None

    def set_password(self, service, username, password):
        raise OSError(f"cannot store {password}")

    delete_password = get_password
