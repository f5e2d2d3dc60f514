"""Shared state of the deployment's components."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from hca_local.s3.objects.objects import ObjectStore
from hca_local.s3.requests.credentials import CredentialIssuer
from hca_local.s3.requests.signing import presign
from hca_local.s3.staging import EmbeddedStaging, RemoteStaging, Staging
from hca_local.server.background import Background
from hca_local.server.settings import Settings
from hca_local.store import Store

Result = TypeVar("Result")

#: Threads that handle requests; more than cores, because they wait for the disk.
REQUEST_THREADS = 16


class Context:
    """The deployment's parts, passed to each component's ``create_app`` and ``start``.

    :ivar store: rows and blobs
    :ivar objects: the embedded S3 endpoint's buckets and objects, without HTTP
    :ivar staging: where DSS clients stage files: the same, or the user's own S3
    :ivar credentials: issues temporary S3 credentials
    :ivar identity: signs and verifies tokens; None if no identity component is installed
    :ivar background: threads for background work
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.credentials = CredentialIssuer(store)
        self.objects = ObjectStore(store, self._presign)
        self.staging: Staging = (
            RemoteStaging(store, settings.s3_endpoint) if settings.s3_endpoint else EmbeddedStaging(self.objects)
        )
        self.background = Background()
        self.requests = ThreadPoolExecutor(REQUEST_THREADS, thread_name_prefix="hca-local-request")
        self.identity: Any = None
        if importlib.util.find_spec("hca_local.identity"):
            from hca_local import identity

            self.identity = identity.create_identity(store, settings)
        for bucket in (settings.staging_bucket, settings.checkout_bucket, settings.upload_bucket):
            self.objects.create_bucket(bucket)

    def _presign(self, bucket: str, key: str, expires: int, query: Mapping[str, str]) -> str:
        return presign(self.settings.s3_url, self.credentials.root(), bucket, key, expires, query, self.settings.region)

    async def run(self, function: Callable[..., Result], *args: Any) -> Result:
        """Run a function in one of the request threads, from a coroutine."""
        return await asyncio.get_running_loop().run_in_executor(self.requests, function, *args)

    def close(self, *, clean: bool = False) -> None:
        """End the threads and close the store.

        :param clean: whether the deployment stopped normally
        """
        self.background.stop()
        # The listeners already waited for requests; a thread that still runs finds the store closed.
        self.requests.shutdown(wait=False, cancel_futures=True)
        if clean:
            # Without the mark, the next start only checks more than necessary.
            with contextlib.suppress(sqlite3.Error):
                self.store.mark_clean()
        self.store.close()
