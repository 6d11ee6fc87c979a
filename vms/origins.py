"""Who counts as one at the network: an IPv4 address, or the /64 network of an IPv6 address. Source: RFC 4291 section 2.5, RFC 6177."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_STRANGERS_NET: Final = 64
"""Bits of an IPv6 address that tell households apart: one has 2**64 addresses of its own."""


def address_of(host: str) -> IPv4Address | IPv6Address:
    """Return the address of a peer: without zone, and an IPv4 address that came over IPv6 as what it is.

    Raises:
        ValueError: it is none.
    """
    found = ip_address(host.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def counted_as(host: str) -> str:
    """Return what a peer is counted under, where limits are per address; of what is no address, itself."""
    try:
        found = address_of(host)
    except ValueError:
        return host
    return str(ip_network((found, _STRANGERS_NET), strict=False) if isinstance(found, IPv6Address) else found)
