"""``hca dss search`` and ``hca dss manifest``."""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base.commands import Command, DataCommand, json_argument
from hca_base.errors import NotFoundError, RefusedError, UsageError
from hca_dss.commands.transfer_command import TransferCommand, add_download_dir, add_replica, service_name

if TYPE_CHECKING:
    from hca_dss.client import DSSClient
    from hca_dss.operations import Replica

_QUERY_HELP = "an Elasticsearch query, instead of FIELD=VALUE; @FILE reads it from a file, - from stdin"


def _client(command: Command) -> DSSClient:
    found: Any = command.service_client(service_name(command))
    return found


def _query(command: Command, words: Sequence[str], es_query: Any) -> dict[str, Any]:
    """The query built from the arguments.

    :raises UsageError: they contain no query, or two
    """
    from hca_dss.query import parse_field, query_of

    if es_query is None:
        return query_of([parse_field(word) for word in words])
    if words:
        raise UsageError("pass either FIELD=VALUE or --es-query, not both")
    if not isinstance(es_query, dict):
        raise UsageError("--es-query must be a JSON object", hint='such as {"query": {"match_all": {}}}')
    return es_query


def _found(command: Command, query: dict[str, Any], replica: Replica, limit: int | None) -> Iterator[tuple[str, str]]:
    """The matching bundles.

    :raises NotFoundError: there are none
    """
    from hca_dss.query import bundles_of

    hits = itertools.islice(bundles_of(_client(command), query, replica), limit)
    first = next(hits, None)
    if first is None:
        raise NotFoundError("no bundle matches", hint="use fewer filters; 'FIELD=*' matches any value of a field")
    return itertools.chain([first], hits)


class Search(TransferCommand, DataCommand):
    """Search for bundles by their metadata.

    All filters must match. Comma-separated values of a filter are alternatives, and * matches any value. Values are
    compared as a whole and are case-sensitive. For a field that --fields does not list, use its path in the index, such
    as files.project_json.project_core.project_short_name.

    --download also downloads the matching bundles, each into DIR/UUID.VERSION, and writes the list of their files to
    --manifest FILE. After an interruption, run the same command again to resume.
    """

    default_format = "table"
    example = "dss search organ=pancreas sex=female --replica aws"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "filters", nargs="*", metavar="FIELD=VALUE", help="filters, which must all match; see --fields"
        )
        add_replica(parser)
        for action in parser._actions:
            if action.dest == "replica":
                action.required = False  # --fields makes no request
        parser.add_argument("--es-query", type=json_argument, metavar="JSON", help=_QUERY_HELP)
        parser.add_argument("--fields", action="store_true", help="list the fields that have short names")
        parser.add_argument("--show-query", action="store_true", help="print the query for 'post-search' and stop")
        parser.add_argument("--max", type=_count, metavar="N", help="stop after N bundles (default: all)")
        parser.add_argument("--download", action="store_true", help="download the bundles that match")
        parser.add_argument(
            "--manifest", default="manifest.tsv", metavar="FILE", help="manifest of a download (default: manifest.tsv)"
        )
        add_download_dir(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_base.output import emit_stream, output_options
        from hca_dss.query import FIELDS

        args = parsed_args
        if args.fields:
            return [{"field": name, "about": field.about, "path": field.paths[0]} for name, field in FIELDS.items()]
        query = _query(self, args.filters, args.es_query)
        if args.show_query:
            self.emit(query, args, **({} if output_options(args).get("fmt") else {"fmt": "json"}))
            return None
        if args.replica is None:
            raise UsageError("the following arguments are required: --replica", hint="use --replica aws or gcp")
        found = _found(self, query, args.replica, args.max)
        if args.download:
            return self._download(args, found)
        options = {"fmt": "table", "stream": self.stdout, **output_options(args)}
        emit_stream(({"bundle_uuid": uuid, "bundle_version": version} for uuid, version in found), **options)
        return None

    def _download(self, args: argparse.Namespace, found: Iterator[tuple[str, str]]) -> Any:
        from hca_dss.manifest_of import manifest_lines, same_files, write_manifest

        target = Path(args.manifest)
        if target.parent.resolve() != Path.cwd():
            raise UsageError(f"--manifest {target} must be in the working directory", hint="pass only a file name")
        options = self.transfer_options(args)
        with tempfile.TemporaryDirectory(prefix="hca-dss-search-") as folder:
            made = Path(folder, target.name)
            files = write_manifest(manifest_lines(_client(self), found, args.replica), made)
            if target.exists() and not same_files(target, made):
                raise RefusedError(
                    f"{target} exists and lists other files", hint="choose another name: --manifest FILE"
                )
            if not options.dry_run:
                write_manifest(made.read_text(encoding="utf-8", errors="surrogateescape").splitlines(), target)
            from hca_base.output import counted

            self.note(counted(files, "file") + ("" if options.dry_run else f", listed in {target}"))
            manifest = str(made if options.dry_run else target)
            report = _client(self).download_manifest(
                manifest, args.replica, "bundle", download_dir=args.download_dir, options=options
            )
        return self.tell(report, options)


class ManifestOf(Command):
    """Write a manifest of bundles: a table of their files, for 'hca dss download-manifest'.

    Bundles are named by UUID or UUID.VERSION, or found by FIELD=VALUE or --es-query as in 'hca dss search'. If a bundle
    cannot be read, the command fails and writes no file.
    """

    example = "dss manifest project=hca-local-demo --replica aws --output manifest.tsv"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "bundles", nargs="*", metavar="UUID|FIELD=VALUE", help="bundles, or filters, which must all match"
        )
        add_replica(parser)
        parser.add_argument("--es-query", type=json_argument, metavar="JSON", help=_QUERY_HELP)
        parser.add_argument("--max", type=_count, metavar="N", help="stop after N bundles (default: all)")
        parser.add_argument("--output", metavar="FILE", help="the manifest (default: stdout)")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_dss.manifest_of import manifest_lines, write_manifest

        args = parsed_args
        filters = [word for word in args.bundles if "=" in word]
        named = [word for word in args.bundles if "=" not in word]
        if named and (filters or args.es_query is not None):
            raise UsageError("pass either bundles or a search, not both")
        if named:
            pairs = [word.partition(".")[::2] for word in dict.fromkeys(named)]
            bundles: Iterator[tuple[str, str]] = itertools.islice(pairs, args.max)
        elif filters or args.es_query is not None:
            bundles = _found(self, _query(self, filters, args.es_query), args.replica, args.max)
        else:
            raise UsageError("no bundles are named", hint="pass UUIDs, FIELD=VALUE or --es-query JSON")
        files = write_manifest(manifest_lines(_client(self), bundles, args.replica), args.output, self.stdout)
        from hca_base.output import counted

        self.note(counted(files, "file") + (f", listed in {args.output}" if args.output else ""))


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid number of bundles")
    return int(text)
