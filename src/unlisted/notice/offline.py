"""Lists as files: which entries of a list meet one's own ranges, without DNS.

Understood, line by line and mixed: plain addresses and CIDRs, `A-B`, rbldnsd's ip4set, ip4trie and ip6trie
(rbldnsd(8): `:code:text`, `!` takes out, `$` directives, `192.0.2` for a /24), Spamhaus DROP (text and
JSON lines), FireHOL's netsets, CSV. A line is read as far as its address; the rest only where it is shown.
Pure: octets in, arrays out. IPv4 goes through NumPy in blocks; what is odd, and IPv6, line by line.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, ip_address, ip_network, summarize_address_range
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from msgspec import Struct

from unlisted.net import Address

Array: TypeAlias = "np.ndarray[Any, Any]"

BLOCK = 1 << 19  # octets taken apart at once: they and their columns stay in the processor's cache
LONGEST = 4096  # octets of one line that are looked at
SHOWN = 20  # lines that were not understood and are kept to be shown
_DIGIT, _DOT, _SLASH, _STOP, _END, _OTHER = range(6)
_KIND = np.full(256, _OTHER, np.uint8)
_KIND[ord("0") : ord("9") + 1] = _DIGIT
_KIND[ord(".")], _KIND[ord("/")], _KIND[10] = _DOT, _SLASH, _END
_KIND[[9, 13, 32, ord(","), ord(";"), ord("#"), ord(":"), ord("|"), ord('"')]] = _STOP
_JSON = re.compile(r'"(?:cidr|ip|ip_address|network|address|prefix)"\s*:\s*"([^"]{2,50})"')
_WORD = re.compile(
    r"[0-9]{1,4}\.[0-9.]{1,40}(?:/[0-9]{1,4}|-[0-9.]{1,40})?(?![0-9A-Fa-f/])"
    r"|[0-9A-Fa-f.:]{2,45}(?:/[0-9]{1,4}|-[0-9A-Fa-f.:]{1,45})?"
)
_PARTIAL = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}\.?")
_ZEROS = re.compile(r"(?:^|[.\-])0[0-9]")
_SET = re.compile(rb"^(?::(?!:)|[$!])", re.MULTILINE)  # what only rbldnsd's files begin a line with


class Odd(Struct, frozen=True):
    """A line that was not understood. `offset` in octets from the file's start."""

    offset: int
    text: str
    why: str


class Ranges(Struct, frozen=True):
    """What a file holds. IPv4 as columns sorted by `first`; IPv6 as (first, last, offset), sorted.

    `offset` is where the entry's line begins. `cut`: ranges that rbldnsd's `!` takes out.
    """

    first: Array  # uint32
    last: Array  # uint32, inclusive
    offset: Array  # uint64
    six: tuple[tuple[int, int, int], ...] = ()
    cut: tuple[tuple[int, int, int], ...] = ()  # version, first, last
    defaults: tuple[tuple[int, str], ...] = ()  # offset, value: what rbldnsd says of the lines below
    odd: tuple[Odd, ...] = ()
    odd_count: int = 0
    rounded: int = 0  # entries with bits set behind their prefix: the network was taken

    @property
    def count(self) -> int:
        return len(self.first) + len(self.six)


class Hits(Struct, frozen=True):
    """Where entries meet own ranges: the part that both share, and the entry's line."""

    first: Array
    last: Array
    offset: Array
    six: tuple[tuple[int, int, int], ...] = ()

    @property
    def addresses(self) -> int:
        """Own addresses that are listed, each counted once."""
        first, last = _merged(self.first, self.last)
        return int((last.astype(np.int64) - first + 1).sum()) + sum(
            b - a + 1 for a, b in _merged6((a, b) for a, b, _ in self.six)
        )


