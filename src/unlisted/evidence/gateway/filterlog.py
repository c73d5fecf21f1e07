"""filterlog of pfSense and OPNsense: a packet that a pf rule with `log` met, as comma separated values.

Source: Netgate's "Raw Filter Log Format" (pfSense 2.2 to 2.8), filterlog's print-ip.c and print-ip6.c of
pfSense and OPNsense. Samples: tests/samples/filterlog/ in BSD and in RFC 5424 framing.

Surprises: IPv4 and IPv6 have other columns, and IPv6 the protocol's name before its number, in capitals.
A packet stands there once for each interface whose rules log it: in on the LAN and out on the WAN, there
with the address translated, since pf translates before it filters. `session()` knows it again by its
sequence number (TCP) or its IP identification: the second row is the translation and no second attempt.
Flags are the packet's: only S without A opens. There is no MAC.
"""

import re
from itertools import islice
from typing import NamedTuple, TypeAlias

from msgspec import structs

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse, Parsed
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import stamp
from unlisted.messages import Attempt, Contact, Translation

HINT = "filterlog"
PACKETS = True
CANDIDATE = rb",(?:25|465|587),\d{1,5},S"  # destination port, length, flags

# BSD: `filterlog[77]:`; RFC 5424: `filterlog 77 - [meta sequenceId="1"]`; tables of log servers: a tab.
_TAG = re.compile(
    r"filterlog(?:(?:\[(?:\d{1,10}|-)\])?[:\t][ \t]*"
    r'|[ \t]+(?:\d{1,10}|-)[ \t]+-[ \t]+(?:-|\[(?:[^\]"]|"[^"]{0,64}"){0,64}\])[ \t]+)(?=\d)'
)
# In front of the tag stand a host, which may be an IPv6 address, a facility and a level, and no other tag.
_AHEAD = re.compile(r"[\s|]*(?:[\w.@+:%-]{0,255}[\w.@+%-][ \t|]+){0,3}")
_ACTIONS = {"pass": "pass", "block": "block", "reject": "block", "synproxy-drop": "block"}
_CONNECTED = ("tcp", "udp", "sctp")
_TUNNELS = ("gre", "esp", "ah", "ipencap", "ipv6")
_KEPT = 65_536  # packets remembered, in case they are seen again on their way out
_TRANSIT = 2.0  # seconds within which a packet leaves that came in; a busy firewall writes late

Key: TypeAlias = tuple[str, ...]


class _Row(NamedTuple):
    """What a row tells, and what makes its packet the same one on another interface."""

    told: Attempt | Contact | Other | None
    out: bool = False
    key: Key | None = None


_NOT_OURS = _Row(None)


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one row by itself."""
    return _row(line, near).told


def session() -> Parse:
    """Read the rows of one file in their order: a packet that goes out again is told once."""
    inside: dict[Key, Attempt | Contact] = {}

    def read(line: str, near: float) -> Parsed:
        row = _row(line, near)
        fact = row.told
        if row.key is None or not isinstance(fact, Attempt | Contact):
            return fact
        if row.out and (first := inside.get(row.key)) and 0 <= fact.at - first.at <= _TRANSIT:
            return _again(first, fact)
        inside[row.key] = fact
        if len(inside) > _KEPT:
            for old in list(islice(inside, _KEPT // 2)):
                del inside[old]
        return fact

    return read


def _again(first: Attempt | Contact, fact: Attempt | Contact) -> Parsed:
    """A packet that was seen coming in and now goes out, or is kept from it."""
    same = (first.src, first.sport) == (fact.src, fact.sport)
    if fact.action != first.action:  # it got through one interface and not through the other
        moved = {} if same else {"nat": fact.src, "nat_port": fact.sport}
        return structs.replace(fact, src=first.src, sport=first.sport, **moved)
    if same:
        return OTHER
    return Translation(
        inside=first.src,
        outside=fact.src,
        start=fact.at,
        inside_port=first.sport,
        port=fact.sport,
        protocol=fact.protocol if isinstance(fact, Contact) else "tcp",
        dst=fact.dst,
        dport=fact.dport,
    )


def _row(line: str, near: float) -> _Row:
    at = line.find("filterlog")
    tag = _TAG.match(line, at) if at >= 0 else None
    if tag is None or (when := stamp(line, near)) is None or not _AHEAD.fullmatch(line, when.end, at):
        return _NOT_OURS
    values = line[tag.end() :].split(",", 26)
    columns = _COLUMNS.get(values[8]) if len(values) > 8 else None
    if columns is None or len(values) < columns.src + 3:
        return _NOT_OURS  # cut off, perhaps in the middle of an address
    src, dst = net.ip(values[columns.src]), net.ip(values[columns.src + 1])
    if src is None or dst is None:
        return _NOT_OURS
    name, number = values[columns.name].lower(), values[columns.number]
    protocol = _NUMBERS.get(number) or _NUMBERS.get(name, name)
    action = _ACTIONS.get(values[6], "")
    rest = values[columns.src + 2 :]  # source port, destination port, length, flags, sequence number, ...
    if protocol not in _CONNECTED:
        opens = protocol in _TUNNELS or (protocol == "icmp" and rest[0] == "request")
        return _Row(connection(when.at, src, dst, 0, 0, protocol, opens=opens, action=action))
    tcp = protocol == "tcp"
    if len(rest) < (5 if tcp else 3) or not (rest[0].isdigit() and rest[1].isdigit()):
        fragment = values[8] == "4" and values[13] not in ("", "0")
        return _Row(OTHER) if fragment else _NOT_OURS
    sport, dport = port(rest[0]), port(rest[1])
    opens = not tcp or ("S" in rest[3] and "A" not in rest[3] and "R" not in rest[3])
    fact = connection(when.at, src, dst, dport, sport, protocol, opens=opens, action=action)
    if tcp:
        key: Key | None = (values[columns.src + 1], rest[1], rest[4])
    else:
        known = values[8] == "4" and values[12] != "0"
        key = (values[columns.src + 1], rest[1], values[12], values[17]) if known else None
    return _Row(fact, values[7] == "out", key)


class _Columns(NamedTuple):
    """Where they stand: IPv4 has its header's fields in between."""

    name: int
    number: int
    src: int


_COLUMNS = {"4": _Columns(16, 15, 18), "6": _Columns(12, 13, 15)}
_NUMBERS = {"6": "tcp", "17": "udp", "132": "sctp", "1": "icmp", "47": "gre", "50": "esp", "51": "ah"}
