"""Addresses as they lie in packets and records: made into the objects that the rest knows, once each."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from unlisted.net import Address


@lru_cache(maxsize=65536)
def address(raw: bytes) -> Address | None:
    """Four or sixteen octets; mapped IPv4 is IPv4. None for any other length."""
    if len(raw) == 4:
        return IPv4Address(raw)
    if len(raw) != 16:
        return None
    six = IPv6Address(raw)
    return six.ipv4_mapped or six


@lru_cache(maxsize=65536)
def card(raw: bytes) -> str:
    """A real card's address: neither all zeros (loopback) nor a group address (first octet odd)."""
    return raw.hex(":") if len(raw) == 6 and any(raw) and not raw[0] & 1 else ""
