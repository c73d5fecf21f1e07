"""NFWare's virtual carrier-grade NAT.

Source: NFWare 6.3 documentation, NAT, logging, message format. Sample: tests/samples/nfware/. `A VRF 0 6
INT 10.0.0.9:40000 EXT 203.0.113.1:28475 DST 198.51.100.7:25 DIR OUT`; A adds, D deletes. Without DST it is
a port's mapping, without ports an address's, with `EXT 203.0.113.1:1024-1535` a block's.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.contact import connection
from unlisted.evidence.translations import _told
from unlisted.messages import Attempt, Contact, Translation

HINT = " EXT "
CANDIDATE = rb"DST [0-9a-fA-F.:\[\]]+:(?:25|465|587)[ \r\n]"

_HEAD = re.compile(
    r"\b([AD]) VRF \d{1,6} (?:(\d{1,3}) )?INT (\S{2,48}) EXT (\S{2,54})(?: DST (\S{2,48}) DIR (OUT|IN))?"
)
_BLOCK = re.compile(r"(\S{2,45}):(\d{1,5})-(\d{1,5})")


def parse(line: str, near: float) -> Attempt | Contact | Translation | Other | None:
    """Read one line."""
    m = _HEAD.search(line)
    if m is None or (when := _told.front(line.replace(": ", "  "), m.start(), near)) is None:
        return None
    opens = m[1] == "A"
    if ports := _BLOCK.fullmatch(m[4]):
        return _told.block(net.ip(m[3]), net.ip(ports[1]), int(ports[2]), int(ports[3]), when.at, opens=opens)
    if not m[2]:
        return _told.mapping(net.ip(m[3]), 0, net.ip(m[4]), 0, when.at, opens=opens)
    inside, sport = _told.end(m[3])
    outside, outer = _told.end(m[4])
    if not m[5]:
        return _told.mapping(
            inside, sport, outside, outer, when.at, opens=opens, protocol=_told.protocol(m[2])
        )
    dst, dport = _told.end(m[5])
    if m[6] == "IN":
        return OTHER if inside and dst else None  # somebody outside called
    if opens:
        return connection(when.at, inside, dst, dport, sport, m[2], nat=outside, nat_port=outer)
    name = _told.protocol(m[2])
    return _told.mapping(
        inside, sport, outside, outer, when.at, opens=False, protocol=name, dst=dst, dport=dport
    )
