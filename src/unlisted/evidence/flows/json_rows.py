"""Flows as JSON, a flat record a line, whoever wrote them: known by the names of their fields.

Read are goflow2, pmacct, nfdump -o json, ipfixcol2, nProbe and ntopng, Elastic's Common Schema (ECS,
nested or with dots; Packetbeat, the netflow input, and what it makes of other products' logs), OCSF's
network activity. Source: each product's documentation of its fields, which `columns.py` lists. Sample:
tests/samples/json_rows/.

Surprises: a connection is told once for each of its halves, once again when it goes on, and by each
device on its way: a line counts as a packet here, and where no TCP flags are told the first record of a
connection counts.
"""

from functools import lru_cache

from unlisted.evidence import OTHER, Parse, Parsed
from unlisted.evidence.flows._json import Record, child, flat, load
from unlisted.evidence.flows.columns import ACTIONS, Layout, Row, cells, layout
from unlisted.evidence.flows.halves import Rows

HINT = '":'
PACKETS = True
CANDIDATE = rb':\s*"?(?:25|465|587)(?:\.0)?[",}\s]'
# Programs whose records have readers of their own, by a field that only they have.
_OTHERS = ("event_type", "id.orig_h", "id_orig_h", "jsonPayload", "oob.prefix", "oob.in", "raw.pktlen")
_PURGE = ("purge", "purge_init", "purge_close")  # pmacct's event_type


def parse(line: str, near: float) -> Parsed:
    """Read one line by itself."""
    return _Log().read(line, near)


def session() -> Parse:
    """Reads the lines of one file."""
    return _Log().read


class _Log:
    """The records of one file in their order."""

    def __init__(self) -> None:
        self._rows: dict[Layout, Rows] = {}

    def read(self, line: str, near: float) -> Parsed:
        """One record."""
        record = load(line)
        if record is None or _foreign(record):
            return None
        if record.get("event_type") in _PURGE and "ip_src" not in record:
            return OTHER
        values = flat(record)
        where = _layout(tuple(values))
        if where is None:
            return None
        made = cells(tuple(values.values()), where, near)
        if not isinstance(made, Row):
            return made
        _schema(made, values)
        rows = self._rows.setdefault(where, Rows(where))
        if len(self._rows) > 1000:
            self._rows.clear()
        return rows.fact(made)


def _foreign(record: Record) -> bool:
    told = record.get("event_type")
    return (
        any(name in record for name in _OTHERS if name != "event_type")
        or (told is not None and told not in _PURGE)
        or "orig_h" in child(record, "id")
    )


@lru_cache(maxsize=1024)
def _layout(names: tuple[str, ...]) -> Layout | None:
    return layout(names)


def _schema(made: Row, values: dict[str, str]) -> None:
    """What ECS says of a decision in words of its own."""
    told = values.get("event.type", ""), values.get("event.action", ""), values.get("event.outcome", "")
    for word in told:
        if not made.action:
            made.action = ACTIONS.get(word.lower(), "")
