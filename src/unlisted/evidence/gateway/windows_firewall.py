"""The log of the Windows firewall, pfirewall.log: columns in the order that its `#Fields:` line names.

Source: Microsoft's "Configure the Windows Defender Firewall log" and the file of Windows XP SP2 to 11 24H2
and Server 2025 (`#Version: 1.5`). Samples: tests/samples/windows_firewall/.

Surprises: times are local (`#Time Format: Local`) and say no zone. Dropped packets stand there each, and
what passes once a connection. `path` is SEND, RECEIVE or FORWARD; the source is who sent in all of them.
XP wrote OPEN and OPEN-INBOUND for what passed, and CLOSE at its end. Only a dropped packet's flags are told.
Windows 11 adds the process id as a last column. A dropped ACK or RST opens nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import stamp
from unlisted.messages import Attempt, Contact

HINT = " "  # the first lines hold nothing else in common with the rows
PACKETS = True
CANDIDATE = rb" TCP [0-9A-Fa-f.:]+ [0-9A-Fa-f.:]+ \d+ (?:25|465|587) "  # counted repetitions are slow in RE2

FIELDS = (
    "date", "time", "action", "protocol", "src-ip", "dst-ip", "src-port", "dst-port", "size", "tcpflags",
    "tcpsyn", "tcpack", "tcpwin", "icmptype", "icmpcode", "info", "path",
)  # fmt: skip
_NAMED = "#Fields: date time action"
_HEAD = ("#Version:", "#Software: Microsoft Windows Firewall", "#Time Format:", _NAMED)
_ACTIONS = {
    "ALLOW": "pass", "OPEN": "pass", "OPEN-INBOUND": "pass", "DROP": "block", "CLOSE": "",
    "INFO-EVENTS-LOST": "",
}  # fmt: skip
_NAMES = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
_TUNNELS = ("47", "50", "51")
_PINGS = ("8", "128")


class _Where(NamedTuple):
    """Positions of the columns, -1 for one that is not there."""

    date: int
    time: int
    action: int
    protocol: int
    src: int
    dst: int
    sport: int
    dport: int
    flags: int
    icmp: int
    width: int  # columns without which a row was cut off


def _where(fields: Sequence[str]) -> _Where | None:
    at = [fields.index(name) if name in fields else -1 for name in (*FIELDS[:8], "tcpflags", "icmptype")]
    return None if min(at[:8]) < 0 else _Where._make([*at, max(at[:8]) + 2])


_USUAL = _where(FIELDS)


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one line, its columns in the order that Windows has written since XP."""
    return _read(line, near, _USUAL)


def session() -> Parse:
    """Read the lines of one file by its own `#Fields:` line."""
    where = _USUAL

    def read(line: str, near: float) -> Attempt | Contact | Other | None:
        nonlocal where
        if line.startswith(_NAMED):
            where = _where(line.split()[1:]) or _USUAL
        return _read(line, near, where)

    return read


def _read(line: str, near: float, where: _Where | None) -> Attempt | Contact | Other | None:
    if line[:1] == "#":
        return OTHER if line.startswith(_HEAD) else None
    if where is None or line[4:5] != "-" or line[7:8] != "-" or line[13:14] != ":":  # 2026-11-24 10:11:12
        return None
    values = line.split()
    if len(values) < where.width:
        return None  # cut off, perhaps in the middle of a number
    action = _ACTIONS.get(values[where.action])
    if action is None or (when := stamp(f"{values[where.date]} {values[where.time]} ", near)) is None:
        return None
    if not action:
        return OTHER
    protocol = values[where.protocol].lower()
    protocol = _NAMES.get(protocol, protocol)
    sport, dport = values[where.sport], values[where.dport]
    opens = protocol.isalpha() or protocol in _TUNNELS
    if protocol in ("tcp", "udp"):
        if not (sport.isdigit() and dport.isdigit()):
            return None
        if protocol == "tcp" and where.flags >= 0:
            if len(values) <= where.flags + 1:
                return None  # cut off before it tells whether it opened something
            flags = values[where.flags]
            opens = flags == "-" or ("S" in flags and "A" not in flags and "R" not in flags)
    elif protocol in ("icmp", "icmpv6"):
        opens = 0 <= where.icmp < len(values) and values[where.icmp] in _PINGS
    src, dst = net.ip(values[where.src]), net.ip(values[where.dst])
    return connection(when.at, src, dst, port(dport), port(sport), protocol, opens=opens, action=action)
