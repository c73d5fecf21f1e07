"""A10 Thunder's carrier-grade NAT in CEF.

Source: A10, "ACOS CGN Guide", CEF logging: CGN 100 to 107 (port allocated and freed, session created and
deleted, batch of ports allocated and freed). Sample: tests/samples/a10_cef/.

Surprises: A batch's last port stands in cn3. An allocated port tells whom the first packet went to; where
sessions are logged too, that connection stands there twice within moments.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.contact import connection, port
from unlisted.evidence.translations import _told
from unlisted.messages import Attempt, Contact, Translation

HINT = "|A10|"
PACKETS = True
CANDIDATE = rb"dpt=(?:25|465|587)[ \r\n]"

_HEAD = re.compile(r"CEF:\d\|A10\|[^|]{1,40}\|[^|]{0,60}\|CGN (\d{1,4})\|[^|]{0,80}\|[^|]{0,10}\|")
_PORTS, _SESSIONS, _BATCHES = ("100", "101"), ("102", "103"), ("106", "107")


def parse(line: str, near: float) -> Attempt | Contact | Translation | Other | None:
    """Read one line; Other for what A10 says besides."""
    begin = line.find("CEF:")
    if begin < 0 or (when := _told.front(line, begin, near)) is None:
        return None
    m = _HEAD.match(line, begin)
    if m is None:
        return OTHER if "|A10|" in line[begin : begin + 12] else None
    if m[1] not in _PORTS + _SESSIONS + _BATCHES:
        return OTHER
    told: dict[str, str] = {}
    for word in line[m.end() :].split(" "):
        name, equals, value = word.partition("=")
        if equals:
            told.setdefault(name, value)
    inside, outside = net.ip(told.get("src", "")), net.ip(told.get("sourceTranslatedAddress", ""))
    first = port(told.get("sourceTranslatedPort", ""))
    opens = m[1] in ("100", "102", "106")
    if inside is None or outside is None:
        return None  # cut off
    name = _told.protocol(told.get("proto", ""))
    if m[1] in _BATCHES:
        last = port(told.get("cn3", ""))
        return _told.block(inside, outside, first, last, when.at, opens=opens, protocol=name)
    sport, dport = port(told.get("spt", "")), port(told.get("dpt", ""))
    dst = net.ip(told.get("dst", ""))
    if dst is not None and opens:
        return connection(when.at, inside, dst, dport, sport, name, nat=outside, nat_port=first)
    return _told.mapping(
        inside, sport, outside, first, when.at, opens=opens, protocol=name, dst=dst, dport=dport
    )
