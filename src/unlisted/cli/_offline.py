"""`check --offline FILE`: own addresses against lists as files, without a question to anybody.

A row of `--json` is one listed address; under an entry that holds more than `EACH` of ours at a stretch it
is a CIDR, since nobody reads a /8 address by address.
"""

import argparse
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, summarize_address_range
from itertools import islice
from typing import NamedTuple

import numpy as np

from unlisted import show
from unlisted.cli.check import Row
from unlisted.edge import offline as files
from unlisted.errors import ConfigError, UnlistedError
from unlisted.notice import intervals, listline, offline
from unlisted.notice.intervals import Long, Numbers, Segments
from unlisted.notice.listline import Net
from unlisted.notice.offline import Account, Listed

EACH = 65_536  # addresses: more than that in one piece are told as CIDRs
BATCH = 100_000  # pieces: 40 MB of texts
LARGEST = 10  # pieces in the table
AT_ONCE = 200  # lines written together: some 50 KB
WEIGHT = 0.3  # as of a zone that nobody knows: nothing tells how many receivers use the file


class Entry(Row, frozen=True):
    """What `check --json` promises, and the entry of the file: as it stands, and in which line."""

    entry: str = ""
    line: int = 0


class Own(NamedTuple):
    """Our own addresses: disjoint, in order."""

    four: tuple[Numbers, Numbers]
    six: list[tuple[int, int]]

    @property
    def number(self) -> int:
        """How many they are."""
        return intervals.size(*self.four) + sum(last - first + 1 for first, last in self.six)


class Found(NamedTuple):
    """What one file says of us."""

    path: str
    account: Account
    four: Segments
    six: list[Long]

    @property
    def listed(self) -> int:
        """How many of our addresses it lists."""
        return intervals.size(self.four.first, self.four.last) + sum(
            last - first + 1 for first, last, _ in self.six
        )

    @property
    def told(self) -> bool:
        """False where it was not read, or hardly."""
        account = self.account
        whole = not account.trouble and not account.world
        return whole and account.entries > 0 and account.refused <= account.entries


def run(args: argparse.Namespace) -> int:
    """Read the files, match, show; the exit code."""
    for path in args.offline:
        if not os.path.lexists(path):
            raise UnlistedError(f"there is no {path[:200]}", remedy="name an existing list file", code=2)
    mine = own(args.address, args.config)
    found = []
    for path in dict.fromkeys(args.offline):
        one = match(path, files.read(path), mine)
        _talk(path, one.account)
        found.append(one)
        if args.json:
            for some in _batches(lines(one)):
                sys.stdout.write("".join(some))
        else:
            _table(one, mine.number)
        show.say(
            f"{show.clean(path)}: {_many(one.listed)} listed of {_many(mine.number)},"
            f" against {show.count(one.account.entries, 'entry', 'entries')}"
        )
    if any(one.listed for one in found):
        code, then = 1, "find what sends: unlisted investigate FOLDER, or the customer who has the address"
    elif 2 * sum(one.told for one in found) >= len(found):
        code, then = 0, "mail still refused? unlisted explain BOUNCE says who refuses it and why"
    else:
        code, then = 3, "a list that can be read: addresses or CIDRs, one a line"
    if not args.json:
        sys.stdout.write(f"next: {then}\n")
    return code


def _batches(lines: Iterator[str]) -> Iterator[list[str]]:
    while some := list(islice(lines, AT_ONCE)):
        yield some


def _many(number: int) -> str:
    return show.count(number, "address", "addresses")


def match(path: str, listed: Listed, mine: Own) -> Found:
    """Our addresses that a file lists, piece by piece."""
    return Found(
        path,
        listed.account,
        intervals.meet(mine.four, listed.four),
        intervals.meet_long(mine.six, listed.six),
    )


