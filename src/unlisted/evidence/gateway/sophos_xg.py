"""Sophos Firewall (XG, SFOS), device standard format, old and new.

Source: Sophos, "Firewall: syslog guide", SFOS 17 to 20. Sample: tests/samples/sophos_xg/. Old:
`device="SFW" date=2026-11-23 time=13:48:25 timezone="CET" … log_type="Firewall" log_component="Firewall
Rule" log_subtype="Allowed" … src_mac=… src_ip=… dst_ip=… protocol="TCP" src_port=51512 dst_port=25 …
tran_src_ip=203.0.113.1 tran_src_port=0 … connevent="Start"`. New: `device_name="SFW"
timestamp="2026-11-23T13:48:25+0100" … src_trans_ip="203.0.113.1" … con_event="Stop" duration=31`.

Surprises: a connection is told at its start and at its end, or only at its end: that is an attempt where no
start was told, `duration` seconds ago. "Invalid Traffic" and "Fragmented Traffic" are packets in the
middle. A translated port of 0 is not told. Names of zones that several countries use (IST, CST) say no
zone. The mail proxy tells of each mail several times ("Anti-Spam", "Anti-Virus"), the connection's addresses
behind the stranger's own words: there the last ones count.
"""

import re
from collections.abc import Callable

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import Stamp
from unlisted.evidence.gateway._once import Once, ended
from unlisted.evidence.gateway._pairs import field, front, moment, seconds, whole
from unlisted.messages import Attempt, Contact, Translation

HINT = " log_component="
PACKETS = True  # what is dropped is told packet by packet
CANDIDATE = rb'dst_port="?(?:25|465|587)[" \r\n]'

_BEGIN = re.compile(r'(?:device(?:_name)?|timestamp)="')  # some relays leave the name out
_OWN = re.compile(r'timestamp="([^"]{10,40})" ')
_ACTIONS = {
    "allowed": "pass",
    "allow": "pass",
    "denied": "block",
    "deny": "block",
    "drop": "block",
    "dropped": "block",
    "rejected": "block",
}
_SCANS = ("Anti-Spam", "Anti-Virus")
_STOPPED = ("drop", "reject", "tmpreject")
_MIDDLE = ("Invalid Traffic", "Fragmented Traffic")
_ZONES = {
    "UTC": "+0000", "GMT": "+0000", "WET": "+0000", "WEST": "+0100", "CET": "+0100", "CEST": "+0200",
    "EET": "+0200", "EEST": "+0300", "MSK": "+0300", "JST": "+0900", "AEST": "+1000", "AEDT": "+1100",
    "NZST": "+1200", "NZDT": "+1300", "EDT": "-0400", "CDT": "-0500", "MDT": "-0600", "PDT": "-0700",
    "PST": "-0800", "AKST": "-0900", "HST": "-1000",
}  # fmt: skip


def parse(line: str, near: float) -> Attempt | Contact | Translation | Other | None:
    """Read one line by itself."""
    return _read(line, near, Once())


def session() -> Callable[[str, float], Attempt | Contact | Translation | Other | None]:
    """A reader of lines in their order: an end whose start was told is no second attempt."""
    once = Once()
    return lambda line, near: _read(line, near, once)


def _read(line: str, near: float, once: Once) -> Attempt | Contact | Translation | Other | None:
    begin = _begin(line)
    when = _when(line, begin, near)
    if when is None:
        return None
    if field(line, " log_type=", begin) in _SCANS:
        return _mail(line, begin, when.at, once)
    if field(line, " log_type=", begin) != "Firewall" or field(line, " log_component=", begin) in _MIDDLE:
        return OTHER
    src, dst = net.ip(field(line, " src_ip=", begin)), net.ip(field(line, " dst_ip=", begin))
    number = field(line, " dst_port=", begin)
    protocol = field(line, " protocol=", begin).lower()
    if not number and protocol in ("tcp", "udp", ""):
        return None  # cut off
    if src is None or dst is None or not whole(line, " dst_port=" if number else " dst_ip=", begin):
        return None
    sport, dport = port(field(line, " src_port=", begin)), port(number)
    at, event = when.at, field(line, " con_event=", begin) or field(line, " connevent=", begin)
    later = event.lower() in ("stop", "interim")
    if later:
        at -= seconds(field(line, " duration=", begin))
    did = field(line, " log_subtype=", begin) or field(line, " status=", begin)
    made = connection(
        at, src, dst, dport, sport, protocol or "tcp",
        mac=card(field(line, " src_mac=", begin)), action=_ACTIONS.get(did.lower(), ""),
        outcome=_outcome(line, begin) if later else "",
        nat=net.ip(field(line, " src_trans_ip=", begin) or field(line, " tran_src_ip=", begin)),
        nat_port=port(field(line, " src_trans_port=", begin) or field(line, " tran_src_port=", begin)),
        account=field(line, " user_name=", begin)[:253],
    )  # fmt: skip
    key = (src, sport, dst, dport)
    if later and once.told(key, at, dated=True):
        return ended(made, when.at)
    if event:
        once.begin(key, at)
    return made


def _mail(line: str, begin: int, at: float, once: Once) -> Attempt | Contact | Other | None:
    """A mail that the proxy looked at: an attempt, where nothing was told of its connection."""
    if field(line, " log_component=", begin) not in ("SMTP", "SMTPS"):
        return OTHER
    last = line.rfind(" src_ip=")
    src, dst = net.ip(field(line, " src_ip=", last)), net.ip(field(line, " dst_ip=", last))
    number = field(line, " dst_port=", last)
    if last < 0 or src is None or dst is None or not number or not whole(line, " dst_port=", last):
        return None  # cut off
    sport, dport = port(field(line, " src_port=", last)), port(number)
    key = (src, sport, dst, dport)
    if once.told(key, at, dated=False):
        return OTHER
    once.begin(key, at)
    did = (field(line, " spamaction=", begin) or field(line, " spam_action=", begin)).lower()
    return connection(
        at, src, dst, dport, sport,
        action="block" if did in _STOPPED else "pass", outcome="answered",
        account=field(line, " user_name=", begin)[:253],
    )  # fmt: skip


def _begin(line: str) -> int:
    found = _BEGIN.search(line, 0, 300)
    return found.start() if found and found.start() < line.find(HINT) else -1


def dated(line: str, near: float) -> Stamp | None:
    """When the line was written, by itself; None when what stands before is not syslog's own."""
    return _when(line, _begin(line), near)


def _when(line: str, begin: int, near: float) -> Stamp | None:
    ours, header = front(line, begin, near) if begin >= 0 else (False, None)
    return (_moment(line, begin, near) or header) if ours else None


def _moment(line: str, begin: int, near: float) -> Stamp | None:
    own = _OWN.match(line, begin)
    if text := own[1] if own else field(line, " timestamp=", begin):
        return moment(text, near)
    date, clock, zone = (
        field(line, " date=", begin),
        field(line, " time=", begin),
        field(line, " timezone=", begin),
    )
    shift = _ZONES.get(zone, zone if zone[:1] in ("+", "-") else "")
    if len(shift) == 3:
        shift += "00"
    return moment(f"{date} {clock}{shift}", near) if date and clock else None


def _outcome(line: str, begin: int) -> str:
    sent = field(line, " packets_sent=", begin) or field(line, " sent_pkts=", begin)
    got = field(line, " packets_received=", begin) or field(line, " recv_pkts=", begin)
    if got.isdigit() and int(got[:9]) > 1:
        return "answered"
    return "silent" if sent.isdigit() and sent.strip("0") and not got.strip("0") else ""
