"""The people of the embedded deployment, for whom tokens can be issued by name.

Some are for testing refusals: their tokens have a valid signature and one defect each.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """One name of ``hca local token NAME``.

    ``group`` sets their permissions (``hca``: everything that needs a token; ``public``: subscriptions only);
    ``flaw`` names what is wrong with their tokens: ``expired``, ``audience``, ``issuer``, ``scope``, or nothing.
    """

    name: str
    group: str
    email: str | None
    flaw: str | None = None
    about: str = ""

    @property
    def subject(self) -> str:
        """The ``sub`` claim: stable, and never an email address, as with real identity providers."""
        return f"hca-local|{self.name}"


_ALL = (
    Person("user", "hca", "user@example.org", about="may do everything except delete bundles"),
    Person("other", "hca", "other@example.org", about="like user, to test ownership"),
    Person("admin", "hca", "admin@example.org", about="may delete bundles too"),
    Person("public", "public", "pub@example.org", about="may subscribe"),
    Person("stranger", "someone", "stranger@example.org", about="a valid token of a group without rights"),
    Person("noemail", "hca", None, about="a token without an email claim"),
    Person("expired", "hca", "user@example.org", "expired", about="a token that expired an hour ago"),
    Person("badaud", "hca", "user@example.org", "audience", about="a token for another audience"),
    Person("badiss", "hca", "user@example.org", "issuer", about="a token of another issuer"),
    Person("noscope", "hca", "user@example.org", "scope", about="a token whose scope is empty"),
)

PEOPLE: dict[str, Person] = {person.name: person for person in _ALL}
NAMES: tuple[str, ...] = tuple(PEOPLE)
ADMIN_EMAIL = "admin@example.org"
