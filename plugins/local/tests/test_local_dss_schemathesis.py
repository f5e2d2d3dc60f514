"""Valid and invalid requests generated from the served document: none of them causes a server error."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from hca_base.plugins import registry

pytestmark = pytest.mark.xdist_group("local-dss-schemathesis")

VERSION = "2020-05-21T235543.123456Z"
EXAMPLES = 15
MANY_EXAMPLES = 300

schemathesis.openapi.format("DSS_VERSION", st.sampled_from([VERSION, VERSION, "2019-01-01T000000.000000Z", "x"]))


def operations() -> list[tuple[str, str]]:
    document = json.loads(registry().services()["dss"].bundled_bytes())
    return [(path, method.upper()) for path, item in document["paths"].items() for method in item]


class Known:
    """Existing objects, so that not every request ends with a 404."""

    def __init__(self, dss: Any) -> None:
        self.name = dss.new_file(b'{"project_core": {"project_short_name": "x"}}')
        self.source = dss.stage(b'{"a": 1}')
        assert dss.put_bundle(self.name, {"project_0.json": self.name}).status_code == 201
        query = {"replica": "aws", "uuid": self.name, "version": VERSION}
        body = {"name": "n", "description": "d", "details": {}, "contents": []}
        assert dss("PUT", "/v1/collections", who="admin", params=query, json=body).status_code == 201


def _placed(body: Any, known: Known) -> Any:
    """The body with existing names."""
    if isinstance(body, Mapping):
        put = {"uuid": known.name, "version": VERSION, "source_url": known.source}
        return {key: put[key] if key in put else _placed(value, known) for key, value in body.items()}
    return [_placed(each, known) for each in body] if isinstance(body, list) else body


def _no_request_breaks(dss: Any, path: str, method: str, examples: int) -> Counter[int]:
    known = Known(dss)
    schema = schemathesis.openapi.from_url(dss.deployment.api_url + "/v1/swagger.json")
    operation = schema[path][method]
    headers = {"Authorization": f"Bearer {dss.deployment.token('admin')}"}
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=st.one_of(
            operation.as_strategy(), operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
        ),
        place_path=st.booleans(),
        place_body=st.booleans(),
        place_query=st.booleans(),
    )
    def send(case: Any, place_path: bool, place_body: bool, place_query: bool) -> None:
        if place_path and case.path_parameters:
            case.path_parameters = dict.fromkeys(case.path_parameters, known.name)
        if place_query and isinstance(case.query, dict):
            case.query = {**case.query, "replica": "aws"}
        if place_body:
            case.body = _placed(case.body, known)
        if isinstance(case.body, dict) and str(case.body.get("callback_url")).startswith("http"):
            # Subscribers outside must not be notified.
            case.body["callback_url"] = "http://127.0.0.1:9/"
        response = case.call(headers=headers, timeout=60, allow_redirects=False)
        statuses[response.status_code] += 1
        assert response.status_code < 500, f"{case.as_curl_command()}\n{response.text[:2000]}"

    try:
        send()
    except Unsatisfiable:
        # An operation without parameters has no invalid requests.
        assert not operation.definition.raw.get("parameters")
    return statuses


@pytest.mark.parametrize(("path", "method"), operations())
def test_no_request_made_up_from_the_document_breaks_the_server(dss: Any, path: str, method: str) -> None:
    assert _no_request_breaks(dss, path, method, EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), operations())
def test_no_request_of_very_many_breaks_the_server(dss: Any, path: str, method: str) -> None:
    assert _no_request_breaks(dss, path, method, MANY_EXAMPLES)