def own(words: Sequence[str], settings: str | None) -> Own:
    """Our own addresses: from the words, from files (`@FILE`, `-`), or from the configuration."""
    firsts: list[Numbers] = []
    lasts: list[Numbers] = []
    long: list[tuple[int, int]] = []
    nets: list[Net] = []
    for word in _pieces(words) or _configured(settings):
        if word == "-" or word[:1] == "@" or os.path.isfile(word):
            listed = _file(word if word[:1] in ("-", "@") else f"@{word}")
            firsts.append(listed.four.first)
            lasts.append(listed.four.last)
            long += [(first, last) for first, last, _ in listed.six]
            continue
        one = listline.net(word) if not any(c in word for c in " \t#;,|") else "several words"
        if isinstance(one, str):
            raise ConfigError(
                f"{show.clean(word, 80)!r} is no address of ours: {one}",
                remedy="an address, a range (203.0.113.0/24), @FILE with one a line, or - for stdin",
            )
        nets.append(one)
    four = [one for one in nets if one.version == 4]
    firsts.append(np.array([one.first for one in four], np.uint32))
    lasts.append(np.array([one.last for one in four], np.uint32))
    long += [(one.first, one.last) for one in nets if one.version == 6]
    # A single source is not copied: it may hold millions.
    first, last = ([one for one in some if len(one)] for some in (firsts, lasts))
    columns = (first[0], last[0]) if len(first) == 1 else (np.concatenate(firsts), np.concatenate(lasts))
    made = Own(intervals.merge(*columns), intervals.merge_long(long))
    if not made.number:
        raise UnlistedError(
            "I do not know your own addresses",
            remedy="unlisted check --offline FILE 203.0.113.0/24, or own = [...] in the configuration",
            code=2,
        )
    return made


def _pieces(words: Sequence[str]) -> list[str]:
    """Addresses with commas between them are several."""
    cut = [[one for one in word.split(",") if one] for word in words]
    several = [len(some) > 1 and all("." in one or ":" in one for one in some) for some in cut]
    return [
        one
        for word, some, many in zip(words, cut, several, strict=True)
        for one in (some if many else [word])
    ]


def _configured(settings: str | None) -> list[str]:
    from unlisted import config

    return [str(one) for one in config.load(settings).own]


def _file(word: str) -> Listed:
    """A file of own addresses."""
    if word == "-":
        listed = files.read_stream(sys.stdin.buffer)
    else:
        if not os.path.lexists(word[1:]):
            raise UnlistedError(f"there is no {word[1:200]}", remedy="name an existing file", code=2)
        listed = files.read(word[1:])
    name = "stdin" if word == "-" else word[1:]
    _talk(name, listed.account)
    if listed.account.trouble or listed.account.world or not listed.account.entries:
        raise UnlistedError(
            f"{name[:200]}: {listed.account.trouble or 'no address in it that I understand'}",
            remedy="an address or a CIDR a line; names of domains: unlisted check @FILE, without --offline",
        )
    return listed


def _talk(path: str, account: Account) -> None:
    """What was not read, not believed, or read in one of two ways: on stderr, before the answer."""
    name = show.clean(path)
    if account.trouble:
        show.say(f"{name}: {show.clean(account.trouble)}")
    elif not account.entries:
        show.say(f"{name}: no entries in it")
    if account.world:
        show.say(f"{name}: it lists half of all addresses or more; such a list is not believed")
    if account.loose:
        many = show.count(account.loose, "entry has", "entries have")
        show.say(f"{name}: {many} bits of the host set: the whole network was taken (rbldnsd refuses them)")
    if not account.refused:
        return
    show.say(f"{name}: {show.count(account.refused, 'line')} of {account.lines:,} not understood")
    for one in account.unread:
        show.say(f"  line {one.line:,}: {show.clean(one.text, 60)!r}: {show.clean(one.why)}")


class _Words:
    """What the entries of one file say; each is read once."""

    def __init__(self, found: Found) -> None:
        self._account = found.account
        self._texts: dict[int, str] = {}
        self._read: dict[int, tuple[str, str, str]] = {}

    def fetch(self, path: str, wanted: set[int]) -> "_Words":
        self._texts = files.texts(path, wanted, self._account.places)
        return self

    def know(self, line: int, text: str, says: tuple[str, str, str]) -> None:
        """One that was read elsewhere."""
        self._texts[line], self._read[line] = text, says

    def entry(self, line: int) -> str:
        return self._texts.get(line, "")

    def says(self, line: int) -> tuple[str, str, str]:
        """Code, reason (with `$`) and scope of the entry in a line."""
        if (known := self._read.get(line)) is None:
            text, account = self.entry(line), self._account
            net = listline.read(text, account.form, account.columns)
            single = isinstance(net, Net) and net.first == net.last
            known = (*offline.says(account, line, text), "address" if single else "range")
            self._read[line] = known
        return known


def lines(found: Found) -> Iterator[str]:
    """A JSON line for each listed address, in order; the texts of so many entries at a time are held."""
    shapes = _Shapes(found)
    for begin in range(0, max(len(found.four.first), 1), BATCH):
        some = Segments(*(column[begin : begin + BATCH] for column in found.four))
        yield from _lines(found._replace(four=some, six=[] if begin else found.six), shapes)


def _lines(found: Found, shapes: "_Shapes") -> Iterator[str]:
    names = {*found.four.name.tolist(), *(name for _, _, name in found.six)}
    words = _Words(found).fetch(found.path, names) if names else _Words(found)
    for address, line in _each(found):
        if words.entry(line) == address:  # it says no more than that: most lines of most lists
            yield shapes.line(address, line)
        else:
            yield show.line(_row(found, words, address, line)) + "\n"


