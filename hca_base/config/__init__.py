"""Settings: their sources, their precedence, and how to change them.

::

    from hca_base import config

    settings = config.load(profile="local")
    settings.get("DSSClient.swagger_url")
    settings.origin("DSSClient.swagger_url")        # layer, file, key path, line
    config.set_value("http.timeout", 30)            # one key of the user's file, atomically

Each source is kept as a separate :class:`Layer`, and layers are merged on reading. Reading writes no files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_base._lazy import lazy_exports

if TYPE_CHECKING:
    from hca_base.config import _paths
    from hca_base.config._editing._atomic import open_atomic as open_atomic
    from hca_base.config._editing._atomic import write_atomic as write_atomic
    from hca_base.config._editing._edit import edit_file as edit_file
    from hca_base.config._editing._edit import put_value as put_value
    from hca_base.config._editing._edit import set_value as set_value
    from hca_base.config._editing._edit import unset_value as unset_value
    from hca_base.config._editing._first_run import ensure_user_config as ensure_user_config
    from hca_base.config._editing._legacy_token import take_legacy_token as take_legacy_token
    from hca_base.config._editing._lock import FileLock as FileLock
    from hca_base.config._editing._lock import LockTimeout as LockTimeout
    from hca_base.config._editing._lock import supports_locks as supports_locks
    from hca_base.config._editing._new_profile import create_profile as create_profile
    from hca_base.config._keys import is_secret as is_secret
    from hca_base.config._keys import join_key as join_key
    from hca_base.config._keys import masked as masked
    from hca_base.config._keys import parse_value as parse_value
    from hca_base.config._keys import split_key as split_key
    from hca_base.config._keys import without_secrets as without_secrets
    from hca_base.config._model import Config as Config
    from hca_base.config._model import Origin as Origin
    from hca_base.config._paths import expand_home as expand_home
    from hca_base.config._schema import schema as schema
    from hca_base.config._schema import schema_of as schema_of
    from hca_base.config._sources._legacy import LegacyToken as LegacyToken
    from hca_base.config._sources._load import load as load
    from hca_base.config._sources._profiles import MANAGED_BY as MANAGED_BY
    from hca_base.config._sources._profiles import active_profile as active_profile
    from hca_base.config._sources._profiles import check_profile_name as check_profile_name
    from hca_base.config._sources._profiles import delete_profile as delete_profile
    from hca_base.config._sources._profiles import list_profiles as list_profiles
    from hca_base.config._sources._profiles import manager_of as manager_of
    from hca_base.config._sources._profiles import missing_profile as missing_profile
    from hca_base.config._sources._profiles import profile_path as profile_path
    from hca_base.config._sources._profiles import use_profile as use_profile
    from hca_base.config._sources._source import ConfigFileError as ConfigFileError
    from hca_base.config._sources._source import Layer as Layer
    from hca_base.config._sources._source import LayerKind as LayerKind
    from hca_base.config._sources._source import read_file as read_file
    from hca_base.config._sources._source import read_layer as read_layer
    from hca_base.config._transfer_settings import TRANSFER_SETTINGS as TRANSFER_SETTINGS
    from hca_base.config._transfer_settings import TransferSetting as TransferSetting
    from hca_base.config._validate import Problem as Problem
    from hca_base.config._validate import check_value as check_value
    from hca_base.config._validate import validate as validate

    paths = _paths

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "Config": "._model",
        "ConfigFileError": "._sources._source",
        "FileLock": "._editing._lock",
        "Layer": "._sources._source",
        "LayerKind": "._sources._source",
        "LegacyToken": "._sources._legacy",
        "LockTimeout": "._editing._lock",
        "Origin": "._model",
        "Problem": "._validate",
        "TRANSFER_SETTINGS": "._transfer_settings",
        "TransferSetting": "._transfer_settings",
        "active_profile": "._sources._profiles",
        "check_profile_name": "._sources._profiles",
        "check_value": "._validate",
        "create_profile": "._editing._new_profile",
        "delete_profile": "._sources._profiles",
        "edit_file": "._editing._edit",
        "ensure_user_config": "._editing._first_run",
        "expand_home": "._paths",
        "is_secret": "._keys",
        "join_key": "._keys",
        "list_profiles": "._sources._profiles",
        "load": "._sources._load",
        "masked": "._keys",
        "MANAGED_BY": "._sources._profiles",
        "manager_of": "._sources._profiles",
        "missing_profile": "._sources._profiles",
        "open_atomic": "._editing._atomic",
        "parse_value": "._keys",
        "paths": "._paths:",
        "profile_path": "._sources._profiles",
        "put_value": "._editing._edit",
        "read_file": "._sources._source",
        "read_layer": "._sources._source",
        "schema": "._schema",
        "schema_of": "._schema",
        "set_value": "._editing._edit",
        "split_key": "._keys",
        "supports_locks": "._editing._lock",
        "without_secrets": "._keys",
        "take_legacy_token": "._editing._legacy_token",
        "unset_value": "._editing._edit",
        "use_profile": "._sources._profiles",
        "validate": "._validate",
        "write_atomic": "._editing._atomic",
    },
)
