"""``hca upload status | report | wait``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hca_base.errors import ExitCode, HCAError
from hca_upload.commands.base import UploadCommand, add_area_options, area_of, filled
from hca_upload.errors import UploadApiException, UploadException


class Status(UploadCommand):
    """Show the status of a file in an upload area."""

    example = "upload status reads_R1.fastq.gz"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("filename", metavar="FILE", help="name of the file in the area")
        add_area_options(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        area = area_of(self, parsed_args)
        name = parsed_args.filename
        step = "CHECKSUM"
        try:
            status = area.checksum_word(name)
            if status == "CHECKSUMMED":
                step = "VALIDATION"
                status = area.validation_word(name)
        except UploadApiException as error:
            # Also on stdout, where scripts written for hca 7 read it.
            text = f"{step}_STATUS_RETRIEVAL_ERROR: {error.message}"
            self.tell(parsed_args, {"filename": name, "area": area.uuid, "error": error.message}, text)
            raise
        where = f"{area.deployment_stage}/{area.uuid}"
        data = {"filename": name, "area": area.uuid, "status": status}
        self.tell(parsed_args, data, f"File: {name} in UploadArea: {where} is currently {status}")
        if status == "FAILED":
            raise UploadException(f"{name} failed", exit_code=ExitCode.VERIFICATION)


class Report(UploadCommand):
    """Write a report on the files of an upload area to a text file."""

    example = "upload report --output_file_name my-area"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_area_options(parser)
        parser.add_argument(
            "--output_file_name",
            "--output-file-name",
            type=filled,
            metavar="NAME",
            help="write to NAME.txt (default: the area's UUID)",
        )

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_base.config import write_atomic

        area = area_of(self, parsed_args)
        checksums = area.checksum_statuses()
        validations = area.validation_statuses()
        total = checksums.pop("TOTAL_NUM_FILES", 0)
        # The service counts a file once for each of its validations, so the difference may be negative.
        validations["VALIDATION_UNSCHEDULED"] = max(0, checksums.get("CHECKSUMMED", 0) - sum(validations.values()))
        lines = ["FILE STATUS REPORT", f"UploadArea: {area.uuid}", f"Total Number of Files: {total}"]
        for title, counts in (("CHECKSUMS", checksums), ("VALIDATIONS", validations)):
            lines.append(title)
            lines += [f"\t{state} files: {counts[state]}" for state in sorted(counts)]
        name = parsed_args.output_file_name or area.uuid
        try:
            write_atomic(Path(f"{name}.txt"), "\n".join(lines) + "\n")
        except OSError as error:
            raise HCAError(f"{name}.txt cannot be written: {error.strerror}") from None
        data = {"area": area.uuid, "total": total, "checksums": checksums, "validations": validations}
        where = f"{area.deployment_stage}/{area.uuid}"
        self.tell(parsed_args, data, f"File status report for {where} generated, located {name}.txt")


class Wait(UploadCommand):
    """Wait for the checksums or validations of the files in an upload area."""

    example = "upload wait --validated --timeout 600"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("files", nargs="*", metavar="NAME", help="names of files in the area (default: all)")
        parser.add_argument("--validated", action="store_true", help="also wait until their validations have ended")
        parser.add_argument(
            "--timeout", type=_seconds, default=3600.0, metavar="SECONDS", help="time limit (default: 3600)"
        )
        add_area_options(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_base.output import safe_text

        area = area_of(self, parsed_args)
        states = area.wait(
            parsed_args.files or None,
            validated=parsed_args.validated,
            timeout=parsed_args.timeout,
            progress=self.context.progress,
        )
        rows = [{"name": name, "status": state} for name, state in states.items()]
        lines = (safe_text(f"{row['name']}: {row['status']}", one_line=True) for row in rows)
        self.tell(parsed_args, rows, "\n".join(lines))


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid number of seconds")
    return seconds
