"""Where a webhook may go: never to the inside of the network that sends it.

Whoever may set a webhook's URL makes this machine send a request. Without a guard that reaches what only this
machine can reach: its own ports, the database, the cloud's metadata service (server-side request forgery). So

- a URL has one spelling (:func:`read_url`): https, a plain host, no credentials, a port that web servers have;
- its host is resolved here, and every address that it has must be public (:func:`refusal`);
- the request goes to the very addresses that were checked (:class:`Receiver`), so that a name which answers
  differently the next time (DNS rebinding) gains nothing.

The operator can allow networks besides (``POOLPROOF_WEBHOOK_NETWORKS``), for receivers on the premises: there
also http and any port are in order. What is never an address of a receiver stays refused even then.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final
from urllib.parse import urlsplit

from ledger.errors import RefusedError, UnavailableError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
#: Host and port to the addresses of the host, as texts; raises :class:`OSError`.
Resolver = Callable[[str, int], Sequence[str]]

MAX_URL: Final = 2_048
#: What public web servers listen on. Others are asked for by those who look for a database or a mail server.
PUBLIC_PORTS: Final = frozenset({443, 8443})
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}

#: Labels of a DNS name; the underscore is not of a host's name, but some have it.
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII).fullmatch
#: A last label that the readers of addresses take for a number: 127.1, 2130706433, 0x7f.1, 017700000001.
_NUMBER = re.compile(r"([0-9]+|0x[0-9a-f]*)", re.ASCII).fullmatch
_VISIBLE = re.compile(r"[!-~]+", re.ASCII).fullmatch

#: Not an address of a receiver in any network.
_NEVER: Final[tuple[tuple[str, str], ...]] = (
    ("0.0.0.0/8", "means this host"),
    ("169.254.0.0/16", "is link-local, where clouds keep their metadata service"),
    ("168.63.129.16/32", "is a cloud's own service"),
    ("100.100.100.200/32", "is a cloud's metadata service"),
    ("224.0.0.0/4", "is multicast"),
    ("255.255.255.255/32", "is broadcast"),
    ("::/128", "means this host"),
    ("fe80::/10", "is link-local"),
    ("fd00:ec2::254/128", "is a cloud's metadata service"),
    ("ff00::/8", "is multicast"),
)

#: Special-purpose addresses of IPv4, after the IANA registry. IPv6 is the other way round: see below.
_INTERNAL: Final[tuple[tuple[str, str], ...]] = (
    ("10.0.0.0/8", "is private"),
    ("100.64.0.0/10", "is shared by a provider's customers (CGNAT)"),
    ("127.0.0.0/8", "is loopback"),
    ("172.16.0.0/12", "is private"),
    ("192.0.0.0/24", "is reserved"),
    ("192.0.2.0/24", "is for documentation"),
    ("192.31.196.0/24", "is reserved"),
    ("192.52.193.0/24", "is reserved"),
    ("192.88.99.0/24", "is a 6to4 relay"),
    ("192.168.0.0/16", "is private"),
    ("192.175.48.0/24", "is reserved"),
    ("198.18.0.0/15", "is for benchmarks"),
    ("198.51.100.0/24", "is for documentation"),
    ("203.0.113.0/24", "is for documentation"),
    ("240.0.0.0/4", "is reserved"),
    ("::1/128", "is loopback"),
    ("fc00::/7", "is private"),
    ("fec0::/10", "is private"),
    ("2001::/23", "is reserved"),
    ("2001:db8::/32", "is for documentation"),
    ("2620:4f:8000::/48", "is reserved"),
    ("3fff::/20", "is for documentation"),
)
#: Of IPv6 only this part has been given out as global unicast addresses.
_GLOBAL_V6: Final = IPv6Network("2000::/3")
#: IPv6 addresses that carry an IPv4 address, and by how many bits it stands from the right: judged by what they carry.
_CARRIERS: Final[tuple[tuple[IPv6Network, int], ...]] = (
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # IPv4-translated
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)

_never: list[tuple[Network, str]] = [(ip_network(network), reason) for network, reason in _NEVER]
_internal: list[tuple[Network, str]] = [(ip_network(network), reason) for network, reason in _INTERNAL]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A webhook's URL, read: ``host`` is a DNS name in small letters or an address, ``target`` path and query."""

    url: str
    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """What the ``Host`` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A place with its addresses, each of which was checked; the request goes to one of these."""

    place: Place
    addresses: tuple[Address, ...]


