"""Addresses: made once, compared cheaply, sorted into inside and outside.

`ipaddress` counts the documentation ranges as private, so `is_private` cannot tell who is inside;
`INSIDE` lists the ranges that a home or an office really uses.
"""

from abc import ABCMeta
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Address: TypeAlias = IPv4Address | IPv6Address
    Network: TypeAlias = IPv4Network | IPv6Network
else:
    # msgspec decodes a field into one custom type, not into a union of two: one name covers both.
    class Address(metaclass=ABCMeta):
        """An IPv4 or IPv6 address."""

    class Network(metaclass=ABCMeta):
        """An IPv4 or IPv6 network."""

    Address.register(IPv4Address)
    Address.register(IPv6Address)
    Network.register(IPv4Network)
    Network.register(IPv6Network)

# Nobody on the internet has these: RFC 6890 and the registries of special addresses that it began.
NOBODY: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(text), what)
    for text, what in (
        ("0.0.0.0/8", "stands for no address"),
        ("127.0.0.0/8", "is this machine itself (loopback)"),
        ("224.0.0.0/4", "is a group of listeners (multicast)"),
        ("240.0.0.0/4", "was never given to anybody"),
        ("::/128", "stands for no address"),
        ("::1/128", "is this machine itself (loopback)"),
        ("ff00::/8", "is a group of listeners (multicast)"),
    )
)
# For books, tests and laboratories only: RFC 5737, RFC 2544, RFC 3849, RFC 9637, RFC 6666.
EXAMPLES: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "198.18.0.0/15",
        "2001:db8::/32",
        "3fff::/20",
        "100::/64",
    )
)

NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1

MAIL_PORTS = (25, 465, 587)  # RFC 5321 §4.5.4.2, RFC 8314 §3.3, RFC 6409 §3.1

INSIDE: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",  # RFC 1918
        "172.16.0.0/12",  # RFC 1918
        "192.168.0.0/16",  # RFC 1918
        "100.64.0.0/10",  # RFC 6598, behind a provider's NAT
        "169.254.0.0/16",  # RFC 3927
        "fc00::/7",  # RFC 4193
        "fe80::/10",  # RFC 4291 §2.5.6
    )
)


_OCTETS = {str(number): number for number in range(256)}  # as they are spelled, without zeros in front


@lru_cache(maxsize=65536)
def ip(text: str) -> Address | None:
    """The address that `text` spells, or None. Brackets and zone ids are taken off; mapped IPv4 is IPv4."""
    try:
        one, two, three, four = text.split(".")  # a third of the time that `ipaddress` takes
        return IPv4Address(_OCTETS[one] << 24 | _OCTETS[two] << 16 | _OCTETS[three] << 8 | _OCTETS[four])
    except (ValueError, KeyError):
        pass
    try:
        address = ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def embedded(address: Address) -> Address | None:
    """The IPv4 address that an IPv6 address stands for, by 6to4 (RFC 3056) or NAT64 (RFC 6052); or None."""
    if not isinstance(address, IPv6Address):
        return None
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour


def network(text: str) -> Network | None:
    """The network that `text` spells (host bits allowed), or None."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def within(address: Address, networks: tuple[Network, ...]) -> bool:
    """True when one of `networks` holds `address`; families never match each other."""
    return any(address.version == net.version and address in net for net in networks)


@lru_cache(maxsize=65536)
def inside(address: Address, networks: tuple[Network, ...] = INSIDE) -> bool:
    """True for an address of the own network (by default: the private ranges)."""
    return within(address, networks)


def prefix(address: Address) -> int:
    """The destination prefix as one 63-bit integer: the /24 of IPv4, the /48 of IPv6.

    A spammer's targets differ by prefix; a mail service's own servers mostly do not.
    """
    if isinstance(address, IPv4Address):
        return int(address) >> 8
    return 1 << 62 | int(address) >> 80


def mac(text: str) -> str:
    """A MAC address in lower case with colons; "" when `text` is none. Reads -, :, . and bare hex."""
    digits = text.strip().lower().replace(":", "").replace("-", "").replace(".", "")
    if len(digits) != 12 or not all(c in "0123456789abcdef" for c in digits):
        return ""
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def label(text: str) -> bool:
    """True when `text` can stand between two dots of a host's name (RFC 1035 §2.3.4), or with `_`."""
    plain = text.replace("-", "").replace("_", "")
    return 0 < len(text) <= 63 and text.isascii() and plain.isalnum() and "-" not in (text[0], text[-1])


def random_mac(address: str) -> bool:
    """True when the MAC was made up by software: the locally administered bit (IEEE 802, bit 0x02).

    Virtual machines set it too (`find/vendor.py` names those that are known), so it hints at a phone.
    """
    return len(address) == 17 and bool(int(address[:2], 16) & 0x02)
