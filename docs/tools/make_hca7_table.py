"""Writes ``docs/hca7.rst``: every public name and command of hca 7.0.1, and what became of it.

::

    python docs/tools/make_hca7_table.py

What hca 7.0.1 had is in ``hca7.json``, written by ``dump_hca7.py``. A name that is here under its old name is *same*
unless ``NOTES`` says more; a name that is not must be in ``GONE``, or the page is not written.
"""

from __future__ import annotations

import importlib
import json
import sys
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "hca7.rst"
#: Modules whose imports from others are public too.
PACKAGES = ("hca", "hca.auth", "hca.dss", "hca.upload", "hca.upload.cli", "hca.util")

SAME, FIXED = "same", "same, fixed"

#: What differs where the name is the same: (state, how).
NOTES: dict[str, tuple[str, str]] = {
    "hca.HCAConfig": (FIXED, "saves what was changed, under a lock; hca 7 wrote back all settings, defaults included"),
    "hca.config.HCAConfig": (FIXED, "as hca.HCAConfig"),
    "hca.config.HCAConfig.config_files": (FIXED, "names the files alone; defaults are in none"),
    "hca.cli.main": (FIXED, "ends with the documented exit codes in place of a traceback"),
    "hca.auth.AuthClient": (SAME, "the public service was retired; see :doc:`dcp-auth`"),
    "hca.dss.DSSClient": (FIXED, "asks for the document at the first call; raises errors of hca_base as well"),
    "hca.dss.DSSClient.create_version": (FIXED, "prints the version and returns it"),
    "hca.dss.DSSClient.download": (FIXED, "verified, resumable; an empty file works; returns a report"),
    "hca.dss.DSSClient.download_manifest": (FIXED, "honours bundle_version; a file that is missing is an error"),
    "hca.dss.DSSClient.download_collection": (FIXED, "takes files and collections in collections"),
    "hca.dss.DSSClient.upload": (
        FIXED,
        "goes on after a failure; staging_bucket has a setting; waits for each replica",
    ),
    "hca.util.SwaggerClient": (FIXED, "methods belong to each client, not to its class"),
    "hca.util.SwaggerClient.scheme": (SAME, "accepted, not used: the document, or its URL, says it"),
    "hca.util.SwaggerClient.max_redirects": (SAME, "of get_session(); calls have http.wait_budget"),
    "hca.util.SwaggerClient.token_expiration": (SAME, "accepted, not used: tokens are renewed in time"),
    "hca.util.SwaggerClient.expired_token": (SAME, "always False: tokens are renewed in time"),
    "hca.util.SwaggerClient.retry_policy": (SAME, "its count becomes http.retries"),
    "hca.util.SwaggerClient.timeout_policy": (SAME, "becomes http.timeout"),
    "hca.util.SwaggerClient.login": (FIXED, "the login goes to the keyring, not to config.json"),
    "hca.util.SwaggerClient.swagger_spec": (FIXED, "with its references as they are"),
    "hca.util.RetryPolicy": (SAME, "of it, the number of repeats counts"),
    "hca.util.exceptions.SwaggerAPIException": (FIXED, "a ServiceError of hca_base, and still a requests.HTTPError"),
    "hca.util.exceptions.SwaggerClientInternalError": (SAME, "never raised"),
    "hca.upload.upload_area.UploadArea.upload_files": (FIXED, "names that clash and paths that are missing are errors"),
    "hca.upload.upload_area.UploadArea.list": (FIXED, "works for files whose checksums are not known yet"),
    "hca.upload.upload_area_uri.UploadAreaURI": (FIXED, "checks the address; its last slash may be missing"),
    "hca.upload.upload_config.UploadConfig.save": (SAME, "does nothing: each change is saved when it is made"),
    "hca.upload.lib.upload_submission_state.UploadAreaFilesStatusCheck.get_file_statuses": (
        FIXED,
        "VALIDATION_UNSCHEDULED is never negative",
    ),
}

