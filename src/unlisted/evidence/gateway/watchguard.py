"""WatchGuard Firebox by syslog: packet filter and proxies.

Source: WatchGuard, "Fireware Log Catalog" and "Read a Log Message", Fireware 12. Sample:
tests/samples/watchguard/. `firebox FVE601 (2026-11-23T13:48:25) firewall: msg_id="3000-0148" Allow
1-Trusted 0-External 52 tcp 20 127 192.168.1.5 198.51.100.7 51512 25 offset 8 S 832026162 win 8192
src_ip_nat="203.0.113.1" (SMTP-00)`.

Surprises: addresses and ports stand by their places, behind two interfaces whose names may hold blanks. The
time in brackets is UTC, that of syslog is not. 3000-0148 is the first packet, 3000-0151 the end of the
session (`duration`); a proxy (`1BFF-…` is that of SMTP) has lines of its own and several of one connection:
what comes after the first makes no second attempt. In a refused packet the letters of its flags stand
behind `offset`.
"""

import re
from collections.abc import Callable, Hashable
from typing import TypeAlias

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import Stamp, remembered
from unlisted.evidence.gateway._once import Once, ended
from unlisted.evidence.gateway._pairs import LONGEST, field, front, moment, seconds
from unlisted.messages import Attempt, Contact, Translation

HINT = 'msg_id="'
PACKETS = True  # what is refused is told packet by packet
CANDIDATE = rb" (?:25|465|587)[ \r\n]"

_TAG = re.compile(r"[\w.-]{1,40}(?:\[\d{1,7}\])?: ")
_CLOCK = re.compile(r"\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\) $")
_SAID = re.compile(
    r'msg_id="(?P<id>[0-9A-F]{2,4}-[0-9A-F]{4})" (?P<did>Allow|Deny) (?P<on>[^"(]{1,160}?) '
    r"(?P<length>\d{1,5} )?(?P<protocol>tcp|udp|icmp|icmpv6|igmp|gre|esp|ah|sctp|\d{1,3}) "
    r"(?:\d{1,3} \d{1,3} )?(?P<src>[0-9a-fA-F:.]{2,45}) (?P<dst>[0-9a-fA-F:.]{2,45}) "
    r"(?P<sport>\d{1,5}) (?P<dport>\d{1,5})(?= )"
)
_FLAGS = re.compile(r" +offset \d{1,3} ([A-Z]{1,9}) ")
_FIRST, _ENDED = "3000-0148", "3000-0151"

Made: TypeAlias = Attempt | Contact | Other | None


def parse(line: str, near: float) -> Attempt | Contact | Translation | Other | None:
    """Read one line by itself."""
    return _read(line, near, Once())


def session() -> Callable[[str, float], Attempt | Contact | Translation | Other | None]:
    """A reader of lines in their order: what is told of a connection after its first line makes no second."""
    once = Once()
    return lambda line, near: _read(line, near, once)


def _read(line: str, near: float, once: Once) -> Attempt | Contact | Translation | Other | None:
    begin = line.find(HINT)
    if not 0 <= begin <= LONGEST or (when := _front(line[:begin], near)) is None:
        return None
    at = when.at
    found = _SAID.match(line, begin)
    if found is None:
        return OTHER
    src, dst = net.ip(found["src"]), net.ip(found["dst"])
    if src is None or dst is None:
        return OTHER
    protocol = found["protocol"]
    ports = protocol in ("tcp", "udp", "sctp", "6", "17", "132")
    sport, dport = (port(found["sport"]), port(found["dport"])) if ports else (0, 0)
    flags = _FLAGS.match(line, found.end())
    if protocol == "tcp" and found["length"] and flags is None:
        return None  # a packet, cut off before its flags
    opens = flags is None or protocol != "tcp" or ("S" in flags[1] and not set("AR") & set(flags[1]))
    end, length = at, field(line, " duration=", found.end()) if found["id"] == _ENDED else ""
    at -= seconds(length)
    received = field(line, " rcvd_bytes=", found.end())
    made = connection(
        at, src, dst, dport, sport, protocol, opens=opens,
        action="pass" if found["did"] == "Allow" else "block",
        outcome="answered" if received.isdigit() and received.strip("0") else "",
        nat=_outside(field(line, " src_ip_nat=", found.end())),
        nat_port=port(field(line, " src_port_nat=", found.end())),
        account=field(line, " src_user=", found.end())[:253],
    )  # fmt: skip
    if not opens or (found["did"] == "Deny" and found["id"] == _FIRST):
        return made
    return once_only(once, made, (src, sport, dst, dport), found["id"], end, dated=bool(length))


def once_only(
    once: Once, made: Made, key: Hashable, number: str, end: float, *, dated: bool
) -> Made | Translation:
    """The fact that a line made, or what it adds to one that was told."""
    if made is None or isinstance(made, Other):
        return made
    if number != _FIRST and once.told(key, made.at, dated=dated):
        if number != _ENDED:
            return OTHER
        once.forget(key)
        return ended(made, end)
    once.begin(key, made.at)
    return made


@remembered(4096)  # the lines of one second begin alike
def _front(ahead: str, near: float) -> Stamp | None:
    """When the line was written; None where what stands before the message is not the Firebox's own."""
    if ahead.endswith(": "):
        start = ahead.rfind(" ", 0, -2) + 1
        if not _TAG.fullmatch(ahead, start):
            return None
        ahead = ahead[:start]
    clock = _CLOCK.search(ahead)
    if clock:
        ahead = ahead[: clock.start()]
    ours, header = front(ahead, len(ahead), near)
    own = moment(f"{clock[1]}Z", near) if clock else None
    return (own or header) if ours else None


def dated(line: str, near: float) -> Stamp | None:
    """When the line was written, by the Firebox's own clock."""
    begin = line.find(HINT)
    return _front(line[:begin], near) if 0 <= begin <= LONGEST else None


def _outside(text: str) -> net.Address | None:
    address = net.ip(text) if text else None
    return None if address is None or address.is_unspecified else address
