"""``hca auth status``: which credentials each service would get, and why."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hca_base import auth
from hca_base.commands._bases._base import Lister
from hca_base.commands._credentials._known import known_of, utc_time
from hca_base.errors import HCAError
from hca_base.plugins import registry

if TYPE_CHECKING:
    from hca_base.plugins import Service


class AuthStatus(Lister):
    """Show which credentials each service gets.

    Shows your identity, its issuer, when the login expires, where it is stored, which source of credentials hca would
    use, and why it would skip the sources before it. Makes no requests.
    """

    example = "auth status"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("service", metavar="SERVICE", nargs="?", help="only this one (default: all)")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        names = [parsed_args.service] if parsed_args.service else sorted(registry().service_names(self.config))
        store = auth.open_store(self.config)
        columns = ("service", "scheme", "identity", "issuer", "expires", "stored in", "used", "not used")
        rows: list[tuple[Any, ...]] = []
        for name in names:
            try:
                service = self.context.service(name)
            except HCAError as error:
                if parsed_args.service:
                    raise
                rows.append((name, None, None, None, None, None, None, str(error)))
                continue
            rows += [(name, *row) for row in self._states(service, store)]
        return columns, rows

    def _states(self, service: Service, store: auth.TokenStore) -> list[tuple[Any, ...]]:
        """Return a row for each scheme of a service."""
        credentials = auth.credentials_for(
            service, self.config, token=self.context.token, store=store, **known_of(service, self.config)
        )
        by_scheme: dict[str | None, list[auth.ProviderState]] = {}
        for state in credentials.describe():
            by_scheme.setdefault(state.scheme, []).append(state)
        account = credentials.account or ""
        return [(scheme, *_row(states, store, account, scheme)) for scheme, states in by_scheme.items()]


def _row(
    states: Sequence[auth.ProviderState], store: auth.TokenStore, account: str, scheme: str | None
) -> tuple[Any, ...]:
    used = next((state for state in states if state.used), None)
    before = states[: states.index(used)] if used is not None else states
    others = "; ".join(f"{state.name}: {state.why}" for state in before)
    try:
        stored = store.place_of(account if scheme is None else auth.scheme_account(account, scheme))
    except HCAError as error:
        stored = str(error)
    if used is None:
        return None, None, None, stored, None, others
    expires = utc_time(used.expires_at) if used.expires_at else None
    return used.identity, used.issuer, expires, stored, f"{used.name}: {used.why}", others or None
