"""A deployment in this process: used by ``hca local start --foreground``, and by tests in threads."""

from __future__ import annotations

import importlib
import importlib.util
import sqlite3
from pathlib import Path
from typing import Any

from hca_base.config import FileLock, LockTimeout
from hca_base.errors import HCAError
from hca_local.server.context import Context
from hca_local.server.gateway import Gateway
from hca_local.server.listeners import Listeners, bind
from hca_local.server.settings import Settings
from hca_local.store import Store, StoreError, is_disk_full

#: Components, in start order.
COMPONENTS = ("identity", "dss", "upload_service")
#: Seconds between sweeps of unreferenced blobs.
_SWEEP = 3600.0


class DeploymentError(HCAError):
    """The deployment cannot be started."""


def unusable(data_dir: Path, error: Exception) -> HCAError:
    """The error for a data directory that is not readable or writable."""
    if is_disk_full(error) or (error.__cause__ is not None and is_disk_full(error.__cause__)):
        return DeploymentError(
            f"the embedded deployment cannot start: the disk that holds {data_dir} is full",
            hint="free some space, or choose another disk with --data-dir",
        )
    if isinstance(error, HCAError):
        return error
    return DeploymentError(f"the data directory {data_dir} cannot be used: {error}")


class Deployment:
    """Runs the services on loopback, from :meth:`start` to :meth:`stop`; a context manager.

    ::

        with Deployment(tmp_path) as deployment:
            requests.get(deployment.api_url + "/v1/swagger.json")

    :param data_dir: all data is stored here; only one deployment at a time can use it
    :param port: of the API, S3 gets the next one; 0 chooses two free ones
    :param settings: members of :class:`~hca_local.server.Settings` other than these
    """

    def __init__(self, data_dir: Path | str, port: int = 0, **settings: Any) -> None:
        self.settings = Settings(Path(data_dir).absolute(), **settings)
        self._port = port
        self._s3_port: int | None = None
        self._ctx: Context | None = None
        self._listeners: Listeners | None = None
        self._lock: FileLock | None = None
        self._complete = False

    @classmethod
    def of(cls, settings: Settings, port: int) -> Deployment:
        """A deployment with given settings."""
        made = cls(settings.data_dir, port)
        made.settings = settings
        return made

    @property
    def api_url(self) -> str:
        """URL of the API: ``http://127.0.0.1:PORT``; the DSS is under ``/v1``."""
        return self.settings.api_url

    @property
    def s3_url(self) -> str:
        return self.settings.s3_url

    @property
    def ctx(self) -> Context:
        """The components' shared state, while the deployment runs."""
        if self._ctx is None:
            raise RuntimeError("the deployment is not running")
        return self._ctx

    @property
    def alive(self) -> bool:
        """Whether it is running."""
        return self._listeners is not None and self._listeners.alive

    def token(self, name: str = "user") -> str:
        """A token of one of the deployment's people."""
        return self.ctx.identity.token(name)

    def start(self) -> Deployment:
        """Open the data, recover from a crash if needed, and listen; returns once requests are handled.

        :raises DeploymentError: another deployment uses the data directory
        :raises PortError: a port is taken
        :raises StoreError: the data directory is not usable
        """
        settings = self.settings
        store = None
        sockets = None
        try:
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Other processes check the lock by acquiring it briefly: that is not a running deployment.
            lock = FileLock(settings.data_dir / "deployment", timeout=1.0)
            lock.acquire()
            self._lock = lock
            sockets = bind(self._port, self._s3_port)
            settings.api_port, settings.s3_port = (listener.getsockname()[1] for listener in sockets)
            store = Store(settings.data_dir)
            self._ctx = Context(settings, store)
            self._check_staging()
            apps, modules = self._components()
            from hca_local import s3

            s3_app = s3.create_app(self._ctx)
            store.recover()
            self._listeners = Listeners([(Gateway(self._ctx, apps), sockets[0]), (s3_app, sockets[1])])
            self._listeners.start()
            for module in modules:
                if hasattr(module, "start"):
                    module.start(self._ctx)
            self._ctx.background.every(_SWEEP, store.collect_garbage)
            self._complete = True
        except BaseException as error:
            self._release(sockets or (), store)
            if isinstance(error, LockTimeout):
                raise DeploymentError(
                    f"a deployment is running already with the data directory {settings.data_dir}",
                    hint="see: hca local status",
                ) from error
            if isinstance(error, (OSError, sqlite3.Error, StoreError)):
                raise unusable(settings.data_dir, error) from error
            raise
        return self

    def stop(self) -> None:
        """Stop requests and background work, and close the data; does nothing if it is not running."""
        self._release((), None)

    def _check_staging(self) -> None:
        settings = self.settings
        if settings.s3_endpoint and not self.ctx.staging.bucket_exists(settings.staging_bucket):
            raise DeploymentError(
                f"bucket {settings.staging_bucket} does not exist at {settings.s3_endpoint}",
                hint="create it, or pass another one with --staging-bucket",
            )

    def _components(self) -> tuple[dict[str, Any], list[Any]]:
        apps, modules = {}, []
        for name in COMPONENTS:
            if importlib.util.find_spec(f"hca_local.{name}"):
                module = importlib.import_module(f"hca_local.{name}")
                apps[name] = module.create_app(self.ctx)
                modules.append(module)
        return apps, modules

    def _release(self, sockets: Any, store: Store | None) -> None:
        if self._listeners is not None:
            self._listeners.stop()
            self._listeners = None
        for listener in sockets:
            listener.close()
        if self._ctx is not None:
            self._ctx.close(clean=self._complete)
            self._ctx = None
        elif store is not None:
            store.close()
        self._complete = False
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Deployment:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
