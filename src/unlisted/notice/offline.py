"""List files without DNS: bytes in, disjoint intervals out, each with the line of the entry that named it.

Lines that begin with a dotted address or CIDR are read as columns, a block at a time: where the separators
stand, and from the digits before each its number. All others go one by one through `listline.read`. Both
agree on every line; a test holds them together. What a line *says* (rbldnsd's values, comments) is read
when it is shown: most entries never are.
"""

import bisect
import codecs
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from unlisted.notice import intervals, listline
from unlisted.notice.intervals import Long, Numbers, Segments
from unlisted.notice.listline import LONGEST, WIDEST, Columns, Form, Net

CHUNK = 1 << 18  # bytes: a block's columns stay in the processor's cache
SHOWN = 5  # lines not understood that are kept for showing
MOST = 1 << 26  # entries of one file: 800 MB of columns, more than any list has
MOST_LONG = 1 << 22  # the same of IPv6 and of defaults, which are objects: 1 GB
HALF = 1 << 31  # addresses: a list of half the world lists nobody in particular
_SETS = ("ip4set", "ip4trie", "ip4tset", "ip6trie", "ip6tset")  # rbldnsd's data sets of addresses

_SPACE = (9, 10, 13, 32)
_ENDS = np.zeros(256, np.bool_)
_ENDS[[*_SPACE, *b"#;,|"]] = True
_REST = np.array([0xFFFFFFFF >> bits for bits in range(33)], np.uint32)


class Block(NamedTuple):
    """Whole lines, each with its end; `line` is the number of the first, from 1, `at` where it begins."""

    line: int
    at: int
    data: bytes


class Unread(Struct, frozen=True):
    """A line that names nothing, as it stood, and why."""

    line: int
    text: str
    why: str


class Scope(Struct, frozen=True):
    """From this line on: rbldnsd's default A and TXT."""

    line: int
    code: str
    reason: str


class Account(Struct):
    """What was found in a file, beside its intervals; as it stands it is the head of the compiled index."""

    form: Form = "plain"
    columns: Columns | None = None
    lines: int = 0
    entries: int = 0
    loose: int = 0  # entries with bits of the host set: the network was taken
    wide: int = 0  # entries that list the world: not believed
    refused: int = 0  # lines not understood
    unread: list[Unread] = []
    world: bool = False  # all of it covers half the world: none of it is believed
    trouble: str = ""  # why it was not, or not wholly, read
    scopes: list[Scope] = []
    words: dict[str, str] = {}  # rbldnsd's $1 to $9, and $=
    long: list[tuple[str, str, int]] = []  # IPv6: first, last (hexadecimal), line
    places: list[tuple[int, int]] = []  # line and byte at which each block begins


class Listed(NamedTuple):
    """A file's entries as disjoint intervals; `name` is a line number."""

    account: Account
    four: Segments
    six: list[Long]


def utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Without a byte order mark; UTF-16 becomes UTF-8."""
    decoder: codecs.IncrementalDecoder | None = None
    for number, chunk in enumerate(chunks):
        if number == 0:
            if chunk[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                decoder = codecs.getincrementaldecoder("utf-16")("replace")
            chunk = chunk.removeprefix(codecs.BOM_UTF8)
        yield chunk if decoder is None else decoder.decode(chunk).encode("utf-8", "replace")


def blocks(chunks: Iterable[bytes], line: int = 1) -> Iterator[Block]:
    """Cut at ends of lines; of a line longer than LONGEST only the beginning is kept. `line`: the first's."""
    rest, passing, begin, read = b"", False, 0, 0
    for chunk in chunks:
        read += len(chunk)
        if passing:
            cut = chunk.find(b"\n")
            if cut < 0:
                continue
            chunk, passing = chunk[cut:], False
        data = rest + chunk
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        if len(rest) > LONGEST:
            rest, passing = rest[:LONGEST], True
        if end:
            yield Block(line, begin, data[:end])
            line += data.count(b"\n", 0, end)
            begin = read - (len(data) - end)
    if rest:
        yield Block(line, begin, rest + b"\n")


def lines(chunks: Iterable[bytes], wanted: Iterable[int], line: int = 1) -> dict[int, str]:
    """Some lines of a file as they stand; the chunks begin with the line of this number."""
    found: dict[int, str] = {}
    numbers = sorted(set(wanted), reverse=True)
    for block in blocks(utf8(chunks), line):
        after = block.line + block.data.count(b"\n")
        if numbers[-1] >= after:
            continue
        rows = block.data.split(b"\n")
        while numbers and numbers[-1] < after:
            number = numbers.pop()
            found[number] = rows[number - block.line][:LONGEST].decode("utf-8", "replace").strip()
        if not numbers:
            break
    return found


