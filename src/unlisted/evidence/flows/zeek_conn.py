"""Zeek's conn.log, TSV or JSON: a record for each connection. Zeek's other logs tell nothing beside it.

Source: Zeek 6, base/protocols/conn/main.zeek (conn_state, history),
policy/protocols/conn/mac-logging.zeek. Sample: tests/samples/zeek_conn/.

Surprises: a record of a connection whose SYN nobody saw (state OTH without an `S` or `h` in the history)
is the middle of one. The history's `^` says that Zeek has put the ends right itself. `ts` is the first
packet's time; a record is written when the connection ends.
"""

from collections.abc import Callable, Sequence

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse, Parsed
from unlisted.evidence.card import card
from unlisted.evidence.contact import connection, port
from unlisted.evidence.flows._zeek import Fields, fields, record, table
from unlisted.evidence.flows._zeek import rows as _rows
from unlisted.evidence.flows.columns import moment, outcome
from unlisted.messages import Attempt, Contact

HINT = "conn_state"
CANDIDATE = rb'(?:resp_p\\?": ?|[\t,;|])(?:25|465|587)[\t,;|} \r\n]'


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one JSON line."""
    if HINT not in line or (field := record(line, "conn")) is None:
        return None
    return _made(field, near) if field("conn_state") else None


def header(line: str) -> Parse | None:
    """The reader of a TSV log, smtp.log excepted."""
    first = fields(line)
    if first is None or "helo" in first[1]:
        return None
    return table(first, _row)


def rows(names: Sequence[str]) -> Callable[[Sequence[str], float], Parsed] | None:
    """What reads the rows of a table with these columns."""
    return _rows(names, _made, HINT)


def _row(field: Fields, near: float) -> Parsed:
    if net.ip(field("id_orig_h")) is None:
        return None
    return _made(field, near) if field("conn_state") else OTHER


def _made(field: Fields, near: float) -> Attempt | Contact | Other | None:
    at = moment(field("ts"), near)
    src, dst = net.ip(field("id_orig_h")), net.ip(field("id_resp_h"))
    if at is None or src is None or dst is None:
        return None
    state, history = field("conn_state"), field("history")
    tcp = field("proto").lower() == "tcp"
    if tcp and state == "OTH" and not {"S", "h"} & set(history):
        return OTHER
    try:
        lasted = float(field("duration") or "nan")
    except ValueError:
        lasted = float("nan")
    return connection(
        at, src, dst, port(field("id_resp_p")), port(field("id_orig_p")), field("proto") or "tcp",
        mac=card(field("orig_l2_addr")), outcome=outcome(state) if tcp else "",
        end=at + lasted if 0 <= lasted < 1e9 else None,
    )  # fmt: skip