_PARSER = "the command line is no argparse parser any more; plugins add commands"
_ENGINE = "replaced by hca_base.transfer"
#: What is not here: how, or why.
GONE: dict[str, str] = {
    "hca.config.HCAConfig.default_config_file": "gone: services declare their defaults",
    "hca.config.ProgressBarStreamHandler": "replaced by hca_base.output.Progress",
    "hca.auth.cli": f"gone: {_PARSER}",
    "hca.cli.HCAArgumentParser": f"gone: {_PARSER}",
    "hca.cli.get_parser": f"gone: {_PARSER}",
    "hca.cli.check_if_release_is_current": "gone: it asked an interface that the package index has switched off",
    "hca.dss.cli": f"gone: {_PARSER}",
    "hca.dss.error": "gone: nothing raised it",
    "hca.dss.infra": "gone: use the logging module",
    "hca.dss.DSSClient.UPLOAD_BACKOFF_FACTOR": "gone: waits follow Retry-After",
    "hca.dss.DSSClient.threads": "replaced by the setting transfer.connections",
    "hca.dss.DownloadContext": _ENGINE,
    "hca.dss.ManifestDownloadContext": _ENGINE,
    "hca.dss.TaskRunner": _ENGINE,
    "hca.dss.atomic_overwrite": _ENGINE,
    "hca.dss.hardlink": _ENGINE,
    "hca.dss.iter_paths": "gone: use pathlib.Path.rglob",
    "hca.dss.object_name_builder": "gone: use pathlib.PurePath.relative_to",
    "hca.dss.upload_to_cloud": _ENGINE,
    "hca.dss.util": "replaced by hca_base.transfer and pathlib",
    "hca.upload.cli.UploadCommand.COMPARISON_TOOL": "gone: a page of AWS",
    "hca.upload.cli.upload_command.UploadCommand.COMPARISON_TOOL": "gone: a page of AWS",
    "hca.upload.lib.client_side_checksum_handler.ClientSideChecksumHandler.ChecksumCalculator": (
        "replaced by hca_base.transfer.checksum_file"
    ),
    "hca.upload.lib.credentials_manager": "replaced by UploadArea.get_credentials, and UploadArea.target for transfers",
    "hca.upload.lib.s3_agent": _ENGINE,
    "hca.util.DEFAULT_POOLSIZE": "gone: a name of requests",
    "hca.util.fs": "replaced by hca.util.fs_helper.FSHelper",
    "hca.util.SwaggerClient.build_argparse_subparsers": f"gone: {_PARSER}",
    "hca.util.pool.Worker": "gone: concurrent.futures has it",
}

#: What differs of commands.
COMMANDS: dict[str, str] = {
    "dss download": "verified, resumable; a failure ends with an exit code of its own",
    "dss download-manifest": "honours bundle_version; a missing file is an error; lines end with a newline alone",
    "dss download-collection": "takes files and collections in collections",
    "dss login": "the login goes to the keyring; --access-token - reads stdin",
    "dss upload": "--staging-bucket has a setting; goes on after a failure",
    "upload creds": "an alias that is not known ends with exit code 4",
    "upload files": "a missing path, or two files of one name, end with an error; --sync is the default",
    "upload forget": "an alias that is not known ends with exit code 4",
    "upload list": "works with any store; --long works for files without checksums",
    "upload report": "VALIDATION_UNSCHEDULED is never negative",
    "upload select": "an alias that is not known ends with an error, not with 0",
    "upload status": "an error ends with an exit code, not with 0",
}

#: Commands that have another name.
REPLACED = {
    "auth login": "``hca auth login dcp-auth``, as for every service; see :doc:`dcp-auth`",
    "auth logout": "``hca auth logout dcp-auth``",
}

HEAD = """\
.. Written by docs/tools/make_hca7_table.py; change that.

From hca 7
==========

One line upgrades an environment with hca 6 or 7, under Python 3.11 or later::

    pip install -U hca

Scripts that use its commands, or import its public names, go on as they are: the distribution ``hca`` has those names
over the new packages. ``hca plugin doctor`` finds what an old version may have left behind, and ``python -m hca_base``
works whatever became of the script ``hca``.

- A name for which there is a better one gives a ``DeprecationWarning`` when its module is imported, once. Python shows
  it to tests and with ``-W default``, and not to those who only use a script.
- ``SwaggerAPIException`` has ``code``, ``reason``, ``title``, ``details``, ``stacktrace`` and ``response``; it is a
  ``requests.HTTPError`` as before and a :class:`hca_base.errors.ServiceError` too. Likewise a service that cannot be
  reached is a ``requests.ConnectionError``, and a ``requests.Timeout`` too if it does not answer in time; an argument
  that is missing is a ``ValueError``, a failed transfer a ``RuntimeError``.
- In Python, values that the service does not take (a malformed UUID, replica or prefix) are sent, and it refuses them
  with a ``SwaggerAPIException``, as with hca 7. Arguments that an operation lacks are ignored with a warning, but
  nothing is deleted with one: it may have been meant to say what. ``client.host``, ``timeout_policy`` and
  ``retry_policy`` may be set on a client at any time. ``_auto_page`` and ``_request`` of a client's methods, and
  ``_swagger_spec`` of the client, which public programs use, are there with a ``DeprecationWarning``.
- ``hca.get_config()`` and ``hca.HCAConfig()`` read all layers (:doc:`configuration`) and save what the script changed,
  into the last file of ``HCA_CONFIG_FILE``, that of the profile, or the user's. A login that hca 7 left in the file
  moves to the keyring, so ``get_config().oauth2_token`` is not there after it.
- hca 8.0.0 was a notice that refused to be installed; there is nothing to upgrade from it.

The tables were made by asking hca 7.0.1 itself. *Same* means that it is here under its name, and a test holds that.
"""


