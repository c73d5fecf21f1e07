"""Juniper SRX (and MX with service cards): RT_FLOW and APPTRACK sessions, RT_NAT port blocks.

Source: Juniper, "System Log Explorer" for Junos 12.3 to 23.4 (RT_FLOW_SESSION_CREATE, _CLOSE, _DENY and
their _LS forms of logical systems, APPTRACK_SESSION_*, RT_SRC_NAT_PBA_ALLOC, _INTERIM, _RELEASE,
ASP_NAT_PORT_BLOCK_*, JSERVICES_NAT_PORT_BLOCK_*).
Sample: tests/samples/juniper_srx/.

Surprises: structured lines (`[junos@2636.1.1.1.2.129 key="value" …]`) and plain ones tell the same. Whether a
session is logged when it begins, when it ends or both is each policy's setting: a CLOSE is dated back by
`elapsed-time`. The plain form writes the rules' kinds (`source rule NAME`) or only their names, by version.
A NAT pool's port block is a subscriber's until it is released.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse
from unlisted.evidence.contact import connection, port
from unlisted.evidence.gateway._front import front
from unlisted.evidence.gateway._told import Told
from unlisted.messages import Attempt, Contact, Translation

HINT = "RT_"
PACKETS = True  # a denied packet has a line of its own
CANDIDATE = rb'_SESSION_[^\n]*(?:destination-port="|/)(?:25|465|587)[" \t\r\n]'

_NAME = re.compile(
    r"(?<![A-Z0-9_])(RT_FLOW_SESSION_[A-Z_]{4,12}|APPTRACK_SESSION_[A-Z_]{4,20}"
    r"|(?:RT_SRC|ASP|JSERVICES)_NAT_P[A-Z_]{3,20}|RT_[A-Z][A-Z0-9]{2,12}_[A-Z0-9_]{2,60}"
    r"|FLOW_[A-Z_]{4,40})(?=[: ])"
)
# What a service card of an MX writes ahead of it, a process number where a collector adds one, facility and
# severity where `explicit-priority` is set.
_CARD_TAG = re.compile(
    r"(?:\(FPC Slot \d{1,2}, PIC Slot \d{1,2}\) ?)?(?:\{[^{}\s]{1,64}\})?\[[A-Z]{2,12}\]: ?$"
    r"|RT_[A-Z]{2,12}\[\d{1,10}\]: $|%(?:[A-Z]{2,16}-[0-7])?-$"
)
_PAIR = re.compile(r"[:\s]\s*(?:\[(?:junos@[\w.]{1,64} )?)")
_POINTS = re.compile(
    r":? ?(?:AppTrack )?(?:session (?:created|denied)|session closed ([^:]{0,64}):|volume update:) "
    r"([\dA-Fa-f.:]{2,45})/(\d{1,5})->([\dA-Fa-f.:]{2,45})/(\d{1,5})(?= )"
)
_NATTED = re.compile(r" ([\dA-Fa-f.:]{2,45})/(\d{1,5})->[\dA-Fa-f.:]{2,45}/\d{1,5}(?: 0x\w{1,8})?(?= )")
_DENIED = re.compile(r" (?:0x\w{1,8} )?\S{1,64} (\d{1,3})\(\d{1,5}\)")
_COUNTS = re.compile(r" \d{1,15}\(\d{1,20}\) (\d{1,15})\(\d{1,20}\) (\d{1,9})(?= |$)")
# The user and his roles; a policy's name may end in `(global)`.
_WHO = re.compile(r" (\S{1,64})\((?!global\))[^()\s]{0,255}\)(?= |$)")
_SUBSCRIBER = re.compile(
    r":? ?Subscriber ([\dA-Fa-f.:]{2,45}) .{0,60}?(?:allocates|releases|Active|interim)\D{0,40}"
    r"\[(\d{1,5})-(\d{1,5})\] \D{0,40}?([\dA-Fa-f.:]{2,45}) "
)
_CARD = re.compile(
    r"(?:: )?\s?([\dA-Fa-f.:]{2,45}) -> ([\d.]{7,15}):(\d{1,5})-(\d{1,5})(?: (?:0x)?([\dA-Fa-f]{8}))?(?=\s|$)"
)

Fact = Attempt | Contact | Translation | Other | None


def parse(line: str, near: float) -> Fact:
    """Read one line; Other for what tells no session, None when it is not ours, or cut."""
    m = _NAME.search(line, 0, 300)
    if m is None:
        return None
    ahead = front(line, m.start(), near, tagged=True)
    if ahead is None and (card := _CARD_TAG.search(line, 0, m.start())):
        ahead = front(line, card.start(), near, tagged=True)
    if ahead is None or ahead[0] is None:
        return None
    name, at, start = m[1], ahead[0].at, m.end()
    if "_NAT_P" in name:
        return _block(line, start, at, name)
    if "_SESSION_" not in name:
        return OTHER
    if "ROUTE_UPDATE" in name:
        return OTHER
    if _PAIR.match(line, start):
        return _structured(line, start, at, name)
    return _plain(line, start, at, name)


def session() -> Parse:
    """A reader of one file, to which a session's beginning and end are one connection."""
    return Told().of(parse)


def _value(line: str, key: str, start: int) -> str:
    """The value of the first `key`; "" when there is none, or when the line was cut off within it."""
    at = line.find(f'{key}="', start)
    while at > 0 and line[at - 1] not in " [":  # nat-source-address holds source-address
        at = line.find(f'{key}="', at + 1)
    at += len(key) + 2
    end = line.find('"', at)
    return line[at:end] if at > len(key) + 1 and end >= 0 else ""


