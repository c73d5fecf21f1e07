"""The audit log of Windows' DHCP server: DhcpSrvLog-Mon.log and DhcpV6SrvLog-Mon.log.

Source: Microsoft, "Analyze DHCP server log files"; the table of events stands at the head of each file.
Sample: tests/samples/windows_dhcp/.
`10,11/23/26,13:48:25,Assign,192.168.50.129,FRONTDESK-PC.example.org,3C5AB4123456,,…`

Surprises: month first, the server's local time and no zone. The MAC has no separators; what is longer is a
client identifier (16 octets of a RAS server). Eleven is a renewal. A lease that expired (17, 18) or was
deleted (16) often names no MAC. The file for IPv6 has other columns and a DUID.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.framing import Stamp, stamp
from unlisted.evidence.leases._client import colons, duid_mac, fingerprint, named
from unlisted.messages import Lease

HINT = ""

_ROW = re.compile(r"(\d{2,5}),(\d\d)/(\d\d)/(\d\d|\d{4}),(\d\d:\d\d:\d\d),")
_BESIDE = re.compile(
    r"\ufeff?\s*(?:Microsoft (?:Windows )?DHCP(?:v6)? Service Activity Log|Event ID +Meaning|ID,Date,Time,De"
    r"|QResult: 0: NoQuarantine|\d{2,5}\+?\t(?:The log |A new IP|A lease |An IP |A BOOTP |Codes above|DNS "
    r"|The lease)|(?:000|11)\d{2,3}\t+DHCPV6)"
)
_GIVEN = frozenset(("10", "11", "20", "21", "11002", "11004", "11005"))
_ENDED = frozenset(("12", "16", "17", "18", "23", "11007", "11016", "11017"))


def parse(line: str, near: float) -> Lease | Other | None:
    """Read one line."""
    if not (found := _ROW.match(line)):
        return OTHER if _BESIDE.match(line) else None
    when = dated(line, near)
    if when is None:
        return None
    cells = [cell.strip() for cell in line.split(",", 20)]
    if len(cells) < 7:
        return OTHER
    number, address = found[1], net.ip(cells[4])
    if number not in _GIVEN and number not in _ENDED:
        return OTHER
    six = len(number) == 5
    client_id = colons(cells[8]) if six and len(cells) > 8 else colons(cells[6]) if not six else ""
    mac = duid_mac(client_id) if six else card(client_id)
    if address is None or not mac:
        return OTHER
    start, end = (when.at, None) if number in _GIVEN else (None, when.at)
    vendor = cells[14] if not six and len(cells) > 14 else ""
    return Lease(address, mac, named(cells[5]), client_id if six else "", start, end, fingerprint("", vendor))


def dated(line: str, near: float) -> Stamp | None:
    """When the line was written."""
    if not (found := _ROW.match(line)):
        return None
    year = found[4] if len(found[4]) == 4 else f"20{found[4]}"
    return stamp(f"{year}-{found[2]}-{found[3]} {found[5]} ", near)
