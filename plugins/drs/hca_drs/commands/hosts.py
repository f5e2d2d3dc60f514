"""``hca drs login``, ``hca drs logout`` and ``hca drs hosts``."""

from __future__ import annotations

import argparse
import re
from typing import Any

from hca_base.auth import TokenStore, open_store, set_key
from hca_base.commands import Lister, read_secret
from hca_base.errors import UsageError
from hca_drs.commands.drs_command import DRSCommand

#: RFC 6750.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
#: Kind of credentials in an account of the token store, by its name before the ``@``.
_KINDS = {"drs": "token", "drs-gen3": "Gen3 API key", "drs-passport": "passports"}


class Login(DRSCommand):
    """Store credentials for one DRS server.

    hca asks for a bearer token without showing it, or reads it from stdin. It sends the credentials only to HOST, over
    https.
    """

    example = "drs login gen3.example.org --gen3 credentials.json"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("host", metavar="HOST", help="host of the server, such as data.terra.bio")
        kind = parser.add_mutually_exclusive_group()
        kind.add_argument("--gen3", metavar="FILE", help="Gen3 API key (credentials.json), to exchange for tokens")
        kind.add_argument("--passport", metavar="FILE", help="GA4GH passports: a JSON list, or one per line")
        kind.add_argument(
            "--username", metavar="NAME", help="user name, for servers that use passwords; hca asks for the password"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_base.plugins import CredentialScheme
        from hca_drs.servers import accounts
        from hca_drs.servers.servers import host_of

        host = host_of(parsed_args.host)
        server = self.client.servers.resolver.server_of(host)
        store = open_store(self.config)
        if parsed_args.gen3:
            key = accounts.read_gen3_key(accounts.read_secret_file(parsed_args.gen3))
            _put(store, accounts.account_at(host, self.config, "drs-gen3"), accounts.secret_record(key, server))
            self.note(f"the API key for {host} is stored; hca exchanges it for tokens when needed")
            return
        if parsed_args.passport:
            passports = accounts.read_passports(accounts.read_secret_file(parsed_args.passport))
            record = accounts.secret_record("\n".join(passports), server)
            _put(store, accounts.account_at(host, self.config, "drs-passport"), record)
            many = f"{len(passports)} passports for {host} are" if len(passports) > 1 else f"the passport for {host} is"
            self.note(f"{many} stored")
            return
        name = parsed_args.username
        prompt = f"Password of {name} at {host}: " if name else f"Token for {host}: "
        # In the interactive shell, the next line of stdin may be the next command.
        secret = read_secret(prompt, what="password" if name else "token", alone=not self.app.interactive_mode)
        if not secret:
            raise UsageError(f"no {'password' if name else 'token'} was given")
        if not name and not _TOKEN.fullmatch(secret):
            raise UsageError(
                "not a valid bearer token: it has characters that are not allowed in a token",
                hint="give the token alone, on one line; --gen3 FILE takes an API key of Gen3",
            )
        scheme = CredentialScheme(kind="basic" if name else "bearer")
        service = accounts.service_at(host, self.config)
        set_key(service, self.config, secret, scheme=scheme, username=name, base_url=server, store=store)
        self.note(f"the {'password' if name else 'token'} for {host} is stored")


class Logout(DRSCommand):
    """Forget the stored credentials of one DRS server."""

    example = "drs logout data.terra.bio"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("host", metavar="HOST", help="host of the server")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_drs.servers.accounts import account_at
        from hca_drs.servers.servers import host_of

        host = host_of(parsed_args.host)
        store = open_store(self.config)
        gone = [kind for name, kind in _KINDS.items() if store.delete(account_at(host, self.config, name))]
        self.note(f"{', '.join(gone)} of {host} removed" if gone else f"nothing was stored for {host}")


class Hosts(DRSCommand, Lister):
    """List DRS servers, their stored credentials, and where their tokens come from."""

    example = "drs hosts"

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_drs.resolving.prefixes import bundled
        from hca_drs.servers.accounts import account_at, auth_of

        store = open_store(self.config)
        start = account_at("", self.config).rpartition("/")[0]
        stored: dict[str, list[str]] = {}
        for account in store.accounts():
            profile, _, rest = account.rpartition("/")
            name, at, host = rest.partition("@")
            if profile == start and at and name in _KINDS:
                stored.setdefault(host, []).append(_KINDS[name])
        hosts = {*stored, *bundled()["hosts"], *(self.config.get("drs.hosts", None) or {})}
        return ["host", "stored", "tokens from"], [
            (host, ", ".join(stored.get(host, [])) or None, auth_of(host, self.config)) for host in sorted(hosts)
        ]


def _put(store: TokenStore, account: str, record: Any) -> None:
    store.put(account, record)
