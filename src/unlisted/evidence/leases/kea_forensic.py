"""Kea's forensic log (the hook libdhcp_legal_log): who got which address, and when.

Source: Kea ARM 2.6, "Forensic Logging Hooks". Sample: tests/samples/kea_forensic/. `2026-11-23 13:48:35 CET
Address: 192.0.2.5 has been assigned for 1 hrs 0 mins 0 secs to a device with hardware address: hwtype=1
3c:5a:b4:12:34:56, client-id: 01:3c:… connected via relay at address: …`.

Surprises: the zone is a name, which several countries may use: it is taken as none. What a relay adds about
itself comes last and is not the client's.
"""

import re

from unlisted.evidence import Other
from unlisted.evidence.framing import Stamp, stamp
from unlisted.evidence.leases.kea_log import lease
from unlisted.messages import Lease

HINT = "Address:"

_ADDRESS = r"([0-9a-fA-F:.]{2,45})"
_TAG = re.compile(r"[ \t]*(?:[\w.@+-]{1,255}[ \t]+)?kea-legal-log(?:\[\d{1,7}\])?:(?=[ \t])")
_FORENSIC = re.compile(
    rf"[ \t]*Address: ?{_ADDRESS} has been (?:(?:assigned|renewed) for (\d{{1,8}}) hrs? (\d\d?) mins? (\d\d?)"
    r" secs? to|(released) from) a device with "
)
_END = re.compile(r" connected via | identified by ")
_ZONE = re.compile(r"[ \t]*(?:[A-Z]{2,5}(?=[ \t]))?")
_END = re.compile(r" connected via | identified by ")


def parse(line: str, near: float) -> Lease | Other | None:
    """Read one line."""
    when = stamp(line, near)
    if when is None:
        return None
    found = _FORENSIC.match(line, _start(line, when))
    if found is None:
        return None
    device = line[found.end() :]
    if cut := _END.search(device):
        device = device[: cut.start()]
    if found[5]:
        return lease(found[1], device, None, when.at)
    length = int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4])
    return lease(found[1], device, when.at, when.at + length)


def _start(line: str, when: Stamp) -> int:
    """Where its words begin: behind the zone's name in a file, behind its tag by syslog."""
    found = _TAG.match(line, when.end) or _ZONE.match(line, when.end)
    return found.end() if found else when.end