def names(snapshot: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """The public names of hca 7: dotted, and whether the name is that of a module that is not here."""
    for module, found in snapshot["modules"].items():
        if any(word.startswith("_") for word in module.split(".")):
            continue
        if module in GONE:
            yield module, True
            continue
        for name, what in found.items():
            own = what["origin"] == module
            if not own and module not in PACKAGES:
                continue
            yield f"{module}.{name}", False
            if own:
                for member in what.get("members", {}):
                    yield f"{module}.{name}.{member}", False


def resolve(dotted: str) -> Any:
    """What is here under a name.

    :raises AttributeError: nothing is
    """
    words = dotted.split(".")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for length in range(len(words), 0, -1):
            try:
                found: Any = importlib.import_module(".".join(words[:length]))
            except ModuleNotFoundError:
                continue
            for word in words[length:]:
                found = None if _set_by_init(found, word) else getattr(found, word)
            return found
    raise AttributeError(dotted)


def _set_by_init(kind: Any, name: str) -> bool:
    """Whether objects of a class have an attribute that the class has not."""
    if not isinstance(kind, type) or hasattr(kind, name):
        return False
    code = getattr(kind.__init__, "__code__", None)
    return code is not None and name in code.co_names


def state_of(dotted: str, module: bool = False) -> tuple[str, str]:
    """The state of a name, and what is to be said about it.

    :raises LookupError: it is not here, and nobody said why
    """
    parents = [dotted.rsplit(".", cut)[0] for cut in range(dotted.count(".") + 1)] if not module else [dotted]
    for name in parents:
        if name in GONE:
            kind, _, why = GONE[name].partition(": ") if GONE[name].startswith("gone: ") else (GONE[name], "", "")
            return (kind, "") if not why else ("gone", why)
    try:
        resolve(dotted)
    except AttributeError:
        raise LookupError(f"{dotted} is not here, and GONE does not say why") from None
    return NOTES.get(dotted, (SAME, ""))


def table(title: str, heads: tuple[str, ...], rows: list[tuple[str, ...]], widths: str) -> Iterator[str]:
    yield from ("", title, "-" * len(title), "", ".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", "")
    for row in [heads, *rows]:
        for index, cell in enumerate(row):
            mark = "* -" if index == 0 else "  -"
            lines = textwrap.wrap(cell, 100, break_long_words=False, break_on_hyphens=False) or [""]
            yield f"   {mark} {lines[0]}".rstrip()
            yield from (f"       {line}" for line in lines[1:])


def page() -> str:
    """The page."""
    snapshot = json.loads((HERE / "hca7.json").read_text(encoding="utf-8"))
    lines = HEAD.splitlines()
    rows: list[tuple[str, ...]] = []
    for command, options in snapshot["commands"].items():
        note = REPLACED.get(command) or COMMANDS.get(command, "")
        state = "replaced by" if command in REPLACED else FIXED if note else SAME
        texts = " ".join(f"``{option['names'][-1]}``" for option in options)
        rows.append((f"``hca {command}``", texts, state, note))
    lines += table("Commands", ("Command", "Arguments", "Here", ""), rows, "24 40 12 24")
    rows = []
    for operation, arguments in snapshot["operations"].items():
        rows.append((f"``{operation}``", " ".join(f"``{name}``" for name in arguments), SAME, ""))
    lines += table("Operations of DSSClient", ("Method", "Arguments", "Here", ""), rows, "24 52 12 12")
    rows = []
    for name, module in names(snapshot):
        rows.append((f"``{name}``", *state_of(name, module)))
    lines += table("Names", ("Name", "Here", ""), rows, "46 20 34")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    try:
        PAGE.write_text(page(), encoding="utf-8")
    except LookupError as problem:
        sys.exit(str(problem))
