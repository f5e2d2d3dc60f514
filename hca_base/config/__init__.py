"""Settings: where they come from, which one holds, and how they are changed.

::

    from hca_base import config

    settings = config.load(profile="local")
    settings.get("DSSClient.swagger_url")
    settings.origin("DSSClient.swagger_url")        # layer, file, key path, line
    config.set_value("http.timeout", 30)            # one key of the user's file, atomically

Sources stay apart in memory, one :class:`Layer` each, and merge on reading. Reading writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_exports

if TYPE_CHECKING:
    from . import _paths
    from ._atomic import open_atomic as open_atomic
    from ._atomic import write_atomic as write_atomic
    from ._edit import edit_file as edit_file
    from ._edit import put_value as put_value
    from ._edit import set_value as set_value
    from ._edit import unset_value as unset_value
    from ._first_run import ensure_user_config as ensure_user_config
    from ._keys import is_secret as is_secret
    from ._keys import join_key as join_key
    from ._keys import masked as masked
    from ._keys import parse_value as parse_value
    from ._keys import split_key as split_key
    from ._legacy import LegacyToken as LegacyToken
    from ._legacy_token import take_legacy_token as take_legacy_token
    from ._load import load as load
    from ._lock import FileLock as FileLock
    from ._lock import LockTimeout as LockTimeout
    from ._model import Config as Config
    from ._model import Origin as Origin
    from ._new_profile import create_profile as create_profile
    from ._paths import expand_home as expand_home
    from ._profiles import active_profile as active_profile
    from ._profiles import check_profile_name as check_profile_name
    from ._profiles import delete_profile as delete_profile
    from ._profiles import list_profiles as list_profiles
    from ._profiles import missing_profile as missing_profile
    from ._profiles import profile_path as profile_path
    from ._profiles import use_profile as use_profile
    from ._schema import schema as schema
    from ._schema import schema_of as schema_of
    from ._source import ConfigFileError as ConfigFileError
    from ._source import Layer as Layer
    from ._source import read_file as read_file
    from ._source import read_layer as read_layer
    from ._validate import Problem as Problem
    from ._validate import check_value as check_value
    from ._validate import validate as validate

    paths = _paths

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "Config": "._model",
        "ConfigFileError": "._source",
        "FileLock": "._lock",
        "Layer": "._source",
        "LegacyToken": "._legacy",
        "LockTimeout": "._lock",
        "Origin": "._model",
        "Problem": "._validate",
        "active_profile": "._profiles",
        "check_profile_name": "._profiles",
        "check_value": "._validate",
        "create_profile": "._new_profile",
        "delete_profile": "._profiles",
        "edit_file": "._edit",
        "ensure_user_config": "._first_run",
        "expand_home": "._paths",
        "is_secret": "._keys",
        "join_key": "._keys",
        "list_profiles": "._profiles",
        "load": "._load",
        "masked": "._keys",
        "missing_profile": "._profiles",
        "open_atomic": "._atomic",
        "parse_value": "._keys",
        "paths": "._paths:",
        "profile_path": "._profiles",
        "put_value": "._edit",
        "read_file": "._source",
        "read_layer": "._source",
        "schema": "._schema",
        "schema_of": "._schema",
        "set_value": "._edit",
        "split_key": "._keys",
        "take_legacy_token": "._legacy_token",
        "unset_value": "._edit",
        "use_profile": "._profiles",
        "validate": "._validate",
        "write_atomic": "._atomic",
    },
)
