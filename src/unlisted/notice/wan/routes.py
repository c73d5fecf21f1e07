"""Who is the router: default routes in the text of /proc/net/route and /proc/net/ipv6_route.

Source: net/ipv4/fib_trie.c (fib_route_seq_show: addresses as integers of the host's own byte order) and
net/ipv6/ip6_fib.c (ipv6_route_native_seq_show: octets in order), Linux 6.12. Both show the main table only.
"""

import sys
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from msgspec import Struct

from unlisted.net import Address

_UP, _GATEWAY, _REJECT = 0x1, 0x2, 0x200  # linux/route.h
MOST = 4096  # lines that are read; a router of the internet has a million


class Route(Struct, frozen=True):
    """A default route; `gateway` is None where the line itself leads out (a modem, a tunnel)."""

    interface: str
    gateway: Address | None
    metric: int
    version: int  # 4 or 6


def read4(text: str, order: Literal["little", "big"] = sys.byteorder) -> list[Route]:
    """Default routes of IPv4, the one in use first. Never raises."""
    found = []
    for line in text.splitlines()[1:MOST]:
        words = line.split()
        if len(words) < 8:
            continue
        destination, gateway, flags, mask = (_number(words[place], 8) for place in (1, 2, 3, 7))
        if destination != 0 or mask != 0 or gateway is None or flags is None or not words[6].isdecimal():
            continue
        if flags & _UP and not flags & _REJECT:
            octets = gateway.to_bytes(4, order)
            router = IPv4Address(octets) if flags & _GATEWAY and gateway else None
            found.append(Route(words[0], router, int(words[6][:10]), 4))
    return sorted(found, key=lambda route: route.metric)


def read6(text: str) -> list[Route]:
    """Default routes of IPv6, the one in use first. Never raises."""
    found = []
    for line in text.splitlines()[:MOST]:
        words = line.split()
        if len(words) < 10 or words[0].strip("0") or words[1] != "00":
            continue
        gateway, metric, flags = _number(words[4], 32), _number(words[5], 8), _number(words[8], 8)
        if gateway is None or metric is None or flags is None:
            continue
        if flags & _UP and not flags & _REJECT and words[9] != "lo":
            router = IPv6Address(gateway) if flags & _GATEWAY and gateway else None
            found.append(Route(words[9], router, metric, 6))
    return sorted(found, key=lambda route: route.metric)


def _number(text: str, most: int) -> int | None:
    """Bare hexadecimal digits, at most so many."""
    if not text.isascii() or not text.isalnum() or len(text) > most:
        return None
    try:
        return int(text, 16)
    except ValueError:
        return None