class _Odd:
    """What the slow way gathers: ranges, and lines that were not understood."""

    def __init__(self, partial: bool) -> None:
        self.partial = partial  # rbldnsd's: fewer than four numbers are a network
        self.four: list[tuple[int, int, int]] = []
        self.six: list[tuple[int, int, int]] = []
        self.cut: list[tuple[int, int, int]] = []
        self.defaults: list[tuple[int, str]] = []
        self.odd: list[Odd] = []
        self.count = self.rounded = 0

    def line(self, text: str, offset: int) -> None:
        """One line in whatever form. Never raises."""
        bare = text.strip().lstrip("\ufeff")
        if bare.startswith(":") and not bare.startswith("::"):
            self.defaults.append((offset, bare[:LONGEST]))
        elif bare and bare[0] not in "#;$" and (why := self._entry(bare, offset)):
            self.count += 1
            if len(self.odd) < SHOWN:
                self.odd.append(Odd(offset, bare[:200], why))

    def _entry(self, bare: str, offset: int) -> str:
        """Take an entry in; why it is none, else ""."""
        out = bare.startswith("!")
        if bare.startswith("{"):
            found = _JSON.search(bare)
            word = found[1] if found else ""
        else:
            found = _WORD.search(bare.lstrip("!").replace('"', " "))
            word = found[0] if found else ""
        if not word:
            return "" if _heading(bare) else "no address in it"
        read = _span(word, self.partial)
        if isinstance(read, str):
            return read
        version, first, last, rounded = read
        if last - first + 1 == 1 << (32 if version == 4 else 128):
            return "it lists the whole world: not believed"
        self.rounded += rounded
        if out:
            self.cut.append((version, first, last))
        else:
            (self.four if version == 4 else self.six).append((first, last, offset))
        return ""


def _heading(text: str) -> bool:
    """True for the names of a table's columns."""
    return "," in text and not any(c.isdigit() for c in text)


def _span(word: str, partial: bool) -> tuple[int, int, int, bool] | str:
    """Version, first, last and whether bits were set behind the prefix; or why it is none."""
    begins, dash, ends = word.partition("-")
    if _ZEROS.search(word) and ":" not in word:
        return "a number with a zero before it: octal to some, decimal to others"
    try:
        if dash:
            first = ip_address(begins)
            tail = ends if "." in ends or ":" in ends else f"{begins.rpartition('.')[0]}.{ends}"
            last = ip_address(tail)
            if first.version != last.version or int(last) < int(first):
                return "a range that ends before it begins"
            return first.version, int(first), int(last), False
        if partial and _PARTIAL.fullmatch(word):
            parts = word.strip(".").split(".")
            word = ".".join([*parts, *["0"] * (4 - len(parts))]) + f"/{8 * len(parts)}"
        network = ip_network(word, strict=False)
    except ValueError:
        return "no address"
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= 96:
        network = ip_network(f"{mapped}/{network.prefixlen - 96}", strict=False)
    rounded = "/" in word and int(ip_address(word.partition("/")[0])) != int(network.network_address)
    return network.version, int(network[0]), int(network[-1]), rounded and mapped is None


