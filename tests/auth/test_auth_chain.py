"""Which credentials a service gets: the order, the hosts, and the reasons."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hca_base.auth import (
    Scheme,
    bearer_record,
    credentials_for,
    identity_of,
    jwt_claims,
    key_record,
    open_store,
    scheme_from_security,
    set_key,
    store_access_token,
)
from hca_base.auth._records import is_bound_to, is_protected
from hca_base.errors import AuthError, UsageError
from hca_base.plugins import CredentialScheme, Service

SETTINGS = {"services.toy.url": "https://toy.example/v1/openapi.json", "auth.store": "file"}
URL = "https://toy.example/v1/thing"


def service(**scheme):
    return Service(name="toy", credentials=CredentialScheme(**({"kind": "oauth2"} | scheme)))


def used(credentials):
    return next((state.name for state in credentials.describe() if state.used), None)


@pytest.fixture
def stored():
    open_store(SETTINGS).put("default/toy", bearer_record("stored-token", ["https://toy.example"]))


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
    # The clock here may be five minutes ahead: the service shall judge.
    assert credentials_for(service(), SETTINGS).headers_for(URL)
    store.put("default/toy", bearer_record("t" * 10, ["toy.example"], expires_at=time.time() - 1000))
    with pytest.raises(AuthError, match="has expired") as caught:
        credentials_for(service(), SETTINGS).headers_for(URL)
    assert caught.value.hint == "hca login toy"


def test_lazy_imports():
    """An explicit token, or one of the environment, touches neither keyring nor Google's library."""
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


# -- keys --------------------------------------------------------------------------------------------------------------


def test_api_keys_in_headers(monkeypatch):
    one = service(kind="apikey", api_key_header="Api-Key", api_key_config_key="upload.api_key", env=("TOY_KEY",))
    assert credentials_for(one, SETTINGS).headers_for(URL) == {}
    set_key(one, SETTINGS, "stored-key")
    assert credentials_for(one, SETTINGS).headers_for(URL) == {"Api-Key": "stored-key"}
    settings = {**SETTINGS, "upload.api_key": "config-key"}
    assert credentials_for(one, settings).headers_for(URL) == {"Api-Key": "config-key"}
    assert credentials_for(one, settings).headers_for("https://elsewhere.example") == {}
    monkeypatch.setenv("TOY_KEY", "environment-key")
    monkeypatch.setenv("HCA_ACCESS_TOKEN", "a-bearer-token")
    assert credentials_for(one, settings).headers_for(URL) == {"Api-Key": "environment-key"}
    assert credentials_for(one, settings, token="explicit-key").headers_for(URL) == {"Api-Key": "explicit-key"}


def test_api_keys_in_the_query_and_in_cookies():
    one = service(kind="apikey", api_key_query="key")
    set_key(one, SETTINGS, "stored-key")
    credentials = credentials_for(one, SETTINGS)
    assert credentials.headers_for(URL) == {}
    assert credentials.params_for(URL) == {"key": "stored-key"}
    assert credentials.params_for("https://elsewhere.example") == {}
    assert used(credentials) == "stored login"
    schemes = {"k": {"type": "apiKey", "in": "cookie", "name": "sid"}}
    bare = Service(name="bare")
    settings = {"services.bare.url": "https://toy.example/x", "auth.store": "file"}
    set_key(bare, settings, "cookie-key", security_schemes=schemes)
    found = credentials_for(bare, settings, security_schemes=schemes)
    assert found.headers_for(URL) == {"Cookie": "sid=cookie-key"}


def test_names_and_passwords():
    one = service(kind="basic")
    with pytest.raises(UsageError, match="user name"):
        set_key(one, SETTINGS, "secret")
    set_key(one, SETTINGS, "secret", username="me")
    credentials = credentials_for(one, SETTINGS)
    assert credentials.headers_for(URL) == {"Authorization": "Basic bWU6c2VjcmV0"}
    assert [state.identity for state in credentials.describe() if state.used] == ["me"]


def test_keys_are_not_stored_for_open_lines():
    settings = {"services.toy.url": "http://toy.example/x", "auth.store": "file"}
    with pytest.raises(AuthError, match="not encrypted"):
        set_key(service(kind="apikey", api_key_header="Api-Key"), settings, "stored-key")


