"""The deployment's key and tokens: which are accepted, which are refused and how, and that the key is kept."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hca_local import identity as identities

API = "http://127.0.0.1:8765"


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> identities.Identity:
    return identities.open_identity(tmp_path_factory.mktemp("identity"), API)


@pytest.mark.parametrize("name", ["user", "other", "admin", "public", "stranger", "noscope"])
def test_people_with_sound_tokens_are_told_apart(identity: identities.Identity, name: str) -> None:
    caller = identity.verify(identity.token(name))
    assert caller.email == identities.PEOPLE[name].email
    assert caller.group == identities.PEOPLE[name].group


def test_a_token_without_email_is_valid_and_has_none(identity: identities.Identity) -> None:
    assert identity.verify(identity.token("noemail")).email is None


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("expired", identities.InvalidTokenError),
        ("badaud", identities.InvalidTokenError),
        ("badiss", identities.ForeignIssuerError),
    ],
)
def test_flawed_tokens_are_refused_for_their_flaw(
    identity: identities.Identity, token: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        identity.verify(identity.token(token))


@pytest.mark.parametrize("text", ["", "gibberish", "a.b.c", "é.é.é", "." * 3])
def test_what_is_no_token_is_refused(identity: identities.Identity, text: str) -> None:
    with pytest.raises(identities.UndecodableTokenError):
        identity.verify(text)


def test_a_token_signed_by_another_key_is_refused(identity: identities.Identity, tmp_path: Path) -> None:
    forger = identities.open_identity(tmp_path, API)
    with pytest.raises(identities.UndecodableTokenError):
        identity.verify(forger.token("admin"))
    # The right key id does not help: the signature counts.
    forger.key.key_id = identity.key.key_id
    with pytest.raises(identities.InvalidTokenError):
        identity.verify(forger.token("admin"))


def test_an_unsigned_token_is_refused(identity: identities.Identity) -> None:
    import jwt

    claims = identity.claims_of(identities.PEOPLE["admin"])
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": identity.key.key_id})
    with pytest.raises(identities.InvalidTokenError):
        identity.verify(unsigned)


def test_a_token_without_scope_claim_is_refused(identity: identities.Identity) -> None:
    claims = identity.claims_of(identities.PEOPLE["user"])
    del claims["scope"]
    with pytest.raises(identities.InvalidTokenError, match="scope"):
        identity.verify(identity.mint(claims))


def test_a_remembered_token_still_expires(identity: identities.Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    token = identity.token("user", lifetime=60)
    assert identity.verify(token) is identity.verify(token)
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    # PyJWT reads the clock itself, so this only tests the cache: an expired token must not be answered from it.
    assert identity._verified[token][0] < later


def test_the_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = identities.open_identity(tmp_path, API)
    again = identities.open_identity(tmp_path, "http://127.0.0.1:9999")
    assert first.key.key_id == again.key.key_id
    assert again.verify(first.token("user")).email == "user@example.org", "a token outlives a change of port"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600]


def test_the_key_set_verifies_tokens_without_the_private_key(identity: identities.Identity) -> None:
    import jwt

    (key,) = jwt.PyJWKSet.from_dict(identity.jwks()).keys
    claims = jwt.decode(identity.token("user"), key.key, algorithms=["RS256"], audience=identities.AUDIENCE)
    assert key.key_id == identity.key.key_id
    assert claims[identities.GROUP_CLAIM] == "hca"
