"""Write a new plugin: a distribution with a service, a client, a command, tests, documentation and CI."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base import __version__
from hca_base.errors import RefusedError, UsageError
from hca_base.plugins import _scaffold_files as files

if TYPE_CHECKING:
    from hca_base.openapi import Document

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def scaffold(
    name: str,
    directory: Path,
    *,
    document: Document | None = None,
    source: str | None = None,
    distribution: str | None = None,
    credentials: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write the files of a new plugin.

    :param name: name of the service, the first word of its commands
    :param directory: target directory; must be new or empty
    :param document: its OpenAPI document; default: a small greeting service
    :param source: URL of the document, if it has one
    :param distribution: name of the distribution; default ``hca-NAME``
    :param credentials: arguments of the :class:`hca_base.plugins.CredentialScheme`
    :return: the files
    :raises hca_base.errors.UsageError: a name is not valid, or the document has no operations
    :raises hca_base.errors.RefusedError: the directory is not empty
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UsageError(f"{name!r} cannot be the name of a service", hint="lower-case letters, digits, single dashes")
    distribution = distribution or f"hca-{name}"
    if not _DISTRIBUTION.fullmatch(distribution):
        raise UsageError(f"{distribution!r} cannot be the name of a distribution")
    if directory.exists() and any(directory.iterdir()):
        raise RefusedError(f"{directory} already has files", hint="name another directory with --directory")
    words = _words(name, distribution, document, source, credentials)
    written = {
        "pyproject.toml": files.PYPROJECT,
        "README.rst": files.README,
        "LICENSE": files.LICENSE,
        ".gitignore": files.GITIGNORE,
        ".github/workflows/test.yml": files.WORKFLOW,
        "docs/conf.py": files.DOCS_CONF,
        "docs/index.rst": files.DOCS_INDEX,
        f"{words['package']}/__init__.py": files.INIT,
        f"{words['package']}/service.py": files.SERVICE,
        f"{words['package']}/client.py": files.CLIENT,
        f"{words['package']}/commands.py": files.COMMANDS,
        f"{words['package']}/py.typed": "",
        f"tests/test_{words['package']}.py": files.TEST,
    }
    texts = {path: _filled(text, words) for path, text in written.items()}
    texts[f"{words['package']}/{words['document']}"] = _document_text(document)
    paths = []
    try:
        for relative, text in texts.items():
            path = directory / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            paths.append(path)
    except OSError as error:
        raise UsageError(f"{error.filename or directory} cannot be written: {error.strerror}") from None
    return paths


def _words(
    name: str,
    distribution: str,
    document: Document | None,
    source: str | None,
    credentials: Mapping[str, Any] | None,
) -> dict[str, str]:
    import datetime

    if document is None:
        from hca_base.openapi import Document as OpenAPIDocument

        document = OpenAPIDocument.load(files.DOCUMENT)
    if not document.operations:
        raise UsageError("the document has no operation that can be called")
    title = " ".join(_plain(document.title or name).split())
    major = int(__version__.partition(".")[0])
    operation = document.operations[0]
    package = re.sub(r"[^a-z0-9]+", "_", distribution.lower())
    return {
        "service": name,
        "distribution": distribution,
        "package": package,
        "client": "".join(part.capitalize() for part in name.split("-")) + "Client",
        "title": title,
        "heading": f"{distribution}\n{'=' * len(distribution)}",
        "command_entry": f"{name}_overview",
        "document": "document.json",
        "url": source or f"{document.base_url or 'https://example.org'}/openapi.json",
        "credentials": ", ".join(f"{key}={_literal(value)}" for key, value in (credentials or {}).items()),
        "example_command": operation.command,
        "example_method": operation.name,
        "core": f"{major}.0.0",
        "next_core": str(major + 1),
        "year": str(datetime.datetime.now(datetime.UTC).year),
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    return re.sub(r"@([a-z_]+)@", lambda match: words.get(match.group(1), match.group()), text)


def _plain(text: str) -> str:
    """Return text that is safe within quotes and angle brackets in all of the files."""
    return "".join(c for c in text if c.isprintable() and c not in "\"'\\`@{}<>*|")


def _literal(value: Any) -> str:
    return repr(tuple(value) if isinstance(value, list) else value)


def _document_text(document: Document | None) -> str:
    root = files.DOCUMENT if document is None else document.root
    return json.dumps(root, indent=1, ensure_ascii=False) + "\n"
