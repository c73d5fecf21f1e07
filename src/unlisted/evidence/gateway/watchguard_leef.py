"""WatchGuard Firebox by syslog in IBM's LEEF. Its own format: watchguard.py.

Source: WatchGuard, "Configure Syslog Server Settings" (format IBM LEEF) and "Fireware Log Catalog", Fireware
12. Sample: tests/samples/watchguard_leef/. `LEEF:1.0|WatchGuard|XTM|12.8.2.B666661|30000148|serial=…
policy=… disp=Allow in_if=… out_if=… src=192.168.1.5 srcPort=51512 srcPostNAT=203.0.113.1 dst=198.51.100.7
dstPort=25 … proto=tcp tcp_flag=S …`, separated by tabs.

Surprises: the numbers of the messages have no hyphen. What tells the end of a session (30000151) names no
protocol; its `duration` is in seconds, with or without that word. DHCP stands whole in `msg`. Most
lines tell no time (`devTime`); then it is syslog's.
"""

from unlisted import net
from unlisted.evidence import OTHER, Parse, Parsed
from unlisted.evidence.contact import connection, port
from unlisted.evidence.gateway._cef import Event, event
from unlisted.evidence.gateway._front import front, moment, translated
from unlisted.evidence.gateway._pairs import Pairs, seconds
from unlisted.evidence.gateway._told import Line, Told, alone
from unlisted.evidence.gateway.watchguard import told
from unlisted.evidence.leases import dhcpd_log

HINT = "|WatchGuard|"
PACKETS = True  # what is refused is told packet by packet
CANDIDATE = rb"dstPort=(?:25|465|587)[ |\t\r\n]"

_FIRST, _ENDED, _DHCP = "30000148", "30000151", "1600"  # of DHCP all begin so


def parse(line: str, near: float) -> Parsed:
    """Read one line by itself."""
    return alone(_read(line, near))


def session() -> Parse:
    """A reader of lines in their order: what is told of a connection after its first line makes no second."""
    return Told().of(_read)


def _read(line: str, near: float) -> Line | Parsed:
    made = event(line)
    if made is None or made.vendor != "WatchGuard" or (ahead := front(line, made.begin, near)) is None:
        return None
    own = moment(made.text("devTime"))
    if own is None and ahead[0] is None:
        return None
    at = own if own is not None else ahead[0].at if ahead[0] else 0.0
    if made.id.startswith(_DHCP):
        said = line.find("msg=", made.begin)  # what stands first: the rest may be a client's name for itself
        return (dhcpd_log.said(line, said + 4, at) if said >= 0 else None) or OTHER
    words = made.values
    if "disp" not in words:
        return OTHER
    return _traffic(made, words, at)


def _traffic(made: Event, words: Pairs, at: float) -> Line | Parsed:
    src, dst = net.ip(words["src"]), net.ip(words["dst"])
    dport = port(words["dstPort"])
    protocol = words.get("proto") or ("tcp" if dport in net.MAIL_PORTS else "ip")
    if src is None or dst is None:
        return OTHER if not words.keys() & {"src", "dst"} else None
    packet = made.id.startswith("3000") and made.id != _ENDED
    if ("dstPort" not in words and protocol in ("tcp", "udp", "ip")) or (packet and "proto" not in words):
        return None  # cut off
    if protocol == "tcp" and "ip_len" in words and "tcp_flag" not in words:
        return None  # a packet, cut off before its flags
    end, length = at, words["duration"].removesuffix(" seconds") if made.id == _ENDED else ""
    at -= seconds(length)
    flags = words.get("tcp_flag", "S")
    passed = words["disp"].lower() == "allow"
    nat = translated(words["srcPostNAT"])
    sport, opens = port(words["srcPort"]), "S" in flags and not set("AR") & set(flags)
    received = words["rcvd_bytes"]
    fact = connection(
        at, src, dst, dport, sport, protocol, opens=opens, action="pass" if passed else "block",
        outcome="answered" if received.isdigit() and received.strip("0") else "",
        nat=nat, nat_port=port(words["srcPostNATPORT"]) if nat else 0,
        account=words["src_user"][:253],
    )  # fmt: skip
    if not opens or (not passed and made.id == _FIRST):
        return fact
    number = f"{made.id[:4]}-{made.id[4:]}"
    return told(fact, number, end, dated=bool(length))
