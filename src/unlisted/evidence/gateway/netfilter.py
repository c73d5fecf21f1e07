"""Linux netfilter LOG lines: iptables, nftables `log`, UFW, firewalld, Shorewall, OpenWrt, DD-WRT, EdgeOS,
VyOS, UniFi, Proxmox, Synology, ulogd's LOGEMU.

Source: net/netfilter/nf_log_syslog.c (Linux 6.12), ulogd2's util/printpkt.c; the prefixes from the makers'
documentation (VyOS "Firewall Logging", UniFi's syslog of 2021 to 2026).
Samples: tests/samples/netfilter/.

Surprises: `MAC=` is destination 6 octets, *source* 6, type; with `log flags ether` it is `MACSRC=`; of a
tunnel it is the beginning of the IP header. `OUT=` can be missing, and so can `IN=`. An ICMP error embeds
the packet that caused it in brackets, with a second SRC/DST. `ACK=0` is a number, ` ACK ` a flag. UFW AUDIT
lines say nothing about what was done. A later fragment has no ports. Lines that UniFi cut in front have no
SRC= and are not understood.
Only a SYN without ACK is an attempt; its retransmissions are taken out later (find/columns.py).
"""

import re
from functools import lru_cache

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.framing import BOOT_LIMIT, stamp
from unlisted.evidence.gateway._action import told
from unlisted.messages import Attempt, Contact
from unlisted.net import Address

HINT = "SRC="
PACKETS = True
CANDIDATE = rb"DPT=(?:25|465|587)[ \r\n]"  # begins with a literal: RE2 then skips to it at memory speed

# The kernel's tag, or one that who forwards its words gives them, behind a host and a facility at most;
# RFC 5424 writes it without a colon.
_KERNEL = re.compile(
    r"[\s|]*(?:[\w.@+:%-]{0,255}[\w.@+%-][ \t|]+){0,2}"
    r"(?:kernel|ulogd|klogd|ip6?tables|nftables|nf_tables|netfilter|ufw)(?:(?:\[\d+\])?:|[ \t]+-[ \t])"
)
_PROGRAM = re.compile(r"\S\[\d+\]:")  # another program's tag
_WORDS = 4  # of a host and a rule's prefix where there is no tag
# The first word with a colon is a syslog tag, or the prefix of ulogd, or of a router that writes no tag.
_TAG = re.compile(r"(?:^|[\s|])([\w./-]{1,64})(\[\d+\])?:(?=\s|\[|$)")
_DESCRIPTION = re.compile(r'DESCR="[^"]{0,120}"')  # UniFi's name of the rule
_BOOT = re.compile(r" *\d{1,9}\.\d{6}")  # the kernel's clock, in brackets
_RULES = re.compile(r"\[[^\]\s]{1,120}\]")  # the rule set and action of UniFi, EdgeOS, VyOS
_LEVEL = re.compile(r"<[0-7]>(?=[A-Z]{3}=)")  # ASUS: the kernel's level once more, in front of some fields
_ETHERTYPES = ("08:00", "86:dd", "81:00", "88:a8")


