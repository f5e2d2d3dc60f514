"""Lists of results in a notebook: tables, data frames, and the progress of a transfer."""

from __future__ import annotations

import builtins
import json
import pickle
from typing import Any, NamedTuple

import pytest

from hca_base.errors import PluginError
from hca_base.output import Records, RecordStream, apply_query, records_of
from hca_base.transfer import Report, Row

DONORS = [{"name": "a", "donor": {"sex": "female", "age": 3}}, {"name": "b", "donor": {"sex": "male"}, "tags": ["x"]}]


class Point(NamedTuple):
    x: int
    y: int


def test_a_list_of_results_is_a_list() -> None:
    records = records_of(DONORS)
    assert records == DONORS and isinstance(records, list)
    assert json.loads(json.dumps(records)) == DONORS
    assert pickle.loads(pickle.dumps(records)) == records
    assert isinstance(records[:1], Records) and records[0] is DONORS[0]
    assert apply_query("length(@)", records) == 2


@pytest.mark.parametrize("value", [[], [1, 2], [{"a": 1}, 2], {"a": []}, "text", None])
def test_what_is_no_list_of_objects_stays_what_it_is(value: Any) -> None:
    assert records_of(value) is value


def test_objects_inside_become_columns_with_dotted_names() -> None:
    pytest.importorskip("pandas")
    frame = Records(DONORS).to_pandas()
    assert list(frame.columns) == ["name", "donor.sex", "donor.age", "tags"]
    assert frame["donor.sex"].tolist() == ["female", "male"] and frame["tags"][1] == ["x"]
    assert Records([Point(1, 2)]).to_pandas().to_dict("records") == [{"x": 1, "y": 2}]
    assert Records().to_pandas().empty


def test_what_is_left_of_a_stream_becomes_a_data_frame() -> None:
    pytest.importorskip("pandas")
    closed = []

    def results() -> Any:
        try:
            yield from DONORS
        finally:
            closed.append(True)

    stream = RecordStream(results())
    assert next(stream) is DONORS[0]
    assert stream.to_pandas()["name"].tolist() == ["b"]
    other = RecordStream(results())
    next(other)
    other.close()
    assert len(closed) == 2


def test_without_pandas_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name == "pandas":
            raise ImportError(name, name=name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PluginError, match="pandas") as raised:
        Records(DONORS).to_pandas()
    assert raised.value.hint == "pip install pandas"


def test_a_table_shows_names_and_values_and_nothing_runs() -> None:
    shown = Records([{"<script>": "<img src=x onerror=alert(1)>", "b": "\x1b[31mred"}])._repr_html_()
    assert "<script>" not in shown and "<img" not in shown and "\x1b" not in shown
    assert "&lt;script&gt;" in shown and "1 row<" in shown


def test_long_and_wide_lists_are_cut_and_say_so() -> None:
    rows = [{f"c{column}": "x" * 500 for column in range(30)} for _ in range(1500)]
    shown = Records(rows)._repr_html_()
    assert shown.count("<tr>") == 21 and shown.count("<th>") == 12 and "x" * 80 not in shown
    assert "1,500 rows, the first 20 shown; not shown: c12, c13" in shown


def test_a_report_shows_failures_first() -> None:
    report = Report()
    for number in range(30):
        report.add(Row.success(f"good{number}", "downloaded", 10))
    report.add(Row.failure("<bad>", "failed", "no such file"))
    shown = report._repr_html_()
    assert shown.index("&lt;bad&gt;") < shown.index("good0") and "30 downloaded, 1 failed" in shown
    assert "31 rows, the first 20 shown" in shown


def test_the_rows_of_a_report_become_a_data_frame() -> None:
    pytest.importorskip("pandas")
    report = Report()
    report.add(Row.success("a", "downloaded", 10))
    assert report.to_pandas()[["name", "outcome", "bytes"]].values.tolist() == [["a", "downloaded", 10]]
