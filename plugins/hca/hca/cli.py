"""``hca.cli``: the command line, called from Python."""

from __future__ import annotations

from collections.abc import Sequence

from hca._moved import moved
from hca.version import __version__ as __version__

moved(__name__, "hca_base.shell.main runs a command line and returns its exit code")


def main(args: Sequence[str] | None = None) -> None:
    """Run ``hca``.

    :param args: its arguments; default, also for an empty list: those of the process
    :raises SystemExit: it failed, with the exit code
    """
    from hca_base.shell import main as run

    code = run(list(args) if args else None)
    if code:
        raise SystemExit(code)


def __getattr__(name: str) -> object:
    if name == "logger":
        from hca.config import logger

        return logger
    if name in ("get_config", "clear_hca_cache"):
        import hca

        return getattr(hca, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    main()
