from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import RefusedError, UnavailableError
from ledger.webhooks.guard import Guard, read_url, refusal

PUBLIC = "93.184.216.34"
PRIVATE = [ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]


def answering(*addresses: str) -> Guard:
    """A guard whose resolver knows one answer."""
    return Guard(resolver=lambda _host, _port: addresses)


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("https://hooks.example", "hooks.example", 443, "/", "hooks.example"),
        ("https://Hooks.Example/A?b=c/../d", "hooks.example", 443, "/A?b=c/../d", "hooks.example"),
        ("https://hooks.example:8443/a", "hooks.example", 8443, "/a", "hooks.example:8443"),
        ("https://hooks.example?x", "hooks.example", 443, "/?x", "hooks.example"),
        ("https://xn--fiq228c.example/", "xn--fiq228c.example", 443, "/", "xn--fiq228c.example"),
        ("https://93.184.216.34/", PUBLIC, 443, "/", PUBLIC),
        ("https://[2606:2800:220:1::1]:8443/", "2606:2800:220:1::1", 8443, "/", "[2606:2800:220:1::1]:8443"),
        ("http://receiver:8080/", "receiver", 8080, "/", "receiver:8080"),
    ],
)
def test_a_url_is_read(url: str, host: str, port: int, target: str, authority: str) -> None:
    place = read_url(url)
    assert (place.host, place.port, place.target, place.authority) == (host, port, target, authority)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "//hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "gopher://hooks.example/",
        "HTTPS://hooks.example/",
        "https:hooks.example/",
        "https:///path",
        "https://",
        "https://user@hooks.example/",
        "https://user:secret@hooks.example/",
        "https://hooks.example@127.0.0.1/",
        "https://hooks.example#@127.0.0.1/",
        "https://hooks.example/#part",
        "https://hooks.example/ path",
        "https://hooks.example/\r\nX-Header: 1",
        "https://hooks.example/\t",
        "https://hooks.example\\@127.0.0.1/",
        "https://hooks.example:/",
        "https://hooks.example:99999/",
        "https://hooks.example:-1/",
        "https://hooks.example:443:443/",
        "https://ｈooks.example/",
        "https://①②⑦.0.0.1/",
        "https://%6cocalhost/",
        "https://hooks..example/",
        "https://.example/",
        "https://hooks.example./",
        "https://-hooks.example/",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 127 + "example/",
        "https://hooks.example/" + "a" * 2_048,
        "https://[::1/",
        "https://::1/",
        "https://[fe80::1%25eth0]/",
        "https://[127.0.0.1]/",
        "https://[hooks.example]/",
    ],
)
def test_no_other_spelling_is_read(url: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read_url(url)
    assert (refused.value.field, refused.value.rule) == ("url", "wrong_url")


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",  # 127.0.0.1 as one number
        "017700000001",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.01",
        "127.1",
        "127.0.1",
        "1.2.3.4.5",
        "256.0.0.1",
        "127.0.0.1.",
        "127.0.0.0x1",
        "hooks.example.1",
        "0",
    ],
)
def test_an_address_has_one_spelling(host: str) -> None:
    with pytest.raises(RefusedError):
        read_url(f"https://{host}/")


INTERNAL = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",  # Teredo
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2002:c0a8:101::1",
    "3fff::1",
    "4000::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", INTERNAL)
def test_nothing_is_sent_to_the_inside(address: str) -> None:
    with pytest.raises(RefusedError) as refused:
        answering(address).receiver("https://hooks.example/")
    assert refused.value.rule == "internal_address"
    with pytest.raises(RefusedError):  # nor where a public one stands beside it
        answering(PUBLIC, address).receiver("https://hooks.example/")
    if "%" not in address:
        host = f"[{address}]" if ":" in address else address
        with pytest.raises(RefusedError):
            Guard().receiver(f"https://{host}/")


@pytest.mark.parametrize(
    "address",
    [
        PUBLIC,
        "1.1.1.1",
        "172.32.0.1",
        "100.128.0.1",
        "2606:2800:220:1::1",
        "::ffff:93.184.216.34",
        "64:ff9b::5db8:d822",  # the public one behind NAT64
        "2002:5db8:d822::1",
    ],
)
def test_public_addresses_are_reached(address: str) -> None:
    receiver = answering(address).receiver("https://hooks.example/")
    assert receiver.addresses == (ip_address(address),)


@given(st.ip_addresses(v=4))
def test_of_ipv4_nothing_is_reached_that_is_not_global(address: IPv4Address) -> None:
    if not address.is_global or address.is_multicast:
        assert refusal(address) is not None
    for carrier in (0xFFFF << 32, 0x0064_FF9B << 96):
        assert refusal(IPv6Address(carrier | int(address))) == refusal(address)
    assert refusal(IPv6Address(0x2002 << 112 | int(address) << 80)) == refusal(address)


@given(st.ip_addresses(v=6))
def test_of_ipv6_nothing_is_reached_that_is_not_global(address: IPv6Address) -> None:
    if not address.is_global or address.is_multicast:
        assert refusal(address) is not None


@pytest.mark.parametrize("port", [0, 22, 25, 80, 3306, 5432, 6379, 8080, 9200, 11211])
def test_a_public_receiver_has_a_port_of_the_web(port: int) -> None:
    with pytest.raises(RefusedError, match=f"port {port} "):
        answering(PUBLIC).receiver(f"https://hooks.example:{port}/")


def test_a_public_receiver_is_reached_by_https_only() -> None:
    with pytest.raises(RefusedError, match="https"):
        answering(PUBLIC).receiver("http://hooks.example/")


def test_the_operator_can_allow_a_network() -> None:
    guard = Guard(
        PRIVATE, resolver=lambda host, _port: {"erp": ["10.1.2.3"], "both": ["10.1.2.3", PUBLIC]}[host]
    )
    assert guard.receiver("http://erp:9000/in").addresses == (ip_address("10.1.2.3"),)
    assert guard.receiver("https://[::ffff:10.1.2.3]/").addresses == (ip_address("::ffff:10.1.2.3"),)
    with pytest.raises(RefusedError):
        guard.receiver("https://127.0.0.1/")
    with pytest.raises(RefusedError, match="https"):  # some of it is public
        guard.receiver("http://both:9000/")


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "169.254.169.254", "224.0.0.1", "::", "fe80::1", "ff02::1", "::ffff:169.254.169.254"],
)
def test_some_addresses_are_never_reached(address: str) -> None:
    everything = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    assert refusal(ip_address(address), everything) is not None


def test_a_name_that_does_not_resolve_may_do_so_later() -> None:
    def unknown(_host: str, _port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    with pytest.raises(UnavailableError, match=r"hooks\.example does not resolve"):
        Guard(resolver=unknown).receiver("https://hooks.example/")
    with pytest.raises(UnavailableError, match="no address"):
        answering().receiver("https://hooks.example/")


def test_this_machine_resolves_itself_and_refuses() -> None:
    with pytest.raises(RefusedError, match="loopback"):
        Guard().receiver("https://localhost/")
