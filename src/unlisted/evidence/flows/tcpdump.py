"""What tcpdump prints: packets as text, with `-n`.

Source: tcpdump(1) 4.99, "OUTPUT FORMAT"; print.c, print-tcp.c, print-arp.c. Sample: tests/samples/tcpdump/.
`00:06:26.043494 IP 192.168.50.9.51512 > 198.51.100.7.25: Flags [S], seq 1, …`; `-tttt` puts the date in
front, `-tt` makes the time a number, `-i any` adds interface and direction, `-e` the cards. With `-v` the
addresses stand on the line after the time.

Surprises: The port follows the address after a dot. Without a date the time counts from midnight: order and
gaps hold, the date does not. Without `-n` names stand for addresses, and nothing can be told.
"""

import re

from unlisted import net
from unlisted.evidence import OTHER, Parsed
from unlisted.evidence.contact import connection
from unlisted.evidence.flows.columns import PORTS
from unlisted.evidence.framing import stamp
from unlisted.messages import Lease

HINT = " "
PACKETS = True

DAY = 86_400.0
_CARD = r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}"
_OUI = r"(?: \(oui [^()]{1,60}\))?"
_FRONT = re.compile(
    r"(?:(\d{4}-\d\d-\d\d) )?(?:(\d\d):(\d\d):(\d\d)\.(\d{1,9})|(\d{9,10})\.(\d{1,9})) +"
    rf"(?:(?:[\w.@-]{{1,16}} +)?(?:In|Out|B|M|P|\?) +(?:ifindex \d{{1,9}} )?)?"
    rf"(?:({_CARD}){_OUI} (?:> (?:{_CARD}|Broadcast){_OUI}, )?(?:802\.1Q|ethertype) [^:]{{1,80}}, )?"
    r"(?:version \d{1,3}, resource ID \d{1,5}, family [^:,]{1,20}, )?"
)
_LINK = re.compile(r"length \d{1,6}: |vlan \d{1,4}, p \d(?:, DEI)?, (?:ethertype [^:,]{1,30}, )?")
_ENDS = re.compile(
    r"\s{0,8}(?:IP6? )?([0-9a-fA-F.:]{2,45})\.([\w-]{1,16}) > ([0-9a-fA-F.:]{2,45})\.([\w-]{1,16}): "
    r"(?:Flags \[([A-Z.]{1,9}|none)\]|([^F]))"
)
_BARE = re.compile(r"\s{0,8}(?:IP6? )?([0-9a-fA-F.:]{2,45}) > [0-9a-fA-F.:]{2,45}: ")
_NAMES = re.compile(r"(?:IP6? )?\S{1,255} > \S{1,255}: Flags \[S")
_VERBOSE = re.compile(r"(?:IP6? )?\([a-z](?:[^()]|\([^()]{0,60}\)){1,300}\)(?: |$)")
_ARP = re.compile(
    rf"(?:ARP, )?(?:Ethernet \(len 6\), IPv4 \(len 4\), )?(?:Reply ([\d.]{{7,15}}) is-at ({_CARD})"
    r"|Request who-has [\d.]{7,15}(?: \(\S{1,30}\))? tell ([\d.]{7,15}))"
)
_SERVICES = {
    "domain": 53,
    "http": 80,
    "https": 443,
    "ssh": 22,
    "ntp": 123,
    "pop3": 110,
    "imap2": 143,
    "imaps": 993,
}


def parse(line: str, near: float) -> Parsed:
    """Read one line by itself."""
    return _Session()(line, near)


def session() -> "_Session":
    """A reader of one file: with -v a packet stands on two lines, and midnight passes."""
    return _Session()


class _Session:
    def __init__(self) -> None:
        self._at, self._mac, self._days, self._before = 0.0, "", 0.0, -1.0
        self._open = self._seen = False

    def __call__(self, line: str, near: float) -> Parsed:
        front = _FRONT.match(line)
        if front is None:
            known, self._open = self._open, False
            if not self._seen or line[:1] not in (" ", "\t"):
                return None
            ends = _ENDS.match(line) if known and not _portless(line, 0) else None
            return self._told(ends) if ends else OTHER  # what follows may be a packet inside an error
        if not self._time(front, near):
            return None
        self._seen = True
        self._mac, place = front[8] or "", front.end()
        while link := _LINK.match(line, place):
            place = link.end()
        if arp := _ARP.match(line, place):
            return self._arp(arp)
        verbose = _VERBOSE.match(line, place)
        if verbose:  # IPv6 goes on behind the parenthesis, IPv4 on the next line
            place = verbose.end()
        self._open = verbose is not None and place >= len(line.rstrip())
        if self._open or _portless(line, place):
            return OTHER
        return self._ends(line, place)

    def _ends(self, line: str, place: int) -> Parsed:
        if ends := _ENDS.match(line, place):
            return self._told(ends)
        if _NAMES.match(line, place):
            return None
        return OTHER if line.startswith(("IP ", "IP6 ", "ARP", "STP", "LLDP"), place) else None

    def _time(self, front: "re.Match[str]", near: float) -> bool:
        if front[6]:
            self._at = int(front[6]) + float(f"0.{front[7]}")
            return True
        if front[1]:
            when = stamp(f"{front[1]} {front[2]}:{front[3]}:{front[4]}.{front[5]} ", near)
            self._at = when.at if when else 0.0
            return when is not None
        at = int(front[2]) * 3600 + int(front[3]) * 60 + int(front[4]) + float(f"0.{front[5]}")
        if self._before - at > DAY / 2:
            self._days += DAY
        self._before, self._at = at, self._days + at
        return at < DAY

    def _told(self, ends: "re.Match[str]") -> Parsed:
        src, dst = net.ip(ends[1]), net.ip(ends[3])
        if src is None or dst is None:
            return None  # names
        sport, dport = _port(ends[2]), _port(ends[4])
        tcp = ends[5] is not None
        opens = not tcp or ("S" in ends[5] and not set(ends[5]) & set(".RF"))
        if not tcp and sport < 1024 <= dport:
            return OTHER  # the answer to a datagram
        return connection(
            self._at, src, dst, dport, sport, "tcp" if tcp else "udp", opens=opens, mac=self._mac
        )

    def _arp(self, arp: "re.Match[str]") -> Parsed:
        held, mac = net.ip(arp[1] or arp[3]), arp[2] or self._mac
        if held is None or not mac or not int(held):
            return OTHER
        return Lease(held, mac, start=self._at if self._at > 3e8 else None)


def _portless(line: str, place: int) -> bool:
    """True for addresses without ports: ICMP and its like."""
    bare = _BARE.match(line, place)
    return bare is not None and net.ip(bare[1]) is not None


def _port(text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text) if len(text) <= 5 and int(text) <= 65535 else 0
    return PORTS.get(text) or _SERVICES.get(text, 0)
