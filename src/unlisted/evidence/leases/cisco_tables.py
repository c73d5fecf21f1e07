"""Cisco's tables: `show ip arp`, `show arp` (IOS, ASA), `show ip dhcp binding`, `show ipv6 neighbors`.

Source: Cisco IOS XE 17 and ASA 9 command references. Sample: tests/samples/cisco_tables/.

Surprises: MACs are `3c5a.b412.3456`; in a binding the client identifier stands instead, `013c.5ab4.1234.56`
with the type of hardware before it, or a name in hexadecimal over several lines, which is passed over. A
binding tells its end, in the router's own time. An age of `-` is the router's own address.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.card import card
from unlisted.evidence.framing import stamp
from unlisted.evidence.leases._client import colons
from unlisted.messages import Lease

HINT = " "

_V4 = r"\d{1,3}(?:\.\d{1,3}){3}"
_MAC = r"[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}"
_ARP = re.compile(rf"Internet +({_V4}) +(?:\d{{1,6}}|-) +({_MAC}|Incomplete) +ARPA(?: +\S{{1,40}})?\s*")
_ASA = re.compile(rf"\t([\w.-]{{1,48}}) ({_V4}) ({_MAC}) (?:\d{{1,7}}|-)\s*")
_SIX = re.compile(
    rf"([0-9A-Fa-f:]{{2,39}}) +(?:\d{{1,6}}|-) +({_MAC}|-) +(REACH|STALE|DELAY|PROBE|INCMP) +\S{{1,40}}\s*"
)
_BINDING = re.compile(
    rf"({_V4})(?: +Vl\S+)? +([0-9a-fA-F]{{2,4}}(?:\.[0-9a-fA-F]{{2,4}}){{1,9}}\.?) +"
    r"(Infinite|--|[A-Z][a-z]{2} \d{2} \d{4} \d{2}:\d{2} [AP]M) +(?:Automatic|Manual)\b.{0,60}"
)
_DATE = re.compile(r"(\w{3} \d\d \d{4}) (\d\d):(\d\d) ([AP])M")
_BESIDE = re.compile(
    r"Protocol +Address +Age \(min\)|IPv6 Address +Age Link-layer|Bindings from all pools"
    r"|IP address +Client-ID/"
)


def parse(line: str, near: float) -> Lease | Other | None:
    """Read one line."""
    if found := _ARP.fullmatch(line):
        return _lease(found[1], found[2])
    if (found := _SIX.fullmatch(line)) and ":" in found[1]:
        return _lease(found[1], "" if found[3] == "INCMP" else found[2])
    if found := _ASA.fullmatch(line):
        return _lease(found[2], found[3])
    if found := _BINDING.fullmatch(line.rstrip()):
        return _binding(found, near)
    return OTHER if _BESIDE.match(line) else None


def _lease(text: str, digits: str) -> Lease | Other | None:
    address, mac = net.ip(text), card(digits)
    if address is None:
        return None
    return Lease(address, mac) if mac else OTHER


def _binding(found: re.Match[str], near: float) -> Lease | Other | None:
    address, client = net.ip(found[1]), colons(found[2])
    mac = card(client.removeprefix("01:") if len(client) == 20 else client)
    if address is None:
        return None
    return (
        Lease(address, mac, client_id=client if len(client) == 20 else "", end=_end(found[3], near))
        if mac
        else OTHER
    )


def _end(text: str, near: float) -> float | None:
    if not (date := _DATE.fullmatch(text)):
        return None
    hour = int(date[2]) % 12 + (12 if date[4] == "P" else 0)
    when = stamp(f"{date[1]} {hour:02}:{date[3]}:00 ", near)
    return when.at if when else None
