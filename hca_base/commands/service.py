"""``hca service``: services, with or without a plugin."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from hca_base import config as settings
from hca_base.commands._bases._base import Command, Lister
from hca_base.commands._settings._servers import server_settings
from hca_base.commands._table import COMMANDS, GROUPS
from hca_base.errors import HCAError, NotFoundError, RefusedError, UsageError
from hca_base.plugins import registry

if TYPE_CHECKING:
    from hca_base.openapi import Index

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class ServiceList(Lister):
    """List the services.

    Lists the services of plugins and those added with 'hca service add'.
    """

    example = "service list"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--problems", metavar="NAME", help="list the parts of this service's document that cannot be used"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_base.openapi import DocumentCache

        if parsed_args.problems:
            index = DocumentCache(self.config).get(self.context.service(parsed_args.problems))
            rows: list[Any] = [(p.where, "missing" if p.lost else "in part", p.reason) for p in index.problems]
            return ["operation", "state", "reason"], rows
        found = registry()
        rows = []
        for name, title in sorted(found.service_names(self.config).items()):
            record = found.records("hca.services").get(name)
            hidden = found.hidden_service(name, self.config)
            operations: int | None
            source = record.distribution if record and not hidden else "configuration"
            try:
                service = self.context.service(name)
                url = service.document_url(self.config)
                index = DocumentCache(self.config).get(service)
                operations, naming = len(index), index.naming
                state = f"hides that of {hidden.distribution}: hca service rename {name} NEW" if hidden else "ok"
            except HCAError as error:
                url, operations, naming, state = "", None, "", str(error)
            rows.append((name, title, source, operations, naming, url, state))
        return ["name", "title", "from", "operations", "naming", "document", "state"], rows


class ServiceAdd(Command):
    """Add a service by its OpenAPI document, without a plugin.

    The document (Swagger 2.0 or OpenAPI 3, JSON or YAML) is read from a URL or a file, checked, and its operations
    become commands: hca NAME OPERATION. In Python, hca_base.client("NAME") has them as methods.
    """

    example = "service add petstore https://petstore3.swagger.io/api/v3/openapi.json"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name", help="first word of its commands: lower-case letters, digits and -")
        parser.add_argument("document", metavar="URL-or-FILE", help="URL or file of its OpenAPI document")
        parser.add_argument("--base-url", metavar="URL", help="URL of the service, if the document does not name it")
        parser.add_argument(
            "--server",
            metavar="SERVER",
            help="which of the document's servers to use: its number, name, description or URL (default: the first)",
        )
        parser.add_argument(
            "--server-variable",
            metavar="NAME=VALUE",
            action="append",
            default=[],
            help="value of a variable in the server's URL; may be repeated",
        )
        parser.add_argument("--title", help="one-line description (default: the document's title)")
        parser.add_argument(
            "--plugin",
            metavar="SERVICE",
            help="the service is another deployment of this plugin's service: use its client",
        )
        parser.add_argument(
            "--naming",
            choices=("operation", "path"),
            help="name commands after operationIds, or after methods and paths as in hca 7 (default: operation)",
        )
        parser.add_argument("--profile", metavar="NAME", help="add it to this profile only")
        parser.add_argument("--replace", action="store_true", help="replace an existing service of that name")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        name = parsed_args.name
        self._check(name, parsed_args)
        source = document_source(parsed_args.document)
        section: dict[str, Any] = {"url": source}
        naming = parsed_args.naming or self._naming_of_plugin(parsed_args.plugin)
        index = _fetch(source, self.config, naming, self.context.token)
        if not len(index):
            raise UsageError(f"{source} has no operation that can be called", hint=_why(index))
        if parsed_args.naming:
            section["naming"] = naming
        title = parsed_args.title or index.title
        if title:
            section["title"] = title
        if parsed_args.base_url:
            section["base_url"] = parsed_args.base_url
        else:
            chosen = server_settings(index, parsed_args.server, parsed_args.server_variable)
            section |= chosen
            if not index.base_url_at(parsed_args.server, chosen.get("server_variables")):
                raise UsageError(f"{source} does not name the URL of its service", hint="pass --base-url URL")
        if parsed_args.plugin:
            section["plugin"] = parsed_args.plugin
            registry().service(parsed_args.plugin, self.config)
        else:
            # With several schemes, the document determines which operation uses which.
            credentials = credentials_of(index.security_schemes) if len(index.security_schemes) == 1 else {}
            if credentials:
                section["credentials"] = credentials
        settings.set_value(("services", name), section, profile=parsed_args.profile)
        self.context.forget()
        self._note(name, index, section)

    def _naming_of_plugin(self, plugin: str | None) -> str:
        return registry().service(plugin, self.config).naming if plugin else "operation"

    def _check(self, name: str, args: argparse.Namespace) -> None:
        check_name(name, self.config, replace=args.replace)

    def _note(self, name: str, index: Index, section: dict[str, Any]) -> None:
        lost = [problem for problem in index.problems if problem.lost]
        self.note(f"{name} added: {len(index)} operations; 'hca {name}' lists them")
        if index.problems:
            partly = len(index.problems) - len(lost)
            self.note(
                f"{len(lost)} operations cannot be used and {partly} only in part; "
                f"'hca service list --problems {name}' says why"
            )
        if len(index.servers) > 1 and section.get("server") is None and "base_url" not in section:
            self.note(
                f"the document names {len(index.servers)} servers; using the first: {index.servers[0]['url']}; "
                f"'hca config set services.{name}.server N' chooses another"
            )
        kind = (section.get("credentials") or {}).get("kind")
        if kind in ("apikey", "bearer", "basic"):
            self.note(f"it requires credentials: 'hca auth set-key {name}'")
        elif kind == "oauth2":
            self.note(f"it requires a login: 'hca auth login {name}'")
        elif len(index.security_schemes) > 1:
            names = ", ".join(index.security_schemes)
            self.note(f"its operations require different credentials ({names}): 'hca auth set-key {name} SCHEME'")


class ServiceRemove(Command):
    """Remove a service that you added."""

    example = "service remove petstore"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name")
        parser.add_argument("--profile", metavar="NAME", help="remove it from this profile only")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        name = parsed_args.name
        origin = self.config.origin(("services", name))
        record = registry().records("hca.services").get(name)
        if origin is None and record is not None:
            raise RefusedError(
                f"{name} comes with plugin {record.distribution}", hint=f"hca plugin uninstall {record.distribution}"
            )
        url = self.config.get(("services", name, "url"))
        profile = parsed_args.profile
        if profile is None and origin is not None and origin.layer.startswith("profile "):
            profile = origin.layer.removeprefix("profile ")
        if not settings.unset_value(("services", name), profile=profile):
            where = f" in {origin}" if origin is not None else ""
            if origin is None:
                raise NotFoundError(f"unknown service {name!r}", hint="'hca service list' lists the services")
            raise RefusedError(f"service {name!r} is set{where}, in a file that hca does not change")
        from hca_base.openapi import DocumentCache

        if isinstance(url, str):
            DocumentCache(self.config).forget(url)
        self.context.forget()
        self.note(f"{name} removed")


class ServiceRefresh(Command):
    """Fetch the document of a service again.

    hca also does this automatically once a week, when a command calls the service.
    """

    example = "service refresh dss"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name", nargs="*", help="default: all services")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        from hca_base.http import Session
        from hca_base.openapi import DocumentCache
        from hca_base.output import warn

        names = parsed_args.name or sorted(registry().service_names(self.config))
        cache = DocumentCache(self.config)
        failure: HCAError | None = None
        for name in names:
            try:
                service = self.context.service(name)
                before = _hash_of(cache, service)
                index = cache.refresh(service, Session(self.config))
            except HCAError as error:
                if len(names) == 1:
                    raise
                warn(f"{name}: {error}")
                failure = failure or error
                continue
            changed = before != index.head.get("sha256")
            self.note(f"{name}: {len(index)} operations, {'changed' if changed else 'as before'}")
        return int(failure.exit_code) if failure else 0


def credentials_of(schemes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the settings of a credential scheme, from the security schemes of a document.

    Of several, the simplest one: an API key, a bearer token, a login, user and password.
    """
    found: dict[int, dict[str, Any]] = {}
    for scheme in schemes.values():
        kind, place = scheme.get("type"), scheme.get("in")
        if kind == "apiKey" and place == "header":
            found.setdefault(0, {"kind": "apikey", "api_key_header": str(scheme.get("name"))})
        elif kind == "apiKey" and place == "query":
            found.setdefault(1, {"kind": "apikey", "api_key_query": str(scheme.get("name"))})
        elif kind == "http" and str(scheme.get("scheme")).lower() == "bearer":
            found.setdefault(2, {"kind": "bearer"})
        elif kind in ("oauth2", "openIdConnect"):
            found.setdefault(3, _oauth2(scheme))
        elif kind == "basic" or (kind == "http" and str(scheme.get("scheme")).lower() == "basic"):
            found.setdefault(4, {"kind": "basic"})
    return found[min(found)] if found else {}


