"""AWS VPC flow logs as text: the default fields, or any under a header line; in a file or from CloudWatch.

Source: Amazon VPC User Guide, "Flow log records" (fields of versions 2 to 10) and "Flow log record
examples". Samples: tests/samples/aws_vpc/.

Surprises: each direction is a record of its own, and a long connection one for each minute or ten; only a
record with SYN begins one (`tcp-flags` is the sum of SYN 2, SYN-ACK 18, FIN 1, RST 4; a plain ACK is not
counted). Without that field the first record of a connection counts. Behind a NAT gateway or a transit
gateway `srcaddr` is the one between, `pkt-srcaddr` the machine (or the pod, on a Kubernetes node); what a
NAT gateway then sends under its own address was told before. NODATA and SKIPDATA records hold no
connection. The files of a bucket begin with a header line; CloudWatch hands out lines alone, behind a
time, or as JSON. The default orders of a network and of a transit gateway are
known, an order of one's own without a header line is not understood.
"""

import re
from collections.abc import Callable, Sequence

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse, Parsed
from unlisted.evidence.contact import connection, port
from unlisted.evidence.flows._json import load, text
from unlisted.evidence.flows.columns import ACTIONS, answer, flags, moment, number
from unlisted.evidence.flows.halves import Halves, Seen
from unlisted.messages import Attempt, Contact
from unlisted.net import Address

HINT = "eni-"
CANDIDATE = rb'[ ,\t"](?:25|465|587)[ ,\t"]'
_NAMES = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol",
    "packets", "bytes", "start", "end", "action", "log-status",
)  # fmt: skip
# What the console puts behind them where all fields are asked for; what follows tells nothing here.
_MORE = ("vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr")
# Of a transit gateway ("Transit Gateway Flow Log records"): the default, and what follows tells nothing here.
_TRANSIT = (
    "version", "resource-type", "account-id", "tgw-id", "tgw-attachment-id", "tgw-src-vpc-account-id",
    "tgw-dst-vpc-account-id", "tgw-src-vpc-id", "tgw-dst-vpc-id", "tgw-src-subnet-id", "tgw-dst-subnet-id",
    "tgw-src-eni", "tgw-dst-eni", "tgw-src-az-id", "tgw-dst-az-id", "tgw-pair-attachment-id", "srcaddr",
    "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "log-status", "type",
    "packets-lost-no-route", "packets-lost-blackhole", "packets-lost-mtu-exceeded",
    "packets-lost-ttl-expired", "tcp-flags",
)  # fmt: skip
_OURS = {"interface-id", "log-status", "pkt-srcaddr", "tcp-flags", "account-id", "vpc-id"}
_WORDS = re.compile(r"[a-z0-9-]{1,40}(?:[ ,\t][a-z0-9-]{1,40}){4,80}")
# CloudWatch's export to a bucket puts the time in front, tools that tail a group its names as well.
_FRONT = re.compile(r"(?:\d{4}-\d\d-\d\dT[\d:.]{8,15}Z[ \t])")
_STATUS = ("OK", "NODATA", "SKIPDATA")
_TYPES = ("IPv4", "IPv6", "EFA", "-")
_PAUSE = 900.0  # seconds; the longest aggregation interval is ten minutes


def parse(line: str, near: float) -> Parsed:
    """Read one line in the default order by itself."""
    return session()(line, near)


def session() -> Parse:
    """Reads the lines of one file in the default order."""
    network, transit = _Log(_NAMES + _MORE), _Log(_TRANSIT)

    def read(line: str, near: float) -> Parsed:
        values = _values(line)
        if values is None:
            return None
        return (transit if values[3].startswith("tgw-") else network).fact(values, near)

    return read


