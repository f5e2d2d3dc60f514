"""``hca upload select | areas | forget | creds | create | delete``."""

from __future__ import annotations

import argparse
import shlex
import uuid as uuids
from typing import Any

from hca_base.commands import confirm
from hca_base.errors import HCAError
from hca_base.output import warn
from hca_upload.commands.base import UploadCommand, check_stage, filled
from hca_upload.uri import UploadAreaURI

_ALIAS = "UUID of an area that was selected earlier, its first characters, or the area's address"


class Select(UploadCommand):
    """Select the upload area that other commands use.

    hca remembers an area that you select by its address; later, the first characters of its UUID are enough.
    """

    example = "upload select s3://org-humancellatlas-upload-prod/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uri_or_alias", help=_ALIAS)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        settings = self.settings
        given = parsed_args.uri_or_alias
        text = ""
        if given.startswith("s3://"):
            uri = UploadAreaURI(given)
            settings.add_area(uri)
            uuid = uri.area_uuid
            alias = settings.unique_prefix(uuid)
            text = f'\nIn future you may refer to this upload area using the alias "{alias}"'
        else:
            uuid = self.known_area(parsed_args, given).area_uuid
            alias = settings.unique_prefix(uuid)
        settings.select_area(uuid)
        self.context.forget()
        data = {"uuid": uuid, "uri": settings.area_uri(uuid).uri, "alias": alias}
        self.tell(parsed_args, data, f"Upload area {uuid} selected.{text}")


class Areas(UploadCommand):
    """List the upload areas that you selected, and mark the current one."""

    example = "upload areas"

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        settings = self.settings
        current = settings.current_area
        rows = [{"uuid": uuid, "uri": self._uri(uuid), "selected": uuid == current} for uuid in settings.areas]
        text = "\n".join(uuid + (" <- selected" if uuid == current else "") for uuid in settings.areas)
        self.tell(parsed_args, rows, text)

    def _uri(self, uuid: str) -> str | None:
        """The URI of an area; None, with a warning, if the settings have none, so that other areas are still listed."""
        try:
            return self.settings.area_uri(uuid).uri
        except HCAError as error:
            warn(f"area {uuid!r}: {error}; 'hca upload forget {shlex.quote(uuid)}' removes it")
            return None


class Forget(UploadCommand):
    """Forget an upload area; the area itself is kept."""

    example = "upload forget aaaa"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uuid_or_alias", help=_ALIAS)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        settings = self.settings
        given = parsed_args.uuid_or_alias
        if given.startswith("s3://") and given not in settings.areas:
            uuid = UploadAreaURI(given).area_uuid
        else:
            # Even if its URI in the settings is invalid.
            uuid = self.telling(parsed_args, lambda: settings.area_uuid_from_partial_uuid(given))
        settings.forget_area(uuid)
        self.context.forget()
        self.tell(parsed_args, {"uuid": uuid}, f"Forgetting about area {uuid}")


class Creds(UploadCommand):
    """Print temporary credentials for an upload area as environment variables.

    They are valid for an hour, and only for the area's folder. Keep the output secret.
    """

    example = "upload creds aaaa"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uuid_or_alias", nargs="?", type=filled, help=f"{_ALIAS} (default: the selected area)")

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        given = parsed_args.uuid_or_alias
        uri = self.known_area(parsed_args, given) if given else self.settings.selected()
        lent = self.area(uri).get_credentials()
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        text = "\n".join(f"{name.upper()}={lent[name]}" for name in names)
        self.tell(parsed_args, {name.upper(): lent[name] for name in names} | {"EXPIRATION": lent["expiry_time"]}, text)


class Create(UploadCommand):
    """Create an upload area and select it.

    Requires the service's API key ('hca auth set-key upload').
    """

    example = "upload create --env local"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uuid", nargs="?", type=filled, help="UUID of the area (default: a new one)")
        parser.add_argument(
            "--env", metavar="STAGE", help="stage of the deployment (default: the setting upload.stage, or prod)"
        )
        parser.add_argument("--no-select", action="store_true", help="do not select the new area")

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        if parsed_args.env is None:
            stage = str(self.config.get("upload.stage") or "prod")
            check_stage(stage, "the setting upload.stage")
        else:
            stage = parsed_args.env
            check_stage(stage)
        uuid = parsed_args.uuid or str(uuids.uuid4())
        area = self.service(stage).create_area(uuid)
        text = f"Upload area {area.uuid} created."
        if not parsed_args.no_select:
            settings = self.settings
            settings.add_area(area.uri)
            settings.select_area(area.uuid)
            self.context.forget()
            text += f"\nUpload area {area.uuid} selected."
        self.tell(parsed_args, {"uuid": area.uuid, "uri": area.uri.uri}, text)


class Delete(UploadCommand):
    """Delete an upload area and all files in it, after asking.

    Requires the service's API key ('hca auth set-key upload').
    """

    example = "upload delete aaaa --yes"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uuid_or_alias", help=_ALIAS)
        parser.add_argument("-y", "--yes", action="store_true", help="do not ask")

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        settings = self.settings
        area = self.area(self.known_area(parsed_args, parsed_args.uuid_or_alias))
        uuid = area.uuid
        confirm(f"Delete upload area {uuid} and all files in it?", yes=parsed_args.yes)
        area.delete()
        settings.forget_area(uuid)
        self.context.forget()
        self.tell(parsed_args, {"uuid": uuid}, f"Upload area {uuid} is being deleted.")