# A SYN to a mail port as most kernels write it: what large logs consist of, read in one go.
_USUAL = re.compile(
    r" SRC=([0-9.]{7,15}) DST=([0-9.]{7,15}) LEN=\d+ TOS=\S+ PREC=\S+ TTL=\d+ ID=\d+ (?:DF )?PROTO=TCP"
    r" SPT=(\d{1,4}|[1-5]\d{4}) DPT=(25|465|587) WINDOW=\d+ RES=0x00 SYN URGP=",
    re.ASCII,
)


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one line; Other for a packet that opens nothing, None when it is not ours or was cut off.

    Written with `find` on the fields' names: three times as fast as one pattern over all of it.
    """
    source = line.find(" SRC=")
    if (usual := _USUAL.match(line, source if source >= 0 else len(line))) and line[
        source - 5 : source
    ] != "ORIG:":
        src, dst = net.ip(usual[1]), net.ip(usual[2])
        if src and dst and (said := _spoken(line, near, source)):
            at, mac, action, local = said
            return Attempt(at, src, dst, int(usual[4]), int(usual[3]), mac, action, local=local)
    if source < 0 and ">SRC=" in line:
        line = _LEVEL.sub("", line)
        source = line.find(" SRC=")
    target = line.find(" DST=", source)
    end = line.find(" ", target + 5)
    protocol = line.find(" PROTO=", end - 1)
    if source < 0 or target < 0 or end < 0 or protocol < 0 or line.find("[", source, protocol) >= 0:
        return None
    if line.startswith("ORIG:", source - 5):
        return None  # ulogd tells of a connection, not of a packet
    src, dst = net.ip(line[source + 5 : target]), net.ip(line[target + 5 : end])
    if src is None or dst is None:
        return None
    ports = line.find(" ", protocol + 7)
    told_as = line[protocol + 7 : ports]
    if (name := _NAMES.get(told_as)) is None:
        return _portless(line, near, source, (src, dst), told_as.lower(), line[ports : ports + 10])
    port = line.find(" DPT=", ports)
    flags = line.find(" ", port + 5)
    sport, dport = line[ports + 5 : port], line[port + 5 : flags]
    if not (_is_port(sport) and port >= 0 and flags >= 0 and line.startswith("SPT=", ports + 1)):
        whole = " FRAG:" in line[end:protocol] or line.startswith(" INCOMPLETE [", ports)
        return OTHER if whole else None  # cut off, perhaps in the middle of a number
    if dport not in _MAIL and not _is_port(dport):
        return None
    tcp = name == "tcp"
    if tcp and line.find(" RES=0x00 SYN URGP=", flags) < 0 and not _opens(line[flags:] + " "):
        return OTHER
    if (said := _spoken(line, near, source)) is None:
        return None
    at, mac, action, local = said
    if tcp and dport in _MAIL:
        return Attempt(at, src, dst, int(dport), int(sport), mac, action, local=local)
    return Contact(at, src, dst, int(dport), int(sport), name, mac, action)


def _spoken(line: str, near: float, source: int) -> tuple[float, str, str, bool] | None:
    """When, whose card, what was done and whether the logging machine sent it, from what stands in front.

    None without a time, and for another program's line, in which a stranger may have spelled a packet.
    """
    if (when := stamp(line, near)) is None:
        return None
    start = line.find("kernel: [", when.end, source) + 8
    stop = line.find("] ", start, source)
    if start >= 8 and stop >= 0 and _BOOT.fullmatch(line, start + 1, stop):
        # Without the kernel's clock, which differs in each line, there are few such fronts in a log.
        said = _fronted(line[when.end : start], line[stop + 1 : source], booted=False)
    else:
        said = _fronted("", line[when.end : source], booted=line[:1] == "[" and when.at < BOOT_LIMIT)
    return (when.at, *said) if said else None


@lru_cache(maxsize=8192)
def _fronted(tag: str, front: str, *, booted: bool) -> tuple[str, str, bool] | None:
    """Whose card, what was done, whether the logging machine sent it; None where another program speaks."""
    if not _from_kernel(tag + front, booted):
        return None
    return _mac(front), told(_prefix(front)), _local(front[_packet(front) :])


def _local(packet: str) -> bool:
    """True when it came in by no interface, though it leaves by one."""
    out = packet.find("OUT=")
    leaves = out >= 0 and not packet.startswith(" ", out + 4)
    return leaves and packet.startswith(("IN= ", "OUT=")) and "PHYSIN=" not in packet


_NAMES = {
    "TCP": "tcp", "6": "tcp", "UDP": "udp", "17": "udp", "UDPLITE": "udplite", "SCTP": "sctp", "DCCP": "dccp",
}  # fmt: skip
_MAIL = frozenset(map(str, net.MAIL_PORTS))
_PINGS = (" TYPE=8 ", " TYPE=128 ")  # echo requests; what else ICMP says is an answer or the network's own
_ICMP = {"icmp": "icmp", "icmpv6": "icmp6", "1": "icmp", "58": "icmp6"}
_TUNNELS = {"esp": "esp", "50": "esp", "ah": "ah", "51": "ah", "gre": "gre", "47": "gre", "132": "sctp"}


def _portless(
    line: str, near: float, source: int, ends: tuple[Address, Address], name: str, rest: str
) -> Contact | Other | None:
    """A ping or a tunnel's packet; all else (IGMP, VRRP, neighbor discovery, errors) is no contact."""
    if name in _ICMP and rest.startswith(_PINGS):
        protocol = _ICMP[name]
    elif name in _TUNNELS:
        protocol = _TUNNELS[name]
    else:
        return OTHER
    said = _spoken(line, near, source)
    return Contact(said[0], *ends, 0, 0, protocol, *said[1:3]) if said else None


