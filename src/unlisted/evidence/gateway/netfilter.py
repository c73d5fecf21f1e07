"""Linux netfilter LOG lines: iptables, nftables `log`, UFW, OpenWrt, UniFi, Proxmox, ulogd's LOGEMU.

Source: net/netfilter/nf_log_syslog.c (Linux 6.12), ulogd2's util/printpkt.c.
Sample: tests/samples/netfilter/.

Surprises: `MAC=` is destination 6 octets, *source* 6, type; with `log flags ether` it is `MACSRC=`.
`OUT=` can be missing. An ICMP error embeds the packet that caused it in brackets, with a second
SRC/DST. `ACK=0` is a number, ` ACK ` a flag. UFW AUDIT lines say nothing about what was done.
Only a SYN without ACK is an attempt; its retransmissions are taken out later (find/columns.py).
"""

import re
from functools import lru_cache

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.framing import stamp
from unlisted.messages import Attempt, Contact

HINT = " SRC="
PACKETS = True
CANDIDATE = rb"DPT=(?:25|465|587)[ \r\n]"  # begins with a literal: RE2 then skips to it at memory speed

# The kernel's tag, behind a host and a facility at most; RFC 5424 writes it without a colon.
_KERNEL = re.compile(
    r"[\s|]*(?:[\w.@+:%-]{0,255}[\w.@+%-][ \t|]+){0,2}(?:kernel|ulogd)(?:(?:\[\d+\])?:|[ \t]+-[ \t])"
)
_PROGRAM = re.compile(r"\S\[\d+\]:")  # another program's tag
_WORDS = 4  # of a host and a rule's prefix where there is no tag
# The first word with a colon is a syslog tag, or the prefix of ulogd, or of a router that writes no tag.
_TAG = re.compile(r"(?:^|[\s|])([\w./-]{1,64})(\[\d+\])?:(?=\s|\[|$)")
_DESCRIPTION = re.compile(r'DESCR="[^"]{0,120}"')  # UniFi's name of the rule
_BOOT = re.compile(r" *\d{1,9}\.\d{6}")  # the kernel's clock, in brackets
_WORD = re.compile(
    r"(?<![a-z])(?:(held?|hold)|(drop(?:ped)?|block(?:ed)?|blk|reject(?:ed)?|den(?:y|ied))"
    r"|(accept(?:ed)?|allow(?:ed)?|pass(?:ed)?|permit(?:ted)?))(?![a-z])"
)
_UNIFI = re.compile(r"\[[^\]\s]*-([ADR])-\d+\]")  # rule set, action, number
_UNIFI_ACTION = {"A": "pass", "D": "block", "R": "block"}


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one line; Other for what is neither TCP nor UDP or opens nothing, None when it is not ours.

    Written with `find` on the fields' names: three times as fast as one pattern over all of it.
    """
    source = line.find(" SRC=")
    target = line.find(" DST=", source)
    end = line.find(" ", target + 5)
    protocol = line.find(" PROTO=", end - 1)
    if source < 0 or target < 0 or end < 0 or protocol < 0 or line.find("[", source, protocol) >= 0:
        return None
    src, dst = net.ip(line[source + 5 : target]), net.ip(line[target + 5 : end])
    if src is None or dst is None:
        return None
    ports = line.find(" ", protocol + 7)
    name = line[protocol + 7 : ports]
    if name not in _NAMES:
        return OTHER
    port = line.find(" DPT=", ports)
    flags = line.find(" ", port + 5)
    sport, dport = line[ports + 5 : port], line[port + 5 : flags]
    if port < 0 or flags < 0 or not line.startswith("SPT=", ports + 1) or not _is_port(sport):
        return None  # cut off, perhaps in the middle of a number
    if not _is_port(dport):
        return None
    tcp = _NAMES[name] == "tcp"
    if tcp and not _opens(line[flags:]):
        return OTHER
    if (when := stamp(line, near)) is None:
        return None
    front = line[when.end : source]
    if not _from_kernel(front):
        return None  # another program's line, in which a stranger may have spelled a packet
    mac, action = _mac(front), _action(_prefix(front))
    if tcp and dport in _MAIL:
        return Attempt(when.at, src, dst, int(dport), int(sport), mac, action)
    return Contact(when.at, src, dst, int(dport), int(sport), _NAMES[name], mac, action)


_NAMES = {"TCP": "tcp", "6": "tcp", "UDP": "udp", "17": "udp"}
_MAIL = frozenset(map(str, net.MAIL_PORTS))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535


def _opens(flags: str) -> bool:
    """True for a SYN that is no answer. A line that was cut before its flags is taken for one."""
    return (" SYN " in flags or " URGP=" not in flags) and " ACK " not in flags and " RST " not in flags


def _from_kernel(front: str) -> bool:
    """True when what stands between the time and the packet is a host, the kernel's tag and a rule's prefix.

    Without the kernel's tag the prefix ends right in front of the packet, or has no colon at all: whoever
    gets text into another program's message stands behind that program's tag, or inside quotes.
    """
    start = front.find("IN=")
    ahead = front[: start if start >= 0 else front.find("OUT=")]
    if _KERNEL.match(ahead):
        return True
    tag = _TAG.search(ahead)
    named = _UNIFI.sub("", _DESCRIPTION.sub("", ahead))
    words = named.split()
    if '"' in named or _PROGRAM.search(ahead) or len(words) > _WORDS or "-" in words:
        return False
    if tag is None:
        return not ahead or ahead[-1] in " \t]:"
    return not tag[2] and not ahead[tag.end() :].strip()


def _mac(front: str) -> str:
    at = front.find("MACSRC=")
    if at >= 0:
        return _ethernet(front[at + 7 : at + 24])
    at = front.find("MAC=")
    return _ethernet(front[at + 4 + 18 : at + 4 + 35]) if at >= 0 else ""


@lru_cache(maxsize=8192)
def _ethernet(text: str) -> str:
    """A real card's address: neither all zeros (loopback) nor a group address (first octet odd)."""
    mac = net.mac(text) if len(text) == 17 else ""
    return "" if not mac or mac == "00:00:00:00:00:00" or int(mac[:2], 16) & 1 else mac


def _prefix(front: str) -> str:
    """What the rule's author wrote before the packet: without the kernel's clock and the packet's fields."""
    end = front.find("IN=")
    if end < 0:
        end = front.find("OUT=")  # Proxmox leaves out an empty IN=
    start, stop = front.find("["), front.find("]")
    if 0 <= start < stop and _BOOT.fullmatch(front, start + 1, stop):
        return front[stop + 1 : end][-120:]
    return front[:end][-120:]


@lru_cache(maxsize=1024)
def _action(prefix: str) -> str:
    """pass, block, held, or "" where the prefix does not tell. The last telling word counts."""
    if m := _UNIFI.search(prefix):
        return _UNIFI_ACTION[m[1]]
    action = ""
    for word in _WORD.finditer(prefix.lower()):
        action = "held" if word[1] else "block" if word[2] else "pass"
    return action
