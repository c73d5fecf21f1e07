r"""Cisco ASA and FTD (also PIX, FWSM): `%ASA-6-302013: Built outbound TCP connection …`, `%FTD-1-430002: …`.

Source: Cisco, "Cisco Secure Firewall ASA Series Syslog Messages" (9.x) and "Cisco Secure Firewall Threat
Defense Syslog Messages" (6.3 to 7.4), by message number.
Sample: tests/samples/cisco_asa/.

Surprises: `Built inbound` names who opened it first, `Built outbound` last. In parentheses stand the address
as the other side sees it, then the user. 302013 is written of each connection, so its Teardown (302014)
tells no new one; the same connection may have been told by its access list (106100). What an inspection
(ESMTP), the botnet filter or a module drops is told at severity 4, where Built, at 6, may not be logged.
305011 tells a translation before any destination is known. 106015 is a packet in the middle. `names` writes
words in place of addresses: such a line is understood and tells nothing. FTD writes 430002 when a connection
begins, 430003 when it ends, either by the rule's setting; its IPS modules call themselves NGIPS.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse
from unlisted.evidence.contact import connection, port
from unlisted.evidence.gateway._front import front, moment
from unlisted.evidence.gateway._told import SLACK, Line, Told
from unlisted.messages import Attempt, Contact, Translation
from unlisted.net import Address

HINT = ": "
PACKETS = True  # a denied packet has a line of its own
CANDIDATE = rb"%(?:ASA|FTD|NGIPS|PIX|FWSM)-[^\n]*(?:[/(|]|DstPort: )(?:25|465|587)(?:[ )(,;\]\r\n]|$)"

_ID = re.compile(r"%(?:ASA|FTD|NGIPS|PIX|FWSM)-(?:[a-z]{1,16})?-?\d-(\d{6}):? ")
_SELF = re.compile(r"(?:(?i:cisco)[ _-]?)?(?i:ASA|FTD|PIX|FWSM)\[\d{1,10}\]: $")  # as some receivers tag it
_USER = r"(?: ?\(([^()]{0,255})\))?"
_END = r"(?:[^:\s]{0,64}:)?([^\s/()]{1,255})/(\d{1,9})"  # interface:address/port
_BARE = r"([^\s/()]{1,255})/(\S{1,32})"  # address/port, which may be the name of a service
_SIDE = (  # PIX calls itself `NP Identity Ifc`
    r"(?:NP Identity Ifc: ?|[^:\s]{0,64}:)"
    rf"([^\s/()]{{1,255}})/(\d{{1,5}}) \(([^\s/()]{{1,255}})/(\d{{1,5}})\){_USER}"
)

_REPEATED = re.compile(r"message repeated \d{1,9} times: \[ ?")
_BUILT = re.compile(
    rf"Built (inbound|outbound) (?:Probe )?(TCP|UDP|SCTP) connection \d+ for {_SIDE} to {_SIDE}{_USER}"
)
_BYPASS = re.compile(rf"Built TCP state-bypass connection \d+ from {_SIDE} to {_SIDE}{_USER}")
_PING = re.compile(
    rf"Built (inbound|outbound) ICMP connection for faddr ([^\s/]{{1,255}})/\d{{1,5}}{_USER} "
    rf"gaddr ([^\s/]{{1,255}})/\d{{1,5}}{_USER} laddr ([^\s/]{{1,255}})/\d{{1,5}}{_USER}"
)
_FLAGS = re.compile(rf"Inbound TCP connection denied from {_BARE} to {_BARE} flags ([A-Z ]{{1,40}}) on ")
_INBOUND = re.compile(rf"Deny inbound (UDP) from {_BARE} to {_BARE} (?:on|due)")
_SRC_DST = re.compile(
    rf"(?:Deny|Deny inbound|Deny inbound \(No xlate\)|No translation group found for|\S.{{0,60}} failed for|"
    rf"Through-the-device packet to/from management-only network is denied:|"
    rf"Asymmetric NAT .{{0,60}}; Connection(?: for)?) (?:protocol )?(\S{{1,20}}) src (?:[^:\s]{{0,64}}:)?"
    rf"([^\s/()]{{1,255}})(?:/(\d{{1,5}}))?{_USER} dst (?:[^:\s]{{0,64}}:)?([^\s/()]{{1,255}})"
    rf"(?:/(\d{{1,5}}))?(?=[\s(,]|$)"
)
_SPOOF = re.compile(
    r"Deny (?:protocol )?(\S{1,20}) (?:reverse path check |connection spoof |spoof |due to Land Attack |"
    r"teardrop fragment \([^()]{0,64}\) )?from \(?([^\s()]{1,255})\)? to ([^\s,]{1,255})(?=[ ,]|$)"
)
_LIST = re.compile(
    rf"access-list \S{{1,255}} (permitted|denied|est-allowed) (?:protocol )?(\S{{1,20}}) "
    rf"(?:for user '?(\S{{0,255}}?)'? )?\S{{0,64}}?/([^\s/()]{{1,255}})\((\d{{1,5}})\){_USER} -> "
    rf"\S{{0,64}}?/([^\s/()]{{1,255}})\((\d{{1,5}})\)"
)
_ITSELF = re.compile(
    rf"(TCP|UDP) (access denied by ACL|access permitted|request discarded) from {_BARE} to {_END}(?=[\s]|$)"
)
# What an inspection or a limit did: `… TCP … from interface:address/port (mapped/port) to …`.
_FROM_TO = re.compile(
    r" from ([^\s/|()]{1,255})[/|](\d{1,5})(?: \(([^\s/()]{1,255})/(\d{1,5})\))? "
    r"to ([^\s/|()]{1,255})[/|](\d{1,5})(?=[\s;,.]|$)"
)
_PROTOCOL = re.compile(r"\b(TCP|UDP|ICMP|GRE|tcp|udp|icmp|gre)\b")
_LET = re.compile(r"permitted|monitored|Logged|Received|Detected|Mask|Duplicate")
_XLATE = re.compile(
    rf"(Built|Teardown) (?:dynamic|static) (?:(\S{{1,20}}) )?translation from (?:[^:\s]{{0,64}}:)?"
    rf"([^\s/()]{{1,255}})(?:/(\d{{1,5}}))?{_USER} to "
    rf"(?:[^:\s(]{{0,64}}(?:\([^()\s]{{0,64}}\))?:)?([^\s/()]{{1,255}})(?:/(\d{{1,5}}))?"
    rf"(?: duration (\d{{1,6}}):(\d\d):(\d\d))?(?=[\s.]|$)"
)
_BLOCK = re.compile(
    r"(?:(Allocated|Released)|Pba-interim-logging: Active) (\S{1,8}) block of ports for translation from "
    r"(?:[^:\s]{0,64}:)?([^\s/()]{1,255})(?:/\d{1,5})? to (?:[^:\s]{0,64}:)?([^\s/()]{1,255})/"
    r"(\d{1,5})-(\d{1,5})(?=\D|$)"
)

Fact = Attempt | Contact | Translation | Other | None


def parse(line: str, near: float) -> Fact:
    """Read one line; Other where it tells no connection or only names, None when it is not ours, or cut."""
    at = line.find("%")
    m = _ID.match(line, at) if at >= 0 else None
    if m is None:
        return None
    ahead = front(line, at, near, tagged=True)
    if ahead is None and (itself := _SELF.search(line, max(0, at - 32), at)):
        ahead = front(line, itself.start(), near, tagged=True)
    if ahead is None:
        return None
    read = _MESSAGES.get(m[1])
    if read is None:
        return OTHER
    when = ahead[0].at if ahead[0] else moment(_of(line, "FirstPacketSecond", m.end()))
    again = _REPEATED.match(line, m.end())  # as rsyslog gathers them
    return None if when is None else read(line, again.end() if again else m.end(), when)


def session() -> Parse:
    """A reader of one file, to which what an access list, a beginning and an end tell is one connection."""
    return Told().of(lambda line, near: Line(parse(line, near), _within(line)))


def _within(line: str) -> float:
    """Seconds by which the line may be later than the connection that it tells of."""
    if again := _AGAIN.search(line):
        return float(again[1]) + SLACK
    m = _ID.search(line)
    return COURSE if m and m[1] in _INSPECTED else SLACK


_AGAIN = re.compile(r" hit-cnt \d{1,9} (\d{1,5})-second interval")
COURSE = 3600.0  # seconds for which a connection is known, when an inspection tells of it


def _built(line: str, start: int, at: float) -> Fact:
    m = _BUILT.match(line, start)
    if m is None:
        return OTHER if line.startswith(_STUBS, start) else None
    first, second, user = m.group(3, 4, 5, 6, 7), m.group(8, 9, 10, 11, 12), m[13]
    return _opened(at, m[2], *((first, second) if m[1] == "inbound" else (second, first)), user)


_STUBS = ("Built director", "Built forwarder", "Built backup", "Built local")


def _bypass(line: str, start: int, at: float) -> Fact:
    m = _BYPASS.match(line, start)
    return _opened(at, "tcp", m.group(1, 2, 3, 4, 5), m.group(6, 7, 8, 9, 10), m[11]) if m else None


def _opened(
    at: float, protocol: str, ours: tuple[str, ...], theirs: tuple[str, ...], user: str | None
) -> Fact:
    """`ours` opened it: address, port, both as the other side sees them, user."""
    made = connection(
        at, net.ip(ours[0]), net.ip(theirs[0]), port(theirs[1]), port(ours[1]), protocol, action="pass",
        nat=net.ip(ours[2]), nat_port=port(ours[3]), account=_account(ours[4] or user),
    )  # fmt: skip
    return made or OTHER


def _ping(line: str, start: int, at: float) -> Fact:
    m = _PING.match(line, start)
    if m is None:
        return None
    theirs, seen, ours = _ip(m[2]), _ip(m[4]), _ip(m[6])
    if m[1] == "inbound":
        return connection(at, theirs, ours, 0, 0, "icmp", action="pass", account=_account(m[3])) or OTHER
    made = connection(at, ours, theirs, 0, 0, "icmp", action="pass", nat=seen, account=_account(m[7]))
    return made or OTHER


def _flags(line: str, start: int, at: float) -> Fact:
    m = _FLAGS.match(line, start)
    if m is None:
        return None
    flags = m[5].split()
    opens = "SYN" in flags and "ACK" not in flags and "RST" not in flags
    return _denied(at, "tcp", m[1], m[2], m[3], m[4], opens=opens)


def _inbound(line: str, start: int, at: float) -> Fact:
    m = _INBOUND.match(line, start)
    return _denied(at, m[1], m[2], m[3], m[4], m[5]) if m else None


def _src_dst(line: str, start: int, at: float) -> Fact:
    m = _SRC_DST.match(line, start)
    if m is None or (m[1].lower() in ("tcp", "udp") and not (m[3] and m[6])):
        return None
    ping = "icmp" in m[1].lower()  # its identifier stands where ports do
    return _denied(at, m[1], m[2], None if ping else m[3], m[5], None if ping else m[6], user=m[4])


def _listed(line: str, start: int, at: float) -> Fact:
    """The same where the line goes on: behind a port at its very end some digits may be missing."""
    m = _SRC_DST.match(line, start)
    return _src_dst(line, start, at) if m and m.end() < len(line) else None


def _spoof(line: str, start: int, at: float) -> Fact:
    m = _SPOOF.match(line, start)
    return _denied(at, m[1], m[2], "", m[3], "") if m else None


def _denied(
    at: float, protocol: str, src: str, sport: str | None, dst: str, dport: str | None, *,
    user: str | None = None, opens: bool = True,
) -> Fact:  # fmt: skip
    made = connection(
        at, _ip(src), _ip(dst), port(dport or ""), port(sport or ""), protocol,
        opens=opens, action="block", account=_account(user),
    )  # fmt: skip
    return made or OTHER


def _list(line: str, start: int, at: float) -> Fact:
    m = _LIST.match(line, start)
    if m is None:
        return None
    if m[1] == "est-allowed":  # a packet of a connection that there is already
        return OTHER
    ping = "icmp" in m[2]  # its type and code stand where ports do
    made = connection(
        at, _ip(m[4]), _ip(m[7]), 0 if ping else port(m[8]), 0 if ping else port(m[5]), m[2],
        action="pass" if m[1] == "permitted" else "block", account=m[3] or _account(m[6]),
    )  # fmt: skip
    return made or OTHER


def _itself(line: str, start: int, at: float) -> Fact:
    m = _ITSELF.match(line, start)
    if m is None:
        return OTHER  # a named service, another protocol
    action = "pass" if m[2] == "access permitted" else "block"
    made = connection(at, _ip(m[3]), _ip(m[5]), port(m[6]), port(m[4]), m[1], action=action)
    return made or OTHER


def _from_to(line: str, start: int, at: float) -> Fact:
    m = _FROM_TO.search(line, start, start + 400)
    if m is None:
        return OTHER
    protocol = _PROTOCOL.search(line, start, m.start())
    action = "pass" if (let := _LET.search(line, start, m.start())) else "block"
    made = connection(
        at, _ip(m[1]), _ip(m[5]), port(m[6]), port(m[2]), protocol[1] if protocol else "tcp",
        action="" if let and let[0] == "Duplicate" else action,
        nat=(nat := _ip(m[3] or "")), nat_port=port(m[4] or "") if nat else 0,
    )  # fmt: skip
    return made or OTHER


def _goes_on(line: str, start: int, at: float) -> Fact:
    """The same where the line goes on: behind a port at its very end some digits may be missing."""
    m = _FROM_TO.search(line, start, start + 400)
    return None if m and m.end() == len(line) else _from_to(line, start, at)


def _xlate(line: str, start: int, at: float) -> Fact:
    m = _XLATE.match(line, start)
    if m is None:
        return None
    inside, outside = _ip(m[3]), _ip(m[6])
    if inside is None or outside is None:
        return OTHER
    if m[2] and not (m[4] and m[7]):
        return None
    begin: float | None = at
    end = None
    if m[1] == "Teardown":
        end = at
        begin = at - (int(m[8]) * 3600 + int(m[9]) * 60 + int(m[10])) if m[8] else None
    return Translation(
        inside, outside, begin, end, port(m[4] or ""), port(m[7] or ""), 1, (m[2] or "").lower(),
        account=_account(m[5]),
    )  # fmt: skip


def _block(line: str, start: int, at: float) -> Fact:
    m = _BLOCK.match(line, start)
    if m is None:
        return None
    inside, outside = _ip(m[3]), _ip(m[4])
    if inside is None or outside is None:
        return OTHER
    low, high = port(m[5]), port(m[6])
    if high < low:
        return None
    begin, end = {"Allocated": (at, None), "Released": (None, at)}.get(m[1], (None, None))
    return Translation(inside, outside, begin, end, 0, low, high - low + 1, m[2].lower())


def _account(text: str | None) -> str:
    r"""The user in parentheses: without the local data base's name and the security group's number."""
    if not text:
        return ""
    name = text.partition(",")[0].strip()
    if name.startswith("LOCAL\\"):
        return name[5:].lstrip("\\")
    return "" if _NO_USER.fullmatch(name) else name


_NO_USER = re.compile(r"\d{1,5}(?::.*)?|[\w-]+(?:\.[\w-]+)+")  # a security group, a host's name


@lru_cache(maxsize=65536)
def _ip(text: str) -> Address | None:
    """An address, though an interface's name before it held a colon; None for what is a name."""
    return net.ip(text) or (net.ip(text.partition(":")[2]) if ":" in text else None)


