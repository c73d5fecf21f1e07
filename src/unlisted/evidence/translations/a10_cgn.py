"""A10 Thunder's carrier-grade NAT in its own ASCII format.

Source: A10, "ACOS CGN Guide", traffic logging (port mapping, session, fixed NAT). Sample:
tests/samples/a10_cgn/. `NAT-TCP-C: 10.0.0.9:40000<->198.51.100.7:25,198.51.100.7:25<-->203.0.113.1:3000` is
a session, `NAT-UDP-C: 10.0.0.9:40000 -> 203.0.113.1:3000` a port, `FIXED-NAT-PORTS
10.0.0.9->203.0.113.1:3000-4000` a block that is fixed by configuration. C creates, D and F end.

Surprises: A port's line may name with `to` whom the first packet went to. A session's second half is the
reply: its last end is the translated one.
"""

import re

from unlisted.evidence import Other
from unlisted.evidence.contact import connection, port
from unlisted.evidence.translations import _told
from unlisted.messages import Attempt, Contact, Translation

HINT = "NAT-"
PACKETS = True
CANDIDATE = rb"NAT-TCP-[A-Z]: "

_END = r"(\d{1,3}(?:\.\d{1,3}){3}): ?(\d{1,5})"
_PORT = re.compile(rf"NAT-(TCP|UDP|ICMP)-([A-Z]): {_END} ?(?:->|<-->) ?{_END}(?: to {_END})?(?=[\s,;]|$)")
_SESSION = re.compile(rf"NAT-(TCP|UDP|ICMP)-([A-Z]): {_END}<->{_END}, ?{_END}<-->{_END}(?=[\s,;]|$)")
_FIXED = re.compile(
    r"FIXED-NAT-PORTS:? (\d{1,3}(?:\.\d{1,3}){3})->(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})-(\d{1,5})(?=[\s,;]|$)"
)
_OPENS, _CLOSES = frozenset("CNA"), frozenset("DFR")


def parse(line: str, near: float) -> Attempt | Contact | Translation | Other | None:
    """Read one line."""
    begin = line.find("FIXED-NAT-PORTS")
    if begin < 0:
        begin = line.find("NAT-")
    if begin < 0 or (when := _told.front(line, begin, near)) is None:
        return None
    if m := _FIXED.match(line, begin):
        inside, outside = _told.end(m[1] + ":0")[0], _told.end(m[2] + ":0")[0]
        return _told.block(inside, outside, int(m[3]), int(m[4]), when.at, opens=True)
    if m := _SESSION.match(line, begin):
        src, sport = _told.end(f"{m[3]}:{m[4]}")
        dst, dport = _told.end(f"{m[5]}:{m[6]}")
        nat, nat_port = _told.end(f"{m[9]}:{m[10]}")
        if m[2] in _OPENS:
            return connection(when.at, src, dst, dport, sport, m[1], nat=nat, nat_port=nat_port)
        name = _told.protocol(m[1])
        return _told.mapping(
            src, sport, nat, nat_port, when.at, opens=False, protocol=name, dst=dst, dport=dport
        )
    m = _PORT.match(line, begin)
    if m is None or m[2] not in _OPENS | _CLOSES:
        return None
    inside, inside_port = _told.end(f"{m[3]}:{m[4]}")
    outside, outside_port = _told.end(f"{m[5]}:{m[6]}")
    dst, dport = _told.end(f"{m[7]}:{m[8]}") if m[7] else (None, 0)
    if dst is not None and dport and m[2] in _OPENS:
        return connection(when.at, inside, dst, dport, inside_port, m[1], nat=outside, nat_port=outside_port)
    return _told.mapping(
        inside, inside_port, outside, port(m[6]), when.at, opens=m[2] in _OPENS, protocol=_told.protocol(m[1])
    )