def test_schemes_of_documents():
    assert scheme_from_security(None) == Scheme()
    assert scheme_from_security({"a": {"type": "basic"}}).kind == "basic"
    assert scheme_from_security({"a": {"type": "http", "scheme": "Bearer"}}).kind == "bearer"
    assert scheme_from_security({"a": {"type": "http", "scheme": "digest"}}) == Scheme()
    assert scheme_from_security({"a": {"type": "mutualTLS"}, "b": {}}) == Scheme()
    assert scheme_from_security({"a": {"type": "apiKey", "in": "header", "name": "X-K"}}).api_key_header == "X-K"
    both = {
        "key": {"type": "apiKey", "in": "query", "name": "k"},
        "login": {
            "type": "oauth2",
            "flows": {
                "implicit": {"authorizationUrl": "https://i/a", "scopes": {}},
                "authorizationCode": {
                    "authorizationUrl": "https://i/b",
                    "tokenUrl": "https://i/t",
                    "scopes": {"email": ""},
                },
            },
        },
    }
    found = scheme_from_security(both)
    assert (found.kind, found.authorization_url, found.token_url, found.scopes) == (
        "oauth2",
        "https://i/b",
        "https://i/t",
        ("email",),
    )
    discovered = scheme_from_security({"o": {"type": "openIdConnect", "openIdConnectUrl": "https://i/.well-known/x"}})
    assert discovered.openid_url == "https://i/.well-known/x"


@pytest.mark.parametrize(
    "scheme",
    [
        {"type": "oauth2", "flows": {"deviceAuthorization": None}},
        {"type": "oauth2", "flows": {"deviceAuthorization": "x", "implicit": 7}},
        {"type": "oauth2", "flows": {"implicit": {"authorizationUrl": "http://[x", "scopes": [1, {}]}}},
        {"type": "oauth2", "flows": []},
        {"type": ["oauth2"]},
        {"type": "apiKey", "in": ["header"], "name": "k"},
    ],
)
def test_schemes_of_odd_documents_cost_nothing(scheme):
    bare = Service(name="bare")
    settings = {"services.bare.url": "https://toy.example/x", "auth.store": "file"}
    found = credentials_for(bare, settings, security_schemes={"s": scheme}, token="given")
    assert all(isinstance(scope, str) for scope in scheme_from_security({"s": scheme}).scopes)
    if scheme["type"] != "apiKey":
        assert found.headers_for(URL) == {"Authorization": "Bearer given"}


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


