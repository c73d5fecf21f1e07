"""NAT events as RFC 5424 structured data: VPP (FD.io) and who else follows the draft.

Source: draft-ietf-behave-syslog-nat-logging-06 §4, VPP 23.10 src/plugins/nat/lib/nat_syslog.c. Sample:
tests/samples/nat_syslog/. `APMADD [napmap SSUBIX="0" IATYP="IPv4" ISADDR="10.0.0.9" ISPORT="40000"
XATYP="IPv4" XSADDR="203.0.113.1" …]` maps a port, `SADD [nsess …]` opens a session; APMDEL and SDEL end
them.
"""

import re

from unlisted import net
from unlisted.evidence import Other
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import stamp
from unlisted.evidence.translations import _told
from unlisted.messages import Attempt, Contact, Translation

HINT = 'XSADDR="'
CANDIDATE = rb'DPORT="(?:25|465|587)"'

_HEAD = re.compile(r'[^\["]{0,400}?\b(APMADD|APMDEL|SADD|SDEL) \[(?:napmap|nsess) ')
_PARAMETER = re.compile(r'([A-Z0-9]{2,10})="([^"\]]{0,64})"')


def parse(line: str, near: float) -> Attempt | Contact | Translation | Other | None:
    """Read one line."""
    when = stamp(line, near)
    if when is None or (head := _HEAD.match(line, when.end)) is None:
        return None
    stop = line.find("]", head.end())
    if stop < 0:
        return None  # cut off
    told = {m[1]: m[2] for m in _PARAMETER.finditer(line, head.end(), stop)}
    inside, outside = net.ip(told.get("ISADDR", "")), net.ip(told.get("XSADDR", ""))
    dst = net.ip(told.get("XDADDR", "")) or net.ip(told.get("IDADDR", ""))
    sport, outer = port(told.get("ISPORT", "")), port(told.get("XSPORT", ""))
    dport = port(told.get("XDPORT", told.get("IDPORT", "")))
    name, opens = _told.protocol(told.get("PROTO", "")), head[1] in ("APMADD", "SADD")
    if head[1] == "SADD" and dst is not None:
        return connection(when.at, inside, dst, dport, sport, name or "tcp", nat=outside, nat_port=outer)
    return _told.mapping(
        inside, sport, outside, outer, when.at, opens=opens, protocol=name, dst=dst, dport=dport
    )
