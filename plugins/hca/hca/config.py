"""``hca.config``: the settings as a tree of attributes, as in hca 7."""

from __future__ import annotations

import atexit
import copy
import logging
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from hca_base import config as settings

#: The parent of all loggers of hca.
logger = logging.getLogger("hca")

#: Defaults of hca 7 that no current service declares.
DEFAULTS: Mapping[str, Any] = {
    "log_level": "INFO",
    "AuthClient": {"swagger_url": "https://auth.data.humancellatlas.org/swagger.json"},
}
#: Never exposed as settings: clients get them as objects.
SECRETS = ("oauth2_token", "application_secrets")

#: Operators: an object with one of these as its only key edits the list below it, as in files.
OPERATORS: Mapping[str, Callable[[list[Any], Any], list[Any]]] = {
    "$append": lambda items, value: [*items, value],
    "$extend": lambda items, value: [*items, *value],
    "$extendleft": lambda items, value: [*value, *items],
    "$remove": lambda items, value: _without(items, value),
    "$insert": lambda items, value: _inserted(items, value),
}


def _without(items: list[Any], value: Any) -> list[Any]:
    if value in items:
        items.remove(value)
    return items


def _inserted(items: list[Any], values: Mapping[Any, Any]) -> list[Any]:
    for position, value in values.items():
        items.insert(int(position), value)
    return items


class Node(MutableMapping[str, Any]):
    """An object in the settings: ``node["key"]`` and ``node.key`` are the same."""

    _root: HCAConfig
    _path: tuple[str, ...]

    def __init__(self, root: HCAConfig, path: tuple[str, ...]) -> None:
        self._root = root
        self._path = path

    def _here(self) -> dict[str, Any]:
        found: Any = self._root._data
        for segment in self._path:
            found = found[segment]
        if not isinstance(found, dict):
            raise KeyError(self._path[-1])
        return found

    def __getitem__(self, key: str) -> Any:
        value = self._here()[key]
        return Node(self._root, (*self._path, key)) if isinstance(value, dict) else value

    def __setitem__(self, key: str, value: Any) -> None:
        self._here()[key] = _plain(value)
        self._root._changed()

    def __delitem__(self, key: str) -> None:
        del self._here()[key]
        self._root._changed()

    def __iter__(self) -> Iterator[str]:
        return iter(self._here())

    def __len__(self) -> int:
        return len(self._here())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __repr__(self) -> str:
        # Only names: values may be secret.
        return f"<{type(self).__name__} {'.'.join(self._path)} {sorted(self._here())}>"

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Merge settings into these, recursively; an object with one of :data:`OPERATORS` edits a list."""
        for key, value in dict(*args, **kwargs).items():
            operator = next(iter(value)) if isinstance(value, Mapping) and len(value) == 1 else None
            if operator is not None and operator in OPERATORS:
                self[key] = OPERATORS[operator](list(self.get(key, [])), value[operator])
            elif isinstance(value, Mapping):
                if not isinstance(self.get(key), Node):
                    self[key] = {}
                self[key].update(value)
            else:
                self[key] = value

    def save(self, mode: int = 0o600) -> None:
        """Save the changes."""
        self._root.save(mode)


class HCAConfig(Node):
    """All settings, merged; changes apply to clients created with them, and can be saved.

    ::

        config = HCAConfig(save_on_exit=False)
        config.DSSClient.swagger_url = "http://127.0.0.1:8765/v1/swagger.json"
        client = DSSClient(config=config)

    Only changes are saved, under the file's lock: nothing that another process saved meanwhile is lost, and defaults
    are not written. New programs use :func:`hca_base.config.load` and :func:`hca_base.config.set_value`.

    :param save_on_exit: save when the process ends
    :param autosave: save after each change
    :param use_yaml: no longer supported; settings are JSON
    :param allow_includes: no longer supported; list several files in ``HCA_CONFIG_FILE``, or use profiles
    :raises ValueError: one of the last two is true
    """

    def __init__(
        self,
        save_on_exit: bool = True,
        autosave: bool = False,
        use_yaml: bool = False,
        allow_includes: bool = False,
    ) -> None:
        if use_yaml or allow_includes:
            raise ValueError("settings are JSON, without includes; see HCA_CONFIG_FILE and profiles")
        super().__init__(self, ())
        self._autosave = autosave
        self._made: settings.Config | None = None
        self._before: dict[str, Any] = {}
        self._data: dict[str, Any] = {}
        self._load()
        if save_on_exit:
            atexit.register(self._save_at_exit)

    def _load(self) -> None:
        """Reload the files; changes made here are kept."""
        changes = list(_differences(self._before, self._data))
        config = settings.load()
        _add_defaults(config)
        self._read = config
        self._before = config.merged
        self._data = copy.deepcopy(self._before)
        for path, value in changes:
            _put(self._data, path, value)
        self._made = None

    def forget_login(self) -> bool:
        """Remove the login that scripts for hca 7 stored here; False if there was none."""
        found = [name for name in SECRETS if self._data.pop(name, None) is not None]
        if found:
            self._changed()
        return bool(found)

    def _changed(self) -> None:
        self._made = None
        if self._autosave:
            self.save()

    def _settings(self) -> settings.Config:
        """The same as the core's configuration."""
        if self._made is None:
            options: dict[str, Any] = {}
            for path, value in _differences(self._before, self._data):
                if path[0] not in SECRETS:
                    # In the core's configuration, null means not set.
                    _put(options, path, None if value is _GONE else value)
            options = {settings.join_key((key,)): value for key, value in options.items()}
            self._made = self._read.with_options(options)
        return self._made

    @property
    def config_files(self) -> list[str]:
        """The files it is read from, lowest precedence first; some may not exist."""
        files = [settings.paths.site_config_file(), settings.paths.user_config_file()]
        return [*map(str, files), *_named_files()]

    @property
    def user_config_dir(self) -> str:
        """The user's configuration directory."""
        return str(settings.paths.config_dir())

    @property
    def file(self) -> Path:
        """The file for changes: the last in ``HCA_CONFIG_FILE``, that of the profile, or the user's."""
        named = _named_files()
        if named:
            return settings.expand_home(named[-1])
        profile = self._read.profile
        return settings.paths.user_config_file() if profile in (None, "default") else settings.profile_path(profile)

    def save(self, mode: int = 0o600) -> None:
        """Save what was changed since the last read or save; without changes, do not touch the file.

        :param mode: permissions of the file
        :raises hca_base.errors.ConfigError: the file is not writable
        """
        changes = list(_differences(self._before, self._data))
        if not changes:
            return
        path = self.file
        with settings.edit_file(path) as data:
            for place, value in changes:
                _put(data, place, value)
        path.chmod(mode)
        self._before = copy.deepcopy(self._data)
        self._load()

    def _save_at_exit(self) -> None:
        try:
            self.save()
        except Exception as error:  # noqa: BLE001 - the process is ending; a traceback would help nobody
            logger.warning("settings were not saved: %s", error)


