"""Which credentials a service gets: precedence, hosts, and errors."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from hca_base.auth import bearer_record, credentials_for, identity_of, jwt_claims, open_store, store_access_token
from hca_base.auth._stores._records import is_bound_to, is_protected
from hca_base.errors import AuthError, UsageError
from hca_base.plugins import CredentialScheme, Service
from tests.auth.toy_service import SETTINGS, URL, service, used


def test_the_order(monkeypatch, stored):
    def header(**kwargs):
        return credentials_for(service(), SETTINGS, **kwargs).headers_for(URL)

    assert header() == {"Authorization": "Bearer stored-token"}
    monkeypatch.setenv("HCA_ACCESS_TOKEN", "environment-token")
    assert header() == {"Authorization": "Bearer environment-token"}
    assert header(token="explicit-token") == {"Authorization": "Bearer explicit-token"}


def test_nothing_at_all():
    credentials = credentials_for(service(), SETTINGS)
    assert credentials.headers_for(URL) == {}
    assert credentials.on_unauthorized(URL) is False
    states = credentials.describe()
    assert [state.name for state in states] == ["explicit token", "environment", "stored login"]
    assert [state.why for state in states] == ["none was given", "HCA_ACCESS_TOKEN not set", "none for default/toy"]


def test_why_earlier_ones_were_not_used(stored):
    credentials = credentials_for(service(audience="https://toy.example/"), SETTINGS)
    states = {state.name: state for state in credentials.describe()}
    assert states["service account"].why == "GOOGLE_APPLICATION_CREDENTIALS is not set"
    assert states["stored login"].used


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/v1/thing",
        "https://toy.example.evil.example/",
        "https://toy.example:8443/",
        "http://toy.example/v1/thing",
        "https://eviltoy.example/",
    ],
)
@pytest.mark.parametrize("kind", ["explicit", "environment", "stored"])
def test_tokens_go_to_their_own_host_only(monkeypatch, stored, url, kind):
    token = None
    if kind == "environment":
        monkeypatch.setenv("HCA_ACCESS_TOKEN", "environment-token")
    elif kind == "explicit":
        token = "explicit-token"
    assert credentials_for(service(), SETTINGS, token=token).headers_for(url) == {}


def test_plain_http_only_to_hosts_that_the_user_named():
    settings = {"services.toy.url": "http://toy.example:8080/openapi.json", "auth.store": "file"}
    url = "http://toy.example:8080/x"
    credentials = credentials_for(service(), settings, token="explicit-token")
    assert credentials.headers_for(url) == {}
    assert "http.insecure_hosts" in credentials.describe()[0].why
    settings["http.insecure_hosts"] = ["toy.example"]
    assert credentials_for(service(), settings, token="explicit-token").headers_for(url)


def test_this_machine_needs_no_encryption():
    for url in ("http://127.0.0.1:8765", "http://localhost:8765", "http://[::1]:8765"):
        settings = {"services.toy.url": "http://localhost:8765/v1/swagger.json", "auth.store": "file"}
        assert credentials_for(service(), settings, token="x" * 10).headers_for(url), url
    assert not credentials_for(service(), settings, token="x" * 10).headers_for("http://127.0.0.1:8766")


def test_hosts_of_records():
    assert is_bound_to("https://a.example/x", ["https://a.example"])
    assert is_bound_to("https://a.example/x", ["http://a.example"])
    assert not is_bound_to("http://a.example/x", ["https://a.example"])
    assert is_bound_to("https://a.example:444/x", ["a.example"])
    assert not is_bound_to("https://a.example:444/x", ["a.example:443"])
    assert is_bound_to("http://[::1]:5/x", ["localhost:5"])
    assert not is_bound_to("https://b.example/x", ["a.example", "https://a.example", "nonsense://", ""])
    assert is_protected("https://a.example")
    assert not is_protected("http://a.example", ["b.example"])
    assert is_protected("http://a.example:81", ["a.example:81"])
    assert not is_protected("http://a.example:82", ["a.example:81"])


def test_another_deployment_does_not_get_the_stored_token(stored):
    settings = {**SETTINGS, "services.toy.url": "https://elsewhere.example/openapi.json"}
    credentials = credentials_for(service(), settings)
    assert credentials.headers_for("https://elsewhere.example/v1/x") == {}
    assert "it is for https://toy.example" in credentials.describe()[-1].why


def test_profiles_have_their_own(stored):
    class Profiled(dict):
        profile = "local"

    credentials = credentials_for(service(), Profiled(SETTINGS))
    assert credentials.account == "local/toy"
    assert credentials.headers_for(URL) == {}


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "nön-ascii", "\x1b[31m"])
def test_what_cannot_be_a_token(token):
    with pytest.raises(AuthError) as caught:
        credentials_for(service(), SETTINGS, token=token).headers_for(URL)
    assert token not in str(caught.value)
    with pytest.raises(UsageError) as caught2:
        store_access_token(service(), SETTINGS, token)
    assert token not in str(caught2.value)


def test_an_expired_token_without_renewal():
    store = open_store(SETTINGS)
    store.put("default/toy", bearer_record("t" * 10, ["toy.example"], expires_at=time.time() - 200))
    # The local clock may be five minutes fast: the service must decide.
    assert credentials_for(service(), SETTINGS).headers_for(URL)
    store.put("default/toy", bearer_record("t" * 10, ["toy.example"], expires_at=time.time() - 1000))
    with pytest.raises(AuthError, match="has expired") as caught:
        credentials_for(service(), SETTINGS).headers_for(URL)
    assert caught.value.hint == "hca login toy"


def test_lazy_imports():
    """With an explicit token, or one from the environment, neither keyring nor Google's library is used."""
    code = (
        "import os, sys\n"
        "from hca_base.auth import credentials_for\n"
        "from hca_base.plugins import CredentialScheme, Service\n"
        "toy = Service(name='toy', credentials=CredentialScheme(kind='oauth2', audience='a', claims={'x': 'y'}))\n"
        "settings = {'services.toy.url': 'https://toy.example/s.json'}\n"
        "for token in ('explicit', None):\n"
        "    os.environ['HCA_ACCESS_TOKEN'] = 'environment'\n"
        "    assert credentials_for(toy, settings, token=token).headers_for('https://toy.example')\n"
        "print([m for m in ('keyring', 'google.auth', 'google', 'requests', 'oauthlib') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_reading_jwts():
    for nonsense in (None, "", "a.b", "a.b.c", "..", "a.W10.c", "x." + "W" * 10 + ".y", 7):
        assert jwt_claims(nonsense) == {}
    assert identity_of({"sub": "s", "email": "e"}) == "e"
    assert identity_of({"https://auth.data.humancellatlas.org/email": "d", "email": "e"}) == "d"
    assert identity_of({}) is None


def test_plugins_may_add_a_provider(stored):
    class Extra:
        name = "gcloud"

        def authorization(self, url, *, refresh=False):
            return {"Authorization": "Bearer fresh" if refresh else "Bearer extra"}

        def explain(self):
            return "gcloud auth print-access-token"

    credentials = credentials_for(service(), SETTINGS, extra=[Extra()])
    assert credentials.headers_for(URL) == {"Authorization": "Bearer extra"}
    assert credentials.headers_for("https://elsewhere.example") == {}
    assert credentials.headers_for(URL) and credentials.on_unauthorized(URL)
    assert used(credentials) == "gcloud"


def test_the_login_of_hca_7_is_adopted(home, capsys):
    from hca_base import config

    folder = home / "config" / "hca"
    folder.mkdir(parents=True)
    token = {"access_token": "canary-old", "refresh_token": "canary-r", "expires_at": "-1", "token_type": "Bearer"}
    (folder / "config.json").write_text(json.dumps({"log_level": "DEBUG", "oauth2_token": token}))
    loaded = config.load(options={"auth.store": "file", "DSSClient.swagger_url": "https://dss.example/v1/swagger.json"})
    dss = Service(
        name="dss",
        client_section="DSSClient",
        document_url_key="DSSClient.swagger_url",
        credentials=CredentialScheme(kind="oauth2"),
    )
    headers = credentials_for(dss, loaded).headers_for("https://dss.example/v1/x")
    assert headers == {"Authorization": "Bearer canary-old"}
    assert "canary" not in (folder / "config.json").read_text()
    assert "DEBUG" in (folder / "config.json").read_text()
    assert "moved" in capsys.readouterr().err
    assert open_store(loaded).get("default/dss")["access_token"] == "canary-old"


def test_tokens_of_a_run_can_be_left_out(monkeypatch, stored):
    monkeypatch.setenv("HCA_ACCESS_TOKEN", "environment-token")
    credentials = credentials_for(service(), SETTINGS, token="explicit-token", run_tokens=False)
    assert credentials.headers_for(URL) == {"Authorization": "Bearer stored-token"}
    assert [state.name for state in credentials.describe()] == ["stored login"]
