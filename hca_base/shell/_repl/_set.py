"""The ``set`` command of the interactive shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_base.errors import UsageError

if TYPE_CHECKING:
    from hca_base.commands import Context


def can_set() -> list[tuple[str, str]]:
    """Return the names that ``set`` accepts, with one-line descriptions."""
    from hca_base.commands._settings._values import known_settings

    own = [
        ("profile", "the profile of this session"),
        ("format", "how results are shown"),
        ("log_level", "lowest level of messages to show"),
    ]
    return own + [(key, str(about.get("description", ""))) for key, about in known_settings().items() if "." in key]


def values_for(key: str) -> list[str]:
    """Return the values that a setting accepts, if they can be listed."""
    from hca_base.commands._settings._values import known_settings
    from hca_base.config import list_profiles
    from hca_base.output import FORMATS
    from hca_base.shell._dispatch._split import LEVELS

    if key == "profile":
        return ["default", *list_profiles()]
    if key in ("format", "output.format"):
        return list(FORMATS)
    if key == "log_level":
        return list(LEVELS)
    about = known_settings().get(key, {})
    values = ["true", "false"] if about.get("type") == "boolean" else about.get("enum", ())
    return [str(value) for value in values]


def apply(context: Context, key: str, value: str) -> None:
    """Set a setting for the session.

    :raises UsageError: the value is not valid
    """
    from hca_base import config
    from hca_base.commands._settings._values import check_value
    from hca_base.output import FORMATS
    from hca_base.shell._dispatch._logging import configure
    from hca_base.shell._dispatch._split import LEVELS

    options = context.options
    if key == "profile":
        if value != "default" and value not in config.list_profiles():
            raise UsageError(f"unknown profile {value!r}", hint="'profile list' lists the profiles")
        options.profile = value
    elif key in ("log_level", "log-level"):
        if value.upper() not in LEVELS:
            raise UsageError(f"log_level takes {', '.join(LEVELS)}, not {value!r}")
        options.log_level = value.upper()
        configure(context)
        return
    elif key in ("format", "output.format"):
        if value not in FORMATS:
            raise UsageError(f"unknown format {value!r}", hint=f"use one of {', '.join(FORMATS)}")
        options.overrides["output.format"] = value
    else:
        parsed = config.parse_value(value)
        check_value(key, parsed)
        options.overrides[key] = parsed
    context.forget()
