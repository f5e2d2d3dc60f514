"""``hca auth``: log in and out, show the status of credentials, store keys."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from hca_base import auth
from hca_base.commands._bases._base import Command
from hca_base.commands._bases._secret import read_secret
from hca_base.commands._bases._values import seconds_argument
from hca_base.commands._credentials._known import known_of, utc_time
from hca_base.commands._credentials._schemes import chosen_keys, chosen_login, used_schemes
from hca_base.errors import AuthError, HCAError, UnreachableError, UsageError
from hca_base.output import warn
from hca_base.plugins import registry

if TYPE_CHECKING:
    from hca_base.plugins import Service


class AuthCommand(Command):
    """A command about one service's credentials."""

    #: set by plugins for commands of their own service: ``hca dss login``
    service_name: ClassVar[str | None] = None

    def add_service(self, parser: argparse.ArgumentParser, *, required: bool = False) -> None:
        """Add the argument SERVICE, unless the command is about one service."""
        if self.service_name is None:
            parser.add_argument(
                "service",
                metavar="SERVICE",
                nargs=None if required else "?",
                help="name of the service; 'hca service list' shows them"
                + ("" if required else " (default: the only one with logins, or dss)"),
            )

    def add_scheme(self, parser: argparse.ArgumentParser) -> None:
        """Add the argument SCHEME, unless the command is about one service."""
        if self.service_name is None:
            parser.add_argument(
                "scheme",
                metavar="SCHEME",
                nargs="?",
                help="security scheme of the service's document, if it has several ('hca auth status' shows them)",
            )

    def chosen(self, args: argparse.Namespace) -> Service:
        """The service that the command is about.

        :raises UsageError: there is no such service, or it is not clear which is meant
        """
        name = self.service_name or getattr(args, "service", None)
        if name is not None:
            return self.context.service(name)
        names = [name for name, one in registry().services(self.config).items() if one.credentials.kind == "oauth2"]
        if len(names) == 1 or "dss" in names:
            return self.context.service(names[0] if len(names) == 1 else "dss")
        raise UsageError(
            "no installed service has logins" if not names else f"which service? {', '.join(sorted(names))}",
            hint="'hca service list' shows the services",
        )

    def used_schemes(self, service: Service) -> set[str]:
        """Return the security schemes that operations of the service require, if its document is cached."""
        try:
            return used_schemes(self.service_client(service.name).document)
        except HCAError:
            return set()

    def where(self, service: Service) -> dict[str, Any]:
        """Return the service's URL and credential details from its document, if that is cached."""
        found: dict[str, Any] = {}
        try:
            client = self.service_client(service.name)
            found["base_url"] = client.base_url
            found["security_schemes"] = client.document.security_schemes
        except UnreachableError as error:
            self.note(f"the document of {service.name} is not available ({error}); going by the settings")
        except HCAError:
            # The settings may be sufficient; if not, the caller's error is more specific.
            pass
        return found


