"""Write results, progress and messages, for people and programs.

Results go to stdout (or to ``--output FILE``), everything else to stderr::

    from hca_base import output

    output.emit({"uuid": "…"}, fmt="yaml")
    output.emit_stream(client.get_bundles_all.iterate(replica="aws"), fmt="jsonl")
    output.note("12 files are there already")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_base._lazy import lazy_exports

if TYPE_CHECKING:
    from hca_base.output._digits import Digits as Digits
    from hca_base.output._digits import WholeDigits as WholeDigits
    from hca_base.output._digits import read_json as read_json
    from hca_base.output._digits import read_shown as read_shown
    from hca_base.output._digits import write_json as write_json
    from hca_base.output._emit import emit as emit
    from hca_base.output._emit import emit_bytes as emit_bytes
    from hca_base.output._emit import emit_stream as emit_stream
    from hca_base.output._formats import FORMATS as FORMATS
    from hca_base.output._markdown import plain_text as plain_text
    from hca_base.output._notebook import in_notebook as in_notebook
    from hca_base.output._options import OWN as OWN
    from hca_base.output._options import add_output_options as add_output_options
    from hca_base.output._options import output_options as output_options
    from hca_base.output._options import own_flags as own_flags
    from hca_base.output._progress import Progress as Progress
    from hca_base.output._progress import Task as Task
    from hca_base.output._query import apply_query as apply_query
    from hca_base.output._records import Records as Records
    from hca_base.output._records import RecordStream as RecordStream
    from hca_base.output._records import Tabular as Tabular
    from hca_base.output._records import html_table as html_table
    from hca_base.output._records import records_of as records_of
    from hca_base.output._terminal import counted as counted
    from hca_base.output._terminal import discard_stdout as discard_stdout
    from hca_base.output._terminal import encodable as encodable
    from hca_base.output._terminal import format_bytes as format_bytes
    from hca_base.output._terminal import format_duration as format_duration
    from hca_base.output._terminal import is_terminal as is_terminal
    from hca_base.output._terminal import note as note
    from hca_base.output._terminal import safe_text as safe_text
    from hca_base.output._terminal import style as style
    from hca_base.output._terminal import terminal_width as terminal_width
    from hca_base.output._terminal import use_color as use_color
    from hca_base.output._terminal import warn as warn
    from hca_base.output._terminal import with_subject as with_subject

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "Digits": "._digits",
        "FORMATS": "._formats",
        "OWN": "._options",
        "Progress": "._progress",
        "RecordStream": "._records",
        "Records": "._records",
        "Tabular": "._records",
        "Task": "._progress",
        "WholeDigits": "._digits",
        "add_output_options": "._options",
        "apply_query": "._query",
        "counted": "._terminal",
        "discard_stdout": "._terminal",
        "emit": "._emit",
        "emit_bytes": "._emit",
        "emit_stream": "._emit",
        "encodable": "._terminal",
        "format_bytes": "._terminal",
        "format_duration": "._terminal",
        "html_table": "._records",
        "in_notebook": "._notebook",
        "is_terminal": "._terminal",
        "note": "._terminal",
        "output_options": "._options",
        "own_flags": "._options",
        "plain_text": "._markdown",
        "read_json": "._digits",
        "read_shown": "._digits",
        "records_of": "._records",
        "safe_text": "._terminal",
        "style": "._terminal",
        "terminal_width": "._terminal",
        "use_color": "._terminal",
        "warn": "._terminal",
        "with_subject": "._terminal",
        "write_json": "._digits",
    },
)
