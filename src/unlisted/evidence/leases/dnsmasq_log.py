"""dnsmasq's DHCP log lines: who got which address, and when.

Source: dnsmasq 2.90, src/rfc2131.c (log_packet), src/rfc3315.c. Sample: tests/samples/dnsmasq/.
`dnsmasq-dhcp[9102]: 1120775550 DHCPACK(lan0) 192.168.50.129 3c:5a:b4:12:34:56 FRONTDESK-PC`; the number
in front stands there with `log-dhcp` only. DHCPRELEASE ends a lease.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.framing import stamp, tagged
from unlisted.evidence.leases.dnsmasq import duid_mac
from unlisted.messages import Lease

HINT = "dnsmasq"

_DHCP = re.compile(
    r"\bdnsmasq(?:-dhcp)?(?:\[\d+\])?: (?:\d+ )?DHCP(ACK|RELEASE|REPLY)\([^)\s]*\) (\S+) (\S+)(?: (\S+))?"
)


def parse(line: str, near: float) -> Lease | Other | None:
    """Read one line; what dnsmasq says besides is Other."""
    if not (m := _DHCP.search(line)):
        return OTHER if " dnsmasq" in line and stamp(line, near) else None
    address, when = net.ip(m[2]), stamp(line, near)
    if when is None or not tagged(line, when, m.start()):
        return None  # another program's line, in which a stranger may have spelled a lease
    mac = net.mac(m[3]) or duid_mac(m[3])
    if address is None:
        return None
    if not mac:
        return OTHER  # a DUID that holds no MAC
    if m[1] == "RELEASE":
        return Lease(address, mac, end=when.at)
    return Lease(address, mac, hostname="" if m[4] in (None, "*") else m[4], start=when.at)
