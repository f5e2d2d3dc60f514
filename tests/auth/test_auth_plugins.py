"""Credential providers from plugins (entry points of hca.credentials), through the command line."""

from __future__ import annotations

import json

import pytest

DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "Toy", "version": "1"},
    "components": {"securitySchemes": {"login": {"type": "http", "scheme": "bearer"}}},
    "paths": {
        "/thing": {
            "get": {"summary": "A thing.", "security": [{"login": []}], "responses": {"200": {"description": "ok"}}}
        }
    },
}

VAULT = '''
"""Tokens from a vault."""

class Vault:
    name = "vault"
    identity, issuer = "somebody@vault.example", "https://vault.example"

    def __init__(self, service, config):
        self.service = service.name
        self.number = 0

    def authorization(self, url, *, refresh=False):
        self.number += bool(refresh)
        return {"Authorization": f"Bearer canary-vault-{self.service}-{self.number}"}

    def explain(self):
        return "the vault at vault.example"


def nothing(service, config):
    return None


class Crashing:
    name = "crashing"

    def __init__(self, service, config):
        pass

    def authorization(self, url, *, refresh=False):
        token = "canary-crash-token"
        raise RuntimeError(f"cannot use {token}")

    def explain(self):
        raise RuntimeError("canary-crash-token")


class Nonsense(Crashing):
    def authorization(self, url, *, refresh=False):
        return ["canary-crash-token"]


class Refusing(Crashing):
    def authorization(self, url, *, refresh=False):
        from hca_base.errors import AuthError

        raise AuthError("the vault is sealed", hint="vault unseal")
'''


@pytest.fixture
def thing(hca, loopback):
    """The Authorization headers that the service received."""
    loopback.route("GET", "/openapi.json", {**DOCUMENT, "servers": [{"url": loopback.url}]})
    loopback.route("GET", "/thing", {"thing": 1})
    settings = {"services": {"toy": {"url": f"{loopback.url}/openapi.json"}}, "auth": {"store": "file"}}
    hca.configure(settings)
    hca("service", "refresh", "toy", check=0)

    def ask(check=0, **options):
        loopback.requests.clear()
        done = hca("toy", "get-thing", check=check, **options)
        asked = [headers.get("Authorization") for _, path, headers, _ in loopback.requests if path == "/thing"]
        return done, asked

    return ask


def install(plugins, **points):
    plugins.install(
        "hca-vault",
        {"hca_vault.py": VAULT},
        {"hca.credentials": {name: f"hca_vault:{value}" for name, value in points.items()}},
    )


def status(hca):
    (row,) = json.loads(hca("auth", "status", "toy", "-f", "json", check=0).stdout)
    return row


def test_a_plugin_gives_the_token(hca, plugins, thing):
    install(plugins, vault="Vault")
    done, asked = thing()
    assert json.loads(done.stdout) == {"thing": 1}
    assert asked == ["Bearer canary-vault-toy-0"]
    row = status(hca)
    assert row["used"] == "vault: the vault at vault.example"
    assert (row["identity"], row["issuer"]) == ("somebody@vault.example", "https://vault.example")
    assert hca("auth", "token", "toy", check=0).stdout == "canary-vault-toy-0\n"


def test_it_is_asked_again_after_a_401(hca, plugins, thing, loopback):
    install(plugins, vault="Vault")
    answers = iter([(401, {}, b"{}"), (200, {}, b'{"thing": 2}')])
    loopback.route("GET", "/thing", lambda query, body: next(answers))
    done, asked = thing()
    assert json.loads(done.stdout) == {"thing": 2}
    assert asked == ["Bearer canary-vault-toy-0", "Bearer canary-vault-toy-1"]


def test_what_the_user_says_comes_first_and_the_stored_login_last(hca, plugins, thing):
    install(plugins, vault="Vault")
    hca("login", "toy", "--access-token", "-", stdin="stored-token-0123\n", check=0)
    assert thing()[1] == ["Bearer canary-vault-toy-0"]
    assert thing(env={"HCA_ACCESS_TOKEN": "environment-token"})[1] == ["Bearer environment-token"]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("nothing", "plugin hca-vault has no credentials for this service"),
        ("Crashing", "plugin hca-vault failed (RuntimeError)"),
        ("Nonsense", "plugin hca-vault failed (TypeError)"),
        ("Missing", "plugin hca-vault 1.0 cannot be used: AttributeError"),
    ],
)
def test_a_provider_without_anything_is_passed_over(hca, plugins, thing, value, why):
    install(plugins, vault=value)
    hca("login", "toy", "--access-token", "-", stdin="stored-token-0123\n", check=0)
    done, asked = thing()
    assert asked == ["Bearer stored-token-0123"]
    assert "canary" not in done.stderr + done.stdout
    row = status(hca)
    assert why in row["not used"] and row["used"].startswith("stored login")
    assert "canary" not in json.dumps(row)


def test_a_provider_that_refuses_says_why(hca, plugins, thing):
    install(plugins, vault="Refusing")
    done, asked = thing(check=3)
    assert asked == [] and "the vault is sealed" in done.stderr and "vault unseal" in done.stderr


def test_nothing_of_a_plugin_is_imported_for_a_service_that_another_source_answers(hca, plugins, thing):
    plugins.install(
        "hca-vault", {"hca_vault.py": "raise SystemExit('imported')"}, {"hca.credentials": {"vault": "hca_vault:V"}}
    )
    done, asked = thing(env={"HCA_ACCESS_TOKEN": "environment-token"})
    assert asked == ["Bearer environment-token"] and "imported" not in done.stderr


def test_its_tokens_stay_with_the_service(hca, plugins, thing, loopback):
    install(plugins, vault="Vault")
    elsewhere = loopback.url.replace("127.0.0.1", "localhost")
    loopback.route("GET", "/thing", (302, {"Location": f"{elsewhere}/other"}, b""))
    loopback.route("GET", "/other", {"thing": 3})
    thing()
    asked = [headers.get("Authorization") for _, path, headers, _ in loopback.requests if path == "/other"]
    assert asked == [None]
