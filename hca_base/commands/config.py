"""``hca config``: show, change and check the settings."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
from pathlib import Path as FilePath
from typing import Any

from hca_base import config as settings
from hca_base.commands._bases._base import Command, DataCommand, Lister
from hca_base.errors import ConfigError, HCAError, NotFoundError, UsageError


def plugin_schemas() -> list[Any]:
    """The configuration schemas of all plugins that can be used."""
    from hca_base.plugins import registry

    return registry().config_schemas()


def check_value(key: str, value: Any, *, force: bool = False, hint: str | None = None) -> None:
    """Warn of what is doubtful in a value that is to be set.

    :param force: warn of what is wrong, too
    :param hint: of the error
    :raises ConfigError: it is wrong
    """
    from hca_base.output import warn

    for problem in settings.check_value(key, value, plugin_schemas()):
        if problem.severity == "error" and not force:
            raise ConfigError(f"{problem.key}: {problem.message}", hint=hint)
        warn(f"{problem.key}: {problem.message}")


def _with_plugin_defaults(config: settings.Config) -> settings.Config:
    from hca_base.plugins import registry

    for service in registry().services(config).values():
        service.add_defaults(config)
    return config


def _target(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--profile",
        metavar="NAME",
        help="in this profile (default: the one of 'hca --profile', or config.json)",
    )
    where.add_argument("--file", metavar="FILE", type=FilePath, help="in this file")


def _profile_of(command: Command, args: argparse.Namespace) -> str | None:
    """The profile that a change is meant for: named after the command, or before it."""
    name = args.profile
    if name is None and args.file is None:
        name = command.context.options.profile
    if name is not None:
        # An empty name (of a variable that is not set) must not stand for the user's own file.
        settings.check_profile_name(name)
    return None if name == "default" else name


def command_names(config: settings.Config) -> list[str]:
    """Names of all commands, whose sections hold defaults of options."""
    from hca_base.commands._table import COMMANDS
    from hca_base.openapi import Index
    from hca_base.plugins import registry

    names = [*COMMANDS, *registry().commands()]
    for name, service in registry().services(config).items():
        try:
            names += [f"{name} {command}" for command, _ in Index.open(service, config).summaries(unambiguous=True)]
        except HCAError:
            continue
    return names


class Show(Lister):
    """Show all settings, and where each comes from.

    Secrets are masked.
    """

    example = "config show --origin"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("section", nargs="?", help="only this section, such as DSSClient")
        parser.add_argument("--origin", action="store_true", help="say which file and line each comes from")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        config = _with_plugin_defaults(self.config)
        rows = []
        for key, value, origin in config.items():
            if parsed_args.section and key != parsed_args.section and not key.startswith(f"{parsed_args.section}."):
                continue
            shown = settings.masked(key, value)
            text = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
            rows.append((key, text, origin.layer, str(origin)) if parsed_args.origin else (key, text))
        names = ["key", "value", "layer", "origin"] if parsed_args.origin else ["key", "value"]
        return names, sorted(rows)


class Get(DataCommand):
    """Print one setting.

    Text is printed as it is, everything else as JSON. Secrets are printed too: you asked for them.
    """

    example = "config get DSSClient.swagger_url"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("key", help="such as http.timeout")
        parser.add_argument("--origin", action="store_true", help="print where it comes from instead")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        config = _with_plugin_defaults(self.config)
        value = config.get(parsed_args.key)
        if value is None:
            near = _nearest(parsed_args.key, [key for key, _, _ in config.items()])
            raise NotFoundError(
                f"{parsed_args.key} is not set", hint=f"did you mean {near}?" if near else "hca config show lists all"
            )
        return _plain(self, str(config.origin(parsed_args.key)) if parsed_args.origin else value, parsed_args)


class Set(Command):
    """Set one setting.

    A value that is JSON (a number, true, [1, 2], {…}) is taken as such, anything else as text.
    """

    example = "config set DSSClient.swagger_url http://127.0.0.1:8765/v1/swagger.json"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("key", help="such as http.timeout")
        parser.add_argument("value", help="JSON or text; - reads it from stdin, so that it is not in the history")
        parser.add_argument("--text", action="store_true", help="take the value as text, whatever it looks like")
        parser.add_argument("--force", action="store_true", help="set a value that the schema says is wrong")
        _target(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_base.commands._bases._context import read_stdin

        text = read_stdin().rstrip("\r\n") if parsed_args.value == "-" else parsed_args.value
        value = text if parsed_args.text else settings.parse_value(text)
        check_value(parsed_args.key, value, force=parsed_args.force, hint="--force sets it all the same")
        profile = _profile_of(self, parsed_args)
        settings.set_value(parsed_args.key, value, file=parsed_args.file, profile=profile)
        self.context.forget()


class Unset(Command):
    """Remove one setting.

    What a lower layer sets (the site's file, say) then holds again.
    """

    example = "config unset http.timeout"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("key", help="such as http.timeout")
        _target(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        profile = _profile_of(self, parsed_args)
        if not settings.unset_value(parsed_args.key, file=parsed_args.file, profile=profile):
            where = parsed_args.file or profile or settings.paths.user_config_file()
            raise NotFoundError(f"{parsed_args.key} is not set in {where}", hint="hca config show --origin")
        self.context.forget()


class Path(Lister):
    """Print which files settings are read from.

    The lowest comes first; a later one wins. Files that do not exist are marked.
    """

    example = "config path --user"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--user", action="store_true", help="print only the path of the user's file")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        user = settings.paths.user_config_file()
        if parsed_args.user:
            return _plain(self, str(user), parsed_args)
        files = [("site", settings.paths.site_config_file()), ("user", user)]
        profile = self.context.options.profile or _quietly_active()
        if profile and profile != "default":
            files.append((f"profile {profile}", settings.profile_path(profile)))
        extra = os.environ.get("HCA_CONFIG_FILE", "").split(os.pathsep)
        files += [("HCA_CONFIG_FILE", FilePath(name)) for name in extra if name]
        rows = [(layer, str(path), "yes" if path.exists() else "no") for layer, path in files]
        return ["layer", "path", "exists"], rows


class Validate(Command):
    """Check all settings.

    Each problem is printed with its file, line and key; the exit code is 2 if there is an error.
    """

    example = "config validate"

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        config = settings.load(profile=self.context.options.profile, tolerant=True)
        return _report(self, config)


class Schema(DataCommand):
    """Print the JSON Schema of the settings.

    Editors that know JSON Schema can complete and check config.json with it.
    """

    example = "config schema > hca.schema.json"

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        return settings.schema(plugin_schemas())


class Edit(Command):
    """Edit the settings in your editor.

    The editor is VISUAL or EDITOR. The file is checked afterwards, and a broken one can be edited again.
    """

    example = "config edit --profile staging"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _target(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        profile = _profile_of(self, parsed_args)
        path = self._path(parsed_args, profile)
        before = _content_of(path)
        # Beside the file, so that it can take its place in one step; a name of its own, so that no kept one is lost.
        draft = path.with_name(f".{path.name}.edit-{os.urandom(4).hex()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            settings.write_atomic(draft, before, mode=0o600)
        except OSError as error:
            raise ConfigError(f"{path} cannot be edited: {error.strerror or error}") from None
        try:
            after = self._edited(draft, before, path)
            if after is None:
                self.note("nothing changed")
                return 0
            with settings.FileLock(path):
                if _content_of(path) != before:
                    raise ConfigError(f"{path} was changed by another program meanwhile", hint=_how_to_go_on(path))
                settings.write_atomic(path, after)
            draft.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from None
        finally:
            self._keep_or_remove(draft, before)
        self.context.forget()
        if parsed_args.file:
            return _report(self, settings.Config((settings.read_layer(path, str(path), "file"),)))
        return _report(self, settings.load(profile=profile or self.context.options.profile, tolerant=True))

    def _path(self, args: argparse.Namespace, profile: str | None) -> FilePath:
        """The file to edit, which need not exist unless it is a profile's."""
        if profile:
            path = settings.profile_path(profile)
            if not path.exists():
                raise settings.missing_profile(profile, f"create it: hca profile create {profile}")
            return path
        if args.file is not None:
            file: FilePath = args.file
            return file
        settings.ensure_user_config()
        return settings.paths.user_config_file()

    def _edited(self, draft: FilePath, before: bytes, path: FilePath) -> bytes | None:
        """What the user made of the draft, once it can be used; None if that is what it was."""
        while True:
            self._edit(draft)
            try:
                after = draft.read_bytes()
            except OSError as error:
                raise ConfigError(
                    f"the editor left no file to read: {draft}: {error.strerror or error}", hint="nothing was changed"
                ) from None
            if after == before:
                return None
            try:
                settings.read_file(draft)
            except ConfigError as error:
                self._ask_again(error.message, path)
            else:
                return after

    def _edit(self, path: FilePath) -> None:
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ("notepad" if os.name == "nt" else "vi")
        try:
            done = subprocess.run([*shlex.split(editor), str(path)], check=False)
        except (OSError, ValueError) as error:
            raise UsageError(f"the editor {editor!r} cannot be started: {error}", hint="set EDITOR") from None
        if done.returncode:
            raise UsageError(f"the editor {editor!r} failed with exit code {done.returncode}; nothing was changed")

    def _ask_again(self, wrong: str, path: FilePath) -> None:
        from hca_base.commands._bases._confirm import confirm

        try:
            confirm(f"{wrong}. Edit again?")
        except UsageError:
            raise ConfigError(f"{wrong}; nothing was changed", hint=_how_to_go_on(path)) from None

    def _keep_or_remove(self, draft: FilePath, before: bytes) -> None:
        """Remove a draft that holds nothing new; say where any other is, however the editing ended."""
        from hca_base.output import warn

        try:
            if draft.read_bytes() == before:
                draft.unlink()
            else:
                warn(f"what you wrote is kept in {draft}")
        except OSError:
            return


def _content_of(path: FilePath) -> bytes:
    """The bytes of a file of settings; those of an empty one where there is none.

    :raises ConfigError: it cannot be read
    """
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path} is {'a folder' if path.is_dir() else 'a device or pipe'}, not a file")
        return path.read_bytes()
    except FileNotFoundError:
        return b"{}\n"
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None


