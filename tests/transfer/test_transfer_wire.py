"""TLS, proxies, certificates, redirects and credentials: the same on the fast path and on the fallback."""

from __future__ import annotations

import datetime
import hashlib
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import ConfigError, ExitCode, HCAError
from hca_base.transfer import FileStore, Item, Report, Source, TransferOptions, download
from tests.lib.fault_server import Fault, FaultServer, raw_server
from tests.lib.tunnel import Tunnel

BODY = b"content of a small file"
LARGE = b"content of a large file " * 30_000
QUICK = {"min_delay": 0.01, "retries": 2}


def item(url: str, body: bytes = BODY, **more: Any) -> Item:
    return Item("file", len(body), {"sha256": hashlib.sha256(body).hexdigest()}, Source(url, **more))


def get(wanted: Item, root: Path, fast: bool, **options: Any) -> Report:
    return download([wanted], FileStore(root), options=TransferOptions(fast=fast, **{**QUICK, **options}))


def failure(report: Report) -> HCAError:
    with pytest.raises(HCAError) as raised:
        report.raise_for_failures()
    return raised.value


@pytest.fixture(params=[BODY, LARGE], ids=["small", "large"])
def body(request: pytest.FixtureRequest) -> bytes:
    return bytes(request.param)


# Credentials and redirects


@pytest.fixture
def other() -> Iterator[FaultServer]:
    made = FaultServer()
    yield made
    made.close()


def test_credentials_stay_with_their_host(
    tmp_path: Path, server: FaultServer, other: FaultServer, fast: bool, body: bytes
) -> None:
    """The service redirects to another origin, which gets none of the service's credentials."""
    other.files["file"] = body
    server.files["file"] = body
    api = server.base

    server._api = lambda connection, name, query, fault: server._redirect(  # type: ignore[method-assign]
        connection, 302, f"{other.base}/data/file?sig=0"
    )
    told = {"Authorization": "Bearer secret", "X-Api-Key": "secret"}
    for number, headers in enumerate((told, lambda url: told)):
        report = get(item(f"{api}/api/file", body, headers=headers, redirects="service"), tmp_path / str(number), fast)
        assert report.ok, report.failed
    assert server.headers["/api/file"][-1]["authorization"] == "Bearer secret"
    for headers_seen in other.headers["/data/file"]:
        assert "secret" not in str(headers_seen)
        assert headers_seen["host"] == f"127.0.0.1:{other.port}"


def test_a_source_that_redirects_keeps_its_headers_to_itself(
    tmp_path: Path, server: FaultServer, other: FaultServer, fast: bool, body: bytes
) -> None:
    other.files["file"] = body
    server.files["file"] = body
    server._data = lambda connection, *more: server._redirect(  # type: ignore[method-assign]
        connection, 307, f"{other.base}/data/file"
    )
    report = get(item(f"{server.base}/data/file", body, headers={"Authorization": "Bearer secret"}), tmp_path, fast)
    assert report.ok, report.failed
    assert server.headers["/data/file"][0]["authorization"] == "Bearer secret"
    assert all("authorization" not in seen for seen in other.headers["/data/file"])


@pytest.mark.parametrize("status", [301, 302, 303, 307])
def test_a_redirect_to_another_host_is_no_request_to_wait(
    tmp_path: Path, server: FaultServer, other: FaultServer, fast: bool, body: bytes, status: int
) -> None:
    """Only a 301 within the host, or a redirect to the same URL, means "not ready": hca_base.http.wait_of."""
    other.files["file"] = body
    server.files["file"] = body
    server._data = lambda connection, *more: server._redirect(  # type: ignore[method-assign]
        connection, status, f"{other.base}/data/file", "3600"
    )
    report = get(item(f"{server.base}/data/file", body), tmp_path, fast, wait_budget=1)
    assert report.ok, report.failed


@pytest.mark.parametrize(("status", "code"), [(307, ExitCode.UNREACHABLE), (303, ExitCode.REFUSED)])
def test_a_redirect_to_itself_with_a_time_to_wait(
    tmp_path: Path, server: FaultServer, fast: bool, body: bytes, status: int, code: ExitCode
) -> None:
    """303 points to another resource; with the same URL it is a loop."""
    server.files["file"] = body
    server._data = lambda connection, *more: server._redirect(  # type: ignore[method-assign]
        connection, status, f"{server.base}/data/file", "3600"
    )
    report = get(item(f"{server.base}/data/file", body), tmp_path, fast, wait_budget=1)
    assert failure(report).exit_code == code


