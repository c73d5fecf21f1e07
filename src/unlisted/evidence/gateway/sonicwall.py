"""SonicWall: SonicOS 5 to 7 by syslog, default format.

Source: SonicWall, "SonicOS Log Events Reference Guide" (message identifiers, fields). Sample:
tests/samples/sonicwall/. `id=firewall sn=… time="2026-11-23 13:48:25 UTC" fw=203.0.113.1 pri=6 c=262144
m=98 msg="Connection Opened" src=192.168.1.5:51512:X0:pc dst=198.51.100.7:25:X1 proto=tcp/smtp`.

Surprises: `id=` is a name that the owner may choose. `m` says what happened: 98 opened, 537 closed (with
the length in milliseconds, in newer ones), 36 and 173 TCP that a rule dropped, 97 a web page. An end is an
attempt where no start was logged. Where `src=:51512:X0` holds no address, it is IPv6's and stands in
`srcV6=`. A dropped TCP packet tells its flags in `note` in newer ones: only a SYN opens. "Unknown (SSO
failed)" is no user.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Parse, Parsed
from unlisted.evidence.card import card
from unlisted.evidence.contact import connection
from unlisted.evidence.framing import Stamp
from unlisted.evidence.gateway._front import front
from unlisted.evidence.gateway._pairs import Pairs, end_point, moment, pairs, seconds
from unlisted.evidence.gateway._told import LONGEST, SLACK, Line, Told, alone
from unlisted.messages import Translation
from unlisted.net import Address

HINT = " sn="
PACKETS = True  # what is dropped is told packet by packet
CANDIDATE = rb"dst=[0-9a-fA-F.:\[\]]*:(?:25|465|587)[: \r\n]"

_OPENED, _CLOSED, _WEB, _MAPPED = "98", "537", "97", "1197"
_DROPPED = frozenset(("36", "37", "38", "41", "173", "174", "175", "524"))
_ACTIONS = {
    "drop": "block",
    "deny": "block",
    "block": "block",
    "reject": "block",
    "forward": "pass",
    "allow": "pass",
}
_UNTOLD = {"37": "udp", "174": "udp", "38": "icmp", "175": "icmp"}  # where the line tells no protocol
_FLAGS = re.compile(r"TCP Flag\(s\): ([A-Z ]{0,60})")
_NOTE = re.compile(
    r"Source: ([0-9a-fA-F.:]{2,45}), (\d{1,5}), "
    r"Destination: ([0-9a-fA-F.:]{2,45}), (\d{1,5}), Protocol: (\d{1,3})"
)
_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmp6"}


def parse(line: str, near: float) -> Parsed:
    """Read one line by itself."""
    return alone(_read(line, near))


def session() -> Parse:
    """A reader of lines in their order: an end whose start was told is no second attempt."""
    return Told().of(_read)


def _read(line: str, near: float) -> Line | Parsed:
    begin = _begin(line)
    if begin < 0:
        return None
    of = pairs(line, begin)
    if (when := _when(line, begin, of, near)) is None:
        return None
    number = of["m"]
    if number == _MAPPED:
        return _mapped(of, when.at)
    if number not in (_OPENED, _CLOSED, _WEB) and number not in _DROPPED and not _blocked_syn(of):
        return OTHER
    return _connection(line, of, when.at, number)


def dated(line: str, near: float) -> Stamp | None:
    """When the line was written: by itself, or by the syslog around it where only that knows the zone."""
    begin = _begin(line)
    return _when(line, begin, pairs(line, begin), near) if begin >= 0 else None


def _begin(line: str) -> int:
    begin = line.find("id=")
    return begin if begin >= 0 and line.find(HINT, begin, begin + 99) > 0 else -1


def _when(line: str, begin: int, of: Pairs, near: float) -> Stamp | None:
    ahead = front(line, begin, near)
    if ahead is None:
        return None
    header, told = ahead[0], moment(of["time"], near)
    return told if told and (told.zone or not (header and header.zone and header.year)) else header


def _blocked_syn(of: Pairs) -> bool:
    """True for a packet that any other rule dropped, when it would have opened a connection."""
    if _ACTIONS.get(of["fw_action"]) != "block":
        return False
    flags = _FLAGS.search(of["note"])
    return flags is not None and flags[1].split() == ["SYN"]


def _connection(line: str, of: Pairs, at: float, number: str) -> Line | Parsed:
    src, sport = _end(of, "src")
    dst, dport = _end(of, "dst")
    if src is None or dst is None:
        return OTHER if of["n"] else None
    done = of["fw_action"]
    if _cut(line, of) or (number in _DROPPED and not done and of["gcat"]):
        return None  # newer ones end with what was done, behind the flags
    protocol = of["proto"].partition("/")[0] or _UNTOLD.get(number, "tcp")
    if protocol.startswith("icmp"):
        sport = dport = 0  # the type and the code
    flags = _FLAGS.search(of["note"])
    opens = not flags or ("SYN" in flags[1].split() and "ACK" not in flags[1].split())
    action = "block" if number in _DROPPED else _ACTIONS.get(done, "")
    nat, nat_port = _end(of, "natSrc")
    outcome, end, length = "", at, ""
    if number == _CLOSED:
        length = of["cdur"]
        at -= seconds(length) / 1000
        outcome = _outcome(of, protocol)
    made = connection(
        at, src, dst, dport, sport, protocol, opens=opens, mac=card(of["srcMac"]),
        action=action or ("pass" if number in (_OPENED, _CLOSED, _WEB) else "block"), outcome=outcome,
        nat=nat, nat_port=nat_port, account=_user(of["usr"]),
    )  # fmt: skip
    return Line(made, SLACK if length else LONGEST, end, last=True) if number == _CLOSED else Line(made)


def _end(of: Pairs, key: str) -> tuple[Address | None, int]:
    address, number = end_point(of[key])
    if address is not None:
        return address, number
    six, port = end_point(of[f"{key}V6"])
    return six, number or port


def _cut(line: str, of: Pairs) -> bool:
    """True when the line ends in the destination, perhaps in the middle of it: no interface follows."""
    value = of["dst"]
    last = value if end_point(value)[0] else of["dstV6"]
    return line.endswith(last) and (last != value or value.count(":") < 2 or value.endswith(":"))


def _outcome(of: Pairs, protocol: str) -> str:
    """One packet in answer is a refusal as well as an acceptance, for TCP."""
    got = of["rpkt"] or of["rcvd"]
    if not got:
        return "silent" if of["sent"] else ""
    packets = of["rpkt"]
    if packets == "0":
        return "silent"
    return "" if packets == "1" and protocol == "tcp" else "answered"


def _user(text: str) -> str:
    return "" if text.startswith("Unknown") else text[:253]


def _mapped(of: Pairs, at: float) -> Parsed:
    """A mapping of the NAT, with the outer address in words."""
    src, sport = _end(of, "src")
    note = _NOTE.match(of["note"])
    outside = net.ip(note[1]) if note else None
    if src is None or note is None or outside is None or src == outside:
        return OTHER
    protocol = _PROTOCOLS.get(note[5], note[5])
    port = int(note[2]) if int(note[2]) <= 65535 else 0
    return Translation(
        src, outside, at, None, sport, port, 1, protocol, net.ip(note[3]), int(note[4]) % 65536
    )
