"""One line of a list file: the addresses that it names, or why it names none; and what it says of them.

Sources: rbldnsd(8), "ip4set Dataset", "ip6trie Dataset" and "Resulting A values and TXT templates";
iprange(1); spamhaus.org/drop (text and JSON lines). Where they differ:
- bits of the host in a CIDR: the network is taken, as iprange does; rbldnsd refuses the line. It is counted.
- "192.0.2" is 192.0.2.0/24, as in rbldnsd; iprange reads it as inet_aton(3) does. A number alone is an
  address in rbldnsd's files only.
- of overlapping entries the narrowest is named, as in ip4trie. ip4set cuts entries at octets: a listing
  inside an exclusion of the same octet (/26 in !/25) is excluded there and stands here.
- a number that begins with 0 is decimal to some and octal to inet_aton(3): the line is refused.
"""

import csv
import re
from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import Literal, NamedTuple

import msgspec

Form = Literal["plain", "rbldnsd", "json", "csv"]

WIDEST = {4: 8, 6: 12}  # bits: whoever lists more than a registry hands out at once lists the world
LONGEST = 65_536  # bytes of one line

_OCTETS = r"[0-9]{1,10}(?:\.[0-9]{1,10}){0,3}"
_FOUR = re.compile(rf"({_OCTETS})(?:/([0-9]{{1,10}})|[ \t]*-[ \t]*({_OCTETS}))?(?=[\s;#:,|]|\Z)")
_SIX = re.compile(r"([0-9A-Fa-f:.]{2,60})(?:%\w{1,20})?(?:/([0-9]{1,10}))?(?=[\s;#,|]|\Z)")
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
_CODE = re.compile(r":[ \t]*([0-9]{1,3}(?:\.[0-9]{1,3}){0,3})[ \t]*(:?)")
_MAPPED = 0xFFFF << 32  # ::ffff:0:0/96, RFC 4291 §2.5.5.2

# Header words of a column that holds addresses, and of one that holds a range's two ends.
_NAMES = re.compile(
    r"(?:(?:src|source|dst|dest|destination|attacker|bad)[ _.-]?)?"
    r"(?:ip|ipv[46]|cidr|subnet|net|network|netblock|prefix|range|indicator)"
    r"(?:[ _.-]?(?:addr|address|range|cidr|prefix))?|address|addr|host"
)
_STARTS = re.compile(r"(?:ip[ _.-]?)?(?:start|from|first|begin|low)(?:[ _.-]?(?:ip|addr|address))?")
_KEYS = ("cidr", "ip", "ip_address", "address", "network", "prefix", "indicator", "range")
_WHY_KEYS = ("sblid", "reason", "comment", "description", "threat", "type")


class Net(NamedTuple):
    """Addresses from `first` to `last`, both included."""

    version: int
    first: int
    last: int
    out: bool = False  # an exclusion: rbldnsd's "!"
    loose: bool = False  # bits of the host were set


class Columns(NamedTuple):
    """Where a table has its addresses. `end`: the column of a range's last address, -1 for none."""

    delimiter: str
    address: int
    end: int = -1
    header: str = ""


def read(text: str, form: Form, columns: Columns | None = None) -> Net | str | None:
    """A line's addresses; why there are none; None for a comment. Never raises."""
    text = text.strip().lstrip("\ufeff")
    if not text or text[0] in "#;" or text.startswith("//"):
        return None
    if "\r" in text:
        return "several lines in one: their ends are CR alone"
    if form == "json":
        return _json(text)
    if form == "csv" and columns is not None:
        return _table(text, columns)
    out = text[0] == "!"
    found = net(text[1:].lstrip() if out else text, bare=form == "rbldnsd")
    return found._replace(out=out) if isinstance(found, Net) else found