def read(data: bytes) -> Ranges:
    """Every entry of a file."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16", "replace").encode()
    odd = _Odd(bool(_SET.search(data[:BLOCK])))
    columns: list[tuple[Array, Array, Array]] = []
    start = 0
    while start < len(data):
        end = min(len(data), start + BLOCK)
        if end < len(data):
            cut = data.rfind(b"\n", start, end) + 1 or data.find(b"\n", end) + 1
            end = cut or len(data)
        columns.append(_block(data[start:end], start, odd))
        start = end
    slow = np.array(odd.four, np.uint64).reshape(-1, 3)
    first = np.concatenate([slow[:, 0].astype(np.uint32), *(one[0] for one in columns)])
    last = np.concatenate([slow[:, 1].astype(np.uint32), *(one[1] for one in columns)])
    offset = np.concatenate([slow[:, 2], *(one[2] for one in columns)])
    columns.clear()
    if not (first[1:] >= first[:-1]).all():
        order = _order(first)
        first, last, offset = first[order], last[order], offset[order]
    return Ranges(
        first, last, offset, tuple(sorted(odd.six)), tuple(odd.cut), tuple(odd.defaults), tuple(odd.odd),
        odd.count, odd.rounded,
    )  # fmt: skip


def _order(first: Array) -> Array:
    """What puts a column into order, equals as they stood: faster than argsort, by one sort of 64 bits."""
    packed = (first.astype(np.uint64) << np.uint64(32)) | np.arange(len(first), dtype=np.uint64)
    packed.sort()
    return packed & np.uint64(0xFFFFFFFF)


def _block(data: bytes, base: int, odd: _Odd) -> tuple[Array, Array, Array]:
    """The lines of a block: those that begin with a plain address or CIDR at once, the others one by one."""
    octets = np.frombuffer(data, np.uint8)
    kind = _KIND[octets]
    marks = np.flatnonzero(kind != _DIGIT).astype(np.int32)  # dots, slashes, stops, ends, others
    which = kind[marks]
    ends = np.flatnonzero(which == _END)  # of lines, as places in `marks`
    if not data.endswith(b"\n"):
        marks = np.append(marks, np.int32(len(data)))
        which = np.append(which, np.uint8(_END))
        ends = np.append(ends, len(marks) - 1)
    begins = np.concatenate([[0], ends[:-1] + 1])  # the first mark of each line
    starts = np.concatenate([[0], marks[ends[:-1]] + 1]).astype(np.int32)
    lines = np.arange(len(ends))
    pad = np.concatenate([which, np.full(5, _OTHER, np.uint8)])
    at = np.concatenate([marks, np.full(5, len(data), np.int32)])
    dots = (pad[begins] == _DOT) & (pad[begins + 1] == _DOT) & (pad[begins + 2] == _DOT)
    stop = (pad[begins + 3] == _STOP) | (pad[begins + 3] == _END)
    slash = (pad[begins + 3] == _SLASH) & ((pad[begins + 4] == _STOP) | (pad[begins + 4] == _END))
    good = dots & (stop | slash)
    address = np.zeros(len(ends), np.uint32)
    before = starts
    for number in range(4):
        after = at[begins + number]
        value, fine = _number(octets, before, after)
        good &= fine & (value < 256)
        address = (address << np.uint32(8)) | value.astype(np.uint32)
        before = after + 1
    width, fine = _number(octets, before, at[begins + 4], digits=2)
    length = np.where(slash, width, 32)
    good &= ~slash | (fine & (width <= 32) & (width > 0))
    for line in lines[~good & (marks[ends] > starts)]:
        begin, end = int(starts[line]), int(marks[ends[line]])
        text = data[begin : min(end, begin + LONGEST)].decode("utf-8", "replace")
        odd.line(text, base + begin)
    wild = np.uint32(0xFFFFFFFF) >> length[good].astype(np.uint32).clip(0, 31)
    wild = np.where(length[good] == 32, np.uint32(0), wild)
    address = address[good]
    first = address & ~wild
    odd.rounded += int((first != address).sum())
    return first, first | wild, starts[good].astype(np.uint64) + np.uint64(base)


def _number(octets: Array, before: Array, after: Array, digits: int = 3) -> tuple[Array, Array]:
    """The decimal numbers between two columns of places, and which of them are well-formed."""
    size = after - before
    fine = (size > 0) & (size <= digits)
    value = np.zeros(len(before), np.int32)
    for place, weight in enumerate((1, 10, 100)[:digits]):
        where = (after - 1 - place).clip(0, max(0, len(octets) - 1))
        value += np.where(size > place, octets[where].astype(np.int32) - 48, 0) * weight
    leading = octets[before.clip(0, max(0, len(octets) - 1))] == 48
    return value, fine & ~(leading & (size > 1))


# ---- meeting --------------------------------------------------------------------------------------


def _merged(first: Array, last: Array) -> tuple[Array, Array]:
    """Overlapping and adjoining ranges as one; `first` is sorted or not."""
    if not len(first):
        return first, last
    if not (first[1:] >= first[:-1]).all():
        order = _order(first)
        first, last = first[order], last[order]
    last = np.maximum.accumulate(last)
    apart = np.flatnonzero(first[1:].astype(np.int64) > last[:-1].astype(np.int64) + 1)
    return first[np.concatenate([[0], apart + 1])], last[np.concatenate([apart, [len(last) - 1]])]


def _merged6(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    made: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if made and first <= made[-1][1] + 1:
            made[-1] = (made[-1][0], max(made[-1][1], last))
        else:
            made.append((first, last))
    return made


def _minus(spans: Sequence[tuple[int, int]], cut: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Merged ranges without others; both sorted, so each is looked at once."""
    made: list[tuple[int, int]] = []
    at = 0
    for first, last in spans:
        while at < len(cut) and cut[at][1] < first:
            at += 1
        here = at
        while here < len(cut) and cut[here][0] <= last:
            if cut[here][0] > first:
                made.append((first, cut[here][0] - 1))
            first = cut[here][1] + 1
            here += 1
        if first <= last:
            made.append((first, last))
    return made


