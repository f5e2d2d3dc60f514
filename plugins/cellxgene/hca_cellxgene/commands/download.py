"""``hca cellxgene download``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hca_cellxgene.commands.options import CellxgeneCommand, add_filters, filters_of


class Download(CellxgeneCommand):
    """Download the files of datasets, and pin their versions.

    Name datasets, versions or collections by UUID, or use filters. Files keep the service's names, which contain the
    version. DIR/hca-cellxgene.lock.json pins the version of each dataset: later downloads into DIR use the same
    versions, and without IDs and filters download all of them. --update switches to the current versions; the files of
    earlier versions stay.

    CELLxGENE publishes no checksums. Files are verified by their size, and by the ETag of the stored object if that is
    an MD5 of the file or of parts of a common size. After an interruption, run the same command again to resume.
    """

    example = "cellxgene download --tissue lung --disease COVID-19 --download-dir data --dry-run"
    output = True

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        from hca_base.transfer import add_transfer_options

        parser = super().get_parser(prog_name)
        parser.add_argument("id", nargs="*", metavar="ID", help="UUID of a dataset, dataset version or collection")
        add_filters(parser)
        parser.add_argument("--type", action="append", default=[], metavar="KIND", help="kind of file (default: h5ad)")
        parser.add_argument(
            "--download-dir", default=".", metavar="DIR", help="where to download to (default: the current directory)"
        )
        parser.add_argument(
            "--update", action="store_true", help="download current versions, not those in the lock file"
        )
        add_transfer_options(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_base.errors import NotFoundError
        from hca_base.transfer import options_from_args
        from hca_cellxgene.downloading import Request, run

        args = parsed_args
        if args.progress is None and self.context.progress == "none":
            args.progress = "none"
        options = options_from_args(args, self.config)
        kinds = [args.type] if isinstance(args.type, str) else args.type
        request = Request(
            ids=args.id,
            filters=filters_of(args),
            filetypes=tuple(kind.upper() for kind in kinds) or ("H5AD",),
            update=args.update,
            with_descendants=args.with_descendants,
        )
        try:
            report = run(self.client, request, Path(args.download_dir), options, self.note)
        except NotFoundError:
            self.explain_empty(request.filters)
            raise
        self.note(report.summary())
        if options.dry_run:
            return dict(report.plan)
        report.raise_for_failures("downloaded")
        return None