def _is_port(text: str) -> bool:
    return text.isdigit() and len(text) <= 5 and text.isascii() and int(text) <= 65535


def _opens(flags: str) -> bool:
    """True for a SYN that is no answer. A line that was cut before its flags is taken for one."""
    return (" SYN " in flags or " URGP=" not in flags) and " ACK " not in flags and " RST " not in flags


def _from_kernel(front: str, booted: bool) -> bool:
    """True when what stands between the time and the packet is a host, the kernel's tag and a rule's prefix.

    Without the kernel's tag the prefix ends right in front of the packet, or has no colon at all: whoever
    gets text into another program's message stands behind that program's tag, or inside quotes.
    `booted`: the time is the kernel's own clock, which stands in front where nobody but it speaks.
    """
    ahead = front[: _packet(front)]
    if _KERNEL.match(ahead):
        return True
    named = _RULES.sub("", _DESCRIPTION.sub("", ahead))
    if '"' in named or _PROGRAM.search(ahead):
        return False
    words = named.split()
    if booted:
        return len(words) <= 2 * _WORDS
    if len(words) > _WORDS or "-" in words:
        return False
    tag = _TAG.search(ahead)
    if tag is None:
        return not ahead or ahead[-1] in " \t]:"
    return not tag[2] and not ahead[tag.end() :].strip()


def _packet(front: str) -> int:
    """Where the packet begins; its interfaces may be left out, when they are none."""
    start = front.find("IN=")
    if start < 0:
        start = front.find("OUT=")  # Proxmox leaves out an empty IN=
    return start if start >= 0 else len(front)


def _mac(front: str) -> str:
    at = front.find("MACSRC=")
    if at >= 0:
        return _ethernet(front[at + 7 : at + 24], sure=True)
    at = front.find("MAC=") + 4
    sure = front[at + 36 : at + 41] in _ETHERTYPES
    if at < 4 or (not sure and front.startswith(("45:", "60:"), at)):
        return ""  # a tunnel's packet: these are the first bytes of its IP header
    return _ethernet(front[at + 18 : at + 35], sure=sure)


@lru_cache(maxsize=8192)
def _ethernet(text: str, *, sure: bool) -> str:
    """A card's address: not all zeros (loopback), nor, where no type tells, a group's (first octet odd)."""
    mac = net.mac(text) if len(text) == 17 else ""
    return "" if mac == "00:00:00:00:00:00" or (mac and not sure and int(mac[:2], 16) & 1) else mac


def _prefix(front: str) -> str:
    """What the rule's author wrote before the packet: without the kernel's clock and the packet's fields."""
    end = _packet(front)
    start, stop = front.find("["), front.find("]")
    if 0 <= start < stop and _BOOT.fullmatch(front, start + 1, stop):
        return front[stop + 1 : end][-120:]
    return front[:end][-120:]
