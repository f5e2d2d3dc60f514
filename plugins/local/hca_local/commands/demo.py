"""``hca local demo``."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base.commands import Command
from hca_base.config import expand_home
from hca_base.errors import RefusedError
from hca_local.commands.base import add_data_dir, chosen_data_dir
from hca_local.server.settings import DEFAULT_PORT

if TYPE_CHECKING:
    from hca_local.demo import Story

_FOLDER = "hca-demo"


class Demo(Command):
    """Show what hca does: upload a data set, find it, download it, and compare every byte.

    Prints each step as the command that you would type, and runs it. Starts the embedded deployment if it is not
    running, and leaves it running. The files stay in a directory whose name is printed at the end.
    """

    example = "local demo"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--dir", type=Path, metavar="DIR", help=f"directory for the files (default: ./{_FOLDER})")
        parser.add_argument("--port", type=int, help="port for the deployment, if it is not running")
        add_data_dir(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_base.config import active_profile
        from hca_local.demo import Story, write_bundle
        from hca_local.demo.story import compare, parsed
        from hca_local.server.profile import PROFILE

        began = time.monotonic()
        folder = _folder(parsed_args.dir)
        bundle, downloads = folder / "bundle", folder / "download"
        chosen = active_profile()
        story = Story(self.stdout, ["--profile", PROFILE] if chosen not in (None, PROFILE) else [])

        story.say("1. The embedded deployment: the services of the Human Cell Atlas, on this machine")
        _start(Story(self.stdout), parsed_args)

        story.say(f"\n2. A data set: invented, but shaped like a real one. Its files are in {bundle}")
        paths = write_bundle(bundle)
        for path in paths:
            story.say(f"  {path.stat().st_size:>9,}  {path.name}")

        story.say("\n3. Upload it as a bundle")
        output = story.hca("dss", "upload", "--src-dir", str(bundle), "--replica", "aws", shown=6)
        uploaded = parsed(output, "dss upload")
        uuid, version = uploaded["bundle_uuid"], uploaded["version"]

        story.say("\n4. Find it by its metadata")
        _search(story, uuid, version)

        story.say("\n5. Download it")
        where = ["--bundle-uuid", uuid, "--version", version, "--replica", "aws", "--download-dir", str(downloads)]
        story.hca("dss", "download", *where)

        story.say("\n6. Compare the downloaded files with the originals")
        received = downloads / f"{uuid}.{version}"
        count, size = compare(bundle, received)
        story.tool("diff", "-r", "--exclude=bundle.json", str(bundle), str(received))
        story.say(f"  {count} files, {size:,} bytes: all identical")

        story.say(f"\nDone in {time.monotonic() - began:.0f} seconds. The files are in {folder.absolute()}")
        story.say("The deployment is still running. Try:")
        program = " ".join([story.program, *story._options])
        for line in (
            f"{program} dss get-bundle --uuid {uuid} --replica aws",
            f"{program} dss get-bundles-all --replica aws -f jsonl",
            f"{story.program} local status",
            f"{story.program} local stop",
        ):
            story.say(f"  {line}")


def _search(story: Story, uuid: str, version: str) -> None:
    from hca_local.demo import SHORT_NAME, StoryError
    from hca_local.demo.story import parsed

    term: dict[str, Any] = {"files.project_json.project_core.project_short_name": SHORT_NAME}
    query = json.dumps({"query": {"bool": {"must": [{"match": term}]}}})
    command = ["dss", "post-search", "--replica", "aws", "--es-query", query, "--query", "results[].bundle_fqid"]
    if f"{uuid}.{version}" not in parsed(story.hca(*command), "dss post-search"):
        raise StoryError("the search did not find the bundle")


def _start(story: Story, args: argparse.Namespace) -> None:
    from hca_local.server import process

    if process.running(chosen_data_dir(args)) is not None:
        story.hca("local", "status")
        return
    port = args.port if args.port is not None else _free_port()
    options = [] if port == DEFAULT_PORT else ["--port", str(port)]
    if args.data_dir is not None:
        options += ["--data-dir", str(args.data_dir)]
    story.hca("local", "start", *options)


def _free_port() -> int:
    """The usual port, or 0 (any) if it or its neighbour is taken."""
    from hca_local.server.listeners import PortError, bind

    try:
        for listener in bind(DEFAULT_PORT, None):
            listener.close()
    except PortError:
        return 0
    return DEFAULT_PORT


def _folder(asked: Path | None) -> Path:
    """Make and return the folder for the files: the one given, or a new one in the current directory, or, if that is
    not writable, a temporary one.

    :raises RefusedError: the given folder cannot be used
    """
    if asked is not None:
        asked = expand_home(asked)
        try:
            asked.mkdir(parents=True, exist_ok=True)
            if any(asked.iterdir()):
                raise RefusedError(f"{asked} is not empty", hint="name a directory that does not exist yet with --dir")
        except OSError as error:
            raise RefusedError(f"{asked} cannot be used: {error.strerror or error}") from error
        return asked
    for number in range(1, 1000):
        folder = Path(_FOLDER if number == 1 else f"{_FOLDER}-{number}")
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            continue
        except OSError:
            break
    return Path(tempfile.mkdtemp(prefix=f"{_FOLDER}-"))
