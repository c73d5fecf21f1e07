"""Columns by name: how the tables of flow recorders call what an attempt is made of.

One layout serves text with a header line, CSV and Parquet. Names are from Argus `ra(1)`, nfdump(1)
CSV, Zeek conn.log, IPFIX (RFC 7012), AWS VPC flow logs, and plain words.
"""

from collections.abc import Sequence

from msgspec import Struct

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.framing import stamp
from unlisted.messages import Attempt

NAMES: dict[str, tuple[str, ...]] = {
    "at": (
        "starttime", "stime", "ts", "time", "timestamp", "start", "at", "firstseen", "datefirstseen",
        "flowstartmilliseconds", "flowstartseconds", "starttimestamp",
    ),
    "src": (
        "srcaddr", "saddr", "sa", "srcip", "srcipaddr", "src", "source", "sourceip", "idorigh",
        "sourceipv4address", "sourceipv6address", "sourceaddress",
    ),
    "dst": (
        "dstaddr", "daddr", "da", "dstip", "dstipaddr", "dst", "destination", "destinationip", "destip",
        "idresph", "destinationipv4address", "destinationipv6address", "destinationaddress",
    ),
    "sport": ("sport", "sp", "srcport", "srcpt", "spt", "sourceport", "idorigp", "sourcetransportport"),
    "dport": (
        "dport", "dp", "dstport", "dstpt", "dpt", "destinationport", "destport", "idrespp",
        "destinationtransportport",
    ),
    "proto": ("proto", "pr", "protocol", "protocolidentifier"),
    "direction": ("dir",),
    "state": ("state",),
    "mac": ("smac", "srcmac", "sourcemac", "mac", "sourcemacaddress"),
    "action": ("action",),
}  # fmt: skip

# By number, by the names of /etc/services where the recorder was not told to print numbers, and as
# a table that holds floats spells them.
PORTS = {
    "25": 25, "smtp": 25, "25.0": 25, "465": 465, "smtps": 465, "submissions": 465, "urd": 465, "465.0": 465,
    "587": 587, "submission": 587, "587.0": 587,
}  # fmt: skip
TCP = ("tcp", "6", "TCP", "")
# Argus marks a flow whose start it missed with a question mark; the port then says who is the client.
CLIENT_LEFT = ("->", "<->", "<?>", "?>", "")


class Layout(Struct, frozen=True):
    """Where each part of an attempt stands: column positions, -1 where the table has none."""

    at: int
    src: int
    dst: int
    dport: int
    sport: int = -1
    proto: int = -1
    direction: int = -1
    state: int = -1
    mac: int = -1
    action: int = -1


def layout(names: Sequence[str]) -> Layout | None:
    """Find the columns by their names; None when time, addresses or the port are missing."""
    bare = ["".join(c for c in name.lower() if c.isalnum()) for name in names]
    found = {
        part: next((bare.index(name) for name in known if name in bare), -1) for part, known in NAMES.items()
    }
    needed = ("at", "src", "dst", "dport")
    return None if any(found[part] < 0 for part in needed) else Layout(**found)


def outcome(state: str) -> str:
    """How a connection went, from Argus's state: answered, refused, silent, or "" when it cannot tell.

    For TCP `FSPA_FSPA` lists the flags of either side (argus-clients ra(1), "state"); else a word.
    """
    ours, bar, theirs = state.partition("_")
    if not bar:
        return _WORDS.get(state, "")
    if "S" in theirs or "P" in theirs:
        return "answered"
    if "R" in theirs:
        return "refused" if "S" in ours else ""
    if theirs:
        return "answered"
    return "silent" if "S" in ours else ""


_WORDS = {
    "REQ": "silent",
    "INT": "silent",
    "ACC": "answered",
    "EST": "answered",
    "CON": "answered",
    "FIN": "answered",
    "CLO": "answered",
}
_ACTIONS = {
    "accept": "pass", "allow": "pass", "pass": "pass", "drop": "block", "deny": "block", "reject": "block",
    "block": "block",
}  # fmt: skip


def row(values: Sequence[str], where: Layout, near: float) -> Attempt | Other | None:
    """One row; Other for what is no attempt on a mail port, None for what does not fit the columns."""

    def cell(position: int) -> str:
        return values[position].strip() if 0 <= position < len(values) else ""

    port = PORTS.get(cell(where.dport))
    if port is None:
        return OTHER if where.dport < len(values) else None
    if cell(where.proto) not in TCP or cell(where.direction) not in CLIENT_LEFT:
        return OTHER
    src, dst = net.ip(cell(where.src)), net.ip(cell(where.dst))
    when = stamp(cell(where.at) + " ", near)
    if src is None or dst is None or when is None:
        return None
    sport = cell(where.sport)
    return Attempt(
        at=when.at,
        src=src,
        dst=dst,
        dport=port,
        sport=int(sport) if sport.isdecimal() and len(sport) < 6 else 0,
        mac=net.mac(cell(where.mac)),
        action=_ACTIONS.get(cell(where.action).lower(), ""),
        outcome=outcome(cell(where.state)),
    )