def _event(line: str, start: int, at: float) -> Fact:
    """FTD's connection events: `Key: value, Key: value`."""
    src, dst = net.ip(_of(line, "SrcIP", start)), net.ip(_of(line, "DstIP", start))
    protocol = _of(line, "Protocol", start).lower()
    dport = _of(line, "DstPort", start)
    if src is None or dst is None or not protocol or (protocol in ("tcp", "udp") and not dport):
        return None
    did = _of(line, "AccessControlRuleAction", start)
    action = "block" if "lock" in did else "pass" if did else ""
    duration, back, outcome, end = _of(line, "ConnectionDuration", start), "", "", None
    begin = moment(_of(line, "FirstPacketSecond", start)) or at
    if duration.isdigit() and len(duration) <= 8 and duration.isascii():
        end, back = at, _of(line, "ResponderPackets", start)
        begin = begin if begin < at else at - int(duration)
    if back.isdigit() and action == "pass":
        outcome = "answered" if back.strip("0") else "silent"
    user = _of(line, "User", start)
    return connection(
        begin, src, dst, port(dport), port(_of(line, "SrcPort", start)), protocol, action=action,
        outcome=outcome, nat=net.ip(_last(line, "NAT_InitiatorIP", start)),
        nat_port=port(_last(line, "NAT_InitiatorPort", start)),
        account="" if user in _NOBODY else user, end=end,
    )  # fmt: skip


