"""``hca plugin doctor``: find problems with this installation."""

from __future__ import annotations

import argparse
from typing import Any

from hca_base.commands._bases._base import DataCommand
from hca_base.commands._bases._values import seconds_argument
from hca_base.commands._plugins._diagnosis import LEVELS, Finding, diagnose


class PluginDoctor(DataCommand):
    """Find problems with this installation.

    Checks the environment, old versions of hca in it, plugins, name conflicts, documents, versions of dependencies,
    settings, and the storage of logins. With --network, it also requests the document of each service. The exit code is
    1 if something is broken.
    """

    example = "plugin doctor --network"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--network", action="store_true", help="also check whether the services can be reached")
        parser.add_argument(
            "--timeout", type=seconds_argument, default=15.0, metavar="SECONDS", help="time limit for each plugin"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        findings = diagnose(self.context, timeout=parsed_args.timeout, network=parsed_args.network)
        self._worst = max((LEVELS.index(finding.level) for finding in findings), default=0)
        if any(getattr(parsed_args, f"output_{name}", None) for name in ("format", "query", "columns", "sort", "file")):
            return [finding.as_dict() for finding in findings]
        for finding in findings:
            self._print(finding)
        return None

    def _print(self, finding: Finding) -> None:
        from hca_base.output import safe_text, style

        color = {"ok": "green", "warning": "yellow", "error": "red"}[finding.level]
        level = style(f"{finding.level:<8}", color, stream=self.stdout)
        self.stdout.write(f"{level} {finding.subject}: {safe_text(finding.message, one_line=True)}\n")
        if finding.hint:
            self.stdout.write(f"         → {safe_text(finding.hint, one_line=True)}\n")

    def _finish(self, result: Any, args: argparse.Namespace) -> int:
        super()._finish(result, args)
        return 1 if self._worst == LEVELS.index("error") else 0