def net(text: str, *, bare: bool = False) -> Net | str:
    """The addresses that a text begins with, or why there are none. `bare`: a number alone is a /8."""
    if (found := _dotted(text)) is not None:
        return _four(found[1], found[2], found[3], bare=bare)
    if (found := _SIX.match(text)) is not None and found[1].count(":") > 1:
        return _six(found[1], found[2])
    return "no address at its beginning"


def _dotted(text: str) -> re.Match[str] | None:
    """IPv4 at the beginning; a number before a colon is IPv6's."""
    found = _FOUR.match(text)
    if found is None or (text[found.end() : found.end() + 1] == ":" and found[0].isdigit()):
        return None
    return found


def _octets(text: str) -> list[int] | str:
    parts = text.split(".")
    if any(len(part) > 1 and part[0] == "0" for part in parts):
        return "a number begins with 0: decimal to some, octal to others"
    numbers = [int(part) for part in parts]
    return numbers if max(numbers) < 256 else f"{max(numbers)} is more than 255"


def _four(text: str, mask: str | None, until: str | None, *, bare: bool) -> Net | str:
    start = _octets(text)
    if isinstance(start, str):
        return start
    if until is not None:
        return _range(start, until)
    if len(start) == 1 and mask is None and not bare:
        return "one number is no address"
    first = _pad(start, 0)
    if mask is None:
        return Net(4, first, _pad(start, 255))
    if int(mask) > 32:
        return f"/{mask} is more than /32"
    rest = (1 << 32 - int(mask)) - 1
    return Net(4, first & ~rest, first | rest, loose=bool(first & rest))


def _range(start: list[int], text: str) -> Net | str:
    """A-B. One number after the dash stands for the last that was written before it (rbldnsd)."""
    end = _octets(text)
    if isinstance(end, str):
        return end
    end = start[:-1] + end if len(end) == 1 else end
    first, last = _pad(start, 0), _pad(end, 255)
    return Net(4, first, last) if first <= last else "the range ends before it begins"


def _pad(octets: Sequence[int], rest: int) -> int:
    return int.from_bytes(bytes([*octets, *[rest] * (4 - len(octets))]))


def _six(text: str, mask: str | None) -> Net | str:
    if _MAC.fullmatch(text):
        return "a hardware address"
    groups, whole = 8, text
    if "::" not in text and "." not in text and (groups := text.count(":") + 1) < 8:
        whole = text.rstrip(":") + "::"  # ip6trie: zeros at the end may be left away
    try:
        number = int(IPv6Address(whole))
    except ValueError:
        return "no IPv6 address"
    bits = int(mask) if mask is not None else 16 * min(groups, 8)
    if bits > 128:
        return f"/{mask} is more than /128"
    rest = (1 << 128 - bits) - 1
    first, last, loose = number & ~rest, number | rest, bool(number & rest)
    if first >> 32 == _MAPPED >> 32 and bits >= 96:
        return Net(4, first & 0xFFFFFFFF, last & 0xFFFFFFFF, loose=loose)
    return Net(6, first, last, loose=loose)


def _json(text: str) -> Net | str | None:
    row = _object(text)
    if row is None:
        return "no JSON object"
    if row.get("type") == "metadata":
        return None
    cell = next((row[key] for key in _KEYS if isinstance(row.get(key), str)), None)
    return net(str(cell).strip()) if cell is not None else "no address in it"


def _object(text: str) -> dict[str, object] | None:
    try:
        row = msgspec.json.decode(text.rstrip(",").encode("utf-8", "replace"))
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return None
    return row if isinstance(row, dict) else None


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([text], delimiter=delimiter, skipinitialspace=True))]
    except (csv.Error, StopIteration):
        return []


def _table(text: str, columns: Columns) -> Net | str | None:
    if text == columns.header:
        return None
    cells = _cells(text, columns.delimiter)
    if len(cells) <= max(columns.address, columns.end):
        return "too few columns"
    if columns.end < 0:
        return net(cells[columns.address])
    first, last = net(cells[columns.address]), net(cells[columns.end])
    if isinstance(first, str) or isinstance(last, str):
        return first if isinstance(first, str) else last
    if first.version != last.version or first.first > last.last:
        return "the range ends before it begins"
    return Net(first.version, first.first, last.last)