_NOBODY = frozenset({"", "No Authentication Required", "Not Found", "Unknown", "Guest"})


def _of(line: str, key: str, start: int) -> str:
    """The value of the first `key`; "" where the line was cut off within it."""
    at = line.find(f" {key}: ", start - 1)
    end = line.find(", ", at)
    return line[at + len(key) + 3 : end] if at >= 0 and end >= 0 else ""


def _last(line: str, key: str, start: int) -> str:
    """The same of the last one: translations stand behind what a browser calls itself."""
    at = line.rfind(f" {key}: ", start)
    end = line.find(", ", at)
    return line[at + len(key) + 3 : end] if at >= 0 and end >= 0 else ""


# Of a packet of a connection that may have been built already: by a module; by an inspection, by a list of
# botnets, which tell more behind the ports.
_MODULES = ("420001", "420002", "420003", "434001", "434002", "434003")
_INSPECTIONS = (
    "108003", "108004", "108005", "108006", "338001", "338002", "338003", "338004", "338005", "338006",
    "338007", "338008", "338101", "338102", "338103", "338104", "338201", "338202", "338203", "338204",
    "410001", "419002", "421001", "507003",
)  # fmt: skip
_INSPECTED = frozenset(_MODULES + _INSPECTIONS)

_MESSAGES: dict[str, Callable[[str, int, float], Fact]] = {
    "106001": _flags, "106006": _inbound, "106007": _inbound,
    "106010": _src_dst, "106011": _src_dst, "106014": _src_dst, "106023": _listed,
    "305005": _src_dst, "305006": _src_dst, "305013": _listed,
    "106012": _spoof, "106016": _spoof, "106017": _spoof, "106020": _spoof, "106021": _spoof,
    "106022": _spoof,
    "106100": _list, "106102": _list, "106103": _list,
    "302013": _built, "302015": _built, "302020": _ping, "302303": _bypass,
    "305009": _xlate, "305010": _xlate, "305011": _xlate, "305012": _xlate,
    "305014": _block, "305015": _block, "305017": _block,
    "430002": _event, "430003": _event,
    "710002": _itself, "710003": _itself, "710005": _itself,
    "110002": _from_to, "110003": _from_to, "201010": _goes_on, "201011": _goes_on, "201013": _goes_on,
    "202010": _from_to, "418001": _src_dst, "710004": _goes_on,
    **dict.fromkeys(_MODULES, _from_to), **dict.fromkeys(_INSPECTIONS, _goes_on),
}  # fmt: skip
