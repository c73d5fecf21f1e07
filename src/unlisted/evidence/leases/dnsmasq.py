"""dnsmasq's lease file: `expiry mac address host client-id`, one line a lease.

Source: dnsmasq 2.90, src/lease.c (lease_update_file) and dnsmasq(8). Sample: tests/samples/dnsmasq/.

Surprises: expiry 0 means for ever. After a line `duid …` the leases are DHCPv6: the second word is
the IAID (`T` before it: temporary), the last the client's DUID, which may hold its MAC. `*` is no
name. The MAC may carry a hardware type in front (`06-`). On routers without a clock the first word
is a length, not a date. The file says when a lease ends and never when it began.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.leases._client import duid_mac
from unlisted.messages import Lease

HINT = " "

_LEASE = re.compile(r"(\d{1,12}) (\S{1,64}) ([0-9a-fA-F.:\[\]]{2,45}) (\S{1,255}) (\S{1,600})\s*")
_MAC = re.compile(r"(?:[0-9a-fA-F]{2}-)?((?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2})")
_DUID = re.compile(r"duid (?:[0-9a-fA-F]{2}:)+[0-9a-fA-F]{2}\s*")
DATE = 10**9  # seconds; a smaller first word is a length (HAVE_BROKEN_RTC)


def parse(line: str, near: float) -> Lease | Other | None:  # noqa: ARG001 - expiries are absolute
    """Read one line."""
    if not (m := _LEASE.fullmatch(line)):
        return OTHER if _DUID.fullmatch(line) else None
    address = net.ip(m[3])
    if address is None:
        return None
    if hardware := _MAC.fullmatch(m[2]):
        mac = hardware[1].lower()
    elif address.version == 6 and m[2].lstrip("T").isdecimal():
        mac = duid_mac(m[5])
    else:
        return None
    expiry = int(m[1])
    return Lease(
        address=address,
        mac=mac,
        hostname="" if m[4] == "*" else m[4],
        client_id="" if m[5] == "*" else m[5].lower(),
        end=float(expiry) if expiry >= DATE else None,
    )
