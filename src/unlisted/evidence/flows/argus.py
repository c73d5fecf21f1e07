"""Argus flows as text (`ra -c,`, CTU's .binetflow) and any table with a header line that names its columns.

Such are nfdump's and pmacct's CSV, SiLK's `rwcut`, exports of databases and of spreadsheets. Zeek's TSV
logs, whose names stand behind `#fields`, are read by `zeek_conn.py` and `zeek_smtp.py`. Source:
argus-clients ra(1); Garcia et al. 2014 for the column order without a header; nfdump 1.6 and 1.7
output_csv.c. Separators: comma, semicolon, tab, bar.

Surprises: nfdump ends its CSV with a summary. `ra` without a configuration prints no dates: such rows are
not understood.
"""

import csv
import re
from io import StringIO

from unlisted.evidence import OTHER, Other, Parse, Parsed
from unlisted.evidence.flows import aws_vpc
from unlisted.evidence.flows.columns import Layout, layout, row
from unlisted.evidence.flows.halves import Rows
from unlisted.messages import Attempt, Contact

HINT = ","
CANDIDATE = rb'[,;\t"|]\s*(?:25|465|587|smtps?|submissions?|urd)(?:\.0)?\s*[,;\t"|\r\n]'

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
    if line.startswith("#fields") or aws_vpc.header(line):
        return None  # Zeek's, Amazon's
    return Table(*found).read if (found := named(line)) else None


def named(line: str) -> tuple[Layout, str, list[str]] | None:
    """What a header line says: where each part stands, the separator, and the names."""
    for separator in ",\t;|":
        names = _names(line, separator)
        if len(names) >= 4 and (where := layout(names)):
            return where, separator, names
    return None


def _names(line: str, separator: str) -> list[str]:
    return _split(line.lstrip("#\ufeff ").removeprefix("fields\t"), separator)


class Table:
    """The rows of one table in their order."""

    def __init__(self, where: Layout, separator: str, names: list[str]) -> None:
        self.where, self.separator, self.names = where, separator, names
        self.rows = Rows(where)
        self.width = min(len(names), where.width)
        self._ended = False

    def read(self, line: str, near: float) -> Parsed:
        """One line."""
        if line.startswith("#"):
            return OTHER
        values = _split(line, self.separator)
        if len(values) >= self.width and (made := self.rows.read(values, near)) is not None:
            return made
        # Files put one behind the other repeat their header; nfdump's summary has one of its own.
        again = _names(line, self.separator) == self.names
        self._ended = not again and (self._ended or line.startswith("Summary"))
        return OTHER if again or self._ended else None


def _split(line: str, separator: str) -> list[str]:
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader(StringIO(line), delimiter=separator), [])
    except csv.Error:
        return []
