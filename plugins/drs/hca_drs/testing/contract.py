"""Validates messages against an OpenAPI document: the bundled one, or GA4GH's own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Contract:
    """The operations of a document, to validate messages.

    :param root: the document, its references within itself
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self._paths = [
            (re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)) + r"\Z"), item)
            for path, item in sorted(root["paths"].items(), key=lambda pair: pair[0].count("{"))
        ]

    @classmethod
    def bundled(cls) -> Contract:
        """The document of this plugin."""
        return cls(json.loads(Path(__file__).parents[1].joinpath("document.json").read_bytes()))

    @classmethod
    def of_checkout(cls, folder: Path) -> Contract:
        """The document from a checkout of ``ga4gh/data-repository-service-schemas``."""
        return cls(_Files(folder / "openapi").load("data_repository_service.openapi.yaml"))

    def problems(self, method: str, path: str, status: int, request: Any, answer: Any) -> list[str]:
        """How an exchange violates the document.

        :param path: below the server's URL, without a query
        :param request: the parsed body of the request; None for none
        :param answer: the parsed body of the response; None for none
        """
        operation = next((item.get(method.lower()) for pattern, item in self._paths if pattern.match(path)), None)
        where = f"{method} {path}"
        if operation is None:
            return [f"{where} is not in the document"]
        response = operation["responses"].get(str(status)) or operation["responses"].get(status)
        if response is None:
            return [f"{where} answered {status}, which the document does not name"]
        found = []
        body = self._resolved(operation.get("requestBody") or {})
        for name, message, value in (("request", body, request), ("answer", self._resolved(response), answer)):
            schema = (message.get("content") or {}).get("application/json", {}).get("schema")
            if schema is not None and value is not None:
                found += [f"{where}: {name}: {problem}" for problem in self._validate(schema, value)]
        return found

    def _resolved(self, value: Any) -> Any:
        while isinstance(value, Mapping) and "$ref" in value:
            place: Any = self.root
            for part in str(value["$ref"]).removeprefix("#/").split("/"):
                place = place[part.replace("~1", "/").replace("~0", "~")]
            value = place
        return value

    def _validate(self, schema: Any, value: Any) -> list[str]:
        import jsonschema

        whole = {**schema, "components": self.root.get("components", {})}
        checker = jsonschema.Draft202012Validator(whole)
        return [f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in checker.iter_errors(value)]


class _Files:
    """A document split into several files, combined; remote references allow everything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, name: str) -> Any:
        import yaml

        path = (self.folder / name).resolve()
        return self._inlined(yaml.safe_load(path.read_text(encoding="utf-8")), path, ())

    def _inlined(self, value: Any, path: Path, above: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            return [self._inlined(each, path, above) for each in value]
        if not isinstance(value, dict):
            return value
        ref = value.get("$ref")
        if not isinstance(ref, str):
            return {name: self._inlined(each, path, above) for name, each in value.items()}
        if "://" in ref or ref.startswith("#") or ref.endswith(".md"):
            return {}
        target = (path.parent / ref).resolve()
        if above.count(str(target)) > 2:
            # A bundle nested three levels deep is enough.
            return {}
        import yaml

        return self._inlined(yaml.safe_load(target.read_text(encoding="utf-8")), target, (*above, str(target)))
