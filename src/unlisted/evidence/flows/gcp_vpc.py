"""Google Cloud: VPC flow logs, firewall rules logging and Cloud NAT logs, as entries of Cloud Logging in
JSON.

Source: cloud.google.com/vpc/docs/about-flow-logs-records, firewall-rules-logging-format,
cloud.google.com/nat/docs/monitoring. A line an entry (a sink's files), or `gcloud logging read
--format=json`. Sample: tests/samples/gcp_vpc/.

Surprises: each direction of a flow is a record of its own, a long one has a record for each interval, and
both machines report it where both are in the VPC: the first record of a connection counts. Numbers stand
as strings in some exports. A firewall's entry has no start but the entry's time; a NAT's tells the
translated port.
"""

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse, Parsed
from unlisted.evidence.contact import PROTOCOLS, connection, port
from unlisted.evidence.flows._json import Record, child, count, load, text
from unlisted.evidence.flows.columns import ACTIONS, answer, moment
from unlisted.evidence.flows.halves import Halves, Seen
from unlisted.messages import Attempt, Contact

HINT = '"jsonPayload"'
CANDIDATE = rb'_port": ?"?(?:25|465|587)["},\s]'
_PAUSE = 960.0  # seconds; the longest aggregation interval is a quarter of an hour


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one entry by itself."""
    entry = _entry(line)
    return None if entry is None else _Log().fact(entry, near)


def session() -> Parse:
    """Reads the entries of one file."""
    log = _Log()

    def read(line: str, near: float) -> Parsed:
        entry = _entry(line)
        return None if entry is None else log.fact(entry, near)

    return read


def _entry(line: str) -> Record | None:
    entry = load(line) if HINT in line else None
    if entry is None:
        return None
    ends = child(child(entry, "jsonPayload"), "connection")
    return entry if ends else None


class _Log:
    """The entries of one log in their order."""

    def __init__(self) -> None:
        self._halves, self._seen = Halves(), Seen()

    def fact(self, entry: Record, near: float) -> Attempt | Contact | Other | None:
        """One entry."""
        load = child(entry, "jsonPayload")
        ends = child(load, "connection")
        src, dst = net.ip(text(ends.get("src_ip"))), net.ip(text(ends.get("dest_ip")))
        sport, dport = port(text(ends.get("src_port"))), port(text(ends.get("dest_port")))
        at = moment(text(load.get("start_time")) or text(entry.get("timestamp")), near)
        if at is None or src is None or dst is None:
            return None
        number = text(ends.get("protocol")).removesuffix(".0")
        protocol = PROTOCOLS.get(number, number or "tcp")
        action = ACTIONS.get(text(load.get("disposition")).lower(), "")
        if text(load.get("allocation_status")) == "DROPPED":
            action = "block"
        if answer(sport, dport) and not action and "nat_ip" not in ends:
            self._halves.answers((dst, dport, src, sport), at, None, count(load.get("packets_sent")))
            return OTHER
        if sport and self._seen.again((src, sport, dst, dport, protocol, "nat_ip" in ends), at, _PAUSE):
            return OTHER
        outcome = self._halves.told((src, sport, dst, dport), at)
        if not outcome and count(load.get("rtt_msec")) and protocol == "tcp":
            outcome = "answered"  # a round trip can only be measured where somebody answered
        return connection(
            at, src, dst, dport, sport, protocol, action=action, outcome=outcome if protocol == "tcp" else "",
            nat=net.ip(text(ends.get("nat_ip"))), nat_port=port(text(ends.get("nat_port"))),
            end=moment(text(load.get("end_time")), near) if load.get("end_time") else None,
        )  # fmt: skip