def joined(parts: Sequence[Ranges]) -> Ranges:
    """Several files' ranges as one's; the lines that they stood on mean nothing any more."""
    if len(parts) == 1:
        return parts[0]
    first = np.concatenate([part.first for part in parts])
    order = _order(first)
    return Ranges(
        first[order],
        np.concatenate([part.last for part in parts])[order],
        np.concatenate([part.offset for part in parts])[order],
        tuple(sorted(one for part in parts for one in part.six)),
        odd=tuple(one for part in parts for one in part.odd),
        odd_count=sum(part.odd_count for part in parts),
    )


def meet(own: Ranges, listed: Ranges) -> Hits:
    """The entries that meet own addresses, each with the part that is ours, in the order of addresses."""
    first, last = _merged(own.first, own.last)
    if cut := _taken_out(listed, 4):
        spans = _minus(list(zip(first.tolist(), last.tolist(), strict=True)), cut)
        columns = np.array(spans, np.int64).reshape(-1, 2).astype(np.uint32)
        first, last = columns[:, 0], columns[:, 1]
    low = np.searchsorted(last, listed.first)  # the first own range that ends at or behind the entry's start
    high = np.searchsorted(first, listed.last, side="right")  # the first that begins behind its end
    found = np.flatnonzero(high > low)
    times = (high - low)[found]
    entry = np.repeat(found, times)
    step = np.arange(len(entry)) - np.repeat(np.cumsum(times) - times, times)
    mine = np.repeat(low[found], times) + step
    return Hits(
        np.maximum(listed.first[entry], first[mine]),
        np.minimum(listed.last[entry], last[mine]),
        listed.offset[entry],
        tuple(_meet6(own, listed)),
    )


def _taken_out(listed: Ranges, version: int) -> list[tuple[int, int]]:
    return _merged6((first, last) for kind, first, last in listed.cut if kind == version)


def _meet6(own: Ranges, listed: Ranges) -> Iterator[tuple[int, int, int]]:
    mine = _minus(_merged6((first, last) for first, last, _ in own.six), _taken_out(listed, 6))
    ends = [last for _, last in mine]
    for first, last, offset in listed.six:
        at = bisect_left(ends, first)
        while at < len(mine) and mine[at][0] <= last:
            yield max(first, mine[at][0]), min(last, mine[at][1]), offset
            at += 1


def spelled(first: int, last: int, version: int = 4) -> str:
    """A range as an address, a CIDR, or `A-B` where it is no CIDR."""
    make = IPv4Address if version == 4 else lambda number: ip_address(number.to_bytes(16))
    begin: Address = make(first)
    if first == last:
        return str(begin)
    networks = list(islice(summarize_address_range(begin, make(last)), 2))
    return str(networks[0]) if len(networks) == 1 else f"{begin}-{make(last)}"


def value(text: str, defaults: tuple[tuple[int, str], ...], offset: int) -> tuple[str, str]:
    """Code and reason of an entry's line, as rbldnsd reads them: its own, else the default above it."""
    behind = text.strip().lstrip("!").partition(" ")[2].strip() or text.strip().partition("\t")[2].strip()
    above = next((told for at, told in reversed(defaults) if at < offset), "")
    told = behind if behind.startswith(":") else above
    if told.startswith(":"):
        code, _, reason = told[1:].partition(":")
        code = code if "." in code else f"127.0.0.{code or 2}"
        return code, reason.strip()
    return "", text.strip().partition(";")[2].strip() or behind.lstrip("#; ")
