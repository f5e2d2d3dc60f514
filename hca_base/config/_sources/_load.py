"""Find the sources of settings and read them into layers."""

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
from hca_base.config._sources._source import Layer, LayerKind, expand, read_layer
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
    each file in ``HCA_CONFIG_FILE``, an explicitly named profile, options. An explicit profile replaces the
    active one completely; ``default`` means no profile. Nothing is
    written.

    :param profile: name of a profile
    :param options: settings of the command line; keys may be dotted paths
    :param environ: the environment; default: the process's
    :param defaults: plugin name -> its defaults
    :param tolerant: skip files that cannot be used, and list the errors in ``errors``
    :raises ConfigError: a file cannot be used, or the profile does not exist
    """
    loader = _Loader(os.environ if environ is None else environ, tolerant)
    if defaults:
        loader.add_defaults(defaults)
    loader.add_file(_paths.site_config_file(loader.environ), LayerKind.SITE)
    loader.add_file(_paths.user_config_file(loader.environ), LayerKind.USER)
    chosen = loader.active_profile() if profile is None else _named_profile(profile)
    if profile is None and chosen is not None:
        by_variable = bool(loader.environ.get("HCA_PROFILE"))
        hint = "it was chosen by HCA_PROFILE" if by_variable else "choose again: hca profile use NAME"
        loader.add_profile(chosen, hint)
    for name in filter(None, loader.environ.get("HCA_CONFIG_FILE", "").split(os.pathsep)):
        absent = f"HCA_CONFIG_FILE names {name}, which does not exist"
        loader.add_file(_paths.expand_home(name), LayerKind.FILE, f"HCA_CONFIG_FILE {name}", absent)
    if profile is not None and chosen is not None:
        loader.add_profile(chosen, "see hca profile list")
    config = loader.config(chosen)
    return config.with_options(options) if options else config


def _named_profile(name: str) -> str | None:
    return None if name == "default" else check_profile_name(name)


class _Loader:
    """Collects layers, lowest first, and errors of unusable sources.

    :param tolerant: skip unusable sources, and list their errors in ``errors``
    """

    def __init__(self, environ: Mapping[str, str], tolerant: bool) -> None:
        self.environ = environ
        self.tolerant = tolerant
        self.layers: list[Layer] = []
        self.tokens: list[LegacyToken] = []
        self.warnings: list[str] = []
        self.errors: list[ConfigError] = []

    def add_defaults(self, defaults: Mapping[str, Mapping[str, Any]]) -> None:
        """Add plugins' defaults."""
        self.layers += [
            Layer(f"defaults of {name}", LayerKind.DEFAULT, expand(data)) for name, data in defaults.items()
        ]

    def add_file(
        self, path: Path, kind: LayerKind, name: str | None = None, absent: str | ConfigError | None = None
    ) -> None:
        """Add a file's layer.

        :param name: of the layer; default: its kind
        :param absent: the warning or error if the file is missing
        """
        try:
            layer = read_layer(path, name or kind.value, kind)
        except FileNotFoundError:
            if isinstance(absent, str):
                self.warnings.append(absent)
            elif absent is not None:
                self._reject(absent)
            return
        except ConfigError as error:
            self._reject(error)
            return
        layer, token = take_out_legacy(layer)
        if token is not None:
            self.tokens.append(token)
        self.layers.append(layer)
        if kind is not LayerKind.SITE and (token is not None or has_secret(layer.data)) and _is_open(path):
            self.warnings.append(f"{path} holds secrets and can be read by others; run: chmod 600 {path}")

    def add_profile(self, name: str, hint: str) -> None:
        """Add a profile's layer; ``hint`` says what to do if it is missing."""
        try:
            path = profile_path(name, self.environ)
        except ConfigError as error:
            self._reject(error)
            return
        self.add_file(path, LayerKind.PROFILE, f"profile {name}", missing_profile(name, hint, self.environ))

    def active_profile(self) -> str | None:
        """Return the user's active profile."""
        try:
            return active_profile(self.environ)
        except ConfigError as error:
            self._reject(error)
            return None

    def config(self, profile: str | None) -> Config:
        """Return the settings of all layers."""
        return Config(
            tuple(self.layers),
            profile=profile,
            warnings=tuple(self.warnings),
            errors=tuple(self.errors),
            legacy=tuple(self.tokens),
        )

    def _reject(self, error: ConfigError) -> None:
        if not self.tolerant:
            raise error from None
        self.errors.append(error)


def _is_open(path: Path) -> bool:
    """Return True if users other than the owner can read a file; not applicable on Windows."""
    try:
        return os.name != "nt" and bool(path.stat().st_mode & 0o044)
    except OSError:
        return False