def recognize(head: str) -> tuple[Form, Columns | None]:
    """What a file is by its first lines: JSON lines, rbldnsd's, a table, or a plain list."""
    lines = [line.strip() for line in head.splitlines()[:400]]
    bare = [line for line in lines if line and line[0] not in "#;"]
    if bare and bare[0][0] == "{":
        return "json", None
    special = [line for line in lines if line[:1] in (":", "!", "$") or line[:2] == "#$"]
    if special or any(re.match(rf"{_OCTETS}(?:/[0-9]+)?[ \t]+:", line) for line in bare):
        return "rbldnsd", None
    if (columns := _columns(bare)) is not None:
        return "csv", columns
    return "plain", None


def _columns(lines: Sequence[str]) -> Columns | None:
    """The table's address column: by its header's word, else by what stands in it."""
    if not lines:
        return None
    delimiter = max(",;\t|", key=lines[0].count)
    rows = [_cells(line, delimiter) for line in lines[:50]]
    if len(rows[0]) < 2 and '"' not in lines[0]:
        return None
    header = lines[0] if not any(isinstance(net(cell), Net) for cell in rows[0]) else ""
    names = [cell.lower().lstrip("# ") for cell in rows[0]] if header else []
    body = rows[1:] if header else rows
    for place, name in enumerate(names):
        if (
            _STARTS.fullmatch(name)
            and place + 1 < len(names)
            and _holds(body, place)
            and _holds(body, place + 1)
        ):
            return Columns(delimiter, place, place + 1, header)
    good = [place for place in range(max(map(len, rows))) if _holds(body, place)]
    named = [place for place in good if place < len(names) and _NAMES.fullmatch(names[place])]
    chosen = (named or good)[:1]
    # The address first, and no header: read as a plain list, whose comments and values are kept.
    if not chosen or (chosen == [0] and not header and '"' not in lines[0]):
        return None
    return Columns(delimiter, chosen[0], -1, header)


def _holds(rows: Sequence[Sequence[str]], place: int) -> bool:
    """True when most cells of a column are addresses."""
    cells = [row[place] for row in rows if place < len(row)]
    return 2 * sum(isinstance(net(cell), Net) for cell in cells) > max(len(cells), 1)


def default(text: str, before: tuple[str, str] = ("127.0.0.2", "")) -> tuple[str, str]:
    """A and TXT of a value in rbldnsd's way (`:127.0.0.2:text`, `:5`, `text`); what it leaves out stays."""
    code, reason = before
    if (found := _CODE.match(text)) is not None:
        octets = found[1].split(".")
        code = ".".join(["127", "0", "0", *octets] if len(octets) == 1 else octets)
        rest = text[found.end() :].strip()
        return code, rest if found[2] or rest else reason
    return code, text.strip() or reason


def value(text: str, form: Form, inherited: tuple[str, str]) -> tuple[str, str]:
    """Code ("" in a file that tells none) and reason of one entry's line; `$` stands for the address."""
    text = text.strip()
    if form == "json":
        row = _object(text) or {}
        return "", " ".join(str(row[key]) for key in _WHY_KEYS if isinstance(row.get(key), str))
    if form == "csv":
        return "", ""
    found = _dotted(text.lstrip("! ")) or _SIX.match(text.lstrip("! "))
    tail = text.lstrip("! ")[found.end() :].strip() if found else ""
    if tail[:1] in ("#", ";", ",", "|"):
        comment = tail.lstrip("#;,| \t")
        return (inherited[0], inherited[1] or comment) if form == "rbldnsd" else ("", comment)
    return default(tail, inherited) if form == "rbldnsd" else ("", tail)
