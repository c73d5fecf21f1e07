"""Carrier-grade NAT of Cisco IOS XR (CRS, ASR 9000), and of who else logs in its ten fields.

Source: Cisco, "IOS XR Carrier Grade NAT Configuration Guide", external logging, syslog message format.
Sample: tests/samples/cisco_cgn/. `[UserbasedA - 10.0.0.9 VRF - 203.0.113.1 - 1024 1535 - -]`: event,
protocol, source, inside VRF, source's IPv6, translated source, source port, first and last translated port,
destination, its port. `-` is nothing.

Surprises: One message holds several in brackets. The time has its year in front: `2026 Nov 24 00:06:26`. A
at the event's end assigns, W withdraws; D behind it names the destination.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Fact, Other, Parsed
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import stamp
from unlisted.evidence.translations import _told

HINT = " - "
CANDIDATE = rb" (?:25|465|587)\]"

_EVENT = re.compile(r"\[ ?(User|Session)based(A|W)(D?) ([^\[\]]{10,300}?) ?\]")
_OURS = re.compile(r"\[ ?(?:UserbasedA|UserbasedW|SessionbasedAD?|SessionbasedWD?|Portblockrunout) ")
_TIME = re.compile(r"\b(\d{4}) ([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)\b")
_TAGGED = re.compile(r'"|\]: |[A-Za-z]: ')  # another program's tag, or a quotation
_FRONT = 200  # octets in which the time stands


def parse(line: str, near: float) -> Parsed:
    """Read one line."""
    ours = _OURS.search(line, 0, 400)
    if ours is None or _TAGGED.search(line, 0, ours.start()):
        return None
    m = _TIME.search(line, 0, min(ours.start(), _FRONT))
    when = stamp(f"{m[2]} {m[3]} {m[1]} {m[4]} ", near) if m else _told.front(line, ours.start(), near)
    if when is None:
        return None
    made: list[Fact] = []
    for event in _EVENT.finditer(line, ours.start()):
        fact = _fact(event, when.at)
        if fact is not None and not isinstance(fact, Other):
            made.append(fact)
    return tuple(made) or (OTHER if "]" in line[ours.end() :] else None)


def _fact(event: "re.Match[str]", at: float) -> Fact | Other | None:
    fields = event[4].split(" ")
    if len(fields) != 10:
        return None
    name, source, _, six, translated, sport, first, last, target, dport = fields
    inside, outside = net.ip(source) or net.ip(six), net.ip(translated)
    opens, number = event[2] == "A", _told.protocol(name)
    dst = net.ip(target)
    if dst is not None and opens:
        return connection(
            at, inside, dst, port(dport), port(sport), number or "tcp", nat=outside, nat_port=port(first)
        )
    if last != "-" and last != first:
        return _told.block(inside, outside, port(first), port(last), at, opens=opens)
    return _told.mapping(
        inside,
        port(sport),
        outside,
        port(first),
        at,
        opens=opens,
        protocol=number,
        dst=dst,
        dport=port(dport),
    )
