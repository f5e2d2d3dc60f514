"""``hca upload files | list | store | validate``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from hca_base.commands import json_argument
from hca_base.errors import NotFoundError, UsageError
from hca_upload.commands.base import UploadCommand, add_area_options, area_of, filled, structured


class Files(UploadCommand):
    """Upload files and directories to the selected upload area.

    Skips files that are already in the area with the same content. After a failure, run the same command again to
    upload only what is missing. Files of a directory are uploaded under their base names; two files with the same name
    are refused.
    """

    example = "upload files reads_R1.fastq.gz sample.json"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        from hca_base.transfer import add_transfer_options

        parser.add_argument("upload_paths", nargs="+", metavar="PATH", help="file, directory, or s3://BUCKET/PREFIX")
        parser.add_argument(
            "-t", "--target-filename", metavar="NAME", help="name in the area, when one file is uploaded"
        )
        parser.add_argument(
            "--file-extension", metavar="SUFFIX", help="upload only files in directories with this suffix"
        )
        parser.add_argument(
            "--no-transfer-acceleration",
            action="store_true",
            help="do not use S3 Transfer Acceleration",
        )
        parser.add_argument("-q", "--quiet", action="store_true", help="print nothing on stdout")
        again = parser.add_mutually_exclusive_group()
        again.add_argument(
            "-s",
            "--sync",
            action="store_true",
            default=True,
            help="skip files that are already in the area (the default)",
        )
        again.add_argument("--no-sync", dest="sync", action="store_false", help="send all files again")
        parser.add_argument(
            "--keep-paths",
            action="store_true",
            help="name files by their paths below the directory, if the service supports such names",
        )
        add_transfer_options(parser, upload=True)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_base.output import is_terminal, warn, with_subject
        from hca_base.transfer import options_from_args
        from hca_upload.area import in_words
        from hca_upload.send import Outcome, Sending
        from hca_upload.sources import find_files

        args = parsed_args
        area = self.area()
        files = self.telling(
            args,
            lambda: find_files(
                args.upload_paths,
                target_filename=args.target_filename,
                file_extension=args.file_extension,
                keep_paths=args.keep_paths,
                config=self.config,
            ),
        )
        if args.progress is None and (self.context.progress == "none" or args.quiet):
            args.progress = "none"
        say = not args.quiet and not structured(args)
        # Printing while the progress bar is shown would garble both.
        late = is_terminal(self.stdout) and is_terminal(sys.stderr)

        def tell(outcome: Outcome) -> None:
            if outcome.good:
                self._print(in_words(outcome, str(area.uri)))
            elif outcome.state == "would-upload":
                self._print(f"Would upload {outcome.shown} ({outcome.size} bytes) to upload area {area.uri}")

        sending = Sending(
            area,
            files,
            accelerate=not args.no_transfer_acceleration,
            sync=args.sync,
            options=options_from_args(args, self.config),
            on_outcome=tell if say and not late else None,
        )
        if say:
            self._print(f"\nStarting upload of {len(files)} files to upload area {area.uuid}")
        outcomes = sending.run()
        if say and late:
            for outcome in outcomes:
                tell(outcome)
        for outcome in sending.failed:
            warn(f"not uploaded: {with_subject(outcome.path, outcome.error)}")
        if structured(args):
            rows = [
                {"path": one.path, "name": one.name, "size": one.size, "state": one.state, "error": one.error}
                for one in outcomes
            ]
            self.emit(rows, args)
        sending.raise_for_failures(reasons=False)
        if say and not args.dry_run:
            self._print(f"Completed upload of {len(outcomes)} files to upload area {area.uuid}\n")

    def _print(self, line: str) -> None:
        print(line, file=self.stdout, flush=True)


class List(UploadCommand):
    """List the files in the selected upload area."""

    example = "upload list -l"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("-l", "--long", action="store_true", help="also show size, address, type and checksums")

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_base.output import emit_stream, output_options, safe_text

        found = self.area().list(detail=parsed_args.long)
        if structured(parsed_args):
            emit_stream(found, stream=self.stdout, **output_options(parsed_args))
            return

        for file in found:
            print(safe_text(file["name"], one_line=True), file=self.stdout)
            if parsed_args.long:
                for label, value in _details(file):
                    print(f"\t{label:<12} {safe_text(str(value), one_line=True)}", file=self.stdout)


def _details(file: dict[str, Any]) -> list[tuple[str, Any]]:
    lines: list[tuple[str, Any]] = []
    if "size" in file:
        lines.append(("size", f"{file['size']} bytes"))
    if file.get("url"):
        lines.append(("URL", file["url"]))
    if file.get("content_type"):
        lines.append(("Content-Type", file["content_type"]))
    checksums = file.get("checksums") or {}
    lines += [
        (label, checksums[label.lower()])
        for label in ("S3_Etag", "CRC32C", "SHA1", "SHA256")
        if label.lower() in checksums
    ]
    return lines


class Store(UploadCommand):
    """Store a small file in the selected upload area through the service.

    Requires the service's API key ('hca auth set-key upload'), and accepts only JSON files. Other files are uploaded
    with 'hca upload files'.
    """

    example = "upload store sample.json --dcp-type metadata/sample"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the file")
        parser.add_argument(
            "-t", "--target-filename", type=filled, metavar="NAME", help="name in the area (default: the file's)"
        )
        parser.add_argument("--content-type", default="application/json", help="media type (default: application/json)")
        parser.add_argument("--dcp-type", default="metadata", help="kind of file, for the platform (default: metadata)")
        add_area_options(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        path: Path = parsed_args.file
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise NotFoundError(f"{path} does not exist") from None
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from None
        kind = f'{parsed_args.content_type}; dcp-type="{parsed_args.dcp_type}"'
        info = area_of(self, parsed_args).store_file(parsed_args.target_filename or path.name, content, kind)
        self.tell(parsed_args, info, f"Stored {path} as {info['url']}")


class Validate(UploadCommand):
    """Run a validator over files of the selected upload area.

    Requires the service's API key ('hca auth set-key upload'). 'hca upload wait --validated' waits until it ends, and
    'hca upload status FILE' shows its state.
    """

    example = "upload validate --validator hca-local/check reads_R1.fastq.gz"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "files",
            nargs="+",
            metavar="NAME",
            help="names of files in the area, in the order that the validator expects",
        )
        parser.add_argument(
            "--validator", required=True, metavar="IMAGE", help="name of the validator, usually of a container image"
        )
        parser.add_argument(
            "--environment",
            type=json_argument,
            metavar="JSON",
            help="environment variables for the validator (JSON, @FILE, or - for stdin)",
        )
        parser.add_argument(
            "--original-validation-id", default="", metavar="ID", help="ID of the validation that this one repeats"
        )
        add_area_options(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        environment = parsed_args.environment or {}
        if not isinstance(environment, dict):
            raise UsageError("--environment must be a JSON object")
        answer = area_of(self, parsed_args).validate_files(
            parsed_args.files, parsed_args.validator, parsed_args.original_validation_id, environment
        )
        self.tell(parsed_args, answer, answer["validation_id"])
