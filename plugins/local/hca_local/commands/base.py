"""What the deployment's commands share: finding the data directory to work on."""

from __future__ import annotations

import argparse
from pathlib import Path

from hca_base.config import expand_home
from hca_local.server.settings import default_data_dir


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        type=Path,
        help="directory for the deployment's data (default: the last one used, or hca/local in the data home)",
    )


def chosen_data_dir(args: argparse.Namespace) -> Path:
    """The data directory that a command works on."""
    from hca_local.server.profile import read_pointer

    if args.data_dir is not None:
        return expand_home(args.data_dir).absolute()
    known = read_pointer().get("data_dir")
    return Path(known) if isinstance(known, str) else default_data_dir()
