"""odhcpd's lease file on OpenWrt (/tmp/hosts/odhcpd or /tmp/odhcpd.leases), IPv6 and IPv4.

Source: odhcpd 2023-10, src/dhcpv6-ia.c (dhcpv6_ia_write_statefile); README, "leasefile". Sample:
tests/samples/odhcpd/. `# br-lan 00010001… 3f1a2b4c pc 1795484905 a1 128 2001:db8::a1/128`: interface, DUID,
IAID, name, end, assigned, length, addresses; for IPv4 the second word is the MAC, the third `ipv4`.

Surprises: the lines begin like comments, the file doubles as a hosts file. -1 is for ever. `-` is no name.
A length below 128 is a prefix that was handed on. On OpenWrt dnsmasq serves IPv4 by default: another file.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.leases._client import colons, duid_mac, named
from unlisted.messages import Lease

HINT = "# "

_LEASE = re.compile(
    r"# (\S{1,32}) ([0-9a-fA-F]{12,260}) (ipv4|[0-9a-fA-F]{1,8}) (\S{1,260}) (-?\d{1,11}) [0-9a-fA-F]{1,10} "
    r"(\d{1,3}) ((?:[0-9a-fA-F:.]{2,45}/\d{1,3} ?){0,40})\s*"
)
_DATE = 10**9  # seconds; a smaller end counts from boot


def parse(line: str, near: float) -> tuple[Lease, ...] | Other | None:  # noqa: ARG001 - ends are absolute
    """Read one line: a lease of each of its addresses."""
    if not (found := _LEASE.fullmatch(line)):
        return None
    client_id = colons(found[2])
    four = found[3] == "ipv4"
    mac = card(client_id) if four else duid_mac(client_id)
    length = int(found[6])
    if not mac or length != (32 if four else 128):
        return OTHER
    end = float(found[5]) if int(found[5]) >= _DATE else None
    addresses = [net.ip(text.partition("/")[0]) for text in found[7].split()]
    name = named(found[4].removeprefix("broken\\x20"))
    made = tuple(
        Lease(address, mac, name, "" if four else client_id, end=end) for address in addresses if address
    )
    return made or OTHER
