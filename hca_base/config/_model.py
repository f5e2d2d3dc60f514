"""The merged view of all layers."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base.config._keys import join_key, split_key, without_secrets
from hca_base.config._merge import MISSING, error_at, has_strategy, is_operator, merge_at, schema_at, values_at
from hca_base.config._sources._source import Layer, LayerKind, expand, type_name
from hca_base.errors import ConfigError

if TYPE_CHECKING:
    from hca_base.config._sources._legacy import LegacyToken


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a value came from.

    :ivar layer: name of the layer (``user``, ``profile local``, ``option``, …)
    :ivar path: its file, or None
    :ivar key: the key path, dotted
    :ivar line: line number in the file, or None
    :ivar parts: where several layers made the value together (a list edited with ``$append``), all of them, lowest
        first; otherwise empty
    """

    layer: str
    path: Path | None
    key: str
    line: int | None = None
    parts: tuple[Origin, ...] = ()

    def __str__(self) -> str:
        if self.path is None:
            return self.layer
        return f"{self.path}:{self.line}" if self.line else str(self.path)


class Config:
    """Settings from several layers, merged on reading. Use :func:`hca_base.config.load` to create one.

    Keys are dotted paths (``"http.timeout"``); a segment with a dot is quoted (``'services."my.api".url'``), or the
    path is given as a tuple of segments. A null in a file means "not set": reading it gives the default.

    :ivar layers: the sources, lowest first
    :ivar profile: name of the profile in use, or None
    :ivar warnings: messages about sources that were skipped
    :ivar errors: errors in files that a tolerant :func:`load` skipped
    """

    def __init__(
        self,
        layers: tuple[Layer, ...] = (),
        *,
        profile: str | None = None,
        warnings: tuple[str, ...] = (),
        errors: tuple[ConfigError, ...] = (),
        legacy: tuple[LegacyToken, ...] = (),
        schema: Mapping[str, Any] | None = None,
    ) -> None:
        self.layers = layers
        self.profile = profile
        self.warnings = warnings
        self.errors = errors
        self._legacy = legacy
        self._schema = dict(schema) if schema else {}
        self._merged: dict[str, Any] | None = None
        #: Cached values, except lists and objects, which callers may change.
        self._plain: dict[str | tuple[str, ...], Any] = {}

    # Reading

    def get(self, key: str | tuple[str, ...], default: Any = None) -> Any:
        """Return the value of a key, or ``default`` if it is not set or null.

        :raises ConfigError: a source of this key is invalid
        """
        plain = self._plain
        value = plain.get(key, plain)
        if value is plain:
            value = merge_at(self.layers, split_key(key), self._schema)
            if not isinstance(value, (dict, list)):
                plain[key] = value
        return default if value is MISSING or value is None else value

    def __contains__(self, key: str) -> bool:
        return merge_at(self.layers, split_key(key), self._schema) is not MISSING

    def section(self, key: str | tuple[str, ...]) -> dict[str, Any]:
        """Return the object at a key, as a new dictionary without nulls; empty if it is not set.

        :raises ConfigError: the value is not an object
        """
        path = split_key(key)
        value = self.get(path)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(path, f"must be an object, not {type_name(value)}")
        return _without_nulls(value)

    def command_defaults(self, command: str) -> dict[str, Any]:
        """Return default values of a command's options, from the section of its name.

        :param command: ``dss_download``; spaces and hyphens count as underscores, here and in the section's keys
        """
        name = command.replace("-", "_").replace(" ", "_")
        return {key.replace("-", "_"): value for key, value in self.section((name,)).items()}

    @property
    def merged(self) -> dict[str, Any]:
        """Return all settings, merged, as a new dictionary."""
        if self._merged is None:
            value = merge_at(self.layers, (), self._schema)
            self._merged = {} if value is MISSING else value
        return copy.deepcopy(self._merged)

    def items(self) -> Iterator[tuple[str, Any, Origin]]:
        """Yield each setting that is not an object: dotted key, value, and origin, in the order of the files."""
        for path, value in _leaves(self.merged, ()):
            origin = self.origin(path)
            if origin is not None:
                yield join_key(path), value, origin

    def origin(self, key: str | tuple[str, ...]) -> Origin | None:
        """Return the origin of a key's value; None if it is not set."""
        path = split_key(key)
        sources = [(layer, value) for layer, value in values_at(self.layers, path) if value is not MISSING]
        if not sources:
            return None
        strategy = (schema_at(self._schema, path) or {}).get("mergeStrategy")
        parts: list[Layer] = []
        for layer, value in sources:
            adds = is_operator(value) or isinstance(value, Mapping) or strategy not in (None, "overwrite", "discard")
            if strategy == "discard" and parts:
                continue
            if not adds:
                parts.clear()
            parts.append(layer)
        origins = tuple(self._origin(layer, path) for layer in parts)
        return dataclasses.replace(origins[-1], parts=origins if len(origins) > 1 else ())

    @staticmethod
    def _origin(layer: Layer, path: tuple[str, ...]) -> Origin:
        return Origin(layer.name, layer.path, join_key(path), layer.line_of(path))

    def legacy_tokens(self) -> tuple[LegacyToken, ...]:
        """Return tokens that hca 7 stored in configuration files; no other method shows them."""
        return self._legacy

    # Adding layers

    def with_options(self, options: Mapping[str, Any]) -> Config:
        """Return a new configuration with options on top; keys of ``options`` may be dotted paths."""
        layers = self.layers
        if options:
            layers = (*layers, Layer("option", LayerKind.OPTION, expand(options)))
        return self._copy(layers)

    def add_defaults(self, name: str, defaults: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> None:
        """Add a plugin's defaults as the lowest layer, unless a layer of that name exists.

        :param name: the plugin or service
        :param defaults: its settings, nested; outer keys may be dotted paths
        :param schema: JSON schema of its sections (see :func:`hca_base.config.schema`), for merge strategies
        """
        layer_name = f"defaults of {name}"
        if any(layer.name == layer_name for layer in self.layers):
            return
        lowest = sum(layer.kind == LayerKind.DEFAULT for layer in self.layers)
        layer = Layer(layer_name, LayerKind.DEFAULT, expand(defaults))
        self.layers = (*self.layers[:lowest], layer, *self.layers[lowest:])
        if schema and has_strategy(schema):
            from hca_base.config._schema import combine

            self._schema = combine([self._schema, schema])
        self._merged, self._plain = None, {}

    def copy_over(self, name: str, values: Mapping[str, Any]) -> Config:
        """Return a new configuration with these values below all layers; keys of ``values`` may be dotted paths."""
        return self._copy((Layer(name, LayerKind.DEFAULT, expand(values)), *self.layers))

    def _copy(self, layers: tuple[Layer, ...]) -> Config:
        return Config(
            layers,
            profile=self.profile,
            warnings=self.warnings,
            errors=self.errors,
            legacy=self._legacy,
            schema=self._schema,
        )

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: without secrets, and without the texts of files, which may hold some."""
        layers = tuple(dataclasses.replace(layer, data=without_secrets(layer.data), text=None) for layer in self.layers)
        return {**self.__dict__, "layers": layers, "_legacy": (), "_merged": None, "_plain": {}}

    def _wrong(self, path: tuple[str, ...], why: str) -> ConfigError:
        for layer, value in reversed(values_at(self.layers, path)):
            if value is not MISSING:
                return error_at(layer, path, why)
        return ConfigError(f"{join_key(path)}: {why}")

    def __repr__(self) -> str:
        # Only names, because values may be secret.
        return f"<Config profile={self.profile!r} layers={[layer.name for layer in self.layers]}>"


def _leaves(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield from _leaves(inner, (*path, key))
        else:
            yield (*path, key), inner


def _without_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(inner) if isinstance(inner, Mapping) else inner
        for key, inner in value.items()
        if inner is not None
    }