@pytest.mark.parametrize(
    "where",
    [
        "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/x", "http://[fe80::1]/x", "//", "http://",
    ],
)  # fmt: skip
def test_redirects_that_no_honest_server_asks_for(
    tmp_path: Path, server: FaultServer, fast: bool, where: str, body: bytes
) -> None:
    server.files["file"] = body
    server._data = lambda connection, *more: server._redirect(connection, 302, where)  # type: ignore[method-assign]
    report = get(item(f"{server.base}/data/file", body), tmp_path, fast)
    assert not report.ok
    assert failure(report).exit_code in (ExitCode.REFUSED, ExitCode.USAGE, ExitCode.UNREACHABLE)
    assert server.requests["/data/file"] <= 40


def test_redirects_without_end(tmp_path: Path, server: FaultServer, fast: bool, body: bytes) -> None:
    server.files["file"] = body
    server.faults["/data/file"].extend([Fault("loop")] * 500)
    report = get(item(f"{server.base}/data/file", body), tmp_path, fast)
    assert "in a loop" in failure(report).message
    assert server.requests["/data/file"] < 60


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x/y", "not a url", "", "http://", "http://user:pw@host/x"]
)
def test_sources_that_cannot_be_used(tmp_path: Path, fast: bool, url: str) -> None:
    error = failure(get(item(url), tmp_path, fast))
    assert "pw" not in str(error)


def test_a_refused_token_is_renewed_once(tmp_path: Path, server: FaultServer, fast: bool, body: bytes) -> None:
    server.files["file"] = body
    server.refused = "Bearer old"
    tokens = ["old"]

    def renew(url: str) -> bool:
        assert url == f"{server.base}/api/file"
        tokens.append("new")
        return True

    source = {
        "headers": lambda url: {"Authorization": f"Bearer {tokens[-1]}"}, "redirects": "service",
        "on_unauthorized": renew,
    }  # fmt: skip
    report = get(item(f"{server.base}/api/file", body, **source), tmp_path, fast)
    assert report.ok, report.failed
    assert tokens == ["old", "new"]
    assert server.headers["/api/file"][-1]["authorization"] == "Bearer new"


def test_a_refused_token_that_cannot_be_renewed(tmp_path: Path, server: FaultServer, fast: bool, body: bytes) -> None:
    server.files["file"] = body
    server.faults["/api/file"].extend([Fault("status", number=401)] * 9)
    source = {"headers": {"Authorization": "Bearer x"}, "redirects": "service", "on_unauthorized": lambda url: False}
    error = failure(get(item(f"{server.base}/api/file", body, **source), tmp_path, fast))
    assert error.exit_code == ExitCode.AUTH


# TLS