def _how_to_go_on(path: FilePath) -> str:
    return f"correct what you wrote and move it to {path}, or begin anew: hca config edit"


def _report(command: Command, config: settings.Config) -> int:
    """Print what is wrong in settings; the exit code."""
    problems = settings.validate(config, plugin_schemas(), commands=command_names(config))
    for problem in problems:
        command.stdout.write(f"{problem.severity}: {problem}\n")
    if any(problem.severity == "error" for problem in problems):
        return 2
    if not problems:
        count = sum(layer.path is not None for layer in config.layers)
        command.note(f"{count} file{'' if count == 1 else 's'} read, nothing wrong")
    return 0


def _quietly_active() -> str | None:
    try:
        return settings.active_profile()
    except ConfigError:
        return None


def _nearest(key: str, known: list[str]) -> str | None:
    import difflib

    lowered = {name.lower(): name for name in known}
    found = difflib.get_close_matches(key.lower(), lowered, 1)
    return lowered[found[0]] if found else None


def _plain(command: DataCommand, value: Any, args: argparse.Namespace) -> Any:
    """A result that is written as it is where it is text and no format was chosen; what is left to write."""
    from hca_base.output import output_options

    options = output_options(args)
    if not isinstance(value, str) or options.get("fmt") or options.get("query"):
        return value
    command.emit(value, args, fmt="value")
    return None