def _oauth2(scheme: dict[str, Any]) -> dict[str, Any]:
    flows = scheme.get("flows")
    flow: Any = scheme
    if isinstance(flows, dict) and flows:
        flow = flows.get("authorizationCode") or next(iter(flows.values()))
    settings_: dict[str, Any] = {"kind": "oauth2", "client_settings_path": None}
    if isinstance(flow, dict):
        for key, target in (("authorizationUrl", "authorization_url"), ("tokenUrl", "token_url")):
            if isinstance(flow.get(key), str):
                settings_[target] = flow[key]
        if isinstance(flow.get("scopes"), dict):
            settings_["scopes"] = [str(scope) for scope in flow["scopes"]][:20]
    return settings_


def check_name(
    name: str, config: settings.Config, *, replace: bool = False, hint: str = "pass --replace to replace it"
) -> None:
    """Check the name of a service.

    :param replace: it may replace an added service
    :param hint: hint if an added service has the name
    :raises UsageError: it is not a valid name, or is reserved
    :raises RefusedError: another service has the name
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a service", hint="lower-case letters, digits and single dashes"
        )
    check_not_reserved(name)
    record = registry().records("hca.services").get(name)
    if record is not None and not (replace and registry().hidden_service(name, config) is not None):
        raise RefusedError(f"{name!r} is the service of plugin {record.distribution}", hint="choose another name")
    if not replace and name in registry().service_names(config):
        raise RefusedError(f"service {name!r} already exists", hint=hint)


def check_not_reserved(name: str) -> None:
    """Check that a service's name is not reserved.

    :raises UsageError: it is a command of hca, so the service could not be called
    """
    if name in {*GROUPS, *(command.split(" ")[0] for command in COMMANDS), "help", "hca", "use", "set", "exit"}:
        raise UsageError(f"{name!r} is a command of hca itself; choose another name")


def document_source(given: str) -> str:
    """Return a URL unchanged, or a file as an absolute path."""
    if re.match(r"https?://", given, re.IGNORECASE):
        return given
    scheme = re.match(r"[a-z][a-z0-9+.-]*(?=://)", given, re.IGNORECASE)
    if scheme is not None and scheme[0].lower() != "file":
        raise UsageError(
            f"documents cannot be fetched over {scheme[0]}", hint="give a URL that begins with http:// or https://"
        )
    path = settings.expand_home(given.removeprefix("file://"))
    if not path.is_file():
        raise UsageError(
            f"file {path} does not exist", hint="give a file, or a URL that begins with http:// or https://"
        )
    return str(path.absolute())


def _fetch(source: str, config: settings.Config, naming: str, token: str | None) -> Index:
    from hca_base.http import Session
    from hca_base.openapi import DocumentCache

    return DocumentCache(config).refresh(None, Session(config), source, naming=naming, token=token)


def _hash_of(cache: Any, service: Any) -> str | None:
    try:
        found: str | None = cache.get(service).head.get("sha256")
        return found
    except HCAError:
        return None


def _why(index: Index) -> str | None:
    return str(index.problems[0]) if index.problems else None
