"""nfdump's own text: `-o line`, `long`, `extended`, `biline`, `bilong`, their wide IPv6 forms, and `-o
pipe`.

Source: nfdump(1) and output_fmt.c, output_pipe.c of nfdump 1.6.23 and 1.7.1. Its CSV and any other table
with names are read by `argus.py`, its JSON by `json_rows.py`. Sample: tests/samples/nfdump/, written by
nfdump 1.7.1.

Surprises: a record is one direction of a connection; what goes back from a mail port opens nothing, but
says how the other went. `-B` and the bi- formats join both. Without -6 long IPv6 addresses are cut in
their middle (`..`): such lines hold no address. Times are local and without a zone. In `pipe` an IPv4
address is the last of four numbers.
"""

import ipaddress
import re

from unlisted import net
from unlisted.evidence import OTHER, Parse, Parsed
from unlisted.evidence.contact import port
from unlisted.evidence.flows.columns import Layout, Row, flags, moment, number, told
from unlisted.evidence.flows.halves import Rows

HINT = ""
PACKETS = True
CANDIDATE = rb"(?:[:.]|\|)(?:25|465|587)[ \t|]"

_END = r"([0-9.]{7,15}(?=:)|[0-9a-f:]{2,39}(?=\.))[:.](\d{1,5}(?:\.\d{1,3})?)"  # ICMP: type and code
_LINE = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})[ \t]+"
    r"(?:(\d{1,9}(?:\.\d{3}|:\d\d:\d\d\.\d{3}))|\d{1,6}d [\d:.]{8,12})[ \t]+"
    rf"([A-Z0-9-]{{1,12}})[ \t]+{_END}[ \t]+(<?)->[ \t]+{_END}(?=[ \t])"
)
_SAID = re.compile(
    r"Date f(?:irst seen|low start) |Summary: |Time window: |Total flows processed: |Sys: |Top |Aggregated "
)
# The front of a line, and in it an address that was cut; or a count with its share, of -s.
_SHORT = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[ \t]+[\d:.]{5,20}[ \t]+[A-Za-z0-9-]{1,12}[ \t]+"
    r"(?:[0-9a-f:.]{1,45} +<?-> +)?(?:[0-9a-f:]{1,25}\.\.[0-9a-f:]|[0-9a-f:.]{1,45} +\d+(?:\.\d+ [KMGT])?\()"
)
_FLAGS = re.compile(r"[ \t]+([.UAPRSFEC]{6,8}|0x[0-9a-f]{1,2})(?=[ \t])")
_COUNT = re.compile(r"(?<=[ \t])(\d{1,20}(?:\.\d{1,9})?(?: [KMGT])?)(?=[ \t]|$)")
_HALF = Layout(at=0, src=0, dst=0, dport=0)  # a row tells one direction
_NEW, _OLD = 22, 24  # fields of `pipe` since 1.7, which has milliseconds in one, and before


def parse(line: str, near: float) -> Parsed:
    """Read one line by itself."""
    return _fact(line, near, Rows(_HALF))


def session() -> Parse:
    """Reads the lines of one file: a server's half tells of the client's behind it."""
    rows = Rows(_HALF)
    return lambda line, near: _fact(line, near, rows)


def _fact(line: str, near: float, rows: Rows) -> Parsed:
    line = line.lstrip(" ")
    if line[:1].isdigit():
        if "|" in line[:4]:
            made = _piped(line.rstrip("\r").split("|"), near)
        elif _SHORT.match(line):
            return OTHER  # an address cut in its middle, or a table of the busiest
        else:
            made = _spaced(line, near)
        return rows.fact(made) if made is not None else None
    return OTHER if _SAID.match(line) else None


def _spaced(line: str, near: float) -> Row | None:
    """A line of `-o line` and its like."""
    found = _LINE.match(line)
    if found is None:
        return None
    at, src, dst = moment(found[1], near), net.ip(found[4]), net.ip(found[7])
    if at is None or src is None or dst is None:
        return None
    shown = _FLAGS.match(line, found.end())
    counts = [_counted(one) for one in _COUNT.findall(line, shown.end() if shown else found.end())[:3]]
    if shown:
        counts = counts[1:]  # the type of service
    both = bool(found[6])
    packets, back = (counts[1], counts[0]) if both and len(counts) > 1 else (counts[0] if counts else 0, 0)
    dport, sport = port(found[8]), port(found[5])
    seen = flags(shown[1]) if shown else None
    return Row(
        at, src, dst, sport, dport, found[3], "", "", seen, told(seen, packets, back), packets, None, 0,
        at + _seconds(found[2]) if found[2] else None,
    )  # fmt: skip


def _counted(text: str) -> int:
    """`1234`, or `1.2 M`."""
    digits, _, unit = text.partition(" ")
    return (
        int(float(digits) * {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[unit]) if len(digits) < 16 else 0
    )


def _seconds(text: str) -> float:
    """`12.345`, since 1.7 `00:00:12.345`."""
    return float(sum(float(part) * 60**power for power, part in enumerate(reversed(text.split(":")))))


def _piped(parts: list[str], near: float) -> Row | None:
    """A line of `-o pipe`."""
    if len(parts) not in (_NEW, _OLD) or parts[0] not in ("2", "10"):
        return None
    if len(parts) == _OLD:
        parts = [parts[0], f"{parts[1]}.{parts[2]:0>3}", f"{parts[3]}.{parts[4]:0>3}", *parts[5:]]
    if not all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts[3:]):
        return None
    at = moment(parts[1], near)
    six = parts[0] == "10"
    src, dst = _address(parts[4:8], six=six), _address(parts[9:13], six=six)
    if at is None or src is None or dst is None:
        return None
    seen, packets, end = flags(parts[18]), number(parts[20]), moment(parts[2], near)
    how = told(seen, packets, 0)
    return Row(
        at, src, dst, port(parts[8]), port(parts[13]), parts[3], "", "", seen, how, packets, None, 0, end,
    )  # fmt: skip


def _address(words: list[str], *, six: bool) -> net.Address | None:
    numbers = [int(word) for word in words]
    if any(one >> 32 for one in numbers):
        return None
    if not six:
        return net.ip(str(ipaddress.IPv4Address(numbers[3])))
    return net.ip(
        str(ipaddress.IPv6Address(sum(one << 32 * (3 - place) for place, one in enumerate(numbers))))
    )
