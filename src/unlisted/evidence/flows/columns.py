"""Columns by name: how the tables of flow recorders call what an attempt is made of.

One layout serves text with a header line, CSV, JSON with flat records and Parquet. Names are from Argus
`ra(1)`, nfdump(1) CSV and JSON, SiLK `rwcut(1)`, Zeek conn.log, IPFIX (RFC 7012 and IANA's registry),
NetFlow v9 (RFC 3954 §8, as nProbe and ntopng spell them), goflow2, pmacct, AWS VPC flow logs, Elastic's
Common Schema, and plain words. Only letters and digits count in a name.

Surprises: NetFlow tells a connection twice, once each way. What leaves a mail port is the server's half
and opens nothing; `halves.py` says what it tells of the other. A TCP flow whose flags are known and hold
no SYN is the middle of a connection. Times are seconds, milli-, micro- or nanoseconds, told apart by
their size.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address

from msgspec import Struct

from unlisted import net
from unlisted.evidence import OTHER, Other
from unlisted.evidence.contact import PROTOCOLS, connection, port
from unlisted.evidence.framing import BOOT_LIMIT, remembered, stamp
from unlisted.messages import Attempt, Contact
from unlisted.net import Address

NAMES: dict[str, tuple[str, ...]] = {
    "at": (
        "starttime", "stime", "ts", "datefirstseen", "firstseen", "first", "flowstartmilliseconds",
        "flowstartseconds", "flowstartmicroseconds", "flowstartnanoseconds", "flowstart", "flowstarttime",
        "timestampstart", "starttimestamp", "timeflowstartns", "timeflowstartms", "timeflowstart",
        "firstswitched", "stampinserted", "eventstart", "start", "time", "timestamp", "at", "datetime",
        "timereceivedns", "timereceived", "timegenerated", "date",
    ),
    "end": (
        "endtime", "ltime", "lasttime", "te", "lastseen", "datelastseen", "last", "flowendmilliseconds",
        "flowendseconds", "flowendmicroseconds", "flowendnanoseconds", "flowend", "timestampend",
        "endtimestamp", "timeflowendns", "timeflowendms", "timeflowend", "lastswitched", "eventend", "end",
        "etime",
    ),
    "src": (
        "srcaddr", "saddr", "sa", "srcip", "srcipaddr", "src", "source", "sourceip", "idorigh", "ipsrc",
        "sourceipv4address", "ipv4srcaddr", "src4addr", "ip4src", "sourceaddress", "sourceipaddress",
        "clientip", "srchost", "cliip", "ipsource", "sip", "srcendpointip", "sourceipaddr", "srcipaddress",
    ),
    "src6": ("sourceipv6address", "ipv6srcaddr", "src6addr", "ip6src"),
    "dst": (
        "dstaddr", "daddr", "da", "dstip", "dstipaddr", "dst", "destination", "destinationip", "destip",
        "idresph", "ipdst", "destinationipv4address", "ipv4dstaddr", "dst4addr", "ip4dst",
        "destinationaddress", "destinationipaddress", "serverip", "dsthost", "srvip", "ipdestination",
        "dip", "dstendpointip", "destaddr", "destinationipaddr", "dstipaddress",
    ),
    "dst6": ("destinationipv6address", "ipv6dstaddr", "dst6addr", "ip6dst"),
    "sport": (
        "sport", "sp", "srcport", "srcpt", "spt", "sourceport", "idorigp", "sourcetransportport",
        "l4srcport", "portsrc", "srcendpointport", "srcportnumber", "clientport", "cliport", "tcpsrcport",
        "tcpsrc",
    ),
    "dport": (
        "dport", "dp", "dstport", "dstpt", "dpt", "destinationport", "destport", "idrespp",
        "destinationtransportport", "l4dstport", "portdst", "dstendpointport", "dstportnumber",
        "serverport", "srvport", "tcpdstport", "tcpdst",
    ),
    "proto": (
        "proto", "pr", "protocol", "protocolidentifier", "ipproto", "networktransport", "transport",
        "networkiananumber", "ipprotocol", "protocolnum", "protocolname", "networkprotocol", "protocolmap",
        "pro", "l4proto",
    ),
    "direction": ("dir",),
    "state": ("state", "connstate"),
    "mac": (
        "smac", "srcmac", "sourcemac", "mac", "sourcemacaddress", "macsrc", "insrcmac", "origl2addr",
        "ismc", "srcmacaddr", "insrcmacaddr",
    ),
    "action": ("action", "disposition", "fwaction"),
    "flags": (
        "flg", "tcpflags", "flags", "tcpcontrolbits", "cumulativetcpflags", "src2dsttcpflags",
        "clienttcpflags",
    ),
    "packets": (
        "ipkt", "inpkts", "inpackets", "packets", "packetdeltacount", "pkts", "packetcount", "origpkts",
        "sourcepackets",
    ),
    "back": ("opkt", "outpkts", "outpackets", "reversepacketdeltacount", "resppkts", "destinationpackets"),
    "nat": (
        "postnatsourceipv4address", "postnatsourceipv6address", "natsrcaddr", "xsrcaddr", "sourcenatip",
        "src4xltip", "src6xltip", "postnatsrcipv4addr", "translatedsrcip", "nsa", "postnatipsrc",
    ),
    "nat_port": (
        "postnaptsourcetransportport", "sourcenatport", "srcxltport", "postnaptsrctransportport",
        "xsrcport", "nsp", "translatedsrcport", "postnatportsrc",
    ),
}  # fmt: skip
_KNOWN = frozenset(name for known in NAMES.values() for name in known)
# Before a name: who wrote it down, not what it is.
_FRONTS = (
    "iana",
    "netflow",
    "ipfix",
    "flow",
    "connectioninfo",
    "connection",
    "jsonpayloadconnection",
    "jsonpayload",
)

# By number, by the names of /etc/services where the recorder was not told to print numbers, and as
# a table that holds floats spells them.
PORTS = {
    "25": 25, "smtp": 25, "25.0": 25, "465": 465, "smtps": 465, "submissions": 465, "urd": 465, "465.0": 465,
    "587": 587, "submission": 587, "587.0": 587,
}  # fmt: skip
# Argus marks a flow whose start it missed with a question mark; the port then says who is the client.
CLIENT_LEFT = ("->", "<->", "<?>", "?>", "")
_CLIENTS = 32768  # most systems give their clients ports from here on (RFC 6335 §6; ip_local_port_range)
EARLIEST = 1e8  # seconds; a smaller number counts from the start of something, and nobody says of what


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
    end: int = -1
    src6: int = -1
    dst6: int = -1
    flags: int = -1
    packets: int = -1
    back: int = -1
    nat: int = -1
    nat_port: int = -1
    date: int = -1  # where the day stands apart from the time

    @property
    def width(self) -> int:
        """How many values a row must have."""
        return max(self.at, self.src, self.dst, self.dport) + 1

    @property
    def both_ways(self) -> bool:
        """True when a row holds both directions of its connection, as Argus and Zeek write it.

        nfdump's column of that name says by which interface a flow came.
        """
        return (self.direction >= 0 or self.state >= 0) and self.flags < 0


def bare(name: str) -> str:
    """The letters and digits of a column's name."""
    return "".join(c for c in name.lower() if c.isalnum())


