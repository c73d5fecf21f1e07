"""Columns by name: how the tables of flow recorders call what an attempt is made of.

One layout serves text with a header line, CSV and Parquet. Names are from Argus `ra(1)`, nfdump(1)
CSV, Zeek conn.log, IPFIX (RFC 7012), AWS VPC flow logs, and plain words.
"""

from collections.abc import Sequence

from msgspec import Struct

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.contact import connection, port
from unlisted.evidence.framing import stamp
from unlisted.messages import Attempt, Contact

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


def row(values: Sequence[str], where: Layout, near: float) -> Attempt | Contact | Other | None:
    """One row; Other for the answer's half of a flow, None for what does not fit the columns."""

    def cell(position: int) -> str:
        return values[position].strip() if 0 <= position < len(values) else ""

    if where.dport >= len(values):
        return None
    direction = cell(where.direction)
    name = cell(where.dport)
    dport = PORTS.get(name) or port(name)
    if direction not in CLIENT_LEFT:
        return OTHER
    when = stamp(cell(where.at) + " ", near)
    if when is None:
        return None
    return connection(
        when.at,
        net.ip(cell(where.src)),
        net.ip(cell(where.dst)),
        dport,
        port(cell(where.sport)),
        cell(where.proto) or "tcp",
        mac=net.mac(cell(where.mac)),
        action=_ACTIONS.get(cell(where.action).lower(), ""),
        outcome=outcome(cell(where.state)),
    )