def _structured(line: str, start: int, at: float, name: str) -> Fact:
    src, dst = (
        net.ip(_value(line, "source-address", start)),
        net.ip(_value(line, "destination-address", start)),
    )
    dport, protocol = _value(line, "destination-port", start), _value(line, "protocol-id", start)
    if src is None or dst is None or not dport or not protocol:
        return None
    sport = port(_value(line, "source-port", start))
    elapsed, back = _value(line, "elapsed-time", start), _value(line, "packets-from-server", start)
    user = _value(line, "username", start)
    begin, end = _span(at, elapsed)
    outside = net.ip(_value(line, "nat-source-address", start))
    outside_port = port(_value(line, "nat-source-port", start)) if outside else 0
    return _session(
        name, begin, src, dst, port(dport), sport, protocol, nat=outside, nat_port=outside_port, end=end,
        account=user, outcome=_outcome(name, back, _value(line, "reason", start)),
    )  # fmt: skip


def _plain(line: str, start: int, at: float, name: str) -> Fact:
    m = _POINTS.match(line, start)
    if m is None:
        return None
    src, dst = net.ip(m[2]), net.ip(m[4])
    if "DENY" in name:
        denied = _DENIED.match(line, m.end())
        if denied is None:
            return None
        who = _WHO.search(line, denied.end(), denied.end() + 400)
        return _session(name, at, src, dst, port(m[5]), port(m[3]), denied[1], account=who[1] if who else "")
    nat = _NATTED.search(line, m.end(), m.end() + 300)
    protocol, rest = _protocol(line, nat.end() if nat else m.end())
    if not protocol:
        return None
    counts = _COUNTS.search(line, rest, rest + 600)
    begin, end = _span(at, counts[2] if counts else "")
    who = _WHO.search(line, counts.end() if counts else rest, rest + 900)
    return _session(
        name, begin, src, dst, port(m[5]), port(m[3]), protocol,
        nat=net.ip(nat[1]) if nat else None, nat_port=port(nat[2]) if nat else 0,
        end=end, account=who[1] if who else "",
        outcome=_outcome(name, counts[1] if counts else "", m[1] or ""),
    )  # fmt: skip


def _protocol(line: str, start: int) -> tuple[str, int]:
    """The protocol's number behind the two NAT rules, each `NAME`, `N/A N/A` or `source rule NAME`."""
    words = line[start : start + 400].split(" ")[1:12]
    place = 0
    for _ in range(2):
        two = words[place : place + 2]
        place += 3 if two[1:] == ["rule"] else 2 if two == ["N/A", "N/A"] else 1
    for number in (place, 2):
        if number < len(words) and words[number].isdigit() and len(words[number]) <= 3:
            return words[number], start + len(" ".join(words[: number + 1]))
    return "", start


def _session(
    name: str, at: float, src: net.Address | None, dst: net.Address | None, dport: int, sport: int,
    protocol: str, *, nat: net.Address | None = None, nat_port: int = 0, end: float | None = None,
    account: str = "", outcome: str = "",
) -> Fact:  # fmt: skip
    ping = protocol in ("1", "58")  # its id and sequence stand where ports do
    return connection(
        at, src, dst, 0 if ping else dport, 0 if ping else sport, protocol,
        action="block" if "DENY" in name else "pass", outcome=outcome, nat=nat,
        nat_port=0 if ping else nat_port, end=end,
        account="" if account.upper() in ("N/A", "UNKNOWN") else account,
    )  # fmt: skip


def _span(at: float, elapsed: str) -> tuple[float, float | None]:
    """When a session began and ended."""
    if elapsed.isdigit() and elapsed.isascii() and len(elapsed) <= 9:
        return at - int(elapsed), at
    return at, None


def _outcome(name: str, back: str, reason: str) -> str:
    """How the other side answered, by its packets and why the session was closed."""
    if "CLOSE" not in name or not back.isdigit():
        return ""
    few = len(back) == 1 and int(back) <= 1
    if few and "RST" in reason and "CLIENT" not in reason:
        return "refused"
    if back.strip("0"):
        return "answered"
    return "silent" if "imeout" in reason or "age" in reason.lower() or reason == "unset" else ""


def _block(line: str, start: int, at: float, name: str) -> Fact:
    """A port block that a subscriber was given, or has no longer."""
    begun: float | None = at
    if _PAIR.match(line, start):
        inside, outside = _value(line, "internal-ip", start), _value(line, "reflexive-ip", start)
        low, high = _value(line, "block-port-low", start), _value(line, "block-port-high", start)
        seconds = _value(line, "epoch-time-64", start)
        at = _hex(seconds) or at
        begun = at
    elif m := _CARD.match(line, start):
        inside, outside, low, high, seconds = m.group(1, 2, 3, 4, 5)
        begun = _hex(seconds or "") or at  # of a release as well: when it was allocated
    elif m := _SUBSCRIBER.match(line, start):
        inside, low, high, outside = m.group(1, 2, 3, 4)
    else:
        return None
    ours, theirs, first, last = net.ip(inside), net.ip(outside), port(low), port(high)
    if ours is None or theirs is None or not last or last < first:
        return None
    if "RELEASE" in name:
        known = begun if begun and begun < at else None
        return Translation(ours, theirs, known, at, 0, first, last - first + 1)
    if "INTERIM" in name or "ACTIVE" in name:
        begun = None  # it has been so for a while
    return Translation(ours, theirs, begun, None, 0, first, last - first + 1)


def _hex(text: str) -> float | None:
    """Seconds since 1970, in the hexadecimal that Junos writes; None for what is no time."""
    try:
        seconds = int(text, 16) if len(text) <= 16 else 0
    except ValueError:
        return None
    return float(seconds) if 3e8 < seconds < 1e10 else None
