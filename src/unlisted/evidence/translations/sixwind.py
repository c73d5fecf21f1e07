"""6WIND's carrier-grade NAT (fp-cgnat of VSR and Turbo Router).

Source: 6WIND VSR 3 user guide, CG-NAT, events. Sample: tests/samples/sixwind/. `fp-cgnat[2484]: NEW CONN:
fwd proto 6 10.0.0.9:4241 -> 198.51.100.7:25, back proto 6 198.51.100.7:25 -> 203.0.113.1:10752`; `USER
10.0.0.9 (matching rule 1): NEW BLOCK (pool "p", ip public 203.0.113.1, proto 6, port 1 - 512)`. The back
half is addressed to the translated end.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.contact import connection
from unlisted.evidence.framing import stamp, tagged
from unlisted.evidence.translations import _told
from unlisted.messages import Attempt, Contact, Translation

HINT = "fp-cgnat"
CANDIDATE = rb"fwd proto 6 [0-9a-fA-F.:\[\]]+ --?> [0-9a-fA-F.:\[\]]+:(?:25|465|587),"

_TAG = re.compile(r"\bfp-cgnat(?:\[\d{1,8}\])?: ")
_CONNECTION = re.compile(
    r"(NEW|DESTROY) CONN: fwd proto (\d{1,3}) (\S{2,48}) --?> (\S{2,48}), "
    r"back proto \d{1,3} \S{2,48} --?> (\S{2,48})"
)
_BLOCK = re.compile(
    r"USER (\S{2,45}) \([^()]{0,60}\): (NEW|DESTROY|DEL|FREE) BLOCK "
    r'\(pool "[^"]{0,60}", ip public (\S{2,45}), '
    r"proto (\d{1,3}), port (\d{1,5}) - (\d{1,5})\)"
)


def parse(line: str, near: float) -> Attempt | Contact | Translation | Other | None:
    """Read one line."""
    tag, when = _TAG.search(line), stamp(line, near)
    if tag is None or when is None or not tagged(line, when, tag.start()):
        return None
    if m := _CONNECTION.match(line, tag.end()):
        src, sport = _told.end(m[3])
        dst, dport = _told.end(m[4])
        nat, outer = _told.end(m[5])
        if m[1] == "NEW":
            return connection(when.at, src, dst, dport, sport, m[2], nat=nat, nat_port=outer)
        name = _told.protocol(m[2])
        return _told.mapping(
            src, sport, nat, outer, when.at, opens=False, protocol=name, dst=dst, dport=dport
        )
    if m := _BLOCK.match(line, tag.end()):
        name, opens = _told.protocol(m[4]), m[2] == "NEW"
        return _told.block(
            net.ip(m[1]), net.ip(m[3]), int(m[5]), int(m[6]), when.at, opens=opens, protocol=name
        )
    return OTHER
