"""arpwatch's table, arp.dat: each pair of a MAC and an address, and when it was last seen.

Source: arpwatch 2.1a15 (Debian), file.c, arpwatch(8). Sample: tests/samples/arpwatch_dat/.
`3c:5a:b4:12:34:56<tab>192.168.50.23<tab>1795441708<tab>pc<tab>lan0`, the name and the interface at times
left out. Octets of a MAC have no leading zeros. The time is of the last packet: when the pair began is not
told.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.leases._client import named
from unlisted.messages import Lease

HINT = "\t"

_PAIR = re.compile(
    r"((?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2})\t([0-9.]{7,15})\t(\d{9,10})(?:\t([\w.-]{0,255}))?(?:\t\S{0,32})?\s*"
)


def parse(line: str, near: float) -> Lease | Other | None:  # noqa: ARG001 - times are absolute
    """Read one line."""
    if not (found := _PAIR.fullmatch(line)):
        return None
    address, mac = net.ip(found[2]), card(found[1])
    if address is None:
        return None
    return Lease(address, mac, named(found[4]), end=float(found[3])) if mac else OTHER
