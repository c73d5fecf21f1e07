"""Neighbor tables of Windows: `arp -a`, `netsh interface ipv6 show neighbors`, `Get-NetNeighbor`.

Source: Microsoft, "arp", "netsh interface", "Get-NetNeighbor". Sample: tests/samples/arp_windows/.
Snapshots without a time. The last word of `arp -a` is in the system's language. Static entries for groups
and broadcasts belong to nobody. The MAC has hyphens; netsh leaves it out, or writes zeros, where nobody
answered.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.messages import Lease

HINT = ""

_MAC = r"(?:[0-9a-fA-F]{2}-){5}[0-9a-fA-F]{2}"
_ADDRESS = r"[0-9a-fA-F:.]{2,45}(?:%\d{1,6})?"
_ENTRY = re.compile(rf"(?:\d{{1,5}} +|\s+)?({_ADDRESS})\s+({_MAC})\s+\S[^\r\n]{{0,40}}")
_BESIDE = re.compile(
    r"Interface: [0-9.]{7,15} --- 0x[0-9a-f]+\s*$|\s+Internet Address\s+Physical Address\s+Type"
    r"|ifIndex IPAddress +LinkLayerAddress|Internet Address +Physical Address +Type|Interface \d{1,5}: "
)


def parse(line: str, near: float) -> Lease | Other | None:  # noqa: ARG001 - the table has no times
    """Read one line."""
    if not (found := _ENTRY.fullmatch(line.rstrip())):
        return OTHER if _BESIDE.match(line) else None
    address, mac = net.ip(found[1]), card(found[2])
    if address is None:
        return None
    return Lease(address, mac) if mac and not address.is_multicast else OTHER
