"""The proxy for an origin: the same for documents and for files."""

from __future__ import annotations

import pytest

from hca_base.http import origin_of, proxy_for

DIRECT = None
P = "http://p.example:3128"


@pytest.mark.parametrize(
    ("url", "setting", "variables", "proxy"),
    [
        ("https://dss.example/", None, {}, DIRECT),
        ("https://dss.example/", P, {}, P),
        ("https://dss.example/", "p.example:3128", {}, P),
        ("https://dss.example/", {"https": P}, {}, P),
        ("http://dss.example/", {"https": P}, {}, DIRECT),
        ("http://dss.example/", {"all": P}, {}, P),
        ("https://dss.example/", None, {"https_proxy": P}, P),
        ("https://dss.example/", None, {"HTTPS_PROXY": P}, P),
        ("http://dss.example/", None, {"https_proxy": P}, DIRECT),
        ("http://dss.example/", None, {"ALL_PROXY": P}, P),
        ("https://dss.example/", None, {"https_proxy": P, "no_proxy": "example"}, DIRECT),
        ("https://dss.example/", P, {"no_proxy": ".example"}, DIRECT),
        ("https://dss.example/", P, {"no_proxy": "other"}, P),
        ("http://10.1.2.3/", P, {"no_proxy": "host, 10.0.0.0/8"}, DIRECT),
        ("http://11.1.2.3/", P, {"no_proxy": "10.0.0.0/8,nonsense/x"}, P),
        ("http://localhost:8080/", P, {"http_proxy": P}, DIRECT),
        ("http://127.0.0.1:8080/", None, {"http_proxy": P}, DIRECT),
    ],
)
def test_proxies(
    no_proxies: pytest.MonkeyPatch, url: str, setting: object, variables: dict[str, str], proxy: str | None
) -> None:
    for name, value in variables.items():
        no_proxies.setenv(name, value)
    assert proxy_for(origin_of(url), setting) == proxy  # type: ignore[arg-type]
