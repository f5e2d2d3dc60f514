"""Access to the system's keyring, which may be missing, locked, too small, or unresponsive."""

from __future__ import annotations

import json
import queue
import secrets
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from hca_base.errors import AuthError

#: Service name of the entries in the keyring.
SERVICE = "hca"
#: Timeout in seconds, which includes an unlock dialog.
TIMEOUT = 30.0
#: Longest value, in characters, that Windows supports (2,560 bytes of UTF-16), with a margin.
WINDOWS_LIMIT = 1200

T = TypeVar("T")


class KeyringUnusable(AuthError):
    """Raised if the keyring cannot be used, with the reason."""


class Keyring:
    """One entry per record, split into several if the keyring limits their size.

    Only backends of priority 1 and above are used: the others are not recommended (plain text files) or do not work
    on this system.
    """

    def __init__(self, timeout: float = TIMEOUT, limit: int | None = None) -> None:
        self.timeout = timeout
        self._limit = limit
        self._backend: Any = None

    @property
    def name(self) -> str:
        """Name of the backend, such as ``SecretService``."""
        backend = self._usable()
        module: str = type(backend).__module__.rpartition(".")[2]
        return {"kwallet": "KWallet", "macOS": "macOS Keychain"}.get(module, module)

    def get(self, account: str) -> str | None:
        """The stored value, or None.

        :raises KeyringUnusable: no backend, locked, or no response
        """
        head = self._fetch(account)
        if head is None or not head.startswith('{"shards"'):
            return head
        try:
            form = json.loads(head)
            names = [f"{account}#{form['generation']}.{number}" for number in range(int(form["shards"]))]
        except (ValueError, KeyError, TypeError):
            raise KeyringUnusable(f"the entry {account} in the keyring is damaged", hint="log in again") from None
        parts = [self._fetch(name) for name in names]
        if any(part is None for part in parts):
            raise KeyringUnusable(f"the entry {account} in the keyring is incomplete", hint="log in again")
        return "".join(part for part in parts if part is not None)

    def put(self, account: str, value: str) -> None:
        """Store a value. The old value stays readable until the new one is complete."""
        old = self._shards_of(account)
        limit = self._limit or (WINDOWS_LIMIT if "Windows" in type(self._usable()).__module__ else None)
        if limit is None or len(value) <= limit:
            self._store(account, value)
        else:
            generation = secrets.token_hex(4)
            parts = [value[start : start + limit] for start in range(0, len(value), limit)]
            for number, part in enumerate(parts):
                self._store(f"{account}#{generation}.{number}", part)
            head = json.dumps({"shards": len(parts), "generation": generation})
            self._store(account, head)
        for name in old:
            self._drop(name)

    def delete(self, account: str) -> None:
        """Remove a value, if it exists."""
        for name in [account, *self._shards_of(account)]:
            self._drop(name)

    def _shards_of(self, account: str) -> list[str]:
        head = self._fetch(account)
        if head is None or not head.startswith('{"shards"'):
            return []
        try:
            form = json.loads(head)
            return [f"{account}#{form['generation']}.{number}" for number in range(min(int(form["shards"]), 1000))]
        except (ValueError, KeyError, TypeError):
            return []

    def _fetch(self, name: str) -> str | None:
        value: str | None = self._do(lambda backend: backend.get_password(SERVICE, name))
        return value

    def _store(self, name: str, value: str) -> None:
        self._do(lambda backend: backend.set_password(SERVICE, name, value))

    def _drop(self, name: str) -> None:
        def drop(backend: Any) -> None:
            if backend.get_password(SERVICE, name) is not None:
                backend.delete_password(SERVICE, name)

        self._do(drop)

    def _usable(self) -> Any:
        if self._backend is None:
            self._backend = _in_time(_choose_backend, self.timeout)
        return self._backend

    def _do(self, work: Callable[[Any], T]) -> T:
        backend = self._usable()
        return _in_time(lambda: work(backend), self.timeout)


def _choose_backend() -> Any:
    import keyring
    import keyring.backends.chainer

    chosen = keyring.get_keyring()
    candidates = list(chosen.backends) if isinstance(chosen, keyring.backends.chainer.ChainerBackend) else [chosen]
    for backend in candidates:
        module = type(backend).__module__
        if module.endswith((".fail", ".null")):
            continue
        try:
            if backend.priority >= 1:
                return backend
        except Exception:  # noqa: BLE001 - a backend says so that it cannot work here
            continue
    raise KeyringUnusable("this system has no usable keyring")


def _in_time(work: Callable[[], T], timeout: float) -> T:
    """Run a call in a separate thread, with a timeout.

    Otherwise an unresponsive secret service would block the whole program. After the timeout the thread is abandoned,
    and does not prevent the program from exiting.
    """
    results: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put((work(), None))
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            results.put((None, error))

    threading.Thread(target=run, name="hca-keyring", daemon=True).start()
    try:
        value, error = results.get(timeout=timeout)
    except queue.Empty:
        raise KeyringUnusable(f"the system's keyring does not respond ({timeout:g} s)") from None
    if error is None:
        return value  # type: ignore[return-value]
    if isinstance(error, KeyringUnusable):
        raise error
    if not isinstance(error, Exception):
        raise KeyringUnusable("the system's keyring closed the connection")
    if type(error).__name__ == "KeyringLocked":
        raise KeyringUnusable("the system's keyring is locked") from None
    # Omit the backend's message, which may contain secrets.
    raise KeyringUnusable(f"the system's keyring cannot be used ({type(error).__name__})") from None
