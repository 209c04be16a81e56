"""Where a request comes from: the client's address, and its certificate.

Both are told by the connection, or by a proxy of our own in front. A header says nothing unless the connection comes
from a network of ``trusted_proxies``: anybody can write one. ``X-Forwarded-For`` is read from its end, over as many
trusted proxies as there are; ``Client-Cert`` is that of `RFC 9440 <https://www.rfc-editor.org/rfc/rfc9440>`_, the
certificate in DER that the proxy has checked and that the client proved to hold.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from ledger.settings import Network

Address = IPv4Address | IPv6Address
#: What a household or a machine is given: https://www.rfc-editor.org/rfc/rfc6177
_IPV6_SITE: Final = 64


class Peers:
    """Reads where requests come from, with these proxies in front."""

    def __init__(self, trusted_proxies: Sequence[Network] = ()) -> None:
        self._trusted = tuple(trusted_proxies)

    def address(self, request: HTTPConnection) -> Address | None:
        """The client's address; None where it cannot be told."""
        here = _address(request.client.host if request.client else "")
        hops = [hop for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
        while hops and self._is_proxy(here):
            here = _address(hops.pop().strip())
        return here

    def counted(self, request: HTTPConnection) -> str:
        """The name under which a client's requests are counted; empty, and so not counted, where it cannot be told.

        Of IPv6 that is the /64 in which the address lies: who has one address there has all of them.
        """
        address = self.address(request)
        if isinstance(address, IPv6Address):
            return str(ip_network((address, _IPV6_SITE), strict=False))
        return str(address or "")

    def certificate(self, request: HTTPConnection) -> bytes | None:
        """SHA-256 of the client's certificate, as a trusted proxy tells it."""
        told = request.headers.getlist("client-cert")
        if len(told) != 1 or not self._through_proxy(request):
            return None
        value = told[0].strip()
        if not (len(value) > 2 and value.startswith(":") and value.endswith(":")):
            return None
        try:
            return hashlib.sha256(base64.b64decode(value[1:-1], validate=True)).digest()
        except binascii.Error:
            return None

    def allowed(self, request: HTTPConnection, where: Sequence[Network], certificate: bytes | None) -> bool:
        """Whether a request comes from one of the networks, where there are any, and with the certificate."""
        address = self.address(request)
        if where and (address is None or not within(address, where)):
            return False
        return certificate is None or self.certificate(request) == certificate

    def secure(self, request: HTTPConnection) -> bool:
        """Whether the client's own connection is encrypted."""
        if self._through_proxy(request):
            return request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
        return request.url.scheme == "https"

    def _through_proxy(self, request: HTTPConnection) -> bool:
        return self._is_proxy(_address(request.client.host if request.client else ""))

    def _is_proxy(self, address: Address | None) -> bool:
        return address is not None and within(address, self._trusted)


def within(address: Address, networks: Sequence[Network]) -> bool:
    """Whether an address lies in one of the networks."""
    return any(address in network for network in networks)


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    # A socket that listens on both families tells IPv4 clients in the IPv6 form.
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
