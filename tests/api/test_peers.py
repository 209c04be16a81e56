"""Where a request comes from, with and without proxies of our own."""

from __future__ import annotations

import base64
import hashlib
from ipaddress import ip_address

import pytest
from starlette.requests import Request

from api.peers import Peers
from ledger.errors import ConfigurationError
from ledger.settings import networks

PROXIES = networks("10.0.0.0/8, 2001:db8::/32", "trusted")


def request(client: str | None, *headers: tuple[str, str], scheme: str = "http") -> Request:
    scope = {
        "type": "http", "method": "GET", "scheme": scheme, "path": "/", "query_string": b"", "server": ("h", 80),
        "client": None if client is None else (client, 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }  # fmt: skip
    return Request(scope)


@pytest.mark.parametrize(
    ("client", "forwarded", "want"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),  # a stranger's header says nothing
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),  # the client wrote the first one itself
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["2001:db9::1"], "2001:db9::1"),
        ("10.0.0.1", ["nonsense"], None),
        ("testclient", [], None),
        (None, [], None),
    ],
)
def test_the_address_is_told_by_the_last_proxy_of_ours(
    client: str | None, forwarded: list[str], want: str | None
) -> None:
    told = Peers(PROXIES).address(request(client, *(("x-forwarded-for", one) for one in forwarded)))
    assert told == (None if want is None else ip_address(want))


def test_a_certificate_is_told_by_a_proxy_of_ours_alone() -> None:
    header = ("client-cert", f":{base64.b64encode(b'DER').decode()}:")
    want = hashlib.sha256(b"DER").digest()
    assert Peers(PROXIES).certificate(request("10.0.0.1", header)) == want
    assert Peers(PROXIES).certificate(request("192.0.2.1", header)) is None
    assert Peers().certificate(request("10.0.0.1", header)) is None
    assert Peers(PROXIES).certificate(request("10.0.0.1", header, header)) is None
    for value in ("", "::", ":", ":***:", "REVS"):
        assert Peers(PROXIES).certificate(request("10.0.0.1", ("client-cert", value))) is None


def test_the_scheme_is_the_clients_own() -> None:
    https = ("x-forwarded-proto", "https")
    assert Peers(PROXIES).secure(request("10.0.0.1", https))
    assert not Peers(PROXIES).secure(request("192.0.2.1", https))
    assert Peers().secure(request("192.0.2.1", scheme="https"))


def test_networks_are_named_when_they_are_none() -> None:
    with pytest.raises(ConfigurationError, match=r"trusted: .*10\.0\.0\.1/8"):
        networks("10.0.0.1/8", "trusted")


@pytest.mark.parametrize(
    ("client", "name"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db9:1:2:3:4:5:6", "2001:db9:1:2::/64"),
        ("2001:db9:1:2::", "2001:db9:1:2::/64"),
        ("2001:db9:1:3::", "2001:db9:1:3::/64"),
        ("testclient", ""),
        (None, ""),
    ],
)
def test_requests_are_counted_by_address_or_by_network(client: str | None, name: str) -> None:
    assert Peers().counted(request(client)) == name
