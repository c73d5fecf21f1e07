"""Cisco IOS and IOS-XE: access lists, the zone-based firewall's audit trail and drops, NAT's log.

Source: Cisco, "System Message Guide" for IOS 15 and IOS-XE 16/17 (SEC, IPV6_ACL, FMANFP, FW, IOSXE, NAT,
IPNAT); "Access list logging" for the interface and MAC of `log-input`.
Sample: tests/samples/cisco_ios/.

Surprises: the router's own time stands behind the collector's and is the better one; a `*` or `.` before it
says that its clock is not set by anybody. A flow's first packet has a line at once, the rest one every five
minutes: `9 packets` tells of a connection that was told. An access list tells no flags. `Start … session` and
`Stop … session` are one connection. NAT names inside local, inside global, outside local, outside global,
and not who began: it counts as an attempt only where the outside has a mail port and the inside none.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse
from unlisted.evidence.card import card
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import Stamp, stamp
from unlisted.evidence.gateway._front import shift
from unlisted.evidence.gateway._told import LONGEST, SLACK, Line, Told
from unlisted.messages import Attempt, Contact, Translation

HINT = " %"
PACKETS = True  # a dropped packet has a line of its own
CANDIDATE = rb"%[A-Z0-9_-]+-6-[^\n]*[(:](?:25|465|587)(?:[), \t(\r\n]|$)"

_ID = re.compile(r"%([A-Z][A-Z0-9_]{1,31}(?:-[A-Z0-9_]{1,16}){0,2})-[0-7]-([A-Z0-9_]{2,40}) ?: ?")
# What else stands ahead: counters, the router's name, and its own time or how long it has been up.
_WORD = r"[\w.@%/:+-]{1,255}"
_AHEAD = re.compile(
    rf"(?:<\d{{1,3}}>)?(?:1 )?[\s|]*(?::\s+)?(?:\d{{1,12}}: )?"
    rf"(?:(?![A-Z][a-z]{{2}} {{1,2}}\d|\S*:\s){_WORD}[ \t]+)?"
    rf"(?:(?!\d{{1,3}}[ywdh:]\d)(?:{_WORD})? ?:[ \t]+)?(?:\d{{1,12}}(?:\[\d{{1,6}}\])?: )?"
    rf"(?:(?:RP|LC)/\d{{1,3}}/\w{{1,8}}/CPU\d:)?"
)
_PLAIN = re.compile(r"([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)(\.\d{1,6})?( UTC)?(?=: )")
_UPTIME = re.compile(r"(?:\d{1,3}[ywdh]\d{1,3}[wdhm]|\d{1,3}:\d\d:\d\d|\d{6,10}): ?")
# Behind the time its zone, where framing knew no such name, and in IOS XR the process.
_TAIL = re.compile(r"(?: [A-Za-z]{2,5})?(?:([+-]\d{1,2})(?::?(\d\d))?)?: ?(?:[\w-]{1,40}\[\d{1,10}\]: ?)?")
# `R0/0: cpp_cp: QFP:0.0 Thread:001 TS:00000025128 %FW-6-DROP_PKT: `: no words of somebody.
_INNER = re.compile(
    r"(?:\S{1,24}:\S{0,24} +){0,6}%(?:FW|NAT|IPNAT|SEC|IPV6_ACL|FMANFP)-6-([A-Z0-9_]{2,40}): ?"
)

_CARD = r"(?: ?\((?:\S{1,64} )?([0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}|\S{0,64}?)\))?"
_LIST = re.compile(
    r" ?(?:\S{1,32}: {1,2}){0,2}(?:access-)?list (?:\S{1,255}) (permit|deny|permitted|denied) (\S{1,20}) "
    r"(?:([\dA-Fa-f]{2}(?:-[\dA-Fa-f]{2}){5}) )?"  # IOS-XE: `00-00-5E-00-53-23 address(port) interface-> `
    rf"([\dA-Fa-f.:]{{2,45}})(?:\((\d{{1,5}})\))?{_CARD}(?: [A-Za-z][\w/.:-]{{0,64}}?)? ?-> "
    rf"([\dA-Fa-f.:]{{2,45}})(?: ?\((\d{{1,5}})(?:/\d{{1,3}})?\))?,? "
)
_TRAIL = re.compile(
    r"(?:\(target:class\)[- ]\([^()]{0,200}\):)?\s?(?:(Start|Stop) )?(\S{1,20}) session:? initiator "
    r"\(([^()\s]{2,45}):(\d{1,5})\)(?: sent \d{1,15} bytes)? -- responder \(([^()\s]{2,45}):(\d{1,5})\)"
    r"(?: sent (\d{1,15}) bytes)?"
)
_PACKET = re.compile(
    r"(?:\(target:class\)[- ]\([^()]{0,200}\)[: ]\s?)?(Dropping|Passing) (\S{1,20}) (?:pkt|session)(?: from)?"
    r"(?: [A-Za-z]\S{0,64})? ([\dA-Fa-f.:]{2,45}?):(\d{1,5})(?: =>)? ([\dA-Fa-f.:]{2,45}?):(\d{1,5})(?=[\s(])"
)
_TCPFLAGS = re.compile(r" tcp ?flags? 0x([0-9a-fA-F]{1,4})")
_SYN, _RST, _ACK = 0x02, 0x04, 0x10  # RFC 9293 §3.1
_NAT = re.compile(
    r"(?:(Created|Deleted) Translation )?(?i:(tcp|udp|icmp|gre) )"
    r"([\d.]{7,15})(?::(\d{1,5}))? ([\d.]{7,15})(?::(\d{1,5}))? "
    r"([\d.]{7,15})(?::(\d{1,5}))? ([\d.]{7,15})(?::(\d{1,5}))?(?=[\s.]|$)"
)

Fact = Attempt | Contact | Translation | Other | None


def parse(line: str, near: float) -> Fact:
    """Read one line; Other for what tells no connection, None when it is not the router's, or cut."""
    at = line.find("%")
    m = _ID.match(line, at) if at > 0 else None
    if m is None or m[1] in ("ASA", "FTD", "PIX", "FWSM") or m[2].startswith(("RT_", "APPTRACK_")):  # Junos
        return None
    when = _when(line, at, near)
    if when is None:
        return None
    name, start = m[2], m.end()
    if m[1].startswith("IOSXE") and (inner := _INNER.match(line, start)):
        name, start = inner[1], inner.end()
    if not when:
        return OTHER  # since its start, which nobody knows
    moment = when[0].at
    if "ACCESSLOG" in name:
        return _list(line, start, moment) if name[-1] == "P" else OTHER
    if name.startswith("SESS_AUDIT_TRAIL"):
        return _trail(line, start, moment)
    if name in ("DROP_PKT", "PASS_PKT"):
        return _packet(line, start, moment)
    if name in ("LOG_TRANSLATION", "CREATED", "DELETED", "NAT_CREATED", "NAT_DELETED"):
        return _nat(line, start, moment, name)
    return OTHER


