"""Suricata's EVE: JSON lines of flows, sessions, alerts and dropped packets, in a file or through syslog.

Source: Suricata 7 and 8, userguide output/eve/eve-json-format, src/output-json-flow.c, output-json.c.
Sample: tests/samples/suricata/.

Surprises: one connection stands there as an smtp session, as alerts, as a flow when it ends and, where
`netflow` is on, as its two halves; `flow_id` joins them, and the first counts. An alert's addresses are
those of the packet that set it off, which may be the server's; `flow.src_ip` (Suricata 7) is the client.
`start` of the flow is when it began, `timestamp` when it was written. TCP flags are hexadecimals without
a front; 00 says that none were seen.
"""

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse, Parsed
from unlisted.evidence.card import card
from unlisted.evidence.contact import connection, port
from unlisted.evidence.flows._json import Record, child, count, load, text
from unlisted.evidence.flows.columns import answer, flags, moment
from unlisted.evidence.flows.halves import Seen
from unlisted.messages import Attempt, Contact

HINT = '"event_type"'
CANDIDATE = rb'(?:dest_port|src_port)\\?": ?(?:25|465|587)[,} ]'
_DAY = 86_400.0  # seconds; no flow lasts longer
# What speaks of a connection. Others (stats, engine, anomaly of a packet) do not, or only repeat it.
_TELL = (
    "flow",
    "netflow",
    "smtp",
    "tls",
    "alert",
    "drop",
    "tcp",
    "http",
    "ssh",
    "dns",
    "fileinfo",
    "anomaly",
)
_SPOKEN = ("smtp", "tls", "http", "ssh")  # sessions: the server spoke


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one line by itself."""
    record = _record(line)
    return None if record is None else _made(record, near)


def session() -> Parse:
    """Reads the lines of one file: of what several events tell, the first counts."""
    seen = Seen()

    def read(line: str, near: float) -> Parsed:
        record = _record(line)
        if record is None:
            return None
        made = _made(record, near)
        if not isinstance(made, (Attempt, Contact)):
            return made
        key = text(record.get("flow_id")) or (made.src, made.sport, made.dst, made.dport)
        if isinstance(key, tuple) and not made.sport:
            return made
        return OTHER if seen.again(key, made.at, _DAY) else made

    return read


def _record(line: str) -> Record | None:
    record = load(line) if HINT in line else None
    if record is None:
        return None
    return record if "src_ip" in record or text(record.get("event_type")) == "stats" else None


def _made(record: Record, near: float) -> Attempt | Contact | Other | None:
    event = text(record.get("event_type"))
    if event not in _TELL or "src_ip" not in record:
        return OTHER
    flow = child(record, event if event == "netflow" else "flow")
    ends = flow if "src_ip" in flow and event != "netflow" else record
    src, dst = net.ip(text(ends.get("src_ip"))), net.ip(text(ends.get("dest_ip")))
    sport, dport = port(text(ends.get("src_port"))), port(text(ends.get("dest_port")))
    at = moment(text(flow.get("start")) or text(record.get("timestamp")), near)
    if at is None or src is None or dst is None:
        return None
    macs = ("src_mac", "src_macs")
    if ends is record and event != "flow" and answer(sport, dport):
        if event in ("netflow", "drop"):
            return OTHER
        src, dst, sport, dport = dst, src, dport, sport
        macs = ("dest_mac", "dest_macs")
    tcp = child(record, "tcp")
    ours, theirs = _flags(tcp, "tcp_flags_ts"), _flags(tcp, "tcp_flags_tc")
    if event == "netflow":
        ours = _flags(tcp, "tcp_flags")
    opens = ours is None or "S" in ours or event not in ("flow", "netflow")
    if event == "drop":
        packet = child(record, "drop")
        opens = record.get("proto") != "TCP" or (packet.get("syn") is True and packet.get("ack") is not True)
    ether = child(record, "ether")
    return connection(
        at, src, dst, dport, sport, text(record.get("proto")), opens=opens,
        mac=card(text(ether.get(macs[0])) or _only(ether, macs[1])), action=_action(record, event),
        outcome=_outcome(event, flow, ours, theirs), end=moment(text(flow.get("end")), near),
    )  # fmt: skip


def _flags(tcp: Record, name: str) -> str | None:
    shown = text(tcp.get(name))
    return flags(f"0x{shown}") if shown else None


def _only(ether: Record, name: str) -> str:
    """The one card that all of a flow's packets came from; with several it is a router's affair."""
    found = ether.get(name)
    return text(found) if isinstance(found, list) and len(found) == 1 else ""


def _action(record: Record, event: str) -> str:
    if event == "drop" or text(child(record, "verdict").get("action")) == "drop":
        return "block"
    if event == "alert" and text(child(record, "alert").get("action")) == "blocked":
        return "block"
    return "block" if text(child(record, "flow").get("action")) == "drop" else ""


def _outcome(event: str, flow: Record, ours: str | None, theirs: str | None) -> str:
    """How it went: from the server's flags, else from what was spoken, else from the counts."""
    if event in _SPOKEN:
        return "answered"
    if theirs is not None:
        return "refused" if "R" in theirs and "S" not in theirs else "answered"
    back, state = count(flow.get("pkts_toclient")), text(flow.get("state"))
    if event == "netflow":
        return "answered" if ours is not None and "S" in ours and "A" in ours else ""
    if state in ("established", "closed") and back > 1:
        return "answered"
    if event == "flow" and "pkts_toclient" in flow and not back:
        return "silent"
    return "answered" if back > 1 else ""