class AuthLogin(AuthCommand):
    """Log in to a service.

    Opens your browser, and stores the login: in the system's keyring, or else in a file that only you can read. It is
    renewed when needed.
    """

    example = "login dss"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        self.add_service(parser)
        self.add_scheme(parser)
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--remote",
            action="store_true",
            help="for a machine without a browser: show a URL to open anywhere, then paste the result here",
        )
        how.add_argument(
            "--device",
            action="store_true",
            help="show a short code to enter on any device, if the issuer supports that",
        )
        how.add_argument("--no-browser", action="store_true", help="show the URL, and do not open a browser")
        how.add_argument(
            "--access-token",
            metavar="TOKEN",
            help="store this token; - reads it from stdin, where other users cannot see it",
        )
        parser.add_argument("--username", metavar="NAME", help="for services with a user name and a password")
        parser.add_argument(
            "--timeout", metavar="SECONDS", type=seconds_argument, help="time limit for the login (default: 600)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        service = self.chosen(parsed_args)
        if self.service_name is None and parsed_args.service is None:
            self.note(f"logging in to {service.name}; 'hca login SERVICE' chooses another service")
        if parsed_args.access_token is not None:
            self._store_token(service, parsed_args.access_token)
        else:
            known = self.where(service)
            schemes = known.get("security_schemes") or {}
            used = self.used_schemes(service) if schemes else set()
            name = chosen_login(service, schemes, used, getattr(parsed_args, "scheme", None))
            if name is not None:
                known["security_schemes"] = {name: schemes[name]}
            record = auth.login(
                service,
                self.config,
                remote=parsed_args.remote,
                device=parsed_args.device,
                open_browser=not parsed_args.no_browser,
                timeout=parsed_args.timeout,
                username=parsed_args.username,
                name=name,
                **known,
            )
            self._say_stored(_welcome(service.name, record))

    def _say_stored(self, what: str) -> None:
        # The same line as hca 7.
        self.stdout.write("Storing access credentials\n")
        self.note(what)

    def _store_token(self, service: Service, given: str) -> None:
        if given == "-":
            token = read_secret(None, alone=not self.app.interactive_mode)
        else:
            warn("--access-token TOKEN shows the token to every user of this machine; use --access-token -")
            token = given
        known = self.where(service)
        check = auth.check_access_token(service, self.config, token, **known)
        auth.store_access_token(service, self.config, token, base_url=known.get("base_url"))
        self._say_stored(f"the token for {service.name} is stored; {check}")


class AuthLogout(AuthCommand):
    """Delete the stored login of a service.

    If the issuer supports it, the login is also revoked there.
    """

    example = "logout dss"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        self.add_service(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        service = self.chosen(parsed_args)
        done = auth.logout(service, self.config)
        self.note(f"logged out of {service.name}" if done else f"nothing was stored for {service.name}")


class AuthToken(AuthCommand):
    """Print the access token for a service.

    Prints only the token, renewed if necessary, or the API key. To use it in other programs: curl -H "Authorization:
    Bearer $(hca auth token dss)".
    """

    example = "auth token dss"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        self.add_service(parser)
        self.add_scheme(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        service = self.chosen(parsed_args)
        credentials = auth.credentials_for(
            service, self.config, token=self.context.token, **known_of(service, self.config)
        )
        scheme_name = getattr(parsed_args, "scheme", None)
        if scheme_name is not None:
            chain = credentials.chain(scheme_name)
            if chain is None:
                raise UsageError(
                    f"{service.name} has no scheme {scheme_name!r}", hint=f"hca auth status {service.name} shows them"
                )
            credentials = chain
        url = next(iter(credentials.hosts), None)
        if url is None:
            raise AuthError(f"no base URL is configured for {service.name}")
        headers, params = credentials.headers_for(url), credentials.params_for(url)
        value = next(iter([*headers.values(), *params.values()]), None)
        if value is None:
            raise AuthError(
                f"no credentials are stored for {service.name}", hint=f"hca login {service.name}; see hca auth status"
            )
        scheme, _, token = value.partition(" ")
        self.stdout.write((token if scheme == "Bearer" else value) + "\n")


class AuthSetKey(AuthCommand):
    """Store an API key or token for a service.

    Asks for the key without showing it, or reads it from stdin if that is not a terminal. For services with user names
    and passwords, --username gives the name, and the key is the password.
    """

    example = "auth set-key upload"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        self.add_service(parser, required=True)
        self.add_scheme(parser)
        parser.add_argument("--username", metavar="NAME", help="for services with user names and passwords")
        parser.add_argument("--from-env", metavar="VARIABLE", help="read the key from this environment variable")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        service = self.chosen(parsed_args)
        known = self.where(service)
        in_headers = auth.key_names(service, self.config)
        schemes = known.get("security_schemes") or {}
        used = self.used_schemes(service) if schemes else set()
        names = chosen_keys(service, schemes, used, parsed_args.scheme, in_headers)
        if len(names) > 1 and (parsed_args.from_env or not _at_terminal()):
            raise UsageError(
                f"{service.name} has several keys: {', '.join(map(str, names))}",
                hint=f"name one: hca auth set-key {service.name} {names[0]}",
            )
        stored = 0
        for name in names:
            label = f"{service.name} {name}" if name else service.name
            key = self._key(label, parsed_args.from_env, optional=len(names) > 1)
            if key:
                auth.set_key(service, self.config, key, name=name, username=parsed_args.username, **known)
                stored += 1
                self.note(f"the key for {label} is stored")
        if not stored:
            raise UsageError("no key was given")

    def _key(self, label: str, variable: str | None, *, optional: bool) -> str:
        if variable is None:
            prompt = f"Key for {label}{' (Enter skips it)' if optional else ''}: "
            return read_secret(prompt, alone=not self.app.interactive_mode)
        key = os.environ.get(variable, "")
        if not key:
            raise UsageError(f"the environment variable {variable} is not set")
        return key


def _at_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _welcome(name: str, record: auth.Record) -> str:
    who = f" as {record['identity']}" if record.get("identity") else ""
    expires = record.get("expires_at")
    if record.get("refresh_token"):
        until = "; it is renewed when needed"
    elif isinstance(expires, int | float):
        until = f", until {utc_time(float(expires))}"
    else:
        until = ""
    return f"logged in to {name}{who}{until}"
