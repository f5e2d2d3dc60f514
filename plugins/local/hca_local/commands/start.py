"""``hca local start``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from hca_base.commands import Command
from hca_base.config import expand_home
from hca_base.errors import ConfigError, UsageError
from hca_local.commands.base import add_data_dir
from hca_local.server.settings import DEFAULT_PORT, Settings, default_data_dir

if TYPE_CHECKING:
    from hca_base.config import Config


#: Seconds; the longest delay that clients are told to wait before they retry.
_LONGEST_WAIT = 86400.0


class Start(Command):
    """Start the embedded deployment on this machine.

    It runs a Data Storage Service, an Upload Service, an identity provider and an S3 endpoint on 127.0.0.1, until 'hca
    local stop'. Its data directory keeps everything between runs. It creates the profile 'local', with tokens, and
    switches to it if no profile is in use. It is for evaluation, development and tests, not for production.
    """

    output = True
    default_format = "table"
    example = "local start"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--port",
            type=int,
            default=DEFAULT_PORT,
            help=f"port of the API; S3 uses the next port; 0 selects two free ports (default: {DEFAULT_PORT})",
        )
        add_data_dir(parser)
        parser.add_argument("--foreground", action="store_true", help="run in the foreground, until Ctrl-C")
        parser.add_argument(
            "--simulate-waits",
            type=float,
            nargs="?",
            const=10.0,
            default=0.0,
            metavar="SECONDS",
            help="make clients wait like the original services: 202 for large copies, 301 until a file is checked out, "
            "with SECONDS between retries (default: 10)",
        )
        parser.add_argument(
            "--s3-endpoint",
            metavar="URL",
            help="stage files in this S3 instead of the embedded one, with your AWS credentials (MinIO, Ceph, AWS)",
        )
        parser.add_argument(
            "--staging-bucket", metavar="NAME", help="bucket to stage files in (with --s3-endpoint: it must exist)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_local.server import process
        from hca_local.server.profile import connect

        args = parsed_args
        settings = _settings(args)
        settings.validators = _validators(self.config)
        if not 0 <= args.port <= 65534:
            raise UsageError(f"--port must be from 0 to 65534, not {args.port}")
        if args.foreground:
            from hca_local.server.run import serve

            process.refuse_second(settings.data_dir)

            def ready(running: Settings) -> None:
                connect(running)
                self.note(
                    f"the embedded deployment is at {running.api_url}, S3 at {running.s3_url}; press Ctrl-C to stop it"
                )

            try:
                serve(settings, args.port, foreground=True, ready=ready)
            finally:
                from hca_local.server.profile import disconnect

                disconnect(settings.data_dir)
            return None
        state = process.spawn(settings, args.port)
        in_use = connect(process.settings_of(state))
        self.context.forget()
        self.note(
            "profile 'local' is active: hca now uses this deployment"
            if in_use
            else "another profile is active; use 'hca --profile local …' or 'hca profile use local' for this deployment"
        )
        shown = ("api_url", "s3_url", "data_dir", "pid")
        return {name: state[name] for name in shown}


def _validators(config: Config) -> dict[str, list[str]]:
    """Read the setting ``local.validators``: command lines by validator name.

    :raises ConfigError: the setting has another form
    """
    found = config.get("local.validators", {})
    good = isinstance(found, dict) and all(
        isinstance(argv, list) and argv and all(isinstance(word, str) for word in argv) for argv in found.values()
    )
    if not good:
        raise ConfigError(
            "the setting local.validators must be an object of command lines, each a list of words",
            hint="""such as: hca config set local.validators '{"org/fastq:1": ["fastq_info"]}'""",
        )
    return dict(found)


def _settings(args: argparse.Namespace) -> Settings:
    data_dir = expand_home(args.data_dir).absolute() if args.data_dir else default_data_dir()
    waits: bool | float = args.simulate_waits
    if not 0 <= waits <= _LONGEST_WAIT:
        raise UsageError(f"--simulate-waits requires a number of seconds from 0 to {_LONGEST_WAIT:g}, not {waits:g}")
    if waits in (0.0, 10.0):
        waits = bool(waits)
    settings = Settings(data_dir, simulate_waits=waits)
    if args.staging_bucket:
        from hca_local.s3.objects.objects import is_bucket_name

        if not is_bucket_name(args.staging_bucket):
            raise UsageError(f"{args.staging_bucket!r} is not a valid bucket name")
        settings.staging_bucket = args.staging_bucket
    if args.s3_endpoint:
        from hca_base.http import origin_of

        try:
            origin_of(args.s3_endpoint)
        except UsageError as error:
            raise UsageError(f"--s3-endpoint must be an http or https URL: {error}") from None
        settings.s3_endpoint = args.s3_endpoint.rstrip("/")
    return settings
