"""``hca azul export``."""

from __future__ import annotations

import argparse
from pathlib import Path

from hca_azul.commands.azul_command import AzulCommand
from hca_azul.commands.download import add_naming, add_selection, selection_of

TOOLS = ("aria2", "s5cmd", "curl", "datalad")


class Export(AzulCommand):
    """Write a list of files for another program to download.

    The addresses are the service's own and do not lapse, and no token is in the list. Data of managed access needs one:
    --with-token writes yours into a list for curl, which then only you can read and which is good for about an hour;
    'hca azul download' needs no such list. s5cmd gets only what the public mirror has.

    Other programs know less: s5cmd and curl compare no checksums, and none of them waits as the service asks to.
    """

    example = "azul export BrainCells --to aria2 --output brain.aria2"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_selection(parser)
        add_naming(parser)
        parser.add_argument("--to", required=True, choices=TOOLS, help="the program that is to download")
        parser.add_argument("--output", default="-", metavar="FILE", help="where to write it (default: stdout)")
        parser.add_argument("--with-token", action="store_true", help="write your token into it")
        parser.add_argument(
            "--sources", default="mirror,azul", metavar="LIST", help="the best first (default: mirror,azul)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_azul.download.exports import TOOLS as COMMANDS
        from hca_azul.download.exports import export
        from hca_azul.download.naming import DEFAULT, LISTED, Template
        from hca_azul.download.plan import Plan
        from hca_azul.download.sources import Sources
        from hca_azul.query.managed import left_out, told_of
        from hca_base.config import open_atomic
        from hca_base.errors import AuthError, HCAError, UsageError
        from hca_base.output import format_bytes, warn

        args = parsed_args
        client = self.client
        authorization = None
        if args.with_token:
            if args.output == "-":
                raise UsageError("--with-token needs --output FILE: a token does not belong on stdout")
            authorization = client.credentials.headers_for(client.base_url).get("Authorization")
            if not authorization:
                raise AuthError("there is no token to write", hint="'hca auth status' shows what there is")
        catalog = client.catalog(args.catalog)
        selection = selection_of(args)
        default = DEFAULT
        if selection.manifest is not None:
            from hca_azul.download.lists import is_curl

            default = LISTED if is_curl(selection.manifest) else DEFAULT
        plan = Plan(Template(args.name_template or default), args.on_collision)
        sources = Sources(client, [name.strip() for name in args.sources.split(",") if name.strip()])
        try:
            entries, _, named = selection.found(client, catalog)
            plan.fill(entries)
            found = export(plan, sources, args.to, authorization)
            hidden: list[str] = []
            if selection.projects or selection.filters:
                hidden = left_out(client, selection.whole_filters(named), named, catalog)
        finally:
            plan.close()
        if hidden:
            warn(told_of(client, hidden))
        elif not found.files and not found.left_out:
            self.no_results(selection.whole_filters(named), catalog, {})
        data = found.text.encode("utf-8", "surrogateescape")
        if args.output == "-":
            self.stdout.write(data.decode("utf-8", "backslashreplace"))
        else:
            try:
                with open_atomic(args.output, mode=0o600 if authorization else None, new_mode=0o666) as stream:
                    stream.write(data)
            except OSError as error:
                raise HCAError(f"cannot write {args.output}: {error.strerror or error}") from None
        if authorization:
            warn(f"your token is in {args.output}: keep it to yourself, and remove it when you are done")
        told = COMMANDS[args.to].replace("FILE", Path(args.output).name if args.output != "-" else "FILE")
        self.note(f"{found.files:,} files, {format_bytes(found.bytes)}; to get them: {told}")
        if found.left_out:
            name, why = next(iter(found.left_out.items()))
            warn(f"{len(found.left_out):,} files are left out; the first: {ascii(name)[1:-1]}: {why}")
