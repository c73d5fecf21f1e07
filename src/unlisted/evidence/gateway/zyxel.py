"""Zyxel ZyWALL, USG, ATP and USG FLEX by syslog.

Source: ZyXEL, "ZyWALL 2 Plus User's Guide", table 158 (event and traffic logs); uOS 1.3 for the fields of
newer ones. Sample: tests/samples/zyxel/. `usg src="192.168.1.5:51512" dst="198.51.100.7:25" msg="Match
default rule, DROP" note="ACCESS BLOCK" user="" devID="…" cat="Security Policy Control"`; at the end of a
session `… cat="Traffic Log" duration=31 sent=1200 rcvd=900 dir="lan1:wan1" protoID=6 proto="smtp"`.

Surprises: newer ones write the year behind the clock. An event names the protocol in its text, or not at
all: then a mail port is TCP's. A traffic log is the end: an attempt where no start was told. `user` may be
the owner's of the session; "unknown" is none.
"""

import re
from collections.abc import Callable

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import Stamp, remembered, stamp
from unlisted.evidence.gateway._once import Once, ended
from unlisted.evidence.gateway._pairs import LONGEST, end_point, field, seconds
from unlisted.messages import Attempt, Contact, Translation

HINT = ' devID="'
PACKETS = True  # what is blocked is told packet by packet
CANDIDATE = rb'dst="[0-9a-fA-F.:\[\]]*:(?:25|465|587)"'

_YEAR = re.compile(r" (20\d\d)(?= )")
_AHEAD = re.compile(r"[\s|]*(?:[\w.@+-]{1,255}[ \t]+){0,2}")
_NAMED = re.compile(r"\b(TCP|UDP|ICMP)\b")
_ACTION = re.compile(
    r"\b(?:(BLOCK|DROP|REJECT|DENY|Drop|Reject|Deny)|(FORWARD|ACCEPT|ALLOW|PERMIT|Allow|Accept))\b"
)
_RULES = (
    "firewall",
    "security policy control",
    "access control",
    "policy control",
    "sessions limit",
    "session control",
)


def parse(line: str, near: float) -> Attempt | Contact | Translation | Other | None:
    """Read one line by itself."""
    return _read(line, near, Once())


def session() -> Callable[[str, float], Attempt | Contact | Translation | Other | None]:
    """A reader of lines in their order: an end whose start was told is no second attempt."""
    once = Once()
    return lambda line, near: _read(line, near, once)


def _read(line: str, near: float, once: Once) -> Attempt | Contact | Translation | Other | None:
    begin = line.find('src="')
    if begin < 0 or begin > LONGEST or begin > line.find(HINT):
        return None
    if (when := _front(line[:begin], near)) is None:
        return None
    at = when.at
    src, sport = end_point(line[begin + 5 : max(0, line.find('"', begin + 5))])
    dst, dport = end_point(field(line, " dst=", begin))
    kind = field(line, " cat=", begin).lower()
    traffic = kind == "traffic log"
    if src is None or dst is None or not (traffic or kind in _RULES):
        return OTHER
    end, length = at, field(line, " duration=", begin) if traffic else ""
    at -= seconds(length)
    action = "pass" if traffic else _action(line, begin)
    received = field(line, " rcvd=", begin)
    user = field(line, " user=", begin)
    made = connection(
        at, src, dst, dport, sport, _protocol(line, begin, dport),
        mac=card(field(line, " client_mac=", begin) or field(line, " mac=", begin)), action=action,
        outcome="" if not traffic else "answered" if received.strip("0") else "silent" if received else "",
        nat=net.ip(field(line, " sourceTranslatedAddress=", begin)),
        nat_port=port(field(line, " sourceTranslatedPort=", begin)),
        account="" if user == "unknown" else user[:253],
    )  # fmt: skip
    key = (src, sport, dst, dport)
    if traffic and once.told(key, at, dated=bool(length)):
        once.forget(key)
        return ended(made, end)
    if not traffic and action != "block":
        once.begin(key, at)
    return made


@remembered(4096)  # the lines of one second begin alike
def _front(ahead: str, near: float) -> Stamp | None:
    """When the line was written; None when what stands before its fields is not syslog's own."""
    when = stamp(ahead, near)
    if when is None:
        return None
    end = when.end
    if not when.year and (year := _YEAR.match(ahead, end)):
        clock = ahead[max(0, end - 15) : end]
        when = stamp(f"{clock[:-8]}{year[1]} {clock[-8:]} ", near) or when
        end = year.end()
    return when if _AHEAD.fullmatch(ahead, end) else None


def dated(line: str, near: float) -> Stamp | None:
    """When the line was written; newer ones tell the year."""
    begin = line.find('src="')
    return _front(line[:begin], near) if 0 <= begin <= LONGEST else None


def _action(line: str, begin: int) -> str:
    for name in (" action=", " note=", " msg="):
        words = list(_ACTION.finditer(field(line, name, begin)))
        if words:
            return "block" if words[-1][1] else "pass"
    return ""


def _protocol(line: str, begin: int, dport: int) -> str:
    if number := field(line, " protoID=", begin):
        return number
    if named := _NAMED.search(field(line, " msg=", begin)):
        return named[1].lower()
    return "tcp" if dport in net.MAIL_PORTS else ""
