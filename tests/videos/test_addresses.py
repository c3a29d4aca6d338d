"""Which addresses are public, in all the forms they can be written in."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from videos.addresses import permitted, read_networks, read_ports

PUBLIC_4 = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1"]
PRIVATE_4 = {
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "private": "10.1.2.3",
    "also private": "172.31.255.255",
    "private at home": "192.168.0.1",
    "loopback": "127.0.0.1",
    "loopback, the other end": "127.255.255.254",
    "link-local": "169.254.1.1",
    "metadata": "169.254.169.254",
    "metadata of Alibaba": "100.100.100.200",
    "metadata of Azure": "168.63.129.16",
    "metadata of Oracle": "192.0.0.192",
    "behind a carrier's NAT": "100.64.0.1",
    "documentation": "203.0.113.9",
    "benchmarks": "198.19.0.1",
    "6to4 relay": "192.88.99.1",
    "multicast": "224.0.0.1",
    "multicast to the world": "239.255.255.250",
    "reserved": "250.0.0.1",
    "broadcast": "255.255.255.255",
}
PRIVATE_6 = {
    "unspecified": "::",
    "loopback": "::1",
    "link-local": "fe80::1",
    "link-local with a zone": "fe80::1%eth0",
    "public with a zone": "2606:4700::1111%1",
    "site-local of old": "fec0::1",
    "unique local": "fd12:3456::1",
    "metadata of AWS": "fd00:ec2::254",
    "metadata of Google": "fd20:ce::254",
    "multicast": "ff02::1",
    "multicast to the world": "ff0e::1",
    "documentation": "2001:db8::1",
    "new documentation": "3fff::1",
    "discard": "100::1",
    "ORCHID": "2001:20::1",
    "local NAT64": "64:ff9b:1::7f00:1",
}


@pytest.mark.parametrize("address", [*PUBLIC_4, "2606:4700:4700::1111", "2a00:1450:4001::200e"])
def test_an_address_of_a_host_on_the_internet_is_permitted(address: str) -> None:
    assert permitted(address, ())


@pytest.mark.parametrize("address", PRIVATE_4.values(), ids=PRIVATE_4)
def test_no_other_ipv4_address_is_in_whatever_ipv6_wraps_it(address: str) -> None:
    number = int(IPv4Address(address))
    wrapped = {
        "plain": address,
        "mapped": f"::ffff:{address}",
        "compatible": str(IPv6Address(number)),
        "NAT64": f"64:ff9b::{address}",
        "6to4": str(IPv6Address(0x2002 << 112 | number << 80 | 1)),
        "Teredo, the server": str(IPv6Address(0x20010000 << 96 | number << 64)),
        "Teredo, the client": str(IPv6Address(0x20010000 << 96 | number ^ 0xFFFFFFFF)),
        "ISATAP": f"2606:4700::5efe:{address}",
        "ISATAP, unique": f"2606:4700::200:5efe:{address}",
    }
    for form, text in wrapped.items():
        assert not permitted(text, ()), form


@pytest.mark.parametrize("address", PRIVATE_6.values(), ids=PRIVATE_6)
def test_no_other_ipv6_address_is(address: str) -> None:
    assert not permitted(address, ())


def test_a_public_ipv4_address_behind_nat64_or_mapped_is_permitted() -> None:
    assert permitted("64:ff9b::8.8.8.8", ())
    assert permitted("::ffff:8.8.8.8", ())


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "1.2.3"])
def test_what_is_no_whole_address_is_none(text: str) -> None:
    assert not permitted(text, ())


def test_an_operator_may_permit_networks_inside() -> None:
    allowed = read_networks(["10.1.0.0/16", "fd12::/64"])

    assert permitted("10.1.2.3", allowed)
    assert permitted("::ffff:10.1.2.3", allowed)
    assert permitted("fd12::9", allowed)
    assert not permitted("10.2.0.1", allowed)
    assert not permitted("fd12:0:0:1::9", allowed)


def test_ports_are_single_or_from_to() -> None:
    assert read_ports(["80", "8000-8002"]) == (range(80, 81), range(8000, 8003))


@pytest.mark.parametrize("text", ["", "http", "0", "65536", "9-8", "80-", "-80", "1-2-3", "８０"])
def test_other_ports_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_ports([text])