def session() -> Parse:
    """A reader of one file, to which a flow's first packet and its later ones are one connection."""
    return Told().of(lambda line, near: Line(parse(line, near), _within(line)))


LATER = 330.0  # seconds: a flow's further packets are told every five minutes


def _within(line: str) -> float:
    """Seconds by which the line may be later than the connection that it tells of."""
    if "Stop " in line:
        return LONGEST  # it tells no duration
    return LATER if " packets" in line else SLACK


def _when(line: str, at: int, near: float) -> tuple[Stamp, ...] | None:
    """The router's own time, else the collector's; empty when neither; None when it is no router's line."""
    times: list[Stamp] = []
    place = 0
    for _ in range(3):  # a collector's, a relay's, the router's
        made, place = _time(line, place, at, near)
        if made is None:
            break
        times.append(made)
        if tail := _TAIL.fullmatch(line, place, at):
            ahead = int(tail[1] or 0) * 3600
            ahead += int(tail[2] or 0) * (60 if ahead >= 0 else -60)
            own = _zoned(times)
            return (own._replace(at=own.at - ahead),)
    if place == at or _UPTIME.fullmatch(line, place, at):
        return (_zoned(times),) if times else ()
    return None


def _time(line: str, place: int, at: int, near: float) -> tuple[Stamp | None, int]:
    """The time at `place`, or behind the words that may stand ahead of it, and where it ends."""
    ahead = _AHEAD.match(line, place, at)
    behind = ahead.end() if ahead else place
    for begin in (place, behind) if not place else (behind,):
        begin += line.startswith(("*", "."), begin)
        if plain := _PLAIN.match(line, begin, at):  # of one second there are many: `stamp` remembers it
            made = stamp(f"{plain[1]} ", near)
            if made is not None:
                part = float(plain[2] or 0)
                return made._replace(at=made.at + part, zone=bool(plain[3])), plain.end()
        made = stamp(line[begin:at], near) if begin < at else None
        if made is not None:
            return made, begin + made.end
    return None, behind


