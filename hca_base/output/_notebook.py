"""The progress of a transfer as HTML in a notebook."""

from __future__ import annotations

import html
import sys
from typing import Any

_BAR = '<progress max="1" value="{:.4f}" style="width: 24em"></progress> '


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, which shows HTML."""
    # Only a kernel has imported it, so that nobody else pays for an import.
    shell = sys.modules.get("ipykernel.zmqshell")
    ipython = sys.modules.get("IPython")
    if shell is None or ipython is None:
        return False
    return isinstance(ipython.get_ipython(), shell.ZMQInteractiveShell)


class NotebookDisplay:
    """One output of a cell, which is renewed in its place."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, total: str, share: float | None, tasks: list[str]) -> None:
        """Show the state of a run.

        :param total: the line for all files
        :param share: of the bytes, 0 to 1; None where the total is not known
        :param tasks: a line for each file under way
        """
        from IPython.display import HTML, display

        bar = "" if share is None else _BAR.format(min(share, 1.0))
        lines = "".join(f"<div><small>{html.escape(task.strip())}</small></div>" for task in tasks)
        content = HTML(f"<div>{bar}{html.escape(total)}{lines}</div>")
        if self._handle is None:
            self._handle = display(content, display_id=True)
        else:
            self._handle.update(content)