class _Quick(NamedTuple):
    row: npt.NDArray[np.int64]  # of the block's lines, those that were read
    first: Numbers
    last: Numbers
    loose: int
    odd: npt.NDArray[np.int64]  # those that must be looked at one by one
    ends: npt.NDArray[np.int64]  # where each line ends


def quick(data: bytes, form: Form) -> _Quick:
    """Read the lines that begin with a.b.c.d or a.b.c.d/n and then end, or go on with a comment or value.

    `data`: whole lines, four bytes or more.
    """
    raw = np.frombuffer(data, np.uint8)
    digit = raw - np.uint8(48)
    place = np.flatnonzero(digit > 9)  # of all that is no digit: the separators
    mark = raw[place]
    size = np.diff(place, prepend=-1) - 1  # digits before each
    end = np.flatnonzero(mark == 10)
    lead = np.concatenate(([0], end[:-1] + 1))  # each line's first separator
    silent = (size[lead] == 0) & ((mark[lead] == 10) | ((form != "rbldnsd") & np.isin(mark[lead], (35, 59))))
    rows = (
        np.flatnonzero((end - lead >= 3) & ~silent) if form in ("plain", "rbldnsd") else np.zeros(0, np.int64)
    )
    number, proper = _numbers(digit, place, size)
    at = lead[rows]
    good = proper[at] & proper[at + 1] & proper[at + 2] & proper[at + 3]
    good &= (mark[at] == 46) & (mark[at + 1] == 46) & (mark[at + 2] == 46)
    slash = mark[at + 3] == 47
    stop = at + 3 + slash
    bits = np.where(slash, number[stop], 32)
    good &= _ENDS[mark[stop]] & (bits >= WIDEST[4]) & (bits <= 32) & (~slash | proper[stop])
    after = np.minimum(stop + 1, len(mark) - 1)
    touches = place[after] == place[stop] + 1
    if b"\r" in data:  # alone it ends a line to some: such a line is several
        alone = np.flatnonzero(mark == 13)
        then = np.minimum(alone + 1, len(mark) - 1)
        alone = alone[(mark[then] != 10) | (place[then] != place[alone] + 1)]
        good &= ~np.isin(rows, np.searchsorted(end, alone))
    if b"-" in data:  # "A - B"
        good &= ~(np.isin(mark[stop], (9, 32)) & touches & np.isin(mark[after], (9, 32, 45)))
    at, rows, rest = at[good], rows[good], _REST[bits[good]]
    first = number[at].astype(np.uint32) << 24
    first |= number[at + 1].astype(np.uint32) << 16
    first |= (number[at + 2] << 8 | number[at + 3]).astype(np.uint32)
    loose = int(np.count_nonzero(first & rest))
    odd = ~silent
    odd[rows] = False
    return _Quick(rows, first & ~rest, first | rest, loose, np.flatnonzero(odd), place[end])


def _numbers(
    digit: npt.NDArray[np.uint8], place: npt.NDArray[np.int64], size: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.bool_]]:
    """The number before each separator, and whether it is 0 to 255 and does not begin with 0."""
    number = digit[place - 1].astype(np.uint16)
    number += np.where(size > 1, digit[place - 2], 0) * np.uint16(10)
    number += np.where(size > 2, digit[place - 3], 0) * np.uint16(100)
    least = np.where(size > 2, np.uint16(100), np.where(size > 1, np.uint16(10), np.uint16(0)))
    return number, (size > 0) & (size < 4) & (number >= least) & (number < 256)


