"""Any table of translations with a header line that names its columns: CSV with comma, semicolon or tab.

The names are plain words (inside, outside, port, from, to) and those of RFC 8158's elements. What it must
have is an inside and an outside address. Sample: tests/samples/nat_table/.
"""

import csv
from io import StringIO

from unlisted import net
from unlisted.evidence import OTHER, Parse, Parsed
from unlisted.evidence.contact import port
from unlisted.evidence.framing import stamp
from unlisted.evidence.translations import _told
from unlisted.messages import Translation

HINT = ","

NAMES: dict[str, tuple[str, ...]] = {
    "inside": (
        "inside", "insideip", "insideaddress", "private", "privateip", "privateaddress", "internal",
        "internalip", "internaladdress", "subscriberip", "localip", "sourceipv4address", "insideipv4",
    ),
    "outside": (
        "outside", "outsideip", "outsideaddress", "public", "publicip", "publicaddress", "external",
        "externalip", "externaladdress", "translated", "translatedip", "natip", "globalip",
        "postnatsourceipv4address",
    ),
    "first": (
        "port", "portstart", "startport", "firstport", "fromport", "outsideport", "publicport",
        "externalport", "natport", "translatedport", "publicstartport", "portrangestart", "portfrom",
        "postnaptsourcetransportport",
    ),
    "last": ("portend", "endport", "lastport", "toport", "publicendport", "portrangeend", "portto"),
    "ports": ("ports", "portrange", "block", "portblock"),
    "inside_port": (
        "insideport", "privateport", "internalport", "localport", "sourceport", "sourcetransportport",
    ),
    "start": (
        "from", "start", "starttime", "begin", "since", "time", "timestamp", "allocated", "startdt",
        "startdate",
    ),
    "end": ("to", "end", "endtime", "until", "stop", "stoptime", "released", "enddt", "enddate"),
    "protocol": ("protocol", "proto", "protocolidentifier"),
    "dst": ("dst", "dstip", "destination", "destinationip", "destinationaddress", "destinationipv4address"),
    "dport": ("dport", "dstport", "destinationport", "destinationtransportport"),
    "account": ("account", "user", "username", "subscriber", "customer", "login"),
}  # fmt: skip


def parse(line: str, near: float) -> Parsed:  # noqa: ARG001 - no line is read without a header
    """Nothing is read without a header."""
    return None


def header(line: str) -> Parse | None:
    """The reader that a header line asks for; None when the line is no header."""
    for separator in ",\t;":
        names = _split(line.lstrip("#\ufeff "), separator)
        if len(names) < 3:
            continue
        bare = ["".join(c for c in name.lower() if c.isalnum()) for name in names]
        where = {part: next((bare.index(n) for n in known if n in bare), -1) for part, known in NAMES.items()}
        if where["inside"] >= 0 and where["outside"] >= 0:
            return _reader(where, separator)
    return None


def _reader(where: dict[str, int], separator: str) -> Parse:
    def read(line: str, near: float) -> Parsed:
        if line.startswith("#"):
            return OTHER
        values = _split(line, separator)

        def cell(name: str) -> str:
            place = where[name]
            return values[place].strip() if 0 <= place < len(values) else ""

        inside, outside = net.ip(cell("inside")), net.ip(cell("outside"))
        if inside is None or outside is None:
            return None
        first, last = _ports(cell("first"), cell("last"), cell("ports"))
        if first < 0:
            return None
        start, end = stamp(cell("start") + " ", near), stamp(cell("end") + " ", near)
        return Translation(
            inside,
            outside,
            start=start.at if start else None,
            end=end.at if end else None,
            inside_port=port(cell("inside_port")),
            port=first,
            ports=last - first + 1,
            protocol=_told.protocol(cell("protocol")),
            dst=net.ip(cell("dst")),
            dport=port(cell("dport")),
            account=cell("account"),
        )

    return read


def _ports(first: str, last: str, ports: str) -> tuple[int, int]:
    """The first and the last port; 0 and 0 for all of them, -1 for what is no range."""
    if "-" in first and not last:
        ports, first = first, ""
    begin, dash, end = ports.partition("-")
    if not first and dash:
        first, last = begin.strip(), end.strip()
    one = port(first)
    if first and not one and first != "0":
        return -1, -1
    two = port(last) if last else one + port(ports) - 1 if one and ports.isdigit() else one
    return (one, two) if two >= one else (-1, -1)


def _split(line: str, separator: str) -> list[str]:
    if '"' not in line:
        return line.rstrip("\r\n").split(separator)
    try:
        return next(csv.reader(StringIO(line), delimiter=separator), [])
    except csv.Error:
        return []
