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

from .._lazy import lazy_exports

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
        "create_profile": "._profiles",
        "delete_profile": "._profiles",
        "edit_file": "._edit",
        "ensure_user_config": "._first_run",
        "is_secret": "._keys",
        "join_key": "._keys",
        "list_profiles": "._profiles",
        "load": "._load",
        "masked": "._keys",
        "open_atomic": "._atomic",
        "parse_value": "._keys",
        "paths": "._paths:",
        "profile_path": "._profiles",
        "schema": "._schema",
        "set_value": "._edit",
        "split_key": "._keys",
        "take_legacy_token": "._legacy",
        "unset_value": "._edit",
        "use_profile": "._profiles",
        "validate": "._validate",
        "write_atomic": "._atomic",
    },
)