def _row(found: Found, words: _Words, address: str, line: int) -> Entry:
    code, reason, scope = words.says(line)
    return Entry(
        address=address,
        list=found.path,
        zone="",
        state="listed",
        codes=(code,) if code else (),
        meaning=f"in the list file, line {line}",
        reason=offline.expand(reason, address) if code else reason,
        why="",
        scope=scope,
        removal="",
        weight=WEIGHT,
        entry=words.entry(line),
        line=line,
    )


class _Shapes:
    """The JSON of entries that are an address and nothing else: made once, with holes for what differs."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._address, self._line = secrets.token_hex(16), 10**17 + secrets.randbelow(10**17)
        self._made: dict[tuple[str, str], list[list[str]]] = {}

    def line(self, address: str, line: int) -> str:
        """As `_row` would have it."""
        key = offline.inherited(self._found.account, line)
        if (parts := self._made.get(key)) is None:
            parts = self._made[key] = self._make(line, address)
        number = str(line)
        return address.join([number.join(part) for part in parts])

    def _make(self, line: int, address: str) -> list[list[str]]:
        words = _Words(self._found)
        words.know(self._line, self._address, (*offline.says(self._found.account, line, address), "address"))
        text = show.line(_row(self._found, words, self._address, self._line)) + "\n"
        return [part.split(str(self._line)) for part in text.split(self._address)]


def _each(found: Found) -> Iterator[tuple[str, int]]:
    """Address (or CIDR) and line."""
    for first, last, line in zip(*(column.tolist() for column in found.four), strict=True):
        if last - first >= EACH:
            yield from ((text, line) for text in spelled(first, last, 4))
            continue
        for number in range(first, last + 1):
            yield f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", line
    for first, last, line in found.six:
        if last - first >= EACH:
            yield from ((text, line) for text in spelled(first, last, 6))
        else:
            yield from ((str(IPv6Address(number)), line) for number in range(first, last + 1))


def spelled(first: int, last: int, version: int) -> list[str]:
    """A piece as addresses and CIDRs."""
    nets = (
        summarize_address_range(IPv4Address(first), IPv4Address(last))
        if version == 4
        else summarize_address_range(IPv6Address(first), IPv6Address(last))
    )
    return [str(one.network_address) if one.num_addresses == 1 else str(one) for one in nets]


def _largest(found: Found) -> list[tuple[int, int, int, int]]:
    """The largest pieces: first, last, line, version."""
    width = found.four.last - found.four.first
    chosen = np.arange(len(width))
    if len(width) > LARGEST:
        least = np.partition(width, -LARGEST)[-LARGEST]
        chosen = np.concatenate((np.flatnonzero(width > least), np.flatnonzero(width == least)[:LARGEST]))
    four = [
        (int(found.four.first[at]), int(found.four.last[at]), int(found.four.name[at]), 4) for at in chosen
    ]
    six = [(*one, 6) for one in found.six]
    return sorted([*six, *four], key=lambda one: (one[0] - one[1], one[3], one[0]))[:LARGEST]


def _table(found: Found, mine: int) -> None:
    """For people: how many, the largest, and the entry that names each."""
    name = show.clean(found.path)
    if not found.listed:
        what = "not listed" if found.told else "could not tell (neither listed nor clear)"
        sys.stdout.write(f"{name}: {what}\n")
        return
    pieces = len(found.four.first) + len(found.six)
    sys.stdout.write(
        f"LISTED on {name}: {found.listed:,} of {_many(mine)}, in {show.count(pieces, 'piece')}\n"
    )
    largest = _largest(found)
    words = _Words(found).fetch(found.path, {line for _, _, line, _ in largest})
    for first, last, line, version in largest:
        shown = spelled(first, last, version)
        piece = shown[0] if len(shown) == 1 else f"{_text(first, version)}-{_text(last, version)}"
        sys.stdout.write(f"  {piece:<18}  line {line}: {show.clean(words.entry(line), 80)}\n")
        code, reason, _ = words.says(line)
        if reason and reason not in words.entry(line):
            sys.stdout.write(
                f"  {'':<18}  {code} {show.clean(offline.expand(reason, _text(first, version)), 80)}\n"
            )
    if pieces > len(largest):
        sys.stdout.write(f"  … and {show.count(pieces - len(largest), 'smaller piece')} (--json has all)\n")


def _text(number: int, version: int) -> str:
    return str(IPv4Address(number) if version == 4 else IPv6Address(number))
