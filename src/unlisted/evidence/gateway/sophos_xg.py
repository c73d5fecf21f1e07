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

from unlisted import net
from unlisted.evidence import OTHER, Parse, Parsed
from unlisted.evidence.card import card
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import Stamp
from unlisted.evidence.gateway._front import front
from unlisted.evidence.gateway._pairs import Pairs, moment, pairs, seconds
from unlisted.evidence.gateway._told import LONGEST, Line, Told, alone

HINT = " log_component="
PACKETS = True  # what is dropped is told packet by packet
CANDIDATE = rb'dst_port="?(?:25|465|587)[" \r\n]'

_BEGIN = re.compile(r'(?:device(?:_name)?|timestamp)="')  # some relays leave the name out
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
    of = pairs(line, begin, last=())
    if (when := _when(line, begin, of, near)) is None:
        return None
    if of["log_type"] in _SCANS:
        return _mail(line, of, when.at)
    if of["log_type"] != "Firewall" or of["log_component"] in _MIDDLE:
        return OTHER
    src, dst = net.ip(of["src_ip"]), net.ip(of["dst_ip"])
    number = of["dst_port"]
    protocol = of["protocol"].lower()
    if not number and protocol in ("tcp", "udp", ""):
        return None  # cut off
    if src is None or dst is None:
        return None
    sport, dport = port(of["src_port"]), port(number)
    at, event = when.at, of["con_event"] or of["connevent"]
    later = event.lower() in ("stop", "interim")
    if later:
        at -= seconds(of["duration"])
    did = of["log_subtype"] or of["status"]
    made = connection(
        at, src, dst, dport, sport, protocol or "tcp",
        mac=card(of["src_mac"]), action=_ACTIONS.get(did.lower(), ""),
        outcome=_outcome(of) if later else "",
        nat=net.ip(of["src_trans_ip"] or of["tran_src_ip"]),
        nat_port=port(of["src_trans_port"] or of["tran_src_port"]),
        account=of["user_name"][:253],
    )  # fmt: skip
    return Line(made, end=when.at if later else None)


def _mail(line: str, of: Pairs, at: float) -> Line | Parsed:
    """A mail that the proxy looked at: an attempt, where nothing was told of its connection.

    Its subject is a stranger's text and may spell addresses: those that stand last are the firewall's.
    """
    if of["log_component"] not in ("SMTP", "SMTPS"):
        return OTHER
    last = line.rfind(" src_ip=")
    told = pairs(line, last + 1, last=())
    src, dst = net.ip(told["src_ip"]), net.ip(told["dst_ip"])
    if last < 0 or src is None or dst is None or not told["dst_port"]:
        return None  # cut off
    did = (of["spamaction"] or of["spam_action"]).lower()
    made = connection(
        at, src, dst, port(told["dst_port"]), port(told["src_port"]),
        action="block" if did in _STOPPED else "pass", outcome="answered",
        account=of["user_name"][:253],
    )  # fmt: skip
    return Line(made, LONGEST)


def _begin(line: str) -> int:
    found = _BEGIN.search(line, 0, 300)
    return found.start() if found and found.start() < line.find(HINT) else -1


def dated(line: str, near: float) -> Stamp | None:
    """When the line was written, by itself; None when what stands before is not syslog's own."""
    begin = _begin(line)
    return _when(line, begin, pairs(line, begin, last=()), near) if begin >= 0 else None


def _when(line: str, begin: int, of: Pairs, near: float) -> Stamp | None:
    ahead = front(line, begin, near)
    return (_moment(of, near) or ahead[0]) if ahead else None


def _moment(of: Pairs, near: float) -> Stamp | None:
    if text := of["timestamp"]:
        return moment(text, near)
    date, clock, zone = (
        of["date"],
        of["time"],
        of["timezone"],
    )
    shift = _ZONES.get(zone, zone if zone[:1] in ("+", "-") else "")
    if len(shift) == 3:
        shift += "00"
    return moment(f"{date} {clock}{shift}", near) if date and clock else None


def _outcome(of: Pairs) -> str:
    sent = of["packets_sent"] or of["sent_pkts"]
    got = of["packets_received"] or of["recv_pkts"]
    if got.isdigit() and int(got[:9]) > 1:
        return "answered"
    return "silent" if sent.isdigit() and sent.strip("0") and not got.strip("0") else ""
