"""A file of evidence, whatever it is: recognized by its content, read, and honest about what was not read.

`read(path)` never raises on what is in a file. Large files whose format allows it are scanned for the
mail ports in whole blocks (RE2), and only the lines found are parsed.
"""

import email.utils
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from statistics import median_low

import msgspec
import re2
from msgspec import Struct, field

from unlisted import show
from unlisted.edge import records, tables, unreadable
from unlisted.edge.blocks import (
    BLOCK,
    LONGEST,
    Block,
    Cut,
    head,
    known,
    piece,
    told,
    unpack,
    virtual,
    walk,
)
from unlisted.edge.records import blocks
from unlisted.evidence import Fact, Format, Parsed, binary, facts, formats, present
from unlisted.evidence.framing import BOOT_LIMIT, assumptions, stamp
from unlisted.find.columns import Flows, Gatherer
from unlisted.messages import Attempt, Contact, Evidence, Lease
from unlisted.net import Address

__all__ = ["Reading", "nearest", "paths", "quote", "read", "walk"]

SMALL = 4 << 20  # bytes; a smaller file is parsed line by line, so that every line is accounted for
SAMPLE = 1000  # lines for recognizing
TRIES = 100  # candidates in a block that are looked at for recognizing
DENSE = 2000  # bytes; with a candidate in fewer than these it is quicker to read every line
KEPT = 3  # samples of lines that were not understood
HALF_A_YEAR = 182.6 * 86_400  # seconds; the year nearest to a moment reaches this far after it
AHEAD = 86_400.0  # seconds by which another's clock, or zone, may be wrong
LEASE_AHEAD = 400 * 86_400.0  # seconds; no DHCP server leases for longer than a year but for ever

CUT = "cut off or damaged: read as far as it goes"

Progress = Callable[[int, int], None]  # bytes read, bytes in all


class Reading(Struct):
    """What one file held and how well it was understood."""

    path: str
    size: int = 0  # bytes on the disk
    kind: str = ""  # gateway, flows, leases, maillogs, mail; "" when not recognized; most of its lines
    kinds: tuple[str, ...] = ()  # all of its lines: a router's syslog holds several
    format: str = ""  # netfilter, …; several with " + " between
    trouble: str = ""  # why it was not read, or not to its end; "" when all is well
    lines: int = 0
    understood: int = 0  # lines that became an event
    other: int = 0  # lines that say nothing about mail or devices
    unknown: int = 0  # lines not understood
    samples: tuple[str, ...] = ()  # of those, made safe for a terminal
    assumed: tuple[str, ...] = ()  # sentences
    events: list[Fact] = field(default_factory=list)  # leases, deliveries, submissions
    flows: Flows | None = None  # attempts, as columns; `flows.attempts()` gives messages

    def sentence(self) -> str:
        """What is to be said of it on one line."""
        name = show.clean(self.path, 200)
        if not self.kind:
            return f"{name}: {self.trouble or 'not recognized'}"
        said = [f"{name}: {self.format}"]
        if self.kind != "mail":
            said.append(show.count(self.lines, "row" if self.format == "parquet" else "line"))
            said.append(f"{self.understood:,} of use")
        if self.unknown:
            said.append(f"{self.unknown:,} not understood")
        return ", ".join(said + ([self.trouble] if self.trouble else []))


def paths(sources: Iterable[str]) -> list[Path]:
    """Files as they are, folders as the files below them; a pattern-free, sorted list without doubles."""
    found: dict[Path, None] = {}
    for source in sources:
        path = Path(source)
        found |= dict.fromkeys(walk(path) if os.path.isdir(path) else [path])
    return list(found)


def read(
    path: Path,
    near: float | None = None,
    progress: Progress | None = None,
    take: Callable[[Fact], object] | None = None,
    about: frozenset[Address] = frozenset(),
) -> Reading:
    """Read one file. `near` (Unix seconds) places times without a year; default: the file's own time.

    `take` is given all but attempts as they come; without it they are kept. With `about`, contacts that
    concern one of these addresses are facts as well, on whatever port, and attempts are given to `take` too.
    """
    reading = Reading(str(path))
    try:
        status = path.stat()
        if not path.is_file() or virtual(path):
            with os.scandir(path) if path.is_dir() else nullcontext():
                reading.trouble = "not a file"
            return reading
        reading.size = status.st_size
        first = head(path)
        keeper = _Keeper(reading, take or reading.events.append, about)
        _read(path, first, keeper, placing(near, status.st_mtime), progress)
    except PermissionError:
        reading.trouble = "permission denied"
    except FileNotFoundError:
        reading.trouble = "no such file"
    except BrokenPipeError:  # of who is told, while he is
        raise
    except OSError as error:
        reading.trouble = f"cannot be read: {error.strerror or error}"
    return reading