class ClientConfig(settings.Config):
    """The object a client reads its settings from, with the attributes that scripts use."""

    def __init__(self, source: HCAConfig, config: settings.Config) -> None:
        super().__init__(
            config.layers,
            profile=config.profile,
            warnings=config.warnings,
            errors=config.errors,
            legacy=config.legacy_tokens(),
        )
        self._source = source

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._source, name)

    def __getitem__(self, key: str) -> Any:
        return self._source[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._source[key] = value


_config: HCAConfig | None = None


def get_config() -> HCAConfig:
    """The default settings, shared by all clients of a process."""
    global _config
    if _config is None:
        _config = HCAConfig()
    return _config


def _add_defaults(config: settings.Config) -> None:
    from hca_base.plugins import registry

    config.add_defaults("hca 7", DEFAULTS)
    for service in registry().services(config).values():
        service.add_defaults(config)


def _named_files() -> list[str]:
    return [name for name in os.environ.get("HCA_CONFIG_FILE", "").split(os.pathsep) if name]


class _Gone:
    """Marks a deleted value."""


_GONE = _Gone()


def _plain(value: Any) -> Any:
    """A value as written to a file."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The difference between two trees: paths with new values, or :data:`_GONE`."""
    for key in before:
        if key not in after:
            yield (key,), _GONE
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            yield from (((key, *path), inner) for path, inner in _differences(old, value))
        elif key not in before or value != old:
            yield (key,), value


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for segment in path[:-1]:
        inner = tree.get(segment)
        if not isinstance(inner, dict):
            if value is _GONE:
                return
            inner = tree[segment] = {}
        tree = inner
    if value is _GONE:
        tree.pop(path[-1], None)
    else:
        tree[path[-1]] = copy.deepcopy(value)
