"""Remove hca 7's login from its configuration file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hca_base.config import _paths
from hca_base.config._editing._edit import edit_file
from hca_base.config._sources._legacy import TOKEN_KEY


def take_legacy_token(
    save: Callable[[dict[str, Any]], object] | None = None, *, path: str | os.PathLike[str] | None = None
) -> dict[str, Any] | None:
    """Remove hca 7's token from a configuration file.

    Under the file's lock, the token is passed to ``save``, and then removed from the file. If ``save`` raises or the
    process dies, the file is unchanged.

    :param save: stores the token elsewhere
    :param path: the file; default: the user's
    :return: the token, or None if the file has none
    :raises ConfigError: the file cannot be read or written
    """
    target = Path(path) if path is not None else _paths.user_config_file()
    if not target.exists():
        return None
    with edit_file(target) as data:
        token = data.get(TOKEN_KEY)
        if not isinstance(token, dict) or not token:
            return None
        if save is not None:
            save(dict(token))
        del data[TOKEN_KEY]
    return token
