"""Finding the sources of settings and reading them into layers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hca_base.config import _paths
from hca_base.config._keys import has_secret
from hca_base.config._model import Config
from hca_base.config._sources._legacy import LegacyToken, take_out_legacy
from hca_base.config._sources._profiles import active_profile, check_profile_name, missing_profile, profile_path
from hca_base.config._sources._source import Layer, expand, read_layer
from hca_base.errors import ConfigError


def load(
    *,
    profile: str | None = None,
    options: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
    tolerant: bool = False,
) -> Config:
    """Read all sources of settings.

    Lowest first: defaults, site (``/etc/hca/config.json``), user (``~/.config/hca/config.json``), the active profile,
    each file in ``HCA_CONFIG_FILE``, an explicitly named profile, options. An explicit profile takes the place of the
    active one, so that nothing of another profile shines through; ``default`` is the name for none. Nothing is
    written.

    :param profile: an explicitly named profile
    :param options: settings of the command line; keys may be dotted paths
    :param environ: the environment; default: the process's
    :param defaults: plugin name -> its defaults
    :param tolerant: leave out files that cannot be used, and list what was wrong in ``errors``
    :raises ConfigError: a file cannot be used, or there is no such profile
    """
    environ = os.environ if environ is None else environ
    layers: list[Layer] = [
        Layer(f"defaults of {name}", "default", expand(data)) for name, data in (defaults or {}).items()
    ]
    tokens: list[LegacyToken] = []
    warnings: list[str] = []
    errors: list[ConfigError] = []

    def add(path: Path, name: str, kind: str, absent: str | ConfigError | None = None) -> None:
        """Add a file's layer; ``absent`` is the warning or error for a file that is not there."""
        try:
            layer = read_layer(path, name, kind)
        except FileNotFoundError:
            if isinstance(absent, str):
                warnings.append(absent)
            elif absent is not None:
                if not tolerant:
                    raise absent from None
                errors.append(absent)
            return
        except ConfigError as error:
            if not tolerant:
                raise
            errors.append(error)
            return
        layer, token = take_out_legacy(layer)
        if token is not None:
            tokens.append(token)
        layers.append(layer)
        if kind != "site" and (token is not None or has_secret(layer.data)) and _is_open(path):
            warnings.append(f"{path} holds secrets and can be read by others; run: chmod 600 {path}")

    def add_profile(name: str, hint: str) -> None:
        try:
            path = profile_path(name, environ)
        except ConfigError as error:
            if not tolerant:
                raise
            errors.append(error)
            return
        add(path, f"profile {name}", "profile", missing_profile(name, hint, environ))

    add(_paths.site_config_file(environ), "site", "site")
    add(_paths.user_config_file(environ), "user", "user")

    if profile is not None:
        chosen = None if profile == "default" else check_profile_name(profile)
    else:
        try:
            chosen = active_profile(environ)
        except ConfigError as error:
            if not tolerant:
                raise
            errors.append(error)
            chosen = None
        if chosen is not None:
            add_profile(
                chosen,
                "it was chosen by HCA_PROFILE" if environ.get("HCA_PROFILE") else "choose again: hca profile use NAME",
            )

    for name in environ.get("HCA_CONFIG_FILE", "").split(os.pathsep):
        if name:
            path = _paths.expand_home(name)
            add(path, f"HCA_CONFIG_FILE {name}", "file", f"HCA_CONFIG_FILE names {name}, which does not exist")

    if profile is not None and chosen is not None:
        add_profile(chosen, "see hca profile list")
    config = Config(tuple(layers), profile=chosen, warnings=tuple(warnings), errors=tuple(errors), legacy=tuple(tokens))
    return config.with_options(options) if options else config


def _is_open(path: Path) -> bool:
    """Whether others than the owner may read a file; meaningless on Windows."""
    try:
        return os.name != "nt" and bool(path.stat().st_mode & 0o044)
    except OSError:
        return False
