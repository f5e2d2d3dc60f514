"""Google's credentials: signed for the service, or Google's own if it accepts those; none of them is shown."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hca_base.auth import credentials_for, jwt_claims, key_record
from hca_base.errors import AuthError
from tests.auth.toy_service import SETTINGS, URL, service, used


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
    """Issues access tokens to anyone, and records the requests."""

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
    # google-auth only uses its constant for the token endpoint of such files, unless overridden.
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
    # A token that is seconds old must not be refused for its age.
    assert credentials.on_unauthorized(URL) is False
    monkeypatch.setattr("hca_base.auth._providers._google._REFRESH_PAUSE", 0.0)
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
    # In a child process: the library reads these variables at import.
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
