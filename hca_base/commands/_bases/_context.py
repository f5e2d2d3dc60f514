"""The context of commands: options before the command, settings, and clients of services."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

from hca_base.errors import AuthError, UsageError

if TYPE_CHECKING:
    from hca_base.config import Config
    from hca_base.openapi import Client
    from hca_base.plugins import Service


class GlobalOptions:
    """The options before the first command word.

    :ivar verbose_level: 0 with ``--quiet``, 1 by default, more with each ``-v`` (the scale that cliff uses)
    :ivar overrides: ``--config KEY=VALUE``, by key
    """

    __slots__ = (
        "access_token",
        "debug",
        "errexit",
        "help",
        "log_file",
        "log_level",
        "overrides",
        "profile",
        "progress",
        "verbose_level",
        "version",
    )

    def __init__(self) -> None:
        self.verbose_level = 1
        self.debug = False
        self.errexit = False
        self.help = False
        self.version = False
        self.log_file: str | None = None
        self.log_level: str | None = None
        self.profile: str | None = None
        self.progress = True
        self.access_token: str | None = None
        self.overrides: dict[str, Any] = {}

    @property
    def quiet(self) -> bool:
        """No notes on stderr; warnings and errors are shown."""
        return self.verbose_level == 0


class Context:
    """Settings and clients, created at first use and shared by all commands of a session.

    :param options: the options before the command
    :ivar generation: increases whenever settings may have changed, to invalidate derived values
    """

    def __init__(self, options: GlobalOptions | None = None) -> None:
        self.options = options or GlobalOptions()
        self.generation = 0
        self._config: Config | None = None
        self._clients: dict[str, Client] = {}
        self._token: str | None = None
        self._stamp: tuple[object, ...] | None = None

    @property
    def config(self) -> Config:
        """The settings, with ``--profile`` and ``--config`` applied.

        :raises hca_base.errors.ConfigError: a file cannot be read or is malformed
        """
        if self._config is None:
            from hca_base import config

            self._config = config.load(profile=self.options.profile, options=self.options.overrides or None)
        return self._config

    def forget(self) -> None:
        """Read the settings again at the next use, and create new clients, after a change."""
        self._config = None
        self.generation += 1
        for client in self._clients.values():
            close = getattr(client, "close", None)
            if close is not None:
                close()
        self._clients.clear()

    def notice_changes(self) -> None:
        """Discard the settings if one of their files, or the active profile, has changed."""
        stamp = self._stamp_of_files()
        if stamp != self._stamp and self._stamp is not None:
            self.forget()
            stamp = self._stamp_of_files()
        self._stamp = stamp

    def _stamp_of_files(self) -> tuple[object, ...]:
        from hca_base.config import paths

        files = {paths.user_config_file(), paths.state_dir() / "profile"}
        if self._config is not None:
            files.update(layer.path for layer in self._config.layers if layer.path is not None)
        found: list[object] = [self.generation]
        for path in sorted(files):
            try:
                status = path.stat()
                found.append((str(path), status.st_mtime_ns, status.st_size, status.st_ino))
            except OSError:
                found.append((str(path), None))
        return tuple(found)

    def service(self, name: str) -> Service:
        """Return a service by name; see :func:`hca_base.plugins.service_of`."""
        from hca_base.plugins import registry

        found = registry().service(name, self.config)
        found.add_defaults(self.config)
        return found

    @property
    def token(self) -> str | None:
        """The token of ``--access-token`` (``-`` reads a line from stdin), or None."""
        given = self.options.access_token
        if given is None:
            return None
        if self._token is None:
            if given == "-":
                self._token = read_stdin_line().strip()
                if not self._token:
                    raise AuthError("--access-token - was given, but stdin has no token")
            else:
                from hca_base.output import warn

                warn("--access-token TOKEN shows the token to every user of this machine; use '-' or HCA_ACCESS_TOKEN")
                self._token = given
        return self._token

    def client(self, name: str) -> Client:
        """Return the client of a service, which is created once.

        :raises hca_base.errors.UsageError: unknown service
        """
        if name not in self._clients:
            from hca_base.plugins import client

            options: dict[str, Any] = {"config": self.config}
            if self.token is not None:
                options["token"] = self.token
            self._clients[name] = client(name, **options)
        return self._clients[name]

    @property
    def progress(self) -> str:
        """The mode for :class:`hca_base.output.Progress`."""
        return "auto" if self.options.progress and not self.options.quiet else "none"


def read_stdin() -> str:
    """Return all of stdin as text.

    :raises hca_base.errors.UsageError: it is closed or not UTF-8
    """
    try:
        return read_stdin_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"stdin is not UTF-8 text: {error}") from None


def read_stdin_bytes() -> bytes:
    """Return all of stdin as bytes.

    :raises hca_base.errors.UsageError: it is closed or cannot be read
    """
    if sys.stdin is None:
        raise UsageError("stdin is closed, but '-' reads from it")
    with stdin_errors():
        if hasattr(sys.stdin, "buffer"):
            data: bytes = sys.stdin.buffer.read()
            return data
        return sys.stdin.read().encode()


def read_stdin_line(limit: int = -1) -> str:
    """Return a line of stdin; empty at end of file, or if stdin is closed.

    :param limit: maximum number of characters to read
    :raises hca_base.errors.UsageError: it cannot be read
    """
    with stdin_errors():
        return sys.stdin.readline(limit) if sys.stdin is not None else ""


def stdin_lines(stream: TextIO) -> Iterator[str]:
    """The lines of what is, or was, stdin.

    :raises hca_base.errors.UsageError: it cannot be read
    """
    with stdin_errors():
        yield from stream


@contextlib.contextmanager
def stdin_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"stdin cannot be read: {os.strerror(error.errno) if error.errno else error}") from None
