"""ulogd's JSON of logged packets, one object a line.

Source: ulogd2's output/ulogd_output_JSON.c and filter/ulogd_filter_{IP2STR,HWHDR}.c (2.0.8): keys with dots,
`src_ip` and `dest_port` after CIM. Sample: tests/samples/ulogd_json/.

Surprises: `timestamp` is local and without a zone unless asked for, `oob.time.sec` is the kernel's clock in
UTC. `raw.label` says nothing unless the option `boolean_label` has made `action` of it; else the rule's
prefix tells. Flow records (`orig.ip.saddr.str` and the like) are not packets and not read here.
"""

import msgspec

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.contact import connection
from unlisted.evidence.framing import stamp
from unlisted.evidence.gateway._action import told
from unlisted.messages import Attempt, Contact

HINT = '"oob.'
PACKETS = True
CANDIDATE = rb'"dest_port": ?(?:25|465|587)[,} ]'

_PORTS = ("tcp", "udp", "sctp")
_NAMES = {6: "tcp", 17: "udp", 132: "sctp", 1: "icmp", 58: "icmp6", 47: "gre", 50: "esp", 51: "ah"}
_PING = {1: 8, 58: 128}  # echo request
_ACTIONS = {"allowed": "pass", "blocked": "block"}


class _Packet(msgspec.Struct, gc=False):
    src: str = msgspec.field(name="src_ip", default="")
    dst: str = msgspec.field(name="dest_ip", default="")
    sport: int = msgspec.field(name="src_port", default=0)
    dport: int = msgspec.field(name="dest_port", default=0)
    protocol: int = msgspec.field(name="ip.protocol", default=0)
    next6: int = msgspec.field(name="ip6.nexthdr", default=0)  # IPv6 has no ip.protocol
    seconds: int = msgspec.field(name="oob.time.sec", default=0)
    micros: int = msgspec.field(name="oob.time.usec", default=0)
    timestamp: str = ""
    syn: int = msgspec.field(name="tcp.syn", default=0)
    ack: int = msgspec.field(name="tcp.ack", default=0)
    rst: int = msgspec.field(name="tcp.rst", default=0)
    icmp: int = msgspec.field(name="icmp.type", default=-1)
    icmp6: int = msgspec.field(name="icmpv6.type", default=-1)
    mac: str = msgspec.field(name="mac.saddr.str", default="")
    macs: str = msgspec.field(name="mac.str", default="")
    prefix: str = msgspec.field(name="oob.prefix", default="")
    action: str = ""


_DECODE = msgspec.json.Decoder(_Packet).decode


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one object; Other for a packet that opens nothing, None when it is not ours or was cut off."""
    if line[:1] != "{":
        return None  # inside another program's line a stranger may have spelled it
    try:
        packet = _DECODE(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if (at := _at(packet, near)) is None or not (packet.src and packet.dst):
        return None
    number = packet.protocol or packet.next6
    name = _NAMES.get(number, "")
    if not (0 <= packet.sport <= 65535 and 0 <= packet.dport <= 65535):
        return None
    if not name or (name in _PORTS and not packet.dport):  # a later fragment has no ports
        return OTHER
    return connection(
        at,
        net.ip(packet.src),
        net.ip(packet.dst),
        packet.dport,
        packet.sport,
        name,
        opens=_opens(packet, number),
        mac=_mac(packet),
        action=_ACTIONS.get(packet.action) or told(packet.prefix),
    )


def _at(packet: _Packet, near: float) -> float | None:
    if 0 < packet.seconds < 1 << 33 and 0 <= packet.micros < 1_000_000:
        return packet.seconds + packet.micros / 1e6
    when = stamp(packet.timestamp + " ", near)
    return when.at if when else None


def _opens(packet: _Packet, number: int) -> bool:
    if number == 6:
        return packet.syn == 1 and not packet.ack and not packet.rst
    if number in _PING:
        return _PING[number] in (packet.icmp, packet.icmp6)
    return True


def _mac(packet: _Packet) -> str:
    mac = net.mac(packet.mac) or net.mac(packet.macs[18:35])
    return "" if mac == "00:00:00:00:00:00" else mac
