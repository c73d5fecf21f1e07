"""MikroTik RouterOS: what its DHCP server logs of addresses given and taken back.

Source: RouterOS 6.49 and 7.15, "Log", topic dhcp. Sample: tests/samples/mikrotik_dhcp/.
`dhcp,info dhcp1 assigned 192.168.88.10 to AA:BB:CC:DD:EE:FF` (6), `… for AA:BB:CC:DD:EE:FF pc` (7, with the
name); `deassigned … from …`. By syslog the topics stand in front, or do not; a log file of its own writes
`nov/23 13:48:21` or `2026-11-23 13:48:21`.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.framing import stamp
from unlisted.evidence.leases._client import named
from unlisted.messages import Lease

HINT = "assigned "

_OWN = re.compile(r"([a-z]{3})/(\d\d)(?:/(\d{4}))? (\d\d:\d\d:\d\d) ")
_SAID = re.compile(
    r"[ \t]{0,4}(?:[\w.@:+-]{1,255}[ \t]{1,4}){0,2}?(?:[a-z!,]{0,40}\bdhcp,[a-z,]{2,40}:? )?"
    r"(?:[\w.-]{1,64}: )?"
    r"(?P<server>[^\s\"'=]{1,64}) (?P<gone>de)?assigned (?P<address>[0-9.]{7,15}) (?:to|for|from) "
    r"(?P<mac>(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})(?: (?P<name>[^\r\n]{1,255}))?\s*"
)


def parse(line: str, near: float) -> Lease | Other | None:
    """Read one line."""
    if own := _OWN.match(line):
        year = f"{own[3]} " if own[3] else ""
        when = stamp(f"{own[1].capitalize()} {own[2]} {year}{own[4]} ", near)
        start = own.end()
    else:
        when = stamp(line, near)
        start = when.end if when else 0
    if when is None and not line.startswith("dhcp,"):
        return None
    if not (found := _SAID.fullmatch(line, start)):
        return None
    address, mac = net.ip(found["address"]), card(found["mac"])
    if address is None:
        return None
    at = when.at if when else None  # `/log print` of today's: without a date even by the hour
    if not mac or (found["gone"] and at is None):
        return OTHER
    if found["gone"]:
        return Lease(address, mac, end=at)
    return Lease(address, mac, named(found["name"]), start=at)
