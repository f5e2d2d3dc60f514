"""``hca plugin create``: create a new plugin."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hca_base.commands._bases._base import Command
from hca_base.plugins import registry, scaffold


class PluginCreate(Command):
    """Write a new plugin with tests, documentation and CI.

    The new directory is a distribution that you can install and test immediately. With --openapi, its commands are the
    operations of the document; otherwise it has a small example command.
    """

    example = "plugin create petstore --openapi https://petstore3.swagger.io/api/v3/openapi.json"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name", help="name of the service, the first word of its commands")
        parser.add_argument("--openapi", metavar="URL-or-FILE", help="OpenAPI document of the service")
        parser.add_argument(
            "--directory", metavar="DIR", type=Path, help="directory to create (default: ./DISTRIBUTION)"
        )
        parser.add_argument("--distribution", help="name of the distribution (default: hca-NAME)")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_base.commands.service import check_not_reserved
        from hca_base.output import warn

        check_not_reserved(parsed_args.name)
        document, source, credentials = None, None, None
        if parsed_args.openapi:
            document, source, credentials = self._document(parsed_args.openapi)
        distribution = parsed_args.distribution or f"hca-{parsed_args.name}"
        directory = parsed_args.directory or Path(distribution)
        scaffold(
            parsed_args.name,
            directory,
            document=document,
            source=source,
            distribution=distribution,
            credentials=credentials,
        )
        other = registry().records("hca.services").get(parsed_args.name)
        if other is not None and other.distribution != distribution:
            warn(f"{other.distribution} is installed and also provides {parsed_args.name!r}: one hides the other")
        self.note(f"{directory} created; to install and test it:")
        self.note(f"  pip install -e '{directory}[test]' && pytest {directory}")

    def _document(self, given: str) -> tuple[Any, str | None, dict[str, Any]]:
        from hca_base.commands.service import credentials_of, document_source
        from hca_base.openapi import Document

        source = document_source(given)
        document = Document.load(source)
        url = source if source.lower().startswith(("http://", "https://")) else None
        return document, url, credentials_of(document.security_schemes)