def read_url(url: str) -> Place:
    """Read a URL that is spelt the one way in which nothing can be hidden. Raises :class:`RefusedError`."""
    if len(url) > MAX_URL:
        raise _refused(f"longer than {MAX_URL} characters")
    if not _VISIBLE(url) or "\\" in url:
        raise _refused("ASCII without spaces, control characters and backslashes is wanted; encode the rest")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused(str(error)) from error
    if parts.scheme not in _DEFAULT_PORTS or not url.startswith(f"{parts.scheme}://"):
        raise _refused("it begins with https://")
    if "@" in parts.netloc:
        raise _refused("a user name or a password has no place in it; messages are signed")
    if "#" in url:
        raise _refused("a fragment is never sent; leave it out")
    host = _host(parts.netloc)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    return Place(url=url, scheme=parts.scheme, host=host, port=port, target=target)


def _host(netloc: str) -> str:
    """The host of ``host``, ``host:port``, ``[address]`` or ``[address]:port``."""
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](:[0-9]{1,5})?", netloc, re.ASCII)
    try:
        if bracketed is not None:
            return str(IPv6Address(bracketed[1]))
        plain = re.fullmatch(r"([^:\[\]]+)(:[0-9]{1,5})?", netloc, re.ASCII)
        if plain is None:
            raise _refused("it names a host, such as https://receiver.example/poolproof")
        host = plain[1].lower()
        labels = host.split(".")
        if not _NUMBER(labels[-1]):
            if len(host) > 253 or not all(_LABEL(label) for label in labels):
                raise _refused(f'"{host}" is no name of a host, without a dot at its end')
            return host
        return str(IPv4Address(host))
    except ValueError as error:
        raise _refused(
            "an address has its usual spelling: four decimal numbers, or IPv6 in brackets"
        ) from error


def resolve(host: str, port: int) -> list[str]:
    """The addresses that this machine's resolver gives for a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Guard:
    """Finds the receiver of a URL. ``networks`` are allowed besides public addresses."""

    def __init__(self, networks: Sequence[Network] = (), *, resolver: Resolver = resolve) -> None:
        self._networks = tuple(networks)
        self._resolver = resolver

    def receiver(self, url: str) -> Receiver:
        """Read, resolve and check.

        Raises :class:`RefusedError` for a place that webhooks do not go to, and :class:`UnavailableError` where
        the name has no address now.
        """
        place = read_url(url)
        found = self._addresses(place)
        for address in found:
            reason = refusal(address, self._networks)
            if reason is not None:
                # The address itself is not said: our resolver's answers are of the inside too.
                raise RefusedError(
                    "url", f"{place.host} leads to an address that {reason}", rule="internal_address"
                )
        if not all(_within(address, self._networks) for address in found):
            _check_public(place)
        return Receiver(place, found)

    def _addresses(self, place: Place) -> tuple[Address, ...]:
        try:
            return (ip_address(place.host),)
        except ValueError:
            pass
        try:
            texts = self._resolver(place.host, place.port)
        except (OSError, UnicodeError) as error:
            raise UnavailableError(f"{place.host} does not resolve: {error}") from error
        if not texts:
            raise UnavailableError(f"{place.host} has no address")
        return tuple(ip_address(text) for text in texts)


def refusal(address: Address, networks: Sequence[Network] = ()) -> str | None:
    """Why nothing is sent to this address; None where it may be. ``networks`` are allowed besides."""
    carried = _carried(address)
    never = _reason(address, _never)
    if never is None and carried is not None:
        never = _reason(carried, _never)
    if never or _within(address, networks):
        return never
    if carried is not None:
        return _reason(carried, _internal)
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        return _reason(address, _internal) or "is no global address"
    return _reason(address, _internal)


def _reason(address: Address, table: Sequence[tuple[Network, str]]) -> str | None:
    return next((reason for network, reason in table if address in network), None)


def _carried(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address carries."""
    if isinstance(address, IPv6Address):
        for network, shift in _CARRIERS:
            if address in network:
                return IPv4Address(int(address) >> shift & 0xFFFF_FFFF)
    return None


def _within(address: Address, networks: Sequence[Network]) -> bool:
    carried = _carried(address)
    return any(address in network or (carried is not None and carried in network) for network in networks)


def _check_public(place: Place) -> None:
    if place.scheme != "https":
        raise _refused("it begins with https://: what is sent is not for others on the way")
    if place.port not in PUBLIC_PORTS:
        ports = " or ".join(str(port) for port in sorted(PUBLIC_PORTS))
        raise _refused(f"port {place.port} is none that webhooks go to; it is {ports}")


def _refused(reason: str) -> RefusedError:
    return RefusedError("url", reason, rule="wrong_url")