def _zoned(times: list[Stamp]) -> Stamp:
    """The last of them; without a zone of its own it is put right by the first, where that has one."""
    own = times[-1]
    if own.zone or not times[0].zone:
        return own
    return own._replace(at=own.at - shift(own.at, times[0]))


def _list(line: str, start: int, at: float) -> Fact:
    m = _LIST.match(line, start)
    if m is None:
        return None
    protocol = m[2].lower()
    ported = protocol in _PORTED  # else a type or a code stands there
    if ported and not (m[5] and m[8]):
        return None
    sport, dport = (port(m[5]), port(m[8])) if ported else (0, 0)
    return connection(
        at, net.ip(m[4]), net.ip(m[7]), dport, sport, protocol,
        mac=card(m[3] or m[6] or ""), action="pass" if m[1].startswith("permit") else "block",
    )  # fmt: skip


_PORTED = ("tcp", "udp", "sctp")
_DATAGRAMS = ("dns", "ntp", "syslog", "snmp", "tftp", "bootps", "bootpc", "sip", "isakmp", "radius")


def _over(name: str) -> str:
    """What a protocol runs over, where the firewall names the one that it looks into: `smtp session`."""
    name = name.lower()
    if name in _PORTED or name.isdigit() or name.startswith(("icmp", "gre", "esp")):
        return name
    return "udp" if name in _DATAGRAMS else "tcp"


def _trail(line: str, start: int, at: float) -> Fact:
    m = _TRAIL.match(line, start)
    if m is None:
        return None
    answered = bool(m[7]) and m[7].strip("0") != ""
    protocol = _over(m[2])
    ported = protocol in _PORTED
    return connection(
        at, net.ip(m[3]), net.ip(m[5]), port(m[6]) if ported else 0, port(m[4]) if ported else 0, protocol,
        action="pass",
        outcome="answered" if answered else "",
    ) or OTHER  # fmt: skip


def _packet(line: str, start: int, at: float) -> Fact:
    m = _PACKET.match(line, start)
    if m is None:
        return OTHER if "session" in line or "pkt" in line else None
    flags = _TCPFLAGS.search(line, m.end(), m.end() + 400)
    bits = int(flags[1], 16) if flags else _SYN
    protocol = _over(m[2])
    ported = protocol in _PORTED
    return connection(
        at, net.ip(m[3]), net.ip(m[5]), port(m[6]) if ported else 0, port(m[4]) if ported else 0, protocol,
        opens=protocol != "tcp" or (bits & (_SYN | _RST | _ACK)) == _SYN,
        action="block" if m[1] == "Dropping" else "pass",
    )  # fmt: skip


def _nat(line: str, start: int, at: float, name: str) -> Fact:
    m = _NAT.match(line, start)
    if m is None:
        return None
    inside, outside, dst = net.ip(m[3]), net.ip(m[5]), net.ip(m[9])
    if inside is None or outside is None or dst is None:
        return None
    inside_port, outside_port, dport = (port(text or "") for text in m.group(4, 6, 10))
    protocol = m[2].lower()
    deleted = "DELETED" in name or m[1] == "Deleted"
    if not deleted and protocol == "tcp" and dport in net.MAIL_PORTS and inside_port not in net.MAIL_PORTS:
        return connection(
            at, inside, dst, dport, inside_port, protocol, action="pass", nat=outside, nat_port=outside_port
        )
    begin, end = (None, at) if deleted else (at, None)
    return Translation(inside, outside, begin, end, inside_port, outside_port, 1, protocol, dst, dport)
