"""The upload areas in the user's configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base.errors import ConfigError, ExitCode
from hca_upload.errors import UploadException
from hca_upload.service import SERVICE
from hca_upload.uri import UploadAreaURI

if TYPE_CHECKING:
    from hca_base.config import Config


class UploadConfig:
    """The selected areas, the current area, and the URLs of each stage's services.

    Changes are written to the file of the active profile, or to the user's file if no profile is active. Each change
    reads that file again under a lock, so that concurrent commands lose nothing.

    :param config: settings; default: the user's
    """

    def __init__(self, config: Config | None = None) -> None:
        if config is None:
            from hca_base.config import load

            config = load()
        SERVICE.add_defaults(config)
        self._config = config
        self._changed: dict[str, Any] | None = None

    @property
    def config(self) -> Config:
        """The underlying settings."""
        return self._config

    @property
    def _section(self) -> dict[str, Any]:
        return self._changed if self._changed is not None else self._config.section("upload")

    @property
    def areas(self) -> list[str]:
        """UUIDs of all known areas, in the order in which they were first selected."""
        return list(self._areas)

    @property
    def _areas(self) -> dict[str, Any]:
        found = self._section.get("areas") or {}
        if not isinstance(found, dict):
            raise ConfigError("upload.areas must be an object", hint="hca config unset upload.areas")
        return found

    @property
    def current_area(self) -> str | None:
        """UUID of the selected area, or None."""
        found = self._section.get("current_area")
        return str(found) if found else None

    @property
    def bucket_name_template(self) -> str:
        """Name of a stage's bucket, with the placeholder ``{deployment_stage}``."""
        return str(self._section["bucket_name_template"])

    @property
    def preprod_api_url_template(self) -> str:
        """URL of the API for all stages but ``prod``, with the placeholder ``{deployment_stage}``."""
        return str(self._section["preprod_api_url_template"])

    @property
    def production_api_url(self) -> str:
        """URL of the API of the stage ``prod``."""
        return str(self._section["production_api_url"])

    def api_url(self, stage: str) -> str:
        """URL of a stage's API, ending in ``/v1``."""
        if stage == "prod":
            return self.production_api_url.rstrip("/")
        return self.preprod_api_url_template.replace("{deployment_stage}", stage).rstrip("/")

    def area_uri(self, area_uuid: str | None) -> UploadAreaURI:
        """Return the URI of a known area.

        :raises UploadException: the area is unknown
        """
        if not area_uuid or area_uuid not in self._areas:
            raise UploadException(f"I don't know about area {area_uuid}", exit_code=ExitCode.NOT_FOUND)
        entry = self._areas[area_uuid]
        uri = entry.get("uri") if isinstance(entry, dict) else None
        if not isinstance(uri, str):
            raise ConfigError(
                f"upload.areas.{area_uuid}.uri is missing", hint=f"hca config unset upload.areas.{area_uuid}"
            )
        return UploadAreaURI(uri)

    def selected(self) -> UploadAreaURI:
        """Return the URI of the current area.

        :raises UploadException: none is selected
        """
        if not self.current_area:
            raise UploadException(
                "There is no upload area selected.", hint='Please select one with "hca upload select <uri_or_alias>"'
            )
        return self.area_uri(self.current_area)

    def add_area(self, uri: UploadAreaURI) -> None:
        """Add an area to the known areas."""
        with _editing(self) as section:
            section.setdefault("areas", {}).setdefault(uri.area_uuid, {"uri": uri.uri})

    def select_area(self, area_uuid: str) -> None:
        """Select a known area."""
        uri = self.area_uri(area_uuid)
        with _editing(self) as section:
            section.setdefault("areas", {}).setdefault(area_uuid, {"uri": uri.uri})
            section["current_area"] = area_uuid

    def forget_area(self, area_uuid: str) -> None:
        """Remove an area from the known areas; if it was selected, none is selected afterwards."""
        with _editing(self) as section:
            section.get("areas", {}).pop(area_uuid, None)
            if section.get("current_area") == area_uuid:
                section["current_area"] = None

    def area_uuid_from_partial_uuid(self, partial_uuid: str) -> str:
        """Return the UUID of the only area whose UUID begins with this prefix.

        :raises UploadException: no area, or more than one, matches
        """
        found = [uuid for uuid in self.areas if partial_uuid and uuid.startswith(partial_uuid)]
        if partial_uuid in found:
            return partial_uuid
        if not found:
            raise UploadException(f'Sorry I don\'t recognize area "{partial_uuid}"', exit_code=ExitCode.NOT_FOUND)
        if len(found) > 1:
            raise UploadException(f'"{partial_uuid}" matches more than one area, please provide more characters.')
        return found[0]

    def unique_prefix(self, area_uuid: str) -> str:
        """Return the shortest prefix of an area's UUID that is unique."""
        others = [uuid for uuid in self.areas if uuid != area_uuid]
        for length in range(1, len(area_uuid)):
            if not any(uuid.startswith(area_uuid[:length]) for uuid in others):
                return area_uuid[:length]
        return area_uuid

    def save(self) -> None:
        """Do nothing: changes are saved immediately. Exists for scripts written for hca 7."""

    @property
    def file(self) -> Path:
        """The file for changes."""
        from hca_base.config import paths, profile_path

        profile = self._config.profile
        path = paths.user_config_file() if profile in (None, "default") else profile_path(str(profile))
        return Path(os.fspath(path))


class _editing:
    """Change the section ``upload`` of the user's file, under its lock, and reload it."""

    def __init__(self, settings: UploadConfig) -> None:
        from hca_base.config import edit_file

        self._settings = settings
        self._edit = edit_file(settings.file)

    def __enter__(self) -> dict[str, Any]:
        self._data = self._edit.__enter__()
        section = self._data.setdefault("upload", {})
        if not isinstance(section, dict) or not isinstance(section.get("areas", {}), dict):
            error = ConfigError(f"{self._settings.file}: upload and upload.areas must be objects")
            self._edit.__exit__(type(error), error, None)
            raise error
        self._section: dict[str, Any] = section
        return section

    def __exit__(self, *exception: Any) -> None:
        self._edit.__exit__(*exception)
        if exception[0] is None:
            merged = {**self._settings._config.section("upload"), **self._section}
            merged["areas"] = dict(self._section.get("areas", {}))
            self._settings._changed = merged
