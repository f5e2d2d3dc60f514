"""``hca config edit``: the settings in the user's editor, checked before they are kept."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
from pathlib import Path

from hca_base import config as settings
from hca_base.commands._bases._base import Command
from hca_base.commands._settings._values import (
    add_target,
    profile_of,
    report,
)
from hca_base.errors import ConfigError, UsageError


class ConfigEdit(Command):
    """Edit the settings in your editor.

    Opens the editor that VISUAL or EDITOR names. hca then checks the file, and lets you edit it again if it is invalid.
    """

    example = "config edit --profile staging"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_target(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        profile = profile_of(self, parsed_args)
        path = self._path(parsed_args, profile)
        before = _content_of(path)
        # In the same folder, for an atomic replacement; with a unique name, so that kept drafts are not overwritten.
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
                    raise ConfigError(
                        f"{path} was changed by another program in the meantime", hint=_how_to_go_on(path)
                    )
                settings.write_atomic(path, after)
            draft.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from None
        finally:
            self._keep_or_remove(draft, before)
        self.context.forget()
        if parsed_args.file:
            return report(self, settings.Config((settings.read_layer(path, str(path), settings.LayerKind.FILE),)))
        return report(self, settings.load(profile=profile or self.context.options.profile, tolerant=True))

    def _path(self, args: argparse.Namespace, profile: str | None) -> Path:
        """Return the file to edit, which must exist only if it is a profile's."""
        if profile:
            path = settings.profile_path(profile)
            if not path.exists():
                raise settings.missing_profile(profile, f"create it: hca profile create {profile}")
            return path
        if args.file is not None:
            file: Path = args.file
            return file
        settings.ensure_user_config()
        return settings.paths.user_config_file()

    def _edited(self, draft: Path, before: bytes, path: Path) -> bytes | None:
        """Return the edited draft once it is valid; None if it is unchanged."""
        while True:
            self._edit(draft)
            try:
                after = draft.read_bytes()
            except OSError as error:
                raise ConfigError(
                    f"the editor left no readable file: {draft}: {error.strerror or error}", hint="nothing was changed"
                ) from None
            if after == before:
                return None
            try:
                settings.read_file(draft)
            except ConfigError as error:
                self._ask_again(error.message, path)
            else:
                return after

    def _edit(self, path: Path) -> None:
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ("notepad" if os.name == "nt" else "vi")
        try:
            done = subprocess.run([*shlex.split(editor), str(path)], check=False)
        except (OSError, ValueError) as error:
            raise UsageError(f"the editor {editor!r} cannot be started: {error}", hint="set EDITOR") from None
        if done.returncode:
            raise UsageError(f"the editor {editor!r} failed with exit code {done.returncode}; nothing was changed")

    def _ask_again(self, wrong: str, path: Path) -> None:
        from hca_base.commands._bases._confirm import confirm

        try:
            confirm(f"{wrong}. Edit again?")
        except UsageError:
            raise ConfigError(f"{wrong}; nothing was changed", hint=_how_to_go_on(path)) from None

    def _keep_or_remove(self, draft: Path, before: bytes) -> None:
        """Remove an unchanged draft; otherwise print its location, even after an error."""
        from hca_base.output import warn

        try:
            if draft.read_bytes() == before:
                draft.unlink()
            else:
                warn(f"your text is saved in {draft}")
        except OSError:
            return


def _content_of(path: Path) -> bytes:
    """Return the bytes of a settings file; those of an empty one if it is missing.

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


def _how_to_go_on(path: Path) -> str:
    return f"correct it and move it to {path}, or start again: hca config edit"
