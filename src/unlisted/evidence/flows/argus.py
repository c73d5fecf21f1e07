"""Argus flows as text (`ra -c,`, CTU's .binetflow) and any table with a header line that names its columns.

Zeek's TSV logs (conn.log, smtp.log) are such tables; their names stand behind `#fields`.
Source: argus-clients ra(1); Garcia et al. 2014 for the column order without a header; Zeek 6 ASCII
writer. Separators: comma, semicolon, tab.
"""

import csv
import re
from io import StringIO

from unlisted.evidence import OTHER, Other, Parse
from unlisted.evidence.flows.columns import Layout, layout, row
from unlisted.messages import Attempt, Contact

HINT = ","
CANDIDATE = rb'[,;\t"]\s*(?:25|465|587|smtps?|submissions?|urd)\s*[,;\t"\r\n]'

# StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,…
_CTU = Layout(at=0, src=3, dst=6, dport=7, sport=4, proto=2, direction=5, state=8)
_START = re.compile(
    r"\d{4}[/-]\d\d[/-]\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?,\d+(?:\.\d+)?,[a-z0-9-]+,[0-9a-fA-Fx.:]+,"
)


def parse(line: str, near: float) -> Attempt | Contact | Other | None:
    """Read one line in CTU's order of columns."""
    if not _START.match(line):
        return None
    return row(line.split(","), _CTU, near)


def header(line: str) -> Parse | None:
    """The reader that a header line asks for; None when the line is no header."""
    for separator in ",\t;":
        names = _split(line.lstrip("#\ufeff ").removeprefix("fields\t"), separator)
        if len(names) >= 4 and (where := layout(names)):
            return _reader(where, separator, len(names))
    return None


def _reader(where: Layout, separator: str, width: int) -> Parse:
    def read(line: str, near: float) -> Attempt | Contact | Other | None:
        if line.startswith("#"):
            return OTHER
        values = _split(line, separator)
        if len(values) < min(width, max(where.at, where.src, where.dst, where.dport) + 1):
            return None
        return row(values, where, near)

    return read


def _split(line: str, separator: str) -> list[str]:
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader(StringIO(line), delimiter=separator), [])
    except csv.Error:
        return []