def certificate(directory: Path, hosts: list[str]) -> tuple[Path, Path]:
    """A private CA, and a server certificate signed by it: (ca, certificate with key)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def build(subject: str, public: Any, ca: bool) -> Any:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("Test CA"))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        )
        if ca:
            usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        else:
            names: list[x509.GeneralName] = []
            for host in hosts:
                try:
                    names.append(x509.IPAddress(ipaddress.ip_address(host)))
                except ValueError:
                    names.append(x509.DNSName(host))
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(ca_key, hashes.SHA256())

    ca_path, path = directory / "ca.pem", directory / "server.pem"
    ca_path.write_bytes(build("Test CA", ca_key.public_key(), True).public_bytes(serialization.Encoding.PEM))
    path.write_bytes(
        build("server", key.public_key(), False).public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return ca_path, path


class Plain(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    redirect = ""

    def do_GET(self) -> None:
        where = type(self).redirect
        body = LARGE if "large" in self.path else BODY
        self.send_response(302 if where else 200)
        if where:
            self.send_header("Location", where)
            body = b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


def tls_server(path: Path, redirect: str = "") -> http.server.ThreadingHTTPServer:
    handler = type("Handler", (Plain,), {"redirect": redirect})
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    made.socket = context.wrap_socket(made.socket, server_side=True)
    threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True).start()
    return made


def test_tls_with_a_ca_of_ones_own(tmp_path: Path, fast: bool, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    ca, path = certificate(tmp_path, ["127.0.0.1"])
    made = tls_server(path)
    url = f"https://127.0.0.1:{made.server_port}/{'large' if body is LARGE else 'small'}"
    try:
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        error = failure(get(item(url, body), tmp_path / "a", fast, retries=0))
        assert "certificate" in error.message
        assert error.exit_code == ExitCode.UNREACHABLE
        assert get(item(url, body), tmp_path / "b", fast, ca_bundle=str(ca)).ok
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca))
        assert get(item(url, body), tmp_path / "c", fast).ok
        # A missing bundle is reported as missing, not used as an empty one.
        with pytest.raises(ConfigError, match="does not exist"):
            get(item(url, body), tmp_path / "d", fast, ca_bundle="/no/ca")
    finally:
        made.shutdown()


def test_a_certificate_for_another_name(tmp_path: Path, fast: bool, body: bytes) -> None:
    ca, path = certificate(tmp_path, ["elsewhere.example"])
    made = tls_server(path)
    try:
        url = f"https://127.0.0.1:{made.server_port}/{'large' if body is LARGE else 'small'}"
        error = failure(get(item(url, body), tmp_path / "a", fast, retries=0, ca_bundle=str(ca)))
        assert error.exit_code == ExitCode.UNREACHABLE
    finally:
        made.shutdown()


def test_no_way_down_from_https_to_http(tmp_path: Path, server: FaultServer, fast: bool, body: bytes) -> None:
    server.files["file"] = body
    ca, path = certificate(tmp_path, ["127.0.0.1", "localhost"])
    made = tls_server(path, redirect=f"{server.base}/data/file")
    try:
        url = f"https://localhost:{made.server_port}/x"
        error = failure(get(item(url, body), tmp_path / "a", fast, ca_bundle=str(ca)))
        assert error.exit_code == ExitCode.REFUSED
        assert server.requests.total() == 0
    finally:
        made.shutdown()


# Proxies


def test_http_through_a_proxy(
    tmp_path: Path, server: FaultServer, fast: bool, body: bytes, no_proxies: pytest.MonkeyPatch
) -> None:
    server.files["file"] = body
    wanted = item("http://files.example/data/file?x=1", body)
    assert get(wanted, tmp_path / "a", fast, proxy=server.base.replace("//", "//me:my%20word@")).ok
    seen = server.headers["/data/file"][-1]
    assert seen["host"] == "files.example"
    assert seen["proxy-authorization"] == "Basic bWU6bXkgd29yZA=="
    no_proxies.setenv("http_proxy", server.base)
    assert get(wanted, tmp_path / "b", fast).ok
    no_proxies.setenv("no_proxy", "files.example")
    assert not get(wanted, tmp_path / "c", fast, retries=0, connect_timeout=2.0).ok
    # Loopback is not requested through a proxy.
    direct = item(f"{server.base}/data/file", body)
    assert get(direct, tmp_path / "d", fast, proxy="http://127.0.0.1:9").ok


def test_https_through_a_proxy(tmp_path: Path, fast: bool, body: bytes, no_proxies: pytest.MonkeyPatch) -> None:
    ca, path = certificate(tmp_path, ["files.example"])
    made = tls_server(path)
    tunnel = Tunnel(made.server_port)
    try:
        wanted = item(f"https://files.example/{'large' if body is LARGE else 'small'}", body)
        proxy = f"http://me:word@127.0.0.1:{tunnel.port}"
        report = get(wanted, tmp_path / "a", fast, proxy=proxy, ca_bundle=str(ca))
        assert report.ok, report.failed
        assert tunnel.asked[0].startswith("CONNECT files.example:443 ")
        assert "proxy-authorization: basic bwu6d29yza==" in tunnel.asked[0].lower()
    finally:
        tunnel.close()
        made.shutdown()


# Unusual servers


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"\x16\x03\x01\x00", b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 300_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", b"<html>", b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\nxx",
    ],
)  # fmt: skip
def test_odd_answers_are_errors_and_no_more(tmp_path: Path, fast: bool, body: bytes, answer: bytes) -> None:
    url, close = raw_server(answer)
    try:
        report = get(item(f"{url}/x", body), tmp_path, fast, retries=1)
    finally:
        close()
    assert not report.ok
    assert failure(report).message


@pytest.mark.parametrize("size", [True, False], ids=["size", "no size"])
def test_chunked_and_until_the_end(tmp_path: Path, fast: bool, body: bytes, size: bool) -> None:
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(body[at : at + 50_000]), body[at : at + 50_000]) for at in range(0, len(body), 50_000)
    )
    answers = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n" + body,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body,
    ]
    for number, answer in enumerate(answers):
        url, close = raw_server(answer)
        wanted = item(f"{url}/x", body)
        if not size:
            wanted.size = None
        report = get(wanted, tmp_path / str(number), fast)
        close()
        assert report.ok, report.failed
