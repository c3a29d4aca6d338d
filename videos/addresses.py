"""Which network addresses are public: no Django, no sockets.

Written out, because what Python's `is_global` says changes with its version and leaves out forms of
IPv6 that carry an IPv4 address. Sources: IANA's registries of special-purpose addresses (RFC 6890
and its successors), RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo), RFC 5214 (ISATAP).
"""

import re
from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOT_PUBLIC_4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host, this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind a carrier's NAT; Alibaba's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's metadata and agent, a public address in form only
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# All that is handed out; loopback, unspecified, unique local (fd00::/8, with the metadata of some
# clouds), link-local and multicast lie outside.
PUBLIC_6: Final = IPv6Network("2000::/3")
NOT_PUBLIC_6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3ffe::/16",  # the 6bone that was
        "3fff::/20",  # documentation
    )
)
NAT64: Final = IPv6Network("64:ff9b::/96")
# The third quarter of an ISATAP address; the last one is the IPv4 address behind the tunnel.
ISATAP: Final = (0x00005EFE, 0x02005EFE)
PORTS: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def read_address(text: str) -> Address:
    """The address as it is judged: one that IPv6 only wraps (mapped, NAT64) without its wrapping.

    Raises ValueError for what is no address, also for one with a zone.
    """
    address = ip_address(text)
    if isinstance(address, IPv4Address):
        return address
    if address.scope_id is not None:
        raise ValueError(f"{text} has a zone")
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else address


def is_public(address: Address) -> bool:
    """Whether the address belongs to one host anywhere on the internet; of `read_address`."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_4)
    isatap = (int(address) >> 32 & 0xFFFFFFFF) in ISATAP
    special = isatap or any(address in network for network in NOT_PUBLIC_6)
    return address in PUBLIC_6 and not special


def permitted(text: str, allowed: Iterable[Network]) -> bool:
    """Whether to connect to the address: it is public, or in one of the networks."""
    try:
        address = read_address(text)
    except ValueError:
        return False
    return is_public(address) or any(address in network for network in allowed)


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks as `10.1.0.0/16`; raises ValueError."""
    return tuple(ip_network(text) for text in texts)


def read_ports(texts: Iterable[str]) -> tuple[range, ...]:
    """Ports as `80` and `8000-8999`; raises ValueError."""
    found = []
    for text in texts:
        told = PORTS.fullmatch(text)
        if told is None:
            raise ValueError(f"{text!r} is no port and no range of ports like 8000-8999")
        span = range(int(told[1]), int(told[2] or told[1]) + 1)
        if not span or span.start < 1 or span.stop > 65536:
            raise ValueError(f"{text!r} is outside 1-65535")
        found.append(span)
    return tuple(found)
