"""Zeek's smtp.log, TSV or JSON: a record for each message, and one for each session that carried none.

Source: Zeek 6, base/protocols/smtp/main.zeek. Sample: tests/samples/zeek_smtp/.

Surprises: `ts` is when the first message was seen, some time after the SYN, and a connection stands there
once for each of its messages. A session that Zeek could follow was answered. conn.log tells the same
connections: what another file has told is not counted again (find/outgoing.py).
"""

from collections.abc import Callable, Sequence

from unlisted import net
from unlisted.evidence import OTHER, Other, Parse, Parsed
from unlisted.evidence.contact import connection, port
from unlisted.evidence.flows._zeek import Fields, Made, fields, record, table
from unlisted.evidence.flows._zeek import rows as _rows
from unlisted.evidence.flows.columns import moment
from unlisted.evidence.flows.halves import Seen
from unlisted.messages import Attempt, Contact

HINT = "trans_depth"
CANDIDATE = rb'(?:resp_p\\?": ?|[\t,;|])(?:25|465|587)[\t,;|} \r\n]'
_DAY = 86_400.0  # seconds; no session lasts longer


def parse(line: str, near: float) -> Parsed:
    """Read one JSON line by itself."""
    return _line(line, near, _made)


def session() -> Parse:
    """Reads the lines of one file: the first message of each connection counts."""
    made = _once()
    return lambda line, near: _line(line, near, made)


def _line(line: str, near: float, made: Made) -> Parsed:
    if HINT not in line or '"uri"' in line or (field := record(line, "smtp")) is None:
        return None  # http.log counts its requests by the same name
    return made(field, near) if field("trans_depth") else None


def header(line: str) -> Parse | None:
    """The reader of a TSV log."""
    first = fields(line)
    return table(first, _once()) if first and "helo" in first[1] else None


def rows(names: Sequence[str]) -> Callable[[Sequence[str], float], Parsed] | None:
    """What reads the rows of a table with these columns."""
    return _rows(names, _once(), "helo")


def _once() -> Made:
    seen = Seen()

    def made(field: Fields, near: float) -> Parsed:
        fact = _made(field, near)
        if not isinstance(fact, (Attempt, Contact)):
            return fact
        key = field("uid") or (fact.src, fact.sport, fact.dst, fact.dport)
        if isinstance(key, tuple) and not fact.sport:
            return fact
        return OTHER if seen.again(key, fact.at, _DAY) else fact

    return made


def _made(field: Fields, near: float) -> Attempt | Contact | Other | None:
    at = moment(field("ts"), near)
    src, dst = net.ip(field("id_orig_h")), net.ip(field("id_resp_h"))
    if at is None:
        return None
    return connection(at, src, dst, port(field("id_resp_p")), port(field("id_orig_p")), outcome="answered")
