"""Makes the files that hca-base's wheel installs below ``share/``: a man page and completion for three shells.

``python docs/tools/make_wheel_data.py``; a test fails when the files are not what this makes.
"""

from __future__ import annotations

from pathlib import Path

from hca_base import __version__
from hca_base.commands._table import COMMANDS, GROUPS, HIDDEN
from hca_base.commands.completion import SCRIPTS
from hca_base.errors import ExitCode
from hca_base.shell._dispatch._split import OPTIONS

SHARE = Path(__file__).parents[2] / "share"
#: Shell -> where it looks for the completion of a command.
PLACES = {
    "bash": "bash-completion/completions/hca",
    "zsh": "zsh/site-functions/_hca",
    "fish": "fish/vendor_completions.d/hca.fish",
}
FILES = (
    ("HOME/.config/hca/config.json", "Settings of the user."),
    ("/etc/hca/config.json", "Settings of the site."),
    ("HOME/.config/hca/profiles/", "Profiles: named sets of settings."),
)
VARIABLES = (
    ("HCA_PROFILE", "The profile to use."),
    ("HCA_CONFIG_FILE", "More files of settings, separated as in PATH."),
    ("HCA_ACCESS_TOKEN", "A token for the service that the command talks to."),
    ("HCA_PLUGINS", "The distributions whose plugins are used; empty for none."),
    ("NO_COLOR", "Print without colours."),
)


def escaped(text: str) -> str:
    """Return text that means itself to troff."""
    quoted = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + quoted if quoted.startswith((".", "'")) else quoted


def entries(rows: list[tuple[str, str]]) -> list[str]:
    """Return a list of terms and texts."""
    return [line for term, text in rows for line in (".TP", f".B {escaped(term)}", escaped(text))]


def man_page() -> str:
    """Return the man page of the core; plugins add commands, which ``hca help`` shows."""
    options = [(", ".join(names) + (f" {metavar}" if metavar else ""), text) for names, metavar, text in OPTIONS]
    lines = [
        f'.TH HCA 1 "" "hca {__version__}" "User Commands"',
        ".SH NAME",
        escaped("hca - the command line of the Human Cell Atlas and of any service with an OpenAPI document"),
        ".SH SYNOPSIS",
        ".B hca",
        escaped("[OPTIONS] COMMAND ..."),
        ".SH DESCRIPTION",
        "Plugins add the commands of services.",
        ".B hca help",
        "lists all commands that are installed, and",
        ".B hca COMMAND \\-\\-help",
        "explains one. Without a command, at a terminal, hca opens an interactive shell.",
        ".SH OPTIONS",
        "These stand before the command.",
        *entries(options),
        ".SH COMMANDS",
    ]
    groups: dict[str, list[tuple[str, str]]] = {"": []}
    for command, (_, summary) in COMMANDS.items():
        if command not in HIDDEN:
            group = command.split(" ")[0] if " " in command else ""
            groups.setdefault(group, []).append((f"hca {command}", summary))
    for group, rows in groups.items():
        lines += [f'.SS "{escaped(GROUPS.get(group, group) or "Without a group")}"', *entries(rows)]
    codes = [(str(int(code)), code.name.lower().replace("_", " ")) for code in ExitCode]
    lines += [".SH FILES", *entries(list(FILES)), ".SH ENVIRONMENT", *entries(list(VARIABLES))]
    lines += [".SH EXIT STATUS", *entries(codes)]
    return "\n".join(lines) + "\n"


def wheel_data() -> dict[str, str]:
    """Return the files by path below ``share``."""
    return {"man/man1/hca.1": man_page(), **{place: SCRIPTS[shell] for shell, place in PLACES.items()}}


if __name__ == "__main__":
    for name, text in wheel_data().items():
        path = SHARE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
