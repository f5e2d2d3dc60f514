"""The progress of a transfer as HTML in a notebook."""

from __future__ import annotations

import html
import sys
from typing import Any

_BAR = '<progress max="1" value="{:.4f}" style="width: 24em"></progress> '


def in_notebook() -> bool:
    """Return True if this process is a notebook kernel, which can show HTML."""
    # Only kernels have imported it already, so other processes avoid the import.
    shell = sys.modules.get("ipykernel.zmqshell")
    ipython = sys.modules.get("IPython")
    if shell is None or ipython is None:
        return False
    return isinstance(ipython.get_ipython(), shell.ZMQInteractiveShell)


class NotebookDisplay:
    """One output of a cell, which is updated in place."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, total: str, share: float | None, tasks: list[str]) -> None:
        """Show the state of a run.

        :param total: summary line for all files
        :param share: fraction of the bytes, 0 to 1; None if the total is unknown
        :param tasks: a line for each file in progress
        """
        from IPython.display import HTML, display

        bar = "" if share is None else _BAR.format(min(share, 1.0))
        lines = "".join(f"<div><small>{html.escape(task.strip())}</small></div>" for task in tasks)
        content = HTML(f"<div>{bar}{html.escape(total)}{lines}</div>")
        if self._handle is None:
            self._handle = display(content, display_id=True)
        else:
            self._handle.update(content)
