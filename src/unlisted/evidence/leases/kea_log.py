"""Kea's own log: who got which address, and when.

Source: Kea 2.6, src/bin/dhcp4/dhcp4_messages.mes, src/bin/dhcp6/dhcp6_messages.mes. pfSense and OPNsense
write it by syslog. Sample: tests/samples/kea_log/.

Surprises: DHCP4_LEASE_ADVERT is an offer and no lease. What is declined or expired says nothing. Kea writes
local time and no zone.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.framing import stamp
from unlisted.evidence.leases._client import colons, duid_mac, tag
from unlisted.messages import Lease

HINT = "kea-"

_ADDRESS = r"([0-9a-fA-F:.]{2,45})"
_TAG = re.compile(  # its own log; by syslog; RFC 5424
    r"(?:[ \t]*[\w.@+-]{1,255}(?=[ \t])){0,2}[ \t]*"
    rf"(?:{tag('kea-dhcp[46]')})?"
    r"(?:(?:FATAL|ERROR|WARN|INFO|DEBUG)[ \t]+)?\[(?:kea-dhcp[46]|kea-legal-log)\S{0,120}\][ \t]+"
)
_CODE = re.compile(r"[A-Z][A-Z0-9_]{3,60}(?= |$)")
_GIVEN = re.compile(
    r"DHCP[46]_LEASE_(?:ALLOC|RENEW|REUSE)|DHCP6_(?:RENEW_LEASE|LEASE_DATA)|DHCP4_(?:LEASE_REUSED|QUERY_DATA)"
)
_LEASE4 = re.compile(
    rf"lease {_ADDRESS} (?:has been|was) (?:allocated|renewed|reused)"
    r"(?: for (\d{1,10}|infinite)|[.]?\s*$)"
)
_LEASE6 = re.compile(
    rf"lease for address {_ADDRESS} and iaid=\d{{1,10}} has been (?:allocated|renewed|reused)"
    r"(?: for (\d{1,10}|infinite))?"
)
_FREED = re.compile(
    rf"(?:address|binding for address) {_ADDRESS}(?: and iaid=\d{{1,10}})?"
    r" (?:was released properly|was deleted on release|expired on release)"
)
_HARDWARE = re.compile(r"\[?hwtype=1[ \t]+((?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2})\b")
_CLIENT = re.compile(r"(?:cid=\[|duid=\[|client-id: |DUID: )((?:[0-9a-fA-F]{2}:){1,130}[0-9a-fA-F]{2})\b")
_FOREVER = 0xFFFFFFFF


def parse(line: str, near: float) -> Lease | Other | None:
    """Read one line; what Kea says besides is Other."""
    when = stamp(line, near)
    if when is None:
        return None
    begin = _TAG.match(line, when.end)
    code = _CODE.match(line, begin.end()) if begin else None
    if code is None:
        return None
    return _event(code[0], line[code.end() :], when.at)


def _event(code: str, said: str, at: float) -> Lease | Other:
    """An event of its own log. Nothing in its text is a client's own words."""
    start: float | None = None
    end: float | None = at
    found = _FREED.search(said) if "RELEASE" in code else None
    if found is None:
        if not _GIVEN.fullmatch(code):
            return OTHER
        found = _LEASE4.search(said) or _LEASE6.search(said)
        if found is None:
            return OTHER
        start, end = at, _end(at, found[2])
    return lease(found[1], said, start, end) or OTHER


def _end(at: float, length: str | None) -> float | None:
    return at + int(length) if length and length.isdigit() and 0 < int(length) < _FOREVER else None


def lease(text: str, said: str, start: float | None, end: float | None) -> Lease | Other | None:
    address, hardware, client = net.ip(text), _HARDWARE.search(said), _CLIENT.search(said)
    client_id = colons(client[1]) if client else ""
    mac = (card(hardware[1]) if hardware else "") or duid_mac(client_id)
    if address is None:
        return None
    return Lease(address, mac, client_id=client_id, start=start, end=end) if mac else OTHER