def header(line: str) -> Parse | None:
    """The reader that a header line asks for."""
    line = line.strip("\ufeff\r ").replace('"', "").replace("_", "-")
    if not _WORDS.fullmatch(line):
        return None
    separator = next(one for one in " ,\t" if one in line)
    names = line.split(separator)
    made = rows(names)
    if made is None:
        return None

    def read(line: str, near: float) -> Parsed:
        values = line.replace('"', "").split(separator) if separator != " " else line.split()
        if len(values) != len(names):
            return None
        return OTHER if values[0].replace("_", "-") == names[0] else made(values, near)

    return read


def rows(names: Sequence[str]) -> Callable[[Sequence[str], float], Parsed] | None:
    """What reads the rows of a table of these names (Parquet, Athena's answer); None when it is another's."""
    spelled = [name.replace("_", "-").lower() for name in names]
    known = set(spelled)
    ends = {"srcaddr", "pkt-srcaddr"} & known and {"dstaddr", "pkt-dstaddr"} & known
    if not ends or not {"dstport", "start"} <= known or not _OURS & known:
        return None
    return _Log(spelled).fact


def _values(line: str) -> list[str] | None:
    """The fields of a line in the default order."""
    if line.startswith("{"):
        record = load(line)
        line = text(record.get("message")) if record else ""
    elif front := _FRONT.match(line):
        line = line[front.end() :]
    values = line.split()
    if len(values) > 31 and values[3].startswith("tgw-"):
        return values if values[0].isdigit() and values[25] in _STATUS else None
    if len(values) < 14 or not values[2].startswith("eni-") or values[13] not in _STATUS:
        return None
    if len(values) == 14:
        return values if values[0] == "2" else None
    return values if len(values) > 20 and values[0].isdigit() and values[18] in _TYPES else None


class _Log:
    """The records of one log in their order."""

    def __init__(self, names: Sequence[str]) -> None:
        self._places = {name: place for place, name in enumerate(names)}
        self._halves, self._seen = Halves(), Seen()
        self._between: set[Address] = set()

    def fact(self, values: Sequence[str], near: float) -> Attempt | Contact | Other | None:
        """One record."""

        def field(name: str) -> str:
            place = self._places.get(name, -1)
            value = values[place] if 0 <= place < len(values) else ""
            return "" if value == "-" else value

        if field("log-status") in ("NODATA", "SKIPDATA"):
            return OTHER
        src, dst = net.ip(field("srcaddr")), net.ip(field("dstaddr"))
        first, last = net.ip(field("pkt-srcaddr")), net.ip(field("pkt-dstaddr"))
        if dst is not None and last is not None and dst != last and not net.inside(last):
            self._note(dst)
        src, dst = first or src, last or dst
        at = moment(field("start"), near)
        if at is None or src is None or dst is None:
            return None
        sport, dport, packets = port(field("srcport")), port(field("dstport")), number(field("packets"))
        shown = flags(field("tcp-flags")) if field("tcp-flags") else None
        protocol = field("protocol") or "tcp"
        if answer(sport, dport):
            self._halves.answers((dst, dport, src, sport), at, shown, packets)
            return OTHER
        known = field("tcp-flags") != "" and protocol == "6"
        if src in self._between or (known and (shown is None or "S" not in shown or "A" in shown)):
            return OTHER
        action = ACTIONS.get(field("action").lower(), "")
        if self._seen.again((src, sport, dst, dport, protocol, action), at, _PAUSE) and sport:
            return OTHER
        outcome = self._halves.told((src, sport, dst, dport), at) if protocol == "6" else ""
        if not outcome and action != "block" and shown is not None and "F" in shown and packets > 3:
            outcome = "answered"  # nobody closes what was not open
        return connection(
            at,
            src,
            dst,
            dport,
            sport,
            protocol,
            action=action,
            outcome=outcome,
            end=moment(field("end"), near),
        )

    def _note(self, between: Address) -> None:
        """A gateway: the packet was sent to somebody outside, and came to its interface."""
        if len(self._between) < 10_000:
            self._between.add(between)
