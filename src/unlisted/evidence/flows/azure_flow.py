"""Azure: flow logs of network security groups (versions 1 and 2) and of virtual networks, JSON.

Source: learn.microsoft.com/azure/network-watcher/nsg-flow-logs-overview and vnet-flow-logs-overview, "Log
format". Sample: tests/samples/azure_flow/. The file of an hour (PT1H.json) is one document; a record is a
minute of one interface or group and tells many connections.

Surprises: a tuple has commas inside a string. Version 1: time,source,target,sport,dport,T|U,I|O,A|D.
Version 2 adds B(egin), C(ontinuing) or E(nd) and counts, which are empty on B; only what begins is a
connection. Virtual networks write milliseconds, the protocol's number, and D(eny) where the state stands.
The MAC is the interface's: it is the source's where the flow goes out.
"""

from collections.abc import Iterator

from unlisted import net
from unlisted.evidence import OTHER, Parsed
from unlisted.evidence.card import card
from unlisted.evidence.contact import connection, port
from unlisted.evidence.flows._json import Record, Value, child, load, text
from unlisted.evidence.flows.columns import moment
from unlisted.messages import Attempt, Contact

HINT = '"flowTuples"'
CANDIDATE = rb",(?:25|465|587),(?:T|6),"
_MOST = 100_000  # tuples read of one record
_PROTOCOLS = {"T": "tcp", "U": "udp"}


def parse(line: str, near: float) -> Parsed:
    """Read one record: the connections that it tells."""
    record = load(line) if HINT in line else None
    if record is None:
        return None
    made: list[Attempt | Contact] = []
    for tuples, (mac, value) in enumerate(_tuples(record), 1):
        fact = _fact(value.split(","), mac, near)
        if fact is None or tuples > _MOST:
            return None  # cut off, or no record of Azure's
        if isinstance(fact, (Attempt, Contact)):
            made.append(fact)
    return tuple(made) if made else OTHER


def _tuples(record: Record) -> Iterator[tuple[str, str]]:
    """Each tuple with the interface's MAC."""
    whole = card(text(record.get("macAddress")))
    for rule in _objects(child(record, "properties").get("flows")):
        for flow in _objects(rule.get("flows")):
            mac = card(text(flow.get("mac")))
            for one in _strings(flow.get("flowTuples")):
                yield mac, one
    for flow in _objects(child(record, "flowRecords").get("flows")):
        for group in _objects(flow.get("flowGroups")):
            for one in _strings(group.get("flowTuples")):
                yield whole, one


def _objects(value: Value) -> Iterator[Record]:
    yield from (one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def _strings(value: Value) -> Iterator[str]:
    yield from (one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _fact(parts: list[str], mac: str, near: float) -> Parsed:
    """One tuple."""
    if len(parts) < 8 or parts[6] not in ("I", "O"):
        return None
    at, src, dst = moment(parts[0], near), net.ip(parts[1]), net.ip(parts[2])
    if at is None or src is None or dst is None:
        return None
    decision, state = (parts[7], parts[8] if len(parts) > 8 else "B")
    if parts[5] not in _PROTOCOLS:  # of a virtual network
        decision, state = ("D", "B") if parts[7] == "D" else ("A", parts[7])
    if state not in ("B", ""):
        return OTHER
    return connection(
        at, src, dst, port(parts[4]), port(parts[3]), _PROTOCOLS.get(parts[5], parts[5]),
        mac=mac if parts[6] == "O" else "", action="block" if decision == "D" else "pass",
    )  # fmt: skip
