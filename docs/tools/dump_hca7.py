"""Writes what hca 7.0.1 has, by asking it, to ``hca7.json`` beside this file.

::

    python3.8 -m venv /tmp/hca7 && /tmp/hca7/bin/pip install hca==7.0.1
    /tmp/hca7/bin/python docs/tools/dump_hca7.py SWAGGER_URL

It runs under Python 3.8, where hca 7 does, and needs the document of a DSS, whose operations became commands and
methods: that of ``hca local start`` (``http://127.0.0.1:8765/v1/swagger.json``) will do. Nothing but names, signatures
and options is written, and no text.
"""

import argparse
import importlib
import inspect
import json
import os
import pkgutil
import sys
import tempfile
from pathlib import Path


def public(module):
    """The public names that a module of hca 7 defines, and those of others of its modules that it shows."""
    for name, value in sorted(vars(module).items()):
        if name.startswith("_") or inspect.ismodule(value):
            continue
        origin = getattr(value, "__module__", None)
        if inspect.isclass(value) or inspect.isroutine(value):
            if str(origin).split(".")[0] == "hca":
                yield name, value, origin
        elif name.isupper() or name in ("logger", "log"):
            yield name, value, module.__name__


def described(value):
    """The kind and the signature of something, and for a class the public names in it."""
    if inspect.isclass(value):
        members = {}
        for name, member in sorted(vars(value).items()):
            if not name.startswith("_"):
                function = getattr(member, "__func__", member)
                members[name] = parameters(function) if inspect.isroutine(function) else None
        return {"kind": "class", "members": members, "parameters": parameters(value)}
    if inspect.isroutine(value):
        return {"kind": "function", "parameters": parameters(value)}
    return {"kind": "value"}


def parameters(function):
    try:
        return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
    except (TypeError, ValueError):
        return None


def commands(parser, words=()):
    """The commands below a parser, and the options of each."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in sorted(action.choices.items()):
                yield from commands(below, (*words, name))
            return
    options = []
    for action in parser._actions:
        if action.dest == "help":
            continue
        default = action.default
        if default is None:
            default = parser.get_default(action.dest)
        plain = default is None or isinstance(default, (str, int, float, bool, list))
        options.append(
            {
                "names": action.option_strings or [action.dest],
                "required": bool(action.required),
                "default": default if plain else list(default),
                "flag": action.nargs == 0,
            }
        )
    yield " ".join(words), options


def main(swagger_url):
    home = tempfile.mkdtemp()
    os.environ["HOME"] = home
    os.environ["XDG_CONFIG_HOME"] = home
    (Path(home) / "hca").mkdir()
    settings = {name: {"swagger_url": swagger_url} for name in ("DSSClient", "AuthClient")}
    (Path(home) / "hca" / "config.json").write_text(json.dumps(settings))

    import hca

    modules = {}
    names = ["hca"] + [found.name for found in pkgutil.walk_packages(hca.__path__, "hca.")]
    for name in sorted(names):
        module = importlib.import_module(name)
        modules[name] = {key: dict(described(value), origin=origin) for key, value, origin in public(module)}

    from hca.cli import get_parser
    from hca.dss import DSSClient
    from hca.util import SwaggerClient

    SwaggerClient.scheme = "http"
    # What a class has after the client put its operations there is no part of the class.
    client = DSSClient(swagger_url=swagger_url)
    operations = {name: sorted(method["args"]) for name, method in client.methods.items()}
    lists = dict(commands(get_parser()))
    lists = {name: options for name, options in lists.items() if not name.startswith("auth ") or "log" in name}
    found = {"version": "7.0.1", "modules": modules, "operations": operations, "commands": lists}
    target = Path(__file__).with_name("hca7.json")
    target.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    sys.stdout.write(f"{target}: {len(modules)} modules, {len(operations)} operations, {len(lists)} commands\n")


if __name__ == "__main__":
    main(sys.argv[1])