class Reader:
    """Takes blocks of one file; `done` gives its intervals."""

    def __init__(self) -> None:
        self.account = Account(unread=[], scopes=[], words={}, long=[], places=[])
        # First, last, line: block by block.
        self._four: tuple[list[Numbers], ...] = tuple([np.zeros(0, np.uint32)] for _ in range(3))
        self._outs: list[int] = []  # places of IPv4 exclusions among all
        self._six: list[tuple[int, int, bool, int]] = []
        self._held = 0
        self._elsewhere = False  # inside a data set of names

    def feed(self, block: Block) -> None:
        """Read one block."""
        account, data = self.account, block.data
        account.places.append((block.line, block.at))
        if not account.lines:
            account.form, account.columns = listline.recognize(data[:LONGEST].decode("utf-8", "replace"))
        if self._elsewhere or len(data) < 4 or (account.form == "rbldnsd" and b"$DATASET" in data):
            count = data.count(b"\n")
            self._one_by_one(block, data.split(b"\n")[:-1], range(count))
            account.lines += count
            return
        found = quick(data, account.form)
        if len(found.row):
            self._add(found.first, found.last, (found.row + block.line).astype(np.uint32))
            account.loose += found.loose
        if len(found.odd):
            starts = np.concatenate(([0], found.ends[:-1] + 1))[found.odd].tolist()
            ends = found.ends[found.odd].tolist()
            texts = [data[start:end] for start, end in zip(starts, ends, strict=True)]
            self._one_by_one(block, texts, found.odd.tolist())
        account.lines += len(found.ends)

    def _add(self, first: Numbers, last: Numbers, line: Numbers) -> None:
        for column, more in zip(self._four, (first, last, line), strict=True):
            column.append(more)
        self._held += len(first)

    def _one_by_one(self, block: Block, texts: Sequence[bytes], rows: Sequence[int]) -> None:
        account = self.account
        four: list[tuple[int, int, int]] = []
        for raw, row in zip(texts, rows, strict=True):
            text, line = raw[:LONGEST].decode("utf-8", "replace"), block.line + row
            if account.form == "rbldnsd" and self._special(text.strip(), line):
                continue
            found = listline.read(text, account.form, account.columns)
            if found is None:
                continue
            if isinstance(found, str):
                self._refuse(line, text, found)
            elif (why := _world(found)) and not found.out:
                account.wide += 1
                self._refuse(line, text, why)
            elif found.version == 6:
                self._six.append((found.first, found.last, found.out, line))
                account.loose += found.loose
            else:
                if found.out:
                    self._outs.append(self._held + len(four))
                four.append((found.first, found.last, line))
                account.loose += found.loose
        if four:
            first, last, line_ = np.array(four, np.uint32).T.copy()
            self._add(first, last, line_)

    def _refuse(self, line: int, text: str, why: str) -> None:
        self.account.refused += 1
        if len(self.account.unread) < SHOWN:
            self.account.unread.append(Unread(line, text.strip()[:200], why))

    def _special(self, text: str, line: int) -> bool:
        """rbldnsd's lines that are no entries: defaults, `$` directives, and data sets of names."""
        account = self.account
        if text[:1] == "$" or text[:2] in ("#$", ":$"):
            words = text.lstrip("#:$").split(None, 2)
            if words and words[0].upper() == "DATASET" and len(words) > 1:
                self._elsewhere = words[1].split(":")[0].lower() not in _SETS
                account.scopes.append(Scope(line, "127.0.0.2", ""))
            elif words and words[0] in ("=", *"0123456789"):
                account.words.setdefault(words[0], text.split(None, 1)[1] if len(words) > 1 else "")
            return True
        if text[:1] == ":" and not text.startswith("::"):
            account.scopes.append(Scope(line, *listline.default(text)))
            return True
        return self._elsewhere

    def done(self, trouble: str = "") -> Listed:
        """All that was read, as disjoint intervals."""
        account = self.account
        account.trouble = trouble
        account.entries = self._held + len(self._six)
        first, last, line = (np.concatenate(column) for column in self._four)
        for column in self._four:
            column.clear()
        out = None
        if self._outs:
            out = np.zeros(len(first), np.bool_)
            out[self._outs] = True
        found = intervals.flatten(first, last, out)
        four = Segments(found.first, found.last, line[found.name])
        six = [
            (one, two, self._six[name][3])
            for one, two, name in intervals.flatten_long([one[:3] for one in self._six])
        ]
        if intervals.size(four.first, four.last) >= HALF:
            account.world = True
            four = Segments(*(column[:0] for column in four))
        return Listed(account, four, six)

    @property
    def full(self) -> bool:
        """True when it holds more than any list has."""
        return self._held > MOST or len(self._six) + len(self.account.scopes) > MOST_LONG


def _world(found: Net) -> str:
    bits = (32 if found.version == 4 else 128) - (found.last - found.first + 1).bit_length() + 1
    if bits >= WIDEST[found.version]:
        return ""
    return f"wider than a /{WIDEST[found.version]}: it lists the world and is not believed"


def inherited(account: Account, line: int) -> tuple[str, str]:
    """rbldnsd's default A and TXT at a line."""
    before = bisect.bisect_left(account.scopes, line, key=lambda scope: scope.line)
    scope = account.scopes[before - 1] if before else Scope(0, "127.0.0.2", "")
    return scope.code, scope.reason


def says(account: Account, line: int, text: str) -> tuple[str, str]:
    """Code and reason of an entry, the reason still with `$` where the address goes."""
    code, reason = listline.value(text, account.form, inherited(account, line))
    if account.form != "rbldnsd" or not (account.words and reason):
        return code, reason
    base = account.words.get("=")
    if base is not None:
        reason = reason[1:] if reason.startswith("=") else base.replace("$=", reason)
    for number in "0123456789":
        if number in account.words:
            reason = reason.replace(f"${number}", account.words[number])
    return code, reason


def expand(reason: str, address: str) -> str:
    """rbldnsd's template with the address in it; `$$` is a dollar."""
    return "$".join(part.replace("$", address) for part in reason.split("$$"))
