"""The log of the Windows firewall, pfirewall.log: columns in the order that its `#Fields:` line names.

Source: Microsoft's "Configure the Windows Defender Firewall log" and the file of Windows XP SP2 to 11 24H2
and Server 2025 (`#Version: 1.5`). Samples: tests/samples/windows_firewall/.

Surprises: times are local (`#Time Format: Local`) and say no zone. Dropped packets stand there each, and
what passes once a connection. `path` is SEND, RECEIVE or FORWARD; the source is who sent in all of them.
XP wrote OPEN and OPEN-INBOUND for what passed, and CLOSE at its end. Only a dropped packet's flags are told.
Windows 11 adds the process id as a last column. A dropped ACK or RST opens nothing.
"""

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import stamp
from unlisted.messages import Attempt, Contact

HINT = " "  # the first lines hold nothing else in common with the rows
PACKETS = True
CANDIDATE = rb" TCP [0-9A-Fa-f.:]{2,45} [0-9A-Fa-f.:]{2,45} \d{1,5} (?:25|465|587) "

FIELDS = (
    "date", "time", "action", "protocol", "src-ip", "dst-ip", "src-port", "dst-port", "size", "tcpflags",
    "tcpsyn", "tcpack", "tcpwin", "icmptype", "icmpcode", "info", "path",
)  # fmt: skip
_HEAD = ("#Version:", "#Software: Microsoft Windows Firewall", "#Time Format:", "#Fields: date time action")
_NEEDED = FIELDS[:8]
_ACTIONS = {
    "ALLOW": "pass", "OPEN": "pass", "OPEN-INBOUND": "pass", "DROP": "block", "CLOSE": "",
    "INFO-EVENTS-LOST": "",
}  # fmt: skip
_NAMES = {"6": "tcp", "17": "udp"}
_PINGS = ("8", "128")


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one line, its columns in the order that Windows has written since XP."""
    return _read(line, near, FIELDS)


def session() -> Parse:
    """Read the lines of one file by its own `#Fields:` line."""
    fields: list[tuple[str, ...]] = [FIELDS]

    def read(line: str, near: float) -> Attempt | Contact | Other | None:
        if line.startswith("#Fields: date time action"):
            named = tuple(line.split()[1:])
            fields[0] = named if set(_NEEDED) <= set(named) else FIELDS
        return _read(line, near, fields[0])

    return read


def _read(line: str, near: float, fields: tuple[str, ...]) -> Attempt | Contact | Other | None:
    if line[:1] == "#":
        return OTHER if line.startswith(_HEAD) else None
    if line[4:5] != "-" or line[7:8] != "-" or line[13:14] != ":":  # 2026-11-24 10:11:12
        return None
    values = line.split()
    if len(values) < 9:
        return None  # cut off, perhaps in the middle of a number
    row = dict(zip(fields, values, strict=False))
    if row["action"] not in _ACTIONS or (when := stamp(f"{row['date']} {row['time']} ", near)) is None:
        return None
    if not (action := _ACTIONS[row["action"]]):
        return OTHER
    protocol = _NAMES.get(row["protocol"], row["protocol"].lower())
    sport, dport = row["src-port"], row["dst-port"]
    flags, opens = row.get("tcpflags", "-"), True
    if protocol == "tcp" and "tcpflags" in fields and len(values) <= fields.index("tcpflags") + 1:
        return None  # cut off before it tells whether it opened something
    if protocol in ("tcp", "udp"):
        if not (sport.isdigit() and dport.isdigit()):
            return None
        opens = protocol == "udp" or flags == "-" or ("S" in flags and "A" not in flags and "R" not in flags)
    elif protocol in ("icmp", "icmpv6", "1", "58"):
        opens = row.get("icmptype", "") in _PINGS
    elif protocol == "2" or not (protocol.isdigit() or protocol.isalpha()):
        opens = False
    src, dst = net.ip(row["src-ip"]), net.ip(row["dst-ip"])
    return connection(when.at, src, dst, port(dport), port(sport), protocol, opens=opens, action=action)