def placing(near: float | None, written: float) -> float:
    """The moment by which a file's times without a year are placed: none may lie after it was written.

    `written`: when it was last written to (Unix seconds); 1980 and before is what archives put there that
    know no time.
    """
    if written < 3.5e8:  # 1981
        return written if near is None else near
    latest = written + AHEAD - HALF_A_YEAR
    return latest if near is None else min(near, latest)


def _read(path: Path, first: bytes, keeper: "_Keeper", near: float, progress: Progress | None) -> None:
    reading = keeper.reading
    if not first:
        reading.trouble = "empty" if not reading.size else "cut off or damaged: nothing could be unpacked"
        return
    if form := binary(first):
        reading.kind, reading.kinds, reading.format = form.kind, (form.kind,), form.name
        _stream(path, form, keeper, progress)
        return
    what = known(first)
    if what == "parquet":
        tables.read(path, keeper, near)
        return
    if _is_mail(first):
        reading.kind = reading.format = "mail"
        return
    if what:
        reading.trouble = unreadable.why(first) or f"{what}: not read"
        return
    sample = _sample(path, first)
    found = present(sample, near)
    if not any(one.header for one in found) and not records.document(first):
        found += _overlooked(path, found, near)
    if not found:
        reading.trouble = "not recognized: nothing in it looks like a log, a lease or a flow that I know"
        return
    reading.kind = found[0].kind
    reading.kinds = tuple(dict.fromkeys(one.kind for one in found))
    reading.format = " + ".join(one.name for one in found)
    stamps = [made for line in sample[:200] if (made := stamp(line, near))]
    reading.assumed = assumptions(stamps)
    _Reader(path, keeper, found, near).run(progress)


def _stream(path: Path, form: Format, keeper: "_Keeper", progress: Progress | None) -> None:
    """A binary file, in pieces."""
    reading = keeper.reading
    keeper.packets = form.packets
    feed, done, cut = form.stream() if form.stream else _nothing, False, False
    with unpack(path) as file:
        while not done:
            data, cut = piece(file, BLOCK)
            done = cut or not data
            for batch in (data, b"") if done else (data,):
                for number, made in feed(batch):
                    reading.lines += 1
                    keeper.read(made, number, "")
            if progress:
                progress(told(file), reading.size)
    if cut:
        reading.trouble = CUT
    keeper.finish()


def _nothing(data: bytes) -> Iterable[tuple[int, Parsed]]:  # noqa: ARG001
    return ()


def _is_mail(first: bytes) -> bool:
    from unlisted.edge import mail  # reading mail is heavy; only asked for what is text

    return bool(mail.is_mail(first))