def _short(name: str) -> str:
    """The name without who wrote it down, where that makes it one that we know."""
    if name in _KNOWN:
        return name
    return next((rest for front in _FRONTS if (rest := name.removeprefix(front)) in _KNOWN), name)


def layout(names: Sequence[str]) -> Layout | None:
    """Find the columns by their names; None when time, addresses or the port are missing."""
    plain = [_short(bare(name)) for name in names]
    found = {
        part: next((plain.index(name) for name in known if name in plain), -1)
        for part, known in NAMES.items()
    }
    for one in ("src", "dst"):  # a table of IPv6 alone
        if found[one] < 0:
            found[one], found[one + "6"] = found[one + "6"], -1
    needed = ("at", "src", "dst", "dport")
    if any(found[part] < 0 for part in needed) or found["src"] == found["dst"]:
        return None
    day = plain.index("date") if "date" in plain else -1
    return Layout(**found, date=-1 if day == found["at"] else day)


def outcome(state: str) -> str:
    """How a connection went, from a state: answered, refused, silent, or "" when it cannot tell.

    Argus: for TCP `FSPA_FSPA` lists the flags of either side (argus-clients ra(1), "state"), else a word.
    Zeek: conn_state (base/protocols/conn/main.zeek).
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
    "REQ": "silent", "INT": "silent", "ACC": "answered", "EST": "answered", "CON": "answered",
    "FIN": "answered", "CLO": "answered",
    # Zeek. RSTRH and SHR are what an answer without its question looks like; OTH has no SYN.
    "S0": "silent", "SH": "silent", "RSTOS0": "silent", "REJ": "refused", "SF": "answered", "S1": "answered",
    "S2": "answered", "S3": "answered", "RSTO": "answered", "RSTR": "answered", "RSTRH": "",
    "SHR": "answered",
}  # fmt: skip
ACTIONS = {
    "accept": "pass", "allow": "pass", "pass": "pass", "drop": "block", "deny": "block", "reject": "block",
    "block": "block", "allowed": "pass", "accepted": "pass", "permitted": "pass", "permit": "pass",
    "denied": "block", "dropped": "block", "rejected": "block", "blocked": "block",
}  # fmt: skip


@lru_cache(maxsize=4096)
def flags(text: str) -> str | None:
    """The TCP flags that a flow showed, of `SAFRP`; None when the recorder does not know them.

    nfdump writes `...AP.SF`, others a number or hexadecimals (RFC 9293 §3.1), words, or letters.
    """
    text = text.strip().removesuffix(".0")
    if text.isdigit() or text.startswith("0x"):
        try:
            number = int(text, 16 if text.startswith("0x") else 10)
        except ValueError:
            return None
        return "".join(letter for letter, bit in _BITS if number & bit) or None
    found = "".join(letter for word, letter in _SPELLED if word in text.upper())
    if found:
        return found
    letters = text.replace(".", "").replace(" ", "")  # SiLK leaves out what was not seen
    if not letters or not set(letters) <= set("SAFRPUEC*"):
        return None
    return "".join(letter for letter, _ in _BITS if letter in letters) or None


_BITS = (("S", 2), ("A", 16), ("F", 1), ("R", 4), ("P", 8))
_SPELLED = (("SYN", "S"), ("ACK", "A"), ("FIN", "F"), ("RST", "R"), ("PSH", "P"), ("PUSH", "P"))


def told(shown: str | None, packets: int, back: int) -> str:
    """How a connection went, from the flags of the client's half and the packets of either.

    The client's own ACK says that it was answered. A SYN repeated was not refused, for a refusal ends it;
    one alone may have been.
    """
    if shown is None:
        return "answered" if back > 2 and packets > 2 else ""
    if (
        "R" in shown
        and 0 < back <= packets <= 6
        and ("S" not in shown or ("F" not in shown and packets <= 2))
    ):
        return "refused"  # the flags of both halves in one: nfdump -B, nProbe
    if "S" not in shown:
        return ""
    if "A" in shown:
        return "answered"
    return "silent" if packets > 2 and not back else ""


@remembered(65536)
def moment(text: str, near: float) -> float | None:
    """Unix seconds from what a column says: a number of any unit, or a date; None for what is none."""
    number = text.replace(".", "", 1)
    if number.isascii() and number.isdigit() and len(number) < 40:
        return epoch(text)
    when = stamp(text + " ", near)
    return None if when is None or when.at < BOOT_LIMIT else when.at  # a time of day alone is no moment


def epoch(text: str) -> float | None:
    """Seconds since 1970 from those, or from milli-, micro- or nanoseconds; None for what is too small."""
    whole, _, part = text.partition(".")
    if part.strip("0") or len(whole) <= 11:
        value = float(text)
        scale = 1.0 if value < 1e11 else 1e3 if value < 1e14 else 1e6 if value < 1e17 else 1e9
        at = value / scale
    else:
        value = int(whole)
        at = value / 1e3 if value < 10**14 else (value if value < 10**17 else (value + 500) // 1000) / 1e6
    return at if EARLIEST <= at < 4e12 else None


def number(text: str) -> int:
    """A count, 0 for what is none."""
    digits = text.removesuffix(".0")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else 0


def answer(sport: int, dport: int) -> bool:
    """True for the half of a connection that goes back to who opened it, as the ports tell."""
    if sport in net.MAIL_PORTS:
        return dport not in net.MAIL_PORTS and dport > 1023
    return 0 < sport < (_CLIENTS if dport >= _CLIENTS else 1024) <= dport


def server_left(arrow: str) -> bool:
    """True where Argus put the one who was called to the left."""
    return ("<" in arrow or ">" in arrow) and arrow not in CLIENT_LEFT


class Row(Struct):
    """What the columns of one row say."""

    at: float
    src: Address
    dst: Address
    sport: int
    dport: int
    proto: str
    mac: str
    action: str
    shown: str | None  # TCP flags
    outcome: str
    packets: int
    nat: Address | None
    nat_port: int
    end: float | None

    def fact(self) -> Attempt | Contact | Other | None:
        """The connection that it opened."""
        return connection(
            self.at, self.src, self.dst, self.dport, self.sport, self.proto, mac=self.mac, action=self.action,
            outcome=self.outcome, nat=self.nat, nat_port=self.nat_port, end=self.end,
        )  # fmt: skip


def cells(values: Sequence[str], where: Layout, near: float) -> Row | Other | None:
    """A row's values; OTHER for one that Argus wrote from the server's side."""

    def cell(position: int) -> str:
        return values[position].strip() if 0 <= position < len(values) else ""

    if where.dport >= len(values):
        return None
    if where.direction >= 0 and server_left(cell(where.direction)):
        return OTHER
    time = cell(where.at)
    if where.date >= 0 and "-" not in time and "/" not in time:
        time = f"{cell(where.date)} {time}"
    at = moment(time, near)
    src = address(_either(cell(where.src), cell(where.src6)))
    dst = address(_either(cell(where.dst), cell(where.dst6)))
    if at is None or src is None or dst is None:
        return None
    name = cell(where.dport).lower()
    packets, back = number(cell(where.packets)), number(cell(where.back))
    shown = flags(cell(where.flags)) if where.flags >= 0 else None
    end, sport = cell(where.end), cell(where.sport).removesuffix(".0")
    nat = net.ip(cell(where.nat)) if where.nat >= 0 else None
    if nat is not None and not int(nat):
        nat = None
    return Row(
        at, src, dst, port(sport) or PORTS.get(sport, 0), PORTS.get(name) or port(name.removesuffix(".0")),
        cell(where.proto).removesuffix(".0") or "tcp", card(cell(where.mac)),
        ACTIONS.get(cell(where.action).lower(), ""), shown,
        outcome(cell(where.state)) if where.state >= 0 else told(shown, packets, back), packets,
        nat, port(cell(where.nat_port)), moment(end, near) if end else None,
    )  # fmt: skip


def _either(four: str, six: str) -> str:
    return six if six and (not four or four in ("0.0.0.0", "-")) and six != "::" else four  # noqa: S104 - no socket


def address(text: str) -> Address | None:
    """An address as it is spelled, or as the one number that some tables keep for IPv4."""
    if text.isascii() and text.isdigit() and 7 < len(text) < 11 and int(text) >> 32 == 0:
        return net.ip(str(IPv4Address(int(text))))
    return net.ip(text)


def card(text: str) -> str:
    """A MAC address; "" for none, and for the zeros of a recorder that knows none."""
    made = net.mac(text)
    return "" if made == "00:00:00:00:00:00" else made


def tcp(protocol: str) -> bool:
    """True for TCP by name or number."""
    name = protocol.lower()
    return PROTOCOLS.get(name, name) == "tcp"


def middle(made: Row, *, both_ways: bool) -> bool:
    """True for a row that opens nothing: a sum, the server's half, or a later piece of a connection.

    Recorders that add up flows leave out the addresses that differ: 0.0.0.0 is nobody.
    """
    if not int(made.src) or not int(made.dst):
        return True
    if both_ways:
        return False
    if answer(made.sport, made.dport):
        return True
    return tcp(made.proto) and made.shown is not None and "S" not in made.shown and made.outcome != "refused"


def row(values: Sequence[str], where: Layout, near: float) -> Attempt | Contact | Other | None:
    """One row; Other for the answer's half of a flow, None for what does not fit the columns."""
    made = cells(values, where, near)
    if not isinstance(made, Row):
        return made
    return OTHER if middle(made, both_ways=where.both_ways) else made.fact()
