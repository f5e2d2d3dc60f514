"""``hca service stubs``."""

from __future__ import annotations

import argparse
import keyword
from pathlib import Path

from hca_base import config as settings
from hca_base.commands._bases._base import Command
from hca_base.errors import HCAError, RefusedError, UsageError


class ServiceStubs(Command):
    """Write type stubs of a service's client.

    The file has a class with a method for each operation, and a TypedDict for each body and result, for editors and
    type checkers: import the class under TYPE_CHECKING, and use it to annotate the result of hca_base.client("NAME").
    In a plugin, --base-class names the class that its client derives from.
    """

    example = "service stubs dss --output dss_client.pyi"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name", help="the service")
        parser.add_argument("--output", metavar="FILE", help="write to this file, a .pyi (default: stdout)")
        parser.add_argument(
            "--base-class", metavar="CLASS", help="name of the class, for a plugin whose client derives from it"
        )
        parser.add_argument("--replace", action="store_true", help="replace the file if it exists")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_base.openapi import DocumentCache, stub

        cache = DocumentCache(self.config)
        service = self.context.service(parsed_args.name)
        document = cache.document(cache.get(service), service, fetch=False)
        path = settings.expand_home(parsed_args.output) if parsed_args.output else None
        base_class = _class_name(parsed_args.base_class)
        text = stub(document, service.name, _module(path, base_class is not None), base_class=base_class)
        if path is None:
            self.stdout.write(text)
            return
        _write(path, text, replace=parsed_args.replace)
        self.note(f"{path}: {len(document.operations)} operations")


def _class_name(given: str | None) -> str | None:
    if given is not None and (not given.isidentifier() or keyword.iskeyword(given)):
        raise UsageError(f"--base-class: {given!r} is not a valid class name", hint="use one such as DssOperations")
    return given


def _module(path: Path | None, package: bool) -> str | None:
    """Return the module name of the file."""
    if path is None:
        return None
    return f"{path.absolute().parent.name}.{path.stem}" if package else path.stem


def _write(path: Path, text: str, *, replace: bool) -> None:
    if path.exists() and not replace:
        raise RefusedError(f"{path} exists", hint="pass --replace to replace it, or name another file")
    try:
        settings.write_atomic(path, text.encode())
    except OSError as error:
        raise HCAError(f"{path} cannot be written: {error.strerror or error}") from None
