"""The client side of a running deployment: the profile ``local``, its tokens, and its selection."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from hca_base import config as settings
from hca_base.auth import TokenStore, account_name, bearer_record, key_record, open_store
from hca_base.errors import HCAError
from hca_local.server.settings import Settings
from hca_local.store import Store

PROFILE = "local"
#: Services whose credentials ``start`` stores, and ``stop`` removes.
_SERVICES = ("dss", "upload", "s3")


def _pointer() -> Path:
    """The record of the deployment that the profile points to."""
    return settings.paths.state_dir() / "local.json"


def read_pointer() -> dict[str, Any]:
    """``data_dir`` of the deployment started last, and whether ``start`` selected the profile; may be empty."""
    try:
        found = json.loads(_pointer().read_text("utf-8"))
    except (OSError, RecursionError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def connect(running: Settings) -> bool:
    """Point the user's commands to a deployment: write its addresses, tokens and keys, and select the profile if
    none is selected.

    :return: whether the profile is now active
    """
    values = _values(running)
    with settings.edit_file(settings.profile_path(PROFILE)) as data:
        for section, members in values.items():
            kept = data.get(section)
            data[section] = {**(kept if isinstance(kept, dict) else {}), **members}
        data[settings.MANAGED_BY] = "hca local stop"
    _store_credentials(running, open_store(settings.load()))
    chosen = False
    if settings.active_profile() is None:
        settings.use_profile(PROFILE)
        chosen = True
    before = read_pointer()
    pointer = {"data_dir": str(running.data_dir), "chosen": chosen or bool(before.get("chosen"))}
    settings.write_atomic(_pointer(), json.dumps(pointer) + "\n", mode=0o600)
    return settings.active_profile() == PROFILE


def disconnect(data_dir: Path) -> None:
    """Undo :func:`connect`, if the profile points to that deployment. The user's own settings in the profile stay."""
    pointer = read_pointer()
    if pointer.get("data_dir") != str(data_dir):
        return
    path = settings.profile_path(PROFILE)
    empty = False
    if path.exists():
        with settings.edit_file(path, keep=True) as data:
            data.pop(settings.MANAGED_BY, None)
            for section, members in _values(Settings(data_dir, s3_endpoint="any")).items():
                found = data.get(section)
                if isinstance(found, dict):
                    for name in members:
                        found.pop(name, None)
                    if not found:
                        del data[section]
            empty = not data
    with contextlib.suppress(HCAError):
        store = open_store(settings.load(profile=None))
        for service in _SERVICES:
            store.delete(account_name(PROFILE, service))
    if pointer.get("chosen") and settings.active_profile({**_environment(), "HCA_PROFILE": ""}) == PROFILE:
        settings.use_profile(None)
    if empty:
        settings.delete_profile(PROFILE)
    _pointer().unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)


def _values(running: Settings) -> dict[str, dict[str, Any]]:
    """The settings of the profile, by section."""
    values: dict[str, dict[str, Any]] = {
        "DSSClient": {"swagger_url": f"{running.api_url}/v1/swagger.json"},
        "upload": {
            "swagger_url": f"{running.api_url}/upload/swagger.json",
            "stage": PROFILE,
            "preprod_api_url_template": f"{running.api_url}/upload/v1",
            "bucket_name_template": running.upload_bucket.removesuffix("local") + "{deployment_stage}",
        },
        "s3": {
            "endpoint_url": running.s3_endpoint or running.s3_url,
            "region": running.region,
            "staging_bucket": running.staging_bucket,
        },
    }
    if running.s3_endpoint:
        # Only the DSS stages there; upload areas are always in the embedded endpoint.
        values["upload"]["s3_endpoint_url"] = running.s3_url
    return values


def _store_credentials(running: Settings, tokens: TokenStore) -> None:
    from hca_local.identity import open_identity
    from hca_local.s3.requests.credentials import CredentialIssuer
    from hca_local.upload_service import api_key

    with Store(running.data_dir) as store:
        root = CredentialIssuer(store).root()
        upload_key = api_key(store)
    token = open_identity(running.data_dir, running.api_url).token("user")
    hosts = [running.api_url]
    tokens.put(account_name(PROFILE, "dss"), bearer_record(token, hosts))
    tokens.put(account_name(PROFILE, "upload"), key_record(upload_key, hosts, header="Api-Key"))
    # Even with the user's own S3 for staging, upload areas are in the embedded endpoint.
    keys = {"kind": "basic", "username": root.access_key, "password": root.secret_key, "hosts": [running.s3_url]}
    tokens.put(account_name(PROFILE, "s3"), keys)
