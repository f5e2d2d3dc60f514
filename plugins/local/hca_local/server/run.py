"""Runs a deployment in this process until it is stopped."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hca_base.errors import HCAError
from hca_local.server import logs, process
from hca_local.server.deployment import Deployment, unusable
from hca_local.server.settings import Settings


def serve(settings: Settings, port: int, *, foreground: bool, ready: Callable[[Settings], None] | None = None) -> None:
    """Run a deployment until SIGINT or SIGTERM.

    :param ready: called once it is ready
    :raises HCAError: it failed to start, or stopped responding
    """
    ended = threading.Event()
    # Before any slow step, so that a signal during startup also stops it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    if not foreground and hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        logs.configure(process.log_dir(settings.data_dir), foreground=foreground)
    except OSError as error:
        raise unusable(settings.data_dir, error) from error
    deployment = Deployment.of(settings, port)
    deployment.start()
    try:
        try:
            process.write_state(deployment.settings)
        except OSError as error:
            raise unusable(settings.data_dir, error) from error
        if ready is not None:
            ready(deployment.settings)
        while not ended.wait(1.0):
            if not deployment.alive:
                raise HCAError("the listeners stopped", hint=f"see {process.log_dir(settings.data_dir)}")
    finally:
        process.state_file(settings.data_dir).unlink(missing_ok=True)
        deployment.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """Main function of the background process; reports startup errors on standard output."""
    parser = argparse.ArgumentParser(prog="python -m hca_local.server", allow_abbrev=False)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--staging-bucket", required=True)
    parser.add_argument("--s3-endpoint")
    parser.add_argument("--simulate-waits", type=float, default=0.0)
    parser.add_argument("--validators", type=json.loads, default={})
    args = parser.parse_args(argv)
    settings = Settings(
        args.data_dir,
        s3_endpoint=args.s3_endpoint,
        staging_bucket=args.staging_bucket,
        simulate_waits=True if args.simulate_waits == 10 else args.simulate_waits or False,
        validators=args.validators,
    )
    try:
        serve(settings, args.port, foreground=False)
    except HCAError as error:
        report: dict[str, Any] = {"message": str(error), "hint": error.hint, "exit_code": int(error.exit_code)}
        # The process that started it may have ended.
        with contextlib.suppress(OSError):
            sys.stdout.write(json.dumps(report))
            sys.stdout.flush()
        return int(error.exit_code)
    return 0