# -- Google ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def service_account(tmp_path_factory):
    """(file, public key in PEM) of a service account."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    path = tmp_path_factory.mktemp("google") / "account.json"
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "project_id": "p",
                "private_key_id": "key-1",
                "private_key": private.decode(),
                "client_email": "robot@p.iam.gserviceaccount.com",
                "client_id": "1",
                "token_uri": "https://oauth2.googleapis.com/token",
            }
        )
    )
    return path, public


DSS_CLAIMS = {
    "email": "{email}",
    "scope": "openid email offline_access",
    "https://auth.data.humancellatlas.org/group": "hca",
    "https://auth.data.humancellatlas.org/email": "{email}",
}


def test_service_accounts_sign_for_themselves(service_account, monkeypatch):
    from google.auth import jwt

    path, public = service_account
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    one = service(audience="https://dev.data.humancellatlas.org/", claims=DSS_CLAIMS)
    credentials = credentials_for(one, SETTINGS)
    token = credentials.headers_for(URL)["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, certs=public, audience="https://dev.data.humancellatlas.org/")
    email = "robot@p.iam.gserviceaccount.com"
    assert {name: claims[name] for name in claims if name not in ("iat", "exp")} == {
        "iss": email,
        "sub": email,
        "aud": "https://dev.data.humancellatlas.org/",
        "email": email,
        "scope": "openid email offline_access",
        "https://auth.data.humancellatlas.org/group": "hca",
        "https://auth.data.humancellatlas.org/email": email,
    }
    assert claims["exp"] - claims["iat"] == 3600
    assert -310 < claims["iat"] - time.time() < -290
    assert jwt.decode_header(token)["kid"] == "key-1"
    assert credentials.headers_for(URL)["Authorization"] == f"Bearer {token}"
    assert credentials.on_unauthorized(URL) is False
    assert credentials.headers_for("https://elsewhere.example/") == {}
    (state,) = [state for state in credentials.describe() if state.used]
    assert (state.name, state.identity) == ("service account", email)


def test_the_audience_can_be_set(service_account, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(service_account[0]))
    settings = {**SETTINGS, "services.toy.auth.audience": "https://mine.example/"}
    token = credentials_for(service(audience="https://a.example/"), settings).headers_for(URL)["Authorization"]
    assert jwt_claims(token.removeprefix("Bearer "))["aud"] == "https://mine.example/"


def test_services_without_such_tokens_do_not_look(service_account, monkeypatch, stored):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(service_account[0]))
    assert credentials_for(service(), SETTINGS).headers_for(URL) == {"Authorization": "Bearer stored-token"}


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"[]",
        b'{"type": "service_account"}',
        b'{"type": "service_account", "private_key": "canary", "client_email": "e"}',
    ],
)
def test_a_broken_key_file_is_named_not_shown(tmp_path, monkeypatch, content, stored):
    path = tmp_path / "account.json"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    credentials = credentials_for(service(audience="a"), SETTINGS)
    with pytest.raises(AuthError, match=r"account\.json") as caught:
        credentials.headers_for(URL)
    assert "canary" not in str(caught.value)
    states = {state.name: state for state in credentials.describe()}
    assert "account.json" in states["service account"].why


def test_other_types_are_passed_over_by_services_that_want_signatures(tmp_path, monkeypatch, stored):
    path = tmp_path / "user.json"
    path.write_text('{"type": "authorized_user"}')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    credentials = credentials_for(service(audience="a"), SETTINGS)
    assert credentials.headers_for(URL) == {"Authorization": "Bearer stored-token"}
    assert "authorized_user" in next(s.why for s in credentials.describe() if s.name == "service account")


class GoogleEndpoint:
    """Gives access tokens to whoever asks, and keeps what it was asked."""

    def __init__(self):
        self.asked = []
        self.status = 200
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                endpoint.asked.append((self.command, self.path, body))
                if self.path.startswith("/computeMetadata") and "token" not in self.path:
                    data = {"email": "vm@p.iam.gserviceaccount.com", "scopes": [], "aliases": []}
                else:
                    data = {
                        "access_token": f"google-{len(endpoint.asked)}",
                        "accessToken": f"impersonated-{len(endpoint.asked)}",
                        "expireTime": "2999-01-01T00:00:00Z",
                        "expires_in": 3600,
                        "token_type": "Bearer",
                        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
                    }
                if self.status != 200:
                    data = {"error": "invalid_grant", "error_description": "canary of a description"}
                raw = json.dumps(data).encode()
                self.send_response(endpoint.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Metadata-Flavor", "Google")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            @property
            def status(self):
                return endpoint.status

            do_GET = do_POST = _answer

            def log_message(self, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def google():
    endpoint = GoogleEndpoint()
    yield endpoint
    endpoint.server.shutdown()
    endpoint.server.server_close()


def takes_google():
    return service(authorization_url="https://accounts.google.com/o/oauth2/auth", scopes=("openid", "email"))


def write_credentials(tmp_path, monkeypatch, data):
    path = tmp_path / "google.json"
    path.write_text(json.dumps(data))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    return path


def authorized_user(google):
    return {
        "type": "authorized_user",
        "client_id": "c",
        "client_secret": "canary-secret",
        "refresh_token": "canary-refresh",
        "token_uri": f"http://{google.address}/token",
    }


def test_google_user_credentials(tmp_path, monkeypatch, google):
    data = authorized_user(google)
    # google-auth takes the token endpoint of such files from nowhere but its own constant, unless told otherwise.
    import google.oauth2.credentials as library

    monkeypatch.setattr(library, "_GOOGLE_OAUTH2_TOKEN_ENDPOINT", data["token_uri"])
    write_credentials(tmp_path, monkeypatch, data)
    credentials = credentials_for(takes_google(), SETTINGS)
    assert credentials.headers_for(URL) == {"Authorization": "Bearer google-1"}
    assert credentials.headers_for(URL) == {"Authorization": "Bearer google-1"}
    assert len(google.asked) == 1
    assert "refresh_token=canary-refresh" in google.asked[0][2]
    assert credentials.headers_for("https://elsewhere.example/") == {}
    assert used(credentials) == "Google credentials"


def test_google_service_accounts_get_access_tokens_where_the_service_takes_those(
    tmp_path, monkeypatch, google, service_account
):
    data = json.loads(service_account[0].read_text()) | {"token_uri": f"http://{google.address}/token"}
    write_credentials(tmp_path, monkeypatch, data)
    credentials = credentials_for(takes_google(), SETTINGS)
    assert credentials.headers_for(URL) == {"Authorization": "Bearer google-1"}
    assert "assertion=" in google.asked[0][2]
    # A token that is seconds old is not refused for its age.
    assert credentials.on_unauthorized(URL) is False
    monkeypatch.setattr("hca_base.auth._google._REFRESH_PAUSE", 0.0)
    assert credentials.headers_for(URL) == {"Authorization": "Bearer google-1"}
    assert credentials.on_unauthorized(URL) is True
    assert credentials.headers_for(URL) == {"Authorization": "Bearer google-2"}


def test_workload_identity(tmp_path, monkeypatch, google):
    subject = tmp_path / "subject-token"
    subject.write_text("canary-subject")
    write_credentials(
        tmp_path,
        monkeypatch,
        {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"http://{google.address}/sts",
            "credential_source": {"file": str(subject)},
        },
    )
    assert credentials_for(takes_google(), SETTINGS).headers_for(URL) == {"Authorization": "Bearer google-1"}
    assert "subject_token=canary-subject" in google.asked[0][2]


def test_impersonation(tmp_path, monkeypatch, google):
    import google.oauth2.credentials as library

    source = authorized_user(google)
    monkeypatch.setattr(library, "_GOOGLE_OAUTH2_TOKEN_ENDPOINT", source["token_uri"])
    write_credentials(
        tmp_path,
        monkeypatch,
        {
            "type": "impersonated_service_account",
            "service_account_impersonation_url": f"http://{google.address}/v1/projects/-/serviceAccounts/"
            "robot@p.iam.gserviceaccount.com:generateAccessToken",
            "source_credentials": source,
        },
    )
    # Its endpoint is a constant of the library too.
    import google.auth.iam as iam
    import google.auth.impersonated_credentials as impersonated

    template = f"http://{google.address}/v1/projects/-/serviceAccounts/{{}}:generateAccessToken"
    for module in (iam, impersonated.iam):
        monkeypatch.setattr(module, "_IAM_ENDPOINT", template)
    found = credentials_for(takes_google(), SETTINGS).headers_for(URL)
    assert found["Authorization"].startswith("Bearer impersonated-")


def test_the_metadata_server_only_if_allowed(monkeypatch, google):
    monkeypatch.setenv("GCE_METADATA_HOST", google.address)
    monkeypatch.setenv("GCE_METADATA_IP", google.address)
    assert credentials_for(takes_google(), SETTINGS).headers_for(URL) == {}
    assert google.asked == []
    code = (
        "from hca_base.auth import credentials_for\n"
        "from hca_base.plugins import CredentialScheme, Service\n"
        "toy = Service(name='toy', credentials=CredentialScheme(kind='oauth2', scopes=('email',),\n"
        "    authorization_url='https://accounts.google.com/o/oauth2/auth'))\n"
        "settings = {'services.toy.url': 'https://toy.example/s', 'auth.application_default': True}\n"
        "print(credentials_for(toy, settings).headers_for('https://toy.example/')['Authorization'][:13])\n"
    )
    # In a process of its own: the library reads these variables when it is imported.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "Bearer google\n", done.stderr


def test_googles_errors_are_not_quoted(tmp_path, monkeypatch, google, service_account):
    google.status = 400
    data = json.loads(service_account[0].read_text()) | {"token_uri": f"http://{google.address}/token"}
    write_credentials(tmp_path, monkeypatch, data)
    with pytest.raises(AuthError, match="RefreshError") as caught:
        credentials_for(takes_google(), SETTINGS).headers_for(URL)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_objects_do_not_show_secrets(stored, service_account, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(service_account[0]))
    credentials = credentials_for(service(audience="a"), SETTINGS, token="canary-explicit")
    credentials.headers_for(URL)
    text = repr(credentials) + "".join(map(repr, credentials.providers)) + repr(credentials.describe())
    assert "canary" not in text
    assert "stored-token" not in text
    assert "eyJ" not in text
    assert "canary" not in repr(key_record("canary", ["h"], header="X"))