def _sample(path: Path, first: bytes) -> list[str]:
    """Lines from the front of the file and, where it is large, from its middle and its end."""
    if records.document(first):
        return records.front(path, SAMPLE)
    parts = [first]
    size = path.stat().st_size
    if size > 4 * len(first):
        with path.open("rb") as file:
            start = file.read(4)
            if first.startswith(start):  # not packed: any place can be looked at
                for place in (size // 3, 2 * size // 3, size - len(first)):
                    file.seek(place)
                    parts.append(file.read(len(first)).partition(b"\n")[2])
    share = SAMPLE // len(parts)
    return [line for part in parts for line in _text(part).split("\n")[:share] if len(line) <= LONGEST]


def _overlooked(path: Path, found: Sequence[Format], near: float) -> list[Format]:
    """Formats whose few lines no sample showed: a month of syslog, and one minute of dropped mail in it.

    Only those that can be looked for at memory speed, by their candidates.
    """
    wanted = [(one, re2.compile(one.candidate)) for one in formats() if _sought(one, found)]
    seen: list[Format] = []
    try:
        for block in blocks(path) if wanted else ():
            for one, scan in wanted:
                if one not in seen and _has(block.data, scan, one, near):
                    seen.append(one)
            if len(seen) == len(wanted):
                break
    except Cut:
        pass  # said when it is read
    return seen


def _sought(one: Format, found: Sequence[Format]) -> bool:
    return bool(one.candidate) and len(one.hint) > 1 and one.name not in {other.name for other in found}


def _has(data: bytes, scan: "re2._Regexp[bytes]", one: Format, near: float) -> bool:
    """True when a line of this block is an event of that format. A stranger's text may look like many."""
    for match in islice(scan.finditer(data), TRIES):
        start = data.rfind(b"\n", 0, match.start()) + 1
        end = data.find(b"\n", match.end() - 1)
        line = _text(data[start : end if end >= 0 else len(data)])
        if one.hint in line and facts(one.parse(line, near)):
            return True
    return False


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\r\n", "\n")


class _Keeper:
    """Takes what the records of one file were read as: attempts as columns, the rest one by one; counts."""

    def __init__(self, reading: Reading, take: Callable[[Fact], object], about: frozenset[Address]) -> None:
        self.reading, self._take, self.about = reading, take, about
        self.packets = False
        self._gatherer = Gatherer(reading.path)
        self.latest = 0.0

    def read(self, made: Parsed, number: int, line: str) -> None:
        """One record and what it was read as."""
        if made is None:
            self.not_understood(line)
            return
        used = False
        for fact in facts(made):
            if isinstance(fact, Attempt):
                self._gatherer.add(fact, number)
                used = True
            elif isinstance(fact, Contact) and not self._concerns(fact):
                continue
            if not isinstance(fact, Attempt) or self._concerns(fact):
                if isinstance(fact, Lease) and fact.end:
                    self.latest = max(self.latest, fact.end)
                self._take(msgspec.structs.replace(fact, seen=Evidence(self.reading.path, number, "")))
                used = True
        if used:
            self.reading.understood += 1
        else:
            self.reading.other += 1

    @property
    def asked(self) -> bool:
        """True when contacts on any port are wanted."""
        return bool(self.about)

    def _concerns(self, fact: Attempt | Contact) -> bool:
        return bool(self.about) and not self.about.isdisjoint((fact.src, fact.dst, fact.nat))

    def not_understood(self, line: str) -> None:
        """A record that no format knows."""
        reading = self.reading
        reading.unknown += 1
        if line and len(reading.samples) < KEPT:
            reading.samples += (show.clean(line, 160),)

    def finish(self) -> None:
        """The file is read."""
        flows = self._gatherer.flows()
        if flows.size:
            self.reading.flows = flows._replace(packets=(self.packets,))


class _Reader:
    """Reads the blocks of one file into its Reading."""

    def __init__(self, path: Path, keeper: _Keeper, found: Sequence[Format], near: float) -> None:
        self._path, self._keeper, self._reading, self._near = path, keeper, keeper.reading, near
        self._tries: list[tuple[str, Callable[[str, float], Parsed]]] = [
            (one.hint, one.reader()) for one in found
        ]
        keeper.packets = any(one.packets for one in found)
        patterns = [one.candidate for one in found]
        # One after the other: a pattern that begins with a literal is several times as fast as their union.
        skim = all(patterns) and self._reading.size > SMALL and not keeper.asked
        self._scans = [re2.compile(one) for one in patterns] if skim else []
        self._dense, self._longest = 0, LONGEST
        large = self._reading.size > SMALL and not keeper.asked
        self._table = tables.lines(self._reading.path, found[0].parse, near) if large else None

    def run(self, progress: Progress | None) -> None:
        """Read it all."""
        reading = self._reading
        try:
            for block in blocks(self._path, tables.Lines.SIZE if self._table else BLOCK):
                self._longest = block.longest
                if self._scans:
                    self._skim(block)
                else:
                    self._all(block)
                if progress:
                    progress(block.read, reading.size)
        except Cut:
            reading.trouble = CUT
        self._keeper.finish()
        if self._table:
            self._table.finish(reading)
        if self._keeper.latest > self._near + LEASE_AHEAD:
            reading.assumed += (
                f"leases run until {show.when(self._keeper.latest)[:10]}: a clock was wrong,"
                " or they are for ever",
            )

    def _all(self, block: Block) -> None:
        """Every line of a block."""
        if self._table and self._table.block(block):
            return
        lines = _text(block.data).split("\n")
        if not lines[-1]:
            lines.pop()
        self._reading.lines += len(lines)
        for number, line in enumerate(lines, block.first):
            self._line(line, number)

    def _skim(self, block: Block) -> None:
        """Only the lines of a block that may hold an event; the others are counted."""
        data = block.data
        if self._dense > 0:
            self._dense -= 1
            self._all(block)
            return
        places = [match.start() for scan in self._scans for match in scan.finditer(data)]
        if len(places) * DENSE > len(data):
            self._dense = 16  # blocks; what comes next is likely the same
            self._all(block)
            return
        if len(self._scans) > 1:
            places.sort()
        number, counted, end, taken = block.first, 0, 0, 0
        for at in places:
            if at < end:
                continue  # a second match in the line just read
            start = data.rfind(b"\n", end, at) + 1 or end
            number += block.line_at(start, counted)
            counted = start
            end = data.find(b"\n", at) + 1 or len(data)
            self._line(data[start:end].rstrip(b"\r\n").decode("utf-8", "replace"), number)
            taken += 1
        total = block.lines
        self._reading.lines += total
        self._reading.other += total - taken

    def _line(self, line: str, number: int) -> None:
        if len(line) > self._longest:
            self._keeper.not_understood(line)
            return
        for hint, parse in self._tries:
            if hint in line and (made := parse(line, self._near)) is not None:
                self._keeper.read(made, number, line)
                return
        if line and not line.isspace():
            self._keeper.not_understood(line)
        else:
            self._reading.other += 1


_DATE = re.compile(r"^Date:[ \t]*([^\r\n]{10,80})", re.MULTILINE | re.IGNORECASE)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b|\b1\d{9}\b")


def nearest(found: Iterable[Path]) -> float | None:
    """The latest absolute time in these files, by which times without a year are placed; None for none.

    Absolute are times with a year, else dates of mails. A mail's date is a stranger's, and one bounce
    from 2038 must not carry the logs away with it: of these the middle one counts, and none from after
    its file was written.
    """
    times: list[float] = []
    dates: list[float] = []
    for path in found:
        written, mailed = _absolute(path)
        times += written
        dates += mailed
    return max(times, default=None) if times or not dates else median_low(dates)


def _absolute(path: Path) -> tuple[list[float], list[float]]:
    """The latest time that a log tells; the latest date of a mail. Either may be missing."""
    try:
        first = (
            head(path) if path.is_file() and not virtual(path) else b""
        )  # a pipe would never end, or never begin
        if not first or known(first):
            return [], []
        lines = _sample(path, first)[:SAMPLE]
        latest = path.stat().st_mtime + AHEAD
    except OSError:
        return [], []
    dates = [at for line in _DATE.findall(_text(first[:8192])) if (at := _mail_date(line))]
    if dates:
        return [], [at for at in dates if at <= latest][:1]
    times = []
    for line in lines:
        if not _YEAR.search(line[:100]):
            continue
        made = stamp(line, 0.0)
        if made is not None and made.year and made.at > BOOT_LIMIT:
            times.append(made.at)
    return ([max(times)] if times else []), []


def _mail_date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def quote(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The same with the lines' text, read again from their files; a file that is gone leaves it empty."""
    wanted = list(evidence)
    texts: dict[tuple[str, int], str] = {}
    for source in Counter(one.source for one in wanted):
        numbers = sorted({one.line for one in wanted if one.source == source and not one.text})
        try:
            texts |= {(source, number): text for number, text in _lines(Path(source), numbers)}
        except OSError:
            continue
    return tuple(
        msgspec.structs.replace(one, text=texts.get((one.source, one.line), one.text)) for one in wanted
    )


def _lines(path: Path, numbers: Sequence[int]) -> Iterator[tuple[int, str]]:
    if not path.is_file() or not numbers:
        return
    if known(head(path, 16)) == "parquet":
        yield from tables.rows(path, numbers)
        return
    left = list(numbers)
    try:
        for block in blocks(path):
            end = block.first + block.lines
            if left[0] >= end:
                continue
            lines = block.data.split(b"\n")
            while left and left[0] < end:
                number = left.pop(0)
                text = lines[number - block.first][:LONGEST].rstrip(b"\r")
                yield number, text.decode("utf-8", "replace")
            if not left:
                return
    except Cut:
        return
